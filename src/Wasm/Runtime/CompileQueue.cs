// The one thread that compiles what got hot, and what waits for it. A guest only puts its wish here and goes on in the interpreter.
// In: wishes of guests' threads. Out: code published by whoever owns it. A failure leaves things as they are: it is never a guest's.
//
// Wishes hold modules weakly, so that a module that nobody uses any more is freed with its wishes unfulfilled; the thread ends when nothing was asked for a
// while, and never keeps the process alive.

using System.Runtime.CompilerServices;

namespace Twofold.Wasm;

internal static class CompileQueue
{
    /// <summary>Wishes that may wait: more than a guest makes while the thread lags behind a second or two. One that finds no place comes again later.</summary>
    private const int Most = 8192;

    /// <summary>Milliseconds without a wish until the thread ends; starting one costs about a tenth of one.</summary>
    private const int Patience = 200;

    private readonly record struct Wish(WeakReference<CodeSource>? Source, int Index, int Loop, Action? Run);

    private static readonly object Gate = new();
    private static readonly Queue<Wish> Wishes = new();
    private static bool working;
    private static bool busy;

    /// <summary>Wishes that ended in an exception, and the last one: for tests.</summary>
    public static int Failures { get; private set; }
    public static Exception? Failure { get; private set; }

    /// <summary>Asks for a function or a loop of it. False when there is no place.</summary>
    public static bool Add(WeakReference<CodeSource> source, int index, int loop) => Add(new Wish(source, index, loop, null));

    /// <summary>Asks for something else that guests need not wait for.</summary>
    public static bool Add(Action run) => Add(new Wish(null, 0, 0, run));

    private static bool Add(Wish wish)
    {
        lock (Gate)
        {
            if (Wishes.Count >= Most) return false;
            Wishes.Enqueue(wish);
            Monitor.PulseAll(Gate);
            if (working) return true;
            try
            {
                // RyuJIT recurses over large functions.
                new Thread(Work, NativeStack.FreshSize) { IsBackground = true, Priority = ThreadPriority.BelowNormal, Name = "twofold compiler" }.UnsafeStart();
                working = true;
            }
            catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
            {
                // No thread, no compiled code.
                Wishes.Clear();
                return false;
            }

            return true;
        }
    }

    private static void Work()
    {
        while (Take(out var wish))
        {
            Fulfil(wish);
            lock (Gate)
            {
                busy = false;
                Monitor.PulseAll(Gate);
            }
        }
    }

    private static bool Take(out Wish wish)
    {
        lock (Gate)
        {
            while (Wishes.Count == 0)
            {
                if (Monitor.Wait(Gate, Patience) || Wishes.Count > 0) continue;
                working = false;
                wish = default;
                return false;
            }

            wish = Wishes.Dequeue();
            busy = true;
            return true;
        }
    }

    /// <summary>A method of its own: while the thread waits it holds no module.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fulfil(in Wish wish)
    {
        try
        {
            if (wish.Run is { } run) run();
            else if (wish.Source!.TryGetTarget(out var source))
            {
                source.Compile(wish.Index, wish.Loop);
                // It writes to native memory that its owner's finalizer frees.
                GC.KeepAlive(source);
            }
        }
        catch (Exception e)
        {
            lock (Gate)
            {
                Failures++;
                Failure = e;
            }
        }
    }

    /// <summary>Waits until nothing is left to do; false when that takes longer. For tests and measurements.</summary>
    public static bool Wait(TimeSpan limit)
    {
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (Gate)
        {
            while (Wishes.Count > 0 || busy)
            {
                long left = end - Environment.TickCount64;
                if (left <= 0) return false;
                Monitor.Wait(Gate, (int)Math.Min(left, 1000));
            }

            return true;
        }
    }
}
