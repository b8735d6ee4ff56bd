// Memories of a store, and what is given for an import.
// In: the library's handles. Out: addresses and sizes, asked for each time; the greatest sizes that growth is judged by.

using Twofold.Wasm;

namespace Twofold.Wasmtime;

/// <summary>A memory of a store: the library's handle, asked for address and size each time because a growth may move it.</summary>
internal sealed unsafe class NativeMemoryRef(NativeStore store, NativeItem item, nint shared, ulong maxPages)
{
    private NativeItem item = item;

    /// <summary>The most pages it may have by its type.</summary>
    public ulong MaxPages => maxPages;
    public bool Shared => shared != 0;

    /// <summary>Pages that count against the store's limit: any thread may grow a shared memory at any time, so it counts whole.</summary>
    public ulong CountedPages => Shared ? maxPages : Length >> 16;

    public ulong Length
    {
        get
        {
            if (shared != 0) return Api.wasmtime_sharedmemory_data_size(shared);
            fixed (NativeItem* p = &item) return Api.wasmtime_memory_data_size(store.Context, p);
        }
    }

    public byte* Data
    {
        get
        {
            if (shared != 0) return Api.wasmtime_sharedmemory_data(shared);
            fixed (NativeItem* p = &item) return Api.wasmtime_memory_data(store.Context, p);
        }
    }

    /// <summary>A copy of all its bytes.</summary>
    public byte[] ToArray() => new ReadOnlySpan<byte>(Data, checked((int)Length)).ToArray();

    /// <summary>Grows; the caller has decided that it may.</summary>
    public void Grow(ulong pages)
    {
        ulong before;
        fixed (NativeItem* p = &item)
        {
            nint error = Api.wasmtime_memory_grow(store.Context, p, pages, &before);
            if (error != 0) throw new HostMemoryException($"a memory could not grow by {pages} pages: {NativeEngine.TakeMessage(error)}");
        }
    }

    public void Free()
    {
        if (shared != 0) Api.wasmtime_sharedmemory_delete(shared);
    }
}

/// <summary>What is given for an import; for memories and tables with the greatest size that they may have.</summary>
internal readonly record struct Supply(NativeExtern Extern, ulong Max)
{
    public bool IsA(NativeExternKind kind) => Extern.Kind == kind || (kind == NativeExternKind.Memory && Extern.Kind == NativeExternKind.SharedMemory);

    public static ulong Addressable(SizeLimits memory) => memory.Max.IsSome ? memory.Max.Value : memory.Is64 ? 1UL << 48 : 65536;
    public static ulong Addressable(TableType table) => table.Limits.Max.IsSome ? table.Limits.Max.Value : table.Limits.Is64 ? ulong.MaxValue : uint.MaxValue;
}
