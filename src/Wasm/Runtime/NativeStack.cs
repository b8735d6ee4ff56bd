// Where the current thread's native stack ends, and fresh stacks for guests that go deeper than it reaches.
// In: the calling thread. Out: bounds; or a call carried out on a new thread while this one waits.

using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Twofold.Wasm;

internal static unsafe class NativeStack
{
    /// <summary>Bytes of a fresh stack. Reserved, not touched: a guest pays only for what it uses.</summary>
    public const int FreshSize = 16 << 20;

    /// <summary>Kept free below the limit for host functions, helpers and .NET's exception dispatch (design 4.4).</summary>
    public const int Reserve = 384 << 10;

    [ThreadStatic] private static nint low;

    [DllImport("libc")] private static extern nint pthread_self();
    [DllImport("libc")] private static extern int pthread_getattr_np(nint thread, byte* attr);
    [DllImport("libc")] private static extern int pthread_attr_getstack(byte* attr, nint* addr, nuint* size);
    [DllImport("libc")] private static extern int pthread_attr_destroy(byte* attr);
    [DllImport("kernel32")] private static extern void GetCurrentThreadStackLimits(nint* low, nint* high);

    /// <summary>Lowest usable address of this thread's stack, or 0 while nobody has asked.</summary>
    public static nint CurrentLow => low;

    /// <summary>Lowest usable address of this thread's stack.</summary>
    public static nint Low()
    {
        if (low == 0) Find();
        return low;
    }

    private static void Find()
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                byte* attr = stackalloc byte[256];
                if (pthread_getattr_np(pthread_self(), attr) == 0)
                {
                    nint at;
                    nuint length;
                    int got = pthread_attr_getstack(attr, &at, &length);
                    pthread_attr_destroy(attr);
                    if (got == 0)
                    {
                        // The main thread's stack grows on demand up to its limit; the kernel keeps a gap below it.
                        low = at + (64 << 10);
                        return;
                    }
                }
            }
            else if (OperatingSystem.IsWindows())
            {
                nint from, to;
                GetCurrentThreadStackLimits(&from, &to);
                low = from + (64 << 10);
                return;
            }
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another libc: the cautious guess below is right everywhere, only smaller.
        }

        byte here;
        // Every .NET thread has at least this much below the point where it may run managed code.
        low = (nint)(&here) - (256 << 10);
    }

    /// <summary>Runs an action on a fresh large stack and waits. Its exception comes out here.</summary>
    public static void RunFresh(Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    action();
                }
                catch (Exception e)
                {
                    failure = ExceptionDispatchInfo.Capture(e);
                }
            },
            FreshSize)
        {
            IsBackground = true,
            Name = "twofold guest stack",
        };

        try
        {
            thread.Start();
        }
        catch (OutOfMemoryException e)
        {
            throw new HostMemoryException("no native stack for a deep guest: " + e.Message);
        }

        thread.Join();
        failure?.Throw();
    }

    /// <summary>Bytes between here and the end of this thread's stack.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint Remaining()
    {
        byte here;
        return (nint)(&here) - Low();
    }
}

/// <summary>The host could not supply memory that the limits allow: an engine fault, never an outcome.</summary>
public sealed class HostMemoryException : Exception
{
    /// <summary>What was asked for.</summary>
    public HostMemoryException(string message) : base(message) { }
}

/// <summary>A host function threw: an engine fault, never an outcome.</summary>
public sealed class HostFunctionException : Exception
{
    /// <summary>Wraps what the host function threw.</summary>
    public HostFunctionException(Exception inner) : base($"{inner.GetType().Name}: {inner.Message}", inner) { }
}
