// Atomic accesses of shared and unshared memories, sequentially consistent, at addresses that were checked for bounds and alignment.
// In: a native address and operands. Out: the value before, zero-extended for narrow ones. What the processor has no instruction for is a compare-and-exchange loop.

using System.Runtime.CompilerServices;

namespace Twofold.Wasm;

/// <summary>Called by compiled code by name: operator and width in bits.</summary>
internal static unsafe class Atomics
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    [MethodImpl(Inline)] public static int Load8(nint p) => Volatile.Read(ref *(byte*)p);
    [MethodImpl(Inline)] public static int Load16(nint p) => Volatile.Read(ref *(ushort*)p);
    [MethodImpl(Inline)] public static int Load32(nint p) => Volatile.Read(ref *(int*)p);
    [MethodImpl(Inline)] public static long Load64(nint p) => Volatile.Read(ref *(long*)p);

    [MethodImpl(Inline)] public static void Store8(nint p, int v) => Interlocked.Exchange(ref *(byte*)p, (byte)v);
    [MethodImpl(Inline)] public static void Store16(nint p, int v) => Interlocked.Exchange(ref *(ushort*)p, (ushort)v);
    [MethodImpl(Inline)] public static void Store32(nint p, int v) => Interlocked.Exchange(ref *(int*)p, v);
    [MethodImpl(Inline)] public static void Store64(nint p, long v) => Interlocked.Exchange(ref *(long*)p, v);

    [MethodImpl(Inline)] public static int Exchange8(nint p, int v) => Interlocked.Exchange(ref *(byte*)p, (byte)v);
    [MethodImpl(Inline)] public static int Exchange16(nint p, int v) => Interlocked.Exchange(ref *(ushort*)p, (ushort)v);
    [MethodImpl(Inline)] public static int Exchange32(nint p, int v) => Interlocked.Exchange(ref *(int*)p, v);
    [MethodImpl(Inline)] public static long Exchange64(nint p, long v) => Interlocked.Exchange(ref *(long*)p, v);

    [MethodImpl(Inline)] public static int Add32(nint p, int v) => Interlocked.Add(ref *(int*)p, v) - v;
    [MethodImpl(Inline)] public static long Add64(nint p, long v) => Interlocked.Add(ref *(long*)p, v) - v;
    [MethodImpl(Inline)] public static int Sub32(nint p, int v) => Interlocked.Add(ref *(int*)p, -v) + v;
    [MethodImpl(Inline)] public static long Sub64(nint p, long v) => Interlocked.Add(ref *(long*)p, -v) + v;
    [MethodImpl(Inline)] public static int And32(nint p, int v) => Interlocked.And(ref *(int*)p, v);
    [MethodImpl(Inline)] public static long And64(nint p, long v) => Interlocked.And(ref *(long*)p, v);
    [MethodImpl(Inline)] public static int Or32(nint p, int v) => Interlocked.Or(ref *(int*)p, v);
    [MethodImpl(Inline)] public static long Or64(nint p, long v) => Interlocked.Or(ref *(long*)p, v);

    public static int Xor32(nint p, int v)
    {
        while (true)
        {
            int old = Load32(p);
            if (Interlocked.CompareExchange(ref *(int*)p, old ^ v, old) == old) return old;
        }
    }

    public static long Xor64(nint p, long v)
    {
        while (true)
        {
            long old = Load64(p);
            if (Interlocked.CompareExchange(ref *(long*)p, old ^ v, old) == old) return old;
        }
    }

    private static bool Replace8(nint p, int old, int by) => Interlocked.CompareExchange(ref *(byte*)p, (byte)by, (byte)old) == (byte)old;

    private static bool Replace16(nint p, int old, int by) => Interlocked.CompareExchange(ref *(ushort*)p, (ushort)by, (ushort)old) == (ushort)old;

    public static int Add8(nint p, int v)
    {
        int old;
        do old = Load8(p); while (!Replace8(p, old, old + v));
        return old;
    }

    public static int Add16(nint p, int v)
    {
        int old;
        do old = Load16(p); while (!Replace16(p, old, old + v));
        return old;
    }

    public static int Sub8(nint p, int v) => Add8(p, -v);

    public static int Sub16(nint p, int v) => Add16(p, -v);

    public static int And8(nint p, int v)
    {
        int old;
        do old = Load8(p); while (!Replace8(p, old, old & v));
        return old;
    }

    public static int And16(nint p, int v)
    {
        int old;
        do old = Load16(p); while (!Replace16(p, old, old & v));
        return old;
    }

    public static int Or8(nint p, int v)
    {
        int old;
        do old = Load8(p); while (!Replace8(p, old, old | v));
        return old;
    }

    public static int Or16(nint p, int v)
    {
        int old;
        do old = Load16(p); while (!Replace16(p, old, old | v));
        return old;
    }

    public static int Xor8(nint p, int v)
    {
        int old;
        do old = Load8(p); while (!Replace8(p, old, old ^ v));
        return old;
    }

    public static int Xor16(nint p, int v)
    {
        int old;
        do old = Load16(p); while (!Replace16(p, old, old ^ v));
        return old;
    }

    // The expected operand is compared with the zero-extended value as it is, not wrapped: one that is too large is never equal.

    public static int CompareExchange8(nint p, ulong expected, int by) =>
        expected > byte.MaxValue ? Load8(p) : Interlocked.CompareExchange(ref *(byte*)p, (byte)by, (byte)expected);

    public static int CompareExchange16(nint p, ulong expected, int by) =>
        expected > ushort.MaxValue ? Load16(p) : Interlocked.CompareExchange(ref *(ushort*)p, (ushort)by, (ushort)expected);

    public static int CompareExchange32(nint p, ulong expected, int by) =>
        expected > uint.MaxValue ? Load32(p) : Interlocked.CompareExchange(ref *(int*)p, by, (int)expected);

    [MethodImpl(Inline)]
    public static long CompareExchange64(nint p, ulong expected, long by) => Interlocked.CompareExchange(ref *(long*)p, by, (long)expected);

    public static void Fence() => Interlocked.MemoryBarrier();
}
