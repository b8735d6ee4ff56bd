// A linear memory: an address range reserved up to its maximum, so that the base never moves; pages are committed as it grows.
// In: page counts. Out: base and length, kept up to date in the block of every instance that uses it.

using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>A linear memory of a store (core specification 4.2.8).</summary>
internal sealed unsafe class LinearMemory : IDisposable
{
    public const ulong PageSize = 65536;

    [DllImport("libc", SetLastError = true)] private static extern nint mmap(nint addr, nuint length, int prot, int flags, int fd, nint offset);
    [DllImport("libc", SetLastError = true)] private static extern int mprotect(nint addr, nuint length, int prot);
    [DllImport("libc", SetLastError = true)] private static extern int munmap(nint addr, nuint length);
    [DllImport("libc", SetLastError = true)] private static extern int madvise(nint addr, nuint length, int advice);
    [DllImport("kernel32", SetLastError = true)] private static extern nint VirtualAlloc(nint addr, nuint size, uint type, uint protect);
    [DllImport("kernel32", SetLastError = true)] private static extern bool VirtualFree(nint addr, nuint size, uint type);

    private static readonly bool Windows = OperatingSystem.IsWindows();
    private static readonly int AnonymousNoReserve = OperatingSystem.IsMacOS() ? 0x1002 : 0x4022;

    private readonly List<nint> slots = [];
    private readonly nuint reserved;
    private ulong committed;

    /// <param name="minPages">Pages at the start.</param>
    /// <param name="declaredMax">The type's maximum in pages, or null.</param>
    /// <param name="maxPages">The most pages it may ever have: declared maximum, limits and index type together.</param>
    public LinearMemory(ulong minPages, ulong? declaredMax, ulong maxPages)
    {
        MinPages = minPages;
        DeclaredMax = declaredMax;
        MaxPages = Math.Max(maxPages, minPages);
        // One page more than needed, so that even an empty memory has an address of its own.
        reserved = (nuint)((MaxPages + 1) * PageSize);
        Base = Reserve(reserved);
        Commit(minPages * PageSize);
        Length = minPages * PageSize;
    }

    public ulong MinPages { get; }
    public ulong? DeclaredMax { get; }
    public ulong MaxPages { get; }
    public nint Base { get; private set; }

    /// <summary>Bytes.</summary>
    public ulong Length { get; private set; }

    public ulong Pages => Length / PageSize;

    private static nint Reserve(nuint size)
    {
        nint p = Windows ? VirtualAlloc(0, size, 0x2000, 1) : mmap(0, size, 0, AnonymousNoReserve, -1, 0);
        return p is 0 or -1 ? throw new HostMemoryException($"cannot reserve {size} bytes of address space for a memory") : p;
    }

    private void Commit(ulong bytes)
    {
        if (bytes <= committed) return;
        nint from = Base + (nint)committed;
        nuint size = (nuint)(bytes - committed);
        bool ok = Windows ? VirtualAlloc(from, size, 0x1000, 4) != 0 : mprotect(from, size, 3) == 0;
        if (!ok) throw new HostMemoryException($"cannot commit {size} bytes for a memory");
        committed = bytes;
    }

    /// <summary>Keeps the slot of an instance's block up to date from now on.</summary>
    public void Attach(nint slot)
    {
        slots.Add(slot);
        *(MemorySlot*)slot = new MemorySlot(Base, Length);
    }

    public void Detach(nint slot) => slots.Remove(slot);

    /// <summary>Grows by pages; the caller has decided that it may.</summary>
    public void Grow(ulong pages)
    {
        ulong to = Length + pages * PageSize;
        Commit(to);
        SetLength(to);
    }

    private void SetLength(ulong bytes)
    {
        Length = bytes;
        foreach (nint s in slots) ((MemorySlot*)s)->SetLength(bytes);
    }

    /// <summary>Back to the size at the start, every byte zero.</summary>
    public void Clear()
    {
        SetLength(MinPages * PageSize);
        if (committed == 0) return;
        if (OperatingSystem.IsLinux())
        {
            // Private anonymous pages come back as zeroes after MADV_DONTNEED.
            if (madvise(Base, (nuint)committed, 4) == 0)
            {
                return;
            }
        }

        for (ulong at = 0; at < committed; at += 1 << 30)
            new Span<byte>((void*)(Base + (nint)at), (int)Math.Min(committed - at, 1 << 30)).Clear();
    }

    public Span<byte> Span(ulong address, uint length) => new((void*)(Base + (nint)address), checked((int)length));

    public bool Contains(ulong address, ulong length) => address <= Length && length <= Length - address;

    public void Dispose()
    {
        if (Base == 0) return;
        if (Windows) VirtualFree(Base, 0, 0x8000);
        else munmap(Base, reserved);
        Base = 0;
        Length = 0;
        GC.SuppressFinalize(this);
    }

    ~LinearMemory() => Dispose();
}
