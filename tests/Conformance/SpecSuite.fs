namespace Twofold.Conformance

// The official suite: one test per file, a counted line at the end.
// In: spec.zip and its manifest. Out: failures with file, line, expected and found.

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

/// Engines under test, by name; each file runs on each. Without any, only verdicts are tested.
module Hosts =
    let make: (unit -> ISuiteHost) option = None

[<TestFixture>]
type SpecSuite() =
    static let mutable passed = 0
    static let mutable failed = 0
    static let skips = SortedDictionary<string, int>()

    static let count (t: Tally) =
        lock skips (fun () ->
            passed <- passed + t.Passed
            failed <- failed + t.Failures.Count

            for KeyValue(reason, n) in t.Skips do
                skips[reason] <-
                    (match skips.TryGetValue reason with
                     | true, m -> m + n
                     | _ -> n))

    static member Files() =
        match Manifest.read () with
        | [] -> [ TestCaseData("").SetName("suite absent") ]
        | files -> [ for f in files -> TestCaseData(f.File).SetName(f.File) ]

    [<TestCaseSource("Files")>]
    member _.File(file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        let entry = Manifest.read () |> List.find (fun f -> f.File = file)

        if not (Skips.levels.Contains entry.Level || Skips.partly.Contains file) then
            let t = Tally()

            for _ in 1 .. entry.Assertions do
                t.Skip Skips.otherLevels

            count t
            Assert.Ignore $"{Skips.otherLevels}: level {entry.Level}"

        use host =
            match Hosts.make with
            | Some make -> make ()
            | None -> Unchecked.defaultof<_>

        let tally = Runner.run (TestData.archive "spec.zip") file (Option.ofObj host)
        count tally

        if tally.Failures.Count > 0 then
            let shown = tally.Failures |> Seq.truncate 20 |> String.concat "\n"
            Assert.Fail $"{tally}\n{shown}"

    [<OneTimeTearDown>]
    static member Summary() =
        let skipped = Seq.sum skips.Values
        TestContext.Progress.WriteLine $"suite: {passed} passed, {failed} failed, {skipped} skipped assertions"

        for KeyValue(reason, n) in skips do
            TestContext.Progress.WriteLine $"  skipped {n}: {reason}"
