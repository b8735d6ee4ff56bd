// A linear memory: an address range reserved up to its maximum, so that the base never moves; pages are committed as it grows.
// In: page counts. Out: base and length, kept up to date in the block of every instance that uses it. A shared memory may grow and be
// attached from any thread, and is freed when nobody holds it any more; others belong to the thread that runs their store.

using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>A linear memory of a store (core specification 4.2.8).</summary>
internal sealed unsafe class LinearMemory : IDisposable
{
    public const ulong PageSize = 65536;

    /// <summary>The most bytes one memory may reserve: what fits several times into the 47 bits of a process.</summary>
    public const ulong MostBytes = 1UL << 42;

    [DllImport("libc", SetLastError = true)] private static extern nint mmap(nint addr, nuint length, int prot, int flags, int fd, nint offset);
    [DllImport("libc", SetLastError = true)] private static extern int mprotect(nint addr, nuint length, int prot);
    [DllImport("libc", SetLastError = true)] private static extern int munmap(nint addr, nuint length);
    [DllImport("libc", SetLastError = true)] private static extern int madvise(nint addr, nuint length, int advice);
    [DllImport("kernel32", SetLastError = true)] private static extern nint VirtualAlloc(nint addr, nuint size, uint type, uint protect);
    [DllImport("kernel32", SetLastError = true)] private static extern bool VirtualFree(nint addr, nuint size, uint type);

    private static readonly bool Windows = OperatingSystem.IsWindows();
    private static readonly int AnonymousNoReserve = OperatingSystem.IsMacOS() ? 0x1002 : 0x4022;

    private readonly List<nint> slots = [];
    private readonly object sync = new();
    private readonly nuint reserved;
    private ulong committed;
    private ulong length;

    /// <param name="minPages">Pages at the start.</param>
    /// <param name="declaredMax">The type's maximum in pages, or null.</param>
    /// <param name="maxPages">The most pages it may ever have: declared maximum, limits and index type together.</param>
    /// <param name="is64">Whether its addresses are 64 bits wide.</param>
    /// <param name="shared">Whether several threads may use it at once.</param>
    public LinearMemory(ulong minPages, ulong? declaredMax, ulong maxPages, bool is64 = false, bool shared = false)
    {
        MinPages = minPages;
        DeclaredMax = declaredMax;
        Is64 = is64;
        Waiters = shared ? new WaitQueue() : null;
        MaxPages = Math.Max(Math.Min(maxPages, MostBytes / PageSize), minPages);
        // One page more than needed, so that even an empty memory has an address of its own.
        reserved = (nuint)((MaxPages + 1) * PageSize);
        Base = Reserve(reserved);
        Commit(minPages * PageSize);
        length = minPages * PageSize;
    }

    public ulong MinPages { get; }
    public ulong? DeclaredMax { get; }
    public ulong MaxPages { get; }
    public bool Is64 { get; }

    /// <summary>Threads that wait on an address of it; only a shared memory has such.</summary>
    public WaitQueue? Waiters { get; }

    public bool Shared => Waiters != null;
    public nint Base { get; private set; }

    /// <summary>Bytes.</summary>
    public ulong Length => Volatile.Read(ref length);

    public ulong Pages => Length / PageSize;

    /// <summary>Pages that count against a store's limit: a shared memory counts whole, because any thread may grow it at any time.</summary>
    public ulong CountedPages => Shared ? MaxPages : Pages;

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
        lock (sync)
        {
            slots.Add(slot);
            *(MemorySlot*)slot = new MemorySlot(Base, length);
        }
    }

    public void Detach(nint slot)
    {
        lock (sync) slots.Remove(slot);
    }

    /// <summary>Grows by pages; the caller has decided that it may.</summary>
    public void Grow(ulong pages)
    {
        ulong to = length + pages * PageSize;
        Commit(to);
        SetLength(to);
    }

    /// <summary>Grows a shared memory, up to its own maximum, in one step for all threads: the old size in pages, or -1. `charge` runs before a growth that will succeed.</summary>
    public long GrowShared(ulong pages, Action<ulong>? charge)
    {
        lock (sync)
        {
            ulong old = length / PageSize;
            if (pages > MaxPages - old) return -1;
            charge?.Invoke(pages);
            Grow(pages);
            return (long)old;
        }
    }

    private void SetLength(ulong bytes)
    {
        // Whoever sees the new length sees committed pages, and sees it before anything that this thread writes later.
        Interlocked.Exchange(ref length, bytes);
        foreach (nint s in slots) ((MemorySlot*)s)->SetLength(bytes);
        if (Shared) Interlocked.MemoryBarrier();
    }

    /// <summary>Back to the size at the start, every byte zero.</summary>
    public void Clear()
    {
        if (length != MinPages * PageSize) SetLength(MinPages * PageSize);
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

    public bool Contains(ulong address, ulong length) => Inside(address, length, Length);

    private static bool Inside(ulong address, ulong bytes, ulong length) => address <= length && bytes <= length - address;

    public void Dispose()
    {
        if (Base == 0) return;
        if (Windows) VirtualFree(Base, 0, 0x8000);
        else munmap(Base, reserved);
        Base = 0;
        length = 0;
        GC.SuppressFinalize(this);
    }

    ~LinearMemory() => Dispose();
}
