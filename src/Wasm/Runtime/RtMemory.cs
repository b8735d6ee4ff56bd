// What compiled code calls for memories and tables: growth, bulk operations, single entries, waiting.
// In: the caller's instance block and operands; gas has been written back to the store. Out: results, or a WasmException;
// every operand-dependent price is taken here, before the instruction's own checks (design 4.2).

using System.Runtime.CompilerServices;

namespace Twofold.Wasm;

internal static unsafe partial class Rt
{
    /// <summary>Bytes moved between two polls of the interrupt, so that no bulk operation outlives a deadline by much.</summary>
    private const ulong Chunk = 8 << 20;

    // ---- memory. Addresses, counts and sizes come as 64 bits; those of 32-bit memories are extended by the caller.

    [MethodImpl(Cold)]
    public static long MemoryGrow(nint context, int memory, ulong pages)
    {
        var instance = Instance(context);
        return instance.Store.Grow(instance.Memories[memory], pages, charged: true);
    }

    [MethodImpl(Cold)]
    public static void MemoryFill(nint context, int memory, ulong to, int value, ulong count)
    {
        var instance = Instance(context);
        var m = instance.Memories[memory];
        instance.Store.Charge(GasPrices.Bytes(count));
        Check(m, to, count);
        for (ulong done = 0; done < count; done += Chunk)
        {
            if (done != 0) instance.Store.Poll();
            m.Span(to + done, (uint)Math.Min(Chunk, count - done)).Fill((byte)value);
        }
    }

    [MethodImpl(Cold)]
    public static void MemoryCopy(nint context, int toMemory, int fromMemory, ulong to, ulong from, ulong count)
    {
        var instance = Instance(context);
        LinearMemory target = instance.Memories[toMemory], source = instance.Memories[fromMemory];
        instance.Store.Charge(GasPrices.Bytes(count));
        Check(source, from, count);
        Check(target, to, count);
        // Chunks go upwards or downwards, so that an overlap is never read after it was written.
        bool up = source != target || to <= from;
        for (ulong done = 0; done < count; done += Chunk)
        {
            if (done != 0) instance.Store.Poll();
            uint size = (uint)Math.Min(Chunk, count - done);
            ulong at = up ? done : count - done - size;
            source.Span(from + at, size).CopyTo(target.Span(to + at, size));
        }
    }

    [MethodImpl(Cold)]
    public static void MemoryInit(nint context, int data, int memory, ulong to, ulong from, ulong count)
    {
        var instance = Instance(context);
        instance.Store.Charge(GasPrices.Bytes(count));
        InitMemory(instance, data, memory, to, from, count);
    }

    /// <summary>memory.init without its price: also what instantiation does for active segments.</summary>
    public static void InitMemory(InstanceData instance, int data, int memory, ulong to, ulong from, ulong count)
    {
        var m = instance.Memories[memory];
        var segment = instance.Datas[data];
        if (from + count > (ulong)segment.Length) throw new TrapException(TrapCode.MemoryOutOfBounds, from, count, (ulong)segment.Length);
        Check(m, to, count);
        instance.ModuleBytes.AsSpan(segment.Start + (int)from, (int)count).CopyTo(m.Span(to, (uint)count));
    }

    [MethodImpl(Cold)]
    public static void DataDrop(nint context, int data) => Instance(context).Datas[data] = default;

    private static void Check(LinearMemory m, ulong address, ulong length)
    {
        if (!m.Contains(address, length)) throw new TrapException(TrapCode.MemoryOutOfBounds, address, length, m.Length);
    }

    // ---- waiting (threads proposal)

    [MethodImpl(Cold)]
    public static int AtomicWait(nint context, int memory, ulong index, ulong offset, int bytes, long expected, long timeout)
    {
        var instance = Instance(context);
        var m = instance.Memories[memory];
        CheckAligned(index, offset, bytes);
        if (m.Waiters is not { } waiters) throw new TrapException(TrapCode.ExpectedSharedMemory);
        ulong at = CheckEffective(m, index, offset, bytes);
        return waiters.Wait(instance.Store, at, m.Base + (nint)at, bytes, expected, timeout);
    }

    [MethodImpl(Cold)]
    public static int AtomicNotify(nint context, int memory, ulong index, ulong offset, int count)
    {
        var m = Instance(context).Memories[memory];
        CheckAligned(index, offset, 4);
        ulong at = CheckEffective(m, index, offset, 4);
        // Nobody can wait on a memory that is not shared.
        return m.Waiters is { } waiters ? (int)waiters.Notify(at, (uint)count) : 0;
    }

    private static void CheckAligned(ulong index, ulong offset, int bytes)
    {
        // The sum's low bits are right even where it wraps.
        if (((index + offset) & (ulong)(bytes - 1)) != 0) throw TrapUnaligned(index, offset, bytes);
    }

    private static ulong Effective(ulong index, ulong offset) => index + offset < index ? ulong.MaxValue : index + offset;

    private static ulong CheckEffective(LinearMemory m, ulong index, ulong offset, int bytes)
    {
        ulong at = Effective(index, offset);
        Check(m, at, (ulong)bytes);
        return at;
    }

    // ---- tables and references. Indices and counts come as 64 bits, as addresses do.

    [MethodImpl(Cold)]
    public static object? TableGet(nint context, int table, ulong index)
    {
        var t = Instance(context).Tables[table];
        Check(t, index, 1);
        return t.Get(index);
    }

    [MethodImpl(Cold)]
    public static void TableSet(nint context, int table, ulong index, object? value)
    {
        var t = Instance(context).Tables[table];
        Check(t, index, 1);
        t.Set(index, value);
    }

    [MethodImpl(Cold)] public static long TableSize(nint context, int table) => (long)Instance(context).Tables[table].Length;

    [MethodImpl(Cold)]
    public static long TableGrow(nint context, int table, object? value, ulong count)
    {
        var instance = Instance(context);
        var t = instance.Tables[table];
        ulong old = t.Length;
        if (!instance.Store.MayGrow(t, count)) return -1;
        instance.Store.Charge(GasPrices.Entries(count));
        try
        {
            t.Grow(count, value);
        }
        catch (Exception e) when (e is OutOfMemoryException or OverflowException)
        {
            throw new HostMemoryException("a table could not grow: " + e.Message);
        }

        return (long)old;
    }

    [MethodImpl(Cold)]
    public static void TableFill(nint context, int table, ulong to, object? value, ulong count)
    {
        var instance = Instance(context);
        var t = instance.Tables[table];
        instance.Store.Charge(GasPrices.Elements(count));
        Check(t, to, count);
        t.Fill(to, count, value);
    }

    [MethodImpl(Cold)]
    public static void TableCopy(nint context, int toTable, int fromTable, ulong to, ulong from, ulong count)
    {
        var instance = Instance(context);
        RefTable target = instance.Tables[toTable], source = instance.Tables[fromTable];
        instance.Store.Charge(GasPrices.Elements(count));
        Check(source, from, count);
        Check(target, to, count);
        target.Copy(to, source, from, count);
    }

    [MethodImpl(Cold)]
    public static void TableInit(nint context, int elem, int table, ulong to, ulong from, ulong count)
    {
        var instance = Instance(context);
        instance.Store.Charge(GasPrices.Elements(count));
        InitTable(instance, elem, table, to, from, count);
    }

    /// <summary>table.init without its price: also what instantiation does for active segments.</summary>
    public static void InitTable(InstanceData instance, int elem, int table, ulong to, ulong from, ulong count)
    {
        var t = instance.Tables[table];
        var segment = instance.Elems[elem];
        if (from + count > (ulong)segment.Length) throw new TrapException(TrapCode.TableOutOfBounds, from, count, (ulong)segment.Length);
        Check(t, to, count);
        for (ulong i = 0; i < count; i++) t.Set(to + i, segment[from + i]);
    }

    [MethodImpl(Cold)]
    public static void ElemDrop(nint context, int elem) => Instance(context).Elems[elem] = [];

    private static void Check(RefTable t, ulong index, ulong count)
    {
        if (!t.Contains(index, count)) throw new TrapException(TrapCode.TableOutOfBounds, index, count, t.Length);
    }
}
