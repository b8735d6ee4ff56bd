namespace Twofold.Extensions.Hosting

// What a host configures, as its configuration has it (section `Twofold`). Checks.fs says what is refused of it when the host starts.
// In: a configuration section. Out: options; a number of 0 or less has a meaning of its own where the page docs/HOSTING.md says so.

open System
open System.Collections.Generic
open Twofold

/// When a watched engine counts as degraded. A threshold of 0 is off, unless it says otherwise.
[<Sealed; AllowNullLiteral>]
type HealthOptions() =
    /// How often the counters are looked at; each look judges what happened since the last.
    member val Period = TimeSpan.FromSeconds 15.0 with get, set
    /// More instances than this running at once: the pool is exhausted. 0 is off. It is too when executions found no free instance within their deadline.
    member val MaxInstancesInUse = 0 with get, set
    /// Fewer hits of the module cache than this share of lookups (0 to 1): modules are compiled again and again. 0 is off.
    member val MinCacheHitRatio = 0.5 with get, set
    /// With fewer lookups than this in a period nothing is said of the cache.
    member val MinCacheLookups = 100L with get, set
    /// More faults than this in a period, deadlines and cancellations aside. Less than 0 is off.
    member val MaxFaults = 0L with get, set
    /// More executions than this whose deadline passed in a period, those of sandboxes and skills among them. Less than 0 is off.
    member val MaxTimeouts = 0L with get, set
    /// More instances than this whose thread a function or port of the host does not give back. Less than 0 is off.
    member val MaxQuarantined = 0 with get, set
    /// More refused executions than this in a period. 0 is off.
    member val MaxRejections = 0L with get, set
    /// More calls of skills than this that the outside failed in a period: models, memory, servers. 0 is off.
    member val MaxSkillFailures = 0L with get, set
    /// More calls of tenants than this that a quota refused in a period. 0 is off.
    member val MaxTenantRefusals = 0L with get, set
    /// A tenant's call has waited for longer than this. Zero is off.
    member val MaxTenantWait = TimeSpan.Zero with get, set

/// Sandboxes: the manager's limits, and the options of sandboxes that bring none.
[<Sealed; AllowNullLiteral>]
type SandboxSettings() =
    /// Sandboxes that there may be.
    member val MaxSandboxes = 256 with get, set
    /// Executions at the same time, of all sandboxes; 0: eight a processor, at least 16.
    member val MaxConcurrency = 0 with get, set
    /// Bytes of all memories of an execution.
    member val MemoryLimit = 64L <<< 20 with get, set
    /// Gas of an execution; 0: unlimited.
    member val GasLimit = 0L with get, set
    /// Wall-clock time of an execution; zero: none.
    member val Deadline = TimeSpan.FromSeconds 30.0 with get, set
    /// Units of the logical stack.
    member val StackLimit = 2_097_152 with get, set
    /// Bytes of a module.
    member val ModuleSizeLimit = 10 <<< 20 with get, set
    /// Bytes of output of an execution.
    member val OutputLimit = 16L <<< 20 with get, set
    /// Bytes that the journal of an execution may weigh.
    member val JournalLimit = 64L <<< 20 with get, set
    /// Imports that are allowed, as patterns: `env.log`, `env.*`, `*`.
    member val AllowedImports = List<string>() with get, set
    /// What may be asked of the host: `Log, Random`.
    member val Capabilities = SandboxCapabilities.None with get, set

/// Plugins: modules of a folder, under the options of sandboxes.
[<Sealed; AllowNullLiteral>]
type PluginSettings() =
    /// The folder whose modules are loaded when the host starts; null or empty: none.
    member val Folder: string = null with get, set

/// The quota of a tenant. 0 is unlimited.
[<Sealed; AllowNullLiteral>]
type TenantSettings() =
    /// Gas in a window.
    member val Gas = 0L with get, set
    /// How long a window is.
    member val Window = TimeSpan.FromMinutes 1.0 with get, set
    /// Bytes of memory that what runs at the same time may have.
    member val Memory = 0L with get, set
    /// Executions at the same time.
    member val MaxConcurrency = 0 with get, set
    /// Calls a second in the long run.
    member val Rate = 0.0 with get, set
    /// Calls at once, where there is a rate.
    member val Burst = 1 with get, set
    /// Calls that may wait; 0: none.
    member val QueueLimit = 1000 with get, set

/// Tenants with their quotas.
[<Sealed; AllowNullLiteral>]
type TenantsSettings() =
    /// Executions at the same time, of all tenants; 0: one a processor.
    member val Turns = 0 with get, set
    /// Quotas by the tenants' names.
    member val Quotas = Dictionary<string, TenantSettings>() with get, set

/// Skills: where they are, and what answers them.
[<Sealed; AllowNullLiteral>]
type SkillSettings() =
    /// The folder of installed skills (what the command calls its home); null or empty: none.
    member val Home: string = null with get, set
    /// Folders of skills by name, beside those that are installed; relative ones begin at the host's content root.
    member val Folders = Dictionary<string, string>() with get, set
    /// A server that speaks OpenAI's chat completions; null or empty: what `IChatClient` is registered, or nobody.
    member val AiBaseUrl: string = null with get, set
    /// The model that is asked.
    member val AiModel: string = null with get, set
    /// The server's key.
    member val AiKey: string = null with get, set
    /// How long an answer of the model may take.
    member val AiTimeout = TimeSpan.FromSeconds 60.0 with get, set
    /// A SQLite file, or a PostgreSQL connection string (`Host=...`); null or empty: no memory.
    member val Memory: string = null with get, set
    /// How long a request with its redirects may take.
    member val HttpTimeout = TimeSpan.FromSeconds 20.0 with get, set
    /// FOR TESTS ONLY: lets requests go to loopback and private addresses.
    member val HttpAllowPrivateForTests = false with get, set

/// Everything, bound to a configuration section.
[<Sealed; AllowNullLiteral>]
type TwofoldOptions() =
    /// The section's usual name.
    static member Section = "Twofold"
    /// Who executes modules: `compiled`, `interpreter`, or the name of an `IWasmEngine` that the host registers (`wasmtime`).
    member val Engine = "compiled" with get, set
    /// Loaded modules that are kept; at least 1.
    member val CachedModules = 64 with get, set
    /// Idle instances that are kept for each module; -1: twice as many as there are processors; 0: none.
    member val IdleInstances = -1 with get, set
    /// Instances of one module that run at once; more requests wait, in order, as long as their deadline allows. 0: any number.
    member val MaxInstancesPerModule = 1024 with get, set
    /// Instances of all modules that run at once. 0: any number.
    member val MaxInstances = 4096 with get, set
    /// Compares every instance after its reset with a new one: slow, for finding faults.
    member val ProveResets = false with get, set
    /// The folder of a corpus in which every receipt is kept for audits; null or empty: none.
    member val Corpus: string = null with get, set
    /// When the engine counts as degraded.
    member val Health = HealthOptions() with get, set
    /// Sandboxes.
    member val Sandboxes = SandboxSettings() with get, set
    /// Plugins.
    member val Plugins = PluginSettings() with get, set
    /// Tenants.
    member val Tenants = TenantsSettings() with get, set
    /// Skills.
    member val Skills = SkillSettings() with get, set
