namespace Twofold.Conformance

// The suite's verdicts, whole: every module of every file decodes and validates, or is refused in the right class and wording, under all features.
// In: spec.zip. Out: what is judged otherwise. Nothing is executed; the other tests do that.

open System.Text.Json
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

[<TestFixture>]
type SuiteVerdicts() =
    // The suite declares memories and tables that no host would give.
    let limits = { WasmLimits.Host with TableEntries = System.Int64.MaxValue; MemoryBytes = System.Int64.MaxValue }

    let check (bytes: byte[]) = Decode.run limits Features.All bytes |> Result.bind (Validate.run limits Features.All)

    let text (c: JsonElement) (property: string) =
        match c.TryGetProperty property with
        | true, v -> v.GetString()
        | _ -> ""

    let judge (zip: TestData.Archive) (file: string) (right: int ref) (wrong: ResizeArray<string>) =
        use json = JsonDocument.Parse(zip.Read file)
        let folder = file.Substring(0, file.LastIndexOf '/' + 1)

        for c in json.RootElement.GetProperty("commands").EnumerateArray() do
            let kind = text c "type"
            let expected = text c "text"
            let contradicted = Skips.contradicted |> Set.exists (fun (path, t) -> file.StartsWith path && expected = t)

            if (text c "filename").EndsWith ".wasm" && not contradicted then
                let verdict = check (zip.Read(folder + text c "filename"))
                let line = c.GetProperty("line").GetInt32()

                let ok =
                    match kind, verdict with
                    | "assert_invalid", Error e -> e.Kind.IsInvalid && Twofold.Wasm.Scripts.ScriptSkips.sameWording expected e.Message
                    | "assert_malformed", Error e -> e.Kind.IsMalformed && Twofold.Wasm.Scripts.ScriptSkips.sameWording expected e.Message
                    | ("assert_invalid" | "assert_malformed"), Ok _ -> false
                    | _, Ok _ -> true
                    | _, Error _ -> false

                if ok then
                    right.Value <- right.Value + 1
                else
                    let found =
                        match verdict with
                        | Ok _ -> "accepted"
                        | Error e -> string e

                    wrong.Add $"{file}:{line} {kind} \"{expected}\": {found}"

    /// Modules with what is right for each.
    let corpus what (modules: seq<string * byte[] * bool>) =
        let wrong = ResizeArray<string>()
        let mutable right = 0

        for name, bytes, valid in modules do
            match Decode.run WasmLimits.Host Features.All bytes |> Result.bind (Validate.run WasmLimits.Host Features.All) with
            | Ok _ when valid -> right <- right + 1
            | Error e when not valid && (e.Kind.IsMalformed || e.Kind.IsInvalid) -> right <- right + 1
            | Ok _ -> wrong.Add $"{name}: accepted"
            | Error e -> wrong.Add $"{name}: {e}"

        TestContext.Progress.WriteLine $"{what} under all features: {right} right, {wrong.Count} wrong"
        Assert.That(right, Is.GreaterThan 0)
        Assert.That(wrong, Is.Empty)

    [<Test>]
    member _.``every verdict of the suite, in class and wording``() =
        let zip = TestData.archive "spec.zip"
        let wrong = ResizeArray<string>()
        let right = ref 0

        let files =
            zip.Names
            |> Array.filter (fun n -> n.EndsWith ".json" && n <> "manifest.json")
            |> Array.filter (fun n -> Skips.never |> List.forall (fun (path, _) -> not (n.StartsWith path)))

        for file in files do
            judge zip file right wrong

        TestContext.Progress.WriteLine $"verdicts of {files.Length} files: {right.Value} right, {wrong.Count} wrong"
        Assert.That(right.Value, Is.GreaterThan 5000)
        Assert.That(wrong, Is.Empty)

    [<Test>]
    member _.``real modules are valid under all features``() =
        [ "real"; "cmds"; "guests" ]
        |> Seq.collect (fun folder -> System.IO.Directory.GetFiles(TestData.path folder, "*.wasm") |> Array.sort)
        |> Seq.filter (fun f -> not (Skips.neverModules.Contains(System.IO.Path.GetFileName f)))
        |> Seq.map (fun f -> System.IO.Path.GetFileName f, System.IO.File.ReadAllBytes f, true)
        |> corpus "real"

    [<TestCase("smith.zip")>]
    [<TestCase("fuzz.zip")>]
    member _.``random modules are valid under all features``(archive: string) =
        let zip = TestData.archive archive

        zip.Names
        |> Seq.filter (fun n -> n.EndsWith ".wasm" && not (n.StartsWith "mut/"))
        |> Seq.map (fun n -> n, zip.Read n, true)
        |> corpus archive

    [<Test>]
    member _.``mutants get V8's verdict under all features``() =
        let zip = TestData.archive "fuzz.zip"
        use json = JsonDocument.Parse(zip.Read "mut/verdicts.json")

        [ for p in json.RootElement.EnumerateObject() -> p.Name, p.Value[0].GetInt32() = 1 ]
        |> Seq.map (fun (f, valid) -> f, zip.Read("mut/" + f), valid)
        |> corpus "mutants"
