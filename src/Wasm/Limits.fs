namespace Twofold.Wasm

// Every number that bounds a module or a run of the wasm layer, each with its reason.
// In: a profile picks a set. Out: Decode, Validate, Prepare and instances enforce it.

/// Limits on modules and on stores. All inclusive; Int64.MaxValue is no limit.
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
    /// Types, imports, exports, globals, element and data segments, custom sections, instructions of a constant expression, each: they are kept while the module
    /// lives, in more memory than their bytes.
    Declarations: int
    /// Fields of a struct type. Objects' layouts are made of them; the JavaScript API's limit.
    Fields: int
    /// Depth of declared supertypes: each type carries a list of them for casts; the JavaScript API's limit.
    SubtypeDepth: int
    /// Operands of one array.new_fixed; they pass through the operand stack. The JavaScript API's limit.
    FixedElements: int
    /// Tables of a module, and entries in all tables of a store together.
    Tables: int
    TableEntries: int64
    /// Bytes in all memories of a store together.
    MemoryBytes: int64
    /// Memories of a module. Each reserves an address range up to the memory limit, and is reset and digested by itself: contracts have one.
    Memories: int
    /// Bytes of all structs, arrays and exceptions that one run makes, by the schedule's formula; freed ones count, so that no host's collector is the judge.
    GcBytes: int64
    /// Bytes of one array: what every engine can make (.NET arrays end at 2^31 elements).
    ArrayBytes: int64
    /// Bytes of one function's body. RyuJIT takes a second or two and 300 MB for a megabyte of branches, so a contract may have half of that: the largest body of
    /// real contracts has 46 KB, of any module we have seen 200 KB (esbuild). Hosts: what Wasmtime takes (7,654,321 with instrumentation).
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
        Fields = 2_000
        SubtypeDepth = 63
        FixedElements = 10_000
        Tables = 1
        TableEntries = 10_000L
        MemoryBytes = 512L * 1024L * 1024L
        Memories = 1
        GcBytes = 256L * 1024L * 1024L
        ArrayBytes = 1024L * 1024L * 1024L
        BodyBytes = 512 * 1024
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
        Fields = 10_000
        SubtypeDepth = 63
        FixedElements = 10_000
        Tables = 100_000
        TableEntries = 10_000_000L
        MemoryBytes = 4L * 1024L * 1024L * 1024L
        Memories = 100
        GcBytes = 4L * 1024L * 1024L * 1024L
        ArrayBytes = 1024L * 1024L * 1024L
        BodyBytes = 7_654_321
        Nesting = 1_000_000
        StackUnits = 2_097_152
    }

module internal TextLimits =
    /// Characters of the text of a module (512 MiB of memory while it is built). A body of eight bytes can declare 50,000 locals, so that a small
    /// binary has a text without end; the largest real one (esbuild, 14 MB of wasm) has about 120 million.
    let chars = 268_435_456
