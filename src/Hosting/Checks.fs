namespace Twofold.Extensions.Hosting

// What is refused of options: everything that cannot work, each mistake by its key, before the host starts.
// In: bound options. Out: success, or all mistakes at once with what was found and what it must be.

open System
open System.IO
open Microsoft.Extensions.Options
open Twofold
open Twofold.Wasm

module private Check =
    let key (name: string) = $"{TwofoldOptions.Section}:{name}"

    let atLeast (name: string) (least: int64) (meaning: string) (value: int64) = [
        if value < least then
            $"{key name} is {value}; it must be {least}{meaning} or more."
    ]

    /// A time above zero, or zero where that has a meaning; a day at most, which is what timers wait for.
    let time (name: string) (zeroMeans: string) (value: TimeSpan) = [
        if value < TimeSpan.Zero || (value = TimeSpan.Zero && zeroMeans = "") || value > TimeSpan.FromDays 1.0 then
            let least = if zeroMeans = "" then "above zero" else $"zero ({zeroMeans}) or more"
            $"{key name} is {value}; it must be {least}, a day at most."
    ]

    let isNothing (text: string) = String.IsNullOrEmpty text

    let section (name: string) (value: 'T) (check: 'T -> string list) : string list =
        if isNull (box value) then
            [ $"{key name} is null; leave it out for the usual values." ]
        else
            check value

    let health (h: HealthOptions) = [
        yield! time "Health:Period" "" h.Period
        yield! atLeast "Health:MaxInstancesInUse" 0L " (off)" (int64 h.MaxInstancesInUse)
        if not (h.MinCacheHitRatio >= 0.0 && h.MinCacheHitRatio <= 1.0) then
            $"""{key "Health:MinCacheHitRatio"} is {h.MinCacheHitRatio}; it must be between 0 (off) and 1."""
        yield! atLeast "Health:MaxRejections" 0L " (off)" h.MaxRejections
        yield! atLeast "Health:MaxSkillFailures" 0L " (off)" h.MaxSkillFailures
        yield! atLeast "Health:MaxTenantRefusals" 0L " (off)" h.MaxTenantRefusals
        yield! time "Health:MaxTenantWait" "off" h.MaxTenantWait
    ]

    let sandboxes (s: SandboxSettings) = [
        yield! atLeast "Sandboxes:MaxSandboxes" 1L "" (int64 s.MaxSandboxes)
        yield! atLeast "Sandboxes:MaxConcurrency" 0L " (eight a processor)" (int64 s.MaxConcurrency)
        yield! atLeast "Sandboxes:MemoryLimit" 0L "" s.MemoryLimit
        yield! atLeast "Sandboxes:GasLimit" 0L " (unlimited)" s.GasLimit
        yield! time "Sandboxes:Deadline" "none" s.Deadline
        yield! atLeast "Sandboxes:StackLimit" 1L "" (int64 s.StackLimit)
        yield! atLeast "Sandboxes:ModuleSizeLimit" 8L "" (int64 s.ModuleSizeLimit)
        yield! atLeast "Sandboxes:OutputLimit" 0L "" s.OutputLimit
        yield! atLeast "Sandboxes:JournalLimit" 0L "" s.JournalLimit

        let known = Enum.GetValues<SandboxCapabilities>() |> Seq.fold (|||) SandboxCapabilities.None

        if s.Capabilities &&& ~~~known <> SandboxCapabilities.None then
            $"""{key "Sandboxes:Capabilities"} is {int s.Capabilities}; it must be of {known}."""

        for i in 0 .. (if isNull s.AllowedImports then 0 else s.AllowedImports.Count) - 1 do
            try
                SandboxOptions().WithAllowedImports(s.AllowedImports[i]) |> ignore
            with :? ArgumentException ->
                $"""{key "Sandboxes:AllowedImports"}:{i} is '{s.AllowedImports[i]}'; it must be a pattern such as env.log, env.* or *."""
    ]

    let plugins (p: PluginSettings) = [
        if not (isNothing p.Folder) && not (Directory.Exists p.Folder) then
            $"""{key "Plugins:Folder"} is '{p.Folder}', which is no folder."""
    ]

    let quota (name: string) (t: TenantSettings) =
        let at field = $"Tenants:Quotas:{name}:{field}"

        [
            yield! atLeast (at "Gas") 0L " (unlimited)" t.Gas
            if t.Window <= TimeSpan.Zero then
                $"""{key (at "Window")} is {t.Window}; it must be above zero."""
            yield! atLeast (at "Memory") 0L " (unlimited)" t.Memory
            yield! atLeast (at "MaxConcurrency") 0L " (unlimited)" (int64 t.MaxConcurrency)
            if not (t.Rate >= 0.0 && Double.IsFinite t.Rate) then
                $"{key (at (nameof t.Rate))} is {t.Rate}; it must be 0 (unlimited) or more."
            yield! atLeast (at "Burst") 1L "" (int64 t.Burst)
            yield! atLeast (at "QueueLimit") 0L "" (int64 t.QueueLimit)
        ]

    let tenants (t: TenantsSettings) = [
        yield! atLeast "Tenants:Turns" 0L " (one a processor)" (int64 t.Turns)

        if not (isNull t.Quotas) then
            for q in t.Quotas do
                yield! section $"Tenants:Quotas:{q.Key}" q.Value (quota q.Key)
    ]

    let skills (s: SkillSettings) = [
        match isNothing s.AiBaseUrl, isNothing s.AiModel with
        | false, true -> $"""{key "Skills:AiModel"} is missing; {key "Skills:AiBaseUrl"} needs it."""
        | true, false -> $"""{key "Skills:AiBaseUrl"} is missing; {key "Skills:AiModel"} needs it."""
        | _ -> ()

        match isNothing s.AiBaseUrl, Uri.TryCreate(s.AiBaseUrl, UriKind.Absolute) with
        | false, (true, url) when url.Scheme = "http" || url.Scheme = "https" -> ()
        // Not with its value: people put keys into addresses.
        | false, _ -> $"""{key "Skills:AiBaseUrl"} is no address of a web server."""
        | true, _ -> ()

        yield! time "Skills:AiTimeout" "" s.AiTimeout
        yield! time "Skills:HttpTimeout" "" s.HttpTimeout

        if not (isNull s.Folders) then
            for f in s.Folders do
                if isNothing f.Value then
                    $"""{key "Skills:Folders"}:{f.Key} names no folder."""
    ]

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

        yield! Check.atLeast "CachedModules" 1L "" (int64 o.CachedModules)

        if o.IdleInstances < -1 then
            $"Twofold:IdleInstances is {o.IdleInstances}; it must be -1 (twice the processors), 0 (none) or more."

        yield! Check.atLeast "MaxInstancesPerModule" 0L " (any number)" (int64 o.MaxInstancesPerModule)
        yield! Check.atLeast "MaxInstances" 0L " (any number)" (int64 o.MaxInstances)
        yield! Check.section "Health" o.Health Check.health
        yield! Check.section "Sandboxes" o.Sandboxes Check.sandboxes
        yield! Check.section "Plugins" o.Plugins Check.plugins
        yield! Check.section "Tenants" o.Tenants Check.tenants
        yield! Check.section "Skills" o.Skills Check.skills
    ]

    interface IValidateOptions<TwofoldOptions> with
        member _.Validate(_, options) =
            match check options with
            | [] -> ValidateOptionsResult.Success
            | wrong -> ValidateOptionsResult.Fail wrong
