module Twofold.Determinism.AnyReceipt

// Receipts that no run made: every effect, every kind of lock and output, any bytes and texts. They must read back all the same.
// In: FsCheck's reflection, with generators for what is valid by construction. Out: the round-trip laws of bytes and JSON.

open System
open System.Text
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open FsCheck.NUnit
open Twofold.HostAbi
open Twofold.Engine

let private get what value =
    match value with
    | ValueSome v -> v
    | ValueNone -> failwith $"the generator made no {what}"

let private bytes (least: int) (most: int) : Gen<byte[]> =
    Gen.choose (least, most) |> Gen.bind (fun n -> Gen.arrayOfLength n (Gen.choose (0, 255) |> Gen.map byte))

/// Valid Unicode: control characters, quotes, 0x, and characters outside the basic plane among it.
let private text: Gen<string> =
    Gen.elements [ "a"; "\u0001"; "\""; "\\"; "\n"; "é"; "\u2028"; "\U0001F980"; "0x"; "<"; "\u0000"; "\uFFFF" ]
    |> Gen.listOf
    |> Gen.map (String.concat "")

/// What reflection cannot make.
type Valid =
    static member Address() = bytes 20 20 |> Gen.map (fun b -> Address.ofRaw (ReadOnlySpan b)) |> Arb.fromGen

    static member Hash() = bytes 32 32 |> Gen.map (fun b -> Hash32.tryOfBytes (ReadOnlySpan b) |> get "hash") |> Arb.fromGen

    static member Key() = bytes 0 6 |> Gen.map StateKey |> Arb.fromGen
    static member Text() = Arb.fromGen text

    static member Bytes() = Gen.oneof [ bytes 0 8; text |> Gen.map Encoding.UTF8.GetBytes ] |> Arb.fromGen

    static member Data() =
        let map = ArbMap.defaults |> ArbMap.mergeArb (Valid.Bytes())

        Gen.oneof [ map |> ArbMap.generate<byte[]>; bytes 60 70 ]
        |> Gen.map (fun b -> WasiData.Of(ReadOnlySpan b))
        |> Arb.fromGen

    static member Token() =
        let own =
            Gen.map2
                (fun (a: Address) (name: string) -> TokenId.tryOf a (name + "T") |> ValueOption.defaultValue TokenId.Native)
                (Valid.Address().Generator)
                (text |> Gen.map (fun t -> if t.Length > 20 then "T" else t))

        Gen.oneof [ Gen.constant TokenId.Native; own ] |> Arb.fromGen

    static member Lock() =
        let u64 = ArbMap.defaults |> ArbMap.generate<uint64>
        let address = Valid.Address().Generator

        Gen.oneof [
            Gen.constant Lock.None
            Gen.map Lock.Time u64
            Gen.map Lock.Height u64
            Gen.map2 (fun a until -> Lock.Delegation(a, until)) address u64
            Gen.map Lock.Contract address
            Gen.nonEmptyListOf address
            |> Gen.map (fun all ->
                let members = all |> List.distinct |> List.truncate Lock.MaxMembers
                Lock.tryThreshold (1 + members.Length / 2) members |> get "lock")
        ]
        |> Arb.fromGen

    static member Journal() : Arbitrary<JournalEntry list> =
        let map = Valid.Map()

        Gen.zip3 (map |> ArbMap.generate<Effect>) (map |> ArbMap.generate<JournalReply>) (map |> ArbMap.generate<NonNegativeInt>)
        |> Gen.listOf
        |> Gen.map (List.mapi (fun i (effect, reply, gas) -> { Index = i; Effect = effect; Reply = reply; GasLeft = int64 gas.Get }))
        |> Arb.fromGen

    static member Reads() : Arbitrary<Reads> =
        let map = Valid.Map()

        Gen.zip3
            (map |> ArbMap.generate<((Address * TokenId) * Utxo list) list>)
            (map |> ArbMap.generate<((Address * StateKey) * byte[] option) list>)
            (map |> ArbMap.generate<(uint64 * Hash32 option) list>)
        |> Gen.map (fun (utxos, state, hashes) -> {
            Utxos = utxos |> List.map (fun (key, u) -> key, u |> List.distinctBy _.Id |> List.sortBy _.Id) |> Map.ofList
            State = Map.ofList state
            BlockHashes = Map.ofList hashes
        })
        |> Arb.fromGen

    static member Draft() : Arbitrary<Draft> =
        let map = Valid.Map()

        Gen.map2
            (fun
                (inputs: Utxo list, outputs, (states: StateOutput list, resources: ResourceOutput list))
                (sums, writes, events: EmittedEvent list) -> {
                Status = DraftStatus.Complete
                TransactionId = Hash32.zero
                Caller = World.alice
                Contract = World.token
                Inputs = inputs |> List.map (fun u -> u.Id, u) |> Map.ofList
                Outputs = Map.ofList outputs
                NextOutput = uint32 outputs.Length
                StateOutputs = Sequence.ofSeq states
                ResourceOutputs = Sequence.ofSeq resources
                Minted = Map.ofList sums
                Burned = Map.ofList (List.rev sums)
                Writes = Map.ofList writes
                Events = Sequence.ofSeq events
                ReturnData = [||]
                Scratch = { RandomDrawn = 0UL; LastReply = None }
            })
            (map |> ArbMap.generate<Utxo list * (uint32 * AssetOutput) list * (StateOutput list * ResourceOutput list)>)
            (map |> ArbMap.generate<(TokenId * uint64) list * (StateKey * StateWrite) list * EmittedEvent list>)
        |> Arb.fromGen

    /// Reflection with the generators above that do not need it themselves.
    static member Map() : IArbMap =
        ArbMap.defaults
        |> ArbMap.mergeArb (Valid.Address())
        |> ArbMap.mergeArb (Valid.Hash())
        |> ArbMap.mergeArb (Valid.Key())
        |> ArbMap.mergeArb (Valid.Text())
        |> ArbMap.mergeArb (Valid.Bytes())
        |> ArbMap.mergeArb (Valid.Data())
        |> ArbMap.mergeArb (Valid.Token())
        |> ArbMap.mergeArb (Valid.Lock())

let private real =
    lazy
        ((Harness.report Harness.fresh (World.request "token-c" (Tokens.furnished "token-c") World.alice 9 (World.Transfer(World.bob, 5UL))))
            .Receipt)

let private readsBack (receipt: Receipt) =
    let bytes = ReceiptBytes.encode receipt

    match ReceiptBytes.decode bytes, ReceiptJson.ofJson (ReceiptJson.toJson receipt) with
    | Ok a, Ok b -> ReceiptBytes.encode a = bytes && ReceiptBytes.encode b = bytes
    | Error why, _ -> failwith $"bytes: {why}"
    | _, Error why -> failwith $"JSON: {why}"

[<Property(Arbitrary = [| typeof<Valid> |], MaxTest = 300)>]
let ``any journal reads back`` (journal: JournalEntry list) = readsBack { real.Value with Journal = journal }

[<Property(Arbitrary = [| typeof<Valid> |], MaxTest = 200)>]
let ``any draft reads back`` (draft: Draft) = readsBack { real.Value with Draft = Some draft }

[<Property(Arbitrary = [| typeof<Valid> |], MaxTest = 200)>]
let ``any reads read back`` (reads: Reads) = readsBack { real.Value with Reads = reads }

[<Property(Arbitrary = [| typeof<Valid> |], MaxTest = 200)>]
let ``any request's plain fields read back``
    (
        entry: string,
        parameters: byte[],
        seed: byte[] option,
        claims: DeclaredClaim list,
        stored: (Address * uint64) option,
        arguments: uint64 list
    ) =
    let request = {
        real.Value.Request with
            Entry = entry
            Parameters = parameters
            RandomSeed = seed
            Claims = claims
            Stored = stored
            Convention = Convention.Raw arguments
    }

    readsBack { real.Value with Request = request }

/// Texts that may stand in a world: no NUL, and names that a directory may hold.
let private worldText = text |> Gen.map _.Replace("\000", "")

let private worldName = worldText |> Gen.map (fun t -> if WasiWorld.isName t then t else "n")

let rec private worldEntries depth : Gen<(string * WasiNode) list> =
    let node =
        if depth = 0 then
            bytes 0 8 |> Gen.map WasiNode.File
        else
            Gen.oneof [
                bytes 0 8 |> Gen.map WasiNode.File
                worldText |> Gen.map (fun t -> WasiNode.Link("t" + t))
                worldEntries (depth - 1) |> Gen.map WasiNode.Directory
            ]

    Gen.zip worldName node
    |> Gen.listOf
    |> Gen.resize 3
    |> Gen.map (fun items -> items |> List.distinctBy fst |> List.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b)))

let private world: Gen<WasiWorld> =
    let u64 = ArbMap.defaults |> ArbMap.generate<uint64>
    let pair = Gen.zip worldText worldText

    let preopen =
        Gen.map3
            (fun guest (read, write, create) content -> {
                Guest = "/" + guest
                Grant = { Read = read; Write = write; Create = create }
                Content = content
            })
            worldText
            (ArbMap.defaults |> ArbMap.generate<bool * bool * bool>)
            (Gen.oneof [ Gen.constant WasiDirectory.Host; worldEntries 3 |> Gen.map WasiDirectory.Memory ])

    Gen.map3
        (fun (args, env) (start, step, seed) (input, preopens: WasiPreopen list) -> {
            Args = args
            Env = env |> List.map (fun (k: string, v) -> "k" + k.Replace("=", ""), v)
            Clocks = { Start = start; Step = max 1UL step }
            Seed = seed
            Input = input
            Terminal = start % 2UL = 0UL
            Preopens = preopens |> List.distinctBy _.Guest
        })
        (Gen.zip (Gen.listOf worldText) (Gen.listOf pair))
        (Gen.zip3 u64 u64 (bytes 0 40))
        (Gen.zip (Gen.oneof [ Gen.constant WasiInput.Host; bytes 0 9 |> Gen.map WasiInput.Bytes ]) (Gen.listOf preopen |> Gen.resize 4))

[<Test>]
let ``any WASI world and output read back`` () =
    let stream =
        Gen.zip (Gen.choose (0, 1000000)) (Valid.Hash().Generator) |> Gen.map (fun (n, h) -> { Length = int64 n; Hash = h })

    let law (w: WasiWorld, (a, b)) =
        readsBack {
            real.Value with
                Request = { real.Value.Request with Wasi = Some w }
                Output = Some { Output = a; Error = b }
        }

    Prop.forAll (Gen.zip world (Gen.zip stream stream) |> Arb.fromGen) law |> Check.QuickThrowOnFailure

/// Grants of imports: patterns of every form, registered functions of every signature, names with anything in them but the star.
let private grants: Gen<ImportGrants> =
    let pattern =
        Gen.zip3 text text (Gen.elements [ "*"; "name"; "star"; "begin" ])
        |> Gen.map (fun (moduleName, name, form) ->
            match form with
            | "*" -> "*"
            | "name" -> $"{moduleName}.{name}"
            | "star" -> $"{moduleName}.*"
            | _ -> $"{moduleName}.{name}*"
            |> ImportPattern.TryParse
            |> get "pattern")

    let valType = Gen.elements ImportGrants.types
    let upTo most = Gen.choose (0, most) |> Gen.bind (fun n -> Gen.arrayOfLength n valType)

    let signature =
        Gen.map3
            (fun moduleName name (pars, results) -> { Module = moduleName; Name = name; Type = { Params = pars; Results = results } })
            text
            text
            (Gen.zip (upTo 9) (upTo 1))

    Gen.map2
        (fun allowed (functions: HostSignature list) -> {
            Allowed = allowed
            Functions = functions |> List.distinctBy (fun f -> struct (f.Module, f.Name))
        })
        (Gen.listOf pattern)
        (Gen.listOf signature)

[<Test>]
let ``any grants of imports read back, and say the same`` () =
    let law (g: ImportGrants) =
        let receipt = { real.Value with Request = { real.Value.Request with Imports = Some g } }

        let same (back: Result<Receipt, string>) =
            match back with
            | Ok r -> r.Request.Imports = Some g
            | Error why -> failwith why

        readsBack receipt
        && same (ReceiptBytes.decode (ReceiptBytes.encode receipt))
        && same (ReceiptJson.ofJson (ReceiptJson.toJson receipt))
        && g.Functions |> List.forall (ImportGrants.check >> Option.isNone)

    Prop.forAll (Arb.fromGen grants) law |> Check.QuickThrowOnFailure
