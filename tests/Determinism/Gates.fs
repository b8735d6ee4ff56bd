module Twofold.Determinism.Gates

// The gate in front of instances, by itself: bounds that are never passed, the order of those who wait.
// In: threads that enter and leave. Out: the most that were inside at once, who came in after whom.

open System
open System.Collections.Generic
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Engine

let private never = TimeSpan.Zero

let private enter (gate: InstanceGate) m =
    match gate.Enter(m, never, CancellationToken.None) with
    | Ok() -> ()
    | Error fault -> failwith $"{fault}"

/// Starts a thread that wants in, and waits until it stands in the queue.
let private queue (gate: InstanceGate) m (entered: unit -> unit) =
    let before = gate.Waiting

    let thread =
        Thread(fun () ->
            enter gate m
            entered ())

    thread.Start()
    Assert.That(SpinWait.SpinUntil((fun () -> gate.Waiting = before + 1), 30_000))
    thread

[<Test>]
let ``who came first goes in first, and a module at its bound holds up nobody behind it`` () =
    let gate = InstanceGate(1, 2)
    let a, b, c = ModuleCount(), ModuleCount(), ModuleCount()
    let order = List<string>()
    let said name () = lock order (fun () -> order.Add name)
    let came n = Assert.That(SpinWait.SpinUntil((fun () -> lock order (fun () -> order.Count) = n), 30_000))
    enter gate a
    enter gate b
    let threads = [ queue gate a (said "a1"); queue gate c (said "c1"); queue gate a (said "a2"); queue gate b (said "b1") ]
    // A place in all for b's; a is at its own bound, so c, which came after it, goes first.
    gate.Leave b
    came 1
    gate.Leave a
    came 2
    gate.Leave c
    came 3
    gate.Leave a
    came 4
    Assert.That((List.ofSeq order = [ "c1"; "a1"; "b1"; "a2" ]), $"%A{List.ofSeq order}")
    threads |> List.iter _.Join()
    Assert.That(gate.Waiting, Is.Zero)

[<Test>]
let ``bounds hold under load, whoever gives up waiting`` () =
    let gate = InstanceGate(2, 3)
    let modules = Array.init 3 (fun _ -> ModuleCount())
    let inside = Array.zeroCreate<int> 3
    let all, passed, entered = [| 0 |], [| 0 |], [| 0 |]

    let threads =
        Array.init 8 (fun seed ->
            Thread(fun () ->
                let random = Random seed

                for _ in 1..400 do
                    let i = random.Next 3
                    // Some give up at once, some when they were let in.
                    let patience = if random.Next 3 = 0 then TimeSpan.FromMilliseconds 0.5 else never

                    match gate.Enter(modules[i], patience, CancellationToken.None) with
                    | Ok() ->
                        Interlocked.Increment &entered[0] |> ignore

                        if Interlocked.Increment &inside[i] > 2 || Interlocked.Increment &all[0] > 3 then
                            Interlocked.Increment &passed[0] |> ignore

                        if random.Next 4 = 0 then
                            Thread.Sleep 0

                        Interlocked.Decrement &all[0] |> ignore
                        Interlocked.Decrement &inside[i] |> ignore
                        gate.Leave modules[i]
                    | Error(EngineFault.PoolExhausted _) -> ()
                    | Error other -> failwith $"{other}"))

    threads |> Array.iter _.Start()
    threads |> Array.iter _.Join()
    Assert.That((passed[0], gate.Waiting, modules |> Array.sumBy _.Running), Is.EqualTo((0, 0, 0)))
    Assert.That(entered[0], Is.GreaterThan 1000)
