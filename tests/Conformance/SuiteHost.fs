namespace Twofold.Conformance

// What the suite asks of whoever executes, and the verdicts (decode, validate) that need no host.
// In: bytes. Out: a valid module, or why not.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Scripts
open Twofold.Wasm.Validation

/// A store with named instances; one per suite file, disposed at its end. The product's own runner of scripts asks for the same.
type ISuiteHost = IScriptHost

/// What blind runs of other people's modules are given.
module Supplied =
    /// Every import that 64-bit words can carry, answering zero; a memory where one is imported.
    let settings (limits: WasmLimits) (valid: ValidModule) : InstanceSettings =
        let numbers (t: FuncType) = t.Results.Length <= 1 && Seq.append t.Params t.Results |> Seq.forall _.IsNum

        {
            Functions = [
                for i in valid.Module.Imports do
                    match i.Type with
                    | ExternType.Func t when numbers (valid.FuncType t) -> {
                        Module = i.Module
                        Name = i.Name
                        Type = valid.FuncType t
                        Function = HostFunction(fun _ _ -> 0UL)
                      }
                    | _ -> ()
            ]
            Memory = valid.Module.Imports |> Array.tryFind _.Type.IsMemory |> Option.map (fun i -> i.Module, i.Name)
            Limits = limits
            ReentryDepth = 8
        }

/// How runs end, as scripts see it.
module Ends =
    let private message (t: Trap) = TrapException.Describe(t.Code, t.A, t.B, t.C, t.Detail)

    let ofCall (stackUnits: int) (ended: RunEnd) : CallEnd =
        match ended with
        | RunEnd.Returned values -> CallEnd.Returned values
        | RunEnd.Trapped t -> CallEnd.Trapped(message t)
        | RunEnd.StackExhausted -> CallEnd.Exhausted (StackExhaustedException stackUnits).Message
        | RunEnd.Uncaught u -> CallEnd.Threw $"tag {u.Tag}"
        | other -> CallEnd.Unusable $"%A{other}"

    let ofInstantiation (ended: RunEnd) : NotInstantiated =
        match ended with
        | RunEnd.Trapped t -> NotInstantiated.Trapped(message t)
        | other -> NotInstantiated.Trapped(string other)

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
