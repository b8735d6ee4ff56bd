namespace Twofold.Engine

// An engine with its cache and pools: what F# hosts use, and what the C# face wraps.
// In: options (which wasm engine, how much to keep, the host's ports). Out: reports, replays, counters.

open System
open System.Diagnostics.Metrics
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Validation

/// How an engine is made.
[<NoComparison; NoEquality>]
type ExecutorOptions = {
    Engine: IWasmEngine
    /// Loaded modules that are kept; the least recently used goes first.
    CachedModules: int
    Pool: PoolOptions
    /// Modules by address and version; null: requests bring their modules.
    Modules: IModuleStore
    /// Answers external effects that the request does not; null: nobody does.
    Provider: IExternalProvider
    /// Answers what skills ask of the outside; null: nobody does, and they are told so.
    Skills: ISkillProvider
    /// How long a replay may take (a receipt from a stranger may ask for an endless run with unlimited gas); zero: as long as it likes.
    ReplayDeadline: TimeSpan
    /// Makes the meter that is measured with (docs/OBSERVABILITY.md); null: one of its own, named `Twofold`.
    Meters: IMeterFactory
} with

    /// Plain options for an engine.
    static member For(engine: IWasmEngine) = {
        Engine = engine
        CachedModules = 64
        Pool = PoolOptions.Default
        Modules = null
        Provider = null
        Skills = null
        ReplayDeadline = TimeSpan.FromMinutes 5.0
        Meters = null
    }

/// What an executor has done, and what it holds.
[<NoComparison>]
type ExecutorCounters = {
    Executions: int64
    /// Of which trouble of the host or of ours: deadlines and cancellations among them.
    Faults: int64
    Timeouts: int64
    Cancellations: int64
    /// Executions that found no free instance within their deadline.
    Exhaustions: int64
    Rejections: int64
    /// Calls of skills to the outside, and of these those that it failed.
    SkillCalls: int64
    SkillFailures: int64
    Cache: CacheCounters
    /// Bytes of the binaries of loaded modules.
    ModuleBytes: int64
    /// Since the executor was made, of all modules.
    InstancesCreated: int64
    InstancesDiscarded: int64
    /// Requests that wait for an instance.
    InstancesWaiting: int
    /// Instances whose thread a function of the host does not give back.
    InstancesQuarantined: int
    /// Of the modules that are loaded now.
    Pools: PoolCounters
}

/// Executes requests and replays receipts, on any number of threads at once.
[<Sealed>]
type Executor(options: ExecutorOptions) =
    do
        if isNull (box options.Engine) then
            nullArg (nameof options)

    let telemetry = new Telemetry(options.Meters)
    let sandboxes = SandboxTelemetry telemetry.Meter
    let skills = SkillTelemetry telemetry.Meter

    let machinery: Machinery = {
        Engine = options.Engine
        Cache = ModuleCache(max 1 options.CachedModules, options.Pool, telemetry)
        Telemetry = telemetry
        Store = options.Modules
        Provider = (if isNull options.Provider then Ports.none else options.Provider)
        Skills = (if isNull options.Skills then Ports.noSkills else skills.Measured options.Skills)
        ReplayDeadline = options.ReplayDeadline
        Reuse = true
        Lane = 0
    }

    let pools () =
        machinery.Cache.Pools
        |> List.map (fun (struct (_, pool)) -> pool.Counters)
        |> List.fold
            (fun a b -> {
                Created = a.Created + b.Created
                Reused = a.Reused + b.Reused
                Discarded = a.Discarded + b.Discarded
                Idle = a.Idle + b.Idle
                Leased = a.Leased + b.Leased
            })
            { Created = 0L; Reused = 0L; Discarded = 0L; Idle = 0; Leased = 0 }

    do
        telemetry.Observe {
            Modules = fun () -> int64 machinery.Cache.Counters.Modules
            ModuleBytes = fun () -> machinery.Cache.Bytes
            Idle = fun () -> int64 (pools ()).Idle
            Leased = fun () -> int64 (pools ()).Leased
            Quarantined = fun () -> int64 telemetry.Quarantined
            Waiting = fun () -> int64 machinery.Cache.Waiting
        }

    let mutable disposed = false

    let alive () = ObjectDisposedException.ThrowIf(disposed, typeof<Executor>)

    member _.Options = options
    /// Where calls of sandboxes over this executor are measured.
    member internal _.Sandboxes = sandboxes

    /// Runs a request to its end.
    member this.Execute(request: ExecutionRequest, token: CancellationToken) : Result<ExecutionReport, Refusal> =
        this.Execute(request, token, null)

    /// The same for callers that wait on another thread: `giveUp` is called at most once, with how the run counts as ended, when a function or port of the host
    /// keeps the guest's thread beyond the deadline or the cancellation. What is returned later, if ever, is nobody's.
    member internal _.Execute
        (request: ExecutionRequest, token: CancellationToken, giveUp: Action<EngineFault>)
        : Result<ExecutionReport, Refusal> =
        alive ()
        Pipeline.execute machinery token giveUp request

    member this.Execute(request: ExecutionRequest) = this.Execute(request, CancellationToken.None)

    /// A request's module, loaded now if it was not, with its binary form and hash; nothing runs.
    member internal _.LoadModule(request: ExecutionRequest) : Result<struct (ValidModule * byte[] * Twofold.HostAbi.Hash32), Refusal> =
        alive ()
        Pipeline.load machinery request

    /// Replays a receipt on its module, without provider and snapshot.
    member _.Replay(receipt: Receipt, moduleBytes: byte[], token: CancellationToken) : ReplayResult =
        alive ()

        let name result =
            match result with
            | ReplayResult.Identical _ -> "identical"
            | ReplayResult.Differs _ -> "differs"
            | ReplayResult.CannotJudge _ -> "cannot_judge"

        telemetry.Replay(machinery.Engine.Name, name, fun () -> Replay.run machinery token receipt moduleBytes)

    member this.Replay(receipt: Receipt, moduleBytes: byte[]) = this.Replay(receipt, moduleBytes, CancellationToken.None)

    /// Drops a module from the cache, by the SHA-256 of its bytes, with its instances; how many entries there were.
    member _.Evict(moduleHash: Twofold.HostAbi.Hash32) : int = machinery.Cache.Evict moduleHash.Text

    /// Drops every idle instance; modules stay loaded.
    member _.ClearPools() =
        for struct (_, pool) in machinery.Cache.Pools do
            pool.Clear()

    /// Drops every module and instance that is not in use.
    member _.Clear() = machinery.Cache.Clear() |> ignore
    member _.CacheCounters = machinery.Cache.Counters

    /// Counters over the pools of the modules that are loaded now.
    member _.PoolCounters: PoolCounters = pools ()

    /// Everything that is counted.
    member _.Counters: ExecutorCounters =
        let counts = telemetry.Executions
        let struct (created, discarded) = telemetry.Instances
        let struct (skillCalls, skillFailures) = skills.Counts

        {
            Executions = counts.Executions
            Faults = counts.Faults
            Timeouts = counts.Timeouts
            Cancellations = counts.Cancellations
            Exhaustions = counts.Exhaustions
            Rejections = counts.Rejections
            SkillCalls = skillCalls
            SkillFailures = skillFailures
            Cache = machinery.Cache.Counters
            ModuleBytes = machinery.Cache.Bytes
            InstancesCreated = created
            InstancesDiscarded = discarded
            InstancesWaiting = machinery.Cache.Waiting
            InstancesQuarantined = telemetry.Quarantined
            Pools = pools ()
        }

    interface IDisposable with
        member this.Dispose() =
            if not disposed then
                this.Clear()
                disposed <- true
                (telemetry :> IDisposable).Dispose()
