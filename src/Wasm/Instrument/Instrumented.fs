namespace Twofold.Wasm.Instrument

// What an instrumented module is: a binary that any engine with the features can execute, in which gas, logical stack, numbers of traps and verdicts
// are ordinary instructions over imported globals. In: made by Instrument. Out: a host (Twofold.Wasmtime) creates the globals, links and runs it.

open Twofold.Wasm

/// How float arithmetic gets its one NaN.
[<RequireQualifiedAccess>]
type internal NanMode =
    /// Nothing is encoded: the engine that executes gives canonical NaNs itself.
    | Native
    /// NaNs are made canonical in the code, where their bits can be seen.
    | OnEscape
    /// NaNs are made canonical in the code, after each instruction that may make one: the slow twin of OnEscape.
    | Each

[<NoComparison>]
type internal InstrumentOptions = {
    Nan: NanMode
    /// Functions that the module imports, or gets through tables and references, may throw: there are other guests in the store.
    /// False: only host functions, which never leave an exception on its way.
    OthersMayThrow: bool
    /// The slow twin: gas stays in its global, the memory's size is asked at each access. The same results.
    Slow: bool
} with

    static member Default = { Nan = NanMode.Native; OthersMayThrow = false; Slow = false }

/// What `reason` says beside the numbers of TrapCode.
module internal Reason =
    /// Gas ran out; `gas` is 0, and `a` what would have been left with the price that was refused: a negative number.
    [<Literal>]
    let OutOfGas = 100

    /// The logical stack ran out.
    [<Literal>]
    let StackExhausted = 101

    /// The executing engine refused a growth that our verdict had allowed: a fault of the host, no outcome.
    [<Literal>]
    let HostMemory = 102

/// What a global that the instrumented module imports is for. The first ten are one set per store, shared by all its instances.
type internal StoreGlobal =
    /// mut i64: gas left. The host writes it before a run; up to date in host functions, which may charge it, and when the run ended.
    /// Int64.MaxValue is unlimited. After Reason.OutOfGas it is 0.
    | Gas = 0
    /// mut i32: units of the logical stack that the next call starts with. The host writes it before each call from outside. A host function finds in it
    /// the units that are left; what it calls in the guest starts from there, so it writes the same number again before each call back.
    | Stack = 1
    /// mut i32: 0, or why the run ended in `unreachable`: a TrapCode, or one of `Reason`. The host writes 0 before each call from outside, and after a call back
    /// into the guest that ended, if the host function goes on.
    | Reason = 2
    /// mut i64: numbers of the trap that Reason names. `A` is also the element's index when the engine reports a null or a mistyped indirect call.
    | A = 3
    | B = 4
    | C = 5
    /// mut i64: bytes of objects made so far in this run; 0 before it.
    | Objects = 6
    /// i64: WasmLimits.GcBytes.
    | ObjectsLimit = 7
    /// mut i64: pages by which the store's memories may still grow: the limit in pages less those of all memories, the instance's own included. What the host
    /// grows itself it takes off here.
    | Pages = 8
    /// mut i64: the same for entries of tables.
    | Entries = 9
    /// i64: the greatest number of pages of an imported memory (its own declared maximum; without one 65,536, or 2^48 with 64-bit addresses). See `Index`.
    | MemoryMax = 10
    /// i64: the greatest number of entries of an imported table (its own declared maximum; without one 2^32 - 1, or 2^64 - 1 as -1). See `Index`.
    | TableMax = 11

/// A global that the instrumented module imports.
[<NoComparison>]
type internal InstrumentImport = {
    Kind: StoreGlobal
    /// For MemoryMax and TableMax: which memory or table, by its index in the module; else 0.
    Index: int
    /// Its name in the import section, under the module name `twofold`. A guest may import the same name for itself: go by position.
    Name: string
    Type: GlobalType
}

/// A module ready for an engine that knows nothing of us.
///
/// To run it: create the globals of `Imports` (those of the store once), instantiate with the module's own imports in their order and then these. Nothing of the
/// guest runs then, no segment is written, no gas is taken. Set gas, stack, reason and objects; call `Start`, then, with stack and reason set again, any
/// export. How a call ended:
///
/// | reason | the engine says | meaning |
/// |---|---|---|
/// | 100, 101, 102 | unreachable | out of gas, stack exhausted, host memory (a fault) |
/// | other than 0 | unreachable | the trap of that TrapCode, with the numbers of A, B, C |
/// | 0 | unreachable | TrapCode.Unreachable |
/// | 0 | integer division by zero, integer overflow, bad conversion to integer | IntegerDivideByZero, IntegerOverflow, InvalidConversionToInteger |
/// | 0 | null reference, cast failure | NullReference, CastFailure |
/// | 0 | indirect call to null | UninitializedElement, A |
/// | 0 | bad signature | IndirectCallTypeMismatch, A |
/// | 0 | an exception | uncaught exception |
/// | 0 | anything else | a fault: every other trap is tested in the code before the engine can meet it |
///
/// Gas used is the limit less `gas`, always.
[<NoComparison; NoEquality>]
type internal InstrumentedModule = {
    Bytes: byte[]
    /// What it imports after the module's own imports, in order.
    Imports: InstrumentImport[]
    /// The exported function () -> () that does what is left of instantiation, in our order and at our prices: first pages and entries, objects of constant
    /// expressions, active segments, the start function. To be called once, before anything else.
    Start: string
    /// An exported i64 global: how many of the module's own globals `Start` has written, counted from the first. Engines write them all when they instantiate; when
    /// a run ends before that, out of gas or objects, ours show zeros in the others, and so must digests.
    Written: string
    /// Under what names all memories, globals and tables are exported (own ones and imported ones, hidden or not), by their index in the module.
    Memories: string[]
    Globals: string[]
    Tables: string[]
    /// The same for tags: what an exception that came out was thrown by.
    Tags: string[]
}
