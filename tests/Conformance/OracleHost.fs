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

    let message (t: Trap) = TrapException.Describe(t.Code, t.A, t.B, t.C, t.Detail)

    let callEnd (ended: RunEnd) =
        match ended with
        | RunEnd.Returned values -> CallEnd.Returned values
        | RunEnd.Trapped t -> CallEnd.Trapped(message t)
        | RunEnd.StackExhausted -> CallEnd.Exhausted (StackExhaustedException limits.StackUnits).Message
        | RunEnd.Uncaught u -> CallEnd.Threw $"tag {u.Tag}"
        | other -> CallEnd.Unusable $"%A{other}"

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
                | Error(NoInstance.Ended(RunEnd.Trapped t)) -> Error(NotInstantiated.Trapped(message t))
                | Error(NoInstance.Ended other) -> Error(NotInstantiated.Trapped(string other))

        member _.Register(name, instance) = registered[name] <- (instance :?> Instance)

        member _.Invoke(instance, export, arguments) =
            match Oracle.invoke store (instance :?> Instance) export arguments with
            | Ok ended -> callEnd ended
            | Error e -> CallEnd.Unusable(string e)

        member _.Get(instance, export) =
            match Oracle.export (instance :?> Instance) export with
            | Some(Extern.Global g) -> CallEnd.Returned [| g.Value |]
            | _ -> CallEnd.Unusable $"no exported global {export}"

        member _.HeapOf v = Values.heapOf v

    interface System.IDisposable with
        member _.Dispose() = ()
