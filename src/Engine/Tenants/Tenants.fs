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

[<NoComparison; NoEquality>]
type private Job = {
    Sandbox: Sandbox
    Func: string
    Arguments: Value[]
    Token: CancellationToken
    Memory: int64
    Done: TaskCompletionSource<SandboxResult>
}

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
type TenantScheduler(turns: int, time: TimeProvider) =
    do Arguments.atLeast (nameof turns) 1L (int64 turns) |> ignore

    let time = Arguments.notNull (nameof time) time
    let gate = obj ()
    let tenants = Dictionary<string, Tenant>(StringComparer.Ordinal)
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

    let refuse (t: Tenant) why retryAfter =
        t.Refused <- t.Refused + 1L
        SandboxResult.refused $"tenant '{t.Name}': {why}" retryAfter

    let gasRefusal (t: Tenant) = refuse t $"the gas of this window is used up, {t.Quota.Gas} units" (untilWindow t)

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
        let refusals = List<struct (Job * SandboxResult)>()

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
                let gas = min job.Sandbox.Settings.Profile.Policy.Gas (gasLeft t)
                t.LastTurn <- turn
                t.Running <- t.Running + 1
                t.Memory <- t.Memory + job.Memory

                if t.Quota.Gas <> Int64.MaxValue then
                    t.GasReserved <- t.GasReserved + gas

                starts.Add(struct (t, job, gas))

        struct (starts, refusals)

    let rec dispatch () =
        let struct (starts, refusals) = lock gate choose

        for struct (job, result) in refusals do
            job.Done.TrySetResult result |> ignore

        for struct (t, job, gas) in starts do
            run t job gas |> ignore

    and run (t: Tenant) (job: Job) (gas: int64) : Task =
        task {
            let start = time.GetTimestamp()
            let mutable spent = gas

            try
                try
                    let! result = job.Sandbox.ExecuteCapped(job.Func, job.Arguments, gas, job.Token)

                    spent <-
                        match result.End with
                        // Nobody knows what was used: all that it had.
                        | SandboxEnd.Timeout
                        | SandboxEnd.Cancelled -> gas
                        | _ -> result.GasUsed

                    job.Done.TrySetResult result |> ignore
                with e ->
                    spent <- 0L
                    job.Done.TrySetException e |> ignore
            finally
                lock gate (fun () ->
                    free <- free + 1
                    t.Running <- t.Running - 1
                    t.Memory <- t.Memory - job.Memory
                    t.Completed <- t.Completed + 1L
                    t.Served <- t.Served + (since start).Ticks

                    if t.Quota.Gas <> Int64.MaxValue then
                        t.GasReserved <- t.GasReserved - gas
                        t.GasUsed <- t.GasUsed + spent)

                dispatch ()
        }
        :> Task

    /// As many turns as there are processors.
    new() = TenantScheduler(Environment.ProcessorCount, TimeProvider.System)

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

        let job = {
            Sandbox = sandbox
            Func = Arguments.notNull (nameof func) func
            Arguments = Array.copy (Arguments.notNull (nameof arguments) arguments)
            Token = cancellationToken
            Memory = sandbox.Settings.Profile.Policy.Wasm.MemoryBytes
            Done = TaskCompletionSource<SandboxResult> TaskCreationOptions.RunContinuationsAsynchronously
        }

        let refusal =
            lock gate (fun () ->
                ObjectDisposedException.ThrowIf(closed, typeof<TenantScheduler>)
                let t = find tenant
                renew t

                if job.Memory > t.Quota.Memory then
                    refuse t $"the sandbox may use {job.Memory} bytes of memory, the tenant {t.Quota.Memory}" TimeSpan.MaxValue
                elif usedUp t then
                    gasRefusal t
                else
                    match takeToken t with
                    | ValueSome wait -> refuse t $"more than {t.Quota.Rate} calls a second" wait
                    | ValueNone when
                        t.Queue.Count >= t.Quota.Queue && not (t.Queue.Count = 0 && free > 0 && t.Running < t.Quota.Concurrency)
                        ->
                        refuse t $"{t.Queue.Count} calls wait already" (TimeSpan.FromSeconds 1.0)
                    | ValueNone ->
                        if not t.Busy then
                            let busy = tenants.Values |> Seq.filter _.Busy |> Seq.map _.Served

                            if not (Seq.isEmpty busy) then
                                t.Served <- max t.Served (Seq.min busy)

                        t.Queue.AddLast job |> ignore
                        null)

        if isNull refusal then
            dispatch ()
            job.Done.Task
        else
            Task.FromResult refusal

    /// Executes a function for a tenant, when its turn comes.
    member this.ExecuteAsync(tenant: string, sandbox: Sandbox, func: string, [<ParamArray>] arguments: Value[]) : Task<SandboxResult> =
        this.ExecuteAsync(tenant, sandbox, func, arguments, CancellationToken.None)

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
            job.Done.TrySetResult(SandboxResult.cancelled TimeSpan.Zero) |> ignore
