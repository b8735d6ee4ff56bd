namespace Twofold.Bench

// What crossing the border costs: calls in, calls out, an instance's life, traps, loading. Through the public face only.
// In: nothing. Out: figures, each a name and nanoseconds for one operation.

open System
open System.Diagnostics
open System.IO
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

/// One line of a table: nanoseconds an operation; V8's, where it has the same.
type Figure = { What: string; Nanoseconds: float; V8: float option }

module CallBench =
    let private kernel name = Kernels.all |> List.find (fun k -> k.Name = name)

    let private load name = Module.Load(kernel(name).Path)

    let private limits = WasmLimits.Contract

    let private orFail (r: Result<'a, Rejected>) =
        match r with
        | Ok x -> x
        | Error e -> failwith (string e)

    let private validate (bytes: byte[]) =
        Decode.run WasmLimits.Host Features.Default bytes
        |> Result.bind (Validate.run WasmLimits.Host Features.Default)
        |> orFail

    /// A module that traps when called: (func (export "run") unreachable).
    let private trapping = [|
        0x00uy
        0x61uy
        0x73uy
        0x6Duy
        0x01uy
        0x00uy
        0x00uy
        0x00uy
        0x01uy
        0x04uy
        0x01uy
        0x60uy
        0x00uy
        0x00uy
        0x03uy
        0x02uy
        0x01uy
        0x00uy
        0x07uy
        0x07uy
        0x01uy
        0x03uy
        0x72uy
        0x75uy
        0x6Euy
        0x00uy
        0x00uy
        0x0Auy
        0x05uy
        0x01uy
        0x03uy
        0x00uy
        0x00uy
        0x0Buy
    |]

    let private plain what ns = { What = what; Nanoseconds = ns; V8 = None }

    /// Calls of an export: typed, and boxed.
    let exportCalls () : Figure list =
        use store = new Store(StoreOptions().WithGas(Int64.MaxValue))
        let instance = Linker().Instantiate(store, load "add")
        let add = instance.GetFunction<int, int, int> "add"
        let v8 = V8.figures "add" |> Option.bind (List.tryFind (fun f -> f.Metric = "call_ns")) |> Option.map _.Value

        let typed =
            Measure.perOperation 2_000_000 (fun n ->
                let mutable sum = 0

                for i in 1..n do
                    sum <- add.Invoke(sum, i)

                sum)

        let boxed =
            Measure.perOperation 200_000 (fun n ->
                let mutable sum = 0

                for i in 1..n do
                    let results = instance.Call("add", Value.I32 sum, Value.I32 i)
                    sum <- results[0].AsI32()

                sum)

        [ { What = "export call, typed delegate"; Nanoseconds = typed; V8 = v8 }; plain "export call, boxed values" boxed ]

    /// Calls of a host function from a loop in the guest; the loop itself is in the figure.
    let hostCalls () : Figure list =
        let calls = (kernel "hostloop").Argument

        let v8 = V8.run "hostloop" |> Option.map (fun f -> f.Value * 1e6 / float calls)

        use typedStore = new Store(StoreOptions().WithGas(Int64.MaxValue))
        let increment = Func<int64, int64>(fun x -> x + 1L)
        let typed = Linker().Define("env", "host_inc", increment).Instantiate(typedStore, load "hostloop")
        let typedRun = typed.GetFunction<int, int64> "run"
        let typedNs = Measure.perOperation calls (fun n -> typedRun.Invoke n)

        // A raw host function, as the pipeline links it; each run is on a clean instance.
        let valid = validate (File.ReadAllBytes(kernel("hostloop").Path))
        use loaded = (CompiledEngine() :> IWasmEngine).Load valid |> orFail

        let settings = {
            Functions = [
                {
                    Module = "env"
                    Name = "host_inc"
                    Type = { Params = [| ValType.I64 |]; Results = [| ValType.I64 |] }
                    Function = HostFunction(fun _ a -> a[0] + 1UL)
                }
            ]
            Memory = None
            Limits = limits
            ReentryDepth = 1
        }

        use raw = loaded.Instantiate settings |> orFail

        let rawNs =
            Measure.perOperation calls (fun n ->
                raw.Reset()
                raw.Run(Instances.settings "run" [| Value.I32 n |]) |> orFail)

        [
            { What = "host call, typed delegate"; Nanoseconds = typedNs; V8 = v8 }
            { What = "host call, raw bits"; Nanoseconds = rawNs; V8 = v8 }
        ]

    /// An instance's life as a pool sees it: make, reset, call.
    let instances () : Figure list =
        let valid = validate (File.ReadAllBytes(kernel("add").Path))
        use loaded = (CompiledEngine() :> IWasmEngine).Load valid |> orFail
        let settings = Instances.bare limits
        use pooled = loaded.Instantiate settings |> orFail
        let call = Instances.settings "add" [| Value.I32 5; Value.I32 3 |]

        let reuse =
            Measure.perOperation 20_000 (fun n ->
                for _ in 1..n do
                    pooled.Reset()
                    pooled.Run call |> orFail |> ignore)

        let make =
            Measure.perOperation 2_000 (fun n ->
                for _ in 1..n do
                    (loaded.Instantiate settings |> orFail).Dispose())

        let trapModule = (CompiledEngine() :> IWasmEngine).Load(validate trapping) |> orFail
        use trap = trapModule.Instantiate settings |> orFail
        let callTrap = Instances.settings "run" [||]

        let trapping =
            Measure.perOperation 2_000 (fun n ->
                for _ in 1..n do
                    trap.Reset()
                    trap.Run callTrap |> orFail |> ignore)

        [
            plain "acquire, call, reset (a page of memory)" reuse
            plain "instantiate and dispose" make
            plain "a run that traps, with reset" trapping
        ]

    /// An endless loop, made of the trapping module by another body.
    let private endless =
        let code = [| 0x0Auy; 0x09uy; 0x01uy; 0x07uy; 0x00uy; 0x03uy; 0x40uy; 0x0Cuy; 0x00uy; 0x0Buy; 0x0Buy |]
        Array.append trapping[.. trapping.Length - 8] code

    /// How long an endless loop goes on after it should have ended: median and worst of 25, by deadline and by cancellation.
    let interrupts () : Figure list =
        use loaded = (CompiledEngine() :> IWasmEngine).Load(validate endless) |> orFail
        use instance = loaded.Instantiate(Instances.bare limits) |> orFail
        let plainly = Instances.settings "run" [||]

        let lateness (settings: unit -> RunSettings) (due: unit -> int64) =
            let late = [|
                for _ in 1..25 do
                    instance.Reset()

                    match instance.Run(settings ()) |> orFail with
                    | { End = RunEnd.Fault _ } -> Stopwatch.GetElapsedTime(due ()).TotalNanoseconds
                    | ended -> failwith $"an endless loop ended: %A{ended}"
            |]

            Measure.median late, Array.max late

        let start = [| 0L |]
        let deadline = TimeSpan.FromMilliseconds 20.0

        let byDeadline () =
            start[0] <- Stopwatch.GetTimestamp()
            { plainly with Deadline = deadline }

        let dueByDeadline () = start[0] + int64 (deadline.TotalSeconds * float Stopwatch.Frequency)
        let cancelled = [| 0L |]

        let byToken () =
            let source = new CancellationTokenSource()

            let cancel =
                Thread(fun () ->
                    Thread.Sleep 20
                    Volatile.Write(&cancelled[0], Stopwatch.GetTimestamp())
                    source.Cancel())

            cancel.Start()
            { plainly with Cancellation = source.Token }

        let deadlineMedian, deadlineWorst = lateness byDeadline dueByDeadline
        let tokenMedian, tokenWorst = lateness byToken (fun () -> Volatile.Read &cancelled[0])

        [
            plain "an endless loop after its deadline, median of 25" deadlineMedian
            plain "the same, worst of 25" deadlineWorst
            plain "an endless loop after it was cancelled, median of 25" tokenMedian
            plain "the same, worst of 25" tokenWorst
        ]

    /// Bytes to a valid module, and a kernel's functions to machine code. The module is the given one, or the largest sample.
    let loading (file: string option) : Figure list * float =
        let samples = Path.Combine(Kernels.folder, "..", "..", "samples", "contracts", "wasm")

        let biggest =
            file
            |> Option.defaultWith (fun () -> Directory.GetFiles(samples, "*.wasm") |> Array.maxBy (fun f -> FileInfo(f).Length))

        let bytes = File.ReadAllBytes biggest

        let ns =
            Measure.perOperation (max 1 (1_000_000 / bytes.Length)) (fun n ->
                for _ in 1..n do
                    validate bytes |> ignore)

        let megabytes = float bytes.Length / 1e6 / (ns / 1e9)

        let compile (k: Kernel) =
            let bytes = File.ReadAllBytes k.Path

            Measure.perOperation 3 (fun n ->
                for _ in 1..n do
                    Module.Load(bytes).CompileAll())

        let all = Kernels.computing |> List.map compile |> Array.ofList

        [
            plain $"decode and validate {Path.GetFileName biggest} ({bytes.Length} bytes)" ns
            plain "load and compile a kernel, all functions" (Measure.median all)
        ],
        megabytes
