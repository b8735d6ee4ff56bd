namespace Twofold.Engine

// What hosts measure: metrics and traces under the name `Twofold`, by OpenTelemetry's conventions (units of UCUM, seconds, names with dots).
// In: stages, cache and pools, as things happen. Out: instruments and activities, which cost next to nothing while nobody listens. Nothing of it
// reaches a receipt: times and hits are facts about a run, not about its result.

open System
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Threading
open Twofold.Wasm

/// Names of the tags; docs/OBSERVABILITY.md explains their values.
module internal Tags =
    [<Literal>]
    let Engine = "twofold.engine"

    [<Literal>]
    let Profile = "twofold.profile"

    [<Literal>]
    let Outcome = "twofold.outcome"

    [<Literal>]
    let Module = "twofold.module.hash"

    [<Literal>]
    let Entry = "twofold.entry"

    [<Literal>]
    let Gas = "twofold.gas"

    [<Literal>]
    let CacheResult = "twofold.cache.result"

    [<Literal>]
    let Pooled = "twofold.instance.pooled"

    [<Literal>]
    let Replay = "twofold.replay.result"

    [<Literal>]
    let SandboxEnd = "twofold.sandbox.end"

    [<Literal>]
    let Quota = "twofold.tenant.quota"

    [<Literal>]
    let SkillService = "twofold.skill.service"

    [<Literal>]
    let SkillResult = "twofold.skill.result"

    /// OpenTelemetry's own name for what went wrong.
    [<Literal>]
    let ErrorType = "error.type"

    let outcome (o: Outcome) =
        match o with
        | Outcome.Returned _ -> "returned"
        | Outcome.Failed _ -> "failed"
        | Outcome.Trapped _ -> "trapped"
        | Outcome.Uncaught _ -> "uncaught"
        | Outcome.OutOfGas -> "out_of_gas"
        | Outcome.StackExhausted -> "stack_exhausted"

    let fault (f: EngineFault) =
        match f with
        | EngineFault.Deadline _ -> "deadline"
        | EngineFault.Cancelled -> "cancelled"
        | EngineFault.HostMemory _ -> "host_memory"
        | EngineFault.HostFunction _ -> "host_function"
        | EngineFault.PoolExhausted _ -> "pool_exhausted"
        | EngineFault.Bug _ -> "bug"

    let result (r: Result<ExecutionReport, Refusal>) =
        match r with
        | Ok report -> outcome report.Receipt.Outcome
        | Error(Refusal.Rejected _) -> "rejected"
        | Error(Refusal.Fault _) -> "fault"

/// Counts that somebody else keeps, read when a listener asks.
[<NoComparison; NoEquality>]
type internal Gauges = {
    Modules: unit -> int64
    ModuleBytes: unit -> int64
    Idle: unit -> int64
    Leased: unit -> int64
    Quarantined: unit -> int64
    Waiting: unit -> int64
}

/// What executors count for hosts that ask: executions, and how some of them ended.
[<Struct>]
type internal ExecutionCounts = {
    Executions: int64
    Faults: int64
    Timeouts: int64
    Cancellations: int64
    Exhaustions: int64
    Rejections: int64
}

/// The instruments of one executor. Thread-safe.
[<Sealed>]
type internal Telemetry(factory: IMeterFactory) =
    static let version = typeof<Telemetry>.Assembly.GetName().Version.ToString 3
    static let source = new ActivitySource(Telemetry.Name, version)
    // Audits run thousands of replays beside the host's own work; they are nobody's load.
    static let silent = lazy (new Telemetry(null))

    let meter = Telemetry.MeterOf factory

    let seconds name text = meter.CreateHistogram<float>(name, "s", text)
    let counter name (unit': string) text = meter.CreateCounter<int64>(name, unit', text)

    let executions =
        seconds "twofold.execution.duration" "From a request to its report: the guest's run, compilation and reset included."

    let gas = meter.CreateHistogram<int64>("twofold.execution.gas", "{gas}", "Gas that a run used.")
    let effects = meter.CreateHistogram<int64>("twofold.execution.effects", "{effect}", "Effects in a run's journal.")
    let faults = counter "twofold.execution.faults" "{fault}" "Runs that ended by trouble of the host or of ours."

    let abandoned =
        counter "twofold.execution.abandoned" "{execution}" "Runs that were given up: a function of the host kept their thread."

    let replays = seconds "twofold.replay.duration" "A receipt run again and compared."

    let loads =
        seconds "twofold.module.load.duration" "Decoding, validating and making a module ready to run; functions may compile later."

    let lookups = counter "twofold.cache.lookups" "{lookup}" "Questions for a module."
    let evictions = counter "twofold.cache.evictions" "{module}" "Modules that went."

    let acquires = seconds "twofold.instance.acquire.duration" "Waiting for an instance: an idle one, or a new one linked."

    let created = counter "twofold.instance.created" "{instance}" "Instances linked and allocated."

    let discarded =
        counter "twofold.instance.discarded" "{instance}" "Instances given up: surplus, after a fault, or of an evicted module."

    let resets = seconds "twofold.instance.reset.duration" "An instance made clean again."
    let pages = meter.CreateHistogram<int64>("twofold.instance.reset.pages", "{page}", "Pages of 64 KiB that a reset covered.")

    // The same for hosts that ask instead of listening.
    let mutable executed = 0L
    let mutable faulted = 0L
    let mutable timedOut = 0L
    let mutable cancelled = 0L
    let mutable exhausted = 0L
    let mutable rejected = 0L
    let mutable made = 0L
    let mutable gone = 0L
    let mutable quarantined = 0

    let tag (name: string) (value: obj) = KeyValuePair<string, obj>(name, value)

    let since (start: int64) = Stopwatch.GetElapsedTime(start).TotalSeconds

    static member Name = "Twofold"

    /// A meter of the engine's name: a factory's, or a new one, which is whoever's that asked.
    static member MeterOf(factory: IMeterFactory) : Meter =
        match factory with
        | null -> new Meter(Telemetry.Name, version)
        | f -> f.Create(MeterOptions(Telemetry.Name, Version = version))

    /// The meter of the instruments.
    member _.Meter = meter

    /// Executions, and how those ended that came to no receipt.
    member _.Executions = {
        Executions = Interlocked.Read &executed
        Faults = Interlocked.Read &faulted
        Timeouts = Interlocked.Read &timedOut
        Cancellations = Interlocked.Read &cancelled
        Exhaustions = Interlocked.Read &exhausted
        Rejections = Interlocked.Read &rejected
    }

    /// Instances made and given up.
    member _.Instances = struct (Interlocked.Read &made, Interlocked.Read &gone)

    /// Instruments that nobody is meant to hear.
    static member Silent = silent.Value

    /// Observed by whoever asks; the executor's counters answer.
    member _.Observe(g: Gauges) =
        let upDown (name: string) (unit': string) (text: string) (read: unit -> int64) =
            meter.CreateObservableUpDownCounter<int64>(name, Func<int64> read, unit', text) |> ignore

        upDown "twofold.cache.modules" "{module}" "Modules that are loaded." g.Modules
        upDown "twofold.cache.size" "By" "Bytes of the loaded modules' binaries." g.ModuleBytes
        upDown "twofold.instance.idle" "{instance}" "Instances that wait for a request." g.Idle
        upDown "twofold.instance.in_use" "{instance}" "Instances that run." g.Leased
        upDown "twofold.instance.waiting" "{request}" "Requests that wait for an instance." g.Waiting
        upDown "twofold.instance.quarantined" "{instance}" "Instances whose thread a function of the host does not give back." g.Quarantined

    /// One execution from request to report, with an activity around it. What is given up counts as what it was given up for, and not again when it ends after all.
    member this.Execution
        (
            engine: string,
            profile: string,
            entry: string,
            giveUp: Action<EngineFault>,
            work: Action<EngineFault> -> Result<ExecutionReport, Refusal>
        ) : Result<ExecutionReport, Refusal> =
        use activity = source.StartActivity("twofold.execute", ActivityKind.Internal)
        let start = Stopwatch.GetTimestamp()

        if isNull giveUp then
            let result = work null
            this.Ended(engine, profile, entry, activity, start, result)
            result
        else
            let first = ref 1

            let ended result =
                if Interlocked.Exchange(first, 0) = 1 then
                    this.Ended(engine, profile, entry, activity, start, result)

            let result =
                work (
                    Action<EngineFault>(fun fault ->
                        abandoned.Add 1L
                        ended (Error(Refusal.Fault fault))

                        if not (isNull activity) then
                            activity.Stop()

                        giveUp.Invoke fault)
                )

            ended result
            result

    member private _.Ended
        (engine: string, profile: string, entry: string, activity: Activity, start: int64, result: Result<ExecutionReport, Refusal>)
        =
        let outcome = Tags.result result
        Interlocked.Increment &executed |> ignore

        if executions.Enabled then
            executions.Record(since start, tag Tags.Engine engine, tag Tags.Profile profile, tag Tags.Outcome outcome)

        match result with
        | Ok report ->
            if gas.Enabled then
                gas.Record(report.Receipt.GasUsed, tag Tags.Engine engine, tag Tags.Profile profile)

            if effects.Enabled then
                effects.Record(int64 report.Receipt.Journal.Length, tag Tags.Profile profile)
        | Error(Refusal.Fault fault) ->
            Interlocked.Increment &faulted |> ignore

            match fault with
            | EngineFault.Deadline _ -> Interlocked.Increment &timedOut |> ignore
            | EngineFault.Cancelled -> Interlocked.Increment &cancelled |> ignore
            | EngineFault.PoolExhausted _ -> Interlocked.Increment &exhausted |> ignore
            | _ -> ()

            faults.Add(1L, tag Tags.Engine engine, tag Tags.ErrorType (Tags.fault fault))
        | Error(Refusal.Rejected _) -> Interlocked.Increment &rejected |> ignore

        if not (isNull activity) then
            activity.SetTag(Tags.Engine, engine).SetTag(Tags.Profile, profile).SetTag(Tags.Entry, entry).SetTag(Tags.Outcome, outcome)
            |> ignore

            match result with
            | Ok report ->
                activity
                    .SetTag(Tags.Module, report.Receipt.Request.ModuleHash.Text)
                    .SetTag(Tags.Gas, report.Receipt.GasUsed)
                    .SetTag(Tags.CacheResult, (if report.CacheHit then "hit" else "miss"))
                    .SetTag(Tags.Pooled, report.PoolHit)
                |> ignore
            | Error(Refusal.Fault fault) ->
                activity.SetTag(Tags.ErrorType, Tags.fault fault).SetStatus(ActivityStatusCode.Error, fault.ToString()) |> ignore
            | Error(Refusal.Rejected r) -> activity.SetStatus(ActivityStatusCode.Error, r.ToString()) |> ignore

    /// One replay; `name` says what came of it.
    member _.Replay(engine: string, name: 'R -> string, work: unit -> 'R) : 'R =
        use activity = source.StartActivity("twofold.replay", ActivityKind.Internal)
        let start = Stopwatch.GetTimestamp()
        let result = work ()
        let said = name result

        if replays.Enabled then
            replays.Record(since start, tag Tags.Engine engine, tag Tags.Replay said)

        if not (isNull activity) then
            activity.SetTag(Tags.Engine, engine).SetTag(Tags.Replay, said) |> ignore

        result

    /// A module made ready to run.
    member _.Load(engine: string, hash: string, work: unit -> Result<'M, 'E>) : Result<'M, 'E> =
        use activity = source.StartActivity("twofold.load", ActivityKind.Internal)
        let start = Stopwatch.GetTimestamp()
        let result = work ()
        let said = if result.IsOk then "loaded" else "rejected"

        if loads.Enabled then
            loads.Record(since start, tag Tags.Engine engine, tag Tags.Outcome said)

        if not (isNull activity) then
            activity.SetTag(Tags.Engine, engine).SetTag(Tags.Module, hash).SetTag(Tags.Outcome, said) |> ignore

        result

    member _.Looked(hit: bool) = lookups.Add(1L, tag Tags.CacheResult (if hit then "hit" else "miss"))

    member _.Evicted(count: int) =
        if count > 0 then
            evictions.Add(int64 count)

    /// `start` is a Stopwatch timestamp of before.
    member _.Acquired(start: int64, pooled: bool) =
        if acquires.Enabled then
            acquires.Record(since start, tag Tags.Pooled pooled)

        if not pooled then
            Interlocked.Increment &made |> ignore
            created.Add 1L

    member _.Discarded() =
        Interlocked.Increment &gone |> ignore
        discarded.Add 1L

    /// An instance goes into quarantine (1), or comes out of it (-1).
    member _.Quarantine(change: int) = Interlocked.Add(&quarantined, change) |> ignore

    /// Instances whose thread a function of the host does not give back.
    member _.Quarantined = Volatile.Read &quarantined

    member _.Reset(start: int64) =
        if resets.Enabled then
            resets.Record(since start)

    member _.ResetPages(memoryBytes: int64) =
        if pages.Enabled then
            pages.Record(memoryBytes >>> 16)

    interface IDisposable with
        // A factory disposes its own.
        member _.Dispose() =
            if isNull factory then
                meter.Dispose()
