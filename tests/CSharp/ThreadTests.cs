// Shared memories from C#: one memory, several stores, each on its own thread; waiting, waking, growing, and what is refused.
// In: threads.wat. Out: exact counts whatever the interleaving, and endings.

using System.Diagnostics;
using NUnit.Framework;
using Twofold.Wasm;

namespace Twofold.CSharp;

[TestFixture]
public class ThreadTests
{
    private static readonly ModuleOptions Threads = new ModuleOptions().WithFeatures(Features.Default.With(Feature.Threads));
    private static readonly Module Guests = Module.Load(Modules.Bytes("threads"), Threads);
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(10);

    private static Instance Guest(Store store, Memory memory) => new Linker().Define("env", "memory", memory).Instantiate(store, Guests);

    /// <summary>Runs the same on several threads at once, each with a store of its own.</summary>
    private static void OnThreads(int count, Memory memory, Action<int, Instance> run)
    {
        var failures = new List<Exception>();
        using var start = new Barrier(count);
        var threads = Enumerable.Range(0, count).Select(i => new Thread(() =>
        {
            try
            {
                using var store = new Store();
                var guest = Guest(store, memory);
                start.SignalAndWait();
                run(i, guest);
            }
            catch (Exception e)
            {
                lock (failures) failures.Add(e);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        foreach (var t in threads) Assert.That(t.Join(TimeSpan.FromSeconds(60)), "a thread hangs");
        Assert.That(failures, Is.Empty);
    }

    [Test]
    public void AtomicAddsOfEveryWidthLoseNothing()
    {
        var memory = Memory.Shared(1, 64);
        const int threads = 4, rounds = 20_000;
        OnThreads(threads, memory, (_, guest) => guest.Call("count", rounds));
        const int n = threads * rounds;
        Assert.That(memory.Read<int>(0), Is.EqualTo(n));
        Assert.That(memory.Read<long>(8), Is.EqualTo(0x100000001L * n));
        Assert.That(memory.Read<byte>(16), Is.EqualTo(unchecked((byte)n)));
        Assert.That(memory.Read<byte>(17), Is.Zero, "the neighbour of a narrow cell");
        Assert.That(memory.Read<ushort>(18), Is.EqualTo(unchecked((ushort)-n)));
        Assert.That(memory.Read<int>(20), Is.EqualTo(3 * n));
    }

    [Test]
    public void AMutexThatSleepsGuardsPlainAccesses()
    {
        var memory = Memory.Shared(1, 64);
        OnThreads(4, memory, (_, guest) => guest.Call("guarded", 5_000));
        Assert.That(memory.Read<int>(28), Is.EqualTo(20_000));
        Assert.That(memory.Read<int>(24), Is.Zero);
    }

    [Test]
    public void WaitSaysWokenNotEqualOrTimedOut()
    {
        var memory = Memory.Shared(1, 64);
        using var store = new Store();
        var guest = Guest(store, memory);
        Assert.That(guest.Call("wait", 1, -1L)[0].AsI32(), Is.EqualTo(1), "not equal");
        Assert.That(guest.Call("wait", 0, 0L)[0].AsI32(), Is.EqualTo(2), "no time at all");
        var watch = Stopwatch.StartNew();
        Assert.That(guest.Call("wait", 0, 30_000_000L)[0].AsI32(), Is.EqualTo(2), "30 ms");
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(30, 10_000));
        Assert.That(guest.Call("notify", -1)[0].AsI32(), Is.Zero, "nobody waits any more");

        OnThreads(3, memory, (i, other) =>
        {
            if (i == 0)
            {
                uint woken = 0;
                for (var w = Stopwatch.StartNew(); woken < 2 && w.Elapsed < Late; Thread.Sleep(1))
                    woken += (uint)(woken == 0 ? memory.Notify(32, 1) : other.Call("notify", 1)[0].AsI32());
                Assert.That(woken, Is.EqualTo(2), "one by the host, one by a guest");
            }
            else
            {
                Assert.That(other.Call("wait", 0, -1L)[0].AsI32(), Is.Zero);
            }
        });
    }

    [Test]
    public void AGuestThatWaitsForEverEndsAtItsDeadline()
    {
        var memory = Memory.Shared(1, 64);
        using var store = new Store();
        var guest = Guest(store, memory);
        var watch = Stopwatch.StartNew();
        using (store.InterruptAfter(TimeSpan.FromMilliseconds(50)))
            Assert.Throws<GuestInterruptedException>(() => guest.Call("wait", 0, -1L));
        Assert.That(watch.Elapsed, Is.LessThan(Late));
        store.Refuel(long.MaxValue);
        Assert.That(memory.Notify(32, 10), Is.Zero, "it left the queue");
        Assert.That(guest.Call("wait", 0, 1L)[0].AsI32(), Is.EqualTo(2), "the store goes on");
    }

    [Test]
    public void GrowthIsOneStepForAllThreads()
    {
        var memory = Memory.Shared(1, 64);
        var before = new int[4][];
        OnThreads(4, memory, (i, guest) => before[i] = Enumerable.Range(0, 20).Select(_ => guest.Call("grow", 1)[0].AsI32()).ToArray());
        var sizes = before.SelectMany(b => b).ToList();
        Assert.That(sizes.Where(s => s >= 0).Order(), Is.EqualTo(Enumerable.Range(1, 63)), "each size once");
        Assert.That(sizes.Count(s => s < 0), Is.EqualTo(17), "the rest beyond the maximum");
        Assert.That(memory.Pages, Is.EqualTo(64));
    }

    [Test]
    public void WhoSeesAWriteAfterAGrowthSeesTheGrowth()
    {
        var memory = Memory.Shared(1, 64);
        OnThreads(2, memory, (i, guest) =>
        {
            if (i == 1)
            {
                Assert.That(guest.Call("readGrown", 30 * 65536)[0].AsI32(), Is.EqualTo(7));
                Assert.That(guest.Call("size")[0].AsI32(), Is.EqualTo(64));
                return;
            }

            Assert.That(guest.Call("grow", 63)[0].AsI32(), Is.EqualTo(1));
            memory.Write(30 * 65536, 7);
            Volatile.Write(ref System.Runtime.InteropServices.MemoryMarshal.AsRef<int>(memory.Span(0, 4)), 1);
        });
    }

    [Test]
    public void ASharedMemoryOutlivesTheStoresThatUseIt()
    {
        var memory = Memory.Shared(1, 64);
        using (var store = new Store()) Guest(store, memory).Call("count", 1);
        // The store's block is gone; growth must not write to it.
        Assert.That(memory.Grow(3), Is.EqualTo(1));
        using var later = new Store();
        Assert.That(Guest(later, memory).Call("size")[0].AsI32(), Is.EqualTo(4));
        Assert.That(memory.Read<int>(0), Is.EqualTo(1));
    }

    [Test]
    public void UnalignedAndOutsideAccessesTrapWithTheirNumbers()
    {
        using var store = new Store();
        var guest = Guest(store, Memory.Shared(1, 1));
        var unaligned = Assert.Throws<TrapException>(() => guest.Call("unaligned"))!;
        Assert.That((unaligned.Code, unaligned.A, unaligned.B), Is.EqualTo((TrapCode.UnalignedAtomic, 2UL, 4UL)));
        var beyond = Assert.Throws<TrapException>(() => guest.Call("beyond"))!;
        Assert.That((beyond.Code, beyond.A, beyond.C), Is.EqualTo((TrapCode.MemoryOutOfBounds, 65536UL, 65536UL)));
    }

    [Test]
    public void WhatIsNotSharedOrSwitchedOnIsRefused()
    {
        Assert.That(Assert.Throws<RejectedException>(() => Modules.Load("threads"))!.Message, Does.Contain("threads"));
        using var store = new Store();
        var plain = new Memory(store, 1, 64);
        Assert.Throws<ArgumentException>(() => new Linker().Define("env", "memory", plain));
        var refused = Assert.Throws<RejectedException>(() => new Linker().Define("env", "memory", store, plain).Instantiate(store, Guests))!;
        Assert.That(refused.Rejection.Expected, Is.EqualTo("memory 1 64 shared"));
        Assert.That(refused.Rejection.Found, Is.EqualTo("memory 1 64"));
        Assert.Throws<RejectedException>(() => Guest(store, Memory.Shared(1, 65)), "a larger maximum");
    }
}
