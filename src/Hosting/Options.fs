namespace Twofold.Extensions.Hosting

// What a host configures, as its configuration has it (section `Twofold`), and what is refused of it when the host starts.
// In: a configuration section. Out: options that make sense, or every mistake by its key.

open System
open Microsoft.Extensions.Options
open Twofold.Wasm

/// When a watched engine counts as degraded. A threshold of 0 is off.
[<Sealed; AllowNullLiteral>]
type HealthOptions() =
    /// How often the engine's counters are looked at; each look judges what happened since the last.
    member val Period = TimeSpan.FromSeconds 15.0 with get, set
    /// More instances than this running at once: the pool is exhausted. 0 is off.
    member val MaxInstancesInUse = 0 with get, set
    /// Fewer hits of the module cache than this share of lookups (0 to 1): modules are compiled again and again. 0 is off.
    member val MinCacheHitRatio = 0.5 with get, set
    /// With fewer lookups than this in a period nothing is said of the cache.
    member val MinCacheLookups = 100L with get, set
    /// More faults than this in a period. Less than 0 is off.
    member val MaxFaults = 0L with get, set

/// The engine's options, bound to a configuration section.
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
    /// Compares every instance after its reset with a new one: slow, for finding faults.
    member val ProveResets = false with get, set
    /// The folder of a corpus in which every receipt is kept for audits; null or empty: none.
    member val Corpus: string = null with get, set
    /// When the engine counts as degraded.
    member val Health = HealthOptions() with get, set

/// Refuses options that cannot work, by key.
[<Sealed>]
type internal OptionsValidator(engines: seq<IWasmEngine>) =
    let check (o: TwofoldOptions) = [
        let names = [
            "compiled"
            "interpreter"
            for e in engines do
                e.Name
        ]

        if not (List.contains o.Engine names) then
            let known = names |> List.distinct |> String.concat ", "

            $"Twofold:Engine is '{o.Engine}', which nobody has registered; there are: {known}. (Wasmtime: reference Twofold.Wasmtime and register its engine as a singleton IWasmEngine.)"

        if o.CachedModules < 1 then
            $"Twofold:CachedModules is {o.CachedModules}; it must be at least 1."

        if o.IdleInstances < -1 then
            $"Twofold:IdleInstances is {o.IdleInstances}; it must be -1 (twice the processors), 0 (none) or more."

        match o.Health with
        | null -> "Twofold:Health is null; leave it out for the usual thresholds."
        | h ->
            // What a timer can wait for.
            if h.Period <= TimeSpan.Zero || h.Period > TimeSpan.FromDays 1.0 then
                $"Twofold:Health:Period is {h.Period}; it must be above zero, a day at most."

            if h.MaxInstancesInUse < 0 then
                $"Twofold:Health:MaxInstancesInUse is {h.MaxInstancesInUse}; it must be 0 (off) or more."

            if not (h.MinCacheHitRatio >= 0.0 && h.MinCacheHitRatio <= 1.0) then
                $"Twofold:Health:MinCacheHitRatio is {h.MinCacheHitRatio}; it must be between 0 (off) and 1."
    ]

    interface IValidateOptions<TwofoldOptions> with
        member _.Validate(_, options) =
            match check options with
            | [] -> ValidateOptionsResult.Success
            | wrong -> ValidateOptionsResult.Fail wrong
