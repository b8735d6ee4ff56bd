module Twofold.Determinism.Leaks

// Planted leaks: an engine whose instances forget to reset one thing must be caught, each kind of thing once.
// In: a guest that can dirty a page, a global, a table entry and a segment, and look at each. Out: proof that the harness would see it.

open System
open System.Reflection
open System.Runtime.InteropServices
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Engine
open Twofold.Determinism.Assemble
open Twofold.Determinism.Harness

/// `dirty_*` changes one thing, `observe` answers with all of them in one number (or traps over the dropped segment).
let private module' =
    let seven = def "" [] [ i32 ] (constant 7)

    let observe =
        // memory[200] * 1000 + global * 100 + table[0]() * 10 + first byte of the passive segment, copied to 300; the call is where leaks are planted.
        let times n = constant n @ [ 0x6Cuy ]

        (call 0 @ drop @ constant 300 @ constant 0 @ constant 1 @ memoryInit 0)
        @ (constant 200 @ load8 @ times 1000)
        @ (globalGet 0 @ times 100 @ add)
        @ (constant 0 @ callIndirect 1 @ times 10 @ add)
        @ (constant 300 @ load8 @ add)

    guest [
        seven
        def "observe" [] [ i32 ] observe
        def "dirty_page" [] [ i32 ] (constant 200 @ constant 1 @ store8 @ constant 0)
        def "dirty_size" [] [ i32 ] (constant 3 @ growMemory @ drop @ constant 0)
        def "dirty_global" [] [ i32 ] (constant 2 @ globalSet 0 @ constant 0)
        def "dirty_table" [] [ i32 ] (constant 0 @ refNull @ tableSet @ constant 0)
        def "dirty_segment" [] [ i32 ] (dataDrop 0 @ constant 0)
    ]
    |> fun g ->
        assemble {
            g with
                Imports = [ "env", "get_block_height", [], [ i64 ] ]
                Globals = [ 1 ]
                TableSize = 2
                Elements = [ 1 ]
                Passive = [ 5uy ]
        }

let private settings entry = {
    Entry = entry
    Arguments = [||]
    Gas = Int64.MaxValue
    StackUnits = 10_000
    Data = null
    Deadline = TimeSpan.Zero
    Cancellation = CancellationToken.None
}

let field (name: string) (o: obj) =
    let flags = BindingFlags.Instance ||| BindingFlags.NonPublic ||| BindingFlags.Public
    o.GetType().GetFields flags |> Array.find (fun f -> f.Name = name)

/// An instance whose reset leaves something behind in memory, its size or the globals: it runs `dirty` after resetting, and is told that it is clean.
let forgetful (dirty: string) (inner: IWasmInstance) : IWasmInstance = {
    new IWasmInstance with
        member _.Run s = inner.Run s
        member _.RunCalls(s, calls) = inner.RunCalls(s, calls)
        member _.Digests() = inner.Digests()
        member _.ResetDigest() = inner.ResetDigest()
        member _.Where() = inner.Where()

        member _.Reset() =
            inner.Reset()
            inner.Run(settings dirty) |> ignore
            (field "clean" inner).SetValue(inner, true)

        member _.Dispose() = inner.Dispose()
}

/// What an instance would hold if its reset had forgotten one thing. Initialisation writes globals, segments and active elements anew, so
/// these are planted behind its back: in the guest's first host call, without gas, in the engine's own data.
let private plant (kind: string) (guest: Twofold.Wasm.Guest) (instance: IWasmInstance) =
    let data = (field "instance" instance).GetValue instance
    let property (name: string) = data.GetType().GetProperty(name).GetValue data

    match kind with
    | "page" -> guest.Slice(200u, 1u)[0] <- 1uy
    | "size" -> guest.GrowMemory 3u |> ignore
    | "global" ->
        let link = typeof<CompiledEngine>.Assembly.GetType "Twofold.Wasm.Compiler.Link"
        let find = link.GetMethod("globalAddress", BindingFlags.Static ||| BindingFlags.Public ||| BindingFlags.NonPublic)
        Marshal.WriteInt64(find.Invoke(null, [| data; box 0 |]) :?> nativeint, 2L)
    | "table" ->
        let table = (property "Tables" :?> Array).GetValue 0
        table.GetType().GetMethod("Set").Invoke(table, [| box 0UL; null |]) |> ignore
    | "segment" -> Array.Clear(property "Datas" :?> Array)
    | "nothing" -> ()
    | other -> failwith other

/// An instance that does something of its own in the guest's host calls, and is told whether it has been reset before.
let planting
    (act: bool -> Twofold.Wasm.Guest -> IWasmInstance -> unit)
    (load: IWasmModule)
    (s: InstanceSettings)
    : Result<IWasmInstance, Rejected> =
    let mutable used = false
    let mutable inner: IWasmInstance = Unchecked.defaultof<_>

    let acting (f: HostImport) = {
        f with
            Function =
                HostFunction(fun guest arguments ->
                    act used guest inner
                    f.Function.Invoke(guest, arguments))
    }

    load.Instantiate { s with Functions = s.Functions |> List.map acting }
    |> Result.map (fun made ->
        inner <- made

        {
            new IWasmInstance with
                member _.Run s = made.Run s
                member _.RunCalls(s, calls) = made.RunCalls(s, calls)
                member _.Digests() = made.Digests()
                member _.ResetDigest() = made.ResetDigest()
                member _.Where() = made.Where()

                member _.Reset() =
                    made.Reset()
                    used <- true

                member _.Dispose() = made.Dispose()
        })

/// An engine whose used instances show a leak of this kind in their next run.
let private leaky (kind: string) =
    planting (fun used guest instance ->
        if used then
            plant kind guest instance)

let wrapped (instantiate: IWasmModule -> InstanceSettings -> Result<IWasmInstance, Rejected>) : IWasmEngine =
    let engine = newEngine ()

    {
        new IWasmEngine with
            member _.Name = engine.Name
            member _.Version = engine.Version + "/leaky"

            member _.Load valid =
                engine.Load valid
                |> Result.map (fun inner -> {
                    new IWasmModule with
                        member _.Module = inner.Module
                        member _.Instantiate s = instantiate inner s
                        member _.Dispose() = inner.Dispose()
                })
    }

let private observe () = Limits.raw module' "observe" []

let runTwice (engine: IWasmEngine) (prove: bool) (request: ExecutionRequest) =
    let options = { ExecutorOptions.For engine with Pool = { PoolOptions.Default with ProveResets = prove } }
    use e = new Executor(options)
    let first = e.Execute request
    first, e.Execute request

let private kinds = [| "page"; "size"; "global"; "table"; "segment" |]

[<Test>]
let ``without a leak every run sees the same`` () =
    let r = everyWay (observe ())
    Assert.That((r.Receipt.Outcome = Outcome.Returned [ { Kind = ValueKind.I32; Low = 175UL; High = 0UL } ]), r.Message)

    match runTwice (wrapped (leaky "nothing")) true (observe ()) with
    | Ok a, Ok b ->
        Assert.That(b.PoolHit)
        Assert.That((a.ReceiptDigest = b.ReceiptDigest))
    | other -> Assert.Fail $"%A{other}"

[<TestCaseSource(nameof kinds)>]
let ``a planted leak gives another receipt to the next run`` (kind: string) =
    match runTwice (wrapped (leaky kind)) false (observe ()) with
    | Ok a, Ok b ->
        Assert.That(b.PoolHit)
        Assert.That((a.ReceiptDigest <> b.ReceiptDigest), kind)

        if b.Receipt.Outcome.Succeeded then
            Assert.That(a.Receipt.GasUsed, Is.EqualTo b.Receipt.GasUsed, "only what leaked differs")
    | other -> Assert.Fail $"%A{other}"

[<TestCase("dirty_page")>]
[<TestCase("dirty_size")>]
[<TestCase("dirty_global")>]
[<TestCase("dirty_table")>]
[<TestCase("dirty_segment")>]
let ``a proved reset refuses a leaky instance`` (dirty: string) =
    match runTwice (wrapped (fun m s -> m.Instantiate s |> Result.map (forgetful dirty))) true (observe ()) with
    | Error(Refusal.Fault(EngineFault.Bug message)), _ -> Assert.That(message, Does.Contain "reset")
    | other -> Assert.Fail $"%A{other}"

[<TestCaseSource(nameof kinds)>]
let ``what one run dirties the next one does not see`` (kind: string) =
    use e = executor { PoolOptions.Default with IdlePerModule = 1; ProveResets = true }
    let expected = (report fresh (observe ())).ReceiptDigest

    for _ in 1..3 do
        report e (Limits.raw module' $"dirty_{kind}" []) |> ignore
        let again = report e (observe ())
        Assert.That(again.PoolHit)
        Assert.That((again.ReceiptDigest = expected), kind)

[<Test>]
let ``a run that cannot pay for its memory shows nothing of the run before`` () =
    use e = executor { PoolOptions.Default with IdlePerModule = 1 }
    let poor = { observe () with Limits = { RequestLimits.None with Gas = Some 100L } }
    report e (Limits.raw module' "dirty_global" []) |> ignore
    let pooled = report e poor
    Assert.That(pooled.PoolHit)
    Assert.That((pooled.ReceiptDigest = (report fresh poor).ReceiptDigest))
