namespace Twofold.Conformance

// The official suite and other engines' traces on instrumented modules: several instances share the store's globals, as they do in a native engine.
// In: bytes, names, values. Out: results and endings.

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Compiler
open Twofold.Wasm.Instrument
open Twofold.Wasm.Scripts
open Twofold.Wasm.Validation
open Twofold.Instrumented

module private Live =
    let valueOf (c: GlobalCell) : Value =
        let kind = Thunks.kindOf c.Type.Value

        if c.Type.Value.IsRef then
            Value.Ref(kind, References.outward c.Type.Value c.Ref.Value)
        else
            Value.FromBits(kind, uint64 (Marshal.ReadInt64 c.Address), uint64 (Marshal.ReadInt64(c.Address + 8n)))

[<Sealed>]
type internal InstrumentedHost(options: InstrumentOptions) =
    // Address space only: memories of the suite declare up to 4 GiB each and touch little.
    let limits = { Verdict.limits with MemoryBytes = 1L <<< 40 }
    let store = new InstrumentedStore(limits, Int64.MaxValue, limits.StackUnits, 8)
    let registered = Dictionary<string, Live>()

    /// Exports by the module's own names only.
    let export (live: Live) (name: string) =
        if live.Prepared.Valid.Module.Exports |> Array.exists (fun e -> e.Name = name) then
            live.Find name
        else
            ValueNone

    let find (i: Import) =
        match registered.TryGetValue i.Module with
        | true, live -> export live i.Name |> ValueOption.map Ok
        | _ -> ValueNone

    interface ISuiteHost with
        member _.Features = Features.Executable

        member _.Instantiate bytes =
            match Verdict.checkWith Features.Executable bytes |> Result.bind (fun v -> Prepared.Make(v, options)) with
            | Error e -> Error(NotInstantiated.Refused(string e))
            | Ok prepared ->
                match store.Instantiate(prepared, find) with
                | Error e when e.Kind.IsLink -> Error(NotInstantiated.Unlinkable e.Message)
                | Error e -> Error(NotInstantiated.Refused(string e))
                | Ok live ->
                    match store.Start live with
                    | RunEnd.Returned _ -> Ok(box live)
                    | ended -> Error(Ends.ofInstantiation ended)

        member _.Register(name, instance) = registered[name] <- (instance :?> Live)

        member _.Invoke(instance, name, arguments) =
            let live = instance :?> Live

            match export live name with
            | ValueSome(Extern.Func f) ->
                match Link.checkArguments name f arguments with
                | ValueSome e -> CallEnd.Unusable(string e)
                | ValueNone -> Ends.ofCall limits.StackUnits (store.Call(live, name, arguments))
            | _ -> CallEnd.Unusable $"no exported function {name}"

        member _.Get(instance, name) =
            match export (instance :?> Live) name with
            | ValueSome(Extern.Global g) -> CallEnd.Returned [| Live.valueOf g |]
            | _ -> CallEnd.Unusable $"no exported global {name}"

        member _.HeapOf v = ScriptValues.heapOf v

    interface IDisposable with
        member _.Dispose() = (store :> IDisposable).Dispose()

module internal InstrumentedTraces =
    let engine name (options: InstrumentOptions) : TraceEngine =
        let instantiate (valid: ValidModule) (imports: TracedImport list) =
            let limits = { Verdict.limits with MemoryBytes = WasmLimits.Host.MemoryBytes }
            let store = new InstrumentedStore(limits, Int64.MaxValue, limits.StackUnits, 8)

            let find (i: Import) =
                imports
                |> List.tryFind (fun f -> f.Module = i.Module && f.Name = i.Name)
                |> function
                    | Some f ->
                        let callback = HostCallback(fun _ arguments -> f.Call arguments)
                        ValueSome(Ok(Extern.Func(store.HostCallback(f.Name, f.Type, callback))))
                    | None -> ValueNone

            match Prepared.Make(valid, options) with
            | Error e -> failwith $"refused: {e}"
            | Ok prepared ->
                match store.Instantiate(prepared, find) with
                | Error e -> failwith $"refused: {e}"
                | Ok live ->
                    match store.Start live with
                    | RunEnd.Returned _ ->
                        Ok {
                            Invoke = fun name arguments -> store.Call(live, name, arguments)
                            Global =
                                fun name ->
                                    match live.Find name with
                                    | ValueSome(Extern.Global g) -> Live.valueOf g
                                    | _ -> failwith $"no exported global {name}"
                            Memory =
                                fun name ->
                                    match live.Find name with
                                    | ValueSome(Extern.Memory m) -> m.Span(0UL, uint32 m.Length).ToArray()
                                    | _ -> failwith $"no exported memory {name}"
                            GasUsed = fun () -> store.GasUsed
                        }
                    | ended ->
                        (store :> IDisposable).Dispose()
                        Error ended

        { Name = name; Instantiate = instantiate }
