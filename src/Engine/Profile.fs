namespace Twofold.Engine

// What a kind of guest may do: features, limits, gas, import modules, switches, deadline (design, section 4, last table).
// In: a profile's name, or a host's own numbers. Out: Request checks against it, Linking allows imports by it, the cache keys on it.

open System
open Twofold.Wasm
open Twofold.HostAbi

/// The determinism switches of a run; part of the request.
type Switches = {
    /// Clocks stand still at the block's time. Off: the clocks that guests may read advance with gas (no clock of `env` does: it has block time only).
    FixedTime: bool
    /// Imports that give random numbers are refused.
    RandomOff: bool
    /// The host supplies `malloc`, `alloc` and `free` to guests that import them.
    Allocator: bool
}

/// Limits of one run beside those of the wasm layer.
type RunLimits = {
    /// What host calls and drafts may hold.
    Call: HostLimits
    /// Weight of the journal: 64 for each effect, and the bytes that it was given and that came from outside. Bounds what a receipt can weigh.
    JournalBytes: int64
    /// How deep host functions may call the guest back (allocators, plugins).
    ReentryDepth: int
    /// Bytes of a request's parameters.
    ParameterBytes: int
    /// Bytes that a guest may write to standard output and error, and log, all together.
    OutputBytes: int64
    /// What files in memory may weigh: 512 for each, and their contents in pages of 4 KiB.
    FileBytes: int64
}

/// The rules that a run goes by: everything that its result depends on beside module, request and snapshot. Part of the receipt.
[<NoComparison>]
type Policy = {
    Features: Features
    Wasm: WasmLimits
    Run: RunLimits
    /// Int64.MaxValue is unlimited.
    Gas: int64
    /// Module names a guest may import from.
    ImportModules: string list
    Switches: Switches
}

/// A profile: one row of the table. A host may change any number of it; a request may only lower some.
[<NoComparison>]
type Profile = {
    Name: string
    Policy: Policy
    /// Wall-clock safety net; zero is none. Never part of a receipt: passing it is an engine fault.
    Deadline: TimeSpan
}

module Profile =
    /// Gas that never runs out.
    [<Literal>]
    let UnlimitedGas = Int64.MaxValue

    let private mib n = int64 n * 1024L * 1024L

    let private run = {
        Call = HostLimits.Contract
        JournalBytes = mib 64
        // Deep enough for allocators and plugins that call back; each level costs the host native stack.
        ReentryDepth = 8
        // As much as a contract's module: parameters are copied into guest memory, which is bounded anyway.
        ParameterBytes = int (mib 10)
        // An answer that somebody reads; captured, so it counts against the host's memory.
        OutputBytes = mib 16
        // As much as a sandbox's own memory.
        FileBytes = mib 64
    }

    // Commands call WASI millions of times (a database a few times for each page); an entry weighs 64 and what a host answered.
    let private roomy = { run with JournalBytes = mib 1024; OutputBytes = mib 256; FileBytes = mib 1024 }

    let private safe = { FixedTime = true; RandomOff = false; Allocator = true }

    // 3.0 and the exceptions that older toolchains emit. Threads share memory at the mercy of a scheduler: no two runs need be the same.
    let private withoutThreads = Features.All.Without(Feature.Threads).And Features.Executable

    let private everything = Features.All.And Features.Executable

    let private row name features wasm gas imports seconds = {
        Name = name
        Policy = { Features = features; Wasm = wasm; Run = run; Gas = gas; ImportModules = imports; Switches = safe }
        Deadline = TimeSpan.FromSeconds(float seconds)
    }

    let private lowered moduleBytes memory = { WasmLimits.Host with ModuleBytes = int moduleBytes; MemoryBytes = memory }

    /// The table.
    let all: Profile list = [
        row "contract" withoutThreads WasmLimits.Contract 100_000_000L [ "env" ] 30
        row "skill" withoutThreads (lowered (mib 10) (mib 512)) UnlimitedGas [ "env"; "cis"; "wasi_snapshot_preview1" ] 30
        // Its import modules are an allow-list that the host fills; a host that wants threads adds the feature.
        row "sandbox" withoutThreads (lowered (mib 10) (mib 64)) UnlimitedGas [] 30
        (let p = row "host" everything WasmLimits.Host UnlimitedGas [ "env"; "wasi_snapshot_preview1" ] 0
         { p with Policy = { p.Policy with Run = roomy } })
    ]

    let private named name = all |> List.find (fun p -> p.Name = name)
    let contract = named "contract"
    let skill = named "skill"
    let sandbox = named "sandbox"
    let hostProfile = named "host"

    let tryFind name = all |> List.tryFind (fun p -> p.Name = name)

/// Who is to blame and what to do, for refusals of a request's fields.
module internal Refuse =
    let field name message expected found = {
        Kind = RejectKind.Request
        Message = message
        Offset = -1
        Where = name
        Expected = expected
        Found = found
    }

    let link where message expected found = {
        Kind = RejectKind.Link
        Message = message
        Offset = -1
        Where = where
        Expected = expected
        Found = found
    }
