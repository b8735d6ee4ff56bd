namespace Twofold.Cli.Tests

// Each verb does its work: exec, replay, inspect, run.

open System.IO
open System.Text.Json
open NUnit.Framework

[<TestFixture>]
type Verbs() =
    let contains (text: string) (ran: Ran) = Assert.That(ran.Output, Does.Contain text)
    let root (ran: Ran) = JsonDocument.Parse(ran.Output).RootElement
    let digest (ran: Ran) = (root ran).GetProperty("receiptDigest").GetString()

    /// The demo's snapshot as a folder: the same state, so the same receipts.
    let folder () =
        let dir = Files.fresh "world"
        let state = Path.Combine(dir, "state", Demo.token)
        Directory.CreateDirectory state |> ignore
        use json = JsonDocument.Parse(File.ReadAllText Demo.snapshot)
        File.WriteAllText(Path.Combine(dir, "utxos.json"), json.RootElement.GetProperty("utxos").GetRawText())
        File.WriteAllText(Path.Combine(dir, "block.json"), json.RootElement.GetProperty("block").GetRawText())

        for p in json.RootElement.GetProperty("state").GetProperty(Demo.token).EnumerateObject() do
            let value = p.Value.GetString()

            let bytes =
                if value.StartsWith "0x" then
                    System.Convert.FromHexString(value.Substring 2)
                else
                    System.Text.Encoding.UTF8.GetBytes value

            File.WriteAllBytes(Path.Combine(state, p.Name), bytes)

        dir

    [<Test>]
    member _.``exec shows outcome, gas, inputs, outputs, change and event; its receipt replays``() =
        let receipt = Files.fresh "receipt.json"
        let ran = Command.ending 0 (Demo.transfer (Demo.parameters 70) Demo.snapshot [ "--receipt"; receipt ])
        contains "succeeded" ran
        contains $"60 GLD of {Demo.alice}" ran
        contains $"35 GLD of {Demo.alice}" ran
        contains $"70 GLD to {Demo.bob}" ran
        contains $"25 GLD to {Demo.alice} (change)" ran
        contains $$"""Transfer {"from":"{{Demo.alice}}","to":"{{Demo.bob}}","amount":70}""" ran
        Assert.That(ran.Error, Is.Empty)

        let replay = [ "replay"; receipt; "--module"; Demo.wasm ]
        contains "identical" (Command.ending 0 replay)
        Assert.That((root (Command.ending 0 (replay @ [ "--json" ]))).GetProperty("result").GetString(), Is.EqualTo "identical")

    [<Test>]
    member _.``parameters as text, file and hexadecimal, and state as file and folder, give one receipt``() =
        let text = Demo.parameters 70
        let hex = "0x" + System.Convert.ToHexString(System.Text.Encoding.UTF8.GetBytes text)
        let file = "@" + Files.withText "params.json" text
        let digests = [ for p in [ text; hex; file ] -> digest (Command.ending 0 (Demo.transfer p Demo.snapshot [ "--json" ])) ]
        let ofFolder = digest (Command.ending 0 (Demo.transfer text (folder ()) [ "--json" ]))
        Assert.That(List.distinct (ofFolder :: digests), Has.Length.EqualTo 1)

    [<Test>]
    member _.``exec as JSON holds the whole receipt``() =
        let json = root (Command.ending 0 (Demo.transfer (Demo.parameters 70) Demo.snapshot [ "--json" ]))
        let receipt = json.GetProperty "receipt"
        Assert.That(receipt.GetProperty("outcome").GetProperty("kind").GetString(), Is.EqualTo "returned")
        Assert.That(receipt.GetProperty("draft").GetProperty("inputs").GetArrayLength(), Is.EqualTo 2)
        Assert.That(receipt.GetProperty("digest").GetString(), Is.EqualTo(json.GetProperty("receiptDigest").GetString()))

    [<Test>]
    member _.``inspect shows imports, exports, entries and each profile's verdict``() =
        let ran = Command.ending 0 [ "inspect"; Demo.wasm ]
        contains "env.execute_utxo_transfer" ran
        contains "Initialize, Mint, Transfer, GetBalance" ran
        contains "contract: accepts it" ran
        contains "sandbox: rejects it" ran

        let json = root (Command.ending 0 [ "inspect"; Demo.wasm; "--json" ])

        let verdict (name: string) =
            json.GetProperty("profiles").EnumerateArray() |> Seq.find (fun p -> p.GetProperty("name").GetString() = name)

        Assert.That((verdict "contract").GetProperty("accepts").GetBoolean(), Is.True)
        Assert.That((verdict "sandbox").GetProperty("refusals").GetArrayLength(), Is.EqualTo(json.GetProperty("imports").GetArrayLength()))

    [<Test>]
    member _.``run calls any export with typed arguments``() =
        let add = Files.ofRepository "bench/kernels/wasm/add.wasm"
        contains "returned i32:8" (Command.ending 0 [ "run"; add; "--invoke"; "add"; "5"; "3" ])
        contains "returned i32:-2" (Command.ending 0 [ "run"; add; "--invoke"; "add"; "-5"; "3" ])

        let echo = Files.withBytes "echo.wasm" Wasm.echo

        contains
            "returned i32:-1 i64:-9223372036854775808 f32:1.5 f64:-Infinity"
            (Command.ending 0 [ "run"; "--invoke"; "f"; echo; "0xffffffff"; "-9223372036854775808"; "1.5"; "-inf" ])

    [<Test>]
    member _.``a declared claim is answered, and travels in the receipt``() =
        let wasm = Files.withBytes "claims.wasm" Wasm.claims
        let receipt = Files.fresh "receipt.json"
        Command.ending 1 [ "exec"; wasm; "f" ] |> ignore

        Command.ending 0 [ "exec"; wasm; "f"; "--claim"; "rate"; "1.5"; "--claim"; "0x00"; "other"; "--receipt"; receipt ]
        |> ignore

        Command.ending 0 [ "replay"; receipt; "--module"; wasm ] |> contains "identical"

    [<Test>]
    member _.``a guest's names can neither forge a line nor move a cursor``() =
        let ran = Command.ending 0 [ "inspect"; Files.withBytes "forged.wasm" Wasm.forged ]
        contains @"f\u000aaccepts it\u001b[2J\u202e" ran
        Assert.That(ran.Output |> Seq.filter (fun c -> System.Char.IsControl c && c <> '\n' && c <> '\r'), Is.Empty)

    [<Test>]
    member _.``text is a module wherever a module is asked for, and wat translates both ways``() =
        let wat =
            Files.withText
                "add.wat"
                "(module (func $add (export \"add\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"

        contains "8" (Command.ending 0 [ "run"; wat; "--invoke"; "add"; "5"; "3" ])
        contains "add" (Command.ending 0 [ "inspect"; wat ])
        let wasm, again = Files.fresh "add.wasm", Files.fresh "again.wasm"
        Command.ending 0 [ "wat"; wat; "--output"; wasm ] |> contains "bytes"
        let printed = Command.ending 0 [ "wat"; wasm ]
        contains "i32.add" printed
        Command.ending 0 [ "wat"; Files.withText "again.wat" printed.Output; "-o"; again ] |> ignore
        Assert.That((File.ReadAllBytes again = File.ReadAllBytes wasm), "the module changed on its way through text")

        let broken = Command.ending 2 [ "run"; Files.withText "broken.wat" "(module\n  (func (i32.ad)))"; "--invoke"; "f" ]
        Assert.That(broken.Error, Does.Contain "unknown operator i32.ad in line 2, column 10")

    [<Test>]
    member _.``text is told by its content, whatever the file is called``() =
        let text =
            ";; a comment first\n(module (func (export \"f\") (result i32) (i32.const 7)) (func (export \"g\") (result i32) (i32.const 0)))"

        let named = Files.withText "text.wasm" text
        contains "7" (Command.ending 0 [ "run"; named; "--invoke"; "f" ])
        // It would overwrite itself.
        Assert.That((Command.ending 2 [ "wat"; named ]).Error, Does.Contain "--output")

        let wasm = Files.fresh "binary.wat"
        Command.ending 0 [ "wat"; named; "--output"; wasm ] |> ignore
        contains "7" (Command.ending 0 [ "run"; wasm; "--invoke"; "f" ])
        contains "(module" (Command.ending 0 [ "wat"; wasm ])

        // A receipt made with the one replays with the other: the hash is that of the binary form.
        let receipt = Files.fresh "receipt.json"
        Command.ending 0 [ "exec"; named; "g"; "--receipt"; receipt ] |> ignore
        Command.ending 0 [ "replay"; receipt; "--module"; wasm ] |> contains "identical"
        Command.ending 0 [ "replay"; receipt; "--module"; named ] |> contains "identical"

    [<Test>]
    member _.``wast runs scripts: files, folders and zip files, counted``() =
        let good =
            "(module (func (export \"f\") (param i32) (result i32) (local.get 0)) (func (export \"t\") unreachable))\n"
            + "(assert_return (invoke \"f\" (i32.const 2)) (i32.const 2))\n(assert_trap (invoke \"t\") \"unreachable\")\n"
            + "(assert_malformed (module quote \"(fun)\") \"unknown operator\")\n"

        let bad = good + "(assert_return (invoke \"f\" (i32.const 2)) (i32.const 3))\n(thread $t)\n"
        let file = Files.withText "good.wast" good
        Command.ending 0 [ "wast"; file ] |> contains "good.wast: 4 passed, 0 failed, 0 skipped"

        let folder = Path.GetDirectoryName file
        File.WriteAllText(Path.Combine(folder, "bad.wast"), bad)
        let ran = Command.ending 1 [ "wast"; folder ]
        contains "bad.wast: 4 passed, 1 failed, 1 skipped" ran
        contains "bad.wast:5: returned [i32:2]" ran
        contains "1: scripts with several threads (thread, wait) are not run" ran
        contains "2 scripts: 8 passed, 1 failed, 1 skipped" ran

        let zip = Files.fresh "scripts.zip"
        System.IO.Compression.ZipFile.CreateFromDirectory(folder, zip)
        use json = System.Text.Json.JsonDocument.Parse((Command.ending 1 [ "wast"; zip; "--json" ]).Output)
        let number (name: string) = json.RootElement.GetProperty(name).GetInt32()
        Assert.That((number "passed", number "failed", number "skipped"), Is.EqualTo((8, 1, 1)))
        let scripts = json.RootElement.GetProperty "scripts"
        Assert.That(scripts[0].GetProperty("failures").[0].GetProperty("line").GetInt32(), Is.EqualTo 5)

        // A message that another engine words otherwise.
        let worded =
            Files.withText
                "worded.wast"
                (good.Replace("\"unreachable\"", "\"unreachable executed, they say\"").Replace("unknown operator", "syntax"))

        Command.ending 1 [ "wast"; worded ] |> ignore
        Command.ending 0 [ "wast"; worded; "--any-message" ] |> ignore
        Command.ending 2 [ "wast"; Files.fresh "none.wast" ] |> ignore

    [<Test>]
    member _.``help teaches: examples and exit codes``() =
        let ran = Command.ending 0 [ "--help" ]
        contains "twofold exec token.wasm Transfer" ran
        contains "4 out of gas or stack" ran
        contains "--params" (Command.ending 0 [ "exec"; "--help" ])
