namespace Twofold.Conformance

// Freshly generated random modules (Binaryen's fuzzer, `wasm-opt -ttf`) on every engine: each export, with gas and stack limits swept, so that runs end
// in every possible block and depth. In: TWOFOLD_AGREE (how many modules; CI takes a few), TWOFOLD_AGREE_SEED. Out: modules on which two engines show
// something different, kept in artifacts/agree. `dotnet fsi build.fsx agree [N] [SEED]` is the campaign.

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

/// One module that `wasm-opt` made of random bytes.
module private Generated =
    /// Features beyond the first version, by number modulo their count; Binaryen 108 writes an older GC encoding, and mixes it into reference types, which is why they are not here.
    let private later = [
        "--enable-bulk-memory"
        "--enable-sign-ext"
        "--enable-nontrapping-float-to-int"
        "--enable-multivalue"
        "--enable-mutable-globals"
    ]

    let features = [ []; later; later @ [ "--enable-tail-call"; "--enable-exception-handling" ]; later @ [ "--enable-simd" ] ]

    let present =
        lazy
            (try
                use p = Process.Start(ProcessStartInfo("wasm-opt", "--version", RedirectStandardOutput = true))
                p.StandardOutput.ReadToEnd() |> ignore
                p.WaitForExit()
                true
             with :? ComponentModel.Win32Exception ->
                 false)

    /// The module's bytes, or none where Binaryen itself fails on its own module (it does, rarely).
    let modul (folder: string) (seed: int) (number: int) : byte[] option =
        let random = Random(seed * 1_000_003 + number)
        let input = Path.Combine(folder, $"{seed}-{number}.in")
        let output = Path.Combine(folder, $"{seed}-{number}.wasm")
        let bytes = Array.zeroCreate<byte>(100 + random.Next 4_000)
        random.NextBytes bytes
        File.WriteAllBytes(input, bytes)

        let arguments = [
            yield input
            yield "-ttf"
            yield! features[number % features.Length]
            yield $"-O{random.Next 4}"
            yield "-o"
            yield output
        ]

        use p = Process.Start(ProcessStartInfo("wasm-opt", arguments, RedirectStandardError = true, RedirectStandardOutput = true))
        p.ErrorDataReceived.Add ignore
        p.BeginErrorReadLine()
        p.StandardOutput.ReadToEnd() |> ignore
        p.WaitForExit()
        File.Delete input

        if p.ExitCode = 0 && File.Exists output then
            let made = File.ReadAllBytes output
            File.Delete output
            Some made
        else
            None

/// Everything that a run shows.
type private Shown = { End: string; Gas: int64; Calls: string list; Memory: string; Globals: string }

module private Observe =
    let limits = { WasmLimits.Host with MemoryBytes = 64L * 1024L * 1024L; TableEntries = 100_000L; StackUnits = 100_000 }

    let settings (valid: ValidModule) : InstanceSettings =
        let supplied = Supplied.settings limits valid

        {
            supplied with
                Functions =
                    supplied.Functions
                    |> List.map (fun f -> {
                        f with
                            Function =
                                HostFunction(fun guest arguments ->
                                    let bits = arguments.ToArray() |> Array.map (fun b -> b.ToString "x") |> String.concat " "
                                    (guest.Data :?> List<string>).Add $"{f.Name} {bits} gas {guest.GasLeft}"
                                    0UL)
                    })
        }

    let run (instance: IWasmInstance) (entry: string) (arguments: Value[]) (gas: int64) (units: int) : Shown =
        let calls = List<string>()

        let result =
            instance.Run {
                Entry = entry
                Arguments = arguments
                Gas = gas
                StackUnits = units
                Data = calls
                Deadline = TimeSpan.FromSeconds 60.0
                Cancellation = CancellationToken.None
            }

        let digests = instance.Digests()

        let ended, gas =
            match result with
            | Ok r -> Ended.show r.End, r.GasUsed
            | Error rejected -> $"refused {rejected.Kind}", 0L

        instance.Reset()

        {
            End = ended
            Gas = gas
            Calls = List.ofSeq calls
            Memory = Convert.ToHexString digests.Memory
            Globals = Convert.ToHexString digests.Globals
        }

    let difference (a: Shown) (b: Shown) =
        if a.Calls <> b.Calls then
            let at = Seq.zip a.Calls b.Calls |> Seq.tryFindIndex (fun (x, y) -> x <> y)
            let at = defaultArg at (min a.Calls.Length b.Calls.Length)
            let shown (calls: string list) = if at < calls.Length then calls[at] else "no call"
            $"host call {at}: {shown a.Calls} / {shown b.Calls}"
        else
            let part name (x: 'T) (y: 'T) = if x = y then "" else $"{name} {x} / {y}; "
            part "end" a.End b.End + part "gas" a.Gas b.Gas + part "memory" a.Memory b.Memory + part "globals" a.Globals b.Globals

[<TestFixture; NonParallelizable>]
type Agree() =
    let number name (otherwise: int) =
        match Int32.TryParse(Environment.GetEnvironmentVariable name) with
        | true, n -> n
        | _ -> otherwise

    /// The measure first.
    let engines: IWasmEngine list = [
        CompiledEngine CompileWhen.FirstCall
        for policy in Twofold.Wasm.Compiler.TierPolicy.forced.Value do
            CompiledEngine policy
        InterpretedEngine InterpMode.Chain
        InterpretedEngine InterpMode.Loop
        for _, wasmtime in WasmtimeTraces.engines () do
            wasmtime
        Twofold.Oracle.OracleEngine()
    ]

    let folder = Path.Combine(Repository.root, "artifacts", "agree")

    /// Runs compared, or the first difference.
    let compare (random: Random) (valid: ValidModule) : Result<int, string> =
        let loaded = engines |> List.map (fun e -> e.Load valid)

        try
            let instances = loaded |> List.map (Result.bind (fun m -> m.Instantiate(Observe.settings valid)))

            if instances |> List.forall _.IsError then
                Ok 0
            else
                match instances |> List.tryFindIndex _.IsError with
                | Some k -> Error $"{engines[k].Name} refuses what others take: %A{instances[k]}"
                | None ->
                    let instances =
                        instances
                        |> List.map (function
                            | Ok i -> i
                            | Error e -> failwith (string e))

                    try
                        let mutable count = 0

                        let agree (export: Export) (arguments: Value[]) (gas: int64) (units: int) : Result<Shown, string> =
                            let first = Observe.run instances.Head export.Name arguments gas units
                            count <- count + 1

                            List.zip engines instances
                            |> List.tail
                            |> List.tryPick (fun (engine, instance) ->
                                let other = Observe.run instance export.Name arguments gas units

                                if other = first then
                                    None
                                else
                                    let difference = Observe.difference first other
                                    Some $"{export.Name}, gas {gas}, units {units}: {engines.Head.Name} / {engine.Name}: {difference}")
                            |> function
                                | Some d -> Error d
                                | None -> Ok first

                        let exports =
                            valid.Module.Exports
                            |> Array.filter (fun e ->
                                e.Kind = ExternKind.Func
                                && e.Index >= valid.ImportedFuncs
                                && valid.FuncTypes[e.Index].Params |> Array.forall _.IsDefaultable)
                            |> Array.truncate 12

                        let trial (export: Export) : string option =
                            let arguments =
                                valid.FuncTypes[export.Index].Params
                                |> Array.map (fun t ->
                                    if t.IsNum && random.Next 2 = 0 then
                                        Value.FromBits(
                                            Twofold.Oracle.Values.kind t,
                                            uint64 (random.NextInt64())
                                            &&& (if t = ValType.I32 || t = ValType.F32 then 0xFFFFFFFFUL else UInt64.MaxValue)
                                        )
                                    else
                                        Twofold.Oracle.DefTypes.zero valid.Module.Types t)

                            match agree export arguments 200_000L 50_000 with
                            | Error d -> Some d
                            | Ok whole ->
                                let sweep = [
                                    yield! List.init 4 (fun _ -> random.NextInt64(whole.Gas + 1L), 50_000)
                                    yield max 0L (whole.Gas - 1L), 50_000
                                    yield whole.Gas, 50_000
                                    yield! List.init 3 (fun _ -> 200_000L, random.Next 600)
                                ]

                                sweep
                                |> List.tryPick (fun (gas, units) ->
                                    match agree export arguments gas units with
                                    | Error d -> Some d
                                    | Ok _ -> None)

                        match exports |> Array.tryPick trial with
                        | Some d -> Error d
                        | None -> Ok count
                    finally
                        for i in instances do
                            i.Dispose()
        finally
            for m in loaded do
                match m with
                | Ok m -> m.Dispose()
                | Error _ -> ()

    [<Test>]
    member _.``freshly generated modules run alike on every engine, wherever they end``() =
        if not Generated.present.Value then
            Assert.Ignore "wasm-opt (Binaryen) is not installed"

        let count = number "TWOFOLD_AGREE" 40
        let seed = number "TWOFOLD_AGREE_SEED" (Random.Shared.Next 1_000_000)
        Directory.CreateDirectory folder |> ignore
        let differences = ConcurrentBag<string>()
        let made = ref 0
        let runs = ref 0
        let refused = ref 0
        let clock = Stopwatch.StartNew()

        Parallel.For(
            0,
            count,
            // A thread that waits for wasm-opt would be replaced by another one.
            ParallelOptions(MaxDegreeOfParallelism = Environment.ProcessorCount),
            fun n ->
                match Generated.modul folder seed n with
                | None -> ()
                | Some bytes ->
                    Interlocked.Increment &made.contents |> ignore

                    let outcome =
                        match
                            Decode.run Observe.limits Features.Default bytes |> Result.bind (Validate.run Observe.limits Features.Default)
                        with
                        | Error rejected -> Error(string rejected)
                        | Ok valid ->
                            try
                                compare (Random(seed + n)) valid
                            with e ->
                                Error(string e)

                    match outcome with
                    | Ok 0 -> Interlocked.Increment &refused.contents |> ignore
                    | Ok n -> Interlocked.Add(&runs.contents, n) |> ignore
                    | Error d ->
                        File.WriteAllBytes(Path.Combine(folder, $"{seed}-{n}.wasm"), bytes)
                        differences.Add $"{seed}-{n}.wasm: {d}"
        )
        |> ignore

        let names = engines |> List.map _.Name |> String.concat ", "

        let summary =
            $"seed {seed}: {made.Value} random modules on {names}, {runs.Value} runs compared, {refused.Value} modules refused by all, {differences.Count} differ; {clock.Elapsed.TotalSeconds:F0} s"

        File.WriteAllText(Path.Combine(folder, "summary.txt"), summary + "\n")
        TestContext.Progress.WriteLine summary
        Assert.That(made.Value, Is.GreaterThan(count / 2))
        Assert.That(runs.Value, Is.GreaterThan count)
        Assert.That(differences, Is.Empty)
