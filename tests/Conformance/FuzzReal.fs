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
            let load (engine: IWasmEngine) =
                engine.Load valid |> Result.bind (fun m -> m.Instantiate(Supplied.settings WasmLimits.Host valid))

            let oracle = load (Twofold.Oracle.OracleEngine())

            let ours = [
                "compiled", load (CompiledEngine CompileWhen.FirstCall)
                for policy in Twofold.Wasm.Compiler.TierPolicy.forced.Value do
                    policy.Tier, load (CompiledEngine policy)
                "interpreted", load (InterpretedEngine InterpMode.Chain)
                "interpreted by the loop", load (InterpretedEngine InterpMode.Loop)
            ]

            let refused (made: Result<IWasmInstance, Rejected>) =
                match made with
                | Ok _ -> None
                | Error e -> Some e.Kind

            for name, made in ours do
                Assert.That(refused made, Is.EqualTo(refused oracle), $"{file}, {name}")

            match oracle with
            | Error e -> Assert.Ignore $"imports that this test does not supply: {e}"
            | Ok oracle ->
                let functions = valid.Module.Exports |> Array.filter (fun e -> e.Kind = ExternKind.Func) |> Array.truncate exports
                Assert.That(functions, Is.Not.Empty)

                for export in functions do
                    let expected = run oracle valid export

                    for name, made in ours do
                        made |> Result.iter (fun i -> Assert.That(run i valid export, Is.EqualTo expected, $"{export.Name}, {name}"))

                for _, made in ours do
                    made |> Result.iter _.Dispose()
