namespace Twofold.Engine

// How many instances run at once: of one module, and of all modules of an engine. Those that come later wait for one to be given back, in order.
// In: requests for an instance, with how long they may wait. Out: leave to have one, or the fault that says how long it waited in vain.
//
// The one that came first and fits goes first: a module that is at its own bound holds up nobody else. A run that is started by a function of the host
// during another run never waits: the other has its instance until the function returns, and both would wait for ever.

open System
open System.Collections.Generic
open System.Diagnostics
open System.Threading
open Twofold.Wasm

/// Instances of one module that run; under the gate's lock.
[<Sealed>]
type internal ModuleCount() =
    member val Running = 0 with get, set

[<Sealed>]
type private Waiter(modul: ModuleCount) =
    member _.Module = modul
    member val Ready = new SemaphoreSlim 0
    member val Admitted = false with get, set

/// The gate of one engine. Thread-safe. Bounds of 0 are none.
[<Sealed>]
type internal InstanceGate(perModule: int, total: int) =
    static let nested = AsyncLocal<bool>()
    let gate = obj ()
    let waiting = LinkedList<Waiter>()
    let mutable running = 0

    let fits (m: ModuleCount) = (total <= 0 || running < total) && (perModule <= 0 || m.Running < perModule)

    let admit (m: ModuleCount) =
        running <- running + 1
        m.Running <- m.Running + 1

    /// Under the lock: lets in everybody who fits now.
    let letIn () =
        let mutable node = waiting.First

        while not (isNull node) do
            let next = node.Next
            let w = node.Value

            if fits w.Module then
                admit w.Module
                w.Admitted <- true
                waiting.Remove node
                w.Ready.Release() |> ignore

            node <- next

    /// Whether the calling flow is a function of the host that a run has called: what it starts is nested in that run.
    static member Nested
        with get () = nested.Value
        and set (value: bool) = nested.Value <- value

    /// Those that wait.
    member _.Waiting = lock gate (fun () -> waiting.Count)

    /// Waits for leave to have an instance of a module, at most so long (zero: as long as it takes).
    member _.Enter(m: ModuleCount, patience: TimeSpan, token: CancellationToken) : Result<unit, EngineFault> =
        let waiter =
            lock gate (fun () ->
                // Nobody who fits is waiting: they were let in when they began to fit.
                if fits m || nested.Value then
                    admit m
                    ValueNone
                else
                    ValueSome(waiting.AddLast(Waiter m)))

        match waiter with
        | ValueNone -> Ok()
        | ValueSome node ->
            let w = node.Value
            let start = Stopwatch.GetTimestamp()

            let most = if patience <= TimeSpan.Zero then -1.0 else min patience.TotalMilliseconds (float Int32.MaxValue)

            let cancelled =
                try
                    w.Ready.Wait(int most, token) |> ignore
                    false
                with :? OperationCanceledException ->
                    true

            // Whoever was let in at the last moment has the instance.
            let admitted =
                lock gate (fun () ->
                    if not w.Admitted then
                        waiting.Remove node

                    w.Admitted)

            w.Ready.Dispose()

            if admitted then Ok()
            elif cancelled then Error EngineFault.Cancelled
            else Error(EngineFault.PoolExhausted(Stopwatch.GetElapsedTime start))

    /// An instance is given back, or given up.
    member _.Leave(m: ModuleCount) =
        lock gate (fun () ->
            running <- running - 1
            m.Running <- m.Running - 1
            letIn ())
