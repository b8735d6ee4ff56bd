namespace Twofold.Engine

// Threads of our own for guests: a guest that waits for a host function, or runs for seconds, takes no thread of the process's pool.
// In: work. Out: a task; threads are made as they are needed, used again, and end when nothing came for a while.

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

[<Sealed; AllowNullLiteral>]
type private Worker(restMilliseconds: int, stackBytes: int, idle: Worker -> bool, retire: Worker -> bool) as this =
    let ready = new SemaphoreSlim 0
    let mutable next: (unit -> unit) = ignore

    let loop () =
        let mutable living = true

        while living do
            if ready.Wait(restMilliseconds) then
                next ()
                next <- ignore
                living <- idle this
            else
                // Work may have come at the last moment: then this worker was taken from the list already, and waits once more.
                living <- not (retire this)

        ready.Dispose()

    let thread = Thread(loop, stackBytes, IsBackground = true, Name = "twofold guest")

    member _.Start() = thread.Start()

    member _.Give(work: unit -> unit) =
        next <- work
        ready.Release() |> ignore

/// The threads of this process.
[<AbstractClass; Sealed>]
type internal GuestThreads private () =
    static let gate = obj ()
    static let resting = Stack<Worker>()

    static let idle (w: Worker) =
        lock gate (fun () ->
            resting.Push w
            true)

    // True: it was resting, and is gone.
    static let retire (w: Worker) =
        lock gate (fun () ->
            let kept = resting |> Seq.filter (fun o -> not (Object.ReferenceEquals(o, w))) |> Seq.rev |> Array.ofSeq

            if kept.Length = resting.Count then
                false
            else
                resting.Clear()
                kept |> Array.iter resting.Push
                true)

    // How long a thread waits for work, and bytes of a stack: reserved, not touched. Guests that need more get a fresh one from their engine.
    static let restMilliseconds = 10_000
    static let stackBytes = 16 <<< 20

    /// Runs work on a thread of its own, in the caller's execution context.
    static member Run(work: unit -> 'T) : Task<'T> = GuestThreads.Answering(fun answer -> answer.TrySetResult(work ()) |> ignore)

    /// The same for work that somebody else may answer in its place, while it has its thread.
    static member Answering(work: TaskCompletionSource<'T> -> unit) : Task<'T> =
        let answer = TaskCompletionSource<'T> TaskCreationOptions.RunContinuationsAsynchronously
        let context = ExecutionContext.Capture()

        let body () =
            try
                work answer
            with e ->
                answer.TrySetException e |> ignore

        let inContext () = if isNull context then body () else ExecutionContext.Run(context, (fun _ -> body ()), null)

        let worker = lock gate (fun () -> if resting.Count > 0 then resting.Pop() else null)

        if isNull worker then
            let made = Worker(restMilliseconds, stackBytes, idle, retire)
            made.Give inContext
            made.Start()
        else
            worker.Give inContext

        answer.Task
