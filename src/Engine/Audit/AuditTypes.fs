namespace Twofold.Engine.Audit

// What an audit says: in which ways a receipt was replayed, what came of each, and where the first difference lies.
// In: nothing; the judge and the locator make these values. Out: the console, reports (IAuditSink) and the exit code.

open System
open Twofold.HostAbi
open Twofold.Engine

/// Where the instance of a replay comes from.
[<RequireQualifiedAccess>]
type InstanceKind =
    /// New, never used.
    | Fresh
    /// It has run before, and was reset.
    | Pooled

    override this.ToString() =
        match this with
        | Fresh -> "fresh"
        | Pooled -> "pooled"

/// Where the module of a replay comes from.
[<RequireQualifiedAccess>]
type ModuleKind =
    /// Decoded, validated and loaded for this replay alone.
    | Cold
    /// From the cache, where other replays have used it.
    | Cached

    override this.ToString() =
        match this with
        | Cold -> "cold"
        | Cached -> "cached"

/// One way of replaying a receipt.
type Variant = {
    /// An engine's name: `compiled`, `interpreter`, `wasmtime`.
    Engine: string
    Instance: InstanceKind
    Module: ModuleKind
    /// From 1; 0 stands for all runs together (VariantTotals).
    Run: int
} with

    override v.ToString() =
        let run = if v.Run > 0 then $", run {v.Run}" else ""
        $"{v.Engine}, {v.Instance}, {v.Module}{run}"

/// What kind of thing made two runs differ, told by evidence.
[<RequireQualifiedAccess>]
type DivergenceClass =
    /// Bits of a NaN.
    | NaN
    /// A memory or table grew in one run and not in the other.
    | Growth
    /// One run exhausted the stack where the other had some left.
    | Stack
    /// Gas alone differs.
    | Gas
    /// The host answered the same question in two ways.
    | HostAnswer
    /// A used instance was not as a new one is.
    | ResetLeak
    /// Anything else that one engine does and another does not.
    | Engine

    override this.ToString() =
        match this with
        | NaN -> "NaN"
        | Growth -> "growth"
        | Stack -> "stack"
        | Gas -> "gas"
        | HostAnswer -> "host answer"
        | ResetLeak -> "reset leak"
        | Engine -> "engine"

/// One side of an effect; the texts are JSON of what the guest asked and what it was answered.
type EffectSide = { Effect: string; Reply: string; GasLeft: int64 }

/// The first effect that is not the same on both sides. None: that side had ended.
type EffectDifference = { Index: int; Expected: EffectSide option; Found: EffectSide option }

/// The last moment at which both sides were the same.
type LastEqual = {
    /// The last effect that both made alike; -1: before the first.
    Effect: int
    GasUsed: int64
    /// SHA-256 of the draft's canonical bytes, of all memories, of all numeric globals (as receipts digest them).
    Draft: Hash32
    Memory: Hash32
    Globals: Hash32
}

type SourceLine = { File: string; Line: int }

/// The basic block in which two runs part, or the part of one after a call came back.
type CodeBlock = {
    /// In the module's index space of functions.
    Function: int
    /// From the name section, an export or an import; empty when there is none.
    Name: string
    /// Byte offset in the module's binary: of the block's first instruction, of the first after the call, or of an instruction that has a price of its own.
    Offset: int
    /// When the module brings debug information.
    Source: SourceLine option
    /// Gas used before the block was paid for, and after.
    GasBefore: int64
    GasAfter: int64
}

/// What of an instance's state differs first, each kind once.
[<RequireQualifiedAccess>]
type StateDifference =
    | MemorySize of memory: int * expected: uint64 * found: uint64
    /// The page (64 KiB), the address of the first byte that differs, and what stands there on both sides (at most 32 bytes).
    | MemoryBytes of memory: int * page: uint64 * address: uint64 * expected: byte[] * found: byte[]
    /// Values as text, for instance `i32 7`.
    | Global of index: int * name: string * expected: string * found: string
    | TableSize of table: int * expected: uint64 * found: uint64
    | TableEntry of table: int * index: uint64 * expected: string * found: string
    /// A data or element segment that one side has dropped.
    | Segment of kind: string * index: int * expected: string * found: string
    /// An object, by the way to it (`global 0 .field 1`).
    | Object of path: string * expected: string * found: string

/// A divergence with everything that could be found out about it.
type Finding = {
    Class: DivergenceClass
    /// Why this class: a sentence.
    Evidence: string
    /// The replays that show it; it was located with the first.
    Variants: Variant list
    /// The replay that agrees with the receipt (or, when none does, another one that differs) and was run beside the first; none: the receipt alone.
    Reference: Variant option
    /// The first component that differs from the receipt.
    First: Divergence
    Effect: EffectDifference option
    LastEqual: LastEqual option
    Block: CodeBlock option
    State: StateDifference list
    /// What could not be found out, and why; empty when nothing is missing.
    Note: string
    /// One command line that shows it again.
    Reproduce: string
}

[<RequireQualifiedAccess>]
type Verdict =
    /// Every replay gave the same receipt, byte for byte.
    | Identical of digest: Hash32
    | Diverges of Finding list
    /// No replay differs, and one at least could not be made.
    | CannotJudge of reason: string

/// One replay.
type VariantReplay = { Variant: Variant; Result: ReplayResult; Elapsed: TimeSpan }

/// What came of one receipt.
type AuditedReceipt = {
    /// A file's name, or an entry of a corpus.
    Name: string
    /// Of the receipt as recorded; none when it could not be read.
    Digest: Hash32 option
    ModuleHash: Hash32 option
    Entry: string
    Verdict: Verdict
    Replays: VariantReplay list
    Elapsed: TimeSpan
}

/// An engine of an audit. `Unavailable`: why it could not take part, or empty.
type AuditedEngine = { Name: string; Version: string; Unavailable: string }

/// Counters of one variant (all its runs) over a whole audit.
type VariantTotals = { Variant: Variant; Replays: int64; Identical: int64; Diverging: int64; NotJudged: int64; Elapsed: TimeSpan }

/// A whole audit. Receipts are not kept: 100,000 of them pass by (IAuditSink.Add).
type AuditSummary = {
    /// What was audited, as it was named.
    Subject: string
    Started: DateTimeOffset
    Elapsed: TimeSpan
    Receipts: int64
    Identical: int64
    Diverging: int64
    NotJudged: int64
    Engines: AuditedEngine list
    Variants: VariantTotals list
    /// The audit was broken off (cancelled, or after as many divergences as were asked for): receipts that were not looked at are not counted.
    Complete: bool
    /// .NET, operating system and architecture.
    Machine: string
} with

    /// 0: at least one receipt, all of them identical. 1: a divergence. 2: none, but something could not be judged, or there was nothing, or not all was seen.
    member s.ExitCode =
        if s.Diverging > 0L then 1
        elif s.NotJudged > 0L || s.Receipts = 0L || not s.Complete then 2
        else 0

    /// The verdict in one sentence.
    member s.Sentence =
        let receipts = if s.Receipts = 1L then "1 receipt" else $"{s.Receipts} receipts"
        let unseen = if s.Complete then "" else "; not all receipts were looked at"

        let unjudged = if s.NotJudged > 0L then $"; {s.NotJudged} could not be judged" else ""

        if s.Diverging > 0L then
            let verb = if s.Diverging = 1L then "diverges" else "diverge"
            $"{s.Diverging} of {receipts} {verb}{unjudged}{unseen}"
        elif s.Receipts = 0L then
            $"there was no receipt to audit{unseen}"
        elif s.NotJudged > 0L then
            $"no divergence, but {s.NotJudged} of {receipts} could not be judged{unseen}"
        elif s.Receipts = 1L then
            $"the receipt is identical in every replay{unseen}"
        else
            $"all {s.Receipts} receipts are identical in every replay{unseen}"

/// Receives an audit as it goes: reports are such sinks. Called by one thread at a time, receipts in the order in which they were given.
type IAuditSink =
    abstract Add: AuditedReceipt -> unit
    /// Once, after the last receipt.
    abstract End: AuditSummary -> unit

/// Something to audit: reading is left to the worker that replays it.
[<NoComparison; NoEquality>]
type AuditInput = {
    /// A file's name, or an entry of a corpus.
    Name: string
    /// What names it on the command line of `twofold audit`, quoted as a shell wants it: a file and its `--module`, or a corpus and `--only`.
    CommandLine: string
    /// The receipt and its module's bytes (binary or text), or why they cannot be read.
    Load: unit -> Result<struct (Receipt * byte[]), string>
}
