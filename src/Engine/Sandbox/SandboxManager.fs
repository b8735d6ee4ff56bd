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

/// Named sandboxes over one engine. Thread-safe.
[<Sealed>]
type SandboxManager(maxSandboxes: int, maxConcurrency: int, engine: IWasmEngine) =
    do
        Arguments.atLeast (nameof maxSandboxes) 1L (int64 maxSandboxes) |> ignore
        Arguments.atLeast (nameof maxConcurrency) 1L (int64 maxConcurrency) |> ignore

    let executor = new Executor(ExecutorOptions.For(Arguments.notNull (nameof engine) engine))
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

    /// At most 256 sandboxes, executions on eight threads a processor, our compiler.
    new() = new SandboxManager(256, max 16 (Environment.ProcessorCount * 8), CompiledEngine())

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

    /// Makes a sandbox with plain options.
    member this.Create(name: string) : Sandbox = this.Create(name, SandboxOptions())

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

    /// Closes every sandbox, and frees the engine.
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

                (executor :> IDisposable).Dispose()
            }
            :> Task
        )

    interface IAsyncDisposable with
        member this.DisposeAsync() = this.DisposeAsync()
