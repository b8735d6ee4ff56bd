// Deadlines of runs: one timer for the process, because arming one for every run would cost more than a small run takes.
// In: a store and when it is due. Out: an interrupt within two ticks of that moment, unless the run ended before.

using System.Diagnostics;

namespace Twofold.Wasmtime;

internal sealed class Deadline
{
    /// <summary>Milliseconds between two looks.</summary>
    private const int Tick = 5;

    /// <summary>Looks without any run before the timer rests.</summary>
    private const int Patience = 400;

    private static readonly object Gate = new();
    private static readonly HashSet<Deadline> Watched = [];
    private static Timer? timer;
    private static bool ticking;
    private static int idle;

    private readonly NativeStore store;
    private readonly long due;

    private Deadline(NativeStore store, long due)
    {
        this.store = store;
        this.due = due;
    }

    /// <summary>It passed while the run was on.</summary>
    public bool Late { get; private set; }

    /// <summary>Watches a run from now on; null when it has no deadline.</summary>
    public static Deadline? Start(NativeStore store, TimeSpan deadline)
    {
        if (deadline <= TimeSpan.Zero) return null;
        // A year is as good as never, and far from overflow.
        double seconds = Math.Min(deadline.TotalSeconds, 31_536_000.0);
        var d = new Deadline(store, Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency));
        lock (Gate)
        {
            Watched.Add(d);
            idle = 0;
            if (!ticking)
            {
                ticking = true;
                timer ??= Make();
                timer.Change(Tick, Tick);
            }
        }

        return d;
    }

    public void Stop()
    {
        lock (Gate) Watched.Remove(this);
    }

    // The timer outlives whatever the first caller's context holds.
    private static Timer Make()
    {
        if (ExecutionContext.IsFlowSuppressed()) return new Timer(_ => Look(), null, Timeout.Infinite, Timeout.Infinite);
        using var _ = ExecutionContext.SuppressFlow();
        return new Timer(_ => Look(), null, Timeout.Infinite, Timeout.Infinite);
    }

    private static void Look()
    {
        // Under the lock: a run that is over, and its store gone, is no longer watched.
        lock (Gate)
        {
            if (Watched.Count == 0)
            {
                if (++idle > Patience)
                {
                    ticking = false;
                    timer!.Change(Timeout.Infinite, Timeout.Infinite);
                }

                return;
            }

            idle = 0;
            long now = Stopwatch.GetTimestamp();
            foreach (var d in Watched)
            {
                if (d.Late || d.due > now) continue;
                d.Late = true;
                d.store.Interrupt("deadline");
            }
        }
    }
}
