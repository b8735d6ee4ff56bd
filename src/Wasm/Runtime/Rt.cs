// What compiled code calls: lazy compilation, host functions, traps, references, stack switching. RtMemory.cs has memories and tables.
// In: the caller's instance block and operands; gas has been written back to the store. Out: results, or a WasmException;
// every operand-dependent price is taken here, before the instruction's own checks (design 4.2).

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twofold.Wasm;

/// <summary>Calls an entry point with boxed arguments and results: one per signature, made by the emitter.</summary>
internal delegate void EntryThunk(nint code, nint context, int units, Value[] arguments, Value[] results);

internal static unsafe partial class Rt
{
    private const MethodImplOptions Cold = MethodImplOptions.NoInlining;

    internal static InstanceData Instance(nint context) => Unsafe.As<InstanceData>(GCHandle.FromIntPtr(((InstanceBlock*)context)->Handle).Target!);

    internal static StoreData Store(nint context) => Unsafe.As<StoreData>(GCHandle.FromIntPtr(((StoreBlock*)((InstanceBlock*)context)->Store)->Handle).Target!);

    // ---- entering and leaving

    /// <summary>Called on every entry from the host: makes the native limit that of the current thread. The thread's own record is asked,
    /// not the address of a local: a new thread's stack may lie where a larger one of an ended thread was.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Enter(StoreBlock* store)
    {
        if (NativeStack.CurrentLow != store->StackLow) EnterSlow(store);
    }

    [MethodImpl(Cold)]
    private static void EnterSlow(StoreBlock* store)
    {
        nint low = NativeStack.Low();
        Unsafe.As<StoreData>(GCHandle.FromIntPtr(store->Handle).Target!).UseStack(low);
    }

    /// <summary>Function entry found its frame below the limit: an interrupt, another thread, or a stack that runs low.
    /// True when the call must go on on a fresh stack.</summary>
    [MethodImpl(Cold)]
    public static bool StackSlow(nint context) => StackSlowFor(context, 0);

    /// <summary>The same for a function whose frame alone needs this many bytes, asked before the frame exists.</summary>
    [MethodImpl(Cold)]
    public static bool StackSlowFor(nint context, int bytes)
    {
        var store = Store(context);
        store.Poll();
        nint low = NativeStack.Low();
        byte here;
        if ((nint)(&here) - bytes - low < NativeStack.Reserve) return true;
        store.UseStack(low);
        return false;
    }

    /// <summary>Carries out a call on a fresh native stack while this thread waits (design 4.4).</summary>
    [MethodImpl(Cold)]
    public static void CallOnFreshStack(nint context, int index, int units, EntryThunk thunk, Value[] arguments, Value[] results)
    {
        var instance = Instance(context);
        var store = instance.Store;
        nint low = store.Block->StackLow;
        try
        {
            NativeStack.RunFresh(() =>
            {
                store.UseStack(NativeStack.Low());
                thunk(instance.Code.Resolve(index), context, units, arguments, results);
            });
        }
        finally
        {
            store.UseStack(low);
        }
    }

    /// <summary>The start of a typed call: the store's block, ready for this thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static StoreBlock* EnterTarget(CallTarget target)
    {
        var store = (StoreBlock*)target.Block;
        if (store == null) ThrowDisposed();
        Enter(store);
        return store;
    }

    [MethodImpl(Cold)]
    private static void ThrowDisposed() => throw new ObjectDisposedException("Store", "the function's store is disposed");

    // ---- host functions

    internal static HostHolder Holder(nint block) => Unsafe.As<HostHolder>(GCHandle.FromIntPtr(((HostBlock*)block)->Handle).Target!);

    /// <summary>The delegate behind a host block; the units left are noted for re-entry.</summary>
    public static Delegate HostDelegate(nint block, int units)
    {
        ((StoreBlock*)((HostBlock*)block)->Store)->Units = units;
        return Holder(block).Target;
    }

    public static Guest HostGuest(nint block) => Holder(block).Store.Guest;

    /// <summary>Calls a HostFunction with raw bits.</summary>
    public static ulong CallHost(nint block, int units, ulong* arguments, int count)
    {
        var holder = Holder(block);
        ((StoreBlock*)((HostBlock*)block)->Store)->Units = units;
        try
        {
            return Unsafe.As<HostFunction>(holder.Target)(holder.Store.Guest, new ReadOnlySpan<ulong>(arguments, count));
        }
        catch (Exception e) when (e is not (WasmException or HostFunctionException or HostMemoryException))
        {
            // Marked, so that nobody mistakes it for trouble of compiled code.
            throw new HostFunctionException(e);
        }
    }

    /// <summary>Calls a HostCallback and checks that it gave what it declared.</summary>
    public static Value[] CallHostBoxed(nint block, int units, Value[] arguments)
    {
        var holder = Holder(block);
        ((StoreBlock*)((HostBlock*)block)->Store)->Units = units;
        var results = Unsafe.As<HostCallback>(holder.Target)(holder.Store.Guest, arguments) ?? [];
        var kinds = holder.Results;
        bool right = results.Length == kinds.Length;
        for (int i = 0; right && i < kinds.Length; i++) right = results[i].Kind == kinds[i];
        if (!right)
            throw new InvalidOperationException(
                $"a host function declared results ({string.Join(", ", kinds)}) and gave ({string.Join(", ", results.Select(r => r.Kind))})");
        for (int i = 0; i < kinds.Length; i++)
            if (kinds[i] >= ValueKind.FuncRef) holder.Checked(i, results[i].Reference);
        return results;
    }

    /// <summary>A reference that a typed host function gave.</summary>
    public static object? HostReference(object? value, nint block) => Holder(block).Checked(0, value);

    /// <summary>A reference that the host passes in a typed call; its .NET type is right, its store may not be.</summary>
    public static object? OwnReference(object? value, CallTarget target)
    {
        var store = value switch
        {
            Function f => f.Store,
            GcObject { Type.Store: { } s } => s,
            _ => null,
        };
        if (store != null && store != target.Function.Store) throw new ArgumentException("the reference belongs to another store");
        return value;
    }

    // ---- code

    /// <summary>Entry point of a defined function of the caller's module.</summary>
    [MethodImpl(Cold)]
    public static nint Resolve(nint context, int index) => Instance(context).Code.ResolveCall(context, index, out _);

    /// <summary>Entry point of an imported function or table entry whose code is not there yet.</summary>
    [MethodImpl(Cold)]
    public static nint ResolveEntry(nint entry)
    {
        var e = (FuncEntry*)entry;
        nint code = Instance(e->Context).Code.ResolveCall(e->Context, e->Index, out bool lasting);
        if (lasting) e->Code = code;
        return code;
    }

    // ---- endings; each returns the exception that the cold block throws

    [MethodImpl(Cold)] public static Exception Trap(int code) => new TrapException((TrapCode)code);

    [MethodImpl(Cold)]
    public static Exception TrapMemory(nint context, int memory, ulong address, ulong offset, int bytes)
    {
        ulong at = address + offset;
        if (at < address) at = ulong.MaxValue;
        return new TrapException(TrapCode.MemoryOutOfBounds, at, (ulong)bytes, Instance(context).Memories[memory].Length);
    }

    [MethodImpl(Cold)]
    public static Exception TrapUnaligned(ulong index, ulong offset, int bytes) =>
        new TrapException(TrapCode.UnalignedAtomic, Effective(index, offset), (ulong)bytes);

    [MethodImpl(Cold)]
    public static Exception TrapIndirect(nint context, int table, ulong index)
    {
        var t = Instance(context).Tables[table];
        return index >= t.Length ? new TrapException(TrapCode.UndefinedElement, index, 1, t.Length)
            : t.Get(index) is null ? new TrapException(TrapCode.UninitializedElement, index)
            : new TrapException(TrapCode.IndirectCallTypeMismatch, index);
    }

    [MethodImpl(Cold)] public static Exception TrapTrunc(double value) => new TrapException(Num.TruncFault(value));

    /// <summary>A charge left less gas than it must: below zero, or not what an interrupt asks for.</summary>
    [MethodImpl(Cold)]
    public static Exception OutOfGas(nint context, long gas)
    {
        var store = Store(context);
        if (gas < 0) return store.OutOfGas(gas);
        store.Block->Gas = gas;
        return Interrupted(context);
    }

    [MethodImpl(Cold)] public static Exception StackExhausted(nint context) => new StackExhaustedException(Store(context).Block->UnitsLimit);

    [MethodImpl(Cold)]
    public static Exception Interrupted(nint context) => new GuestInterruptedException(Store(context).Interruption ?? "interrupted");

    // ---- references and globals

    [MethodImpl(Cold)] public static object RefFunc(nint context, int index) => Instance(context).FunctionAt(index);

    [MethodImpl(Cold)] public static object? GlobalGetRef(nint context, int global) => Instance(context).RefGlobals[global]!.Value;

    [MethodImpl(Cold)] public static void GlobalSetRef(nint context, int global, object? value) => Instance(context).RefGlobals[global]!.Value = value;

    /// <summary>A reference result after the first; see StoreBlock.ResultsOffset for numbers.</summary>
    [MethodImpl(Cold)] public static void SetRefResult(nint context, int index, object? value) => Store(context).RefResults[index] = value;

    [MethodImpl(Cold)]
    public static object? TakeRefResult(nint context, int index)
    {
        var results = Store(context).RefResults;
        var value = results[index];
        results[index] = null;
        return value;
    }
}
