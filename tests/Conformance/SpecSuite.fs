namespace Twofold.Conformance

// The official suite: one test per file and engine, a counted line for each engine at the end, and a part of docs/SUITE.md with the counts by level.
// In: spec.zip, its manifest, Hosts.all. Out: failures with file, line, expected and found.

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open NUnit.Framework

/// A file of the manifest.
type SuiteFile = { File: string; Level: string; Assertions: int }

module Manifest =
    let read () : SuiteFile list =
        match TestData.tryFolder () with
        | None -> []
        | Some _ ->
            use json = JsonDocument.Parse((TestData.archive "spec.zip").Read "manifest.json")

            [
                for f in json.RootElement.GetProperty("files").EnumerateArray() ->
                    {
                        File = f.GetProperty("file").GetString()
                        Level = f.GetProperty("level").GetString()
                        Assertions = f.GetProperty("assertions").GetInt32()
                    }
            ]

/// Counts of one engine over all files.
type private Totals() =
    let skips = SortedDictionary<string, int>()
    let levels = SortedDictionary<string, struct (int * int * int)>(StringComparer.Ordinal)
    let mutable files = 0
    let mutable passed = 0
    let mutable failed = 0

    let plus (map: SortedDictionary<string, 'T>) key zero (add: 'T -> 'T) =
        map[key] <-
            add (
                match map.TryGetValue key with
                | true, before -> before
                | _ -> zero
            )

    member _.Files = files
    /// Passed, failed, skipped by level.
    member _.Levels = [ for KeyValue(level, counts) in levels -> level, counts ]
    member _.Skips = [ for KeyValue(reason, n) in skips -> reason, n ]

    member _.Add(level: string, t: Tally) =
        lock skips (fun () ->
            files <- files + 1
            passed <- passed + t.Passed
            failed <- failed + t.Failures.Count
            let skipped = Seq.sum t.Skips.Values
            plus levels level (struct (0, 0, 0)) (fun (struct (p, f, s)) -> struct (p + t.Passed, f + t.Failures.Count, s + skipped))

            for KeyValue(reason, n) in t.Skips do
                plus skips reason 0 (fun m -> m + n))

    member _.Write(host: string) =
        let skipped = Seq.sum skips.Values
        TestContext.Progress.WriteLine $"suite on {host}: {passed} passed, {failed} failed, {skipped} skipped assertions"

        for KeyValue(reason, n) in skips do
            TestContext.Progress.WriteLine $"  skipped {n}: {reason}"

/// The page's part about the suite in its JSON form.
module private LevelsPart =
    let lines (totals: Map<string, Totals>) = [
        for KeyValue(host, t) in totals do
            $"### {host}, JSON form"
            ""
            "| level | passed | failed | skipped |"
            "|---|---|---|---|"

            for level, struct (passed, failed, skipped) in t.Levels do
                $"| {level} | {passed} | {failed} | {skipped} |"

            ""
            "| skipped because | assertions |"
            "|---|---|"

            for reason, n in t.Skips do
                $"| {reason} | {n} |"

            ""
    ]

[<TestFixture>]
type SpecSuite() =
    static let totals = Hosts.all |> List.map (fun (name, _) -> name, Totals()) |> Map.ofList

    static member Files() =
        match Manifest.read () with
        | [] -> [ TestCaseData("", "").SetName("suite absent") ]
        | files -> [
            for host, _ in Hosts.all do
                for f in files do
                    TestCaseData(host, f.File).SetName $"{host}: {f.File}"
            // Last: it is made of what the others counted.
            TestCaseData("", "page").SetName "the page of results is current"
          ]

    static member private Page() =
        if Twofold.Tests.WasmtimeForTests.options.Value.IsNone then
            Assert.Ignore Twofold.Tests.WasmtimeForTests.absent

        let all = (Manifest.read ()).Length

        if totals |> Map.forall (fun _ t -> t.Files = all) then
            SuitePage.check SuitePage.suite "levels" (totals |> Map.filter (fun host _ -> not (Tiers.isForced host)) |> LevelsPart.lines)
        else
            Assert.Ignore "only a part of the suite ran"

    [<TestCaseSource("Files")>]
    member _.File(host: string, file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        if host = "" then SpecSuite.Page() else SpecSuite.One(host, file)

    static member private One(host: string, file: string) =
        let entry = Manifest.read () |> List.find (fun f -> f.File = file)

        let never = Skips.neverFile file

        if never.IsSome then
            let t = Tally()

            for _ in 1 .. entry.Assertions do
                t.Skip never.Value

            totals[host].Add(entry.Level, t)
            Assert.Ignore never.Value

        if not ((Skips.levelsOf host).Contains entry.Level || Skips.partly.Contains file) then
            let t = Tally()

            for _ in 1 .. entry.Assertions do
                t.Skip Skips.otherLevels

            totals[host].Add(entry.Level, t)
            Assert.Ignore $"{Skips.otherLevels}: level {entry.Level}"

        use engine = (Hosts.all |> List.find (fun (name, _) -> name = host) |> snd) ()
        let tally = Runner.run (TestData.archive "spec.zip") file (Some engine)
        totals[host].Add(entry.Level, tally)

        if tally.Failures.Count > 0 then
            let shown = tally.Failures |> Seq.truncate 20 |> Seq.map (fun f -> $"{file}:{f.Line} {f.Message}") |> String.concat "\n"
            Assert.Fail $"{tally}\n{shown}"

    [<OneTimeTearDown>]
    static member Summary() =
        for KeyValue(host, t) in totals do
            t.Write host
