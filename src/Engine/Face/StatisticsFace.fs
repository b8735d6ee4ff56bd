namespace Twofold

// What an engine has done and holds: counters for hosts that watch it, and a place to look on from.
// In: an executor's counters, a finished execution. Out: a snapshot of numbers; calls of the host's observer.

open Twofold.Engine

/// What an engine has done since it was made, and what it holds now. A snapshot; numbers of different kinds may be a few executions apart.
[<Sealed>]
type EngineStatistics internal (e: ExecutorCounters) =
    /// Executions that came to an end, refused ones included.
    member _.Executions = e.Executions
    /// Of these, how many ended by trouble of the host or of the engine; deadlines and cancellations are among them.
    member _.Faults = e.Faults
    /// Executions whose deadline passed.
    member _.Timeouts = e.Timeouts
    /// Executions that their callers cancelled.
    member _.Cancellations = e.Cancellations
    /// Executions that found no free instance within their deadline.
    member _.PoolExhaustions = e.Exhaustions
    /// Executions that were refused: nothing ran.
    member _.Rejections = e.Rejections
    /// Calls of skills to the outside: models, memory, servers.
    member _.SkillCalls = e.SkillCalls
    /// Of these, how many the outside failed: no answer in time, not reachable, an error.
    member _.SkillFailures = e.SkillFailures
    /// Questions for a module.
    member _.CacheLookups = e.Cache.Loads + e.Cache.Hits
    /// Of these, how many found it loaded.
    member _.CacheHits = e.Cache.Hits
    /// Modules that went: for room, by `Evict` and `Clear`, and refused ones.
    member _.Evictions = e.Cache.Evictions
    /// Modules that are loaded.
    member _.Modules = e.Cache.Modules
    /// Bytes of their binaries.
    member _.ModuleBytes = e.ModuleBytes
    /// Instances made.
    member _.InstancesCreated = e.InstancesCreated
    /// Instances given up.
    member _.InstancesDiscarded = e.InstancesDiscarded
    /// Instances whose thread a function or port of the host does not give back: their callers have been answered, and they are freed when it returns.
    member _.InstancesQuarantined = e.InstancesQuarantined
    /// Requests that wait for an instance: as many run as may run at once.
    member _.RequestsWaiting = e.InstancesWaiting
    /// Instances that wait for a request.
    member _.InstancesIdle = e.Pools.Idle
    /// Instances that run.
    member _.InstancesInUse = e.Pools.Leased

/// Looks on: called after every execution, on its thread, before the caller gets the report. Called from any number of threads at once; what it throws reaches
/// the caller of `Execute`.
[<AllowNullLiteral>]
type IExecutionObserver =
    /// `request` has ended with `report`.
    abstract Executed: request: Twofold.ExecutionRequest * report: Twofold.ExecutionReport -> unit
