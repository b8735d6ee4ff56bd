// What compiled code calls for GC objects: arrays whose length is only known at run time, bulk operations, comparisons, conversions, traps.
// In: the caller's instance block and operands; gas has been written back to the store. Out: objects, or a WasmException. Prices that depend on an
// operand come first, then the instruction's own traps in the specification's order, then the limit on allocated bytes (design 4.2, 4.5, 4.8).

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twofold.Wasm;

internal static class GcRt
{
    private const MethodImplOptions Cold = MethodImplOptions.NoInlining;

    /// <summary>The most bytes that one array may have.</summary>
    public const ulong ArrayLimit = 1UL << 30;

    /// <summary>Bytes moved between two polls of the interrupt.</summary>
    private const int Chunk = 8 << 20;

    // References count 8 bytes, and have them.
    private static ulong Bytes<T>(uint count) => (ulong)count * (uint)Unsafe.SizeOf<T>();

    private static ulong ArrayBytes<T>(uint count) => 24 + ((Bytes<T>(count) + 7) & ~7UL);

    private static TrapException OutOfArray(uint index, uint count, GcArray array) =>
        new(TrapCode.ArrayOutOfBounds, index, count, (uint)array.Count);

    private static bool Outside(GcArray array, uint at, uint count) => (ulong)at + count > (uint)array.Count;

    private static void RequireObject(object? array)
    {
        if (array is null) throw new TrapException(TrapCode.NullReference);
    }

    // ---- endings; each returns the exception that the cold block throws

    [MethodImpl(Cold)] public static Exception TrapElement(int index, int length) => new TrapException(TrapCode.ArrayOutOfBounds, (uint)index, 1, (uint)length);

    [MethodImpl(Cold)] public static Exception TrapAllocation(nint context, long bytes) => Rt.Store(context).AllocationTrap((ulong)bytes);

    // ---- identity and types

    /// <summary>ref.eq: the same object, or i31 of the same value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Same(object? a, object? b) => ReferenceEquals(a, b) || (a is GcI31 x && b is GcI31 y && x.Number == y.Number) ? 1 : 0;

    /// <summary>A cast to a type deeper than the depths that are inline.</summary>
    [MethodImpl(Cold)]
    public static int IsDeep(object value, int depth, int id) => Unsafe.As<GcObject>(value).Type.IsA(depth, id) ? 1 : 0;

    /// <summary>Is a function reference of a defined type?</summary>
    public static int IsFunction(object function, int id) => TypeTable.IsSubtype(Unsafe.As<Function>(function).CanonicalType, id) ? 1 : 0;

    /// <summary>Is the type of a table's entry (0 for null) below the type of an indirect call?</summary>
    [MethodImpl(Cold)]
    public static int IsSubtype(int type, int id) => type != 0 && TypeTable.IsSubtype(type, id) ? 1 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object I31(int value) => GcI31.Of(value);

    /// <summary>any.convert_extern.</summary>
    [MethodImpl(Cold)]
    public static object? AnyOfExtern(object? value) => value is null or GcObject ? value : new GcExternal(value);

    /// <summary>extern.convert_any.</summary>
    [MethodImpl(Cold)]
    public static object? ExternOfAny(object? value) => value is GcExternal e ? e.Inner : value;

    /// <summary>Entry point of a function that call_ref finds not compiled; kept in the reference.</summary>
    [MethodImpl(Cold)]
    public static nint ResolveFunction(object function)
    {
        var f = Unsafe.As<Function>(function);
        if (f.Source is null) return f.EntryCode = f.Code;
        nint code = f.Source.ResolveCall(f.Context, f.Index, out bool lasting);
        if (lasting) f.EntryCode = code;
        return code;
    }

    // ---- arrays

    /// <summary>The limit's own test, then the elements: zeros.</summary>
    private static T[] Allocate<T>(StoreData store, uint count)
    {
        store.Allocate(ArrayBytes<T>(count));
        return count == 0 ? [] : new T[count];
    }

    private static GcArray<T> Make<T>(InstanceData instance, int type, T[] items) => new(items, instance.GcTypes[type]!);

    /// <summary>An array of one value, for compiled code and constant expressions.</summary>
    public static GcArray NewArray<T>(InstanceData instance, int type, T value, uint count, bool paid = false)
    {
        if (!paid) instance.Store.Charge(GasPrices.Bytes(ArrayBytes<T>(count)));
        var items = Allocate<T>(instance.Store, count);
        if (!EqualityComparer<T>.Default.Equals(value, default) || typeof(T) == typeof(float) || typeof(T) == typeof(double)) Fill(instance.Store, items, 0, items.Length, value);
        return Make(instance, type, items);
    }

    [MethodImpl(Cold)] public static object ArrayNew<T>(nint context, int type, T value, int count) => NewArray(Rt.Instance(context), type, value, (uint)count);

    [MethodImpl(Cold)] public static object ArrayNewDefault<T>(nint context, int type, int count) => NewArray<T>(Rt.Instance(context), type, default!, (uint)count);

    [MethodImpl(Cold)]
    public static object ArrayNewData<T>(nint context, int type, int data, int from, int count) where T : unmanaged
    {
        var instance = Rt.Instance(context);
        instance.Store.Charge(GasPrices.Bytes(ArrayBytes<T>((uint)count)));
        var source = Data<T>(instance, data, (uint)from, (uint)count);
        var items = Allocate<T>(instance.Store, (uint)count);
        source.CopyTo(MemoryMarshal.AsBytes(items.AsSpan()));
        return Make(instance, type, items);
    }

    [MethodImpl(Cold)]
    public static object ArrayNewElem(nint context, int type, int elem, int from, int count)
    {
        var instance = Rt.Instance(context);
        instance.Store.Charge(GasPrices.Bytes(ArrayBytes<object>((uint)count)));
        var source = Elements(instance, elem, (uint)from, (uint)count);
        var items = Allocate<object?>(instance.Store, (uint)count);
        source.CopyTo(items);
        return Make(instance, type, items);
    }

    [MethodImpl(Cold)]
    public static void ArrayFill<T>(nint context, object? array, int at, T value, int count)
    {
        var store = Rt.Store(context);
        store.Charge(GasPrices.Bytes(Bytes<T>((uint)count)));
        RequireObject(array);
        var a = Unsafe.As<GcArray<T>>(array!);
        if (Outside(a, (uint)at, (uint)count)) throw OutOfArray((uint)at, (uint)count, a);
        Fill(store, a.Items, at, count, value);
    }

    private static void Fill<T>(StoreData store, T[] items, int at, int count, T value)
    {
        int step = Chunk / Unsafe.SizeOf<T>();
        for (int done = 0; done < count; done += step)
        {
            if (done != 0) store.Poll();
            items.AsSpan(at + done, Math.Min(step, count - done)).Fill(value);
        }
    }

    [MethodImpl(Cold)]
    public static void ArrayCopy<T>(nint context, object? target, int to, object? source, int from, int count)
    {
        var store = Rt.Store(context);
        store.Charge(GasPrices.Bytes(Bytes<T>((uint)count)));
        RequireObject(target);
        RequireObject(source);
        var t = Unsafe.As<GcArray<T>>(target!);
        var s = Unsafe.As<GcArray<T>>(source!);
        if (Outside(t, (uint)to, (uint)count)) throw OutOfArray((uint)to, (uint)count, t);
        if (Outside(s, (uint)from, (uint)count)) throw OutOfArray((uint)from, (uint)count, s);
        // Chunks go upwards or downwards, so that an overlap is never read after it was written.
        bool up = t != s || to <= from;
        int step = Chunk / Unsafe.SizeOf<T>();
        for (int done = 0; done < count; done += step)
        {
            if (done != 0) store.Poll();
            int size = Math.Min(step, count - done);
            int offset = up ? done : count - done - size;
            s.Items.AsSpan(from + offset, size).CopyTo(t.Items.AsSpan(to + offset, size));
        }
    }

    [MethodImpl(Cold)]
    public static void ArrayInitData<T>(nint context, int data, object? array, int to, int from, int count) where T : unmanaged
    {
        var instance = Rt.Instance(context);
        instance.Store.Charge(GasPrices.Bytes(Bytes<T>((uint)count)));
        RequireObject(array);
        var a = Unsafe.As<GcArray<T>>(array!);
        if (Outside(a, (uint)to, (uint)count)) throw OutOfArray((uint)to, (uint)count, a);
        Data<T>(instance, data, (uint)from, (uint)count).CopyTo(MemoryMarshal.AsBytes(a.Items.AsSpan(to, count)));
    }

    [MethodImpl(Cold)]
    public static void ArrayInitElem(nint context, int elem, object? array, int to, int from, int count)
    {
        var instance = Rt.Instance(context);
        instance.Store.Charge(GasPrices.Bytes(Bytes<object>((uint)count)));
        RequireObject(array);
        var a = Unsafe.As<GcArray<object?>>(array!);
        if (Outside(a, (uint)to, (uint)count)) throw OutOfArray((uint)to, (uint)count, a);
        Elements(instance, elem, (uint)from, (uint)count).CopyTo(a.Items.AsSpan(to));
    }

    // Bytes of a data segment, or the trap of one that ends before them.
    private static ReadOnlySpan<byte> Data<T>(InstanceData instance, int data, uint from, uint count)
    {
        var segment = instance.Datas[data];
        ulong bytes = Bytes<T>(count);
        if (from + bytes > (ulong)segment.Length) throw new TrapException(TrapCode.MemoryOutOfBounds, from, bytes, (ulong)segment.Length);
        return instance.ModuleBytes.AsSpan(segment.Start + (int)from, (int)bytes);
    }

    private static ReadOnlySpan<object?> Elements(InstanceData instance, int elem, uint from, uint count)
    {
        var segment = instance.Elems[elem];
        if ((ulong)from + count > (ulong)segment.Length) throw new TrapException(TrapCode.TableOutOfBounds, from, count, (ulong)segment.Length);
        return segment.AsSpan((int)from, (int)count);
    }
}
