namespace Twofold.Cli.Tests

// `twofold audit`: what it takes, what it prints and writes, how it ends.
// In: receipts of the demo, a corpus, a receipt that says something else than the module does. Out: exit codes, both streams, reports.

open System
open System.IO
open System.Text.Json
open NUnit.Framework
open Twofold.Engine

[<TestFixture>]
type Audits() =
    let folder () =
        let dir = Files.fresh "receipts"
        Directory.CreateDirectory dir |> ignore
        File.Copy(Demo.wasm, Path.Combine(dir, "token.wasm"))

        for amount in [ 70; 5 ] do
            let receipt = Path.Combine(dir, $"transfer-{amount}.json")
            Command.ending 0 (Demo.transfer (Demo.parameters amount) Demo.snapshot [ "--receipt"; receipt ]) |> ignore

        dir

    let shared = lazy (folder ())

    /// The receipt with one unit of gas less used at its end.
    let changed (file: string) (change: Receipt -> Receipt) =
        match ReceiptJson.ofJson (File.ReadAllText file) with
        | Ok receipt -> Files.withText "changed.json" (ReceiptJson.toJson (change receipt))
        | Error e -> failwith e

    let good () = Path.Combine(shared.Value, "transfer-70.json")

    [<Test>]
    member _.``a folder of good receipts is identical in every way``() =
        let report = Files.fresh "audit.xml"
        let ran = Command.ending 0 [ "audit"; shared.Value; "--report"; report ]
        Assert.That(ran.Output, Does.Contain "all 2 receipts are identical in every replay")
        Assert.That(ran.Output, Does.Contain "compiled, pooled, cold")
        Assert.That(ran.Error, Is.Empty, "no bar where nobody looks")
        Assert.That(File.ReadAllText report, Does.Contain "testsuite")

    [<Test>]
    member _.``one receipt and its module, and only some of the matrix``() =
        let ran =
            Command.ending 0 [
                "audit"
                good ()
                "--module"
                Demo.wasm
                "--engines"
                "compiled"
                "--instances"
                "fresh"
                "--load"
                "cached"
            ]

        Assert.That(ran.Output, Does.Contain "the receipt is identical in every replay")
        Assert.That(ran.Output, Does.Contain "compiled, fresh, cached")
        Assert.That(ran.Output, Does.Not.Contain "pooled")
        Assert.That(ran.Output, Does.Not.Contain "cold")

    [<Test>]
    member _.``a receipt that says something else is a divergence, with its place and the command that shows it again``() =
        let index = 3

        let file =
            changed (good ()) (fun r -> {
                r with
                    Journal = r.Journal |> List.mapi (fun i e -> if i >= index then { e with GasLeft = e.GasLeft - 1L } else e)
                    GasUsed = r.GasUsed + 1L
            })

        let ran = Command.ending 1 [ "audit"; file; "--module"; Demo.wasm; "--engines"; "compiled" ]
        Assert.That(ran.Output, Does.Contain $"GasLeft differs at effect {index}")
        Assert.That(ran.Output, Does.Contain $"again: twofold audit {file} --module {Demo.wasm} --engines compiled")
        Assert.That(ran.Error, Does.Contain "1 of 1 receipt diverges")

        // The command that it gives does show it again.
        let again = ran.Output.Split '\n' |> Array.find (fun l -> l.Trim().StartsWith "again: twofold ")
        let arguments = again.Trim().Substring("again: twofold ".Length).Split ' ' |> List.ofArray
        let second = Command.ending 1 arguments
        Assert.That(second.Output, Does.Contain $"GasLeft differs at effect {index}")

        let json = Command.ending 1 [ "audit"; file; "--module"; Demo.wasm; "--engines"; "compiled"; "--json" ]
        let root = JsonDocument.Parse(json.Output).RootElement
        Assert.That(root.GetProperty("exitCode").GetInt32(), Is.EqualTo 1)
        Assert.That(json.Error, Is.Empty)

    [<Test>]
    member _.``what cannot be judged is no success``() =
        // No module; a damaged file beside a good one; nothing at all.
        let alone = Files.withBytes "alone.json" (File.ReadAllBytes(good ()))
        Assert.That((Command.ending 2 [ "audit"; alone ]).Output, Does.Contain "cannot judge")
        let dir = folder ()
        File.WriteAllText(Path.Combine(dir, "transfer-5.json"), (File.ReadAllText(good ())).Replace("\"gasUsed\": \"", "\"gasUsed\": \"9"))
        let ran = Command.ending 2 [ "audit"; dir ]
        Assert.That(ran.Output, Does.Contain "transfer-5.json: cannot judge")
        Assert.That(ran.Error, Does.Contain "1 of 2 receipts could not be judged")
        let empty = Files.fresh "empty"
        Directory.CreateDirectory empty |> ignore
        Assert.That((Command.ending 2 [ "audit"; empty ]).Error, Does.Contain "no receipt")

    [<Test>]
    member _.``a corpus, one receipt of it by digest, after another one``() =
        let corpus = Files.fresh "corpus"

        let digests = [
            for amount in [ 70; 5 ] do
                let ran = Command.ending 0 (Demo.transfer (Demo.parameters amount) Demo.snapshot [ "--record"; corpus; "--json" ])
                JsonDocument.Parse(ran.Output).RootElement.GetProperty("receiptDigest").GetString()
        ]

        Assert.That((Command.ending 0 [ "audit"; corpus ]).Output, Does.Contain "all 2 receipts")

        let ran = Command.ending 0 [ "audit"; corpus; "--only"; digests[0]; "--after"; digests[1]; "--runs"; "2" ]
        Assert.That(ran.Output, Does.Contain "the receipt is identical")

    [<TestCase("--engines", "steam", "there is no engine 'steam'")>]
    [<TestCase("--instances", "used", "there is no 'used'; there are fresh, pooled")>]
    [<TestCase("--load", "warm", "there is no 'warm'; there are cached, cold")>]
    [<TestCase("--runs", "0", "0 is not a number from 1 to 1000")>]
    [<TestCase("--report", "audit.pdf", "a report's name ends in")>]
    [<TestCase("--after", "nobody", "there is no such receipt")>]
    member _.``what makes no sense is refused``(option: string, value: string, message: string) =
        let ran = Command.ending 2 [ "audit"; good (); "--module"; Demo.wasm; option; value ]
        Assert.That(ran.Error, Does.Contain message)
