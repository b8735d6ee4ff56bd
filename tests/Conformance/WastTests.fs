namespace Twofold.Conformance

// The official suite straight from its scripts, through our own lexer, parser and encoder, on every engine; what an engine does not execute yet is skipped by feature.
// In: wast.zip. Out: failures with file and line; a counted line for each engine at the end.

open System.Collections.Generic
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Scripts
open Twofold.Wasm.Text

[<TestFixture>]
type WastTests() =
    static let totals = Dictionary<string, struct (int * int * int)>()
    static let reasons = SortedDictionary<string, int>(System.StringComparer.Ordinal)
    // Scripts, passed, failed and skipped commands by host and row.
    static let rows = SortedDictionary<string, SortedDictionary<string, struct (int * int * int * int)>>(System.StringComparer.Ordinal)

    static let scripts () : string[] =
        match TestData.tryFolder () with
        | None -> [||]
        // Proposals that 3.0 does not contain have syntax of their own.
        | Some _ ->
            (TestData.archive "wast.zip").Names
            |> Array.filter (fun n -> n.EndsWith ".wast" && (ScriptSkips.ofScript n).IsNone)
            |> Array.sort

    static member Files() =
        match scripts () with
        | [||] -> [ TestCaseData("", "").SetName("wast absent") ]
        | files -> [
            for host, _ in Hosts.all do
                for f in files do
                    TestCaseData(host, f).SetName $"wast on {host}: {f}"
            // Last: it is made of what the others counted.
            TestCaseData("", "page").SetName "the page of results by feature is current"
          ]

    static member private Page() =
        let all = (scripts ()).Length

        let table (host: string) =
            let byRow = rows[host]
            let sum f = Seq.sumBy f byRow.Values
            let files, passed = sum (fun struct (n, _, _, _) -> n), sum (fun struct (_, n, _, _) -> n)
            let failed, skipped = sum (fun struct (_, _, n, _) -> n), sum (fun struct (_, _, _, n) -> n)

            [
                "| newest feature of a script | scripts | passed | failed | skipped |"
                "|---|---|---|---|---|"

                for KeyValue(row, struct (files, passed, failed, skipped)) in byRow do
                    $"| {row} | {files} | {passed} | {failed} | {skipped} |"

                $"| all | {files} | {passed} | {failed} | {skipped} |"
            ]

        let lines = [
            for host in rows.Keys |> Seq.filter (Tiers.isForced >> not) do
                $"### {host}"
                ""
                yield! table host
                ""
                "| skipped because | commands |"
                "|---|---|"

                for KeyValue(reason, n) in reasons do
                    if reason.StartsWith $"{host}: " then
                        $"| {reason.Substring(host.Length + 2)} | {n} |"

                ""
        ]

        if Twofold.Tests.WasmtimeForTests.options.Value.IsNone then
            Assert.Ignore Twofold.Tests.WasmtimeForTests.absent

        if Hosts.all |> List.forall (fun (host, _) -> totals.ContainsKey host && (let struct (n, _, _) = totals[host] in n = all)) then
            SuitePage.check SuitePage.suite "features" lines
            SuitePage.check SuitePage.readme "features" (table "compiled")
        else
            Assert.Ignore "only a part of the suite ran"

    [<TestCaseSource("Files")>]
    member _.Script(host: string, file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        if host = "" then WastTests.Page() else WastTests.One(host, file)

    static member private One(host: string, file: string) =
        let script = (TestData.archive "wast.zip").Read file
        use engine = (Hosts.all |> List.find (fun (name, _) -> name = host) |> snd) ()
        let features = engine.Features
        let tally = ScriptRunner.run ScriptSettings.Default script engine
        let row = ScriptFeature.rowOf script

        lock totals (fun () ->
            let struct (files, passed, skipped) = totals.GetValueOrDefault host
            totals[host] <- struct (files + 1, passed + tally.Passed, skipped + tally.Skipped)

            if not (rows.ContainsKey host) then
                rows[host] <- SortedDictionary(System.StringComparer.Ordinal)

            let struct (n, p, f, s) = rows[host].GetValueOrDefault row
            rows[host][row] <- struct (n + 1, p + tally.Passed, f + tally.Failed, s + tally.Skipped)

            for KeyValue(reason, n) in tally.Skips do
                let key = $"{host}: {reason}"
                reasons[key] <- reasons.GetValueOrDefault key + n)

        if tally.Failed > 0 then
            let shown = tally.Failures |> Seq.truncate 20 |> Seq.map (fun f -> $"{file}:{f.Line} {f.Message}") |> String.concat "\n"
            Assert.Fail $"{tally}\n{shown}"

        Assert.That(tally.Passed + tally.Skipped, Is.GreaterThan 0, "a script without a command")

        // What the engine executes is executed: nothing is skipped for a feature that it has.
        for f in System.Enum.GetValues<Feature>() do
            if features.Has f then
                Assert.That(tally.Skips.ContainsKey(ScriptSkips.needs f), Is.False, ScriptSkips.needs f)

    /// Every script of 3.0 and threads reads; its modules encode, decode and validate, whatever is executed.
    [<Test>]
    member _.``every module of every script encodes and validates``() =
        let zip = TestData.archive "wast.zip"
        let wrong = ResizeArray<string>()
        let mutable encoded = 0

        let judge name line (m: ScriptModule) =
            match Script.bytes m |> Result.bind Verdict.checkAny with
            | Ok _ -> encoded <- encoded + 1
            | Error e -> wrong.Add $"{name}:{line}: {e}"

        for name in scripts () do
            match Script.parse (zip.Read name) with
            | Error e -> wrong.Add $"{name}: {e}"
            | Ok items ->
                for item in items do
                    match item.Command with
                    | ScriptCommand.Module(_, m)
                    | ScriptCommand.ModuleDefinition(_, m)
                    | ScriptCommand.AssertUnlinkable(m, _)
                    | ScriptCommand.AssertUninstantiable(m, _) -> judge name item.Line m
                    | _ -> ()

        TestContext.Progress.WriteLine $"modules of all scripts: {encoded} encoded and valid, {wrong.Count} wrong"
        Assert.That(encoded, Is.GreaterThan 0)
        Assert.That(wrong |> Seq.truncate 20, Is.Empty)

    /// The other way round: a text that 3.0 calls malformed is never accepted, and never called anything but malformed.
    [<Test>]
    member _.``what 3.0 calls malformed text is never accepted``() =
        let zip = TestData.archive "wast.zip"
        let wrong = ResizeArray<string>()
        let mutable right = 0

        for name in scripts () do
            for item in Script.parse (zip.Read name) |> Result.defaultValue [] do
                match item.Command with
                | ScriptCommand.AssertMalformed(ScriptModule.Quote text, message) when (ScriptSkips.ofMalformed message).IsNone ->
                    match Wat.parseBytes text with
                    | Error e when e.Kind.IsMalformed -> right <- right + 1
                    | Error e -> wrong.Add $"{name}:{item.Line}: {e}; expected {message}"
                    | Ok _ -> wrong.Add $"{name}:{item.Line}: accepted; expected {message}"
                | _ -> ()

        TestContext.Progress.WriteLine $"malformed texts of all scripts: {right} refused so, {wrong.Count} wrong"

        Assert.That(right, Is.GreaterThan 0)
        Assert.That(wrong |> Seq.truncate 20, Is.Empty)

    [<OneTimeTearDown>]
    static member Summary() =
        for KeyValue(host, struct (files, passed, skipped)) in totals do
            TestContext.Progress.WriteLine $"scripts on {host}: {files} files, {passed} passed, {skipped} skipped commands"

        for KeyValue(reason, n) in reasons do
            TestContext.Progress.WriteLine $"  skipped {n}: {reason}"
