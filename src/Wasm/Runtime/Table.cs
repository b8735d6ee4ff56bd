// A table: function references as native entries that call_indirect reads, with their managed roots; other references as objects.
// In: references by index. Out: entries, kept up to date in the block of every instance that uses the table.

using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>A table of a store (core specification 4.2.7).</summary>
internal sealed unsafe class RefTable : IDisposable
{
    private readonly List<nint> slots = [];
    private object?[] refs;

    public RefTable(int elementType, bool isFunc, ulong min, ulong? declaredMax, ulong max, object? init, bool is64 = false)
    {
        Is64 = is64;
        ElementType = elementType;
        IsFunc = isFunc;
        Min = min;
        DeclaredMax = declaredMax;
        Max = max;
        Length = min;
        refs = new object?[min];
        if (IsFunc) Entries = (nint)NativeMemory.AllocZeroed((nuint)Math.Max(1, min), FuncEntry.Size);
        if (init != null) Fill(0, min, init);
    }

    /// <summary>ValType code of the elements.</summary>
    public int ElementType { get; }
    public bool IsFunc { get; }
    /// <summary>Whether its indices are 64 bits wide.</summary>
    public bool Is64 { get; }
    public ulong Min { get; }
    public ulong? DeclaredMax { get; }
    /// <summary>The most entries it may ever have.</summary>
    public ulong Max { get; }
    public ulong Length { get; private set; }
    public nint Entries { get; private set; }

    public void Attach(nint slot)
    {
        slots.Add(slot);
        Publish(slot);
    }

    public void Detach(nint slot) => slots.Remove(slot);

    private void Publish(nint slot) => *(TableSlot*)slot = new TableSlot { Entries = Entries, Length = Length };

    public bool Contains(ulong index, ulong count) => index <= Length && count <= Length - index;

    public object? Get(ulong index) => refs[index];

    /// <summary>The canonical type that call_indirect sees in an entry: 0 for a null one, and for tables of other references.</summary>
    public int TypeAt(ulong index) => IsFunc ? ((FuncEntry*)Entries + index)->Type : 0;

    public void Set(ulong index, object? value)
    {
        refs[index] = value;
        if (!IsFunc) return;
        var e = (FuncEntry*)Entries + index;
        *e = value is Function f ? f.Entry : default;
    }

    public void Fill(ulong index, ulong count, object? value)
    {
        for (ulong i = 0; i < count; i++) Set(index + i, value);
    }

    public void Copy(ulong to, RefTable source, ulong from, ulong count)
    {
        Array.Copy(source.refs, (long)from, refs, (long)to, (long)count);
        if (IsFunc)
            Buffer.MemoryCopy((FuncEntry*)source.Entries + from, (FuncEntry*)Entries + to, count * FuncEntry.Size, count * FuncEntry.Size);
    }

    /// <summary>Grows by entries; the caller has decided that it may.</summary>
    public void Grow(ulong count, object? value)
    {
        ulong old = Length;
        Resize(old + count);
        if (value != null) Fill(old, count, value);
    }

    private void Resize(ulong length)
    {
        var roots = refs;
        Array.Resize(ref roots, checked((int)length));
        if (IsFunc)
        {
            var entries = (nint)NativeMemory.Realloc((void*)Entries, (nuint)Math.Max(1, length) * FuncEntry.Size);
            if (length > Length) NativeMemory.Clear((FuncEntry*)entries + Length, (nuint)(length - Length) * FuncEntry.Size);
            Entries = entries;
        }

        refs = roots;
        Length = length;
        foreach (nint s in slots) Publish(s);
    }

    /// <summary>Back to the size at the start, every entry null.</summary>
    public void Clear()
    {
        if (Length != Min) Resize(Min);
        Array.Clear(refs);
        if (IsFunc) NativeMemory.Clear((void*)Entries, (nuint)Length * FuncEntry.Size);
    }

    public void Dispose()
    {
        if (Entries != 0) NativeMemory.Free((void*)Entries);
        Entries = 0;
        Length = 0;
        GC.SuppressFinalize(this);
    }

    ~RefTable() => Dispose();
}
