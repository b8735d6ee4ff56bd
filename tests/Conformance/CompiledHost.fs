namespace Twofold.Conformance

// The compiled engine as the suite needs it: several instances in one store, exports of one imported by the next.
// In: bytes, names, values. Out: results and endings; gas is unlimited, the logical stack is the host profile's.

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open Twofold.Wasm
open Twofold.Wasm.Compiler

[<Sealed>]
type CompiledHost() =
    let limits = Verdict.limits
    // Address space only: memories of the suite declare up to 4 GiB each and touch little.
    let store = new StoreData(Int64.MaxValue, limits.StackUnits, 1L <<< 40, limits.TableEntries, 8)
    let registered = Dictionary<string, InstanceData>()

    let ending (run: unit -> Value[]) =
        store.Begin(Int64.MaxValue, limits.StackUnits)

        try
            CallEnd.Returned(run ())
        with
        | :? TrapException as t -> CallEnd.Trapped t.Message
        | :? StackExhaustedException as e -> CallEnd.Exhausted e.Message
        | e -> CallEnd.Unusable $"{e.GetType().Name}: {e.Message}"

    let find (import: Twofold.Wasm.Binary.Import) =
        match registered.TryGetValue import.Module with
        | true, instance -> Link.findExport instance import.Name
        | _ -> ValueNone

    interface ISuiteHost with
        member _.Instantiate bytes =
            match Verdict.check bytes with
            | Error e -> Error(NotInstantiated.Refused e)
            | Ok valid ->
                let code = CompiledCode valid
                store.Rooted.Add code

                match Link.resolve valid find |> Result.bind (Link.allocate store code) with
                | Error e when e.Kind.IsLink -> Error(NotInstantiated.Unlinkable e.Message)
                | Error e -> Error(NotInstantiated.Refused e)
                | Ok instance ->
                    let started =
                        ending (fun () ->
                            Link.initialise instance (fun start -> Link.call start [||] |> ignore)
                            [||])

                    match started with
                    | CallEnd.Returned _ -> Ok(box instance)
                    | CallEnd.Trapped m
                    | CallEnd.Exhausted m
                    | CallEnd.Unusable m -> Error(NotInstantiated.Trapped m)

        member _.Register(name, instance) = registered[name] <- (instance :?> InstanceData)

        member _.Invoke(instance, export, arguments) =
            let instance = instance :?> InstanceData

            match Link.findExport instance export with
            | ValueSome(Extern.Func f) ->
                match Link.checkArguments export f arguments with
                | ValueSome e -> CallEnd.Unusable(string e)
                | ValueNone -> ending (fun () -> Link.call f arguments)
            | other -> CallEnd.Unusable(string (Link.noExport instance export "a function" other))

        member _.Get(instance, export) =
            let instance = instance :?> InstanceData

            match Link.findExport instance export with
            | ValueSome(Extern.Global g) ->
                let kind = Thunks.kindOf g.Type.Value

                let value =
                    if g.Type.Value.IsRef then
                        Value.Ref(kind, g.Ref.Value)
                    else
                        Value.FromBits(kind, uint64 (Marshal.ReadInt64 g.Address))

                CallEnd.Returned [| value |]
            | other -> CallEnd.Unusable(string (Link.noExport instance export "a global" other))

    interface IDisposable with
        member _.Dispose() = store.Dispose()
