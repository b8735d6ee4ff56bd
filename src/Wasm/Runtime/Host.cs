// Host functions on their way in and out of the guest: the holder behind a host block, the guest that host functions see,
// and the target of typed calls from the host.
// In: a host block and units from compiled code. Out: the delegate's call; anything it throws passes through the guest untouched.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>A host function over values: any signature.</summary>
/// <param name="guest">The calling guest.</param>
/// <param name="arguments">One per parameter.</param>
/// <returns>One per result, of the declared kinds.</returns>
public delegate Value[] HostCallback(Guest guest, Value[] arguments);

/// <summary>What a host block's handle leads to.</summary>
internal sealed unsafe class HostHolder : IDisposable
{
    private readonly GCHandle handle;

    public HostHolder(StoreData store, Delegate target, ValueKind[] results)
    {
        Store = store;
        Target = target;
        Results = results;
        Block = (HostBlock*)NativeMemory.AllocZeroed((nuint)sizeof(HostBlock));
        handle = GCHandle.Alloc(this, GCHandleType.Weak);
        Block->Store = (nint)store.Block;
        Block->Handle = GCHandle.ToIntPtr(handle);
    }

    public StoreData Store { get; }
    public Delegate Target { get; }
    public ValueKind[] Results { get; }

    /// <summary>May the result at this place be the reference?</summary>
    public Func<int, object?, bool> Accepts { get; init; } = (_, _) => true;

    /// <summary>Lets a reference result pass, or says that the host function gave a wrong one.</summary>
    public object? Checked(int index, object? value) => Accepts(index, value)
        ? value
        : throw new InvalidOperationException($"result {index} of a host function is a reference that its type does not allow, or of another store");
    public HostBlock* Block { get; private set; }

    public void Dispose()
    {
        if (Block == null) return;
        if (handle.IsAllocated) handle.Free();
        NativeMemory.Free(Block);
        Block = null;
        GC.SuppressFinalize(this);
    }

    ~HostHolder() => Dispose();
}

/// <summary>What a typed delegate calls: kept small and flat, because it is read on every call.</summary>
internal sealed class CallTarget
{
    public CallTarget(Function function)
    {
        Function = function;
        unsafe
        {
            Block = (nint)function.Store.Block;
        }

        Code = function.Code;
        Context = function.Context;
        function.Store.Targets.Add(new WeakReference<CallTarget>(this));
    }

    public nint Code;
    public nint Context;
    /// <summary>The store's block; 0 once the store is disposed.</summary>
    public nint Block;
    public readonly Function Function;
}

/// <summary>Entry thunks that generated code finds by number.</summary>
internal static class ThunkTable
{
    private static EntryThunk[] thunks = new EntryThunk[16];
    private static int count;
    private static readonly object Sync = new();

    public static int Add(EntryThunk thunk)
    {
        lock (Sync)
        {
            if (count == thunks.Length) Array.Resize(ref thunks, count * 2);
            thunks[count] = thunk;
            return count++;
        }
    }

    public static EntryThunk Get(int number) => thunks[number];
}

/// <summary>The guest as host functions see it, in the compiled engine: the instance that called out last.</summary>
internal sealed unsafe class StoreGuest(StoreData store) : Guest
{
    private InstanceData? Caller
    {
        get
        {
            nint caller = store.Block->Caller;
            return caller == 0 ? null : Unsafe.As<InstanceData>(GCHandle.FromIntPtr(((InstanceBlock*)caller)->Handle).Target!);
        }
    }

    private LinearMemory? Memory => Caller is { Memories.Length: > 0 } c ? c.Memories[0] : null;

    public override object? Data => store.Data;

    public override ulong MemorySize => Memory?.Length ?? 0;

    public override long GasLeft => store.Block->Gas;

    public override Span<byte> Slice(uint address, uint length)
    {
        var m = Memory;
        if (m is null || !m.Contains(address, length) || length > int.MaxValue)
            throw new TrapException(TrapCode.HostRangeOutOfBounds, address, length, m?.Length ?? 0);
        return m.Span(address, length);
    }

    public override void Charge(long gas)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(gas);
        store.Charge(gas);
    }

    public override long GrowMemory(uint pages)
    {
        var m = Memory;
        return m is null ? -1 : store.Grow(m, pages, charged: false);
    }

    public override Value[] Call(string export, params Value[] arguments)
    {
        var caller = Caller ?? throw new InvalidOperationException("no guest is calling");
        if (store.Block->Depth >= store.ReentryLimit)
            throw new TrapException(TrapCode.ReentryTooDeep, (ulong)store.Block->Depth);
        nint block = (nint)caller.Block;
        store.Block->Depth++;
        int units = store.Block->Units;
        try
        {
            return caller.Invoke(caller, export, arguments);
        }
        finally
        {
            store.Block->Depth--;
            store.Block->Units = units;
            store.Block->Caller = block;
        }
    }
}
