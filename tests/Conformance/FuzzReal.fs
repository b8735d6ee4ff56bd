namespace Twofold.Conformance

// Modules that real toolchains made, called blindly: exports with zeros, host functions that answer zero, a little gas beyond instantiation.
// Nothing sensible comes out, but long stretches of real code run, and our engines must do exactly what the oracle does.
// In: real/, cmds/, guests/ of the test data. Out: the first export of a module that ends, costs or leaves behind something else.

open System
open System.IO
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation
open Twofold.Wasm.Validation

[<TestFixture>]
type FuzzReal() =
    /// The most exports tried of a module, and the gas for each run beyond what instantiation takes.
    let exports, gas = 40, 400_000L

    /// What instantiation costs before the start function.
    let instantiation (m: Module) =
        (m.Memories |> Array.sumBy (fun t -> GasSchedule.pages t.Min))
        + (m.Tables |> Array.sumBy (fun t -> GasSchedule.entries t.Type.Limits.Min))
        + (m.Elems |> Array.sumBy (fun s -> 20L + GasSchedule.elements (uint64 s.Length)))
        + (m.Datas |> Array.sumBy (fun s -> 20L + GasSchedule.bytes (uint64 s.Length)))

    let run (instance: IWasmInstance) (valid: ValidModule) (export: Export) : string =
        let result =
            instance.Run {
                Entry = export.Name
                Arguments = valid.FuncTypes[export.Index].Params |> Array.map (Twofold.Oracle.DefTypes.zero valid.Module.Types)
                Gas = instantiation valid.Module + gas
                StackUnits = 100_000
                Data = null
                Deadline = TimeSpan.Zero
                Cancellation = CancellationToken.None
            }

        let shown =
            match result with
            | Error rejected -> $"refused {rejected.Kind}"
            | Ok r ->
                let digests = instance.Digests()
                $"{Ended.show r.End}, gas {r.GasUsed}, memory {Convert.ToHexString digests.Memory}, globals {Convert.ToHexString digests.Globals}"

        instance.Reset()
        shown

    static member Modules() =
        match TestData.tryFolder () with
        | None -> [ "" ]
        | Some root -> [
            for folder in [ "real"; "cmds"; "guests" ] do
                for f in Directory.GetFiles(Path.Combine(root, folder), "*.wasm") |> Array.sort do
                    $"{folder}/{Path.GetFileName f}"
          ]

    [<TestCaseSource("Modules")>]
    member _.``real code does what the oracle does``(file: string) =
        if file = "" then
            Assert.Ignore TestData.absent

        match Verdict.checkWith Features.Executable (File.ReadAllBytes(TestData.path file)) with
        | Error rejected when Skips.neverModules.Contains(Path.GetFileName file) -> Assert.Ignore $"never: {rejected}"
        | Error rejected -> Assert.Fail(string rejected)
        | Ok valid ->
            let engines: IWasmEngine list = [
                Twofold.Oracle.OracleEngine()
                CompiledEngine CompileWhen.FirstCall
                for policy in Twofold.Wasm.Compiler.TierPolicy.forced.Value do
                    CompiledEngine policy
                InterpretedEngine InterpMode.Chain
                InterpretedEngine InterpMode.Loop
            ]

            let instances =
                engines
                |> List.map (fun e -> e.Load valid |> Result.bind (fun m -> m.Instantiate(Supplied.settings WasmLimits.Host valid)))

            match instances with
            | [ Ok oracle; Ok compiled; Ok chained; Ok interpreted ] ->
                let functions = valid.Module.Exports |> Array.filter (fun e -> e.Kind = ExternKind.Func) |> Array.truncate exports
                Assert.That(functions, Is.Not.Empty)

                for export in functions do
                    let expected = run oracle valid export
                    Assert.That(run compiled valid export, Is.EqualTo expected, export.Name)
                    Assert.That(run chained valid export, Is.EqualTo expected, $"{export.Name}, interpreted")
                    Assert.That(run interpreted valid export, Is.EqualTo expected, $"{export.Name}, interpreted by the loop")

                compiled.Dispose()
                chained.Dispose()
                interpreted.Dispose()
            | [ Error a; Error b; Error _; Error _ ] when a.Kind = b.Kind -> Assert.Ignore $"imports that this test does not supply: {b}"
            | other -> Assert.Fail $"%A{other}"
