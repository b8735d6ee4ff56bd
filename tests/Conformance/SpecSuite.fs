namespace Twofold.Conformance

// The official suite: one test per file and engine, a counted line for each engine at the end.
// In: spec.zip, its manifest, Hosts.all. Out: failures with file, line, expected and found.

open System.Collections.Generic
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
    let mutable passed = 0
    let mutable failed = 0

    member _.Add(t: Tally) =
        lock skips (fun () ->
            passed <- passed + t.Passed
            failed <- failed + t.Failures.Count

            for KeyValue(reason, n) in t.Skips do
                skips[reason] <-
                    (match skips.TryGetValue reason with
                     | true, m -> m + n
                     | _ -> n))

    member _.Write(host: string) =
        let skipped = Seq.sum skips.Values
        TestContext.Progress.WriteLine $"suite on {host}: {passed} passed, {failed} failed, {skipped} skipped assertions"

        for KeyValue(reason, n) in skips do
            TestContext.Progress.WriteLine $"  skipped {n}: {reason}"

[<TestFixture>]
type SpecSuite() =
    static let totals = Hosts.all |> List.map (fun (name, _) -> name, Totals()) |> Map.ofList

    static member Files() =
        match Manifest.read () with
        | [] -> [ TestCaseData("", "").SetName("suite absent") ]
        | files -> [
            for host, _ in Hosts.all do
                for f in files -> TestCaseData(host, f.File).SetName $"{host}: {f.File}"
          ]

    [<TestCaseSource("Files")>]
    member _.File(host: string, file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        let entry = Manifest.read () |> List.find (fun f -> f.File = file)

        if not (Skips.levels.Contains entry.Level || Skips.partly.Contains file) then
            let t = Tally()

            for _ in 1 .. entry.Assertions do
                t.Skip Skips.otherLevels

            totals[host].Add t
            Assert.Ignore $"{Skips.otherLevels}: level {entry.Level}"

        use engine = (Hosts.all |> List.find (fun (name, _) -> name = host) |> snd) ()
        let tally = Runner.run (TestData.archive "spec.zip") file (Some engine)
        totals[host].Add tally

        if tally.Failures.Count > 0 then
            let shown = tally.Failures |> Seq.truncate 20 |> String.concat "\n"
            Assert.Fail $"{tally}\n{shown}"

    [<OneTimeTearDown>]
    static member Summary() =
        for KeyValue(host, t) in totals do
            t.Write host
