namespace Twofold.Conformance

// The official suite straight from its scripts, through our own lexer, parser and encoder: the files whose JSON form SpecSuite runs.
// In: wast.zip, the manifest. Out: failures with file and line; a counted line at the end.

open System.Text.Json
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Text

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

    /// Every script of 3.0 reads; its modules encode and decode, or are refused by the feature that is not there yet.
    [<Test>]
    member _.``what 3.0 writes is read or refused by feature, never malformed``() =
        let zip = TestData.archive "wast.zip"
        let wrong = ResizeArray<string>()
        let mutable encoded = 0
        let mutable beyond = 0

        let judge name line (m: ScriptModule) =
            match Script.bytes m |> Result.bind (Decode.run Verdict.limits Features.Default) with
            | Ok _ -> encoded <- encoded + 1
            | Error e when e.Kind.IsFeature || e.Kind.IsLimit -> beyond <- beyond + 1
            | Error e -> wrong.Add $"{name}:{line}: {e}"

        // Proposals that 3.0 does not contain have syntax of their own.
        for name in zip.Names |> Array.filter (fun n -> n.EndsWith ".wast" && not (n.StartsWith "proposals/")) do
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

        TestContext.Progress.WriteLine $"modules of all scripts: {encoded} encoded, {beyond} beyond this version, {wrong.Count} wrong"
        Assert.That(encoded, Is.GreaterThan 0)
        Assert.That(wrong |> Seq.truncate 20, Is.Empty)

    /// The other way round, over all levels: a text that 3.0 calls malformed is never accepted, and never called anything but malformed or beyond this version.
    [<Test>]
    member _.``what 3.0 calls malformed text is never accepted``() =
        let zip = TestData.archive "wast.zip"
        let wrong = ResizeArray<string>()
        let mutable right = 0
        let mutable beyond = 0

        for name in zip.Names |> Array.filter (fun n -> n.EndsWith ".wast" && not (n.StartsWith "proposals/")) do
            for item in Script.parse (zip.Read name) |> Result.defaultValue [] do
                match item.Command with
                | ScriptCommand.AssertMalformed(ScriptModule.Quote text, message) when
                    not (message.Contains "annotation:" || message.StartsWith "misplaced @")
                    ->
                    match Wat.parseBytes text with
                    | Error e when e.Kind.IsMalformed -> right <- right + 1
                    | Error e when e.Kind.IsFeature -> beyond <- beyond + 1
                    | Error e -> wrong.Add $"{name}:{item.Line}: {e}; expected {message}"
                    | Ok _ -> wrong.Add $"{name}:{item.Line}: accepted; expected {message}"
                | _ -> ()

        TestContext.Progress.WriteLine
            $"malformed texts of all scripts: {right} refused so, {beyond} beyond this version, {wrong.Count} wrong"

        Assert.That(right, Is.GreaterThan 0)
        Assert.That(wrong |> Seq.truncate 20, Is.Empty)

    [<OneTimeTearDown>]
    static member Summary() =
        TestContext.Progress.WriteLine $"scripts on compiled: {files} files, {passed} passed, {skipped} skipped commands"
