// Plugins and tenants as C# hosts use them: folders, typed calls, swapping under load, unloading; quotas, refusals, fair shares.
// In: small modules. Out: counts of calls, never times of a clock: the tenants' clock stands still unless a test moves it.

using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

public class SandboxPluginTests
{
    private static byte[] Adds(int n) =>
        SandboxTests.Wat($$"""(module (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const {{n}}))) (func (export "boom") unreachable))""");

    [Test]
    public async Task A_folder_of_modules_is_loaded_and_bound()
    {
        string folder = Directory.CreateTempSubdirectory("twofold-plugins").FullName;
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, "one.wat"), Adds(1));
            await File.WriteAllBytesAsync(Path.Combine(folder, "two.wasm"), Adds(2));
            await File.WriteAllTextAsync(Path.Combine(folder, "bad.wasm"), "(module (func");
            await File.WriteAllTextAsync(Path.Combine(folder, "notes.txt"), "nothing");
            await using var host = new PluginHost();
            var failures = await host.LoadFolderAsync(folder);
            Assert.That(failures.Select(f => f.File), Is.EqualTo(new[] { "bad.wasm" }));
            Assert.That(host.Names, Is.EqualTo(new[] { "one", "two" }));
            Assert.That(host.Find("one").Bind<Func<int, int>>("add")(41), Is.EqualTo(42));
            Assert.That(await host.Find("two").Bind<Func<int, Task<int>>>("add")(40), Is.EqualTo(42));
            Assert.That(host.Find("three"), Is.Null);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Test]
    public async Task Bindings_are_checked_and_failures_are_exceptions_with_the_result()
    {
        await using var host = new PluginHost();
        var plugin = await host.LoadAsync("p", Adds(1));
        Assert.Throws<RejectedException>(() => plugin.Bind<Func<long, int>>("add"));
        Assert.Throws<RejectedException>(() => plugin.Bind<Func<int, int>>("sub"));
        Assert.Throws<ArgumentException>(() => plugin.Bind<Func<DateTime, int>>("add"));
        var boom = plugin.Bind<Action>("boom");
        Assert.That(Assert.Throws<PluginException>(() => boom())!.Result.End, Is.EqualTo(SandboxEnd.Trapped));
        await Assert.ThrowsAsync<PluginException>(() => plugin.Bind<Func<Task>>("boom")());
        await Assert.ThrowsAsync<ArgumentException>(() => host.LoadAsync("p", Adds(2)));
        await Assert.ThrowsAsync<RejectedException>(() => host.LoadAsync("q", SandboxTests.Wat("(module")));
        Assert.That(host.Names, Is.EqualTo(new[] { "p" }));
    }

    [Test]
    public async Task Numbers_of_every_type_are_bound()
    {
        await using var host = new PluginHost();
        var plugin = await host.LoadAsync("p", SandboxTests.Wat("""
            (module
              (func (export "i") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
              (func (export "l") (param i64) (result i64) (i64.sub (local.get 0) (i64.const 1)))
              (func (export "f") (param f32) (result f32) (f32.neg (local.get 0)))
              (func (export "d") (param f64) (result f64) (f64.neg (local.get 0)))
              (func (export "not") (param i32) (result i32) (i32.eqz (local.get 0)))
              (func (export "nothing") (param i32)))
            """));
        Assert.That(plugin.Bind<Func<uint, uint>>("i")(uint.MaxValue - 1), Is.EqualTo(uint.MaxValue));
        Assert.That(plugin.Bind<Func<long, long>>("l")(long.MinValue + 1), Is.EqualTo(long.MinValue));
        Assert.That(plugin.Bind<Func<ulong, ulong>>("l")(0), Is.EqualTo(ulong.MaxValue));
        Assert.That(plugin.Bind<Func<float, float>>("f")(1.5f), Is.EqualTo(-1.5f));
        Assert.That(await plugin.Bind<Func<double, ValueTask<double>>>("d")(1.5), Is.EqualTo(-1.5));
        Assert.That((plugin.Bind<Func<bool, bool>>("not")(true), plugin.Bind<Func<bool, bool>>("not")(false)), Is.EqualTo((false, true)));
        Assert.That(plugin.Bind<Func<int, bool>>("i")(1), "every number but zero is true");
        await plugin.Bind<Func<int, ValueTask>>("nothing")(1);
        plugin.Bind<Action<bool>>("nothing")(true);
        Assert.Throws<RejectedException>(() => plugin.Bind<Func<bool, bool>>("l"));
        Assert.Throws<ArgumentException>(() => plugin.Bind<Func<string, int, string>>("i"));
    }

    [Test]
    public async Task Texts_and_bytes_go_through_the_guests_allocator()
    {
        // Turns its input round, in place; and the same with texts that end in a zero byte.
        var turner = SandboxTests.Wat("""
            (module (memory (export "memory") 1) (global $next (mut i32) (i32.const 1024))
              (func (export "alloc") (param i32) (result i32) (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 0))))
              (func $turn (export "turn") (param $p i32) (param $n i32) (result i64) (local $i i32) (local $j i32) (local $t i32)
                (local.set $j (i32.sub (local.get $n) (i32.const 1)))
                (block $done (loop $l
                  (br_if $done (i32.ge_s (local.get $i) (local.get $j)))
                  (local.set $t (i32.load8_u (i32.add (local.get $p) (local.get $i))))
                  (i32.store8 (i32.add (local.get $p) (local.get $i)) (i32.load8_u (i32.add (local.get $p) (local.get $j))))
                  (i32.store8 (i32.add (local.get $p) (local.get $j)) (local.get $t))
                  (local.set $i (i32.add (local.get $i) (i32.const 1))) (local.set $j (i32.sub (local.get $j) (i32.const 1)))
                  (br $l)))
                (i64.or (i64.shl (i64.extend_i32_u (local.get $p)) (i64.const 32)) (i64.extend_i32_u (local.get $n))))
              (func (export "same") (param i32) (result i32) (local.get 0))
              (func (export "far") (param i32 i32) (result i64) (i64.const -1))
              (func (export "plain") (result i32) (i32.const 1)))
            """);
        await using var host = new PluginHost();
        var plugin = await host.LoadAsync("turner", turner);
        Assert.That(plugin.Bind<Func<string, string>>("turn")("hello"), Is.EqualTo("olleh"));
        Assert.That(plugin.Bind<Func<byte[], byte[]>>("turn")([1, 2, 3]), Is.EqualTo(new byte[] { 3, 2, 1 }));
        Assert.That(plugin.Bind<Func<byte[], string>>("turn")([]), Is.Empty);
        Assert.That(await plugin.Bind<Func<string, Task<byte[]>>>("turn")("ab"), Is.EqualTo("ba"u8.ToArray()));
        Assert.That(await plugin.Bind<Func<string, Task<string>>>("same")("h\u00e9"), Is.EqualTo("h\u00e9"));
        Assert.That(plugin.Bind<Func<ReadOnlyMemory<byte>, string>>("turn")("abc"u8.ToArray().AsMemory(1)), Is.EqualTo("cb"));
        Assert.That(plugin.Bind<Func<string, ReadOnlyMemory<byte>>>("turn")("ab").ToArray(), Is.EqualTo("ba"u8.ToArray()));
        Assert.That((await plugin.Bind<Func<ReadOnlyMemory<byte>, ValueTask<ReadOnlyMemory<byte>>>>("turn")(new byte[] { 1, 2 })).ToArray(), Is.EqualTo(new byte[] { 2, 1 }));
        Assert.That(await plugin.Bind<Func<string, ValueTask<string>>>("turn")("ab"), Is.EqualTo("ba"));
        Assert.That(Assert.Throws<PluginException>(() => plugin.Bind<Func<string, string>>("far")("x"))!.Result.End, Is.EqualTo(SandboxEnd.Trapped));
        Assert.Throws<RejectedException>(() => plugin.Bind<Func<string, string>>("plain"));
        Assert.Throws<RejectedException>(() => plugin.Bind<Func<string, string>>("nothing"));
        await Assert.ThrowsAsync<RejectedException>(() => plugin.SwapAsync(Adds(1)));
        await using var sandbox = Sandbox.Create();
        await sandbox.LoadAsync(turner);
        var result = await sandbox.ExecuteTextAsync("turn", "hello");
        Assert.That(result.ReturnText, Is.EqualTo("olleh"), result.Error);
        Assert.That(sandbox.Replay(result.Receipt).Kind, Is.EqualTo(ReplayKind.Identical));
    }

    [Test]
    public async Task Versions_are_swapped_under_load_without_losing_a_call()
    {
        await using var host = new PluginHost();
        var plugin = await host.LoadAsync("p", Adds(1));
        var add = plugin.Bind<Func<int, int>>("add");
        using var stop = new CancellationTokenSource();
        long calls = 0, newest = 1;
        var load = Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                long before = Interlocked.Read(ref newest);
                int got = add(0);
                // A version that was there when the call began, or a later one.
                if (got < before || got > 1000) throw new InvalidOperationException($"got {got}, {before} was loaded");
                Interlocked.Increment(ref calls);
            }
        }, TaskCreationOptions.LongRunning)).ToArray();
        for (int n = 2; n <= 30; n++)
        {
            await plugin.SwapAsync(Adds(n));
            Interlocked.Exchange(ref newest, n);
            long seen = Interlocked.Read(ref calls);
            while (Interlocked.Read(ref calls) < seen + 8 && !load.Any(t => t.IsFaulted)) await Task.Delay(1);
        }

        stop.Cancel();
        await Task.WhenAll(load);
        Assert.That(add(0), Is.EqualTo(30));
        Assert.That(plugin.Version, Is.EqualTo(30));
    }

    [Test]
    public async Task A_bad_new_version_leaves_the_old_one_in_place()
    {
        await using var host = new PluginHost();
        var plugin = await host.LoadAsync("p", Adds(1));
        var add = plugin.Bind<Func<int, int>>("add");
        foreach (string bad in new[] { "(module", """(module (func (export "add") (param i64) (result i32) (i32.const 1)))""", "(module)", """(module (import "a" "b" (func)))""" })
            await Assert.ThrowsAsync<RejectedException>(() => plugin.SwapAsync(SandboxTests.Wat(bad)), bad);
        Assert.That((add(1), plugin.Version), Is.EqualTo((2, 1)));
    }

    [Test]
    public async Task Unloading_gives_memory_back()
    {
        await using var host = new PluginHost(new SandboxOptions().WithMemoryLimit(256 << 20));
        // 16 MiB that each instance has touched.
        byte[] Heavy(int n) => SandboxTests.Wat($$"""
            (module (memory 256) (func (export "touch") (result i32) (memory.fill (i32.const 0) (i32.const {{n}}) (i32.const 16777216)) (i32.const {{n}})))
            """);
        async Task Round(int n)
        {
            var plugin = await host.LoadAsync("p", Heavy(n));
            var touch = plugin.Bind<Func<int>>("touch");
            Assert.That(touch(), Is.EqualTo(n));
            Assert.That(await host.UnloadAsync("p"));
            Assert.That(await host.UnloadAsync("p"), Is.False);
            Assert.Throws<ObjectDisposedException>(() => touch());
        }

        long Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            using var process = System.Diagnostics.Process.GetCurrentProcess();
            return process.WorkingSet64;
        }

        for (int n = 1; n <= 10; n++) await Round(n);
        long before = Resident();
        for (int n = 11; n <= 60; n++) await Round(n);
        // Fifty modules with 16 MiB each would be 800 MiB.
        Assert.That(Resident() - before, Is.LessThan(100L << 20));
    }
}

public class SandboxTenantTests
{
    private sealed class Clock : TimeProvider
    {
        private long ticks = 1_000_000;
        public void Advance(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);
        public override long GetTimestamp() => Interlocked.Read(ref ticks);
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    }

    private static readonly TenantQuota Plain = new();

    private static async Task<Sandbox> Adder()
    {
        var sandbox = Sandbox.Create(new SandboxOptions().WithGasLimit(10_000));
        await sandbox.LoadAsync(SandboxTests.Adder);
        return sandbox;
    }

    [Test]
    public async Task A_busy_tenant_slows_another_by_no_more_than_its_share()
    {
        await using var sandbox = await Adder();
        var tenants = new TenantScheduler(1, new Clock());
        tenants.Add("busy", Plain.WithQueueLimit(10_000));
        tenants.Add("modest", Plain);
        int busyDone = 0, busyWhenModestWasDone = -1;
        var flood = Enumerable.Range(0, 1000).Select(async _ =>
        {
            var r = await tenants.ExecuteAsync("busy", sandbox, "add", 1, 1);
            Interlocked.Increment(ref busyDone);
            return r;
        }).ToArray();
        int before = Volatile.Read(ref busyDone);
        var modest = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => tenants.ExecuteAsync("modest", sandbox, "add", 2, 2)));
        busyWhenModestWasDone = (int)tenants.GetUsage("busy").Completed;
        Assert.That(modest.Select(r => r.Get<int>()), Is.All.EqualTo(4));
        // One turn for two tenants: the twenty calls need forty turns, and as many more may pass until this thread looks.
        Assert.That(busyWhenModestWasDone - before, Is.LessThan(500));
        Assert.That((await Task.WhenAll(flood)).Select(r => r.Get<int>()), Is.All.EqualTo(2));
        Assert.That(tenants.GetUsage("busy").Completed, Is.EqualTo(1000));
    }

    [Test]
    public async Task Turns_go_round()
    {
        // The order in which executions start, told by a host function; one turn, so nothing races.
        var order = new List<int>();
        var gate = new TaskCompletionSource<int>();
        var options = new SandboxOptions().WithHostFunction("env", "mark", async (int who) =>
        {
            await gate.Task;
            lock (order) order.Add(who);
            return 0;
        });
        await using var sandbox = Sandbox.Create(options);
        await sandbox.LoadAsync(SandboxTests.Wat("""(module (import "env" "mark" (func $m (param i32) (result i32))) (func (export "run") (param i32) (result i32) (call $m (local.get 0))))"""));
        var tenants = new TenantScheduler(1, new Clock());
        foreach (string name in new[] { "1", "2", "3" }) tenants.Add(name, Plain);
        var runs = new List<Task>();
        for (int i = 0; i < 6; i++) runs.Add(tenants.ExecuteAsync("1", sandbox, "run", 1));
        for (int i = 0; i < 3; i++) runs.Add(tenants.ExecuteAsync("2", sandbox, "run", 2));
        for (int i = 0; i < 2; i++) runs.Add(tenants.ExecuteAsync("3", sandbox, "run", 3));
        gate.SetResult(0);
        await Task.WhenAll(runs);
        Assert.That(order, Is.EqualTo(new[] { 1, 2, 3, 1, 2, 3, 1, 2, 1, 1, 1 }));
    }

    [Test]
    public async Task Gas_of_a_window_is_refused_when_it_is_used_up_and_comes_back()
    {
        await using var sandbox = Sandbox.Create(new SandboxOptions().WithGasLimit(1000));
        await sandbox.LoadAsync(SandboxTests.Endless);
        var clock = new Clock();
        var tenants = new TenantScheduler(2, clock);
        tenants.Add("t", Plain.WithGas(2500, TimeSpan.FromSeconds(10)));
        for (int i = 0; i < 2; i++) Assert.That((await tenants.ExecuteAsync("t", sandbox, "run")).GasUsed, Is.EqualTo(1000));
        var rest = await tenants.ExecuteAsync("t", sandbox, "run");
        Assert.That((rest.End, rest.GasUsed), Is.EqualTo((SandboxEnd.OutOfGas, 500L)));
        clock.Advance(TimeSpan.FromSeconds(4));
        var refused = await tenants.ExecuteAsync("t", sandbox, "run");
        Assert.That(refused.End, Is.EqualTo(SandboxEnd.Refused));
        Assert.That(refused.RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(6)));
        Assert.That(refused.Error, Does.Contain("gas").And.Contain("'t'"));
        clock.Advance(refused.RetryAfter);
        Assert.That((await tenants.ExecuteAsync("t", sandbox, "run")).End, Is.EqualTo(SandboxEnd.OutOfGas));
        Assert.That(tenants.GetUsage("t").Refused, Is.EqualTo(1));
    }

    [Test]
    public async Task Rate_queue_and_memory_are_refused_and_say_when_to_try_again()
    {
        await using var sandbox = await Adder();
        var clock = new Clock();
        var tenants = new TenantScheduler(4, clock);
        tenants.Add("rate", Plain.WithRate(2, burst: 3));
        for (int i = 0; i < 3; i++) Assert.That((await tenants.ExecuteAsync("rate", sandbox, "add", 1, 1)).Success);
        var fast = await tenants.ExecuteAsync("rate", sandbox, "add", 1, 1);
        Assert.That((fast.End, fast.RetryAfter), Is.EqualTo((SandboxEnd.Refused, TimeSpan.FromSeconds(0.5))));
        clock.Advance(fast.RetryAfter);
        Assert.That((await tenants.ExecuteAsync("rate", sandbox, "add", 1, 1)).Success);

        tenants.Add("memory", Plain.WithMemory(1 << 20));
        var large = await tenants.ExecuteAsync("memory", sandbox, "add", 1, 1);
        Assert.That((large.End, large.RetryAfter), Is.EqualTo((SandboxEnd.Refused, TimeSpan.MaxValue)));

        var gate = new TaskCompletionSource<int>();
        await using var slow = Sandbox.Create(new SandboxOptions().WithMemoryLimit(1 << 20).WithHostFunction("env", "wait", () => gate.Task));
        await slow.LoadAsync(SandboxTests.Wat("""(module (import "env" "wait" (func $w (result i32))) (func (export "run") (result i32) (call $w)))"""));
        tenants.Add("queue", Plain.WithMaxConcurrency(1).WithQueueLimit(2));
        var waiting = Enumerable.Range(0, 3).Select(_ => tenants.ExecuteAsync("queue", slow, "run")).ToArray();
        var full = await tenants.ExecuteAsync("queue", slow, "run");
        Assert.That(full.End, Is.EqualTo(SandboxEnd.Refused));
        Assert.That(full.Error, Does.Contain("wait already"));
        Assert.That(full.RetryAfter, Is.GreaterThan(TimeSpan.Zero));
        var usage = tenants.GetUsage("queue");
        Assert.That((usage.Running, usage.Waiting, usage.MemoryInUse), Is.EqualTo((1, 2, 1L << 20)));
        Assert.That(tenants.Remove("queue"), Is.False);

        // Others are not slowed by one that waits: its turn is one of four.
        tenants.Add("other", Plain);
        Assert.That((await tenants.ExecuteAsync("other", sandbox, "add", 1, 1)).Success);
        gate.SetResult(5);
        foreach (var r in await Task.WhenAll(waiting)) Assert.That(r.Get<int>(), Is.EqualTo(5));
        await Assert.ThrowsAsync<KeyNotFoundException>(() => tenants.ExecuteAsync("nobody", sandbox, "add", 1, 1));
        tenants.Close();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => tenants.ExecuteAsync("other", sandbox, "add", 1, 1));
    }
}
