// Threads with large stacks for guests whose native stack the caller's thread cannot hold.
// In: an action and how much stack it needs. Out: the action done, here or on another thread while this one waits.

using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Twofold.Wasm;

namespace Twofold.Wasmtime;

internal sealed class GuestThread
{
    /// <summary>Kept free for host functions and .NET's own needs.</summary>
    public const int Reserve = 512 << 10;

    /// <summary>Idle threads that are kept for each size of stack.</summary>
    private const int Kept = 8;

    private static readonly ConcurrentDictionary<long, ConcurrentBag<GuestThread>> Idle = [];

    private readonly SemaphoreSlim go = new(0);
    private readonly SemaphoreSlim done = new(0);
    private readonly Thread thread;
    private Action? action;
    private ExecutionContext? context;
    private ExceptionDispatchInfo? failure;

    private GuestThread(long bytes)
    {
        thread = new Thread(Work, checked((int)bytes)) { IsBackground = true, Name = "twofold wasmtime stack" };
        try
        {
            thread.UnsafeStart();
        }
        catch (OutOfMemoryException e)
        {
            throw new HostMemoryException($"no native stack of {bytes} bytes for a guest: {e.Message}");
        }
    }

    /// <summary>Does it here, if this thread's stack has that much left, else on a thread whose stack has.</summary>
    public static void Run(long stackBytes, Action action)
    {
        if (NativeStack.Remaining() >= stackBytes + Reserve)
        {
            action();
            return;
        }

        var idle = Idle.GetOrAdd(stackBytes, _ => []);
        if (!idle.TryTake(out var worker)) worker = new GuestThread(stackBytes + Reserve + (256 << 10));
        worker.Do(action);
        if (idle.Count < Kept) idle.Add(worker);
        else worker.Stop();
    }

    private void Do(Action todo)
    {
        context = ExecutionContext.Capture();
        action = todo;
        go.Release();
        done.Wait();
        var failed = failure;
        (failure, context) = (null, null);
        failed?.Throw();
    }

    private void Stop()
    {
        action = null;
        go.Release();
    }

    private void Work()
    {
        while (true)
        {
            go.Wait();
            if (action is not { } todo) return;
            action = null;
            try
            {
                if (context is { } c) ExecutionContext.Run(c, static a => ((Action)a!)(), todo);
                else todo();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }

            done.Release();
        }
    }
}
