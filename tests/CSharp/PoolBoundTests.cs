// The bound on instances that run at once: who waits, in what order, how long, and who never does.
// In: executions that a function of the host holds up. Out: counts of what waits, typed faults, nothing that waits for itself.

using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

public class PoolBoundTests
{
    private static byte[] Guest(int n) => SandboxTests.Wat($$"""
        (module
          (import "env" "wait" (func $wait (param i32) (result i32)))
          (func (export "wait") (param i32) (result i32) (i32.add (i32.const {{n}}) (call $wait (local.get 0)))))
        """);

    private sealed class World(int perModule, int inAll, Func<World, int, Task<int>> wait) : IAsyncDisposable
    {
        public TwofoldEngine Engine { get; } = new(new EngineOptions().WithMaxInstances(perModule, inAll));
        public SandboxManager Manager { get; private set; } = null!;

        public async Task<World> Start(TimeSpan deadline, params int[] modules)
        {
            var options = new SandboxOptions().WithDeadline(deadline).WithHostFunction("env", "wait", (int x) => wait(this, x));
            Manager = new SandboxManager(Engine, options, 8, 8);
            foreach (int m in modules) await Manager.Create($"{m}").LoadAsync(Guest(m));
            return this;
        }

        public Task<SandboxResult> Run(int m, int x, CancellationToken token = default) => Manager.ExecuteAsync($"{m}", "wait", [x], token);

        public async Task Until(Func<EngineStatistics, bool> what)
        {
            for (int i = 0; !what(Engine.Statistics); i++)
            {
                Assert.That(i, Is.LessThan(3000), "it did not happen within thirty seconds");
                await Task.Delay(10);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Manager.DisposeAsync();
            ((IDisposable)Engine).Dispose();
        }
    }

    [Test]
    public async Task A_module_at_its_bound_holds_up_nobody_else_and_lets_in_who_waits()
    {
        var gate = new TaskCompletionSource<int>();
        await using var world = await new World(1, 0, (_, x) => x == 0 ? gate.Task : Task.FromResult(x)).Start(TimeSpan.FromSeconds(60), 1, 2);
        var first = world.Run(1, 0);
        await world.Until(s => s.InstancesInUse == 1);
        var second = world.Run(1, 5);
        await world.Until(s => s.RequestsWaiting == 1);
        Assert.That((await world.Run(2, 5)).Get<int>(), Is.EqualTo(7), "another module");
        Assert.That(second.IsCompleted, Is.False);
        gate.SetResult(10);
        Assert.That(((await first).Get<int>(), (await second).Get<int>()), Is.EqualTo((11, 6)));
        Assert.That((world.Engine.Statistics.RequestsWaiting, world.Engine.Statistics.InstancesInUse), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task Whoever_waits_beyond_its_deadline_gets_a_fault_of_its_own()
    {
        var gate = new TaskCompletionSource<int>();
        await using var world = await new World(0, 1, (_, x) => x == 0 ? gate.Task : Task.FromResult(x)).Start(TimeSpan.FromSeconds(60), 1);
        var first = world.Run(1, 0);
        await world.Until(s => s.InstancesInUse == 1);
        // Another module, and the bound is on all.
        var request = ExecutionRequest.ForExport(SandboxTests.Wat("""(module (func (export "f")))"""), "f").WithProfile(ExecutionProfile.Sandbox.WithDeadline(TimeSpan.FromMilliseconds(50)));
        var late = await world.Engine.ExecuteAsync(request);
        Assert.That((late.FaultKind, late.Message.Contains("pool is exhausted")), Is.EqualTo((FaultKind.PoolExhausted, true)), late.Message);
        using var stop = new CancellationTokenSource(50);
        Assert.That((await world.Run(1, 5, stop.Token)).End, Is.EqualTo(SandboxEnd.Cancelled));
        Assert.That((world.Engine.Statistics.PoolExhaustions, world.Engine.Statistics.RequestsWaiting), Is.EqualTo((1L, 0)));
        gate.SetResult(1);
        Assert.That((await first).Get<int>(), Is.EqualTo(2));
        Assert.That((await world.Engine.ExecuteAsync(request.WithProfile(ExecutionProfile.Sandbox))).Receipt.Outcome.IsSuccess, "the bound is free again");
    }

    [Test]
    public async Task What_a_function_of_the_host_starts_does_not_wait_for_its_own_caller()
    {
        await using var world = await new World(1, 1, async (w, x) =>
        {
            await Task.Yield();
            return x == 0 ? 0 : (await w.Run(1, x - 1)).Get<int>();
        }).Start(TimeSpan.FromSeconds(20), 1);
        Assert.That((await world.Run(1, 3)).Get<int>(), Is.EqualTo(4));
        Assert.That((world.Engine.Statistics.InstancesInUse, world.Engine.Statistics.RequestsWaiting), Is.EqualTo((0, 0)));
    }
}
