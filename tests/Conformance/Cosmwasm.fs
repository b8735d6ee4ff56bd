namespace Twofold.Conformance

// CosmWasm's own test contracts: cosmwasm-vm's verdict at decode and at link, with the host functions that cosmwasm-vm 3.0 offers by type.
// In: cosmwasm.zip, each module with a .jsonl that says what came of it. Out: modules that we judge differently. What the host functions do is not looked at here.

open System.IO
open System.Text.Json
open NUnit.Framework
open Twofold.Wasm

[<TestFixture>]
type Cosmwasm() =
    let i32, i64 = ValType.I32, ValType.I64

    /// The imports of cosmwasm-vm 3.0, with parameters and results.
    let offered: (string * ValType list * ValType list) list = [
        "abort", [ i32 ], []
        "addr_canonicalize", [ i32; i32 ], [ i32 ]
        "addr_humanize", [ i32; i32 ], [ i32 ]
        "addr_validate", [ i32 ], [ i32 ]
        "bls12_381_aggregate_g1", [ i32; i32 ], [ i32 ]
        "bls12_381_aggregate_g2", [ i32; i32 ], [ i32 ]
        "bls12_381_hash_to_g1", [ i32; i32; i32; i32 ], [ i32 ]
        "bls12_381_hash_to_g2", [ i32; i32; i32; i32 ], [ i32 ]
        "bls12_381_pairing_equality", [ i32; i32; i32; i32 ], [ i32 ]
        "db_next", [ i32 ], [ i32 ]
        "db_next_key", [ i32 ], [ i32 ]
        "db_next_value", [ i32 ], [ i32 ]
        "db_read", [ i32 ], [ i32 ]
        "db_remove", [ i32 ], []
        "db_scan", [ i32; i32; i32 ], [ i32 ]
        "db_write", [ i32; i32 ], []
        "debug", [ i32 ], []
        "ed25519_batch_verify", [ i32; i32; i32 ], [ i32 ]
        "ed25519_verify", [ i32; i32; i32 ], [ i32 ]
        "query_chain", [ i32 ], [ i32 ]
        "secp256k1_recover_pubkey", [ i32; i32; i32 ], [ i64 ]
        "secp256k1_verify", [ i32; i32; i32 ], [ i32 ]
        "secp256r1_recover_pubkey", [ i32; i32; i32 ], [ i64 ]
        "secp256r1_verify", [ i32; i32; i32 ], [ i32 ]
    ]

    let linker () =
        let linker = Linker()

        for name, parameters, results in offered do
            let t = { Params = Array.ofList parameters; Results = Array.ofList results }
            linker.Define("env", name, t, HostCallback(fun _ _ -> failwith "not called by linking")) |> ignore

        linker

    /// `rejected` of the first line, if there.
    let recorded (jsonl: byte[]) : string option =
        use lines = new StreamReader(new MemoryStream(jsonl))
        use json = JsonDocument.Parse(lines.ReadLine())

        match json.RootElement.TryGetProperty "rejected" with
        | true, text -> Some(text.GetString())
        | _ -> None

    let judge (bytes: byte[]) : Result<unit, Rejection> =
        try
            use store = new Store()
            linker().Instantiate(store, Module.Load bytes) |> ignore
            Ok()
        with :? RejectedException as e ->
            Error e.Rejection

    static member Contracts() =
        match TestData.tryFolder () with
        | None -> [ "" ]
        | Some _ -> [
            for n in (TestData.archive "cosmwasm.zip").Names |> Array.sort do
                if n.EndsWith ".wasm" then
                    n
          ]

    [<TestCaseSource("Contracts")>]
    member _.``the verdict is cosmwasm-vm's``(file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        let zip = TestData.archive "cosmwasm.zip"

        match recorded (zip.Read(Path.ChangeExtension(file, ".jsonl"))), judge (zip.Read file) with
        | None, Ok() -> ()
        | None, Error e -> Assert.Fail $"refused: {e}"
        | Some text, Ok() -> Assert.Fail $"accepted, but cosmwasm-vm says: {text}"
        | Some text, Error e when text.Contains "Validation error" ->
            // Wasmer's words: `unknown table 17: table index out of bounds (at offset 0x3e8)`.
            Assert.That(e.Kind, Is.EqualTo RejectionKind.Invalid)
            let shown = e.ToString()
            let words = text.Substring(text.IndexOf "Validation error: " + 18)
            Assert.That(shown, Does.Contain(words.Substring(0, words.IndexOf ':')))
            let at = text.IndexOf "0x"
            Assert.That(shown, Does.Contain(text.Substring(at, text.IndexOf(')', at) - at)))
        | Some text, Error e ->
            Assert.That(text, Does.Contain "unknown import")
            Assert.That(e.Kind, Is.EqualTo RejectionKind.Link)
            // `Error while importing "env"."read_db"`
            let name = text.Split('"')[3]
            Assert.That(e.ToString(), Does.Contain $"env.{name}")

    [<Test>]
    member _.``two modules are rejected, eight are not``() =
        let zip = TestData.archive "cosmwasm.zip"

        let rejected = zip.Names |> Array.filter (fun n -> n.EndsWith ".jsonl" && (recorded (zip.Read n)).IsSome) |> Array.sort

        Assert.That(rejected, Is.EqualTo<string> [| "corrupted.jsonl"; "hackatom_0.7.jsonl" |])
        Assert.That(Cosmwasm.Contracts().Length, Is.EqualTo 10)
