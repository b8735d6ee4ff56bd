// The managed owners of what compiled code runs on: store, instance, function reference, code.
// In: made by the linker. Out: found again from native blocks by their GC handles.

using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>Compiles functions when they are first called.</summary>
internal abstract class CodeSource
{
    /// <summary>Entry points by defined function, 0 while not compiled; native, because compiled code reads it.</summary>
    public nint Table { get; protected set; }

    /// <summary>The entry point of a defined function; compiles it if that has not happened yet. Thread-safe.</summary>
    public abstract nint Resolve(int index);

    /// <summary>The same for a call that comes right now. `lasting`: the entry point serves later calls too, and no better one will come.</summary>
    public virtual nint ResolveCall(nint context, int index, out bool lasting)
    {
        lasting = true;
        return Resolve(index);
    }

    /// <summary>The machine code of a defined function, 0 while there is none.</summary>
    public virtual nint Compiled(int index) => 0;

    /// <summary>A function, or a loop of it by number, has got hot; loop -1 is the function. Thread-safe.</summary>
    public virtual void Hot(int index, int loop) { }

    /// <summary>What the queue asks for in the background.</summary>
    public virtual void Compile(int index, int loop) => throw new NotSupportedException();

    /// <summary>A call of its functions may end with an exception on its way.</summary>
    public virtual bool MayThrow => false;

    /// <summary>The InterpFunc of a defined function when the interpreter runs it, else 0.</summary>
    public virtual nint Interpreted(int index) => 0;

    /// <summary>How the interpreter runs it.</summary>
    public virtual InterpMode Mode => InterpMode.Warm;

    /// <summary>Gives the InterpFunc its code; only for the interpreter's. Thread-safe.</summary>
    public virtual void Translate(int index) => throw new NotSupportedException();

    /// <summary>How objects of a struct type are made; only for the interpreter's.</summary>
    public virtual InterpStruct Struct(int type) => throw new NotSupportedException();

    /// <summary>What is known of a translated function beside its code; only for the interpreter's.</summary>
    public virtual InterpInfo Info(int index) => throw new NotSupportedException();
}

/// <summary>A value of a mutable or immutable reference global.</summary>
internal sealed class RefCell
{
    public object? Value;
}

/// <summary>A function of a store: a guest's or a host's. Its identity is the reference's identity.</summary>
public sealed unsafe class Function
{
    internal Function(StoreData store, nint context, int type, object typeObject, CodeSource? source, int index, nint code, string name)
    {
        Store = store;
        Context = context;
        EntryContext = context;
        CanonicalType = type;
        TypeObject = typeObject;
        Source = source;
        Index = index;
        HostCode = code;
        Name = name;
        Interpreted = source is null ? 0 : source.Interpreted(index);
    }

    internal StoreData Store { get; }
    internal nint Context { get; }
    internal int CanonicalType { get; }

    /// <summary>The FuncType.</summary>
    internal object TypeObject { get; }

    /// <summary>The FuncType with abstract references, once somebody asked for it.</summary>
    internal object? Erased { get; set; }

    /// <summary>Null for a host function.</summary>
    internal CodeSource? Source { get; }

    /// <summary>Index among the defined functions of its module.</summary>
    internal int Index { get; }
    internal nint HostCode { get; }

    /// <summary>The InterpFunc when the interpreter runs it, else 0.</summary>
    internal readonly nint Interpreted;

    /// <summary>How the interpreter calls it, once it has.</summary>
    internal InterpSignature? Calling { get; set; }

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <summary>The signature in the text format's words.</summary>
    public string Signature => TypeObject.ToString()!;

    /// <summary>Entry point for call_ref, 0 until the first such call.</summary>
    internal nint EntryCode;

    /// <summary>Code's context, as a field for compiled code.</summary>
    internal readonly nint EntryContext;

    internal nint Code => Source is null ? HostCode : Source.Resolve(Index);

    /// <summary>Machine code of a guest's function, 0 while there is none.</summary>
    internal nint Compiled => Source is null ? 0 : Source.Compiled(Index);

    internal FuncEntry Entry => new()
    {
        Code = Source is null ? HostCode : ((nint*)Source.Table)[Index],
        Context = Context,
        Type = CanonicalType,
        Index = Index,
        Interpreted = Interpreted,
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Signature}";
}

/// <summary>What a store owns: its block, its limits, everything made in it.</summary>
internal sealed unsafe class StoreData : IDisposable
{
    private readonly GCHandle handle;
    private readonly object sync = new();
    private volatile string? interruption;

    public StoreData(long gas, int units, long memoryLimit, long tableLimit, int reentryDepth, long gcLimit)
    {
        Block = (StoreBlock*)NativeMemory.AlignedAlloc(StoreBlock.Size, 64);
        NativeMemory.Clear(Block, StoreBlock.Size);
        handle = GCHandle.Alloc(this, GCHandleType.Weak);
        Block->Handle = GCHandle.ToIntPtr(handle);
        MemoryLimit = memoryLimit;
        TableLimit = tableLimit;
        ReentryLimit = reentryDepth;
        Guest = new StoreGuest(this);
        GcLimit = (ulong)gcLimit;
        Begin(gas, units);
    }

    public StoreBlock* Block { get; private set; }
    public List<InstanceData> Instances { get; } = [];
    public List<IDisposable> Owned { get; } = [];
    public List<object> Rooted { get; } = [];
    public List<LinearMemory> Memories { get; } = [];

    /// <summary>The interpreter's stack, once it ran in this store.</summary>
    public InterpStack? Interp { get; set; }
    public List<RefTable> Tables { get; } = [];
    public object?[] RefResults { get; } = new object?[StoreBlock.MaxResults];

    /// <summary>The exception on its way; see StoreBlock.Pending.</summary>
    public ExceptionInstance? Thrown { get; set; }

    public bool IsThrowing => Block->Pending != 0;

    /// <summary>Bytes of objects that a run may make.</summary>
    public ulong GcLimit
    {
        get => Block->GcLimit;
        set => Block->GcLimit = value;
    }

    /// <summary>Counts an object that is about to be made, or traps.</summary>
    public void Allocate(ulong bytes)
    {
        if (bytes > GcRt.ArrayLimit || bytes > Block->GcLimit - Block->GcUsed) throw AllocationTrap(bytes);
        Block->GcUsed += bytes;
    }

    public TrapException AllocationTrap(ulong bytes) =>
        new(TrapCode.AllocationLimit, bytes, Block->GcUsed, bytes > GcRt.ArrayLimit ? GcRt.ArrayLimit : Block->GcLimit);

    /// <summary>The exception on its way, which is on its way no more.</summary>
    public ExceptionInstance TakeThrown()
    {
        var thrown = Thrown!;
        Thrown = null;
        Block->Pending = 0;
        return thrown;
    }
    public object? Data { get; set; }
    public List<WeakReference<CallTarget>> Targets { get; } = [];

    /// <summary>What host functions see of whoever calls them.</summary>
    public StoreGuest Guest { get; }
    public long MemoryLimit { get; }
    public long TableLimit { get; }
    public int ReentryLimit { get; }
    /// <summary>Types of GC objects by canonical id.</summary>
    public Dictionary<int, GcType> GcTypes { get; } = [];

    public bool IsDisposed => Block == null;

    /// <summary>Units of the logical stack that a call from the host starts with.</summary>
    public int Units
    {
        get => Block->Units;
        set => Block->Units = value;
    }

    public long Gas => Block->Gas;

    /// <summary>What the run would have used with the charge that was refused, or -1: for audits.</summary>
    public long GasWanted { get; private set; } = -1;

    public long GasLimit => Block->GasLimit;

    /// <summary>A new run: gas, stack and interruption as at the start.</summary>
    public void Begin(long gas, int units)
    {
        Block->Gas = gas;
        Block->GasLimit = gas;
        GasWanted = -1;
        Block->Units = units;
        Block->UnitsLimit = units;
        Block->Depth = 0;
        Block->Pending = 0;
        Block->GcUsed = 0;
        Thrown = null;
        lock (sync)
        {
            Epoch++;
            interruption = null;
            foreach (var i in Instances)
            {
                i.Block->Interrupt = 0;
                i.Block->NativeLimit = Block->StackLow == 0 ? nint.MaxValue : Block->StackLow + NativeStack.Reserve;
            }
        }
    }

    /// <summary>The host itself calls the instance, outside any host function: that is no re-entry.</summary>
    public void CallsFromHost(InstanceData instance)
    {
        Block->Caller = (nint)instance.Block;
        Block->Depth = -1;
    }

    /// <summary>Counts runs, so that a timer of an earlier one cannot stop a later one.</summary>
    public long Epoch { get; private set; }

    /// <summary>Stops the guest at its next loop iteration or function entry, if the run of that epoch is still on. From any thread.</summary>
    public void Interrupt(string reason, long epoch)
    {
        lock (sync)
        {
            if (IsDisposed || epoch != Epoch) return;
            interruption = reason;
            foreach (var i in Instances)
            {
                Volatile.Write(ref i.Block->Interrupt, InstanceBlock.Interrupted);
                Volatile.Write(ref i.Block->NativeLimit, nint.MaxValue);
            }

            sleeper?.Nudge();
        }
    }

    public string? Interruption => interruption;

    private Waiter? sleeper;

    /// <summary>What this store's thread sleeps on while it waits for other threads; an interrupt makes it look.</summary>
    public Waiter? Sleeper
    {
        set
        {
            lock (sync) sleeper = value;
        }
    }

    public void Poll()
    {
        if (interruption is { } reason) throw new GuestInterruptedException(reason);
    }

    /// <summary>The store runs on this thread from now on.</summary>
    public void UseStack(nint low)
    {
        lock (sync)
        {
            Block->StackLow = low;
            if (interruption is null)
                foreach (var i in Instances) i.Block->NativeLimit = low + NativeStack.Reserve;
        }
    }

    public void Add(InstanceData instance)
    {
        lock (sync)
        {
            Instances.Add(instance);
            instance.Block->Interrupt = interruption is null ? 0 : InstanceBlock.Interrupted;
            instance.Block->NativeLimit = interruption is not null || Block->StackLow == 0 ? nint.MaxValue : Block->StackLow + NativeStack.Reserve;
        }
    }

    /// <summary>Pages that the store's memories count for.</summary>
    public UInt128 CountedPages
    {
        get
        {
            UInt128 total = 0;
            foreach (var m in Memories) total += m.CountedPages;
            return total;
        }
    }

    public bool MayGrow(LinearMemory memory, ulong pages)
    {
        if (pages > memory.MaxPages - memory.Pages) return false;
        return (CountedPages + pages) * LinearMemory.PageSize <= (UInt128)MemoryLimit;
    }

    /// <summary>The one way to grow: the old size in pages, or -1 by our verdict. What a growth that succeeds costs is charged before it when `charged`.</summary>
    public long Grow(LinearMemory memory, ulong pages, bool charged)
    {
        // A shared memory was counted whole when it was made.
        if (memory.Shared) return memory.GrowShared(pages, charged ? by => Charge(GasPrices.Pages(by)) : null);
        if (!MayGrow(memory, pages)) return -1;
        if (charged) Charge(GasPrices.Pages(pages));
        long old = (long)memory.Pages;
        memory.Grow(pages);
        return old;
    }

    public bool MayGrow(RefTable table, ulong entries)
    {
        if (entries > table.Max - table.Length) return false;
        UInt128 total = 0;
        foreach (var t in Tables) total += t.Length;
        return total + entries <= (UInt128)TableLimit;
    }

    public void Charge(long gas)
    {
        if (Block->Gas < gas) throw OutOfGas(Block->Gas - gas);
        Block->Gas -= gas;
    }

    /// <summary>The end of a run that cannot pay; `left` is what the charge left, below zero.</summary>
    public OutOfGasException OutOfGas(long left)
    {
        GasWanted = Block->GasLimit - left;
        Block->Gas = 0;
        // It may end a run while an exception leaves a call.
        Block->Pending = 0;
        Thrown = null;
        return new OutOfGasException(Block->GasLimit);
    }

    public void Dispose()
    {
        lock (sync)
        {
            if (IsDisposed) return;
            foreach (var t in Targets)
                if (t.TryGetTarget(out var target)) target.Block = 0;
            foreach (var i in Instances) i.Free();
            // Other stores' threads may still use a shared memory: it goes when nobody holds it any more.
            foreach (var m in Memories)
                if (!m.Shared) m.Dispose();
            foreach (var t in Tables) t.Dispose();
            Interp?.Dispose();
            foreach (var d in Owned) d.Dispose();
            if (handle.IsAllocated) handle.Free();
            NativeMemory.AlignedFree(Block);
            Block = null;
        }

        GC.SuppressFinalize(this);
    }

    ~StoreData()
    {
        // Only our own block: everything else has a finalizer of its own or is reached by them.
        if (Block == null) return;
        foreach (var i in Instances) i.Free();
        if (handle.IsAllocated) handle.Free();
        NativeMemory.AlignedFree(Block);
        Block = null;
    }
}

/// <summary>A data segment of an instance: a range of the module's bytes.</summary>
internal struct DataRange
{
    public int Start;
    public int Length;
}

/// <summary>An instance's managed side.</summary>
internal sealed unsafe class InstanceData
{
    private readonly GCHandle handle;
    private int memorySlots;

    public InstanceData(StoreData store, CodeSource code, int blockSize)
    {
        Store = store;
        Code = code;
        Block = (InstanceBlock*)NativeMemory.AlignedAlloc((nuint)blockSize, 64);
        NativeMemory.Clear(Block, (nuint)blockSize);
        handle = GCHandle.Alloc(this, GCHandleType.Weak);
        Block->Store = (nint)store.Block;
        Block->Handle = GCHandle.ToIntPtr(handle);
    }

    public StoreData Store { get; }
    public CodeSource Code { get; }
    public InstanceBlock* Block { get; private set; }
    public LinearMemory[] Memories { get; private set; } = [];
    public RefTable[] Tables { get; set; } = [];
    /// <summary>By global index. Pinned: compiled code finds the cells by address.</summary>
    public RefCell?[] RefGlobals { get; private set; } = [];

    /// <summary>By type index, null for function types. Pinned as well.</summary>
    public GcType?[] GcTypes { get; private set; } = [];

    /// <summary>Room for reference globals and types of objects.</summary>
    public void Reserve(int globals, int types)
    {
        RefGlobals = GC.AllocateArray<RefCell?>(globals, pinned: true);
        GcTypes = GC.AllocateArray<GcType?>(types, pinned: true);
        if (globals > 0) Block->RefGlobals = Marshal.UnsafeAddrOfPinnedArrayElement(RefGlobals, 0);
        if (types > 0) Block->GcTypes = Marshal.UnsafeAddrOfPinnedArrayElement(GcTypes, 0);
    }
    public Tag[] Tags { get; set; } = [];

    /// <summary>By function index, imports first; made when first asked for.</summary>
    public Function?[] Functions { get; set; } = [];

    /// <summary>Makes the reference of a defined function.</summary>
    public Func<int, Function> MakeFunction { get; set; } = _ => throw new InvalidOperationException("not linked");

    public byte[] ModuleBytes { get; set; } = [];

    /// <summary>Length 0 once dropped.</summary>
    public DataRange[] Datas { get; set; } = [];

    /// <summary>Elements of each segment; empty once dropped.</summary>
    public object?[][] Elems { get; set; } = [];

    /// <summary>Calls an export by name: how host functions re-enter.</summary>
    public Func<InstanceData, string, Value[], Value[]> Invoke { get; set; } = (_, _, _) => throw new InvalidOperationException("not linked");

    /// <summary>The memories by index, and where the first one's slot is in the block.</summary>
    public void Attach(LinearMemory[] memories, int offset)
    {
        Memories = memories;
        memorySlots = offset;
        for (int i = 0; i < memories.Length; i++) memories[i].Attach(SlotOf(i));
    }

    private nint SlotOf(int memory) => (nint)Block + memorySlots + memory * MemorySlot.Size;

    public Function FunctionAt(int index) => Functions[index] ??= MakeFunction(index);

    public void Free()
    {
        if (Block == null) return;
        // A shared memory outlives its users, and would write to their blocks when it grows.
        for (int i = 0; i < Memories.Length; i++)
            if (Memories[i].Shared) Memories[i].Detach(SlotOf(i));
        if (handle.IsAllocated) handle.Free();
        NativeMemory.AlignedFree(Block);
        Block = null;
    }
}

/// <summary>A global's cell that the host made.</summary>
internal sealed unsafe class NativeCell : IDisposable
{
    public nint Address { get; private set; } = (nint)NativeMemory.AllocZeroed(16);

    public void Dispose()
    {
        if (Address != 0) NativeMemory.Free((void*)Address);
        Address = 0;
        GC.SuppressFinalize(this);
    }

    ~NativeCell() => Dispose();
}
