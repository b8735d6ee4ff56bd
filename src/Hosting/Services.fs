namespace Twofold.Extensions.Hosting

// An engine with everything around it as services of a host's container: `services.AddTwofold(configuration)`.
// In: a service collection and the host's configuration. Out: services, each of which a test or a host can replace by registering its own before.

open System
open System.Runtime.CompilerServices
open Microsoft.Extensions.Configuration
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.DependencyInjection.Extensions
open Microsoft.Extensions.Diagnostics.HealthChecks
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Options
open System.Diagnostics.Metrics
open Twofold
open Twofold.Wasm

module private Make =
    /// The engine that the options name: a registered one first, so that a host can put its own in the place of ours.
    let wasmEngine (name: string) (registered: seq<IWasmEngine>) : IWasmEngine =
        match registered |> Seq.tryFindBack (fun e -> e.Name = name), name with
        | Some e, _ -> e
        | None, "interpreter" -> InterpretedEngine()
        | None, _ -> CompiledEngine()

    let engineOptions (services: IServiceProvider) : EngineOptions =
        let o = services.GetRequiredService<IOptions<TwofoldOptions>>().Value
        let logger = services.GetRequiredService<ILoggerFactory>().CreateLogger "Twofold"

        let sized (e: EngineOptions) = if o.IdleInstances < 0 then e else e.WithIdleInstances o.IdleInstances

        EngineOptions()
            .WithEngine(wasmEngine o.Engine (services.GetServices<IWasmEngine>()))
            .WithCachedModules(o.CachedModules)
            .WithResetProof(o.ProveResets)
            .WithMeterFactory(services.GetService<IMeterFactory>())
            .WithExternalSource(services.GetService<IExternalSource>())
            .WithSkillPorts(
                match services.GetService<SkillPorts>() with
                | null -> SkillPorts()
                | ports -> ports
            )
            .WithCorpus(services.GetService<Corpus>())
            .WithObserver(LoggingObserver logger)
        |> sized

/// Registration of Twofold's services.
[<AbstractClass; Sealed; Extension>]
type TwofoldServiceCollectionExtensions private () =

    /// Adds an engine and what watches it: `TwofoldEngine` (one for the process), `EngineOptions`, the `Corpus` that the configuration names, metrics, logs, a
    /// background service that judges the thresholds of `TwofoldOptions.Health`, and the health check `twofold`. Everything is added only where it is not
    /// there yet. Ports are taken from the container when they are registered: `IExternalSource`, `SkillPorts`, `IWasmEngine` (by name), `IMeterFactory`, `TimeProvider`.
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

        if services |> Seq.forall (fun d -> d.ServiceType <> typeof<Corpus>) then
            // A service that is not configured is null, which the container gives as "not there".
            services.AddSingleton<Corpus>(
                Func<IServiceProvider, Corpus>(fun s ->
                    match s.GetRequiredService<IOptions<TwofoldOptions>>().Value.Corpus with
                    | null
                    | "" -> null
                    | folder -> Corpus.Open folder)
            )
            |> ignore

        services.TryAddSingleton<EngineOptions>(Func<IServiceProvider, EngineOptions> Make.engineOptions)
        services.TryAddSingleton<TwofoldEngine>(fun s -> new TwofoldEngine(s.GetRequiredService<EngineOptions>()))
        services.TryAddSingleton<EngineMonitor>()

        if services |> Seq.forall (fun d -> d.ServiceType <> typeof<MonitorMark>) then
            services.AddSingleton(MonitorMark()).AddHostedService(fun s -> s.GetRequiredService<EngineMonitor>()) |> ignore

            services
                .AddHealthChecks()
                .Add(
                    HealthCheckRegistration(
                        "twofold",
                        (fun s ->
                            EngineHealthCheck(s.GetRequiredService<TwofoldEngine>(), s.GetRequiredService<EngineMonitor>()) :> IHealthCheck),
                        Nullable HealthStatus.Degraded,
                        [ "twofold" ]
                    )
                )
            |> ignore

        services

/// Says that the monitor and the health check are registered: adding twice must not watch twice.
and [<Sealed>] internal MonitorMark() = class end
