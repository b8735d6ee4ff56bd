// Threads of guests that wait on addresses of one shared memory (threads proposal, memory.atomic.wait and notify).
// In: an address, the value expected there, a timeout. Out: 0 woken, 1 not equal, 2 timed out; an interrupt of the waiting store ends the wait.

using System.Diagnostics;

namespace Twofold.Wasm;

/// <summary>One thread that waits.</summary>
internal sealed class Waiter
{
    private bool woken;

    public bool Woken
    {
        get { lock (this) return woken; }
    }

    public void Wake()
    {
        lock (this)
        {
            woken = true;
            Monitor.PulseAll(this);
        }
    }

    /// <summary>Makes the waiting thread look whether its store was interrupted.</summary>
    public void Nudge()
    {
        lock (this) Monitor.PulseAll(this);
    }

    /// <summary>Blocks until woken, until the time is over (nanoseconds, negative: never), or until the store is interrupted: then it throws.</summary>
    public void Sleep(StoreData store, long timeout)
    {
        long start = Stopwatch.GetTimestamp();
        lock (this)
        {
            while (!woken)
            {
                store.Poll();
                int milliseconds = Timeout.Infinite;
                if (timeout >= 0)
                {
                    // Ticks of a TimeSpan are 100 ns.
                    long left = timeout - Math.Min(timeout, 100 * Stopwatch.GetElapsedTime(start).Ticks);
                    if (left == 0) return;
                    milliseconds = (int)Math.Min(int.MaxValue, left / 1_000_000 + 1);
                }

                Monitor.Wait(this, milliseconds);
            }
        }
    }
}

/// <summary>The queues of one shared memory, one for each address that somebody waits on; first come, first woken.</summary>
internal sealed unsafe class WaitQueue
{
    public const int Woken = 0;
    public const int NotEqual = 1;
    public const int TimedOut = 2;

    private readonly object sync = new();
    private readonly Dictionary<ulong, LinkedList<Waiter>> queues = [];

    public int Wait(StoreData store, ulong address, nint cell, int bytes, long expected, long timeout)
    {
        var waiter = new Waiter();
        lock (sync)
        {
            // Under the lock, so that a notify after a change of the value finds who has seen the value before.
            long now = bytes == 4 ? Volatile.Read(ref *(int*)cell) : Volatile.Read(ref *(long*)cell);
            if (now != expected) return NotEqual;
            if (!queues.TryGetValue(address, out var queue)) queues[address] = queue = new LinkedList<Waiter>();
            queue.AddLast(waiter);
        }

        try
        {
            store.Sleeper = waiter;
            waiter.Sleep(store, timeout);
        }
        finally
        {
            store.Sleeper = null;
            lock (sync)
            {
                if (!waiter.Woken && queues.TryGetValue(address, out var queue))
                {
                    queue.Remove(waiter);
                    if (queue.Count == 0) queues.Remove(address);
                }
            }
        }

        return waiter.Woken ? Woken : TimedOut;
    }

    /// <summary>Wakes as many as wait there, at most `count`, and says how many.</summary>
    public uint Notify(ulong address, uint count)
    {
        lock (sync)
        {
            if (!queues.TryGetValue(address, out var queue)) return 0;
            uint woken = 0;
            while (woken < count && queue.First is { } first)
            {
                queue.RemoveFirst();
                first.Value.Wake();
                woken++;
            }

            if (queue.Count == 0) queues.Remove(address);
            return woken;
        }
    }
}
