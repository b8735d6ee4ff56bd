// Everything that AddTwofold makes services of: sandboxes, tenants, plugins, skills and every port, as configured and as replaced by a test.
// In: a configuration in memory, services registered before. Out: what a call through the container reaches.

using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using NUnit.Framework;
using Twofold.Extensions.Hosting;

namespace Twofold.Hosting.Tests;

[TestFixture]
public sealed class ServicesTests
{
    internal static readonly byte[] Guest = Encoding.UTF8.GetBytes("""
        (module
          (func (export "answer") (result i32) i32.const 42)
          (func (export "spend") (loop $l (br $l)))
          (func (export "loop") (loop $l (br $l))))
        """);

    /// <summary>A plain ServiceProvider: what a test, or a host that is no generic host, has.</summary>
    private static ServiceProvider Services(Action<IServiceCollection>? before = null, params (string Key, string? Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create("Twofold:" + s.Key, s.Value))).Build();
        var services = new ServiceCollection();
        before?.Invoke(services);
        return services.AddTwofold(configuration.GetSection(TwofoldOptions.Section)).BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }

    // ---- sandboxes

    [Test]
    public async Task SandboxesAreBoundAndRunOnTheEngine()
    {
        await using var services = Services(null,
            ("Sandboxes:MaxSandboxes", "1"), ("Sandboxes:MaxConcurrency", "3"), ("Sandboxes:MemoryLimit", "1048576"), ("Sandboxes:GasLimit", "5000"), ("Sandboxes:Deadline", "00:00:05"),
            ("Sandboxes:StackLimit", "1000"), ("Sandboxes:ModuleSizeLimit", "4096"), ("Sandboxes:OutputLimit", "10"), ("Sandboxes:JournalLimit", "20"),
            ("Sandboxes:Capabilities", "Log, Random"), ("Sandboxes:AllowedImports:0", "env.log_*"));
        var manager = services.GetRequiredService<SandboxManager>();
        var o = manager.Defaults;
        Assert.That((manager.MaxSandboxes, manager.MaxConcurrency), Is.EqualTo((1, 3)));
        Assert.That((o.MemoryLimit, o.GasLimit, o.Deadline, o.StackLimit, o.ModuleSizeLimit, o.OutputLimit, o.JournalLimit),
            Is.EqualTo((1048576L, 5000L, TimeSpan.FromSeconds(5), 1000, 4096, 10L, 20L)));
        Assert.That(o.Capabilities, Is.EqualTo(SandboxCapabilities.Log | SandboxCapabilities.Random));
        Assert.That(o.AllowedImports, Is.EqualTo(new[] { "env.log_*" }));

        var sandbox = manager.Create("one");
        await sandbox.LoadAsync(Guest);
        Assert.That((await sandbox.ExecuteAsync("answer")).Get<int>(), Is.EqualTo(42));
        Assert.That((await sandbox.ExecuteAsync("spend")).End, Is.EqualTo(SandboxEnd.OutOfGas), "the configured gas is what it has");
        Assert.Throws<SandboxLimitException>(() => manager.Create("two"));
        var engine = services.GetRequiredService<TwofoldEngine>();
        Assert.That(engine.Statistics.Executions, Is.EqualTo(2), "one engine, one cache, one pool");
        Assert.That(engine.LoadedModules, Is.EqualTo(1));
        Assert.That((manager.Statistics.Calls, manager.Statistics.Sandboxes), Is.EqualTo((2L, 1)));
        await manager.DisposeAsync();
        Assert.That(engine.Execute(ExecutionRequest.ForExport(Guest, "answer")).Receipt.Outcome.IsSuccess, "the engine is the host's");
    }

    [Test]
    public void ServicesAreDisposedByAThreadToo()
    {
        var services = Services();
        var manager = services.GetRequiredService<SandboxManager>();
        services.GetRequiredService<PluginHost>();
        services.GetRequiredService<TenantScheduler>();
        manager.Create("one");
        services.Dispose();
        Assert.Throws<ObjectDisposedException>(() => manager.Create("two"));
    }

    [Test]
    public async Task SandboxOptionsAndTheManagerCanBeReplaced()
    {
        await using var services = Services(s => s.AddSingleton(new SandboxOptions().WithGasLimit(77)));
        Assert.That(services.GetRequiredService<SandboxManager>().Defaults.GasLimit, Is.EqualTo(77));
        var own = new SandboxManager();
        await using var other = Services(s => s.AddSingleton(own));
        Assert.That(other.GetRequiredService<SandboxManager>(), Is.SameAs(own));
        var engine = new TwofoldEngine();
        await using var third = Services(s => s.AddSingleton(engine));
        var sandbox = third.GetRequiredService<SandboxManager>().Create("one");
        await sandbox.LoadAsync(Guest);
        Assert.That(engine.LoadedModules, Is.EqualTo(1), "sandboxes are over the engine that was registered");
    }

    // ---- plugins

    [Test]
    public async Task PluginsOfTheFolderAreLoadedWhenTheHostStarts()
    {
        var folder = Directory.CreateTempSubdirectory("twofold-plugins");
        try
        {
            File.WriteAllBytes(Path.Combine(folder.FullName, "good.wat"), Guest);
            File.WriteAllText(Path.Combine(folder.FullName, "bad.wat"), "(module (func (export");
            var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
            builder.Services.AddTwofold(o => o.Plugins.Folder = folder.FullName);
            using var host = builder.Build();
            await host.StartAsync();
            var plugins = host.Services.GetRequiredService<PluginHost>();
            Assert.That(plugins.Names, Is.EqualTo(new[] { "good" }));
            Assert.That(plugins.Find("good").Bind<Func<int>>("answer")(), Is.EqualTo(42));
            await host.StopAsync();
        }
        finally
        {
            folder.Delete(true);
        }
    }

    // ---- tenants

    [Test]
    public async Task TenantsHaveTheQuotasOfTheConfiguration()
    {
        await using var services = Services(null,
            ("Tenants:Turns", "3"), ("Tenants:Quotas:alice:Gas", "0"), ("Tenants:Quotas:bob:Gas", "1000"), ("Tenants:Quotas:bob:Window", "01:00:00"),
            ("Tenants:Quotas:carol:Rate", "0.001"), ("Tenants:Quotas:carol:Burst", "1"), ("Tenants:Quotas:dave:Memory", "10"));
        var tenants = services.GetRequiredService<TenantScheduler>();
        var engine = services.GetRequiredService<TwofoldEngine>();
        Assert.That((tenants.Turns, string.Join(",", tenants.Names)), Is.EqualTo((3, "alice,bob,carol,dave")));
        var answer = ExecutionRequest.ForExport(Guest, "answer");
        Task<TenantReport> Run(string tenant, ExecutionRequest request) => tenants.ExecuteAsync(tenant, engine, request, default);

        Assert.That((await Run("alice", answer)).Report.Receipt.Outcome.IsSuccess);
        // Bob's run gets what his window has, and then there is nothing left.
        var spent = await Run("bob", ExecutionRequest.ForExport(Guest, "spend").WithGas(1_000_000));
        Assert.That((spent.IsRefused, spent.Report.Receipt.Outcome.Kind, spent.Report.Receipt.GasUsed), Is.EqualTo((false, OutcomeKind.OutOfGas, 1000L)));
        var refused = await Run("bob", answer);
        Assert.That((refused.IsRefused, refused.RetryAfter > TimeSpan.FromMinutes(50)), Is.EqualTo((true, true)), refused.Refusal);
        Assert.That(() => refused.Report, Throws.InvalidOperationException);
        Assert.That((await Run("carol", answer)).IsRefused, Is.False);
        Assert.That((await Run("carol", answer)).Refusal, Does.Contain("calls a second"));
        Assert.That((await Run("dave", answer)).RetryAfter, Is.EqualTo(TimeSpan.MaxValue));
        Assert.That((await Run("alice", answer)).IsRefused, Is.False, "another tenant is not slowed");
        var s = tenants.Statistics;
        Assert.That((s.Completed, s.Refused, s.Running, s.Waiting), Is.EqualTo((4L, 3L, 0, 0)));
        Assert.That(tenants.GetUsage("bob").GasInWindow, Is.EqualTo(1000));
    }

    [Test]
    public async Task ATenantsExecutionIsCancelledAsTheEnginesIs()
    {
        await using var services = Services(null, ("Tenants:Quotas:alice:Gas", "0"));
        using var stop = new CancellationTokenSource(50);
        var run = services.GetRequiredService<TenantScheduler>().ExecuteAsync("alice", services.GetRequiredService<TwofoldEngine>(),
            ExecutionRequest.ForExport(Guest, "loop").WithProfile(ExecutionProfile.Host), stop.Token);
        await Assert.CatchAsync<OperationCanceledException>(async () => await run);
        await using var other = Services(s => s.AddSingleton(new TenantScheduler(9, TimeProvider.System)));
        Assert.That(other.GetRequiredService<TenantScheduler>().Turns, Is.EqualTo(9));
    }

    // ---- ports

    private sealed class State : IStateReader
    {
        public IReadOnlyList<UnspentOutput> GetOutputs(string owner, string token) => [];
        public byte[]? GetState(string contract, byte[] key) => Encoding.UTF8.GetString(key) == "k" ? "from the reader"u8.ToArray() : null;
        public byte[]? GetBlockHash(ulong height) => null;
    }

    private sealed class Claims : IExternalSource
    {
        public byte[]? DeclareState(string contract, byte[] claim) => claim;
    }

    [Test]
    public async Task StateAndClaimsComeFromTheContainer()
    {
        var wat = Encoding.UTF8.GetBytes("""
            (module (import "env" "state_len" (func $len (param i32 i32) (result i32)))
              (memory (export "memory") 1) (data (i32.const 0) "k")
              (func (export "run") (result i32) (i32.sub (call $len (i32.const 0) (i32.const 1)) (i32.const 15))))
            """);
        var request = ExecutionRequest.ForContract(wat, "run", "0x" + new string('a', 40), "0x" + new string('c', 40));
        await using var services = Services(s => s.AddSingleton<IStateReader, State>().AddSingleton<IExternalSource, Claims>());
        var engine = services.GetRequiredService<TwofoldEngine>();
        Assert.That(engine.Execute(request).Receipt.Outcome.IsSuccess, engine.Execute(request).Message);
        Assert.That(engine.Replay(engine.Execute(request).Receipt, wat).Kind, Is.EqualTo(ReplayKind.Identical));
        Assert.That(engine.Execute(request.WithSnapshot(Snapshot.Empty)).Receipt.Outcome.IsSuccess, Is.False, "a request's own snapshot goes before it");
        Assert.That(services.GetRequiredService<EngineOptions>().ExternalSource, Is.TypeOf<Claims>());
        await using var without = Services();
        Assert.That(without.GetRequiredService<TwofoldEngine>().Execute(request).Receipt.Outcome.IsSuccess, Is.False);
    }

    private sealed class Ai : ISkillAi
    {
        public Task<SkillReply> PromptAsync(SkillCaller caller, string prompt, CancellationToken cancellationToken) => Task.FromResult(SkillReply.Of($"{caller.Name} asked {prompt}"));
    }

    private sealed class Memory : ISkillMemory
    {
        public Task<SkillReply> GetAsync(SkillCaller caller, byte[] key, CancellationToken cancellationToken) => Task.FromResult(SkillReply.Of("remembered"));
        public Task<SkillReply> SetAsync(SkillCaller caller, byte[] key, byte[] value, CancellationToken cancellationToken) => Task.FromResult(SkillReply.Done);
    }

    private sealed class Http : ISkillHttp
    {
        public Task<SkillHttpReply> SendAsync(SkillCaller caller, SkillHttpMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(SkillHttpReply.Of(200, [], Encoding.UTF8.GetBytes("from " + request.Url.Host)));
    }

    private sealed class Chat : IChatClient
    {
        public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
            Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, "the client said so")));

        public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public object? GetService(Type serviceType, object? serviceKey = null) => null;
        public void Dispose() { }
    }

    /// <summary>A skill that asks one function of `cis` and answers what that answers, or the code in decimal.</summary>
    private sealed class OneCall(string function, string permission, string first, string second = "") : ISkillLibrary
    {
        public IReadOnlyList<string> Names => ["one"];

        public Skill? Find(string name)
        {
            if (name != "one") return null;
            bool two = second.Length > 0 || function == "http_request";
            var wat = Encoding.UTF8.GetBytes($$"""
                (module (import "cis" "{{function}}" (func $f (param i32 i32 {{(two ? "i32 i32 " : "")}}i32 i32) (result i32)))
                  (memory (export "memory") 1) (data (i32.const 16) "{{first}}")
                  (func (export "alloc") (param i32) (result i32) i32.const 4096)
                  (func (export "execute") (param i32 i32) (result i64) (local $n i32)
                    (local.set $n (call $f (i32.const 16) (i32.const {{first.Length}}) {{(two ? "(i32.const 0) (i32.const 0) " : "")}}(i32.const 1024) (i32.const 1024)))
                    (if (i32.lt_s (local.get $n) (i32.const 0)) (then (return (i64.const 0))))
                    (i64.or (i64.shl (i64.const 1024) (i64.const 32)) (i64.extend_i32_u (local.get $n)))))
                """);
            var sha = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(wat));
            return Skill.Create($$"""{"name": "one", "version": "1.0.0", "module": "one.wat", "sha256": "{{sha}}", "permissions": ["{{permission}}"]}""", wat);
        }
    }

    private static async Task<string> RunOne(OneCall skill, Action<IServiceCollection> ports)
    {
        await using var services = Services(s =>
        {
            s.AddSingleton<ISkillLibrary>(skill);
            ports(s);
        });
        var report = await services.GetRequiredService<SkillRunner>().RunAsync("one", "{}");
        Assert.That(report.Status, Is.EqualTo(ReportStatus.Completed), report.Message);
        return report.Receipt.ReturnDataText;
    }

    [Test]
    public async Task EveryPortOfSkillsCanBeReplaced()
    {
        Assert.That(await RunOne(new OneCall("ai_prompt", "ai", "why"), s => s.AddSingleton<ISkillAi, Ai>()), Is.EqualTo("one asked why"));
        Assert.That(await RunOne(new OneCall("ai_prompt", "ai", "why"), s => s.AddSingleton<IChatClient, Chat>()), Is.EqualTo("the client said so"));
        Assert.That(await RunOne(new OneCall("ai_prompt", "ai", "why"), _ => { }), Is.Empty, "nobody answers");
        Assert.That(await RunOne(new OneCall("memory_get", "memory:", "key"), s => s.AddSingleton<ISkillMemory, Memory>()), Is.EqualTo("remembered"));
        Assert.That(await RunOne(new OneCall("http_request", "http:*", "https://example.com/"), s => s.AddSingleton<ISkillHttp, Http>()), Is.EqualTo("from example.com"));
        Assert.That(await RunOne(new OneCall("memory_get", "memory:", "key"), s => s.AddSingleton(new SkillPorts().WithMemory(new Memory()))), Is.EqualTo("remembered"));
        await using var services = Services();
        await Assert.ThrowsAsync<KeyNotFoundException>(() => services.GetRequiredService<SkillRunner>().RunAsync("nothing", "{}"));
    }

    [Test]
    public async Task SkillsAndTheirMemoryComeFromTheConfiguration()
    {
        var folder = Directory.CreateTempSubdirectory("twofold-skills");
        try
        {
            var installed = new SkillLibrary(folder.FullName);
            Assert.That(installed.Install(Path.Combine(Paths.Root, "samples", "skills", "notes"), false).Name, Is.EqualTo("notes"));
            await using (var services = Services(null,
                ("Skills:Home", folder.FullName), ("Skills:Memory", Path.Combine(folder.FullName, "memory.db")), ("Skills:Folders:again", Path.Combine(Paths.Root, "samples", "skills", "notes"))))
            {
                var runner = services.GetRequiredService<SkillRunner>();
                Assert.That(runner.Library.Names, Is.EqualTo(new[] { "again", "notes" }));
                await runner.RunAsync("notes", """{"key": "milk", "text": "two bottles"}""");
                Assert.That((await runner.RunAsync("again", """{"key": "milk"}""")).Receipt.ReturnDataText, Does.Contain("two bottles"));
                Assert.That(services.GetRequiredService<TwofoldEngine>().Statistics.SkillCalls, Is.GreaterThan(0));
            }

            Assert.That(installed.Remove("notes"));
            Assert.That(installed.Find("notes"), Is.Null);
            Assert.That(installed.Remove("notes"), Is.False);
        }
        finally
        {
            folder.Delete(true);
        }
    }

    // ---- options

    [TestCase("MaxInstances", "-1")]
    [TestCase("MaxInstancesPerModule", "-1")]
    [TestCase("Sandboxes:MaxSandboxes", "0")]
    [TestCase("Sandboxes:MaxConcurrency", "-1")]
    [TestCase("Sandboxes:MemoryLimit", "-1")]
    [TestCase("Sandboxes:GasLimit", "-5")]
    [TestCase("Sandboxes:Deadline", "-00:00:01")]
    [TestCase("Sandboxes:StackLimit", "0")]
    [TestCase("Sandboxes:ModuleSizeLimit", "7")]
    [TestCase("Sandboxes:OutputLimit", "-1")]
    [TestCase("Sandboxes:JournalLimit", "-1")]
    [TestCase("Sandboxes:AllowedImports:0", "env")]
    [TestCase("Sandboxes:Capabilities", "64")]
    [TestCase("Plugins:Folder", "there is no such folder")]
    [TestCase("Tenants:Turns", "-1")]
    [TestCase("Tenants:Quotas:bob:Gas", "-1")]
    [TestCase("Tenants:Quotas:bob:Window", "00:00:00")]
    [TestCase("Tenants:Quotas:bob:Memory", "-1")]
    [TestCase("Tenants:Quotas:bob:MaxConcurrency", "-1")]
    [TestCase("Tenants:Quotas:bob:Rate", "-1")]
    [TestCase("Tenants:Quotas:bob:Burst", "0")]
    [TestCase("Tenants:Quotas:bob:QueueLimit", "-1")]
    [TestCase("Skills:AiModel", "gpt")]
    [TestCase("Skills:AiTimeout", "00:00:00")]
    [TestCase("Skills:HttpTimeout", "-00:00:01")]
    [TestCase("Skills:Folders:notes", "")]
    [TestCase("Health:MaxRejections", "-1")]
    [TestCase("Health:MaxSkillFailures", "-1")]
    [TestCase("Health:MaxTenantRefusals", "-1")]
    [TestCase("Health:MaxTenantWait", "-00:00:01")]
    public async Task WrongOptionsStopTheHostFromStartingByTheirKey(string key, string value)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection([KeyValuePair.Create("Twofold:" + key, (string?)value)]);
        builder.Services.AddTwofold(builder.Configuration.GetSection(TwofoldOptions.Section));
        using var host = builder.Build();
        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.That(e!.Failures, Has.Exactly(1).Items);
        // A pair of keys is told by the one that is missing.
        Assert.That(e.Message, Does.Contain("Twofold:" + key).And.Contain(key == "Skills:AiModel" ? "Skills:AiBaseUrl is missing" : value));
    }

    [Test]
    public async Task AnAddressThatIsNoneIsRefusedWithoutItsText()
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddTwofold(o => (o.Skills.AiBaseUrl, o.Skills.AiModel) = ("ftp://secret@host", "m"));
        using var host = builder.Build();
        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.That(e!.Message, Does.Contain("Twofold:Skills:AiBaseUrl").And.Not.Contain("secret"));
    }

    private static IEnumerable<(string Section, string Leaf)> Leaves(Type type, string section)
    {
        foreach (var p in type.GetProperties(System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Instance))
        {
            var nested = p.PropertyType.IsGenericType ? p.PropertyType.GetGenericArguments()[^1] : p.PropertyType;
            if (nested.Assembly == typeof(TwofoldOptions).Assembly)
                foreach (var leaf in Leaves(nested, $"{section}{p.Name}:{(nested == p.PropertyType ? "" : "<name>:")}"))
                    yield return leaf;
            else
                yield return (section, p.Name);
        }
    }

    [Test]
    public void ThePageListsEveryOption()
    {
        var rows = File.ReadAllLines(Path.Combine(Paths.Root, "docs", "HOSTING.md")).Where(l => l.StartsWith("| `")).ToArray();
        var leaves = Leaves(typeof(TwofoldOptions), "").ToArray();
        Assert.That(leaves, Has.Length.GreaterThan(40));
        foreach (var (section, leaf) in leaves)
            Assert.That(rows.Any(r => r.Contains($"`{section}{leaf}") || (r.StartsWith($"| `{section}") && r.Contains($"`{leaf}`"))), $"{section}{leaf}");
    }

    // ---- metrics

    [Test]
    public async Task SandboxesTenantsAndSkillsAreMeasured()
    {
        await using var services = Services(s => s.AddSingleton<ISkillLibrary>(new OneCall("ai_prompt", "ai", "why")), ("Tenants:Quotas:bob:Rate", "0.001"));
        var factory = services.GetRequiredService<IMeterFactory>();
        List<string> seen = [];
        using var listener = new MeterListener();
        listener.InstrumentPublished = (i, l) =>
        {
            if (ReferenceEquals(i.Meter.Scope, factory)) l.EnableMeasurementEvents(i);
        };
        void Note(Instrument i, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var text = string.Join(" ", new[] { i.Name, i.Unit }.Concat(tags.ToArray().Select(t => $"{t.Key}={t.Value}")));
            lock (seen) seen.Add(text);
        }

        listener.SetMeasurementEventCallback<double>((i, _, tags, _) => Note(i, tags));
        listener.SetMeasurementEventCallback<long>((i, v, tags, _) => Note(i, tags));
        listener.Start();
        var sandbox = services.GetRequiredService<SandboxManager>().Create("one", new SandboxOptions().WithDeadline(TimeSpan.FromMilliseconds(50)));
        await sandbox.LoadAsync(Guest);
        await sandbox.ExecuteAsync("answer");
        await sandbox.ExecuteAsync("missing");
        await sandbox.ExecuteAsync("loop");
        var tenants = services.GetRequiredService<TenantScheduler>();
        await tenants.ExecuteAsync("bob", sandbox, "answer");
        await tenants.ExecuteAsync("bob", sandbox, "answer");
        await services.GetRequiredService<SkillRunner>().RunAsync("one", "{}");
        listener.RecordObservableInstruments();
        foreach (var expected in new[]
                 {
                     "twofold.sandbox.execution.duration s twofold.sandbox.end=returned", "twofold.sandbox.execution.duration s twofold.sandbox.end=rejected",
                     "twofold.sandbox.execution.duration s twofold.sandbox.end=timeout", "twofold.sandbox.wait.duration s", "twofold.tenant.wait.duration s",
                     "twofold.tenant.refusals {call} twofold.tenant.quota=rate", "twofold.tenant.running {call}", "twofold.tenant.waiting {call}",
                     "twofold.skill.call.duration s twofold.skill.service=ai twofold.skill.result=unavailable",
                 })
            Assert.That(seen, Does.Contain(expected));
        var page = File.ReadAllText(Path.Combine(Paths.Root, "docs", "OBSERVABILITY.md"));
        foreach (var name in seen.Select(s => s.Split(' ')).Select(s => $"| `{s[0]}` | {s[1]} |").Distinct()) Assert.That(page, Does.Contain(name));
    }
}
