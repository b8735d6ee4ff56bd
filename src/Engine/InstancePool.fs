namespace Twofold.Engine

// Instances of one module, kept for the next request with the same settings.
// In: a loaded module and how to instantiate it. Out: leases; returning one resets the instance, so that what is idle is always clean.

open System
open System.Collections.Generic
open System.Diagnostics
open Twofold.Wasm

/// What makes two instances of a module interchangeable.
type PoolKey = {
    Limits: WasmLimits
    ReentryDepth: int
    Imports: string list
    Grants: ImportGrants option
    Switches: Switches
    /// Audits keep apart what has run what; 0 for everybody else.
    Lane: int
}

/// How a pool behaves.
type PoolOptions = {
    /// Idle instances kept for each module; zero means that every run gets a new one.
    IdlePerModule: int
    /// Instances of one module that run at once; zero: any number. Generous unless set: it bounds what a host can run out of, not how fast it is.
    MaxPerModule: int
    /// Instances of all modules that run at once; zero: any number.
    MaxInAll: int
    /// After each reset compare the digests of memory, globals, tables and segments with those of the new instance: slow, for debugging and tests.
    ProveResets: bool
} with

    static member Default = { IdlePerModule = Environment.ProcessorCount * 2; MaxPerModule = 1024; MaxInAll = 4096; ProveResets = false }

/// Counters of a pool; for reports and tests.
[<Struct>]
type PoolCounters = { Created: int64; Reused: int64; Discarded: int64; Idle: int; Leased: int }

/// An instance with the digests it had when it was new (none unless resets are proved), and when it came back last.
[<NoComparison; NoEquality>]
type internal Pooled = {
    Instance: IWasmInstance
    Key: PoolKey
    Fresh: struct (StateDigests * byte[]) voption
    mutable Returned: int64
    /// A function of the host keeps its thread: it is never used again, and freed when that function returns, if ever.
    mutable Quarantined: bool
}

module private Refusals =
    let sharedMemory =
        Refuse.link
            "memory"
            "a shared memory is never pooled: what other threads do to it is in no receipt"
            "memories that are not shared"
            "a shared memory"

/// The pool of one module. Safe for any number of threads; nothing of a guest runs under its lock.
[<Sealed>]
type internal InstancePool(modul: IWasmModule, options: PoolOptions, telemetry: Telemetry, bounds: InstanceGate) =
    let gate = obj ()
    let running = ModuleCount()
    let idle = Dictionary<PoolKey, Stack<Pooled>>()
    let mutable idleCount = 0
    let mutable leased = 0
    let mutable created = 0L
    let mutable reused = 0L
    let mutable discarded = 0L
    // Leases of before the last Clear are not taken back: Clear promises that nothing from before is used again.
    let mutable generation = 0
    let mutable closed = false
    // Orders returns, so that what has waited longest goes first.
    let mutable clock = 0L

    /// Under the lock: makes room for an instance with these settings by giving up the one of other settings that has waited longest.
    let makeRoom (key: PoolKey) : Pooled voption =
        let others = idle |> Seq.filter (fun pair -> pair.Key <> key)

        if Seq.isEmpty others then
            ValueNone
        else
            let oldest = others |> Seq.minBy (fun pair -> pair.Value.Peek().Returned)
            let victim = oldest.Value.Pop()
            idleCount <- idleCount - 1

            if oldest.Value.Count = 0 then
                idle.Remove oldest.Key |> ignore

            ValueSome victim

    let discard (p: Pooled) =
        lock gate (fun () -> discarded <- discarded + 1L)
        telemetry.Discarded()
        p.Instance.Dispose()

    // What other threads do to a shared memory is in no receipt, and can be undone by no reset.
    let refusesShared = modul.Module.MemoryTypes |> Array.exists _.Shared

    let sameBytes (a: byte[]) (b: byte[]) = a.AsSpan().SequenceEqual(b.AsSpan())

    /// Resets; says what was left behind when resets are proved.
    let reset (p: Pooled) =
        try
            let start = Stopwatch.GetTimestamp()
            p.Instance.Reset()
            telemetry.Reset start

            match p.Fresh with
            | ValueNone -> Ok()
            | ValueSome(struct (fresh, freshRest)) ->
                let now = p.Instance.Digests()

                if now.MemoryBytes <> fresh.MemoryBytes then
                    Error $"a reset left a memory of {now.MemoryBytes} bytes, new it has {fresh.MemoryBytes}"
                elif not (sameBytes now.Memory fresh.Memory) then
                    Error "a reset left bytes behind in memory"
                elif not (sameBytes now.Globals fresh.Globals) then
                    Error "a reset left a global changed"
                elif not (sameBytes (p.Instance.ResetDigest()) freshRest) then
                    Error "a reset left a table, a segment or a reference changed"
                else
                    Ok()
        with e ->
            Error $"a reset failed: {e.Message}"

    /// Waits until one more instance may run. Whoever got leave gives it back: by Return or Quarantine, or by Leave when nothing was rented.
    member _.Enter(patience: TimeSpan, token: Threading.CancellationToken) : Result<unit, EngineFault> =
        bounds.Enter(running, patience, token)

    member _.Leave() = bounds.Leave running

    /// An idle instance with these settings, or a new one. True: it was idle. Without `reuse` it is new, and is not kept afterwards.
    member _.Rent
        (key: PoolKey, reuse: bool, settings: unit -> Result<InstanceSettings, Rejected>)
        : Result<struct (Pooled * int * bool), Rejected> =
        let found =
            lock gate (fun () ->
                match idle.TryGetValue key with
                | true, stack when reuse && stack.Count > 0 ->
                    idleCount <- idleCount - 1
                    leased <- leased + 1
                    reused <- reused + 1L
                    let p = stack.Pop()

                    if stack.Count = 0 then
                        idle.Remove key |> ignore

                    ValueSome(struct (p, generation))
                | _ -> ValueNone)

        match found with
        | ValueSome(struct (p, g)) -> Ok(struct (p, g, true))
        | ValueNone ->
            let g = if reuse then lock gate (fun () -> generation) else -1

            (if refusesShared then Error Refusals.sharedMemory else settings ())
            |> Result.bind modul.Instantiate
            |> Result.map (fun instance ->
                let fresh =
                    if options.ProveResets then
                        ValueSome(struct (instance.Digests(), instance.ResetDigest()))
                    else
                        ValueNone

                lock gate (fun () ->
                    leased <- leased + 1
                    created <- created + 1L)

                struct ({ Instance = instance; Key = key; Fresh = fresh; Returned = 0L; Quarantined = false }, g, false))

    /// Takes an instance back. `reusable`: false after an engine fault, when nothing is known about it.
    member _.Return(p: Pooled, g: int, reusable: bool) : Result<unit, EngineFault> =
        let welcome () = not closed && g = generation && options.IdlePerModule > 0

        let struct (wanted, counted) =
            lock gate (fun () ->
                if p.Quarantined then
                    telemetry.Quarantine -1
                    struct (false, false)
                else
                    leased <- leased - 1
                    struct (reusable && welcome (), true))

        try
            if not wanted then
                discard p
                Ok()
            else
                match reset p with
                | Error why ->
                    discard p
                    Error(EngineFault.Bug why)
                | Ok() ->
                    let surplus =
                        lock gate (fun () ->
                            let victim =
                                if not (welcome ()) then ValueSome p
                                elif idleCount < options.IdlePerModule then ValueNone
                                else makeRoom p.Key |> ValueOption.orElse (ValueSome p)

                            match victim with
                            | ValueSome v when Object.ReferenceEquals(v, p) -> ()
                            | _ ->
                                clock <- clock + 1L
                                p.Returned <- clock

                                match idle.TryGetValue p.Key with
                                | true, stack -> stack.Push p
                                | _ ->
                                    let stack = Stack()
                                    stack.Push p
                                    idle[p.Key] <- stack

                                idleCount <- idleCount + 1

                            victim)

                    surplus |> ValueOption.iter discard
                    Ok()
        finally
            if counted then
                bounds.Leave running

    /// Nobody waits for a leased instance any more.
    member _.Quarantine(p: Pooled) =
        lock gate (fun () ->
            p.Quarantined <- true
            leased <- leased - 1
            telemetry.Quarantine 1)

        bounds.Leave running

    /// Drops every idle instance; leased ones are dropped when they come back.
    member _.Clear() =
        let dropped =
            lock gate (fun () ->
                generation <- generation + 1
                idleCount <- 0

                let all = [
                    for stack in idle.Values do
                        yield! stack
                ]

                idle.Clear()
                all)

        dropped |> List.iter discard

    /// Clears, and keeps nothing any more.
    member this.Close() =
        lock gate (fun () -> closed <- true)
        this.Clear()

    member _.Counters =
        lock gate (fun () -> { Created = created; Reused = reused; Discarded = discarded; Idle = idleCount; Leased = leased })
