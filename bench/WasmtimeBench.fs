namespace Twofold.Bench

// `wasmtime`: the kernels on Wasmtime through us, beside our compiler, and beside Wasmtime by its bare C API (bench/wasmtime/harness.c)
// with the same instrumented binaries and with the plain ones. In: kernel names, or none for all. Out: tables on stdout; an answer that differs is an error.

open System
open System.Diagnostics
open System.Globalization
open System.IO
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasmtime
open Twofold.Tests

/// The bare C API: a program built now from our source with the library's headers.
[<Sealed>]
type BareWasmtime private (program: string) =
    static let run (file: string) (arguments: string list) =
        use p = Process.Start(ProcessStartInfo(file, arguments, RedirectStandardOutput = true))
        let text = p.StandardOutput.ReadToEnd()
        p.WaitForExit()
        if p.ExitCode = 0 then Some(text.Trim()) else None

    /// None where headers, library or compiler are missing.
    static member TryBuild(library: string) : BareWasmtime option =
        let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))
        let headers = Path.Combine(root, "..", "shared", "native", "include")
        let target = Path.Combine(AppContext.BaseDirectory, "wasmtime-harness")
        let folder = Path.GetDirectoryName library

        if not (Directory.Exists headers) then
            None
        else
            try
                run "clang" [
                    "-O2"
                    $"-I{headers}"
                    Path.Combine(root, "bench", "wasmtime", "harness.c")
                    "-o"
                    target
                    $"-L{folder}"
                    "-lwasmtime"
                    $"-Wl,-rpath,{folder}"
                ]
                |> Option.map (fun _ -> BareWasmtime target)
            with :? ComponentModel.Win32Exception ->
                None

    /// A figure and the answer.
    member _.Run(command: string, nan: bool, file: string, argument: int) : struct (float * string) =
        match run program [ command; (if nan then "1" else "0"); file; string argument ] with
        | Some line ->
            let parts = line.Split ' '
            struct (Double.Parse(parts[0], CultureInfo.InvariantCulture), parts[1])
        | None -> failwith $"the harness failed on {file}"

/// A kernel on Wasmtime, warm, as OurKernel is.
[<Sealed>]
type WasmtimeKernel(engine: WasmtimeEngine, kernel: Kernel) =
    let limits = WasmLimits.Contract

    let valid =
        match Decode.run limits Features.Default (File.ReadAllBytes kernel.Path) |> Result.bind (Validate.run limits Features.Default) with
        | Ok valid -> valid
        | Error e -> failwith $"{kernel.Name}: {e}"

    let loaded =
        match engine.LoadNative(valid, false) with
        | Ok m -> m
        | Error e -> failwith $"{kernel.Name}: {e}"

    let host = HostEntry(Signature([| ValueKind.I64 |], [| ValueKind.I64 |]), HostFunction(fun _ a -> a[0] + 1UL))
    let store = new NativeStore(loaded.Handle.Engine, limits, 8, [| host |])

    let own =
        valid.Module.Imports |> Array.map (fun _ -> store.NewFunction(0, loaded.Handle.Engine.Types.FuncType host.Signature))

    let instance =
        let mutable why = null
        let instance = store.Instantiate(loaded, ReadOnlySpan own, false, &why)
        if isNull instance then failwith $"{kernel.Name}: {why}" else instance

    let call (f: NativeFunctionRef) arguments =
        let mutable ended = null
        let results = store.Invoke(f, arguments, &ended)
        if isNull results then raise ended else results

    let limit = Int64.MaxValue / 2L

    do
        store.Begin(limit, limits.StackUnits)
        call instance.Start [||] |> ignore

    member _.Instrumented = loaded.Instrumented.Bytes

    /// One warm run: the answer as an unsigned decimal, and the gas it used.
    member _.Run() : struct (string * int64) =
        store.Begin(limit, limits.StackUnits)
        let result = (call (instance.FindFunction "run") [| Value.I32 kernel.Argument |])[0]
        struct (string result.Bits, limit - store.Gas)

    /// Calls of an export of two numbers.
    member _.Calls(name: string, count: int, setUnits: bool) =
        store.Begin(limit, limits.StackUnits)
        let f = instance.FindFunction name
        let arguments = [| Value.I32 1; Value.I32 2 |]
        let mutable last = 0UL

        for _ in 1..count do
            if setUnits then
                store.Units <- limits.StackUnits

            let results = call f arguments
            last <- results[0].Bits

        last

    interface IDisposable with
        member _.Dispose() = store.Dispose()

module WasmtimeBench =
    [<Literal>]
    let private Runs = 15

    let private best (run: unit -> struct (string * int64)) =
        Measure.warmUp 100.0 run
        let mutable ms = infinity
        let mutable last = struct ("", 0L)

        for _ in 1..Runs do
            let struct (t, answer) = Measure.onceCpu run
            ms <- min ms t
            last <- answer

        struct (ms, last)

    let private kernels (engine: WasmtimeEngine) (switched: WasmtimeEngine) (bare: BareWasmtime) (chosen: Kernel list) =
        printfn
            "%-12s %9s %9s %9s %9s %9s %9s %7s %7s %7s"
            "kernel"
            "compiled"
            "wasmtime"
            "switch"
            "bare"
            "plain"
            "plain nan"
            "us/bare"
            "us/plain"
            "us/ours"

        let rows = ResizeArray<float list>()

        for k in chosen do
            use ours = new OurKernel(k)
            use theirs = new WasmtimeKernel(engine, k)
            let struct (compiled, struct (expected, expectedGas)) = best ours.Run
            let struct (through, struct (answer, gas)) = best theirs.Run

            if answer <> expected || gas <> expectedGas then
                failwith $"{k.Name}: {answer} for {gas} gas on Wasmtime, {expected} for {expectedGas} by our compiler"

            use theirSwitch = new WasmtimeKernel(switched, k)
            let struct (bySwitch, struct (switchAnswer, _)) = best theirSwitch.Run
            let file = Path.Combine(AppContext.BaseDirectory, $"{k.Name}.instrumented.wasm")
            File.WriteAllBytes(file, theirs.Instrumented)
            let struct (same, sameAnswer) = bare.Run("kernel", false, file, k.Argument)
            let struct (plain, _) = bare.Run("kernel", false, k.Path, k.Argument)
            let struct (plainNan, plainAnswer) = bare.Run("kernel", true, k.Path, k.Argument)

            // An i32 stands in the low half of its slot.
            let shown (a: string) = if UInt64.Parse expected <= 0xFFFFFFFFUL then string (uint32 (UInt64.Parse a)) else a

            if shown sameAnswer <> expected || shown plainAnswer <> expected || switchAnswer <> expected then
                failwith $"{k.Name}: the bare C API answers {sameAnswer} and {plainAnswer}, the switch {switchAnswer}, we {expected}"

            rows.Add [ through / same; through / plain; through / compiled; bySwitch / plain; plainNan / plain ]

            printfn
                "%-12s %9.2f %9.2f %9.2f %9.2f %9.2f %9.2f %7.2f %7.2f %7.2f"
                k.Name
                compiled
                through
                bySwitch
                same
                plain
                plainNan
                (through / same)
                (through / plain)
                (through / compiled)

        let mean i = rows |> Seq.map (fun r -> r[i]) |> List.ofSeq |> Measure.geomean

        printfn
            "geomean: through us / bare %.3f, / plain %.3f, / compiled %.3f; with the switch / plain %.3f; plain with the switch / plain %.3f"
            (mean 0)
            (mean 1)
            (mean 2)
            (mean 3)
            (mean 4)

    let private life (engine: IWasmEngine) (kernel: Kernel) =
        let limits = WasmLimits.Contract

        let valid =
            match
                Decode.run limits Features.Default (File.ReadAllBytes kernel.Path) |> Result.bind (Validate.run limits Features.Default)
            with
            | Ok valid -> valid
            | Error e -> failwith $"{e}"

        use loaded =
            match engine.Load valid with
            | Ok m -> m
            | Error e -> failwith $"{e}"

        let settings = Instances.bare limits
        let run = Instances.settings "add" [| Value.I32 1; Value.I32 2 |]

        use instance =
            match loaded.Instantiate settings with
            | Ok i -> i
            | Error e -> failwith $"{e}"

        Measure.cpuPerOperation 2000 (fun n ->
            for _ in 1..n do
                instance.Run run |> ignore
                instance.Reset())

    let private calls (engine: WasmtimeEngine) (pooled: WasmtimeEngine) (bare: BareWasmtime) =
        let add = Kernels.all |> List.find (fun k -> k.Name = "add")
        use k = new WasmtimeKernel(engine, add)
        let file = Path.Combine(AppContext.BaseDirectory, "add.instrumented.wasm")
        File.WriteAllBytes(file, k.Instrumented)
        let through setUnits = Measure.cpuPerOperation 200_000 (fun n -> k.Calls("add", n, setUnits))
        let struct (same, _) = bare.Run("call", false, file, 0)
        let struct (units, _) = bare.Run("units", false, file, 0)

        printfn
            "call of an export: %.1f ns through us, %.1f bare; with the stack's units set before it: %.1f, %.1f"
            (through false)
            same
            (through true)
            units

        let struct (made, _) = bare.Run("life", false, file, 0)

        Environment.SetEnvironmentVariable("POOL", "1")
        let struct (madePooled, _) = bare.Run("life", false, file, 0)
        Environment.SetEnvironmentVariable("POOL", null)

        printfn
            "store, instance, start, one call, reset: %.0f ns on demand, %.0f pooled; bare, without the calls: %.0f, %.0f"
            (life engine add)
            (life pooled add)
            made
            madePooled

    let run (names: string list) : int =
        match Kernels.named names, WasmtimeForTests.tryPlain () with
        | Error e, _ ->
            eprintfn "%s" e
            2
        | _, None ->
            printfn "skipped: %s" WasmtimeForTests.absent
            0
        | Ok chosen, Some engine ->
            match BareWasmtime.TryBuild engine.Library.Path with
            | None ->
                printfn "skipped: no clang, or no headers of the C API"
                0
            | Some bare ->
                printfn "Wasmtime %s" engine.Library.Version
                let switched = (WasmtimeForTests.tryEngine "switch" (fun o -> o.WithNan WasmtimeNan.Switch)).Value
                let pooled = (WasmtimeForTests.tryEngine "pooled" (fun o -> o.WithPooledInstances 32)).Value
                // Kernels' stacks are small, but the guest's native stack must fit this thread.
                GuestThread.Run(
                    8L <<< 20,
                    fun () ->
                        calls engine pooled bare
                        kernels engine switched bare chosen
                )

                0
