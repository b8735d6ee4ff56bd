namespace Twofold.Bench

// The calls again under BenchmarkDotNet, which also counts allocations. It measures in this process: the project that it would generate and
// build for a process of its own does not know this repository's settings.
// In: BenchmarkDotNet's own arguments. Out: its tables, in BenchmarkDotNet.Artifacts.

open System
open BenchmarkDotNet.Attributes
open BenchmarkDotNet.Configs
open BenchmarkDotNet.Jobs
open BenchmarkDotNet.Running
open BenchmarkDotNet.Toolchains.InProcess.Emit
open Twofold.Wasm

[<MemoryDiagnoser>]
type Micro() =
    let path name = (Kernels.all |> List.find (fun k -> k.Name = name)).Path
    let store = new Store(StoreOptions().WithGas(Int64.MaxValue))
    let instance = Linker().Instantiate(store, Module.Load(path "add"))
    let add = instance.GetFunction<int, int, int> "add"

    let increment = Func<int64, int64>(fun x -> x + 1L)

    let hostLoop =
        Linker().Define("env", "host_inc", increment).Instantiate(store, Module.Load(path "hostloop")).GetFunction<int, int64> "run"

    [<Benchmark>]
    member _.ExportCallTyped() = add.Invoke(5, 3)

    [<Benchmark>]
    member _.ExportCallBoxed() = instance.Call("add", Value.I32 5, Value.I32 3)

    [<Benchmark(OperationsPerInvoke = 10_000)>]
    member _.HostCallTyped() = hostLoop.Invoke 10_000

    static member Run(arguments: string[]) =
        let job = Job.ShortRun.WithToolchain InProcessEmitToolchain.Instance
        let config = ManualConfig.Create(DefaultConfig.Instance).AddJob job
        let arguments = if arguments.Length = 0 then [| "--filter"; "*" |] else arguments
        BenchmarkSwitcher.FromTypes([| typeof<Micro> |]).Run(arguments, config) |> ignore
