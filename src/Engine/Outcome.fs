namespace Twofold.Engine

// How a run ended, as codes and numbers: the part of a receipt that everybody asks for first.
// In: an engine's RunEnd and the convention. Out: the receipt; text for people stands beside the receipt, never in it.

open Twofold.Wasm

/// One result. A reference is recorded as null (Low 0) or not (Low 1): identities do not travel.
type ResultValue = { Kind: ValueKind; Low: uint64; High: uint64 }

/// How a run ended.
[<RequireQualifiedAccess>]
type Outcome =
    /// The entry returned; a contract with status 0, which is its one value.
    | Returned of values: ResultValue list
    /// A contract returned another status.
    | Failed of status: int
    /// A trap with its numbers (see TrapCode).
    | Trapped of code: int * a: uint64 * b: uint64 * c: uint64
    /// An exception that the guest did not catch: its tag's index in the module, the tag's first export name, and what it carried.
    | Uncaught of tag: int * name: string option * values: ResultValue list
    | OutOfGas
    | StackExhausted

    /// Whether the draft's writes are kept.
    member o.Succeeded =
        match o with
        | Returned _ -> true
        | _ -> false

/// What the engine traps with beside the codes of the wasm layer; numbers from 64 on are the host's.
module HostTrap =
    /// The journal is full. Numbers: the entry's weight, the journal's weight before it, the limit.
    [<Literal>]
    let JournalFull = 64

    /// Not a trap to those who look at outcomes: a WASI program ended itself (`proc_exit`). Number: its status. 0 becomes Returned, others Failed.
    [<Literal>]
    let Exit = 65

    /// More was written to standard output and error, or logged, than the policy allows. Numbers: bytes to be written, bytes written before, the limit.
    [<Literal>]
    let OutputFull = 66

    /// A registered function of the host ended the run (Twofold.GuestTrapException). Numbers: the function's own code.
    [<Literal>]
    let HostFunction = 67

    /// A skill's alloc gave no room for its input. Number: the bytes wanted.
    [<Literal>]
    let SkillNoRoom = 68

    /// A skill's result is too long. Numbers: its bytes (as far as they were looked at), the limit.
    [<Literal>]
    let SkillResultTooLong = 69

    /// Text for any trap code.
    let describe (code: int) a b c (detail: string) =
        match code with
        | JournalFull -> $"the journal is full: an entry of {a}, {b} taken, limit {c}"
        | Exit -> $"exited with status {a}"
        | OutputFull -> $"too much output: {a} more bytes, {b} written, limit {c}"
        | HostFunction ->
            if isNull detail then
                $"a host function ended the run, code {a}"
            else
                $"a host function ended the run: {detail}"
        | SkillNoRoom -> $"the skill's alloc gave no room for {a} bytes of input"
        | SkillResultTooLong -> $"the skill's result is too long: {a} bytes, limit {b}"
        | _ -> TrapException.Describe(enum<TrapCode> code, a, b, c, detail)

module Outcome =
    let private isRef kind = kind >= ValueKind.FuncRef

    let ofValue (v: Value) : ResultValue =
        if isRef v.Kind then
            { Kind = v.Kind; Low = (if isNull v.Reference then 0UL else 1UL); High = 0UL }
        else
            { Kind = v.Kind; Low = v.Bits; High = v.HighBits }

    let private texts (values: ResultValue list) =
        let text (v: ResultValue) =
            if isRef v.Kind then
                let name = v.Kind.ToString().ToLowerInvariant()
                if v.Low = 0UL then $"{name}:null" else name
            else
                Value.FromBits(v.Kind, v.Low, v.High).ToString()

        values |> List.map text |> String.concat " "

    /// One line for people.
    let describe (outcome: Outcome) =
        match outcome with
        | Outcome.Returned values ->
            match values with
            | [] -> "returned nothing"
            | _ -> "returned " + texts values
        | Outcome.Failed status ->
            match Twofold.HostAbi.ContractStatus.tryOfNumber status with
            | ValueSome known -> $"failed with status {status} ({known})"
            | ValueNone -> $"failed with status {status}"
        | Outcome.Trapped(code, a, b, c) -> "trapped: " + HostTrap.describe code a b c null
        | Outcome.Uncaught(tag, name, values) ->
            let name =
                match name with
                | Some n -> $" ({n})"
                | None -> ""

            let carried = if values.IsEmpty then "" else $" with {texts values}"
            $"uncaught exception of tag {tag}{name}{carried}"
        | Outcome.OutOfGas -> "out of gas"
        | Outcome.StackExhausted -> "call stack exhausted"
