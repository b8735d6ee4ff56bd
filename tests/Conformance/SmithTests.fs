namespace Twofold.Conformance

// wasm-smith's modules on every engine: results, traps, host calls, globals and memory digests as the traces have them.
// In: smith.zip, profiles 0 (WebAssembly 2.0), 1 (and SIMD), 2 (3.0: GC, exceptions, tail calls,
// 64-bit and several memories) and 3 (never trapping). Out: modules that differ, with the first difference.

open NUnit.Framework
open Twofold.Wasm

[<TestFixture>]
type SmithTests() =
    static member Cases() = [
        for engine in TraceEngines.all do
            for profile in [ 0..3 ] -> TestCaseData(engine.Name, profile)
    ]

    [<TestCaseSource("Cases")>]
    member _.``traces are reproduced``(engine: string, profile: int) =
        let engine = TraceEngines.all |> List.find (fun e -> e.Name = engine)
        let skipped (file: string) = engine.Name = "oracle" && Skips.beyondOracle.Contains file
        let traces = SmithTraces.read (TestData.archive "smith.zip") profile |> List.filter (fun t -> not (skipped t.File))

        let differences =
            traces
            |> List.choose (fun trace ->
                let difference =
                    match Verdict.check trace.Bytes with
                    | Error rejected -> Some $"refused: {rejected}"
                    | Ok valid ->
                        try
                            SmithTraces.difference engine valid trace
                        with e ->
                            Some $"{e.GetType().Name}: {e.Message}"

                difference |> Option.map (fun d -> $"{trace.File}: {d}"))

        TestContext.Progress.WriteLine
            $"smith profile {profile} on {engine.Name}: {traces.Length - differences.Length} passed, {differences.Length} failed"

        Assert.That(traces, Is.Not.Empty)
        Assert.That(differences, Is.Empty)

    /// Found by profile 2: vectors as fields and elements of what a constant expression makes.
    [<Test>]
    member _.``constant expressions put vectors into objects``() =
        let text =
            """(module
                 (type $s (struct (field i32 v128)))
                 (type $a (array v128))
                 (global $v v128 (v128.const i64x2 3 5))
                 (global $own (ref $s) (struct.new $s (i32.const 1) (v128.const i64x2 7 11)))
                 (global $read (ref $s) (struct.new $s (i32.const 1) (global.get $v)))
                 (global $many (ref $a) (array.new $a (v128.const i64x2 13 17) (i32.const 2)))
                 (global $fixed (ref $a) (array.new_fixed $a 2 (global.get $v) (v128.const i64x2 19 23)))
                 (global $zeros (ref $a) (array.new_default $a (i32.const 2)))
                 (func (export "f") (result v128 v128 v128 v128 v128)
                   (struct.get $s 1 (global.get $own))
                   (struct.get $s 1 (global.get $read))
                   (array.get $a (global.get $many) (i32.const 1))
                   (array.get $a (global.get $fixed) (i32.const 1))
                   (array.get $a (global.get $zeros) (i32.const 1))))"""

        let valid =
            match Twofold.Wasm.Text.Wat.parse text |> Result.bind Verdict.check with
            | Ok valid -> valid
            | Error rejected -> failwith $"{rejected}"

        let expected = [| for low, high in [ 7UL, 11UL; 3UL, 5UL; 13UL, 17UL; 19UL, 23UL; 0UL, 0UL ] -> Value.V128(low, high) |]

        for engine in TraceEngines.all do
            match engine.Instantiate valid [] with
            | Ok instance ->
                Assert.That(Ended.show (instance.Invoke "f" [||]), Is.EqualTo(Ended.show (RunEnd.Returned expected)), engine.Name)
            | Error ended -> Assert.Fail(Ended.show ended)
