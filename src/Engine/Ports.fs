namespace Twofold.Engine

// What a host may plug in. Only the interpreter of effects calls these, and only for external effects.
// In: a host's implementation. Out: answers, which the journal keeps with their bytes.

open System
open System.Threading
open System.Threading.Tasks
open Twofold
open Twofold.Wasm
open Twofold.HostAbi

/// A fact from outside with the evidence for it.
type ExternalAnswer = { Value: byte[]; Evidence: byte[] }

/// Answers the external effects of runs. Called from any thread; an exception is an engine fault.
[<AllowNullLiteral>]
type IExternalProvider =
    /// The value of a claim, or nothing when it is not known. Claims that the request declares are answered from the request and never asked here.
    abstract DeclareState: request: CallContext * claim: byte[] -> ExternalAnswer voption

/// The guest as a registered function sees it, until the function returns. What it does is journaled, so that a replay does the same without it.
/// Methods that end the run throw; the run ends then even if the function catches that. Safe to use from any thread while the guest's own waits in `Wait`.
type IHostCaller =
    /// Bytes of the guest's memory 0, now.
    abstract MemorySize: uint64
    abstract GasLeft: int64
    /// A copy of the guest's bytes; a range outside memory traps.
    abstract Read: address: uint32 * length: uint32 -> byte[]
    /// A range outside memory traps.
    abstract Write: address: uint32 * bytes: byte[] -> unit
    /// A buffer with the guest's bytes; what is changed in it is written back when the function returns, calls the guest, or reads or writes again.
    abstract Edit: address: uint32 * length: uint32 -> byte[]
    /// The guest's own bytes, until the function returns; what was written is journaled then. On the guest's thread only. The guest cannot be called until then: it
    /// could move its memory.
    abstract Borrow: address: uint32 * length: uint32 * writable: bool -> Span<byte>
    /// Lends the guest's own bytes to a reader, for as long as that runs.
    abstract ReadSpan: address: uint32 * length: uint32 * reader: GuestReader<'T> -> 'T
    /// Lends the guest's own bytes to an editor, for as long as that runs; what it wrote is journaled when it returns, and undone when it throws.
    abstract EditSpan: address: uint32 * length: uint32 * editor: GuestEditor -> unit
    /// Takes gas for the function's own work; ends the run when less is left.
    abstract Charge: gas: int64 -> unit
    /// Calls an export of the guest with numbers; on the guest's thread only.
    abstract Enter: export: string * arguments: Value[] -> Value[]
    /// Waits on the guest's thread; when the run must end before, it ends.
    abstract Wait: task: Task -> unit
    /// Set when the run is cancelled or its deadline has passed.
    abstract Stopping: CancellationToken

/// Answers calls of registered functions (Effect.Host). Called on the guest's thread; Twofold.GuestTrapException is a trap, any other exception an engine fault.
[<AllowNullLiteral>]
type IHostFunctions =
    /// Bits of the arguments in, bits of the result out (0 when there is none).
    abstract Perform: signature: HostSignature * arguments: uint64 list * caller: IHostCaller -> uint64

/// Answers what skills ask of the outside: prompts, memory, HTTP. Called from any thread, never for read_reply, and only for what the request's
/// grant permits (a redirect's target is the provider's to check). The token ends with the run: its deadline, or its caller's cancellation.
/// Failures that a skill may see are answers; an exception is an engine fault.
[<AllowNullLiteral>]
type ISkillProvider =
    abstract Answer: request: CallContext * effect: SkillEffect * token: CancellationToken -> SkillAnswer

module internal Ports =
    /// Knows nothing: requests bring all there is.
    let none = {
        new IExternalProvider with
            member _.DeclareState(_, _) = ValueNone
    }

    /// Nobody answers skills.
    let noSkills = {
        new ISkillProvider with
            member _.Answer(_, _, _) = SkillAnswer.Failed SkillError.Unavailable
    }

    /// No function is registered.
    let noFunctions = {
        new IHostFunctions with
            member _.Perform(s, _, _) = invalidOp $"no function {s.Module}.{s.Name} is registered for this run"
    }

    /// A kept reply as the answer that it was made of, for whoever answers from a journal.
    let skillAnswer (reply: Reply) : SkillAnswer =
        match reply with
        | Reply.Bytes bytes -> SkillAnswer.Bytes bytes
        | Reply.Code code ->
            match SkillError.tryOfCode code with
            | ValueSome error -> SkillAnswer.Failed error
            | ValueNone -> SkillAnswer.Failed SkillError.Failed
        | _ -> SkillAnswer.Done
