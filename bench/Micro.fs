namespace Twofold.Bench

// The calls again under BenchmarkDotNet, which also counts allocations; `micro --filter *` runs all.
// In: nothing. Out: BenchmarkDotNet's tables.

open System
open BenchmarkDotNet.Attributes
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
