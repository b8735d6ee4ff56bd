namespace Twofold.Wasm.Scripts

// What the runner of scripts asks of whoever executes: an engine is plugged in by implementing IScriptHost.
// In: bytes, names, values. Out: instances as objects, results, or how it ended.

open System
open Twofold.Wasm

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
    /// An exception of the guest that no handler caught.
    | Threw of string
    /// There is no such export, or the arguments do not fit: always a failure of the command.
    | Unusable of string

/// A store with named instances; one per script, disposed at its end.
type IScriptHost =
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
