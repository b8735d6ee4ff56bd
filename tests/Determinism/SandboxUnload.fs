module Twofold.Determinism.SandboxUnload

// Unloaded modules are really gone: nothing in the process holds them or their code any more.
// In: plugins that are loaded, called, swapped and unloaded. Out: dead weak references.

open System
open System.Runtime.CompilerServices
open System.Text
open System.Threading
open NUnit.Framework
open Twofold
open Twofold.Wasm

let private wasm (n: int) =
    Encoding.UTF8.GetBytes
        $"""(module (import "env" "f" (func $f (param i32) (result i32))) (memory 2)
        (func (export "run") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const {n}))))"""

// A frame of its own, so that no local keeps the module alive.
[<MethodImpl(MethodImplOptions.NoInlining)>]
let private use' (host: PluginHost) (n: int) : WeakReference =
    let plugin = host.LoadAsync($"p{n}", wasm n).GetAwaiter().GetResult()
    let run = plugin.Bind<Func<int, int>> "run"
    Assert.That(run.Invoke 1, Is.EqualTo(2 + n))

    match plugin.Sandbox.Loaded with
    // Compiled code, interpreted code and instances all hold the valid module.
    | ValueSome m -> WeakReference m.Valid
    | ValueNone -> failwith "nothing is loaded"

let private gone (references: WeakReference list) =
    let mutable rounds = 0

    while references |> List.exists _.IsAlive && rounds < 50 do
        GC.Collect()
        GC.WaitForPendingFinalizers()
        Thread.Sleep 10
        rounds <- rounds + 1

    references |> List.filter _.IsAlive |> List.length

let private options () = SandboxOptions().WithHostFunction("env", "f", Func<int, int>(fun x -> 2 * x))

let private engines: (unit -> IWasmEngine) list = [
    (fun () -> CompiledEngine CompileWhen.Hot)
    (fun () -> CompiledEngine CompileWhen.FirstCall)
    (fun () -> InterpretedEngine())
]

[<TestCaseSource(nameof engines)>]
let ``unloaded plugins are collected, code and instances`` (engine: unit -> IWasmEngine) =
    let host = new PluginHost(options().WithEngine(engine ()))
    let references = [ for n in 1..20 -> use' host n ]
    Assert.That(gone references, Is.EqualTo 20, "loaded ones stay")

    for n in 1..20 do
        Assert.That(host.UnloadAsync($"p{n}").GetAwaiter().GetResult())

    // The thread that ran last may remember its last run.
    Assert.That(gone references, Is.LessThanOrEqualTo 1)
    host.DisposeAsync().AsTask().Wait()

[<MethodImpl(MethodImplOptions.NoInlining)>]
let private swapped (plugin: Plugin) (n: int) : WeakReference =
    let old =
        match plugin.Sandbox.Loaded with
        | ValueSome m -> WeakReference m.Valid
        | ValueNone -> failwith "nothing is loaded"

    plugin.SwapAsync(wasm n).GetAwaiter().GetResult()
    old

[<Test>]
let ``a version that was swapped out is collected while the plugin goes on`` () =
    let host = new PluginHost(options ())
    let plugin = host.LoadAsync("p", wasm 1).GetAwaiter().GetResult()
    let run = plugin.Bind<Func<int, int>> "run"

    let references = [
        for n in 2..20 do
            run.Invoke 1 |> ignore
            swapped plugin n
    ]

    Assert.That(run.Invoke 1, Is.EqualTo 22)
    Assert.That(gone references, Is.LessThanOrEqualTo 1)
    host.DisposeAsync().AsTask().Wait()
