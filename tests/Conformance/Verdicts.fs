namespace Twofold.Conformance

// Verdicts on modules outside the suite: real ones, random valid ones, mutants with V8's answer.
// In: real/, smith.zip, fuzz.zip. Out: every module is accepted or refused as V8 does; what needs the next issue's features is counted.

open System.IO
open System.Text.Json
open NUnit.Framework
open Twofold.Wasm

[<TestFixture>]
type Verdicts() =
    /// Neither right nor wrong: the module uses what is switched off, or exceeds a limit that V8 does not have.
    let beyond (r: Result<_, Rejected>) =
        match r with
        | Error e -> e.Kind.IsFeature || e.Kind.IsLimit
        | Ok _ -> false

    let report (what: string) (right: int) (beyond: int) (wrong: ResizeArray<string>) =
        TestContext.Progress.WriteLine $"{what}: {right} right, {wrong.Count} wrong, {beyond} beyond this version"
        Assert.That(right, Is.GreaterThan 0)
        Assert.That(wrong, Is.Empty)

    let check what (modules: seq<string * byte[] * bool>) =
        let wrong = ResizeArray<string>()
        let mutable right = 0
        let mutable skipped = 0

        for name, bytes, valid in modules do
            let r = Verdict.check bytes

            if beyond r then
                skipped <- skipped + 1
            elif r.IsOk = valid then
                right <- right + 1
            else
                let verdict =
                    match r with
                    | Ok _ -> "accepted"
                    | Error e -> string e

                wrong.Add $"{name}: {verdict}"

        report what right skipped wrong

    /// Commands of all files but of proposals after 3.0 (their modules may be malformed to us; threads are known by name).
    let commands (types: string list) =
        let zip = TestData.archive "spec.zip"

        seq {
            for name in zip.Names do
                let late = name.StartsWith "proposals/" && not (name.StartsWith "proposals/threads/")

                if name.EndsWith ".json" && name <> "manifest.json" && not late then
                    use json = JsonDocument.Parse(zip.Read name)
                    let folder = name.Substring(0, name.LastIndexOf '/' + 1)

                    for c in json.RootElement.GetProperty("commands").EnumerateArray() do
                        match c.TryGetProperty "filename" with
                        | true, f when f.GetString().EndsWith ".wasm" && List.contains (c.GetProperty("type").GetString()) types ->
                            yield $"{name}: {f.GetString()}", zip.Read(folder + f.GetString())
                        | _ -> ()
        }

    [<Test>]
    member _.``real modules are valid``() =
        Directory.GetFiles(TestData.path "real", "*.wasm")
        |> Array.sort
        |> Seq.map (fun f -> Path.GetFileName f, File.ReadAllBytes f, true)
        |> check "real"

    [<TestCase(0)>]
    [<TestCase(1)>]
    [<TestCase(2)>]
    [<TestCase(3)>]
    member _.``wasm-smith's modules are valid``(profile: int) =
        let zip = TestData.archive "smith.zip"
        use lines = new StreamReader(new MemoryStream(zip.Read "traces.jsonl"))

        let files = [
            while not lines.EndOfStream do
                use line = JsonDocument.Parse(lines.ReadLine())

                if line.RootElement.GetProperty("profile").GetInt32() = profile then
                    line.RootElement.GetProperty("file").GetString()
        ]

        files |> Seq.map (fun f -> f, zip.Read f, true) |> check $"smith profile {profile}"

    [<Test>]
    member _.``mutants are judged as V8 does``() =
        let zip = TestData.archive "fuzz.zip"
        use json = JsonDocument.Parse(zip.Read "mut/verdicts.json")

        [ for p in json.RootElement.EnumerateObject() -> p.Name, p.Value[0].GetInt32() = 1 ]
        |> Seq.map (fun (f, valid) -> f, zip.Read("mut/" + f), valid)
        |> check "mutants"

    [<Test>]
    member _.``random modules are valid``() =
        let zip = TestData.archive "fuzz.zip"

        zip.Names
        |> Seq.filter (fun n -> n.EndsWith ".wasm" && not (n.StartsWith "mut/"))
        |> Seq.map (fun f -> f, zip.Read f, true)
        |> check "fuzz"

    [<Test>]
    member _.``what 3.0 defines is accepted or refused by feature, never malformed or invalid``() =
        commands [ "module"; "module_definition" ]
        |> Seq.map (fun (name, bytes) -> name, bytes, true)
        |> check "modules of all levels"

    [<Test>]
    member _.``what 3.0 forbids is never accepted``() =
        // The threads proposal's files stand on WebAssembly 1.0: they forbid second tables.
        commands [ "assert_malformed"; "assert_invalid" ]
        |> Seq.filter (fun (name, _) -> not (name.StartsWith "proposals/"))
        |> Seq.map (fun (name, bytes) -> name, bytes, false)
        |> check "malformed and invalid of all levels"
