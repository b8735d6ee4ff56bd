namespace Twofold.Conformance

// The oracle as the suite needs it: the suite tests the second opinion as it tests the engines.
// In: bytes, names, values. Out: results and endings; gas is unlimited, the logical stack is the host profile's.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Scripts
open Twofold.Oracle

[<Sealed>]
type OracleHost() =
    /// What the oracle executes.
    static let features = Features.All

    let limits = { Verdict.limits with MemoryBytes = 1L <<< 40 }
    let store = Store(limits, System.Int64.MaxValue, limits.StackUnits)
    let registered = Dictionary<string, Instance>()

    let resolve (m: string) (name: string) =
        match registered.TryGetValue m with
        | true, instance -> Oracle.export instance name
        | _ -> None

    interface ISuiteHost with
        member _.Features = features

        member _.Instantiate bytes =
            match Verdict.checkWith features bytes with
            | Error e -> Error(NotInstantiated.Refused(string e))
            | Ok valid ->
                match Oracle.instantiate store valid resolve with
                | Ok instance -> Ok(box instance)
                | Error(NoInstance.Refused e) when e.Kind.IsLink -> Error(NotInstantiated.Unlinkable e.Message)
                | Error(NoInstance.Refused e) -> Error(NotInstantiated.Refused(string e))
                | Error(NoInstance.Ended ended) -> Error(Ends.ofInstantiation ended)

        member _.Register(name, instance) = registered[name] <- (instance :?> Instance)

        member _.Invoke(instance, export, arguments) =
            match Oracle.invoke store (instance :?> Instance) export arguments with
            | Ok ended -> Ends.ofCall limits.StackUnits ended
            | Error e -> CallEnd.Unusable(string e)

        member _.Get(instance, export) =
            match Oracle.export (instance :?> Instance) export with
            | Some(Extern.Global g) -> CallEnd.Returned [| g.Value |]
            | _ -> CallEnd.Unusable $"no exported global {export}"

        member _.HeapOf v = Values.heapOf v

    interface System.IDisposable with
        member _.Dispose() = ()
