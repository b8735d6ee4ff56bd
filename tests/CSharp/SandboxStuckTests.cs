// Functions and ports of the host that keep the guest's thread beyond the deadline: the caller is answered, thread and instance are put aside until they return.
// In: functions that wait for a gate. Out: typed results in time, counts, and everything clean once the gate is open.

using System.Diagnostics;
using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

public class SandboxStuckTests
{
    private static readonly byte[] Guest = SandboxTests.Wat("""
        (module
          (import "env" "wait" (func $wait (param i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "wait") (param i32) (result i32) (call $wait (local.get 0)))
          (func (export "back") (param i32) (result i32)
            (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 5)))
        """);

    private static async Task Until(Func<bool> what)
    {
        var watch = Stopwatch.StartNew();
        while (!what())
        {
            Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)));
            await Task.Delay(5);
        }
    }

    private static SandboxOptions Options(ManualResetEventSlim gate, TimeSpan deadline) =>
        new SandboxOptions().WithDeadline(deadline).WithHostFunction("env", "wait", (int x) =>
        {
            if (x == 0) gate.Wait();
            return x;
        });

    [Test]
    public async Task The_caller_is_answered_at_the_deadline_and_the_instance_is_put_aside()
    {
        using var gate = new ManualResetEventSlim();
        using var engine = new TwofoldEngine();
        var manager = new SandboxManager(engine, Options(gate, TimeSpan.FromSeconds(1)), 4, 2);
        var sandbox = manager.Create("one");
        await sandbox.LoadAsync(Guest);
        var watch = Stopwatch.StartNew();
        // More than there are turns: a stuck execution gives its turn back.
        for (int i = 0; i < 3; i++)
        {
            var late = await sandbox.ExecuteAsync("wait", 0);
            Assert.That((late.End, late.Receipt), Is.EqualTo((SandboxEnd.Timeout, (Receipt?)null)), late.Error);
            Assert.That(late.Error, Does.Contain("timeout"));
        }

        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)));
        var s = engine.Statistics;
        Assert.That((s.InstancesQuarantined, s.InstancesInUse, s.InstancesIdle, s.Timeouts, s.Executions), Is.EqualTo((3, 0, 0, 3L, 3L)));
        Assert.That((await sandbox.ExecuteAsync("wait", 7)).Get<int>(), Is.EqualTo(7), "others run on");
        await sandbox.DisposeAsync();
        await manager.DisposeAsync();

        gate.Set();
        await Until(() => engine.Statistics.InstancesQuarantined == 0);
        s = engine.Statistics;
        Assert.That((s.Executions, s.Timeouts), Is.EqualTo((4L, 3L)), "each counts once");
        Assert.That(s.InstancesDiscarded, Is.GreaterThanOrEqualTo(3), "none of them is used again");
    }

    [Test]
    public async Task Cancelling_answers_too_and_closing_does_not_wait()
    {
        using var gate = new ManualResetEventSlim();
        var sandbox = Sandbox.Create(Options(gate, TimeSpan.Zero));
        await sandbox.LoadAsync(Guest);
        using var stop = new CancellationTokenSource(50);
        Assert.That((await sandbox.ExecuteAsync("wait", [0], stop.Token)).End, Is.EqualTo(SandboxEnd.Cancelled));
        var open = sandbox.ExecuteAsync("wait", 0);
        await sandbox.DisposeAsync();
        Assert.That((await open).End, Is.EqualTo(SandboxEnd.Cancelled));
        gate.Set();
    }

    [Test]
    public async Task A_bound_delegate_and_a_tenant_are_answered_as_well()
    {
        using var gate = new ManualResetEventSlim();
        var options = Options(gate, TimeSpan.FromSeconds(1)).WithGasLimit(1_000_000);
        await using var plugins = new PluginHost(options);
        var wait = (await plugins.LoadAsync("one", Guest)).Bind<Func<int, int>>("wait");
        Assert.That(wait(3), Is.EqualTo(3));
        Assert.That(Assert.Throws<PluginException>(() => wait(0))!.Result.End, Is.EqualTo(SandboxEnd.Timeout));

        await using var sandbox = Sandbox.Create(options);
        await sandbox.LoadAsync(Guest);
        using var tenants = new TenantScheduler(1, TimeProvider.System);
        tenants.Add("alice", new TenantQuota().WithGas(2_000_000, TimeSpan.FromHours(1)));
        Assert.That((await tenants.ExecuteAsync("alice", sandbox, "wait", 0)).End, Is.EqualTo(SandboxEnd.Timeout));
        Assert.That((await tenants.ExecuteAsync("alice", sandbox, "wait", 1)).Get<int>(), Is.EqualTo(1), "the turn is free again");
        gate.Set();
    }

    [Test]
    public async Task A_guest_that_computes_inside_a_call_of_the_host_is_not_taken_for_a_stuck_host()
    {
        using var engine = new TwofoldEngine();
        // With a gas limit a deadline under a second counts as one for guests that compute: this one may go on after its deadline.
        var options = new SandboxOptions().WithDeadline(TimeSpan.FromMilliseconds(1)).WithGasLimit(10_000_000_000)
            .WithHostFunction("env", "wait", (HostCaller caller, int x) => caller.Call("back", x)[0].AsI32());
        await using var manager = new SandboxManager(engine, options, 4, 2);
        var sandbox = manager.Create("one");
        await sandbox.LoadAsync(Guest);
        await sandbox.ExecuteAsync("wait", 2_000_000_000);
        Assert.That(engine.Statistics.InstancesQuarantined, Is.Zero);
    }

    private sealed class Stuck(ManualResetEventSlim gate) : IExternalSource
    {
        private int entered;
        public int Entered => Volatile.Read(ref entered);

        public byte[] DeclareState(string contract, byte[] claim)
        {
            Interlocked.Increment(ref entered);
            gate.Wait();
            return claim;
        }
    }

    private sealed class Seen : IExecutionObserver
    {
        public List<FaultKind> All { get; } = [];

        public void Executed(ExecutionRequest request, ExecutionReport report)
        {
            lock (All) All.Add(report.FaultKind);
        }
    }

    [Test]
    public async Task A_port_that_never_answers_ends_in_a_fault_at_the_deadline()
    {
        var wat = SandboxTests.Wat("""
            (module (import "env" "declare_external_state" (func $d (param i32 i32 i32 i32) (result i32)))
              (memory (export "memory") 1)
              (func (export "run") (result i32) (drop (call $d (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 16))) (i32.const 0)))
            """);
        using var gate = new ManualResetEventSlim();
        var seen = new Seen();
        var stuck = new Stuck(gate);
        using var engine = new TwofoldEngine(new EngineOptions().WithExternalSource(stuck).WithObserver(seen));
        var request = ExecutionRequest.ForContract(wat, "run", "0x" + new string('a', 40), "0x" + new string('c', 40))
            .WithProfile(ExecutionProfile.Contract.WithDeadline(TimeSpan.FromSeconds(1)));
        Assert.That((await engine.ExecuteAsync(request)).FaultKind, Is.EqualTo(FaultKind.Deadline));
        using var stop = new CancellationTokenSource();
        var cancelled = engine.ExecuteAsync(request.WithProfile(ExecutionProfile.Contract), stop.Token);
        await Until(() => stuck.Entered == 2);
        stop.Cancel();
        await Assert.CatchAsync<OperationCanceledException>(async () => await cancelled);
        Assert.That(engine.Statistics.InstancesQuarantined, Is.EqualTo(2));
        gate.Set();
        await Until(() => engine.Statistics.InstancesQuarantined == 0);
        // What came after all is nobody's.
        Assert.That(seen.All, Is.EqualTo(new[] { FaultKind.Deadline, FaultKind.Cancelled }));
        var after = await engine.ExecuteAsync(request.WithProfile(ExecutionProfile.Contract));
        Assert.That(after.Receipt.Outcome.IsSuccess, after.Message);
    }
}
