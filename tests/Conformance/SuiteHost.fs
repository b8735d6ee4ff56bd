namespace Twofold.Conformance

// What the suite asks of whoever executes, and the verdicts (decode, validate) that need no host.
// In: bytes. Out: a valid module, or why not.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Scripts
open Twofold.Wasm.Validation

/// A store with named instances; one per suite file, disposed at its end. The product's own runner of scripts asks for the same.
type ISuiteHost = IScriptHost

/// Decode and validate, as every host does before anything else.
module Verdict =
    /// The host profile, with the tables and memories of the suite (up to 2^32 - 1 entries, 2^48 pages declared) allowed.
    let limits = { ScriptSettings.Default.Limits with MemoryBytes = System.Int64.MaxValue }

    let checkWith (features: Features) (bytes: byte[]) : Result<ValidModule, Rejected> =
        Decode.run limits features bytes |> Result.bind (Validate.run limits features)

    /// Of any size: memories and tables that are only declared.
    let checkAny (bytes: byte[]) : Result<ValidModule, Rejected> =
        let limits = { limits with MemoryBytes = System.Int64.MaxValue; TableEntries = System.Int64.MaxValue }
        Decode.run limits Features.All bytes |> Result.bind (Validate.run limits Features.All)

    let check (bytes: byte[]) : Result<ValidModule, Rejected> = checkWith Features.Default bytes
