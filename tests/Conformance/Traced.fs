namespace Twofold.Conformance

// What traces of other engines ask of ours: calls in a row on one instance, then what is left behind exported names.
// In: a valid module and host functions. Out: an instance as three functions, or how instantiation ended.

open System
open Twofold.Wasm
open Twofold.Wasm.Validation

/// A host function of a trace: name in `env` or elsewhere, type, and what it does with its arguments.
[<NoComparison; NoEquality>]
type TracedImport = { Module: string; Name: string; Type: FuncType; Call: Value[] -> Value[] }

[<NoComparison; NoEquality>]
type TracedInstance = {
    Invoke: string -> Value[] -> RunEnd
    Global: string -> Value
    Memory: string -> byte[]
    GasUsed: unit -> int64
}

[<NoComparison; NoEquality>]
type TraceEngine = { Name: string; Instantiate: ValidModule -> TracedImport list -> Result<TracedInstance, RunEnd> }

module Ended =
    let private values (values: Value[]) =
        values |> Array.map (fun v -> if v.Kind >= ValueKind.FuncRef then "ref" else string v) |> String.concat " "

    /// An end in words that two engines share: references are only said to be there.
    let show (ended: RunEnd) =
        match ended with
        | RunEnd.Returned results -> "returned " + values results
        | RunEnd.Trapped t -> $"trapped {t.Code} {t.A} {t.B} {t.C}"
        | RunEnd.Uncaught u -> $"uncaught {u.Tag} {values u.Values}"
        | other -> string other
