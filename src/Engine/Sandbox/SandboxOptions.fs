namespace Twofold

// What a sandbox allows: limits, imports, host functions, and what is done when gas runs out.
// In: the profile `sandbox` and what a host changes of it. Out: immutable options.

open System
open System.Collections.Generic
open System.Collections.Immutable
open Twofold.Engine

/// What a sandbox may ask of the host without functions of its own.
[<Flags>]
type SandboxCapabilities =
    /// Nothing: a module with imports is refused.
    | None = 0
    /// `env.log`: lines that come back as output.
    | Log = 1
    /// `env.malloc`, `env.alloc`, `env.free`, and a memory for modules that import theirs.
    | Allocator = 2
    /// `env.abort`: a trap with a message.
    | Abort = 4
    /// `env.get_random`, from the seed of the options.
    | Random = 8
    /// WASI preview1 in a world of its own: no files and no network of the host.
    | Wasi = 16

/// Executing again with more gas when it ran out.
[<Sealed; AllowNullLiteral>]
type GasRetry(attempts: int, factor: double, ceiling: int64) =
    do
        Arguments.atLeast (nameof attempts) 1L (int64 attempts) |> ignore
        Arguments.atLeast (nameof ceiling) 1L ceiling |> ignore

        if not (factor > 1.0) then
            raise (ArgumentOutOfRangeException(nameof factor, factor, "greater than 1"))

    /// Executions at most, the first among them.
    member _.Attempts = attempts
    /// Each gets so many times the gas of the one before.
    member _.Factor = factor
    /// No execution gets more gas than this.
    member _.Ceiling = ceiling

    /// The gas after an attempt with this much.
    member internal _.Next(gas: int64) =
        let more = float gas * factor
        if more >= float ceiling then ceiling else max (gas + 1L) (int64 more)

[<NoComparison; NoEquality>]
type internal SandboxSettings = {
    Profile: Twofold.Engine.Profile
    Allowed: ImmutableList<ImportPattern>
    Functions: ImmutableDictionary<struct (string * string), HostDelegate>
    Capabilities: SandboxCapabilities
    Seed: byte[] option
    Retry: GasRetry
    Engine: Twofold.Wasm.IWasmEngine
    Concurrency: int
}

/// How a sandbox is made. Immutable; the defaults are those of the profile `sandbox`: 64 MiB, 30 s, no imports, gas unlimited.
[<Sealed>]
type SandboxOptions internal (s: SandboxSettings) =
    let withPolicy (change: Policy -> Policy) = SandboxOptions { s with Profile = { s.Profile with Policy = change s.Profile.Policy } }

    let withWasm change = withPolicy (fun p -> { p with Wasm = change p.Wasm })
    let withRun change = withPolicy (fun p -> { p with Run = change p.Run })

    new() =
        SandboxOptions {
            Profile = Twofold.Engine.Profile.sandbox
            Allowed = ImmutableList.Empty
            Functions = ImmutableDictionary.Empty
            Capabilities = SandboxCapabilities.None
            Seed = None
            Retry = null
            Engine = null
            Concurrency = max 16 (Environment.ProcessorCount * 4)
        }

    member internal _.Settings = s
    /// Bytes of all memories together.
    member _.MemoryLimit = s.Profile.Policy.Wasm.MemoryBytes
    /// Gas of an execution; Int64.MaxValue is unlimited.
    member _.GasLimit = s.Profile.Policy.Gas
    /// Wall-clock time of an execution; zero is none.
    member _.Deadline = s.Profile.Deadline
    /// Units of the logical stack.
    member _.StackLimit = s.Profile.Policy.Wasm.StackUnits
    /// Bytes of a module.
    member _.ModuleSizeLimit = s.Profile.Policy.Wasm.ModuleBytes
    /// Bytes of output of an execution.
    member _.OutputLimit = s.Profile.Policy.Run.OutputBytes
    /// Bytes that the journal of an execution may weigh.
    member _.JournalLimit = s.Profile.Policy.Run.JournalBytes
    /// Imports that are allowed, as patterns.
    member _.AllowedImports: IReadOnlyList<string> = s.Allowed |> Seq.map _.Text |> Arguments.list
    /// What may be asked of the host.
    member _.Capabilities = s.Capabilities
    /// Executions at the same time; more wait.
    member _.MaxConcurrency = s.Concurrency
    /// What is done when gas runs out, or null.
    member _.Retry = s.Retry

    /// The same with another memory limit.
    member _.WithMemoryLimit(bytes: int64) =
        let bytes = Arguments.atLeast (nameof bytes) 0L bytes
        withWasm (fun w -> { w with MemoryBytes = bytes })

    /// The same with a gas limit; Int64.MaxValue is unlimited.
    member _.WithGasLimit(gas: int64) = withPolicy (fun p -> { p with Gas = Arguments.atLeast (nameof gas) 0L gas })

    /// The same with another deadline; zero is none. With a gas limit the gas ends a guest that computes; the deadline then ends one that waits (docs/SANDBOX.md).
    member _.WithDeadline(deadline: TimeSpan) =
        if deadline < TimeSpan.Zero then
            raise (ArgumentOutOfRangeException(nameof deadline, deadline, "not negative"))

        SandboxOptions { s with Profile = { s.Profile with Deadline = deadline } }

    /// The same with another limit on the logical stack.
    member _.WithStackLimit(units: int) =
        let units = int (Arguments.atLeast (nameof units) 1L (int64 units))
        withWasm (fun w -> { w with StackUnits = units })

    /// The same with another limit on modules.
    member _.WithModuleSizeLimit(bytes: int) =
        let bytes = int (Arguments.atLeast (nameof bytes) 8L (int64 bytes))
        withWasm (fun w -> { w with ModuleBytes = bytes })

    /// The same with another limit on output: log lines, standard output and error.
    member _.WithOutputLimit(bytes: int64) =
        let bytes = Arguments.atLeast (nameof bytes) 0L bytes
        withRun (fun r -> { r with OutputBytes = bytes })

    /// The same with another limit on the journal: each call of a host function weighs 64 bytes and what it moves.
    member _.WithJournalLimit(bytes: int64) =
        let bytes = Arguments.atLeast (nameof bytes) 0L bytes
        withRun (fun r -> { r with JournalBytes = bytes })

    /// The same, allowing these imports too: `env.log`, `env.*`, `env.log_*`, `*`. Throws ArgumentException for other forms.
    member _.WithAllowedImports([<ParamArray>] patterns: string[]) =
        let parsed =
            Arguments.notNull (nameof patterns) patterns
            |> Array.map (fun text ->
                match ImportPattern.TryParse text with
                | ValueSome p -> p
                | ValueNone ->
                    raise (ArgumentException($"expected a pattern such as env.log, env.* or *, found '{text}'", nameof patterns)))

        SandboxOptions { s with Allowed = s.Allowed.AddRange parsed }

    /// The same with these capabilities.
    member _.WithCapabilities(capabilities: SandboxCapabilities) = SandboxOptions { s with Capabilities = capabilities }

    /// The same with a function that guests may import. When patterns of allowed imports are given they must match it; without any it is allowed. Parameters and result: int, uint, long, ulong, float, double, bool; a
    /// ReadOnlySpan or Span of bytes takes the guest's address and length, and is the guest's own memory; a first parameter HostCaller gives the calling guest; a result may be a
    /// Task or ValueTask. Throws ArgumentException for other types.
    member _.WithHostFunction(moduleName: string, name: string, f: Delegate) =
        let moduleName = Arguments.notNull (nameof moduleName) moduleName
        let name = Arguments.notNull (nameof name) name
        let made = Delegates.make $"{moduleName}.{name}" (Arguments.notNull (nameof f) f)

        SandboxOptions { s with Functions = s.Functions.SetItem(struct (moduleName, name), made) }

    /// The same with a seed for random numbers.
    member _.WithRandomSeed(seed: byte[]) = SandboxOptions { s with Seed = Some(Arguments.bytes (nameof seed) seed) }
    /// The same, executing again with more gas when it ran out; null: not.
    member _.WithRetry(retry: GasRetry) = SandboxOptions { s with Retry = retry }
    /// The same on another engine.
    member _.WithEngine(engine: Twofold.Wasm.IWasmEngine) = SandboxOptions { s with Engine = Arguments.notNull (nameof engine) engine }

    /// The same with another number of executions at the same time; more wait.
    member _.WithMaxConcurrency(count: int) =
        SandboxOptions { s with Concurrency = int (Arguments.atLeast (nameof count) 1L (int64 count)) }
