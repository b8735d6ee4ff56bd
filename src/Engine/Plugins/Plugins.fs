namespace Twofold

// Modules as plugins of a host: a folder of them, exports as typed delegates, a new version in place of the old one under load, unloading.
// In: modules by name. Out: delegates that always call the newest version; a version that is not wanted any more goes when its last call has ended.

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Linq.Expressions
open System.Threading
open System.Threading.Tasks
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Engine

/// A call of a plugin that did not return.
[<Sealed>]
type PluginException(plugin: string, func: string, result: SandboxResult) =
    inherit Exception($"{plugin}.{func}: {result.Error}")
    /// How the call ended.
    member _.Result = result

/// What bound delegates call.
[<Sealed>]
type internal PluginCall(name: string, sandbox: Sandbox, export: string) =
    let value (result: SandboxResult) : 'T = if result.Success then result.Get<'T>() else raise (PluginException(name, export, result))

    let nothing (result: SandboxResult) =
        if not result.Success then
            raise (PluginException(name, export, result))

    member _.Get<'T>(arguments: Value[]) : 'T = sandbox.ExecuteHere(export, CallInput.Numbers arguments) |> value
    member _.Do(arguments: Value[]) : unit = sandbox.ExecuteHere(export, CallInput.Numbers arguments) |> nothing

    member _.GetAsync<'T>(arguments: Value[]) : Task<'T> =
        task {
            let! result = sandbox.ExecuteAsync(export, arguments, CancellationToken.None)
            return value result
        }

    member _.DoAsync(arguments: Value[]) : Task =
        task {
            let! result = sandbox.ExecuteAsync(export, arguments, CancellationToken.None)
            nothing result
        }

    static member Utf8(text: string) : byte[] = Text.Encoding.UTF8.GetBytes(Arguments.notNull (nameof text) text)
    static member Copy(bytes: byte[]) : byte[] = Arguments.bytes (nameof bytes) bytes
    static member CopyMemory(bytes: ReadOnlyMemory<byte>) : byte[] = bytes.ToArray()

    member private _.Returned(result: SandboxResult) : byte[] =
        nothing result
        result.GetReturnData()

    member this.Bytes(input: byte[]) : byte[] = this.Returned(sandbox.ExecuteHere(export, CallInput.Bytes input))
    member this.Text(input: byte[]) : string = Text.Encoding.UTF8.GetString(this.Bytes input)
    member this.Memory(input: byte[]) : ReadOnlyMemory<byte> = ReadOnlyMemory(this.Bytes input)

    member this.BytesAsync(input: byte[]) : Task<byte[]> =
        task {
            let! result = sandbox.ExecuteInput(export, CallInput.Bytes input, CancellationToken.None)
            return this.Returned result
        }

    member this.MemoryAsync(input: byte[]) : Task<ReadOnlyMemory<byte>> =
        task {
            let! bytes = this.BytesAsync input
            return ReadOnlyMemory bytes
        }

    member this.TextAsync(input: byte[]) : Task<string> =
        task {
            let! bytes = this.BytesAsync input
            return Text.Encoding.UTF8.GetString bytes
        }

/// What a bound delegate needs of its export.
[<RequireQualifiedAccess>]
type internal BoundTo =
    | Function of FuncType
    /// A function on bytes: see Sandbox.ExecuteBytesAsync.
    | Bytes

module internal PluginBinding =
    let private toValue (e: Expression) : Expression =
        let make (name: string) (t: Type) = Expression.Call(typeof<Value>.GetMethod(name, [| t |]), Expression.Convert(e, t)) :> Expression
        let t = e.Type

        if t = typeof<int> || t = typeof<uint32> then
            make "I32" typeof<int>
        elif t = typeof<bool> then
            Expression.Call(
                typeof<Value>.GetMethod("I32", [| typeof<int> |]),
                Expression.Condition(e, Expression.Constant 1, Expression.Constant 0)
            )
        elif t = typeof<int64> || t = typeof<uint64> then
            make "I64" typeof<int64>
        elif t = typeof<float32> then
            make "F32" typeof<float32>
        else
            make "F64" typeof<double>

    let private supported (where: string) (t: Type) =
        match Delegates.valType t with
        | ValueSome v -> v
        | ValueNone ->
            raise (
                ArgumentException
                    $"{where}: parameters and result are int, uint, long, ulong, float, double and bool, or one string, byte[] or ReadOnlyMemory<byte> that gives one; a result also Task or ValueTask of those; found {t.Name}"
            )

    let private isBytes (t: Type) = t = typeof<string> || t = typeof<byte[]> || t = typeof<ReadOnlyMemory<byte>>

    /// What a task of the result gives, and whether it is one; void for a task of nothing.
    let private awaited (t: Type) : struct (Type * bool) =
        match Delegates.awaited t with
        | ValueSome inner -> struct (inner, true)
        | ValueNone -> struct (t, false)

    /// A call that gives a task, as what the delegate gives.
    let private asResult (result: Type) (body: Expression) : Expression =
        if result.IsValueType && body.Type <> result && typeof<Task>.IsAssignableFrom body.Type then
            Expression.New(result.GetConstructor [| body.Type |], body)
        else
            body

    /// A delegate of one text or bytes that gives text or bytes, now or later; null for others.
    let private onBytes (delegateType: Type) (call: PluginCall) : Delegate =
        let invoke = Delegates.invokeOf delegateType
        let parameters = invoke.GetParameters()
        let result = invoke.ReturnType
        let struct (inner, isTask) = awaited result

        if parameters.Length <> 1 || not (isBytes parameters[0].ParameterType && isBytes inner) then
            null
        else
            let given = Expression.Parameter parameters[0].ParameterType

            let named text bytes memory (t: Type) =
                if t = typeof<string> then text
                elif t = typeof<byte[]> then bytes
                else memory

            let convert = given.Type |> named "Utf8" "Copy" "CopyMemory"
            let name = (inner |> named "Text" "Bytes" "Memory") + (if isTask then "Async" else "")

            let flags =
                Reflection.BindingFlags.Public
                ||| Reflection.BindingFlags.NonPublic
                ||| Reflection.BindingFlags.Instance
                ||| Reflection.BindingFlags.Static

            let input = Expression.Call(typeof<PluginCall>.GetMethod(convert, flags), given)

            let body = Expression.Call(Expression.Constant call, typeof<PluginCall>.GetMethod(name, flags), input)
            Expression.Lambda(delegateType, asResult result body, given).Compile()

    let private onNumbers (where: string) (delegateType: Type) (call: PluginCall) : struct (BoundTo * Delegate) =
        let invoke = Delegates.invokeOf delegateType
        let parameters = invoke.GetParameters() |> Array.map (fun p -> Expression.Parameter(p.ParameterType, p.Name))
        let pars = parameters |> Array.map (fun p -> supported where p.Type)
        let target = Expression.Constant call
        let values = Expression.NewArrayInit(typeof<Value>, parameters |> Array.map (fun p -> toValue p))

        let named (name: string) (generic: Type) : Expression =
            let m =
                typeof<PluginCall>
                    .GetMethod(
                        name,
                        Reflection.BindingFlags.Instance ||| Reflection.BindingFlags.Public ||| Reflection.BindingFlags.NonPublic
                    )

            Expression.Call(target, (if isNull generic then m else m.MakeGenericMethod generic), values)

        let result = invoke.ReturnType

        let results, body =
            match awaited result with
            | struct (inner, false) when inner = typeof<Void> -> [||], named "Do" null
            | struct (inner, true) when inner = typeof<Void> -> [||], named "DoAsync" null
            | struct (inner, true) -> [| supported where inner |], named "GetAsync" inner
            | struct (inner, false) -> [| supported where inner |], named "Get" inner

        struct (BoundTo.Function { Params = pars; Results = results },
                Expression.Lambda(delegateType, asResult result body, parameters).Compile())

    /// What the delegate needs, and the delegate over a call.
    let make (where: string) (delegateType: Type) (call: PluginCall) : struct (BoundTo * Delegate) =
        match onBytes delegateType call with
        | null -> onNumbers where delegateType call
        | made -> struct (BoundTo.Bytes, made)

/// A loaded plugin. Thread-safe.
[<Sealed; AllowNullLiteral>]
type Plugin internal (name: string, sandbox: Sandbox) =
    let bound = ConcurrentDictionary<string, BoundTo>(StringComparer.Ordinal)
    let mutable version = 1

    let typeOf (m: LoadedModule) (export: string) : FuncType voption =
        match m.Valid.Module.Exports |> Array.tryFind (fun e -> e.Name = export && e.Kind = ExternKind.Func) with
        | Some e -> ValueSome m.Valid.FuncTypes[e.Index]
        | None -> ValueNone

    let fits (m: LoadedModule) (export: string) (wanted: BoundTo) : Result<unit, Refusal> =
        let refuse expected found =
            Error(Refusal.Rejected(Refuse.link $"export {export}" "the plugin is bound to a function of another type" expected found))

        match wanted, typeOf m export with
        | BoundTo.Function t, ValueNone -> refuse $"a function {t}" "no such function"
        | BoundTo.Function t, ValueSome found when t <> found -> refuse $"a function {t}" $"a function {found}"
        | BoundTo.Function _, ValueSome _ -> Ok()
        | BoundTo.Bytes, ValueNone -> refuse "a function on bytes" "no such function"
        | BoundTo.Bytes, ValueSome found ->
            match SkillCalls.find m.Valid export found [||] with
            | Error rejected -> Error(Refusal.Rejected rejected)
            | Ok calls when calls.HowCalled = SkillShape.Plain -> refuse "a function on bytes" $"a function {found}"
            | Ok _ -> Ok()

    member internal _.Sandbox = sandbox

    /// The name: that of its file, without the extension.
    member _.Name = name
    /// 1, and one more for each version that took the place of another.
    member _.Version = version

    /// An export as a delegate: `Bind<Func<int, int>>("add")`, `Bind<Func<int, Task<long>>>("slow")`, `Bind<Func<string, string>>("greet")` (text and bytes as
    /// Sandbox.ExecuteBytesAsync passes them). It calls whatever version is loaded when it is called, each time on
    /// a clean instance; what the guest ends in is a PluginException. Throws RejectedException when the export is missing or has another type.
    member _.Bind<'TDelegate when 'TDelegate :> Delegate and 'TDelegate: not struct>(export: string) : 'TDelegate =
        let export = Arguments.notNull (nameof export) export
        let struct (wanted, made) = PluginBinding.make $"{name}.{export}" typeof<'TDelegate> (PluginCall(name, sandbox, export))

        match sandbox.Loaded with
        | ValueSome m -> fits m export wanted |> SandboxCore.orThrow
        | ValueNone -> raise (ObjectDisposedException(nameof Plugin, $"the plugin '{name}' is unloaded"))

        bound[export] <- wanted
        made :?> 'TDelegate

    /// Executes an export without a delegate.
    member _.ExecuteAsync(func: string, arguments: Value[], cancellationToken: CancellationToken) : Task<SandboxResult> =
        sandbox.ExecuteAsync(func, arguments, cancellationToken)

    /// Puts another module in its place: calls under way finish on the old one, new ones go to the new one. Throws RejectedException when the new one is refused, or
    /// lacks a function that was bound; nothing changes then.
    member _.SwapAsync(wasm: byte[], cancellationToken: CancellationToken) : Task =
        let wasm = Arguments.bytes (nameof wasm) wasm

        let check (m: LoadedModule) =
            bound
            |> Seq.tryPick (fun b ->
                match fits m b.Key b.Value with
                | Ok() -> None
                | Error e -> Some e)
            |> function
                | Some e -> Error e
                | None -> Ok()

        task {
            do! sandbox.LoadChecked(wasm, check, cancellationToken)
            Interlocked.Increment &version |> ignore
        }

    /// Puts another module in its place.
    member this.SwapAsync(wasm: byte[]) : Task = this.SwapAsync(wasm, CancellationToken.None)

/// A file that was no plugin.
[<Sealed>]
type PluginFailure internal (file: string, reason: string) =
    /// The file's name.
    member _.File = file
    /// Why it was refused.
    member _.Reason = reason
    override _.ToString() = $"{file}: {reason}"

/// Plugins by name, all under the same options. Thread-safe.
[<Sealed>]
type PluginHost internal (manager: SandboxManager, options: SandboxOptions) =
    let plugins = ConcurrentDictionary<string, Plugin>(StringComparer.Ordinal)

    let load (name: string) (wasm: byte[]) (token: CancellationToken) : Task<Plugin> =
        task {
            let sandbox = manager.Create(name, options)
            let mutable plugin: Plugin = null

            try
                do! sandbox.LoadAsync(wasm, token)
                plugin <- Plugin(name, sandbox)
                plugins[name] <- plugin
            finally
                if isNull plugin then
                    manager.CloseAsync(name).GetAwaiter().GetResult() |> ignore

            return plugin
        }

    /// Over an engine of its own.
    new(options: SandboxOptions) =
        let options = Arguments.notNull (nameof options) options

        let engine =
            if isNull (box options.Settings.Engine) then
                CompiledEngine() :> IWasmEngine
            else
                options.Settings.Engine

        new PluginHost(new SandboxManager(Int32.MaxValue, options.MaxConcurrency, engine), options)

    /// Over an engine that the host has, with its cache, its pools and its meters.
    new(engine: TwofoldEngine, options: SandboxOptions) =
        let options = Arguments.notNull (nameof options) options
        new PluginHost(new SandboxManager(engine, options, Int32.MaxValue, options.MaxConcurrency), options)

    /// Plain options.
    new() = new PluginHost(SandboxOptions())

    /// The names of the loaded plugins, in order.
    member _.Names: IReadOnlyList<string> = plugins.Keys |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> Arguments.list

    /// The plugin of a name, or null.
    member _.Find(name: string) : Plugin =
        match plugins.TryGetValue(Arguments.notNull (nameof name) name) with
        | true, p -> p
        | _ -> null

    /// Loads a module under a name. Throws ArgumentException when the name is taken, RejectedException when the module is refused.
    member _.LoadAsync(name: string, wasm: byte[], cancellationToken: CancellationToken) : Task<Plugin> =
        load (Arguments.notNull (nameof name) name) (Arguments.bytes (nameof wasm) wasm) cancellationToken

    /// Loads a module under a name.
    member this.LoadAsync(name: string, wasm: byte[]) : Task<Plugin> = this.LoadAsync(name, wasm, CancellationToken.None)

    /// Loads every `.wasm` and `.wat` of a folder, each under its file's name, in order; gives the files that were refused. Throws DirectoryNotFoundException.
    member _.LoadFolderAsync(folder: string, cancellationToken: CancellationToken) : Task<IReadOnlyList<PluginFailure>> =
        let folder = Arguments.notNull (nameof folder) folder

        task {
            let failures = List<PluginFailure>()

            let files =
                Directory.EnumerateFiles folder
                |> Seq.filter (fun f -> f.EndsWith(".wasm", StringComparison.Ordinal) || f.EndsWith(".wat", StringComparison.Ordinal))
                |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
                |> Array.ofSeq

            for file in files do
                try
                    use stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read)
                    let! bytes = SandboxCore.readStream options.Settings stream cancellationToken
                    let! _ = load (Path.GetFileNameWithoutExtension file) bytes cancellationToken
                    ()
                with
                | :? RejectedException
                | :? ArgumentException
                | :? IOException as e -> failures.Add(PluginFailure(Path.GetFileName file, e.Message))

            return Arguments.list failures
        }

    /// Loads every module of a folder.
    member this.LoadFolderAsync(folder: string) : Task<IReadOnlyList<PluginFailure>> = this.LoadFolderAsync(folder, CancellationToken.None)

    /// Unloads a plugin: what runs is cancelled and waited for, its code and instances are freed; bound delegates throw ObjectDisposedException. False: there was none.
    member _.UnloadAsync(name: string) : Task<bool> =
        match plugins.TryRemove(Arguments.notNull (nameof name) name) with
        | true, _ -> manager.CloseAsync name
        | _ -> Task.FromResult false

    /// Unloads everything.
    member _.DisposeAsync() : ValueTask =
        plugins.Clear()
        manager.DisposeAsync()

    interface IAsyncDisposable with
        member this.DisposeAsync() = this.DisposeAsync()

    // Containers that are disposed on a thread need it.
    interface IDisposable with
        member this.Dispose() = this.DisposeAsync().AsTask().GetAwaiter().GetResult()
