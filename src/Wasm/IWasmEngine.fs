namespace Twofold.Wasm

// The interface of an engine: what the pipeline asks of whoever executes modules (our compiler, later our interpreter and Wasmtime).
// In: a valid module, host functions, limits, one run's settings. Out: how the run ended, gas used, digests of memory and globals.

open System
open System.Threading
open Twofold.Wasm.Validation

/// Trouble of the host or of ours: never deterministic, never in a receipt.
[<RequireQualifiedAccess>]
type EngineFault =
    /// The deadline passed.
    | Deadline of TimeSpan
    | Cancelled
    /// The host had no memory left, after our verdict allowed the growth.
    | HostMemory of string
    /// A host function threw; the text is for people.
    | HostFunction of string
    /// As many instances ran as may run at once, for as long as the run could wait.
    | PoolExhausted of TimeSpan
    /// A bug of the engine.
    | Bug of string

    /// One line for people.
    override this.ToString() =
        match this with
        | Deadline t -> $"timeout: the deadline of {t.TotalSeconds} s passed"
        | Cancelled -> "cancelled"
        | HostMemory m -> $"out of host memory: {m}"
        | HostFunction m -> $"a host function failed: {m}"
        | PoolExhausted t -> $"the pool is exhausted: no instance became free within {t.TotalSeconds:F1} s"
        | Bug m -> $"engine bug: {m}"

/// A trap with its numbers (see TrapCode); detail is text the guest supplied, or null.
[<Struct>]
type Trap = { Code: TrapCode; A: uint64; B: uint64; C: uint64; Detail: string }

/// An exception that the guest threw and did not catch.
[<NoComparison>]
type UncaughtEnd = {
    /// The tag's index in its module.
    Tag: int
    /// The first name under which the module exports the tag, or null.
    Name: string
    Values: Value[]
}

/// How a run ended.
[<RequireQualifiedAccess; NoComparison>]
type RunEnd =
    | Returned of Value[]
    | Trapped of Trap
    | Uncaught of UncaughtEnd
    | OutOfGas
    | StackExhausted
    | Fault of EngineFault

/// A function that the host supplies.
[<NoComparison; NoEquality>]
type HostImport = {
    Module: string
    Name: string
    /// Parameters i32/i64/f32/f64, at most one result.
    Type: FuncType
    Function: HostFunction
}

/// What an instance is made with; fixed for its life, so that pooled instances are interchangeable.
[<NoComparison; NoEquality>]
type InstanceSettings = {
    Functions: HostImport list
    /// Module and name under which a memory is supplied when the module imports one (`env`, `memory`); its size follows the import's own limits, from one page at least.
    Memory: (string * string) option
    Limits: WasmLimits
    /// How deep host functions may call back into the guest.
    ReentryDepth: int
}

/// One run on a clean instance: instantiation (segments, start) and then the entry, under one gas and stack limit.
[<NoComparison; NoEquality>]
type RunSettings = {
    Entry: string
    Arguments: Value[]
    /// Gas for instantiation and entry together; Int64.MaxValue means unlimited.
    Gas: int64
    /// Units of the logical stack; at most the limits' StackUnits.
    StackUnits: int
    /// What host functions find as Guest.Data.
    Data: obj
    /// Wall-clock safety net; TimeSpan.Zero means none.
    Deadline: TimeSpan
    Cancellation: CancellationToken
}

[<NoComparison; NoEquality>]
type RunResult = { End: RunEnd; GasUsed: int64 }

/// SHA-256 digests of what a run left behind.
[<NoComparison>]
type StateDigests = {
    /// Over all memories in index order, each as its size in bytes (u64, little-endian) and its contents; an all-zero page hashes as what it is.
    Memory: byte[]
    /// Over all numeric globals in index order, 8 bytes each (16 for v128); references are left out.
    Globals: byte[]
    MemoryBytes: int64
}

/// A place in a module's code.
[<Struct>]
type CodePosition = {
    /// In the module's index space of functions, imported ones included.
    Function: int
    /// Byte offset of the instruction in the module's binary.
    Offset: int
}

/// An instance: not thread-safe; one run at a time.
type IWasmInstance =
    inherit IDisposable
    /// Runs on a clean instance (new, or after Reset). Rejections (no such export, wrong arguments) say so; nothing ran then.
    abstract Run: RunSettings -> Result<RunResult, Rejected>
    /// The same, but in the entry's place the host makes the calls, through the guest that it is given: under one gas and stack limit, and not
    /// counted as re-entry. Its results are those of the run. Exports that are called must be there and take the arguments; Entry and Arguments are not looked at.
    abstract RunCalls: settings: RunSettings * calls: Func<Guest, Value[]> -> RunResult
    /// What the last run left.
    abstract Digests: unit -> StateDigests
    /// A digest of what `Digests` leaves out and `Reset` must restore: sizes and entries of tables, segments, which reference globals are null.
    /// To prove resets with: equal for all new instances of a module.
    abstract ResetDigest: unit -> byte[]
    /// Where the last run ended: the instruction that trapped, the start of the basic block that could not be paid, or of the function for which
    /// no stack was left. None after a return, and from engines that cannot know (only the interpreter does).
    abstract Where: unit -> CodePosition voption
    /// Back to the state before the first run: memory, globals, tables, dropped segments, sizes, host data.
    abstract Reset: unit -> unit

/// What audits look at after a run and before the reset, to say what differs. An engine's instances need not offer it.
type IInspectable =
    /// Bytes of each memory.
    abstract MemorySizes: uint64[]
    /// Copies bytes of a memory; the range must lie inside it.
    abstract ReadMemory: memory: int * address: uint64 * into: Span<byte> -> unit
    abstract Global: index: int -> Value
    /// Entries of each table.
    abstract TableSizes: uint64[]
    abstract TableEntry: table: int * index: uint64 -> Value
    /// Bytes of each data segment, elements of each element segment; 0 once dropped.
    abstract DataSizes: int[]
    abstract ElemSizes: int[]
    /// When the run ended out of gas: the gas that it would have used with the charge that was refused, so that limits find every charge. Else -1.
    abstract GasWanted: int64
    /// When the run ended out of gas before a basic block: the calls that it stood in, innermost first; none when nobody knows.
    abstract Callers: CodePosition[]

/// A module made ready to run: shared by any number of instances and threads.
type IWasmModule =
    inherit IDisposable
    abstract Module: ValidModule
    /// Links and allocates; nothing of the guest runs. Missing or ill-typed imports are `Link` rejections that show both signatures.
    abstract Instantiate: InstanceSettings -> Result<IWasmInstance, Rejected>

/// An engine.
type IWasmEngine =
    /// `compiled`, `interpreter`, `wasmtime`.
    abstract Name: string
    /// Part of cache keys.
    abstract Version: string
    abstract Load: ValidModule -> Result<IWasmModule, Rejected>
