namespace Twofold.Cli.Tests

// Receipts do not depend on the process: cultures, time zones, collectors, tiers of the JIT, threads, the processor's features.
// In: everything.wat, a contract with a little of everything, run by the command under each environment, and audits of its receipts and of tokens' with every
// engine. Out: the digests of everything.digests, which are the same on every machine; TWOFOLD_REWRITE=1 writes them anew when a change of receipts is meant (CHANGELOG, "Determinism").

open System
open System.Globalization
open System.IO
open System.Text.Json
open NUnit.Framework

/// One way of starting the command.
type World = {
    Name: string
    /// Whether cultures are the system's; the command itself is built with the invariant one alone.
    Cultures: bool
    Variables: (string * string) list
} with

    override e.ToString() = e.Name

module Worlds =
    let plain = { Name = "as it is"; Cultures = false; Variables = [] }

    let private culture name zone = {
        Name = $"culture {name}, {zone}"
        Cultures = true
        Variables = [ "LANG", name + ".UTF-8"; "LC_ALL", name + ".UTF-8"; "TZ", zone ]
    }

    let private runtime name variables = { plain with Name = name; Variables = variables |> List.map (fun (n, v) -> "DOTNET_" + n, v) }
    let private off feature = runtime $"without {feature}" [ $"Enable{feature}", "0" ]

    let all = [
        plain
        // A dotless i; Arabic digits and another calendar; a Buddhist one. Zones off by 45 minutes, and beyond the date line.
        culture "tr_TR" "Asia/Kathmandu"
        culture "ar_SA" "Pacific/Kiritimati"
        culture "th_TH" "America/St_Johns"
        runtime "server collector" [ "gcServer", "1"; "gcConcurrent", "1" ]
        runtime "a collection every 64 KiB" [ "GCgen0size", "10000"; "gcConcurrent", "0" ]
        runtime "one tier" [ "TieredCompilation", "0" ]
        runtime "tiers with profiles" [ "TieredPGO", "1"; "TC_CallCountThreshold", "2"; "TC_BackgroundWorkerTimeoutMs", "0" ]
        runtime "no code compiled ahead" [ "ReadyToRun", "0" ]
        runtime "one processor" [ "PROCESSOR_COUNT", "1" ]
        off "HWIntrinsic"
        off "SSE42"
        off "AVX"
        off "AVX2"
        off "FMA"
        off "AVX512"
    ]

    /// The command's configuration without invariant globalization.
    let private withCultures =
        lazy
            (let text = File.ReadAllText Command.config
             let changed = text.Replace("\"System.Globalization.Invariant\": true", "\"System.Globalization.Invariant\": false")
             Assert.That(changed, Is.Not.EqualTo text)
             Files.withText "cultures.runtimeconfig.json" changed)

    let run (e: World) (args: string list) : Ran =
        let ran = Command.runUnder (if e.Cultures then Some withCultures.Value else None) e.Variables args

        if e.Cultures && ran.Error.Contains "ICU" then
            Assert.Ignore "no ICU on this machine: there are no cultures but the invariant one"

        ran

    let facts (e: World) : Map<string, string> =
        use json = JsonDocument.Parse((run e [ "doctor"; "--json" ]).Output)

        Map [
            for c in json.RootElement.GetProperty("checks").EnumerateArray() ->
                c.GetProperty("part").GetString(), c.GetProperty("found").GetString()
        ]

module Everything =
    let wat = Files.ofRepository "tests/Cli/everything.wat"
    let private golden = Files.ofRepository "tests/Cli/everything.digests"
    let requests = Files.ofRepository "tests/Cli/everything.json"

    let private entries =
        lazy
            (use json = JsonDocument.Parse(File.ReadAllText requests)
             [ for r in json.RootElement.EnumerateArray() -> r.GetProperty("entry").GetString() ])

    /// Records a run of every entry; one line each: entry and digest.
    let record (e: World) (corpus: string) : string list =
        let ran = Worlds.run e [ "record"; corpus; "--module"; wat; "--state"; Demo.snapshot; "--requests"; requests; "--json" ]

        Assert.That(ran.Code, Is.EqualTo 0, string ran)
        use json = JsonDocument.Parse ran.Output

        [
            for (entry, r) in Seq.zip entries.Value (json.RootElement.GetProperty("results").EnumerateArray()) ->
                $"""{entry} {r.GetProperty("receiptDigest").GetString()}"""
        ]

    /// What is written down; it is written anew first when that is asked for.
    let expected: Lazy<string list> =
        lazy
            (if Environment.GetEnvironmentVariable "TWOFOLD_REWRITE" = "1" then
                 let lines = record Worlds.plain (Files.fresh "corpus")
                 File.WriteAllText(golden, String.concat "\n" lines + "\n")

             List.ofArray (File.ReadAllLines golden))

    // The token contracts of samples/ that take JSON: a transfer that succeeds, one that fails, a balance.
    let private tokens = [ "token-as"; "token-c"; "token-rust"; "token-wat" ]

    /// Receipts of this contract and of tokens, made once under no environment at all.
    let corpus: Lazy<string> =
        lazy
            (let corpus = Files.fresh "corpus"
             record Worlds.plain corpus |> ignore

             let call entry (parameters: string) =
                 let quoted = JsonSerializer.Serialize parameters
                 $$"""{"entry": "{{entry}}", "caller": "{{Demo.alice}}", "contract": "{{Demo.token}}", "parameters": {{quoted}} }"""

             let calls = [
                 call "Transfer" (Demo.parameters 70)
                 call "Transfer" (Demo.parameters 7000)
                 call "GetBalance" $$"""{"of": "{{Demo.alice}}"}"""
             ]

             let requests = Files.withText "calls.json" (String.concat "\n" calls)

             for name in tokens do
                 let wasm = Files.ofRepository $"samples/contracts/wasm/{name}.wasm"

                 if File.Exists wasm then
                     Command.ending 0 [ "record"; corpus; "--module"; wasm; "--state"; Demo.snapshot; "--requests"; requests ] |> ignore

             corpus)

    /// Every receipt of the corpus again, by every engine that is there, with so many threads.
    let audit (e: World) (threads: int) : unit =
        let ran =
            Worlds.run e [ "audit"; corpus.Value; "--instances"; "pooled"; "--load"; "cached"; "--threads"; string threads; "--json" ]

        Assert.That(ran.Code, Is.EqualTo 0, string ran)
        use json = JsonDocument.Parse ran.Output
        Assert.That(json.RootElement.GetProperty("receipts").GetInt32(), Is.GreaterThan 16)

[<TestFixture>]
type Environments() =
    static member Audits =
        Worlds.all
        |> List.mapi (fun i e ->
            let threads = if i % 2 = 0 then 8 else 1
            TestCaseData(e, threads).SetName $"replays: {e.Name}, {threads} threads")

    static member Cases = Worlds.all |> List.map (fun e -> TestCaseData(e).SetName e.Name)

    /// With one thread here and eight there.
    [<TestCaseSource("Audits")>]
    member _.``replays are the same``(e: World, threads: int) = Everything.audit e threads

    [<TestCaseSource("Cases")>]
    member _.``receipts are the same``(e: World) =
        let expected = Everything.expected.Value
        let lines = Everything.record e (Files.fresh "corpus")
        Assert.That(String.concat "\n" lines, Is.EqualTo(String.concat "\n" expected))

    /// Otherwise the tests above would show nothing.
    [<Test>]
    member _.``the environments are what they say``() =
        let find name = Worlds.all |> List.find (fun e -> e.Name.Contains(name: string))
        let facts name = Worlds.facts (find name)
        let here = facts "as it is"

        if here["processor"].Contains "AVX2" then
            Assert.That((facts "AVX2")["processor"], Does.Not.Contain "AVX2")

        Assert.That((facts "HWIntrinsic").ContainsKey "vectors")
        Assert.That((facts "server")["collector"], Does.StartWith "server")
        Assert.That((facts "one processor")["processor"], Does.StartWith "1 ")
        Assert.That(here["culture"], Does.Contain "invariant")
        let turkish = (facts "tr_TR")["culture"]
        Assert.That(turkish, Does.Contain "tr-TR")
        Assert.That(turkish, Does.Contain "Kathmandu")
