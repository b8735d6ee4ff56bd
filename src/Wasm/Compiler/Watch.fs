namespace Twofold.Wasm.Compiler

// Deadlines of running guests: one timer for the process, because arming a timer for every run would cost more than a small run takes.
// In: a store, its run and when it is due. Out: an interrupt within two ticks of that moment, unless the run ended before.

open System
open System.Collections.Generic
open System.Diagnostics
open System.Threading
open Twofold.Wasm

/// One run under a deadline.
[<Sealed; AllowNullLiteral>]
type internal Watched(store: StoreData, epoch: int64, due: int64) =
    /// When it is due, as a timestamp of Stopwatch.
    member _.Due = due
    /// Its deadline has passed while it ran.
    member val Late = false with get, set
    member _.Interrupt() = store.Interrupt("deadline", epoch)

module internal Watch =
    /// Milliseconds between two looks: a small part of the 50 that an interrupt may take.
    [<Literal>]
    let private Tick = 5

    /// Looks without any run before the timer rests.
    [<Literal>]
    let private Patience = 400

    let private gate = obj ()
    let private watched = HashSet<Watched>(HashIdentity.Reference)
    let mutable private ticking = false
    let mutable private idle = 0

    let private look (timer: Timer) =
        let late =
            lock gate (fun () ->
                if watched.Count > 0 then
                    idle <- 0
                    let now = Stopwatch.GetTimestamp()

                    [
                        for w in watched do
                            if not w.Late && w.Due <= now then
                                w.Late <- true
                                w
                    ]
                else
                    idle <- idle + 1

                    if idle > Patience then
                        ticking <- false
                        timer.Change(Timeout.Infinite, Timeout.Infinite) |> ignore

                    [])

        for w in late do
            w.Interrupt()

    let private timer: Lazy<Timer> =
        lazy
            (let holder: Timer[] = [| null |]

             let make () =
                 holder[0] <- new Timer((fun _ -> look holder[0]), null, Timeout.Infinite, Timeout.Infinite)
                 holder[0]

             // The timer outlives whatever the first caller's context holds.
             if ExecutionContext.IsFlowSuppressed() then
                 make ()
             else
                 use _ = ExecutionContext.SuppressFlow()
                 make ())

    /// Watches a run from now on; null when it has no deadline.
    let start (store: StoreData) (deadline: TimeSpan) : Watched =
        if deadline <= TimeSpan.Zero then
            null
        else
            // A year is as good as never, and far from overflow.
            let seconds = min deadline.TotalSeconds 31_536_000.0
            let w = Watched(store, store.Epoch, Stopwatch.GetTimestamp() + int64 (seconds * float Stopwatch.Frequency))
            let t = timer.Value

            lock gate (fun () ->
                watched.Add w |> ignore
                idle <- 0

                if not ticking then
                    ticking <- true
                    t.Change(Tick, Tick) |> ignore)

            w

    /// The run has ended.
    let stop (w: Watched) =
        if not (isNull w) then
            lock gate (fun () -> watched.Remove w |> ignore)
