namespace Twofold.Extensions.Hosting

// Services from options and from each other; each is asked for by its interface, so that what a host or a test registered is what is used.
// In: the container. Out: options of the engine and of sandboxes, tenants with their quotas, skills and what answers them.

open System
open System.Collections.Generic
open System.Diagnostics.Metrics
open System.IO
open Microsoft.Extensions.AI
open Microsoft.Extensions.Configuration
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Options
open Twofold
open Twofold.Extensions.Skills
open Twofold.Wasm

/// Skills of a home folder, and of folders that the configuration names; those go first.
[<Sealed>]
type internal ConfiguredSkills(home: string, folders: IReadOnlyDictionary<string, string>) =
    let installed: ISkillLibrary = if String.IsNullOrEmpty home then null else SkillLibrary home

    interface ISkillLibrary with
        member _.Names =
            Seq.append folders.Keys (if isNull installed then Seq.empty else installed.Names)
            |> Seq.distinct
            |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> Array.ofSeq
            :> IReadOnlyList<string>

        member _.Find name =
            match folders.TryGetValue name with
            | true, folder -> Skill.Load folder
            | _ when isNull installed -> Unchecked.defaultof<Skill>
            | _ -> installed.Find name

module internal Make =
    let private options (services: IServiceProvider) = services.GetRequiredService<IOptions<TwofoldOptions>>().Value

    /// The engine that the options name: a registered one first, so that a host can put its own in the place of ours.
    let private wasmEngine (name: string) (registered: seq<IWasmEngine>) : IWasmEngine =
        match registered |> Seq.tryFindBack (fun e -> e.Name = name), name with
        | Some e, _ -> e
        | None, "interpreter" -> InterpretedEngine()
        | None, _ -> CompiledEngine()

    /// Null when no folder is configured.
    let corpus (services: IServiceProvider) : Corpus =
        match (options services).Corpus with
        | null
        | "" -> null
        | folder -> Corpus.Open folder

    let engineOptions (services: IServiceProvider) : EngineOptions =
        let o = options services
        let logger = services.GetRequiredService<ILoggerFactory>().CreateLogger TwofoldOptions.Section

        let sized (e: EngineOptions) = if o.IdleInstances < 0 then e else e.WithIdleInstances o.IdleInstances

        EngineOptions()
            .WithEngine(wasmEngine o.Engine (services.GetServices<IWasmEngine>()))
            .WithCachedModules(o.CachedModules)
            .WithResetProof(o.ProveResets)
            .WithMaxInstances(o.MaxInstancesPerModule, o.MaxInstances)
            .WithMeterFactory(services.GetService<IMeterFactory>())
            .WithExternalSource(services.GetService<IExternalSource>())
            .WithStateReader(services.GetService<IStateReader>())
            .WithSkillPorts(services.GetRequiredService<SkillPorts>())
            .WithCorpus(services.GetService<Corpus>())
            .WithObserver(LoggingObserver logger)
        |> sized

    // ---- sandboxes, plugins, tenants

    let sandboxOptions (services: IServiceProvider) : SandboxOptions =
        let s = (options services).Sandboxes

        SandboxOptions()
            .WithMemoryLimit(s.MemoryLimit)
            .WithGasLimit(if s.GasLimit = 0L then Int64.MaxValue else s.GasLimit)
            .WithDeadline(s.Deadline)
            .WithStackLimit(s.StackLimit)
            .WithModuleSizeLimit(s.ModuleSizeLimit)
            .WithOutputLimit(s.OutputLimit)
            .WithJournalLimit(s.JournalLimit)
            .WithCapabilities(s.Capabilities)
            .WithAllowedImports(if isNull s.AllowedImports then [||] else s.AllowedImports.ToArray())

    let sandboxes (services: IServiceProvider) : SandboxManager =
        let s = (options services).Sandboxes
        let turns = if s.MaxConcurrency = 0 then max 16 (Environment.ProcessorCount * 8) else s.MaxConcurrency

        new SandboxManager(
            services.GetRequiredService<TwofoldEngine>(),
            services.GetRequiredService<SandboxOptions>(),
            s.MaxSandboxes,
            turns
        )

    let plugins (services: IServiceProvider) : PluginHost =
        new PluginHost(services.GetRequiredService<TwofoldEngine>(), services.GetRequiredService<SandboxOptions>())

    let private quota (t: TenantSettings) : TenantQuota =
        let limit (value: int64) = if value = 0L then Int64.MaxValue else value

        let plain = TenantQuota().WithGas(limit t.Gas, t.Window).WithMemory(limit t.Memory).WithQueueLimit(t.QueueLimit)

        let turns = if t.MaxConcurrency = 0 then plain else plain.WithMaxConcurrency t.MaxConcurrency
        if t.Rate = 0.0 then turns else turns.WithRate(t.Rate, t.Burst)

    let tenants (services: IServiceProvider) : TenantScheduler =
        let t = (options services).Tenants

        let made =
            new TenantScheduler(
                (if t.Turns = 0 then Environment.ProcessorCount else t.Turns),
                services.GetRequiredService<TimeProvider>(),
                services.GetService<IMeterFactory>()
            )

        if not (isNull t.Quotas) then
            for q in t.Quotas do
                made.Add(q.Key, quota q.Value)

        made

    // ---- skills

    /// What the options say of skills' ports. What they leave out, the variables of docs/SKILLS.md say where the container has a configuration with them.
    let skillServices (services: IServiceProvider) : SkillServices =
        let s = (options services).Skills
        let configuration = services.GetService<IConfiguration>()
        let seconds (t: TimeSpan) = string (max 1 (int (ceil t.TotalSeconds)))

        let ours name =
            match name with
            | "TWOFOLD_AI_BASE_URL" -> s.AiBaseUrl
            | "TWOFOLD_AI_MODEL" -> s.AiModel
            | "TWOFOLD_AI_KEY" -> s.AiKey
            | "TWOFOLD_AI_TIMEOUT" -> seconds s.AiTimeout
            | "TWOFOLD_MEMORY" -> s.Memory
            | "TWOFOLD_HTTP_TIMEOUT" -> seconds s.HttpTimeout
            | "TWOFOLD_HTTP_ALLOW_PRIVATE_FOR_TESTS" -> if s.HttpAllowPrivateForTests then "1" else null
            | _ -> null

        let variable name =
            match ours name with
            | null
            | "" when not (isNull configuration) -> configuration[name]
            | value -> value

        SkillServices.FromVariables(variable, null)

    let ai (services: IServiceProvider) : ISkillAi =
        match services.GetService<IChatClient>() with
        | null -> services.GetRequiredService<SkillServices>().Ai
        | client -> ChatAi(client, (options services).Skills.AiTimeout)

    let skillPorts (services: IServiceProvider) : SkillPorts =
        SkillPorts()
            .WithAi(services.GetService<ISkillAi>())
            .WithMemory(services.GetService<ISkillMemory>())
            .WithHttp(services.GetService<ISkillHttp>())

    let skillLibrary (services: IServiceProvider) : ISkillLibrary =
        let s = (options services).Skills

        let root =
            match services.GetService<IHostEnvironment>() with
            | null -> Directory.GetCurrentDirectory()
            | environment -> environment.ContentRootPath

        let folders = Dictionary<string, string>(StringComparer.Ordinal)

        if not (isNull s.Folders) then
            for f in s.Folders do
                folders[f.Key] <- Path.Combine(root, f.Value)

        ConfiguredSkills(s.Home, folders)

    let skillRunner (services: IServiceProvider) : SkillRunner =
        SkillRunner(services.GetRequiredService<TwofoldEngine>(), services.GetRequiredService<ISkillLibrary>())
