namespace Twofold.Conformance

// What the runner asks of whoever executes: an engine is plugged in by implementing ISuiteHost. Verdicts (decode, validate) need no host.
// In: bytes, names, values. Out: instances as objects, results, or how it ended.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

/// Why there is no instance.
[<RequireQualifiedAccess>]
type NotInstantiated =
    /// Refused for another reason than its imports.
    | Refused of string
    /// The message, with the suite's wording first.
    | Unlinkable of string
    | Trapped of string

/// How a call or the reading of a global ended.
[<RequireQualifiedAccess>]
type CallEnd =
    | Returned of Value[]
    | Trapped of string
    | Exhausted of string
    /// An exception that the guest did not catch.
    | Threw of string
    /// There is no such export, or the arguments do not fit: always a failure of the test.
    | Unusable of string

/// A store with named instances; one per suite file, disposed at its end.
type ISuiteHost =
    inherit IDisposable
    /// What its modules may use.
    abstract Features: Features
    abstract Instantiate: bytes: byte[] -> Result<obj, NotInstantiated>
    /// Makes an instance's exports importable under a name.
    abstract Register: name: string * instance: obj -> unit
    abstract Invoke: instance: obj * export: string * arguments: Value[] -> CallEnd
    abstract Get: instance: obj * export: string -> CallEnd
    /// What a non-null reference refers to: `Func`, `Struct`, `Array`, `I31`, `Exn`; `Extern` for a host's object.
    abstract HeapOf: Value -> HeapType

/// Decode and validate, as every host does before anything else.
module Verdict =
    /// The host profile, with the tables of the suite (up to 2^32 - 1 entries declared) allowed.
    let limits = { WasmLimits.Host with TableEntries = 0x100000000L }

    let checkWith (features: Features) (bytes: byte[]) : Result<ValidModule, Rejected> =
        Decode.run limits features bytes |> Result.bind (Validate.run limits features)

    let check (bytes: byte[]) : Result<ValidModule, Rejected> = checkWith Features.Default bytes
