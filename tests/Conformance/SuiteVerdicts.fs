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
                    | "assert_invalid", Error e -> e.Kind.IsInvalid && Runner.sameWording expected e.Message
                    | "assert_malformed", Error e -> e.Kind.IsMalformed && Runner.sameWording expected e.Message
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
