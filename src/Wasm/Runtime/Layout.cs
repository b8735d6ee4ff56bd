// The native blocks that compiled code addresses by fixed offsets: one for a store, one for an instance, one for a host function.
// In: offsets, shared with the emitter. Out: plain memory; managed owners (StoreData, InstanceData) allocate and free it.

using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>A store's block: what all its instances share while they run.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StoreBlock
{
    /// <summary>Gas left. Compiled code keeps it in a local and writes it back before anything that can leave.</summary>
    public long Gas;
    public long GasLimit;
    /// <summary>Units of the logical stack that a host function was left with; re-entry starts from them.</summary>
    public int Units;
    public int UnitsLimit;
    /// <summary>The instance block whose code last called out; host functions see its memory.</summary>
    public nint Caller;
    /// <summary>GC handle of the StoreData.</summary>
    public nint Handle;
    /// <summary>Lowest address of the native stack that this store last ran on.</summary>
    public nint StackLow;
    /// <summary>How often host functions have re-entered the guest.</summary>
    public int Depth;
    public int Pad;
    /// <summary>Number of the tag of the exception that is on its way through the guest's frames, or 0; the exception is StoreData.Thrown.</summary>
    public nint Pending;
    /// <summary>Bytes of structs, arrays and exceptions that the run has made (by the schedule's formula), and the most it may make.</summary>
    public ulong GcUsed;
    public ulong GcLimit;
    /// <summary>The InterpFunc that a thunk is about to enter: written where its address is asked for, read before anything else runs.</summary>
    public nint Entering;

    /// <summary>The next thunk that is called enters this function, whose instance's block is given.</summary>
    public static unsafe void Enters(nint context, nint func) => ((StoreBlock*)((InstanceBlock*)context)->Store)->Entering = func;

    public const int PendingOffset = 56;
    public const int GcUsedOffset = 64;
    public const int GcLimitOffset = 72;
    public const int EnteringOffset = 80;

    /// <summary>Results after the first, 16 bytes each, at this offset. Written right before a return, read right after it.
    /// An exception's values pass here too, from the first on, when it is thrown and when it is caught.</summary>
    public const int ResultsOffset = 128;
    public const int MaxResults = 1024;
    public const int Size = ResultsOffset + 16 * MaxResults;
}

/// <summary>The fixed head of an instance's block; memories, tables, imports and globals follow at offsets the module decides.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct InstanceBlock
{
    public nint Store;
    /// <summary>Function entry compares its frame with this; an interrupt raises it above every frame.</summary>
    public nint NativeLimit;
    /// <summary>What a loop iteration wants left of the gas: 0, or <see cref="Interrupted"/> to stop it.</summary>
    public long Interrupt;
    /// <summary>GC handle of the InstanceData.</summary>
    public nint Handle;
    /// <summary>Written and read back to hide from the JIT where a number came from.</summary>
    public long Scratch;

    /// <summary>Takes up what stands between; the compiler of another family may use it.</summary>
    private readonly long between;
    /// <summary>Address of the first of the reference globals' cells (RefCell by global index).</summary>
    public nint RefGlobals;
    /// <summary>Address of the first of the GC types by type index.</summary>
    public nint GcTypes;

    public const int ScratchOffset = 32;
    public const int RefGlobalsOffset = 48;
    public const int GcTypesOffset = 56;
    public const int HeadSize = 64;

    /// <summary>More gas than anyone has left after a charge.</summary>
    public const long Interrupted = long.MaxValue;
}

/// <summary>A memory as compiled code sees it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MemorySlot
{
    public nint Base;
    public ulong Length;
    /// <summary>For an access that reaches n bytes beyond its index: the last index that is inside. Right while the memory holds that many.
    /// Accesses by a 32-bit index read the lower half.</summary>
    public fixed ulong Last[MaxReach + 1];

    /// <summary>Accesses that reach further add to the index and compare with the length.</summary>
    public const int MaxReach = 64;
    public const int LastOffset = 16;
    public const int EntrySize = 8;
    public const int Size = LastOffset + EntrySize * (MaxReach + 1) + 8;

    public MemorySlot(nint @base, ulong length)
    {
        Base = @base;
        SetLength(length);
    }

    public void SetLength(ulong length)
    {
        Length = length;
        for (uint n = 0; n <= MaxReach; n++) Last[n] = length - n;
    }
}

/// <summary>A table as compiled code sees it. Entries is 0 for tables of other than function references.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TableSlot
{
    public nint Entries;
    public ulong Length;
}

/// <summary>One function in a table, or an imported function: 32 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuncEntry
{
    /// <summary>Entry point, or 0 while it is not compiled.</summary>
    public nint Code;
    /// <summary>The callee's own block: instance or host function.</summary>
    public nint Context;
    /// <summary>Canonical type; 0 for a null entry.</summary>
    public int Type;
    /// <summary>Index among the callee module's defined functions, for compiling it.</summary>
    public int Index;
    /// <summary>The InterpFunc of a function that the interpreter runs, else 0.</summary>
    public nint Interpreted;

    public const int Size = 32;
}

/// <summary>A host function's block; begins like an instance's so that both serve as a callee's context.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HostBlock
{
    public nint Store;
    /// <summary>GC handle of the delegate's holder.</summary>
    public nint Handle;
}
