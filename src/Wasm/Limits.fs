namespace Twofold.Wasm

// Every number that bounds a module or a run of the wasm layer, each with its reason.
// In: a profile picks a set. Out: Decode, Validate, Prepare and instances enforce it.

/// Limits on modules and on stores. All inclusive.
type WasmLimits = {
    /// Bytes of a module. Contracts: what a ledger is willing to store (10 MiB); hosts: large toolchain output (256 MiB).
    ModuleBytes: int
    /// Defined functions. Bounds the tables that instances allocate.
    Functions: int
    /// Parameters of a function type; native frames hold them all, so they bound native stack per frame.
    Params: int
    /// Results of a function type; they travel through a fixed buffer of the store.
    Results: int
    /// Locals of a function, parameters included; the logical stack charges each.
    Locals: int
    /// Locals plus five times the greatest operand height of a function: what its compiled form may need as locals, which CIL numbers with 16 bits.
    FrameSlots: int
    /// Types, imports, exports, globals, element and data segments, each: bounds what 20 bytes of counts can ask for.
    Declarations: int
    /// Tables of a module, and entries in all tables of a store together.
    Tables: int
    TableEntries: int64
    /// Bytes in all memories of a store together.
    MemoryBytes: int64
    /// Memories of a module.
    Memories: int
    /// Bytes of one function's body. Engines have limits of their own (Wasmtime: 7,654,321 with instrumentation).
    BodyBytes: int
    /// Nesting depth of blocks; every pass keeps its own stack, so this only bounds memory.
    Nesting: int
    /// Units of the logical stack: a frame costs 16 + locals + maximum operand height.
    StackUnits: int
} with

    /// The contract profile's numbers (design, section 9).
    static member Contract = {
        ModuleBytes = 10 * 1024 * 1024
        Functions = 20_000
        Params = 100
        Results = 100
        Locals = 10_000
        FrameSlots = 60_000
        Declarations = 100_000
        Tables = 1
        TableEntries = 10_000L
        MemoryBytes = 512L * 1024L * 1024L
        Memories = 1
        BodyBytes = 7_654_321
        Nesting = 100_000
        StackUnits = 262_144
    }

    /// The host profile's numbers: what a trusted embedder's own modules may need; the JavaScript API's limits where it has them.
    static member Host = {
        ModuleBytes = 256 * 1024 * 1024
        Functions = 1_000_000
        Params = 1_000
        Results = 1_000
        Locals = 50_000
        FrameSlots = 60_000
        Declarations = 1_000_000
        Tables = 100_000
        TableEntries = 10_000_000L
        MemoryBytes = 4L * 1024L * 1024L * 1024L
        Memories = 100
        BodyBytes = 7_654_321
        Nesting = 1_000_000
        StackUnits = 2_097_152
    }
