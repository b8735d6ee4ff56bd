namespace Twofold.Conformance

// The official suite straight from its scripts, through our own lexer, parser and encoder: the files whose JSON form SpecSuite runs.
// In: wast.zip, the manifest. Out: failures with file and line; a counted line at the end.

open System.Text.Json
open NUnit.Framework

[<TestFixture>]
type WastTests() =
    static let mutable passed = 0
    static let mutable skipped = 0
    static let mutable files = 0

    static let required () : string list =
        match TestData.tryFolder () with
        | None -> []
        | Some _ ->
            use json = JsonDocument.Parse((TestData.archive "spec.zip").Read "manifest.json")

            [
                for f in json.RootElement.GetProperty("files").EnumerateArray() do
                    let level = f.GetProperty("level").GetString()

                    if Skips.levels.Contains level || Skips.partly.Contains(f.GetProperty("file").GetString()) then
                        f.GetProperty("wast").GetString()
            ]

    static member Files() =
        match required () with
        | [] -> [ TestCaseData("").SetName("wast absent") ]
        | files -> [ for f in files -> TestCaseData(f).SetName $"wast: {f}" ]

    [<TestCaseSource("Files")>]
    member _.Script(file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        use host = new CompiledHost()
        let tally = WastRunner.run file ((TestData.archive "wast.zip").Read file) host
        files <- files + 1
        passed <- passed + tally.Passed
        skipped <- skipped + tally.Skipped

        if tally.Failures.Count > 0 then
            let shown = tally.Failures |> Seq.truncate 20 |> String.concat "\n"
            Assert.Fail $"{tally}\n{shown}"

        Assert.That(tally.Passed + tally.Skipped, Is.GreaterThan 0, "a script without a command")

    [<OneTimeTearDown>]
    static member Summary() =
        TestContext.Progress.WriteLine $"scripts on compiled: {files} files, {passed} passed, {skipped} skipped commands"
