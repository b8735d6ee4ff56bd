namespace Twofold.Cli.Tests

// A malformed anything is answered by exit code 2, nothing on standard output and one clear line on standard error.

open System.IO
open NUnit.Framework

[<TestFixture>]
type Malformed() =
    static let add = Files.ofRepository "bench/kernels/wasm/add.wasm"
    static let file name (text: string) = Files.withText name text
    static let wasm bytes = Files.withBytes "m.wasm" bytes
    static let exec args = [ "exec"; Demo.wasm; "Transfer" ] @ args

    /// Arguments, and a part of the line.
    static member Cases: TestCaseData list = [
        for name, args, said in
            [
                "no command", (fun () -> []), "--help"
                "an unknown command", (fun () -> [ "fly" ]), "fly"
                "no module", (fun () -> exec [] |> List.truncate 1), "MODULE"
                "an unknown option", (fun () -> exec [ "--fast" ]), "--fast"
                "a file that is not there", (fun () -> [ "inspect"; "nowhere.wasm" ]), "nowhere.wasm: there is no such file"
                "a folder for a module", (fun () -> [ "inspect"; Path.GetTempPath() ]), "folder"
                "no WebAssembly", (fun () -> [ "inspect"; file "a.wasm" "hello, world" ]), "magic header not detected"
                "half a module", (fun () -> [ "inspect"; wasm (Array.truncate 20 Wasm.trap) ]), "malformed"
                "a component", (fun () -> [ "exec"; wasm Wasm.comp; "f" ]), "component"
                "an import that does not exist", (fun () -> [ "run"; wasm Wasm.unknownImport; "--invoke"; "f" ]), "env.nothing"
                "an export that does not exist", (fun () -> [ "run"; add; "--invoke"; "sub"; "5"; "3" ]), "'sub'"
                "an argument too few", (fun () -> [ "run"; add; "--invoke"; "add"; "5" ]), "expected 2 argument(s), found 1"
                "an argument that is no number", (fun () -> [ "run"; add; "--invoke"; "add"; "5"; "three" ]), "argument 2 of 'add' is i32"
                "an argument that is too large", (fun () -> [ "run"; add; "--invoke"; "add"; "5"; "4294967296" ]), "found '4294967296'"
                "a contract entry with parameters", (fun () -> [ "exec"; add; "add" ]), "[] -> [i32]"
                "an address", (fun () -> exec [ "--caller"; "0x12" ]), "--caller: '0x12' is not an address"
                "parameters", (fun () -> exec [ "--params"; "0x123" ]), "--params"
                "a parameter file", (fun () -> exec [ "--params"; "@nowhere" ]), "--params: nowhere: there is no such file"
                "gas", (fun () -> exec [ "--gas"; "much" ]), "gas"
                "gas above the profile's", (fun () -> exec [ "--gas"; "100000001" ]), "may only lower"
                "a profile", (fun () -> exec [ "--profile"; "king" ]), "contract, skill, sandbox, host"
                "a snapshot that is no JSON", (fun () -> exec [ "--state"; file "s.json" "{" ]), "s.json"
                "a snapshot with an unknown part", (fun () -> exec [ "--state"; file "s.json" """{"coins": []}""" ]), "coins"
                "a snapshot with a wrong amount",
                (fun () -> exec [ "--state"; file "s.json" """{"utxos": [{"amount": -1}]}""" ]),
                "utxos[0]"
                "a folder that is no snapshot", (fun () -> exec [ "--state"; Path.GetDirectoryName(file "x" "") ]), "snapshot folder"
                "a record of nothing", (fun () -> [ "record"; Files.fresh "corpus" ]), "--requests"
                "requests without their module",
                (fun () -> [ "record"; Files.fresh "corpus"; "--requests"; file "r.json" "{}" ]),
                "--module"
                "requests that are no JSON",
                (fun () -> [ "record"; Files.fresh "corpus"; "--module"; Demo.wasm; "--requests"; file "r.json" "{\"entry\"" ]),
                "not JSON"
                "a request with a misspelt name",
                (fun () -> [ "record"; Files.fresh "corpus"; "--module"; Demo.wasm; "--requests"; file "r.json" """[{"entri": "f"}]""" ]),
                "request 1: the document: 'entri'"
                "a corpus that is a file", (fun () -> [ "record"; file "corpus" ""; "--add"; Demo.snapshot ]), "a corpus is a folder"
                "a folder of other things for a corpus", (fun () -> exec [ "--record"; Path.GetDirectoryName(file "x" "") ]), "--record"
                "a receipt that is no JSON", (fun () -> [ "replay"; file "r.json" "[]"; "--module"; add ]), "r.json"
            ] -> TestCaseData(args, said).SetName name
    ]

    [<TestCaseSource("Cases")>]
    member _.``is one clear line``(args: unit -> string list, said: string) =
        let ran = Command.ending 2 (args ())
        Assert.That(ran.Output, Is.Empty)
        Assert.That(ran.Error.TrimEnd().Split('\n'), Has.Length.EqualTo 1, ran.Error)
        Assert.That(ran.Error, Does.Contain said)

    [<Test>]
    member _.``a receipt whose contents were changed is refused``() =
        let receipt = Files.fresh "receipt.json"
        Command.ending 0 (Demo.transfer (Demo.parameters 70) Demo.snapshot [ "--receipt"; receipt ]) |> ignore
        let text = File.ReadAllText receipt
        let changed = Files.withText "changed.json" (text.Replace("\"amount\": \"70\"", "\"amount\": \"71\""))
        Assert.That(File.ReadAllText changed, Is.Not.EqualTo text)
        let ran = Command.ending 2 [ "replay"; changed; "--module"; Demo.wasm ]
        Assert.That(ran.Error, Does.Contain "digest")

    [<Test>]
    member _.``with --json the error is a document``() =
        let ran = Command.ending 2 [ "exec"; wasm Wasm.comp; "f"; "--json" ]
        use json = System.Text.Json.JsonDocument.Parse ran.Output
        Assert.That(json.RootElement.GetProperty("error").GetProperty("kind").GetString(), Is.EqualTo "component")
