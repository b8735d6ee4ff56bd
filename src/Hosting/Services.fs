namespace Twofold.Extensions.Hosting

// An engine with everything around it as services of a host's container: `services.AddTwofold(configuration)`.
// In: a service collection and the host's configuration. Out: services, each of which a test or a host can replace by registering its own before.

open System
open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Configuration
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.DependencyInjection.Extensions
open Microsoft.Extensions.Diagnostics.HealthChecks
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Options
open Twofold
open Twofold.Extensions.Skills

/// Loads the plugins of the configured folder when the host starts; what is refused is logged, and keeps nothing else from starting.
[<Sealed>]
type internal PluginLoader(host: PluginHost, options: IOptions<TwofoldOptions>, logger: ILogger<PluginLoader>) =
    interface IHostedService with
        member _.StartAsync(token: CancellationToken) : Task =
            match options.Value.Plugins.Folder with
            | null
            | "" -> Task.CompletedTask
            | folder ->
                task {
                    let! failures = host.LoadFolderAsync(folder, token)

                    for f in failures do
                        logger.LogError(Events.pluginRefused, "The plugin {File} was refused: {Reason}", f.File, f.Reason)
                }

        member _.StopAsync(_: CancellationToken) : Task = Task.CompletedTask

/// Registration of Twofold's services.
[<AbstractClass; Sealed; Extension>]
type TwofoldServiceCollectionExtensions private () =

    /// Adds an engine with everything over it and what watches it: `TwofoldEngine` (one for the process), `EngineOptions`, the `Corpus` that the configuration names,
    /// `SandboxOptions`, `SandboxManager`, `PluginHost`, `TenantScheduler`, `ISkillLibrary`, `SkillRunner`, `SkillPorts` of `ISkillAi`, `ISkillMemory` and `ISkillHttp`,
    /// metrics, logs, a background service that judges the thresholds of `TwofoldOptions.Health`, and the health check `twofold`. Everything is added only where
    /// it is not there yet. Taken from the container when they are registered: `IExternalSource`, `IStateReader`, `IChatClient`, `IWasmEngine` (by name), `IMeterFactory`, `TimeProvider`.
    /// `configuration` is the section with the options of `TwofoldOptions`. Options are checked when the host starts.
    [<Extension>]
    static member AddTwofold(services: IServiceCollection, configuration: IConfiguration) : IServiceCollection =
        ArgumentNullException.ThrowIfNull services
        ArgumentNullException.ThrowIfNull configuration
        TwofoldServiceCollectionExtensions.Add(services, fun o -> o.Bind configuration |> ignore)

    /// The same with options set in code.
    [<Extension>]
    static member AddTwofold(services: IServiceCollection, configure: Action<TwofoldOptions>) : IServiceCollection =
        ArgumentNullException.ThrowIfNull services
        ArgumentNullException.ThrowIfNull configure
        TwofoldServiceCollectionExtensions.Add(services, fun o -> o.Configure configure |> ignore)

    /// The same with plain options.
    [<Extension>]
    static member AddTwofold(services: IServiceCollection) : IServiceCollection =
        ArgumentNullException.ThrowIfNull services
        TwofoldServiceCollectionExtensions.Add(services, ignore)

    static member private Add(services: IServiceCollection, bind: OptionsBuilder<TwofoldOptions> -> unit) : IServiceCollection =
        let builder = services.AddOptions<TwofoldOptions>()
        bind builder
        builder.ValidateOnStart() |> ignore
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<TwofoldOptions>, OptionsValidator>())
        services.AddLogging() |> ignore
        services.AddMetrics() |> ignore
        services.TryAddSingleton TimeProvider.System

        // A service that is not configured is null, which the container gives as "not there".
        let add (make: IServiceProvider -> 'T) = services.TryAddSingleton<'T>(Func<IServiceProvider, 'T> make)
        add Make.corpus
        add Make.engineOptions
        add (fun s -> new TwofoldEngine(s.GetRequiredService<EngineOptions>()))
        add Make.sandboxOptions
        add Make.sandboxes
        add Make.plugins
        add Make.tenants
        add Make.skillServices
        add Make.ai
        add (fun s -> s.GetRequiredService<SkillServices>().Memory)
        add (fun s -> s.GetRequiredService<SkillServices>().Http)
        add Make.skillPorts
        add Make.skillLibrary
        add Make.skillRunner
        services.TryAddSingleton<EngineMonitor>()

        if services |> Seq.forall (fun d -> d.ServiceType <> typeof<MonitorMark>) then
            services
                .AddSingleton(MonitorMark())
                .AddHostedService(fun s -> s.GetRequiredService<EngineMonitor>())
                .AddHostedService<PluginLoader>()
            |> ignore

            services
                .AddHealthChecks()
                .Add(
                    HealthCheckRegistration(
                        "twofold",
                        (fun s ->
                            EngineHealthCheck(
                                s.GetRequiredService<TwofoldEngine>(),
                                s.GetRequiredService<SandboxManager>(),
                                s.GetRequiredService<TenantScheduler>(),
                                s.GetRequiredService<EngineMonitor>()
                            )
                            :> IHealthCheck),
                        Nullable HealthStatus.Degraded,
                        [ "twofold" ]
                    )
                )
            |> ignore

        services

/// Says that the monitor and the health check are registered: adding twice must not watch twice.
and [<Sealed>] internal MonitorMark() = class end
