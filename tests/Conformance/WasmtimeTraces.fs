namespace Twofold.Conformance

// Wasmtime as an engine of traces: calls in a row on one instance of one store.
// In: a valid module and host functions. Out: an instance as functions; there is no such engine where libwasmtime is absent.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Tests
open Twofold.Wasmtime

module WasmtimeTraces =
    let private instantiate (engine: WasmtimeEngine) (valid: Validation.ValidModule) (imports: TracedImport list) =
        let limits = { Verdict.limits with MemoryBytes = WasmLimits.Host.MemoryBytes }

        let loaded =
            match engine.LoadNative(valid, false) with
            | Ok m -> m
            | Error r -> failwith $"refused: {r}"

        let m = valid.Module

        let hosts =
            imports
            |> List.map (fun i ->
                let signature = Signature.Of(i.Type, m.Types)
                HostEntry(signature, HostCallback(fun _ arguments -> i.Call arguments)))
            |> Array.ofList

        let store = new NativeStore(loaded.Handle.Engine, limits, 8, hosts)

        let own =
            m.Imports
            |> Array.map (fun i ->
                match imports |> List.tryFindIndex (fun t -> t.Module = i.Module && t.Name = i.Name) with
                | Some k -> store.NewFunction(k, loaded.Handle.Engine.Types.FuncType hosts[k].Signature)
                | None -> failwith $"no import {i.Module}.{i.Name}")

        let run (f: NativeFunctionRef) (arguments: Value[]) =
            let mutable ended = Unchecked.defaultof<RunEnd>

            GuestThread.Run(
                loaded.Handle.Engine.Options.StackBytes,
                fun () ->
                    store.Units <- limits.StackUnits
                    let mutable e = null
                    let results = store.Invoke(f, arguments, &e)
                    ended <- if isNull results then Ending.ofException e else RunEnd.Returned results
            )

            ended

        let mutable why = null
        let instance = store.Instantiate(loaded, ReadOnlySpan own, false, &why)

        if isNull instance then
            failwith $"not instantiated: {why}"

        store.Begin(Int64.MaxValue, limits.StackUnits)

        match run instance.Start [||] with
        | RunEnd.Returned _ ->
            let exported name kind =
                match m.Exports |> Array.tryFind (fun e -> e.Name = name && e.Kind = kind) with
                | Some e -> e.Index
                | None -> failwith $"no export {name}"

            Ok {
                Invoke = fun name arguments -> run (instance.FindFunction name) arguments
                Global = fun name -> instance.Global(exported name ExternKind.Global)
                Memory = fun name -> instance.Memories[exported name ExternKind.Memory].ToArray()
                GasUsed = fun () -> store.GasLimit - store.Gas
            }
        | ended ->
            store.Dispose()
            Error ended

    /// None where libwasmtime is absent.
    let engines () : (string * WasmtimeEngine) list = WasmtimeForTests.tryPlain () |> Option.map (fun e -> "wasmtime", e) |> Option.toList

    /// With each way to canonical NaNs.
    let all () : TraceEngine list =
        let switch = WasmtimeForTests.tryEngine "switch" (fun o -> o.WithNan WasmtimeNan.Switch)

        engines () @ (switch |> Option.map (fun e -> "wasmtime with its switch for NaN", e) |> Option.toList)
        |> List.map (fun (name, engine) -> { Name = name; Instantiate = instantiate engine })
