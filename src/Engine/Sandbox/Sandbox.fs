namespace Twofold

// One module in a cell of its own: what it may use is fixed when the sandbox is made, every execution begins clean and ends in a result.
// In: options, a module from bytes, a file or a stream, calls. Out: results; closing waits for what runs, and frees everything.

open System
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks
open Twofold.Wasm
open Twofold.Engine

/// A loaded module and how many calls use it: one that was replaced is released when the last of them ends.
[<Sealed>]
type internal LoadedUse(m: LoadedModule) =
    member _.Module = m
    member val Uses = 0 with get, set
    member val Replaced = false with get, set

/// A sandbox. Thread-safe; executions may run at the same time, each on an instance of its own. Nothing of one execution reaches the next.
[<Sealed; AllowNullLiteral>]
type Sandbox
    internal (executor: Executor, owns: bool, settings: SandboxSettings, gate: SemaphoreSlim, release: Executor -> LoadedModule -> unit) =
    let guard = obj ()
    let stop = new CancellationTokenSource()
    let mutable current: LoadedUse voption = ValueNone
    let mutable running = 0
    let mutable closed = false
    let idle = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let enter () =
        lock guard (fun () ->
            ObjectDisposedException.ThrowIf(closed, typeof<Sandbox>)
            running <- running + 1)

    let leave () =
        lock guard (fun () ->
            running <- running - 1

            if closed && running = 0 then
                idle.TrySetResult() |> ignore)

    /// The module to use from now until `giveBack`.
    let take () : LoadedUse =
        lock guard (fun () ->
            match current with
            | ValueSome u ->
                u.Uses <- u.Uses + 1
                u
            | ValueNone -> raise (InvalidOperationException "no module is loaded"))

    let giveBack (u: LoadedUse) =
        let last =
            lock guard (fun () ->
                u.Uses <- u.Uses - 1
                u.Replaced && u.Uses = 0)

        if last then
            release executor u.Module

    let install (m: LoadedModule) =
        let unused =
            lock guard (fun () ->
                let before = current
                current <- ValueSome(LoadedUse m)

                match before with
                | ValueSome old when old.Module.Hash <> m.Hash ->
                    old.Replaced <- true
                    if old.Uses = 0 then ValueSome old else ValueNone
                | _ -> ValueNone)

        match unused with
        | ValueSome old -> release executor old.Module
        | ValueNone -> ()

    let load (bytes: byte[]) (check: LoadedModule -> Result<unit, Refusal>) (token: CancellationToken) : Task =
        enter ()

        task {
            try
                let! loaded = GuestThreads.Run(fun () -> SandboxCore.load executor settings bytes)
                token.ThrowIfCancellationRequested()
                let m = SandboxCore.orThrow loaded
                check m |> SandboxCore.orThrow
                install m
            finally
                leave ()
        }

    let anything (_: LoadedModule) = Ok()

    let measured (since: int64) (result: SandboxResult) =
        executor.Sandboxes.Ended(SandboxResult.name result.End, Stopwatch.GetElapsedTime since)
        result

    let tooDeep (depth: int) =
        Refuse.field
            "execution"
            "executions that host functions start nest too deep"
            $"at most {settings.Profile.Policy.Run.ReentryDepth}"
            (string (depth + 1))
        |> Refusal.Rejected
        |> Error

    /// With the module, a turn and a token that ends with the sandbox. On the caller's thread (`here`) an execution within an execution has the turn of that one:
    /// it would wait for ever for one of its own when all turns are taken by those that wait for it.
    let inTurn (here: bool) (token: CancellationToken) (work: LoadedModule -> CancellationToken -> Task<SandboxResult>) =
        let since = Stopwatch.GetTimestamp()
        let around = Turn.Current
        let depth = if isNull around then 0 else around.Depth
        enter ()

        task {
            try
                let used = take ()

                try
                    let outer = if isNull around then CancellationToken.None else around.Stopped.Token
                    use both = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, token, outer)
                    let borrowed = if here && not (isNull around) then around.Borrow gate else null
                    let mutable turn = not (isNull borrowed)

                    try
                        if depth < settings.Profile.Policy.Run.ReentryDepth && not turn then
                            do! gate.WaitAsync both.Token
                            turn <- true
                            executor.Sandboxes.Waited since
                    with :? OperationCanceledException ->
                        ()

                    try
                        if depth >= settings.Profile.Policy.Run.ReentryDepth then
                            return SandboxResult.make (tooDeep depth) (Stopwatch.GetElapsedTime since) [] |> measured since
                        elif not turn then
                            return SandboxResult.cancelled (Stopwatch.GetElapsedTime since) |> measured since
                        else
                            let mine = Turn(gate, around)
                            Turn.Current <- mine

                            try
                                let! result = work used.Module both.Token

                                if result.End = SandboxEnd.Timeout || result.End = SandboxEnd.Cancelled then
                                    mine.Stopped.Cancel()

                                return measured since result
                            finally
                                mine.Over <- true
                    finally
                        if not (isNull borrowed) then
                            borrowed.GiveBack()
                        elif turn then
                            gate.Release() |> ignore
                finally
                    giveBack used
            finally
                leave ()
        }

    /// Executes on a thread of our own, whose caller is answered even if the thread never comes back.
    let apart (m: LoadedModule) retry func input gas since token : Task<SandboxResult> =
        GuestThreads.Answering(fun answer ->
            answer.TrySetResult(SandboxCore.execute executor m retry func input gas since token answer) |> ignore)

    static let own (s: SandboxSettings) =
        let engine = if isNull (box s.Engine) then CompiledEngine() :> IWasmEngine else s.Engine
        new Executor(ExecutorOptions.For engine)

    /// A sandbox with these options and an engine of its own.
    static member Create(options: SandboxOptions) : Sandbox =
        let s = (Arguments.notNull (nameof options) options).Settings
        new Sandbox(own s, true, s, new SemaphoreSlim(s.Concurrency), (fun e m -> e.Evict m.Hash |> ignore))

    /// A sandbox with plain options and an engine of its own.
    static member Create() : Sandbox = Sandbox.Create(SandboxOptions())

    member internal _.Loaded: LoadedModule voption = lock guard (fun () -> current |> ValueOption.map _.Module)
    member internal _.Executor = executor
    member internal _.Settings = settings

    /// Whether a module is loaded.
    member _.IsLoaded = current.IsSome
    /// Executions that run now or wait for their turn, and loads.
    member _.Running = lock guard (fun () -> running)

    /// Loads a module, binary or text, in place of the one before; what runs goes on with that. Throws RejectedException when it is refused: nothing changes then.
    member _.LoadAsync(wasm: byte[], cancellationToken: CancellationToken) : Task =
        load (Arguments.bytes (nameof wasm) wasm) anything cancellationToken

    /// Loads a module, binary or text. Throws RejectedException when it is refused.
    member this.LoadAsync(wasm: byte[]) : Task = this.LoadAsync(wasm, CancellationToken.None)

    /// Loads a module from a stream, which is read to its end, but not beyond the limit on modules.
    member this.LoadAsync(stream: Stream, cancellationToken: CancellationToken) : Task =
        let stream = Arguments.notNull (nameof stream) stream

        task {
            let! bytes = SandboxCore.readStream settings stream cancellationToken
            do! load bytes anything cancellationToken
        }

    /// Loads a module from a stream.
    member this.LoadAsync(stream: Stream) : Task = this.LoadAsync(stream, CancellationToken.None)

    /// Loads a module from a file.
    member this.LoadAsync(path: string, cancellationToken: CancellationToken) : Task =
        let path = Arguments.notNull (nameof path) path

        task {
            use file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 65536, true)
            let! bytes = SandboxCore.readStream settings file cancellationToken
            do! load bytes anything cancellationToken
        }

    /// Loads a module from a file.
    member this.LoadAsync(path: string) : Task = this.LoadAsync(path, CancellationToken.None)

    /// Executes an exported function with numbers of exactly its types, on a thread of the sandbox's own. Whatever the guest does is in the result; throws
    /// InvalidOperationException when nothing is loaded, and ObjectDisposedException after closing. Cancelling ends in a result too.
    member this.ExecuteAsync(func: string, arguments: Value[], cancellationToken: CancellationToken) : Task<SandboxResult> =
        let func = Arguments.notNull (nameof func) func
        let arguments = Array.copy (Arguments.notNull (nameof arguments) arguments)
        this.ExecuteInput(func, CallInput.Numbers arguments, cancellationToken)

    /// Executes an exported function on bytes: the guest's `alloc(length)` says where they go, `func(pointer, length) -> pointer << 32 | length` where the result is
    /// (or, with texts that end in a zero byte, `func(pointer) -> pointer`), and `dealloc`, if there is one, takes both back. SandboxResult.GetReturnData has the result.
    member this.ExecuteBytesAsync(func: string, input: byte[], cancellationToken: CancellationToken) : Task<SandboxResult> =
        let func = Arguments.notNull (nameof func) func
        this.ExecuteInput(func, CallInput.Bytes(Arguments.bytes (nameof input) input), cancellationToken)

    /// Executes an exported function on the UTF-8 of a text, as ExecuteBytesAsync does. SandboxResult.ReturnText has the result.
    member this.ExecuteTextAsync(func: string, input: string, cancellationToken: CancellationToken) : Task<SandboxResult> =
        this.ExecuteBytesAsync(func, Text.Encoding.UTF8.GetBytes(Arguments.notNull (nameof input) input), cancellationToken)

    /// Executes an exported function on the UTF-8 of a text.
    member this.ExecuteTextAsync(func: string, input: string) : Task<SandboxResult> =
        this.ExecuteTextAsync(func, input, CancellationToken.None)

    member internal _.ExecuteInput(func: string, input: CallInput, cancellationToken: CancellationToken) : Task<SandboxResult> =
        let since = Stopwatch.GetTimestamp()
        let gas = settings.Profile.Policy.Gas

        inTurn false cancellationToken (fun m token -> apart m settings.Retry func input gas since token)

    /// The same under another gas limit and without attempts, for those who keep accounts.
    member internal _.ExecuteCapped(func: string, arguments: Value[], gas: int64, token: CancellationToken) : Task<SandboxResult> =
        let since = Stopwatch.GetTimestamp()

        inTurn false token (fun m token -> apart m null func (CallInput.Numbers arguments) gas since token)

    /// The same on the calling thread; where functions of the host may keep it, on one of ours.
    member internal _.ExecuteHere(func: string, input: CallInput) : SandboxResult =
        let since = Stopwatch.GetTimestamp()
        let gas = settings.Profile.Policy.Gas

        (inTurn true CancellationToken.None (fun m token ->
            if m.Grants.Functions.IsEmpty then
                Task.FromResult(SandboxCore.execute executor m settings.Retry func input gas since token null)
            else
                apart m settings.Retry func input gas since token))
            .GetAwaiter()
            .GetResult()

    /// Loads a module if the check lets it pass.
    member internal _.LoadChecked(wasm: byte[], check: LoadedModule -> Result<unit, Refusal>, token: CancellationToken) : Task =
        load wasm check token

    /// Executes an exported function with numbers.
    member this.ExecuteAsync(func: string, [<ParamArray>] arguments: Value[]) : Task<SandboxResult> =
        this.ExecuteAsync(func, arguments, CancellationToken.None)

    /// Replays a receipt of this sandbox's module: no host function is called.
    member _.Replay(receipt: Twofold.Receipt) : Twofold.ReplayResult =
        let receipt = Arguments.notNull (nameof receipt) receipt

        match current with
        | ValueSome u -> Twofold.ReplayResult(executor.Replay(receipt.Inner, u.Module.Bytes))
        | ValueNone -> raise (InvalidOperationException "no module is loaded")

    /// Cancels what runs, waits for its end, and frees module and instances. Safe to call twice.
    member _.DisposeAsync() : ValueTask =
        let first =
            lock guard (fun () ->
                let first = not closed
                closed <- true

                if running = 0 then
                    idle.TrySetResult() |> ignore

                first)

        ValueTask(
            task {
                if first then
                    stop.Cancel()

                do! idle.Task

                if first then
                    match current with
                    | ValueSome u ->
                        current <- ValueNone
                        release executor u.Module
                    | ValueNone -> ()

                    if owns then
                        (executor :> IDisposable).Dispose()
            }
            :> Task
        )

    interface IAsyncDisposable with
        member this.DisposeAsync() = this.DisposeAsync()
