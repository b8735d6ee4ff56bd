namespace Twofold

// The engine as C# hosts hold it: execute, replay, look at the pool. One object for the whole process, used by any number of threads.
// In: options and requests. Out: reports and replay results.

open System
open System.Threading
open System.Threading.Tasks
open Twofold.HostAbi
open Twofold.Engine

[<NoComparison; NoEquality>]
type internal EngineSettings = {
    Modules: int
    Pool: PoolOptions
    Source: IExternalSource
    State: IStateReader
    Skills: SkillPorts
    Engine: Twofold.Wasm.IWasmEngine
    Corpus: Corpus
    Meters: System.Diagnostics.Metrics.IMeterFactory
    Observer: IExecutionObserver
}

/// How an engine is made. Immutable.
[<Sealed>]
type EngineOptions private (s: EngineSettings) =
    /// Plain options: our compiler, 64 modules, twice as many idle instances a module as there are processors.
    new() =
        EngineOptions {
            Modules = 64
            Pool = PoolOptions.Default
            Source = null
            State = null
            Skills = SkillPorts()
            Engine = Twofold.Wasm.CompiledEngine()
            Corpus = null
            Meters = null
            Observer = null
        }

    member internal _.Pool = s.Pool
    /// Loaded modules that are kept.
    member _.CachedModules = s.Modules
    /// Idle instances that are kept for each module.
    member _.IdleInstances = s.Pool.IdlePerModule
    /// Instances of one module that run at once; 0: any number.
    member _.MaxInstancesPerModule = s.Pool.MaxPerModule
    /// Instances of all modules that run at once; 0: any number.
    member _.MaxInstances = s.Pool.MaxInAll
    /// Whether each reset is proved by digest.
    member _.ProveResets = s.Pool.ProveResets
    /// Who answers external effects that requests do not answer themselves, or null.
    member _.ExternalSource = s.Source
    /// The state that requests read which bring none, or null.
    member _.StateReader = s.State
    /// Who answers what skills ask of the outside.
    member _.SkillPorts = s.Skills
    /// Who executes modules.
    member _.Engine = s.Engine
    /// Where receipts are kept for audits, or null.
    member _.Corpus = s.Corpus
    /// Who makes the meter that the engine is measured with, or null: the engine itself.
    member _.MeterFactory = s.Meters
    /// Who is told of every execution, or null.
    member _.Observer = s.Observer

    /// The same with room for other numbers of modules.
    member _.WithCachedModules(count: int) = EngineOptions { s with Modules = int (Arguments.atLeast (nameof count) 1L (int64 count)) }

    /// The same with other numbers of idle instances; 0: every run gets a new one.
    member _.WithIdleInstances(count: int) =
        let count = int (Arguments.atLeast (nameof count) 0L (int64 count))
        EngineOptions { s with Pool = { s.Pool with IdlePerModule = count } }

    /// The same with other bounds on instances that run at once, of one module and of all; 0: any number. Executions beyond them wait, in order, as long as their
    /// deadline allows; then they end in the fault PoolExhausted. One that a function of the host starts during another never waits.
    member _.WithMaxInstances(perModule: int, inAll: int) =
        let perModule = int (Arguments.atLeast (nameof perModule) 0L (int64 perModule))
        let inAll = int (Arguments.atLeast (nameof inAll) 0L (int64 inAll))
        EngineOptions { s with Pool = { s.Pool with MaxPerModule = perModule; MaxInAll = inAll } }

    /// The same, proving each reset or not (slow; for debugging).
    member _.WithResetProof(prove: bool) = EngineOptions { s with Pool = { s.Pool with ProveResets = prove } }

    /// The same with another source of external answers; null for none.
    member _.WithExternalSource(source: IExternalSource) = EngineOptions { s with Source = source }

    /// The same with a state for requests that bring neither a snapshot nor a reader of their own; null: theirs is empty.
    member _.WithStateReader(reader: IStateReader) = EngineOptions { s with State = reader }

    /// The same with other answers for skills.
    member _.WithSkillPorts(ports: SkillPorts) = EngineOptions { s with Skills = Arguments.notNull (nameof ports) ports }

    /// The same on another engine: `CompiledEngine` (the default), `InterpretedEngine`, or one of another package. Results, gas and receipts are the same.
    member _.WithEngine(engine: Twofold.Wasm.IWasmEngine) = EngineOptions { s with Engine = Arguments.notNull (nameof engine) engine }

    /// The same, keeping every receipt and its module in a corpus (it is on the disk when the execution returns); null: nowhere.
    member _.WithCorpus(corpus: Corpus) = EngineOptions { s with Corpus = corpus }

    /// The same, measured with a meter of this factory's (`Twofold`; docs/OBSERVABILITY.md lists the instruments): a host's container has one, and so has a test; null: the engine makes its own.
    member _.WithMeterFactory(factory: System.Diagnostics.Metrics.IMeterFactory) = EngineOptions { s with Meters = factory }

    /// The same, telling somebody of every execution (for logs and accounts); null: nobody.
    member _.WithObserver(observer: IExecutionObserver) = EngineOptions { s with Observer = observer }

/// Executes WebAssembly deterministically. Thread-safe; keep one for the life of the process.
[<Sealed>]
type TwofoldEngine(options: EngineOptions) =
    let provider (source: IExternalSource) : IExternalProvider =
        if isNull source then
            null
        else
            {
                new IExternalProvider with
                    member _.DeclareState(request, claim) =
                        match source.DeclareState(request.Contract.Text, claim) with
                        | null -> ValueNone
                        | value -> ValueSome { Value = value; Evidence = [||] }
            }

    let executor =
        let options = Arguments.notNull (nameof options) options

        new Executor(
            {
                ExecutorOptions.For options.Engine with
                    CachedModules = options.CachedModules
                    Pool = options.Pool
                    Provider = provider options.ExternalSource
                    Skills = options.SkillPorts.Provider
                    Meters = options.MeterFactory
            }
        )

    let corpus = options.Corpus

    // A receipt that cannot be kept is still a receipt: the report says why it is not in the corpus.
    let record (request: Twofold.Engine.ExecutionRequest) (result: Result<Twofold.Engine.ExecutionReport, Refusal>) : string =
        match result, request.Module with
        | Ok report, ModuleSource.Bytes wasm when not (isNull corpus) ->
            match corpus.Writer.Append(report.Receipt, wasm) with
            | Ok _ -> null
            | Error why -> why
        | _ -> null

    let observer = options.Observer
    let state = if isNull options.StateReader then StateReader.none else StateReader.view options.StateReader

    /// `answer` gets the report, once: a run that was given up may come to an end of its own later, which is nobody's.
    let execute
        (request: Twofold.ExecutionRequest)
        (token: CancellationToken)
        (apart: TaskCompletionSource<Twofold.ExecutionReport>)
        (answer: Twofold.ExecutionReport -> unit)
        =
        let inner = (Arguments.notNull (nameof request) request).Inner

        let inner =
            if Object.ReferenceEquals(inner.Snapshot, StateReader.none) then
                { inner with Snapshot = state }
            else
                inner

        let first = ref 1

        let finish result =
            if Interlocked.Exchange(first, 0) = 1 then
                let report = Twofold.ExecutionReport(result, record inner result)

                if not (isNull observer) then
                    observer.Executed(request, report)

                answer report

        let giveUp =
            if isNull apart then
                null
            else
                Action<Twofold.Wasm.EngineFault>(fun fault ->
                    try
                        finish (Error(Refusal.Fault fault))
                    with e ->
                        apart.TrySetException e |> ignore)

        finish (executor.Execute(inner, token, giveUp))

    /// An engine with plain options.
    new() = new TwofoldEngine(EngineOptions())

    member internal _.Executor = executor

    /// Runs a request to its end, on the calling thread. Rejections and faults are in the report; nothing is thrown for what a guest does. A port of the host that never
    /// returns keeps the caller for ever: ExecuteAsync answers at the deadline.
    member _.Execute(request: Twofold.ExecutionRequest) : Twofold.ExecutionReport =
        let report = ref Unchecked.defaultof<Twofold.ExecutionReport>
        execute request CancellationToken.None null (fun r -> report.Value <- r)
        report.Value

    /// Runs a request on a thread of the engine's own. Cancelling interrupts the guest and throws OperationCanceledException. When a port of the host keeps the thread
    /// beyond the deadline or the cancellation, the task ends all the same; thread and instance are lost until the port returns (EngineStatistics.InstancesQuarantined).
    member _.ExecuteAsync(request: Twofold.ExecutionRequest, cancellationToken: CancellationToken) : Task<Twofold.ExecutionReport> =
        let request = Arguments.notNull (nameof request) request

        if cancellationToken.IsCancellationRequested then
            Task.FromCanceled<Twofold.ExecutionReport> cancellationToken
        else
            task {
                let! report =
                    GuestThreads.Answering(fun answer ->
                        execute request cancellationToken answer (fun report -> answer.TrySetResult report |> ignore))

                if report.FaultKind = FaultKind.Cancelled then
                    cancellationToken.ThrowIfCancellationRequested()

                return report
            }

    /// Runs a request on a thread of the engine's own.
    member this.ExecuteAsync(request: Twofold.ExecutionRequest) : Task<Twofold.ExecutionReport> =
        this.ExecuteAsync(request, CancellationToken.None)

    /// Replays a receipt on its module; neither a snapshot nor an external source is asked.
    member _.Replay(receipt: Twofold.Receipt, wasm: byte[]) : Twofold.ReplayResult =
        let receipt = Arguments.notNull (nameof receipt) receipt
        Twofold.ReplayResult(executor.Replay(receipt.Inner, Arguments.notNull (nameof wasm) wasm))

    /// Drops a module (by its SHA-256, 0x and 64 digits) with its instances; how many entries there were.
    member _.Evict(moduleHash: string) : int = executor.Evict(Arguments.hash (nameof moduleHash) moduleHash)

    /// Drops every idle instance; modules stay loaded.
    member _.ClearPools() = executor.ClearPools()
    /// Drops every module and instance that is not in use.
    member _.Clear() = executor.Clear()
    /// How many modules are loaded.
    member _.LoadedModules = executor.CacheCounters.Modules
    /// How many times a module was loaded (compiled).
    member _.Loads = executor.CacheCounters.Loads
    /// How many idle instances there are.
    member _.IdleInstances = executor.PoolCounters.Idle
    /// What the engine has done and holds.
    member _.Statistics = EngineStatistics executor.Counters

    interface IDisposable with
        member _.Dispose() = (executor :> IDisposable).Dispose()
