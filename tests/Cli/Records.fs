namespace Twofold.Cli.Tests

// `record`, and `exec --record`: what is recorded can be replayed from the corpus alone, by any number of processes at once.

open System.IO
open System.Text.Json
open System.Threading.Tasks
open NUnit.Framework

[<TestFixture>]
type Records() =
    let contains (text: string) (ran: Ran) = Assert.That(ran.Output, Does.Contain text)

    let call (entry: string) (parameters: string) =
        let quoted = JsonSerializer.Serialize parameters
        $$"""{"entry": "{{entry}}", "caller": "{{Demo.alice}}", "contract": "{{Demo.token}}", "parameters": {{quoted}}}"""

    let transfer amount = call "Transfer" (Demo.parameters amount)
    let receipts corpus = Directory.GetFiles(Path.Combine(corpus, "receipts"), "*.tfrc", SearchOption.AllDirectories)

    let replays corpus =
        let wasm = Directory.GetFiles(Path.Combine(corpus, "modules"), "*.wasm")
        Assert.That(wasm, Has.Length.EqualTo 1)

        for receipt in receipts corpus do
            contains "identical" (Command.ending 0 [ "replay"; receipt; "--module"; wasm[0] ])

    let record corpus requests = [ "record"; corpus; "--module"; Demo.wasm; "--state"; Demo.snapshot; "--requests"; requests ]

    [<Test>]
    member _.``requests of a file are executed and kept, whatever came of them``() =
        let corpus = Files.fresh "corpus"
        // An object, then an array; the second transfer fails, the last request is refused.
        let requests =
            Files.withText "calls.json" (transfer 70 + "\n[" + transfer 7000 + ", " + call "GetBalance" "{}" + "]\n" + call "Nothing" "")

        let ran = Command.ending 2 (record corpus requests)
        contains "request 1: Transfer: succeeded" ran
        contains "request 2: Transfer: failed with status 2" ran
        contains "request 4: Nothing: not recorded" ran
        contains "recorded 3 new" ran
        Assert.That(receipts corpus, Has.Length.EqualTo 3)
        replays corpus

    [<Test>]
    member _.``exec and run record too, once``() =
        let corpus = Files.fresh "corpus"
        let exec = Demo.transfer (Demo.parameters 70) Demo.snapshot [ "--record"; corpus ]
        contains "recorded in" (Command.ending 0 exec)
        contains "was recorded" (Command.ending 0 exec)
        Assert.That(receipts corpus, Has.Length.EqualTo 1)
        let echo = Files.withBytes "echo.wasm" Wasm.trap
        Command.ending 3 [ "run"; echo; "--invoke"; "f"; "--record"; corpus ] |> ignore
        Assert.That(receipts corpus, Has.Length.EqualTo 2)

    [<Test>]
    member _.``receipts from elsewhere are added with their modules``() =
        let folder = Path.GetDirectoryName(Files.fresh "x")
        let receipt = Path.Combine(folder, "receipt.json")
        Command.ending 0 (Demo.transfer (Demo.parameters 70) Demo.snapshot [ "--receipt"; receipt ]) |> ignore
        let corpus, second = Files.fresh "corpus", Files.fresh "second"
        // Without its module it cannot be kept.
        let ran = Command.ending 2 [ "record"; corpus; "--add"; receipt ]
        contains "there is no such module" ran
        contains "recorded 1 new" (Command.ending 0 [ "record"; corpus; "--add"; receipt; "--module"; Demo.wasm ])
        contains "recorded 1 new" (Command.ending 0 [ "record"; second; "--add"; corpus ])
        replays second

    [<Test>]
    member _.``several processes record into one corpus``() =
        let corpus = Files.fresh "corpus"

        let one i =
            let amounts = if i = 0 then [ 1..8 ] else [ i * 8 .. i * 8 + 8 ]
            let requests = Files.withText "calls.json" (amounts |> List.map transfer |> String.concat "\n")
            Command.ending 0 (record corpus requests) |> ignore

        Parallel.For(0, 3, one) |> ignore
        Assert.That(receipts corpus, Has.Length.EqualTo 24)
        let ran = Command.ending 0 [ "record"; Files.fresh "copy"; "--add"; corpus; "--json" ]
        use json = JsonDocument.Parse ran.Output
        Assert.That(json.RootElement.GetProperty("results").GetArrayLength(), Is.EqualTo 24)
