// Sandboxes as C# hosts use them: limits, host functions by delegates, results, many of them by name, and everything that can go wrong.
// In: small modules as text. Out: results; nothing is thrown for what a guest does.

using System.Diagnostics;
using System.Text;
using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

public class SandboxTests
{
    internal static byte[] Wat(string text) => Encoding.UTF8.GetBytes(text);

    internal static readonly byte[] Adder = Wat("""
        (module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
          (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
          (func (export "nothing")))
        """);

    internal static readonly byte[] Endless = Wat("""(module (func (export "run") (loop $l (br $l))))""");

    private static async Task<Sandbox> With(byte[] wasm, SandboxOptions? options = null)
    {
        var sandbox = Sandbox.Create(options ?? new SandboxOptions());
        await sandbox.LoadAsync(wasm);
        return sandbox;
    }

    [Test]
    public async Task A_function_returns_its_values_with_figures_and_a_receipt()
    {
        await using var sandbox = await With(Adder);
        SandboxResult result = await sandbox.ExecuteAsync("add", 40, 2);
        Assert.That(result.Success, result.Error);
        Assert.That(result.Get<int>(), Is.EqualTo(42));
        Assert.That(result.Values[0], Is.EqualTo(Value.I32(42)));
        Assert.That(result.GasUsed, Is.GreaterThan(0));
        Assert.That(result.ElapsedMilliseconds, Is.GreaterThan(0));
        Assert.That(result.Error, Is.Null);
        Assert.That(sandbox.Replay(result.Receipt).Kind, Is.EqualTo(ReplayKind.Identical));
        Assert.That((await sandbox.ExecuteAsync("half", 5.0)).Get<double>(), Is.EqualTo(2.5));
        Assert.That((await sandbox.ExecuteAsync("nothing")).Success);
    }

    [Test]
    public async Task Wrong_functions_and_arguments_are_results_too()
    {
        await using var sandbox = await With(Adder);
        foreach (var (name, arguments, text) in new (string, Value[], string)[]
                 {
                     ("sub", [1, 2], "no such export"), ("add", [1], "2 argument"), ("add", [1, 2L], "i32"), ("add", [1, 2, 3], "2 argument"),
                 })
        {
            var result = await sandbox.ExecuteAsync(name, arguments);
            Assert.That(result.End, Is.EqualTo(SandboxEnd.Rejected));
            Assert.That(result.Error, Does.Contain(text));
        }

        await Assert.ThrowsAsync<RejectedException>(() => sandbox.LoadAsync(Wat("(module (func (result i32) (i64.const 1)))")));
        await Assert.ThrowsAsync<RejectedException>(() => sandbox.LoadAsync(Wat("""(module (import "env" "log" (func (param i32 i32 i32))))""")));
        Assert.That((await sandbox.ExecuteAsync("add", 1, 1)).Success, "a refused module changes nothing");
        await using var empty = Sandbox.Create();
        await Assert.ThrowsAsync<InvalidOperationException>(() => empty.ExecuteAsync("add", 1, 1));
    }

    [Test]
    public async Task A_deadline_ends_in_timeout()
    {
        await using var sandbox = await With(Endless, new SandboxOptions().WithDeadline(TimeSpan.FromMilliseconds(100)));
        var result = await sandbox.ExecuteAsync("run");
        Assert.That(result.Success, Is.False);
        Assert.That(result.End, Is.EqualTo(SandboxEnd.Timeout));
        Assert.That(result.Error, Does.Contain("timeout"));
        Assert.That(result.Receipt, Is.Null);
    }

    [Test]
    public async Task With_a_gas_limit_the_gas_ends_an_endless_loop_always()
    {
        // One millisecond is less than it takes to compile the loop.
        await using var sandbox = await With(Endless, new SandboxOptions().WithDeadline(TimeSpan.FromMilliseconds(1)).WithGasLimit(5_000_000));
        for (int i = 0; i < 5; i++)
        {
            var result = await sandbox.ExecuteAsync("run");
            Assert.That(result.End, Is.EqualTo(SandboxEnd.OutOfGas), result.Error);
            Assert.That(result.GasUsed, Is.EqualTo(5_000_000));
            Assert.That(result.Error, Does.Contain("5000000"));
        }
    }

    [Test]
    public async Task Retries_get_more_gas_and_the_last_error_says_what_was_tried()
    {
        var counting = Wat("""
            (module (func (export "count") (param i32) (result i32) (local i32)
              (loop $l (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br_if $l (i32.lt_u (local.get 1) (local.get 0)))) (local.get 1)))
            """);
        var options = new SandboxOptions().WithGasLimit(1_000).WithRetry(new GasRetry(attempts: 4, factor: 2, ceiling: 5_000));
        await using var sandbox = await With(counting, options);
        var first = await sandbox.ExecuteAsync("count", 10);
        Assert.That((first.Success, first.Attempts), Is.EqualTo((true, 1)));
        var more = await sandbox.ExecuteAsync("count", 300);
        Assert.That(more.Success, more.Error);
        Assert.That(more.Attempts, Is.InRange(2, 3));
        var never = await sandbox.ExecuteAsync("count", 100_000);
        Assert.That(never.End, Is.EqualTo(SandboxEnd.OutOfGas));
        Assert.That(never.Attempts, Is.EqualTo(4));
        Assert.That(never.Error, Does.Contain("4 times").And.Contain("1000, 2000, 4000, 5000"));
    }

    [Test]
    public async Task Memory_and_stack_have_limits_and_the_peak_is_told()
    {
        var growing = Wat("""
            (module (memory (export "memory") 1)
              (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
              (func $deep (export "deep") (result i32) (i32.add (i32.const 1) (call $deep))))
            """);
        await using var sandbox = await With(growing, new SandboxOptions().WithMemoryLimit(1 << 20));
        var grown = await sandbox.ExecuteAsync("grow", 15);
        Assert.That((grown.Get<int>(), grown.MemoryPeak), Is.EqualTo((1, 1L << 20)));
        var refused = await sandbox.ExecuteAsync("grow", 16);
        Assert.That((refused.Get<int>(), refused.MemoryPeak), Is.EqualTo((-1, 65536L)));
        Assert.That((await sandbox.ExecuteAsync("deep")).End, Is.EqualTo(SandboxEnd.StackExhausted));
        Assert.That((await sandbox.ExecuteAsync("grow", 1)).Get<int>(), Is.EqualTo(1), "every execution begins clean");
    }

    [Test]
    public async Task Modules_come_from_streams_and_files_up_to_the_limit()
    {
        await using var sandbox = Sandbox.Create(new SandboxOptions().WithModuleSizeLimit(1000));
        await sandbox.LoadAsync(new MemoryStream(Adder));
        Assert.That((await sandbox.ExecuteAsync("add", 1, 2)).Get<int>(), Is.EqualTo(3));
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, Adder);
            await sandbox.LoadAsync(file);
            Assert.That((await sandbox.ExecuteAsync("add", 1, 2)).Get<int>(), Is.EqualTo(3));
        }
        finally
        {
            File.Delete(file);
        }

        var endless = new EndlessStream();
        await Assert.ThrowsAsync<RejectedException>(() => sandbox.LoadAsync(endless));
        Assert.That(endless.Given, Is.LessThan(1_000_000), "an endless stream is not read to its end");
    }

    private sealed class EndlessStream : Stream
    {
        public long Given;
        public override int Read(byte[] buffer, int offset, int count)
        {
            Given += count;
            return count;
        }

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => 0; set { } }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) { }
        public override void Write(byte[] buffer, int offset, int count) { }
    }

    [Test]
    public async Task What_a_guest_logs_is_output_and_has_a_limit()
    {
        var chatty = Wat("""
            (module (import "env" "log" (func $log (param i32 i32 i32))) (memory (export "memory") 1) (data (i32.const 0) "hello")
              (func (export "say") (call $log (i32.const 1) (i32.const 0) (i32.const 5)))
              (func (export "flood") (loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 5)) (br $l))))
            """);
        await using var sandbox = await With(chatty, new SandboxOptions().WithCapabilities(SandboxCapabilities.Log).WithOutputLimit(100));
        Assert.That((await sandbox.ExecuteAsync("say")).Output, Is.EqualTo("hello\n"));
        var flood = await sandbox.ExecuteAsync("flood");
        Assert.That(flood.End, Is.EqualTo(SandboxEnd.Trapped));
        Assert.That(flood.Error, Does.Contain("too much output"));
        Assert.That((await sandbox.ExecuteAsync("say")).Output, Is.EqualTo("hello\n"));
        await using var allowed = await With(chatty, new SandboxOptions().WithAllowedImports("env.log"));
        Assert.That((await allowed.ExecuteAsync("say")).Output, Is.EqualTo("hello\n"));
    }

    [Test]
    public async Task A_program_for_WASI_writes_its_output_and_exits()
    {
        var program = Wat("""
            (module
              (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
              (memory (export "memory") 1) (data (i32.const 0) "\10\00\00\00\03\00\00\00") (data (i32.const 16) "hi\n")
              (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
              (func (export "fail") (call $exit (i32.const 3))))
            """);
        await using var closed = Sandbox.Create();
        await Assert.ThrowsAsync<RejectedException>(() => closed.LoadAsync(program));
        await using var sandbox = await With(program, new SandboxOptions().WithCapabilities(SandboxCapabilities.Wasi));
        var hello = await sandbox.ExecuteAsync("_start");
        Assert.That(hello.Success, hello.Error);
        Assert.That(hello.Output, Is.EqualTo("hi\n"));
        var fail = await sandbox.ExecuteAsync("fail");
        Assert.That(fail.End, Is.EqualTo(SandboxEnd.Failed), fail.Error);
        Assert.That(sandbox.Replay(hello.Receipt).Kind, Is.EqualTo(ReplayKind.Identical));
    }

    [Test]
    public async Task Executions_run_at_the_same_time_and_can_be_cancelled()
    {
        await using var sandbox = await With(Endless, new SandboxOptions().WithDeadline(TimeSpan.FromMinutes(1)));
        using var stop = new CancellationTokenSource();
        var runs = Enumerable.Range(0, 8).Select(_ => sandbox.ExecuteAsync("run", [], stop.Token)).ToArray();
        while (sandbox.Running < 8) await Task.Delay(1);
        stop.CancelAfter(50);
        foreach (var result in await Task.WhenAll(runs)) Assert.That(result.End, Is.EqualTo(SandboxEnd.Cancelled));
        await sandbox.LoadAsync(Adder);
        var sums = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => sandbox.ExecuteAsync("add", i, i)));
        Assert.That(sums.Select(r => r.Get<int>()), Is.EqualTo(Enumerable.Range(0, 200).Select(i => 2 * i)));
    }

    [Test]
    public async Task Closing_ends_what_runs_and_nothing_comes_after()
    {
        var sandbox = await With(Endless, new SandboxOptions().WithDeadline(TimeSpan.Zero));
        var run = sandbox.ExecuteAsync("run");
        await Task.Delay(20);
        await sandbox.DisposeAsync();
        Assert.That(run.IsCompleted, "closing waits for what runs");
        Assert.That((await run).End, Is.EqualTo(SandboxEnd.Cancelled));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => sandbox.ExecuteAsync("run"));
        await sandbox.DisposeAsync();
    }

    [Test]
    public async Task A_manager_has_many_sandboxes_by_name()
    {
        await using var manager = new SandboxManager();
        var a = manager.Create("a");
        var b = manager.Create("b", new SandboxOptions().WithGasLimit(1000));
        await a.LoadAsync(Adder);
        await b.LoadAsync(Endless);
        Assert.That(manager.Names, Is.EqualTo(new[] { "a", "b" }));
        Assert.Throws<ArgumentException>(() => manager.Create("a"));
        Assert.That((await manager.ExecuteAsync("a", "add", 1, 2)).Get<int>(), Is.EqualTo(3));
        Assert.That((await manager.ExecuteAsync("b", "run")).End, Is.EqualTo(SandboxEnd.OutOfGas));
        Assert.That(await manager.CloseAsync("b"));
        Assert.That(await manager.CloseAsync("b"), Is.False);
        await Assert.ThrowsAsync<KeyNotFoundException>(() => manager.ExecuteAsync("b", "run"));
        Assert.That((await manager.ExecuteAsync("a", "add", 1, 2)).Get<int>(), Is.EqualTo(3));
        Assert.That(manager.Find("a"), Is.SameAs(a));
        Assert.That(manager.Find("b"), Is.Null);
    }

    [Test]
    public async Task A_manager_refuses_more_than_its_limit()
    {
        await using var manager = new SandboxManager(3, 4, new CompiledEngine());
        for (int i = 0; i < 3; i++) manager.Create($"s{i}");
        for (int i = 0; i < 100; i++) Assert.That(Assert.Throws<SandboxLimitException>(() => manager.Create($"more{i}"))!.Limit, Is.EqualTo(3));
        Assert.That(await manager.CloseAsync("s1"));
        manager.Create("s3");
        Assert.That(manager.Names, Is.EqualTo(new[] { "s0", "s2", "s3" }));
    }

    [Test]
    public async Task Sandboxes_are_made_used_and_closed_from_many_threads()
    {
        await using var manager = new SandboxManager();
        await Parallel.ForEachAsync(Enumerable.Range(0, 60), async (i, _) =>
        {
            var sandbox = manager.Create($"s{i}");
            await sandbox.LoadAsync(Adder);
            Assert.That((await manager.ExecuteAsync($"s{i}", "add", i, 1)).Get<int>(), Is.EqualTo(i + 1));
            Assert.That(await manager.CloseAsync($"s{i}"));
        });
        Assert.That(manager.Count, Is.Zero);
    }
}
