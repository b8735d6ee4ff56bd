// AddTwofold as a C# host uses it: options from configuration, services that can be replaced, logs, metrics, health.
// In: a generic host with a configuration in memory. Out: what its services are and say.

using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NUnit.Framework;
using Twofold.Extensions.Hosting;

namespace Twofold.Hosting.Tests;

[TestFixture]
public sealed class AddTwofoldTests
{
    private static readonly byte[] Answer = Encoding.UTF8.GetBytes("""(module (func (export "answer") (result i32) i32.const 42) (func (export "loop") (loop $l (br $l))))""");

    private static HostApplicationBuilder Builder(params (string Key, string? Value)[] settings)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(settings.Select(s => KeyValuePair.Create("Twofold:" + s.Key, s.Value)));
        builder.Services.AddTwofold(builder.Configuration.GetSection(TwofoldOptions.Section));
        return builder;
    }

    private static ExecutionReport Run(IServiceProvider services, string entry = "answer") =>
        services.GetRequiredService<TwofoldEngine>().Execute(ExecutionRequest.ForExport(Answer, entry));

    [Test]
    public async Task AnEngineRunsAsAService()
    {
        using var host = Builder().Build();
        await host.StartAsync();
        Assert.That(Run(host.Services).Receipt.Outcome.ToString(), Does.Contain("42"));
        await host.StopAsync();
    }

    [Test]
    public void OptionsAreBound()
    {
        using var host = Builder(("Engine", "interpreter"), ("CachedModules", "3"), ("IdleInstances", "0"), ("Health:MaxFaults", "7"), ("Health:Period", "00:00:05")).Build();
        var options = host.Services.GetRequiredService<IOptions<TwofoldOptions>>().Value;
        Assert.That((options.Health.MaxFaults, options.Health.Period), Is.EqualTo((7L, TimeSpan.FromSeconds(5))));
        var engine = host.Services.GetRequiredService<EngineOptions>();
        Assert.That((engine.Engine.Name, engine.CachedModules, engine.IdleInstances), Is.EqualTo(("interpreter", 3, 0)));
        Assert.That(Run(host.Services).EngineName, Is.EqualTo("interpreter"));
        Run(host.Services);
        Assert.That(host.Services.GetRequiredService<TwofoldEngine>().Statistics.InstancesCreated, Is.EqualTo(2), "idle instances are off");
    }

    [TestCase("Engine", "wasmtime", "Twofold:Engine is 'wasmtime'")]
    [TestCase("CachedModules", "0", "Twofold:CachedModules is 0")]
    [TestCase("IdleInstances", "-2", "Twofold:IdleInstances is -2")]
    [TestCase("Health:MinCacheHitRatio", "1.5", "Twofold:Health:MinCacheHitRatio is 1.5")]
    [TestCase("Health:Period", "00:00:00", "Twofold:Health:Period is 00:00:00")]
    [TestCase("Health:MaxInstancesInUse", "-1", "Twofold:Health:MaxInstancesInUse is -1")]
    public async Task WrongOptionsStopTheHostFromStarting(string key, string value, string expected)
    {
        using var host = Builder((key, value)).Build();
        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.That(e!.Message, Does.Contain(expected));
    }

    private sealed class NamedEngine : Wasm.IWasmEngine
    {
        private readonly Wasm.IWasmEngine inner = new Wasm.CompiledEngine();
        public string Name => "named";
        public string Version => "1";
        public Microsoft.FSharp.Core.FSharpResult<Wasm.IWasmModule, Wasm.Rejected> Load(Wasm.Validation.ValidModule module) => inner.Load(module);
    }

    [Test]
    public void ARegisteredEngineIsFoundByItsName()
    {
        var builder = Builder(("Engine", "named"));
        builder.Services.AddSingleton<Wasm.IWasmEngine, NamedEngine>();
        using var host = builder.Build();
        Assert.That(Run(host.Services).EngineName, Is.EqualTo("named"));
    }

    private sealed class Claims : IExternalSource
    {
        public byte[]? DeclareState(string contract, byte[] claim) => claim;
    }

    [Test]
    public void PortsAndOptionsCanBeReplaced()
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        var source = new Claims();
        var ports = new SkillPorts();
        builder.Services.AddSingleton<IExternalSource>(source);
        builder.Services.AddSingleton(ports);
        builder.Services.AddTwofold(o => o.CachedModules = 5);
        using var host = builder.Build();
        var options = host.Services.GetRequiredService<EngineOptions>();
        Assert.That(options.ExternalSource, Is.SameAs(source));
        Assert.That(options.SkillPorts, Is.SameAs(ports));
        Assert.That(options.CachedModules, Is.EqualTo(5));

        var replaced = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        replaced.Services.AddSingleton(new EngineOptions().WithCachedModules(9));
        replaced.Services.AddTwofold();
        using var other = replaced.Build();
        Assert.That(other.Services.GetRequiredService<EngineOptions>().CachedModules, Is.EqualTo(9));
    }

    [Test]
    public void AddingTwiceWatchesOnce()
    {
        var builder = Builder();
        builder.Services.AddTwofold(o => o.CachedModules = 5);
        using var host = builder.Build();
        Assert.That(host.Services.GetServices<IHostedService>().Count(s => s.GetType().Name == "EngineMonitor"), Is.EqualTo(1));
        Assert.That(host.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations.Count(r => r.Name == "twofold"), Is.EqualTo(1));
        Assert.That(host.Services.GetRequiredService<EngineOptions>().CachedModules, Is.EqualTo(5));
    }

    [Test]
    public void ReceiptsGoIntoTheCorpusOfTheConfiguration()
    {
        var folder = Directory.CreateTempSubdirectory("twofold-hosting");
        try
        {
            var path = Path.Combine(folder.FullName, "corpus");
            using (var host = Builder(("Corpus", path)).Build()) Run(host.Services);
            Assert.That(Corpus.Read(path).Count(), Is.EqualTo(1));
            using var without = Builder().Build();
            Assert.That(without.Services.GetService<Corpus>(), Is.Null);
        }
        finally
        {
            folder.Delete(true);
        }
    }

    // ---- metrics

    [Test]
    public void MetricsComeFromTheContainersFactory()
    {
        using var host = Builder().Build();
        // What a host's own metrics pipeline does: it knows the container's meters by their scope.
        var factory = host.Services.GetRequiredService<IMeterFactory>();
        double count = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (i, l) =>
        {
            if (ReferenceEquals(i.Meter.Scope, factory) && i.Name == "twofold.execution.duration") l.EnableMeasurementEvents(i);
        };
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => count++);
        listener.Start();
        Run(host.Services);
        Run(host.Services);
        Assert.That(count, Is.EqualTo(2));
    }

    // ---- logs

    private sealed class Lines : ILoggerProvider, ILogger
    {
        public List<(LogLevel Level, int Event, string Text)> All { get; } = [];
        public ILogger CreateLogger(string categoryName) => this;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;
        public void Dispose() { }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (All) All.Add((logLevel, eventId.Id, formatter(state, exception)));
        }
    }

    [Test]
    public void ExecutionsAreLogged()
    {
        var builder = Builder();
        var lines = new Lines();
        builder.Services.AddLogging(l => l.AddProvider(lines).SetMinimumLevel(LogLevel.Trace));
        using var host = builder.Build();
        Run(host.Services);
        Run(host.Services, "missing");
        Assert.That(lines.All.Select(l => (l.Level, l.Event)), Is.EqualTo(new[] { (LogLevel.Debug, 1), (LogLevel.Warning, 2) }));
        Assert.That(lines.All[1].Text, Does.Contain("missing"));
    }

    // ---- health

    /// <summary>A clock whose timers fire when a test says so.</summary>
    private sealed class HandClock : TimeProvider
    {
        private readonly List<Hand> timers = [];
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Hand(() => callback(state));
            lock (timers) timers.Add(timer);
            return timer;
        }

        public void Tick()
        {
            lock (timers)
                foreach (var t in timers)
                    t.Fire();
        }

        public bool Armed
        {
            get { lock (timers) return timers.Count > 0; }
        }

        private sealed class Hand(Action fire) : ITimer
        {
            private bool gone;
            public void Fire() { if (!gone) fire(); }
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;
            public void Dispose() => gone = true;
            public ValueTask DisposeAsync() { gone = true; return default; }
        }
    }

    private static async Task<HealthReportEntry> Health(IServiceProvider services) =>
        (await services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["twofold"];

    private static async Task Until(Func<Task<bool>> what)
    {
        for (int i = 0; i < 1000; i++)
        {
            if (await what()) return;
            await Task.Delay(10);
        }

        Assert.Fail("it did not happen within ten seconds");
    }

    [Test]
    public async Task TimeoutsDegradeTheHealthAndAreLoggedUntilAPeriodWithoutThem()
    {
        var builder = Builder();
        var lines = new Lines();
        var clock = new HandClock();
        builder.Services.AddLogging(l => l.AddProvider(lines));
        builder.Services.AddSingleton<TimeProvider>(clock);
        using var host = builder.Build();
        await host.StartAsync();
        Run(host.Services);
        Assert.That((await Health(host.Services)).Status, Is.EqualTo(HealthStatus.Healthy));

        var impatient = ExecutionRequest.ForExport(Answer, "loop").WithProfile(ExecutionProfile.Host.WithDeadline(TimeSpan.FromMilliseconds(20)));
        var report = host.Services.GetRequiredService<TwofoldEngine>().Execute(impatient);
        Assert.That(report.FaultKind, Is.EqualTo(FaultKind.Deadline));
        await Until(() => Task.FromResult(clock.Armed));
        clock.Tick();
        await Until(async () => (await Health(host.Services)).Status == HealthStatus.Degraded);
        var entry = await Health(host.Services);
        Assert.That(entry.Description, Does.Contain("timeouts: the deadline of 1 executions passed").And.Not.Contain("faults:"));
        Assert.That(entry.Data["faults"], Is.EqualTo(1L));
        Assert.That(lines.All.Where(l => l.Event is 3 or 10).Select(l => (l.Level, l.Event)), Is.EqualTo(new[] { (LogLevel.Error, 3), (LogLevel.Warning, 10) }));

        clock.Tick();
        await Until(async () => (await Health(host.Services)).Status == HealthStatus.Healthy);
        Assert.That(lines.All.Count(l => l.Event == 11), Is.EqualTo(1));
        await host.StopAsync();
    }

    private sealed class Throws : IExternalSource
    {
        public byte[] DeclareState(string contract, byte[] claim) => throw new IOException("the line is dead");
    }

    private static readonly byte[] Claimant = Encoding.UTF8.GetBytes("""
        (module (import "env" "declare_external_state" (func $d (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "run") (result i32) (call $d (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 16))))
        """);

    /// <summary>Something happens; after the next look the health says so.</summary>
    private static async Task Degrades((string Key, string? Value)[] settings, Action<IServiceCollection> more, Func<IServiceProvider, Task> happens, string expected)
    {
        var builder = Builder(settings);
        var clock = new HandClock();
        builder.Services.AddSingleton<TimeProvider>(clock);
        more(builder.Services);
        using var host = builder.Build();
        await host.StartAsync();
        await happens(host.Services);
        await Until(() => Task.FromResult(clock.Armed));
        clock.Tick();
        await Until(async () => (await Health(host.Services)).Status == HealthStatus.Degraded);
        Assert.That((await Health(host.Services)).Description, Does.Contain(expected));
        await host.StopAsync();
    }

    [Test]
    public Task FaultsOfPortsDegradeTheHealth() =>
        Degrades([], s => s.Replace(ServiceDescriptor.Singleton<IExternalSource, Throws>()), s =>
        {
            var request = ExecutionRequest.ForContract(Claimant, "run", "0x" + new string('a', 40), "0x" + new string('c', 40));
            Assert.That(s.GetRequiredService<TwofoldEngine>().Execute(request).FaultKind, Is.Not.EqualTo(FaultKind.None));
            return Task.CompletedTask;
        }, "faults: 1 executions ended by faults");

    [Test]
    public Task RefusedExecutionsDegradeTheHealthWhenTheHostSaysSo() =>
        Degrades([("Health:MaxRejections", "1")], _ => { }, s =>
        {
            Run(s, "missing");
            Run(s, "missing");
            return Task.CompletedTask;
        }, "rejections: 2 executions were refused");

    [Test]
    public Task RefusedTenantsDegradeTheHealthWhenTheHostSaysSo() =>
        Degrades([("Health:MaxTenantRefusals", "1"), ("Tenants:Quotas:bob:Memory", "1")], _ => { }, async s =>
        {
            for (int i = 0; i < 2; i++)
                Assert.That((await s.GetRequiredService<TenantScheduler>().ExecuteAsync("bob", s.GetRequiredService<TwofoldEngine>(), ExecutionRequest.ForExport(Answer, "answer"), default)).IsRefused);
        }, "tenant-refusals: quotas refused 2 calls");

    [Test]
    public async Task ATenantsCallThatWaitsForLongDegradesTheHealth()
    {
        using var stop = new CancellationTokenSource();
        Task[] runs = [];
        // The hand's clock has the system's timestamps: a call really waits for a moment.
        await Degrades([("Health:MaxTenantWait", "00:00:00.020"), ("Tenants:Turns", "1"), ("Tenants:Quotas:bob:Gas", "0")], _ => { }, async s =>
        {
            var loop = ExecutionRequest.ForExport(Answer, "loop").WithProfile(ExecutionProfile.Host);
            runs = [.. Enumerable.Range(0, 2).Select(_ => s.GetRequiredService<TenantScheduler>().ExecuteAsync("bob", s.GetRequiredService<TwofoldEngine>(), loop, stop.Token))];
            await Until(() => Task.FromResult(s.GetRequiredService<TenantScheduler>().Statistics.LongestWait > TimeSpan.FromMilliseconds(20)));
        }, "tenant-wait: a tenant's call has waited");
        stop.Cancel();
        foreach (var r in runs) await Assert.CatchAsync<OperationCanceledException>(async () => await r);
    }

    private sealed class StuckSource : IExternalSource
    {
        public ManualResetEventSlim Gate { get; } = new();

        public byte[] DeclareState(string contract, byte[] claim)
        {
            Gate.Wait();
            return claim;
        }
    }

    [Test]
    public async Task APortThatNeverReturnsDegradesTheHealth()
    {
        var source = new StuckSource();
        await Degrades([("Health:MaxTimeouts", "-1")], s => s.AddSingleton<IExternalSource>(source), async s =>
        {
            var request = ExecutionRequest.ForContract(Claimant, "run", "0x" + new string('a', 40), "0x" + new string('c', 40))
                .WithProfile(ExecutionProfile.Contract.WithDeadline(TimeSpan.FromMilliseconds(20)));
            Assert.That((await s.GetRequiredService<TwofoldEngine>().ExecuteAsync(request)).FaultKind, Is.EqualTo(FaultKind.Deadline));
        }, "quarantined: functions or ports of the host keep 1 threads");
        source.Gate.Set();
    }

    [Test]
    public async Task AnExhaustedPoolDegradesTheHealth()
    {
        using var stop = new CancellationTokenSource();
        Task? loop = null;
        await Degrades([("MaxInstances", "1")], _ => { }, async s =>
        {
            var engine = s.GetRequiredService<TwofoldEngine>();
            loop = engine.ExecuteAsync(ExecutionRequest.ForExport(Answer, "loop").WithProfile(ExecutionProfile.Host), stop.Token);
            await Until(() => Task.FromResult(engine.Statistics.InstancesInUse == 1));
            var patient = ExecutionRequest.ForExport(Answer, "answer").WithProfile(ExecutionProfile.Host.WithDeadline(TimeSpan.FromMilliseconds(20)));
            Assert.That((await engine.ExecuteAsync(patient)).FaultKind, Is.EqualTo(FaultKind.PoolExhausted));
        }, "pool-exhausted: 1 executions found no free instance");
        stop.Cancel();
        await Assert.CatchAsync<OperationCanceledException>(async () => await loop!);
    }

    private sealed class DeadLibrary : ISkillLibrary
    {
        public IReadOnlyList<string> Names => [];

        public Skill Find(string name)
        {
            var wat = Encoding.UTF8.GetBytes("""
                (module (import "cis" "ai_prompt" (func $f (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 1)
                  (func (export "execute") (result i32) (call $f (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 8))))
                """);
            var sha = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(wat));
            return Skill.Create($$"""{"name": "one", "version": "1.0.0", "module": "one.wat", "sha256": "{{sha}}", "permissions": ["ai"]}""", wat);
        }
    }

    [Test]
    public Task SkillsWhoseOutsideFailsDegradeTheHealthWhenTheHostSaysSo() =>
        Degrades([("Health:MaxSkillFailures", "1")], s => s.Replace(ServiceDescriptor.Singleton<ISkillLibrary, DeadLibrary>()), async s =>
        {
            for (int i = 0; i < 2; i++) await s.GetRequiredService<SkillRunner>().RunAsync("one", "{}");
        }, "skill-failures: models, memory or servers failed 2 of 2 calls");

    [Test]
    public async Task AHostThatBringsANewModuleEachTimeIsToldSo()
    {
        var builder = Builder(("Health:MinCacheLookups", "10"));
        var clock = new HandClock();
        builder.Services.AddSingleton<TimeProvider>(clock);
        using var host = builder.Build();
        await host.StartAsync();
        var engine = host.Services.GetRequiredService<TwofoldEngine>();
        for (int i = 0; i < 12; i++)
        {
            var wat = $"""(module (func (export "f") (result i32) i32.const {i}))""";
            engine.Execute(ExecutionRequest.ForExport(Encoding.UTF8.GetBytes(wat), "f"));
        }

        await Until(() => Task.FromResult(clock.Armed));
        clock.Tick();
        await Until(async () => (await Health(host.Services)).Status == HealthStatus.Degraded);
        Assert.That((await Health(host.Services)).Description, Does.Contain("cache-misses: only 0 of 12 lookups"));
        await host.StopAsync();
    }

    [Test]
    public async Task TooManyRunningInstancesAreAnExhaustedPool()
    {
        var builder = Builder(("Health:MaxInstancesInUse", "1"));
        var clock = new HandClock();
        builder.Services.AddSingleton<TimeProvider>(clock);
        using var host = builder.Build();
        await host.StartAsync();
        var engine = host.Services.GetRequiredService<TwofoldEngine>();
        using var stop = new CancellationTokenSource();
        var loops = Enumerable.Range(0, 2)
            .Select(_ => Task.Factory.StartNew(
                () => engine.ExecuteAsync(ExecutionRequest.ForExport(Answer, "loop").WithProfile(ExecutionProfile.Host), stop.Token),
                TaskCreationOptions.LongRunning).Unwrap())
            .ToArray();
        await Until(() => Task.FromResult(engine.Statistics.InstancesInUse == 2 && clock.Armed));
        clock.Tick();
        await Until(async () => (await Health(host.Services)).Status == HealthStatus.Degraded);
        Assert.That((await Health(host.Services)).Description, Does.Contain("pool-exhausted: 2 instances run at once, more than 1"));
        stop.Cancel();
        foreach (var l in loops) await Assert.CatchAsync<OperationCanceledException>(async () => await l);
        await host.StopAsync();
    }
}
