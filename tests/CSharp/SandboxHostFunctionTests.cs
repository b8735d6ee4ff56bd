// Host functions by typed delegates: what they take and give, memory of the caller, waiting, and every way to go wrong.
// In: a guest that imports them. Out: results, each followed by a clean execution.

using System.Diagnostics;
using System.Text;
using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

public class SandboxHostFunctionTests
{
    private static readonly byte[] Guest = SandboxTests.Wat("""
        (module
          (import "env" "twice" (func $twice (param i32) (result i32)))
          (memory (export "memory") 1)
          (global $next (mut i32) (i32.const 4096))
          (data (i32.const 8) "hello")
          (func (export "alloc") (param i32) (result i32) (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 0))))
          (func (export "twice") (param i32) (result i32) (call $twice (local.get 0))))
        """);

    private static async Task<SandboxResult> Twice(Delegate f, int argument = 21, Func<SandboxOptions, SandboxOptions>? change = null)
    {
        var options = new SandboxOptions().WithHostFunction("env", "twice", f);
        await using var sandbox = Sandbox.Create(change is null ? options : change(options));
        await sandbox.LoadAsync(Guest);
        var result = await sandbox.ExecuteAsync("twice", argument);
        if (result.Receipt is { } receipt) Assert.That(sandbox.Replay(receipt).Kind, Is.EqualTo(ReplayKind.Identical), sandbox.Replay(receipt).ToString());
        return result;
    }

    [Test]
    public async Task Delegates_of_every_type_are_called()
    {
        string[] seen = [];
        var options = new SandboxOptions()
            .WithHostFunction("env", "a", (int x, uint y) => x + y)
            .WithHostFunction("env", "b", (long x, ulong y) => (ulong)x + y)
            .WithHostFunction("env", "c", (float x) => x / 2)
            .WithHostFunction("env", "d", (double x) => x / 2)
            .WithHostFunction("env", "e", (long x, double y) => { seen = [$"{x} {y}"]; })
            .WithHostFunction("env", "f", () => 7u);
        await using var sandbox = Sandbox.Create(options);
        await sandbox.LoadAsync(SandboxTests.Wat("""
            (module
              (import "env" "a" (func $a (param i32 i32) (result i64)))
              (import "env" "b" (func $b (param i64 i64) (result i64)))
              (import "env" "c" (func $c (param f32) (result f32)))
              (import "env" "d" (func $d (param f64) (result f64)))
              (import "env" "e" (func $e (param i64 f64)))
              (import "env" "f" (func $f (result i32)))
              (func (export "a") (result i64) (call $a (i32.const -1) (i32.const 3)))
              (func (export "b") (result i64) (call $b (i64.const -1) (i64.const -1)))
              (func (export "c") (result f32) (call $c (f32.const -3)))
              (func (export "d") (result f64) (call $d (f64.const 3)))
              (func (export "e") (call $e (i64.const -5) (f64.const 0.25)))
              (func (export "f") (result i32) (call $f)))
            """));
        Assert.That((await sandbox.ExecuteAsync("a")).Get<long>(), Is.EqualTo(2));
        Assert.That((await sandbox.ExecuteAsync("b")).Get<long>(), Is.EqualTo(-2));
        Assert.That((await sandbox.ExecuteAsync("c")).Get<float>(), Is.EqualTo(-1.5f));
        Assert.That((await sandbox.ExecuteAsync("d")).Get<double>(), Is.EqualTo(1.5));
        Assert.That((await sandbox.ExecuteAsync("e")).Success);
        Assert.That(seen, Is.EqualTo(new[] { "-5 0.25" }));
        Assert.That((await sandbox.ExecuteAsync("f")).Get<uint>(), Is.EqualTo(7u));
    }

    [Test]
    public async Task A_caller_is_read_written_and_called_back()
    {
        var result = await Twice((HostCaller caller, int x) =>
        {
            Assert.That(caller.ReadString(8, 5), Is.EqualTo("hello"));
            caller.WriteInt32(16, 5);
            caller.WriteInt64(24, 6);
            var bytes = caller.Edit(8, 5);
            bytes[0] = (byte)'j';
            Assert.That(caller.ReadString(8, 5), Is.EqualTo("jello"));
            long text = caller.Return("bye");
            Assert.That(caller.ReadString((int)(text >> 32), (int)text), Is.EqualTo("bye"));
            return caller.ReadInt32(16) + (int)caller.ReadInt64(24) + x;
        });
        Assert.That(result.Get<int>(), Is.EqualTo(32));
        Assert.That(result.Receipt.Journal.Select(l => l.Call), Is.EqualTo(new[] { "env.twice", "host_resume" }));
    }

    [Test]
    public async Task Lambdas_take_spans_over_the_guests_memory()
    {
        int flags = 0;
        var options = new SandboxOptions()
            .WithHostFunction("env", "sum", (ReadOnlySpan<byte> bytes) => { int n = 0; foreach (byte b in bytes) n += b; return n; })
            .WithHostFunction("env", "shout", (HostCaller caller, Span<byte> text, bool loud) => { foreach (ref byte b in text) b = (byte)(loud ? b & 0xDF : b | 0x20); })
            .WithHostFunction("env", "flag", (bool on) => { flags += on ? 1 : 0; return !on; });
        await using var sandbox = Sandbox.Create(options);
        await sandbox.LoadAsync(SandboxTests.Wat("""
            (module
              (import "env" "sum" (func $sum (param i32 i32) (result i32)))
              (import "env" "shout" (func $shout (param i32 i32 i32)))
              (import "env" "flag" (func $flag (param i32) (result i32)))
              (memory (export "memory") 1) (data (i32.const 8) "abc")
              (func (export "run") (result i32)
                (call $shout (i32.const 8) (i32.const 3) (call $flag (i32.const 0)))
                (drop (call $flag (i32.const 2)))
                (call $sum (i32.const 8) (i32.const 3))))
            """));
        var result = await sandbox.ExecuteAsync("run");
        Assert.That(result.Get<int>(), Is.EqualTo('A' + 'B' + 'C'), result.Error);
        Assert.That(flags, Is.EqualTo(1));
        Assert.That(sandbox.Replay(result.Receipt).Kind, Is.EqualTo(ReplayKind.Identical), sandbox.Replay(result.Receipt).ToString());
        Assert.That(flags, Is.EqualTo(1), "a replay calls nobody");
        // A task outlives the call; a span must not.
        Assert.Throws<ArgumentException>(() => new SandboxOptions().WithHostFunction("env", "sum", (ReadOnlySpan<byte> bytes) => Task.FromResult(bytes.Length)));
    }

    [Test]
    public async Task Memory_is_lent_from_any_thread_while_the_guest_waits()
    {
        var result = await Twice(async (HostCaller caller, int x) =>
        {
            await Task.Yield();
            caller.EditSpan(8, 5, text => text[0] = (byte)'j');
            string read = caller.ReadSpan(8, 5, text => Encoding.UTF8.GetString(text));
            await Task.Yield();
            Assert.That(() => caller.EditSpan(8, 5, _ => caller.Call("alloc", 1)), Throws.InvalidOperationException);
            return read == "jello" ? x : 0;
        });
        Assert.That(result.Get<int>(), Is.EqualTo(21), result.Error);
    }

    [Test]
    public async Task A_function_may_be_asynchronous()
    {
        Assert.That((await Twice(async (int x) => { await Task.Delay(5); return 2 * x; })).Get<int>(), Is.EqualTo(42));
        Assert.That((await Twice((int x) => ValueTask.FromResult(2 * x))).Get<int>(), Is.EqualTo(42));
        // After the first await it is another thread that uses the caller.
        var used = await Twice(async (HostCaller caller, int x) =>
        {
            await Task.Yield();
            caller.WriteInt32(16, x);
            await Task.Delay(1).ConfigureAwait(false);
            return caller.ReadInt32(16) + caller.Call("alloc", 8)[0].AsI32();
        });
        Assert.That(used.Get<int>(), Is.EqualTo(21 + 4096));
    }

    [Test]
    public async Task Guests_that_wait_take_no_threads_of_the_pool()
    {
        var gate = new TaskCompletionSource<int>();
        int waiting = 0;
        var options = new SandboxOptions().WithMaxConcurrency(60).WithHostFunction("env", "twice", (int x) => { Interlocked.Increment(ref waiting); return gate.Task; });
        await using var sandbox = Sandbox.Create(options);
        await sandbox.LoadAsync(Guest);
        var runs = Enumerable.Range(0, 60).Select(i => sandbox.ExecuteAsync("twice", i)).ToArray();
        while (Volatile.Read(ref waiting) < 60) await Task.Delay(1);
        ThreadPool.GetMaxThreads(out int most, out _);
        ThreadPool.GetAvailableThreads(out int available, out _);
        Assert.That(most - available, Is.LessThan(30));
        gate.SetResult(1);
        foreach (var result in await Task.WhenAll(runs)) Assert.That(result.Get<int>(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_task_that_never_ends_ends_at_the_deadline_or_when_it_is_cancelled()
    {
        var watch = Stopwatch.StartNew();
        // A gas limit too: a guest that waits uses none.
        var late = await Twice((int x) => new TaskCompletionSource<int>().Task, change: o => o.WithDeadline(TimeSpan.FromMilliseconds(100)).WithGasLimit(1_000_000_000));
        Assert.That(late.End, Is.EqualTo(SandboxEnd.Timeout), late.Error);
        Assert.That(late.Error, Does.Contain("timeout"));
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(20)));

        CancellationToken seen = default;
        var options = new SandboxOptions().WithHostFunction("env", "twice", async (HostCaller caller, int x) =>
        {
            seen = caller.CancellationToken;
            await Task.Delay(Timeout.Infinite, caller.CancellationToken);
            return x;
        });
        await using var sandbox = Sandbox.Create(options);
        await sandbox.LoadAsync(Guest);
        using var stop = new CancellationTokenSource(50);
        var cancelled = await sandbox.ExecuteAsync("twice", [1], stop.Token);
        Assert.That(cancelled.End, Is.EqualTo(SandboxEnd.Cancelled), cancelled.Error);
        Assert.That(seen.IsCancellationRequested);
    }

    [Test]
    public async Task What_a_function_does_wrong_is_a_typed_end_and_the_next_execution_is_clean()
    {
        int mode = 0;
        var options = new SandboxOptions().WithHostFunction("env", "twice", async (HostCaller caller, int x) =>
        {
            switch (mode)
            {
                case 0: throw new IOException("the disk is gone");
                case 1: throw new GuestTrapException("not today", 3);
                case 2: caller.Read(65536, 1); break;
                case 3: caller.Read(0, -1); break;
                case 4: caller.Write(-1, [1]); break;
                case 5: await Task.Yield(); throw new IOException("the disk is gone, later");
                case 6: await Task.Yield(); caller.Edit(65530, 7); break;
                case 7: caller.Charge(long.MaxValue); break;
                case 8: caller.Call("twice", x); break;
                case 9: caller.Charge(-1); break;
                case 10: try { caller.Read(65536, 1); } catch (Exception) { } break;
            }

            return 2 * x;
        }).WithGasLimit(10_000_000_000);
        await using var sandbox = Sandbox.Create(options);
        await sandbox.LoadAsync(Guest);
        foreach (var (end, text) in new[]
                 {
                     (SandboxEnd.HostFailure, "the disk is gone"), (SandboxEnd.Trapped, "not today"), (SandboxEnd.Trapped, "65536"), (SandboxEnd.Trapped, "4294967295"),
                     (SandboxEnd.Trapped, "4294967295"), (SandboxEnd.HostFailure, "later"), (SandboxEnd.Trapped, "65530"), (SandboxEnd.OutOfGas, "out of gas"),
                     (SandboxEnd.Trapped, "re-entered"), (SandboxEnd.HostFailure, "negative"), (SandboxEnd.Trapped, "65536"),
                 })
        {
            var wrong = await sandbox.ExecuteAsync("twice", 1);
            Assert.That(wrong.End, Is.EqualTo(end), $"{mode}: {wrong.Error}");
            Assert.That(wrong.Error, Does.Contain(text), $"{mode}");
            if (wrong.Receipt is { } receipt) Assert.That(sandbox.Replay(receipt).Kind, Is.EqualTo(ReplayKind.Identical), $"{mode}: {sandbox.Replay(receipt)}");
            int now = mode;
            mode = 99;
            Assert.That((await sandbox.ExecuteAsync("twice", 4)).Get<int>(), Is.EqualTo(8));
            mode = now + 1;
        }
    }

    [Test]
    public async Task A_caller_is_gone_when_its_call_is_over()
    {
        HostCaller? kept = null;
        await Twice((HostCaller caller, int x) => { kept = caller; return x; });
        Assert.That(() => kept!.Read(0, 1), Throws.InstanceOf<InvalidOperationException>().Or.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task Imports_must_be_registered_and_of_the_delegates_type()
    {
        await using var missing = Sandbox.Create();
        Assert.That((await Assert.ThrowsAsync<RejectedException>(() => missing.LoadAsync(Guest)))!.Message, Does.Contain("env.twice"));
        await using var other = Sandbox.Create(new SandboxOptions().WithHostFunction("env", "twice", (long x) => x));
        var refused = (await Assert.ThrowsAsync<RejectedException>(() => other.LoadAsync(Guest)))!.Rejection;
        Assert.That(refused.Expected, Does.Contain("i64"));
        Assert.That(refused.Found, Does.Contain("i32"));
        await using var narrow = Sandbox.Create(new SandboxOptions().WithHostFunction("env", "twice", (int x) => x).WithAllowedImports("env.once"));
        await Assert.ThrowsAsync<RejectedException>(() => narrow.LoadAsync(Guest));
        await using var wide = Sandbox.Create(new SandboxOptions().WithHostFunction("env", "twice", (int x) => x).WithAllowedImports("env.*"));
        await wide.LoadAsync(Guest);
        Assert.Throws<ArgumentException>(() => new SandboxOptions().WithHostFunction("env", "f", (string s) => 1));
        Assert.Throws<ArgumentException>(() => new SandboxOptions().WithHostFunction("env", "f", () => Task.FromResult("x")));
        Assert.Throws<ArgumentException>(() => new SandboxOptions().WithAllowedImports("env"));
    }

    [Test]
    public async Task Receipts_do_not_depend_on_functions_that_the_module_does_not_import()
    {
        var one = await Twice((int x) => 2 * x);
        var more = await Twice((int x) => 2 * x, change: o => o.WithHostFunction("env", "other", () => 1));
        Assert.That(more.Receipt.Digest, Is.EqualTo(one.Receipt.Digest));
    }
}
