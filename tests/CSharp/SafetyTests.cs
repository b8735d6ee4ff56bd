// Nothing a guest does may hang the host, overflow its stack, or keep its memory: each case is one hostile guest.
// In: small modules. Out: typed endings, and a store that still works.

using System.Diagnostics;
using System.Runtime.CompilerServices;
using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

[TestFixture]
public class SafetyTests
{
    // The promise is 50 ms; a shared CI machine may take its time to run our thread at all, so the test allows more. docs/PERFORMANCE.md has the figure.
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(2);

    private static Instance Basics(Store store)
    {
        // Re-enters without end.
        var linker = new Linker().Define("env", "again", (Guest g, int x) => g.Call("reenter", x + 1)[0].AsI32());
        return linker.Instantiate(store, Modules.Load("basics"));
    }

    private static void OnThread(int stackBytes, Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() => { try { action(); } catch (Exception e) { failure = e; } }, stackBytes);
        thread.Start();
        thread.Join();
        if (failure != null) throw new AssertionException(failure.ToString(), failure);
    }

    [TestCase("loop")]
    [TestCase("fill")]
    public void EveryLoopCanBeInterrupted(string export)
    {
        using var store = new Store();
        var instance = Basics(store);
        using var timer = store.InterruptAfter(TimeSpan.FromMilliseconds(50));
        var watch = Stopwatch.StartNew();
        Assert.Throws<GuestInterruptedException>(() => instance.Call(export));
        Assert.That(watch.Elapsed, Is.LessThan(Late));
        store.Refuel(long.MaxValue);
        Assert.That(instance.GetFunction<int, int, int>("add")(5, 3), Is.EqualTo(8));
    }

    [Test]
    public void RecursionWithoutLoopsCanBeInterruptedAndCancelled()
    {
        using var store = new Store();
        var instance = Basics(store);
        using var source = new CancellationTokenSource(50);
        using var registration = store.InterruptOn(source.Token);
        Assert.Throws<GuestInterruptedException>(() => instance.Call("fibi", 60));
    }

    [Test]
    public void ATimerOfAnEarlierRunDoesNotStopALaterOne()
    {
        using var store = new Store();
        var instance = Basics(store);
        using var timer = store.InterruptAfter(TimeSpan.FromMilliseconds(20));
        store.Refuel(long.MaxValue);
        Thread.Sleep(60);
        Assert.That(instance.GetFunction<int, int>("fibi")(20), Is.EqualTo(6765));
    }

    [TestCase(256 << 10)]
    [TestCase(1 << 20)]
    [TestCase(16 << 20)]
    public void RecursionEndsAtTheSameDepthWhateverTheNativeStack(int nativeStack) => OnThread(nativeStack, () =>
    {
        using var store = new Store(new StoreOptions().WithStackUnits(2_097_152));
        var instance = Basics(store);
        Assert.Throws<StackExhaustedException>(() => instance.Call("rec", 0));
        // A frame of "depth": 16 + 1 local + 3 operands = 20 units.
        int deepest = 2_097_152 / 20 - 1;
        Assert.That(instance.Call("depth", deepest)[0].AsI32(), Is.EqualTo(deepest));
        Assert.Throws<StackExhaustedException>(() => instance.Call("depth", deepest + 1));
    });

    [TestCase(256 << 10)]
    [TestCase(16 << 20)]
    public void AllResultsComeBackFromFreshStacks(int nativeStack) => OnThread(nativeStack, () =>
    {
        using var store = new Store(new StoreOptions().WithStackUnits(2_097_152));
        var instance = new Linker().Instantiate(store, Modules.Load("deep"));
        var token = new object();
        var results = instance.Call("f", 80_000, Value.ExternRef(token));
        Assert.That(results[0].AsI32(), Is.EqualTo(7));
        Assert.That(results[1].Reference, Is.SameAs(token));
        Assert.That(results[2].AsI64(), Is.EqualTo(9));
    });

    [Test]
    public void ANarrowLoadThatBecomesAFloatReadsItsByteOnly()
    {
        using var store = new Store();
        var instance = new Linker().Instantiate(store, Modules.Load("narrow"));
        var memory = instance.GetMemory("memory");
        memory.Write(8, 0x01020304);
        memory.Write(65535, (byte)7);
        Assert.That(instance.Call("f", 8)[0].AsI32(), Is.EqualTo(4));
        Assert.That(instance.Call("f", 65535)[0].AsI32(), Is.EqualTo(7), "the bytes after it are no memory of the guest's");
    }

    [Test]
    public void TailCallsNeverGrowTheStack()
    {
        using var store = new Store();
        var instance = Basics(store);
        Assert.That(instance.Call("tail", 10_000_000)[0].AsI32(), Is.EqualTo(7));
        Assert.That(instance.Call("tail2", 300_000, 1L, 1L, 1L, 1L, 1L, 1L, 1L, 1L)[0].AsI32(), Is.EqualTo(7), "callees with more parameters than their callers");
    }

    [Test]
    public void ReentryEndsAtItsLimitAndInheritsTheStack()
    {
        using var store = new Store();
        Assert.That(Assert.Throws<TrapException>(() => Basics(store).Call("reenter", 1))!.Code, Is.EqualTo(TrapCode.ReentryTooDeep));
        using var deep = new Store(new StoreOptions().WithReentryDepth(int.MaxValue).WithStackUnits(262_144));
        Assert.Throws<StackExhaustedException>(() => Basics(deep).Call("reenter", 1));
        Assert.That(Basics(deep).GetFunction<int, int, int>("add")(5, 3), Is.EqualTo(8));
    }

    [TestCase(256 << 10)]
    [TestCase(1 << 20)]
    public void HugeFramesRecurseWithoutOverflow(int nativeStack) => OnThread(nativeStack, () =>
    {
        // f(n) with 40,000 locals calls itself until the logical stack is used up: 160 KiB and more a native frame.
        byte[] code = [0x20, 0x00, 0x10, 0x00];
        using var store = new Store(new StoreOptions().WithStackUnits(2_097_152));
        var instance = new Linker().Instantiate(store, Module.Load(Modules.One(1, 1, 40_000, code)));
        Assert.Throws<StackExhaustedException>(() => instance.Call("f", 1));
    });

    [Test]
    public void ManyParametersAreRefusedOrRun()
    {
        Assert.That(Module.TryLoad(Modules.One(10_000, 0, 0, []), new ModuleOptions(), out _, out var rejection), Is.False);
        Assert.That((rejection.Kind, rejection.Found), Is.EqualTo((RejectionKind.Limit, "10000")));
        // 1,000 parameters and results run, recursion included.
        var all = Enumerable.Range(0, 1000).SelectMany(i => i < 128 ? new byte[] { 0x20, (byte)i } : [0x20, (byte)(i & 0x7F | 0x80), (byte)(i >> 7)]).ToArray();
        using var store = new Store();
        var same = new Linker().Instantiate(store, Module.Load(Modules.One(1000, 1000, 0, all)));
        var arguments = Enumerable.Range(0, 1000).Select(i => Value.I32(i)).ToArray();
        Assert.That(same.Call("f", arguments), Is.EqualTo(arguments));
        var endless = new Linker().Instantiate(store, Module.Load(Modules.One(1000, 1000, 0, [.. all, 0x10, 0x00])));
        Assert.Throws<StackExhaustedException>(() => endless.Call("f", arguments));
    }

    [Test]
    public void FramesThatCilCannotNumberAreRefused()
    {
        var pushes = Enumerable.Repeat(new byte[] { 0x41, 0x00 }, 20_000).SelectMany(b => b);
        var drops = Enumerable.Repeat((byte)0x1A, 20_000);
        Assert.That(Module.TryLoad(Modules.One(0, 0, 0, [.. pushes, .. drops]), new ModuleOptions(), out _, out var rejection), Is.False);
        Assert.That((rejection.Kind, rejection.Found), Is.EqualTo((RejectionKind.Limit, "100000")));
    }

    [Test]
    public void PageBeyondTheLimitIsRefused()
    {
        using var store = new Store(new StoreOptions().WithMemoryLimit(512L << 20));
        var memory = new Memory(store, 8192, 65536);
        Assert.That(memory.Grow(1), Is.EqualTo(-1));
        Assert.That(memory.Pages, Is.EqualTo(8192));
        Assert.Throws<RejectedException>(() => _ = new Memory(store, 1, 1));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference RunOnce()
    {
        var module = Modules.Load("basics");
        using var store = new Store();
        var instance = new Linker().Define("env", "again", (int x) => x).Instantiate(store, module);
        Assert.That(instance.GetFunction<int, int>("fibi")(10), Is.EqualTo(55));
        return new WeakReference(module);
    }

    [Test]
    public void ModulesAreCollectedWithTheirCode()
    {
        var references = Enumerable.Range(0, 20).Select(_ => RunOnce()).ToArray();
        for (int i = 0; i < 10 && references.Any(r => r.IsAlive); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.That(references.Count(r => r.IsAlive), Is.LessThanOrEqualTo(1), "the last one may still be on a frame of the test runner");
    }
}
