namespace Twofold

// Many sandboxes by name over one engine: made, listed, executed and closed independently of each other.
// In: names, options, calls. Out: sandboxes and results; closing the manager closes them all.

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Twofold.HostAbi
open Twofold.Wasm
open Twofold.Engine

/// There are as many sandboxes as the manager may have.
[<Sealed>]
type SandboxLimitException(limit: int) =
    inherit InvalidOperationException($"there are {limit} sandboxes already: close one, or give the manager a higher limit")
    /// The limit.
    member _.Limit = limit

/// What a manager's sandboxes have done since it was made; with an engine that it shares, what all sandboxes over that engine have. A snapshot.
[<Sealed>]
type SandboxStatistics internal (sandboxes: int, calls: int64, rejections: int64, timeouts: int64) =
    /// Sandboxes that there are.
    member _.Sandboxes = sandboxes
    /// Calls that ended, however they did.
    member _.Calls = calls
    /// Of these, how many were refused: the function or its arguments.
    member _.Rejections = rejections
    /// Of these, how many ended at their deadline.
    member _.Timeouts = timeouts

/// Named sandboxes over one engine. Thread-safe.
[<Sealed>]
type SandboxManager internal (executor: Executor, owns: bool, defaults: SandboxOptions, maxSandboxes: int, maxConcurrency: int) =
    do
        Arguments.atLeast (nameof maxSandboxes) 1L (int64 maxSandboxes) |> ignore
        Arguments.atLeast (nameof maxConcurrency) 1L (int64 maxConcurrency) |> ignore

    let gate = obj ()
    let turns = new SemaphoreSlim(maxConcurrency)
    let sandboxes = Dictionary<string, Sandbox>(StringComparer.Ordinal)
    let mutable closed = false

    let alive () = ObjectDisposedException.ThrowIf(closed, typeof<SandboxManager>)

    // A module that another sandbox has loaded stays.
    let release (executor: Executor) (m: LoadedModule) =
        let used (hash: Hash32) (s: Sandbox) =
            match s.Loaded with
            | ValueSome other -> other.Hash = hash
            | ValueNone -> false

        if not (lock gate (fun () -> sandboxes.Values |> Seq.exists (used m.Hash))) then
            executor.Evict m.Hash |> ignore

    let find name =
        lock gate (fun () ->
            match sandboxes.TryGetValue(Arguments.notNull "name" name) with
            | true, s -> s
            | _ -> raise (KeyNotFoundException $"there is no sandbox '{name}'"))

    let take name : Sandbox =
        lock gate (fun () ->
            match sandboxes.TryGetValue(Arguments.notNull "name" name) with
            | true, s ->
                sandboxes.Remove name |> ignore
                s
            | _ -> null)

    /// Over an engine of its own that executes with `engine`.
    new(maxSandboxes: int, maxConcurrency: int, engine: IWasmEngine) =
        let executor = new Executor(ExecutorOptions.For(Arguments.notNull (nameof engine) engine))
        new SandboxManager(executor, true, SandboxOptions(), maxSandboxes, maxConcurrency)

    /// Over an engine that the host has, with its cache, its pools and its meters; the engine stays the host's. `defaults` are the options of sandboxes that bring none.
    new(engine: TwofoldEngine, defaults: SandboxOptions, maxSandboxes: int, maxConcurrency: int) =
        let executor = (Arguments.notNull (nameof engine) engine).Executor
        new SandboxManager(executor, false, Arguments.notNull (nameof defaults) defaults, maxSandboxes, maxConcurrency)

    /// At most 256 sandboxes, executions on eight threads a processor, our compiler.
    new() = new SandboxManager(256, SandboxManager.UsualConcurrency, CompiledEngine())

    /// Executions at the same time where nobody says another number.
    static member internal UsualConcurrency = max 16 (Environment.ProcessorCount * 8)
    /// The options of sandboxes that bring none.
    member _.Defaults = defaults
    /// Executions at the same time, of all sandboxes; more wait.
    member _.MaxConcurrency = maxConcurrency

    /// What the sandboxes have done.
    member _.Statistics =
        let struct (calls, rejections, timeouts) = executor.Sandboxes.Counts
        SandboxStatistics(lock gate (fun () -> sandboxes.Count), calls, rejections, timeouts)

    /// Sandboxes that there may be.
    member _.MaxSandboxes = maxSandboxes
    /// How many there are.
    member _.Count = lock gate (fun () -> sandboxes.Count)

    /// Their names, in order.
    member _.Names: IReadOnlyList<string> =
        lock gate (fun () -> sandboxes.Keys |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> Arguments.list)

    /// Makes a sandbox. Throws ArgumentException when the name is taken, SandboxLimitException when there are too many. Its engine is the manager's.
    member _.Create(name: string, options: SandboxOptions) : Sandbox =
        let name = Arguments.notNull (nameof name) name
        let settings = (Arguments.notNull (nameof options) options).Settings

        lock gate (fun () ->
            alive ()

            if sandboxes.ContainsKey name then
                raise (ArgumentException($"there is a sandbox '{name}' already", nameof name))

            if sandboxes.Count >= maxSandboxes then
                raise (SandboxLimitException maxSandboxes)

            let made = new Sandbox(executor, false, settings, turns, release)
            sandboxes[name] <- made
            made)

    /// Makes a sandbox with the manager's own options.
    member this.Create(name: string) : Sandbox = this.Create(name, defaults)

    /// The sandbox of a name, or null.
    member _.Find(name: string) : Sandbox =
        lock gate (fun () ->
            match sandboxes.TryGetValue(Arguments.notNull (nameof name) name) with
            | true, s -> s
            | _ -> null)

    /// Executes a function in a sandbox. Throws KeyNotFoundException when there is none of that name.
    member _.ExecuteAsync(name: string, func: string, arguments: Value[], cancellationToken: CancellationToken) : Task<SandboxResult> =
        alive ()
        (find name).ExecuteAsync(func, arguments, cancellationToken)

    /// Executes a function in a sandbox.
    member this.ExecuteAsync(name: string, func: string, [<ParamArray>] arguments: Value[]) : Task<SandboxResult> =
        this.ExecuteAsync(name, func, arguments, CancellationToken.None)

    /// Closes a sandbox: what runs in it is cancelled and waited for. False: there was none of that name.
    member _.CloseAsync(name: string) : Task<bool> =
        match take name with
        | null -> Task.FromResult false
        | s ->
            task {
                do! s.DisposeAsync()
                return true
            }

    /// Closes every sandbox, and frees the engine if it is the manager's own.
    member _.DisposeAsync() : ValueTask =
        let all =
            lock gate (fun () ->
                let all = List.ofSeq sandboxes.Values
                closed <- true
                sandboxes.Clear()
                all)

        ValueTask(
            task {
                for s in all do
                    do! s.DisposeAsync()

                if owns then
                    (executor :> IDisposable).Dispose()
            }
            :> Task
        )

    interface IAsyncDisposable with
        member this.DisposeAsync() = this.DisposeAsync()

    // Containers that are disposed on a thread need it.
    interface IDisposable with
        member this.Dispose() = this.DisposeAsync().AsTask().GetAwaiter().GetResult()
