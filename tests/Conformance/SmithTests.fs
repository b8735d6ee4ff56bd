namespace Twofold.Conformance

// wasm-smith's modules on every engine: results, traps, host calls, globals and memory digests as the traces have them.
// In: smith.zip, profiles 0 (WebAssembly 2.0), 1 (and SIMD) and 3 (never trapping). Out: modules that differ, with the first difference.

open NUnit.Framework
open Twofold.Wasm

[<TestFixture>]
type SmithTests() =
    static member Cases() = [
        for engine in TraceEngines.all do
            for profile in [ 0; 1; 3 ] -> TestCaseData(engine.Name, profile)
    ]

    [<TestCaseSource("Cases")>]
    member _.``traces are reproduced``(engine: string, profile: int) =
        let engine = TraceEngines.all |> List.find (fun e -> e.Name = engine)
        let traces = SmithTraces.read (TestData.archive "smith.zip") profile

        let differences =
            traces
            |> List.choose (fun trace ->
                let difference =
                    match Verdict.check trace.Bytes with
                    | Error rejected -> Some $"refused: {rejected}"
                    | Ok valid -> SmithTraces.difference engine valid trace

                difference |> Option.map (fun d -> $"{trace.File}: {d}"))

        TestContext.Progress.WriteLine
            $"smith profile {profile} on {engine.Name}: {traces.Length - differences.Length} passed, {differences.Length} failed"

        Assert.That(traces, Is.Not.Empty)
        Assert.That(differences, Is.Empty)
