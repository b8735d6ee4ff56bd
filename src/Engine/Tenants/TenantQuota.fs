namespace Twofold

// What one tenant may use, and what it has used.
// In: a host's numbers. Out: immutable quotas; figures of usage.

open System

[<NoComparison>]
type internal QuotaNumbers = { Gas: int64; Window: TimeSpan; Memory: int64; Concurrency: int; Rate: double; Burst: int; Queue: int }

/// Quotas of a tenant. Immutable; plain quotas allow everything but more than 1,000 waiting calls.
[<Sealed>]
type TenantQuota internal (q: QuotaNumbers) =
    new() =
        TenantQuota {
            Gas = Int64.MaxValue
            Window = TimeSpan.FromMinutes 1.0
            Memory = Int64.MaxValue
            Concurrency = Int32.MaxValue
            Rate = Double.PositiveInfinity
            Burst = 1
            Queue = 1000
        }

    member internal _.Numbers = q
    /// Gas in a window; Int64.MaxValue is unlimited.
    member _.GasPerWindow = q.Gas
    /// How long a window is.
    member _.Window = q.Window
    /// Bytes: the memory limits of everything that runs at the same time, added up.
    member _.MemoryTotal = q.Memory
    /// Executions at the same time; more wait.
    member _.MaxConcurrency = q.Concurrency
    /// Calls a second in the long run.
    member _.RatePerSecond = q.Rate
    /// Calls at once.
    member _.Burst = q.Burst
    /// Calls that may wait.
    member _.QueueLimit = q.Queue

    /// The same with so much gas in each window. An execution gets at most what is left of it.
    member _.WithGas(gas: int64, window: TimeSpan) =
        if window <= TimeSpan.Zero then
            raise (ArgumentOutOfRangeException(nameof window, window, "positive"))

        TenantQuota { q with Gas = Arguments.atLeast (nameof gas) 1L gas; Window = window }

    /// The same with so much memory for what runs at the same time: each execution counts with its sandbox's limit.
    member _.WithMemory(bytes: int64) = TenantQuota { q with Memory = Arguments.atLeast (nameof bytes) 0L bytes }

    /// The same with so many executions at the same time.
    member _.WithMaxConcurrency(count: int) = TenantQuota { q with Concurrency = int (Arguments.atLeast (nameof count) 1L (int64 count)) }

    /// The same with so many calls a second in the long run, and so many at once.
    member _.WithRate(perSecond: double, burst: int) =
        if not (perSecond > 0.0) then
            raise (ArgumentOutOfRangeException(nameof perSecond, perSecond, "positive"))

        TenantQuota { q with Rate = perSecond; Burst = int (Arguments.atLeast (nameof burst) 1L (int64 burst)) }

    /// The same with so many calls that may wait; one more is refused.
    member _.WithQueueLimit(count: int) = TenantQuota { q with Queue = int (Arguments.atLeast (nameof count) 0L (int64 count)) }

/// What a tenant has used.
[<Sealed>]
type TenantUsage internal (running: int, waiting: int, completed: int64, refused: int64, gas: int64, memory: int64) =
    /// Executions that run.
    member _.Running = running
    /// Calls that wait for their turn.
    member _.Waiting = waiting
    /// Executions that have ended, however they did.
    member _.Completed = completed
    /// Calls that were refused.
    member _.Refused = refused
    /// Gas used in this window.
    member _.GasInWindow = gas
    /// Bytes that what runs may use.
    member _.MemoryInUse = memory
