namespace Twofold

// Executions of many tenants on a few turns: quotas of each, and a fair share for all that want one.
// In: tenants with quotas, calls into sandboxes. Out: results, or refusals that say when to try again.
//
// A free turn goes to the tenant that was served least: by the time its executions took, then by who was served longest ago. A tenant that comes back from a
// rest starts level with the least served of those that are busy: rest is no credit. A turn is never taken away: what runs, runs to its own limits.

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Twofold.Wasm
open Twofold.Engine

/// A call that waits or runs. It answers its caller itself, whatever comes of it.
[<NoComparison; NoEquality>]
type private Job = {
    /// The most gas that it may use, by itself.
    Gas: int64
    Memory: int64
    Since: int64
    /// Runs under a gas limit, and gives the gas that it used. Throws nothing.
    Run: int64 -> Task<int64>
    /// Why not, and when to try again.
    Refuse: string -> TimeSpan -> unit
    Cancel: unit -> unit
}

/// What came of a tenant's execution on an engine: its report, or why there was none and when to try again.
[<Sealed; AllowNullLiteral>]
type TenantReport internal (report: Twofold.ExecutionReport, refusal: string, retryAfter: TimeSpan) =
    /// Whether a quota refused it: nothing ran.
    member _.IsRefused = not (isNull refusal)
    /// The quota that is used up, in one line for people; null when nothing refused it.
    member _.Refusal = refusal
    /// When to try again; TimeSpan.MaxValue: never under this quota. Zero when nothing refused it.
    member _.RetryAfter = retryAfter

    /// The report. Throws InvalidOperationException when it was refused.
    member _.Report =
        if isNull refusal then
            report
        else
            raise (InvalidOperationException $"there is no report: {refusal}")

/// What all tenants together have done, and what they wait for. A snapshot.
[<Sealed>]
type TenantStatistics internal (completed: int64, refused: int64, running: int, waiting: int, longest: TimeSpan) =
    /// Calls that have ended.
    member _.Completed = completed
    /// Calls that a quota refused.
    member _.Refused = refused
    /// Calls that run.
    member _.Running = running
    /// Calls that wait.
    member _.Waiting = waiting
    /// How long the one of them that came first has waited.
    member _.LongestWait = longest

[<Sealed; AllowNullLiteral>]
type private Tenant(name: string, quota: QuotaNumbers, now: int64) =
    member _.Name = name
    member val Quota = quota with get, set
    member val Queue = LinkedList<Job>()
    member val Running = 0 with get, set
    member val Memory = 0L with get, set
    member val GasUsed = 0L with get, set
    /// What the running executions may use yet.
    member val GasReserved = 0L with get, set
    member val WindowStart = now with get, set
    member val Tokens = float quota.Burst with get, set
    member val Refilled = now with get, set
    /// Ticks of executions.
    member val Served = 0L with get, set
    member val LastTurn = 0L with get, set
    member val Completed = 0L with get, set
    member val Refused = 0L with get, set
    member t.Busy = t.Running > 0 || t.Queue.Count > 0

/// Executes for tenants, fairly. Thread-safe.
[<Sealed>]
type TenantScheduler(turns: int, time: TimeProvider, meterFactory: System.Diagnostics.Metrics.IMeterFactory) =
    do Arguments.atLeast (nameof turns) 1L (int64 turns) |> ignore

    let time = Arguments.notNull (nameof time) time
    let gate = obj ()
    let tenants = Dictionary<string, Tenant>(StringComparer.Ordinal)

    let count (of': Tenant -> int) = lock gate (fun () -> tenants.Values |> Seq.sumBy of' |> int64)
    let telemetry = new TenantTelemetry(meterFactory, (fun () -> count _.Running), (fun () -> count _.Queue.Count))
    // Of tenants that were removed too.
    let mutable completed = 0L
    let mutable refused = 0L
    let mutable free = turns
    let mutable turn = 0L
    let mutable closed = false

    let since (from: int64) = time.GetElapsedTime from

    let find name =
        match tenants.TryGetValue(Arguments.notNull "tenant" name) with
        | true, t -> t
        | _ -> raise (KeyNotFoundException $"there is no tenant '{name}'")

    /// A window that is over gives way to the one in which we are.
    let renew (t: Tenant) =
        if since t.WindowStart >= t.Quota.Window then
            t.WindowStart <- time.GetTimestamp()
            t.GasUsed <- 0L

    let gasLeft (t: Tenant) =
        if t.Quota.Gas = Int64.MaxValue then
            Int64.MaxValue
        else
            max 0L (t.Quota.Gas - t.GasUsed - t.GasReserved)

    let untilWindow (t: Tenant) = max (TimeSpan.FromMilliseconds 1.0) (t.Quota.Window - since t.WindowStart)

    let usedUp (t: Tenant) = t.GasReserved = 0L && gasLeft t = 0L

    let refuse (t: Tenant) quota why (retryAfter: TimeSpan) =
        t.Refused <- t.Refused + 1L
        refused <- refused + 1L
        telemetry.Refused quota
        struct ($"tenant '{t.Name}': {why}", retryAfter)

    let gasRefusal (t: Tenant) = refuse t "gas" $"the gas of this window is used up, {t.Quota.Gas} units" (untilWindow t)

    /// A call's token, or how long until there is one.
    let takeToken (t: Tenant) : TimeSpan voption =
        if Double.IsPositiveInfinity t.Quota.Rate then
            ValueNone
        else
            t.Tokens <- min (float t.Quota.Burst) (t.Tokens + (since t.Refilled).TotalSeconds * t.Quota.Rate)
            t.Refilled <- time.GetTimestamp()

            if t.Tokens >= 1.0 then
                t.Tokens <- t.Tokens - 1.0
                ValueNone
            else
                ValueSome(TimeSpan.FromSeconds((1.0 - t.Tokens) / t.Quota.Rate))

    let ready (t: Tenant) =
        t.Queue.Count > 0
        && t.Running < t.Quota.Concurrency
        && gasLeft t > 0L
        && t.Memory <= t.Quota.Memory - t.Queue.First.Value.Memory

    /// Under the lock: the jobs that start now, and those that are refused.
    let choose () =
        let starts = List<struct (Tenant * Job * int64)>()
        let refusals = List<struct (Job * struct (string * TimeSpan))>()

        for t in tenants.Values do
            renew t

            if usedUp t then
                for job in t.Queue do
                    refusals.Add(struct (job, gasRefusal t))

                t.Queue.Clear()

        let mutable looking = true

        while looking && free > 0 do
            let candidates = tenants.Values |> Seq.filter ready

            if Seq.isEmpty candidates then
                looking <- false
            else
                let t = candidates |> Seq.minBy (fun t -> struct (t.Served, t.LastTurn))
                let job = t.Queue.First.Value
                t.Queue.RemoveFirst()
                turn <- turn + 1L
                free <- free - 1
                let gas = min job.Gas (gasLeft t)
                t.LastTurn <- turn
                t.Running <- t.Running + 1
                t.Memory <- t.Memory + job.Memory

                if t.Quota.Gas <> Int64.MaxValue then
                    t.GasReserved <- t.GasReserved + gas

                starts.Add(struct (t, job, gas))

        struct (starts, refusals)

    let rec dispatch () =
        let struct (starts, refusals) = lock gate choose

        for struct (job, struct (why, retryAfter)) in refusals do
            job.Refuse why retryAfter

        for struct (t, job, gas) in starts do
            run t job gas |> ignore

    and run (t: Tenant) (job: Job) (gas: int64) : Task =
        task {
            let start = time.GetTimestamp()
            telemetry.Waited(since job.Since)
            let! spent = job.Run gas

            lock gate (fun () ->
                free <- free + 1
                t.Running <- t.Running - 1
                t.Memory <- t.Memory - job.Memory
                t.Completed <- t.Completed + 1L
                completed <- completed + 1L
                t.Served <- t.Served + (since start).Ticks

                if t.Quota.Gas <> Int64.MaxValue then
                    t.GasReserved <- t.GasReserved - gas
                    t.GasUsed <- t.GasUsed + spent)

            dispatch ()
        }
        :> Task

    /// Puts a call into its tenant's queue, or refuses it.
    let submit (tenant: string) (job: Job) =
        let refusal =
            lock gate (fun () ->
                ObjectDisposedException.ThrowIf(closed, typeof<TenantScheduler>)
                let t = find tenant
                renew t

                if job.Memory > t.Quota.Memory then
                    refuse t "memory" $"the call may use {job.Memory} bytes of memory, the tenant {t.Quota.Memory}" TimeSpan.MaxValue
                    |> ValueSome
                elif usedUp t then
                    ValueSome(gasRefusal t)
                else
                    match takeToken t with
                    | ValueSome wait -> ValueSome(refuse t "rate" $"more than {t.Quota.Rate} calls a second" wait)
                    | ValueNone when
                        t.Queue.Count >= t.Quota.Queue && not (t.Queue.Count = 0 && free > 0 && t.Running < t.Quota.Concurrency)
                        ->
                        ValueSome(refuse t "queue" $"{t.Queue.Count} calls wait already" (TimeSpan.FromSeconds 1.0))
                    | ValueNone ->
                        if not t.Busy then
                            let busy = tenants.Values |> Seq.filter _.Busy |> Seq.map _.Served

                            if not (Seq.isEmpty busy) then
                                t.Served <- max t.Served (Seq.min busy)

                        t.Queue.AddLast job |> ignore
                        ValueNone)

        match refusal with
        | ValueSome(struct (why, retryAfter)) -> job.Refuse why retryAfter
        | ValueNone -> dispatch ()

    /// As many turns, measured by a meter of its own.
    new(turns: int, time: TimeProvider) = new TenantScheduler(turns, time, null)

    /// As many turns as there are processors.
    new() = new TenantScheduler(Environment.ProcessorCount, TimeProvider.System, null)

    /// Executions at the same time, of all tenants.
    member _.Turns = turns

    /// Adds a tenant. Throws ArgumentException when there is one of that name.
    member _.Add(tenant: string, quota: TenantQuota) =
        let name = Arguments.notNull (nameof tenant) tenant
        let q = (Arguments.notNull (nameof quota) quota).Numbers

        lock gate (fun () ->
            if tenants.ContainsKey name then
                raise (ArgumentException($"there is a tenant '{name}' already", nameof tenant))

            tenants[name] <- Tenant(name, q, time.GetTimestamp()))

    /// Removes a tenant that neither runs nor waits. False: there is none, or it is busy.
    member _.Remove(tenant: string) : bool =
        lock gate (fun () ->
            match tenants.TryGetValue(Arguments.notNull (nameof tenant) tenant) with
            | true, t when not t.Busy -> tenants.Remove tenant
            | _ -> false)

    /// What a tenant has used. Throws KeyNotFoundException when there is none of that name.
    member _.GetUsage(tenant: string) : TenantUsage =
        lock gate (fun () ->
            let t = find tenant
            renew t
            TenantUsage(t.Running, t.Queue.Count, t.Completed, t.Refused, t.GasUsed, t.Memory))

    /// Executes a function for a tenant, when its turn comes. A quota that is used up is a result: End is Refused, RetryAfter says when to try again.
    member _.ExecuteAsync
        (tenant: string, sandbox: Sandbox, func: string, arguments: Value[], cancellationToken: CancellationToken)
        : Task<SandboxResult> =
        let sandbox = Arguments.notNull (nameof sandbox) sandbox
        let func = Arguments.notNull (nameof func) func
        let arguments = Array.copy (Arguments.notNull (nameof arguments) arguments)
        let answer = TaskCompletionSource<SandboxResult> TaskCreationOptions.RunContinuationsAsynchronously

        let run (gas: int64) : Task<int64> =
            task {
                try
                    let! result = sandbox.ExecuteCapped(func, arguments, gas, cancellationToken)
                    answer.TrySetResult result |> ignore

                    return
                        match result.End with
                        // Nobody knows what was used: all that it had.
                        | SandboxEnd.Timeout
                        | SandboxEnd.Cancelled -> gas
                        | _ -> result.GasUsed
                with e ->
                    answer.TrySetException e |> ignore
                    return 0L
            }

        submit tenant {
            Gas = sandbox.Settings.Profile.Policy.Gas
            Memory = sandbox.Settings.Profile.Policy.Wasm.MemoryBytes
            Since = time.GetTimestamp()
            Run = run
            Refuse = (fun why retryAfter -> answer.TrySetResult(SandboxResult.refused why retryAfter) |> ignore)
            Cancel = (fun () -> answer.TrySetResult(SandboxResult.cancelled TimeSpan.Zero) |> ignore)
        }

        answer.Task

    /// Executes a function for a tenant, when its turn comes.
    member this.ExecuteAsync(tenant: string, sandbox: Sandbox, func: string, [<ParamArray>] arguments: Value[]) : Task<SandboxResult> =
        this.ExecuteAsync(tenant, sandbox, func, arguments, CancellationToken.None)

    /// Executes a request on an engine for a tenant, when its turn comes: with at most the gas that its window has left. A quota that is used up is a result; cancelling
    /// throws OperationCanceledException.
    member _.ExecuteAsync
        (tenant: string, engine: TwofoldEngine, request: Twofold.ExecutionRequest, cancellationToken: CancellationToken)
        : Task<TenantReport> =
        let engine = Arguments.notNull (nameof engine) engine
        let request = Arguments.notNull (nameof request) request
        let answer = TaskCompletionSource<TenantReport> TaskCreationOptions.RunContinuationsAsynchronously

        let run (gas: int64) : Task<int64> =
            task {
                try
                    let! report = engine.ExecuteAsync((if gas < request.GasLimit then request.WithGas gas else request), cancellationToken)
                    answer.TrySetResult(TenantReport(report, null, TimeSpan.Zero)) |> ignore

                    return
                        match report.Status with
                        | ReportStatus.Completed -> report.Receipt.GasUsed
                        | ReportStatus.Rejected -> 0L
                        // Nobody knows what was used: all that it had.
                        | _ -> gas
                with
                | :? OperationCanceledException as e ->
                    answer.TrySetCanceled e.CancellationToken |> ignore
                    return gas
                | e ->
                    answer.TrySetException e |> ignore
                    return 0L
            }

        submit tenant {
            Gas = request.GasLimit
            Memory = request.MemoryLimit
            Since = time.GetTimestamp()
            Run = run
            Refuse =
                (fun why retryAfter ->
                    answer.TrySetResult(TenantReport(Unchecked.defaultof<Twofold.ExecutionReport>, why, retryAfter)) |> ignore)
            Cancel = (fun () -> answer.TrySetCanceled() |> ignore)
        }

        answer.Task

    /// What all tenants have done.
    member _.Statistics =
        lock gate (fun () ->
            let queued = tenants.Values |> Seq.filter (fun t -> t.Queue.Count > 0) |> Seq.map (fun t -> since t.Queue.First.Value.Since)

            TenantStatistics(
                completed,
                refused,
                Seq.sumBy (fun (t: Tenant) -> t.Running) tenants.Values,
                Seq.sumBy (fun (t: Tenant) -> t.Queue.Count) tenants.Values,
                (if Seq.isEmpty queued then TimeSpan.Zero else Seq.max queued)
            ))

    /// The tenants' names, in order.
    member _.Names: IReadOnlyList<string> =
        lock gate (fun () -> tenants.Keys |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> Arguments.list)

    /// Takes no calls any more; what waits is cancelled, what runs ends by itself.
    member _.Close() =
        let waiting =
            lock gate (fun () ->
                closed <- true

                [
                    for t in tenants.Values do
                        yield! t.Queue
                        t.Queue.Clear()
                ])

        for job in waiting do
            job.Cancel()

        (telemetry :> IDisposable).Dispose()

    interface IDisposable with
        member this.Dispose() = this.Close()
