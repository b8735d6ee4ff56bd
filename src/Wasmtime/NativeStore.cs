// A store of the library with what our semantics need beside it: gas, stack units and reasons as globals, host functions, interruption.
// In: an engine, limits, host functions. Out: instances; calls that end in results or in the exception that says how they ended.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Twofold.Wasm;
using Twofold.Wasm.Instrument;

namespace Twofold.Wasmtime;

internal sealed unsafe partial class NativeStore : IDisposable
{
    private static readonly delegate* unmanaged<nint, nint, ulong*, byte*, nint> EpochPointer = &Epoch;

    private readonly GCHandle self;
    private readonly nint store;
    private readonly StoreGlobals globals;
    private Exception? kept;
    private volatile string? interruption;
    private bool disposed;

    public NativeStore(NativeEngine engine, WasmLimits limits, int reentryDepth, HostEntry[] hosts)
    {
        Engine = engine;
        Limits = limits;
        ReentryLimit = reentryDepth;
        Hosts = hosts;
        // Weak: an instance that nobody disposed goes with the collector.
        self = GCHandle.Alloc(this, GCHandleType.Weak);
        store = Api.wasmtime_store_new(engine.Pointer, GCHandle.ToIntPtr(self), 0);
        Context = Api.wasmtime_store_context(store);
        Api.wasmtime_store_epoch_deadline_callback(store, EpochPointer, GCHandle.ToIntPtr(self), 0);
        Api.wasmtime_context_set_epoch_deadline(Context, 1);
        Guest = new StoreGuest(this);
        globals = new StoreGlobals(Context, limits.GcBytes);
        globals[StoreGlobal.Pages] = (ulong)limits.MemoryBytes >> 16;
        globals[StoreGlobal.Entries] = (ulong)limits.TableEntries;
    }

    public NativeEngine Engine { get; }
    public nint Context { get; }
    public WasmLimits Limits { get; }
    public HostEntry[] Hosts { get; }
    public StoreGuest Guest { get; }
    public StoreGlobals Globals => globals;
    public int ReentryLimit { get; }
    public int Depth { get; set; }
    public object? Data { get; set; }
    public long GasLimit { get; private set; }
    public List<NativeMemoryRef> Memories { get; } = [];

    /// <summary>The instance whose function was called last: the one that host functions see.</summary>
    public NativeInstanceRef? Running { get; set; }
    public NativeMemoryRef? Memory => Running is { Memories.Length: > 0 } r ? r.Memories[0] : null;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NativeStore Of(nint data) => Unsafe.As<NativeStore>(GCHandle.FromIntPtr(data).Target!);

    /// <summary>The store that runs on this thread, innermost first: the one that a host function is called from.</summary>
    [ThreadStatic] internal static NativeStore? OfThread;

    // ---- gas, stack, endings

    /// <summary>A new run: gas and stack as at the start.</summary>
    public void Begin(long gas, int units)
    {
        GasLimit = gas;
        Gas = gas;
        Units = units;
        Depth = 0;
        GasWanted = -1;
        kept = null;
        globals[StoreGlobal.Reason] = 0;
        globals[StoreGlobal.Objects] = 0;
    }

    public long Gas
    {
        get => (long)globals[StoreGlobal.Gas];
        set => globals[StoreGlobal.Gas] = (ulong)value;
    }

    public int Units
    {
        get => (int)globals[StoreGlobal.Stack];
        set => globals[StoreGlobal.Stack] = (uint)value;
    }

    public void Charge(long gas)
    {
        long left = Gas;
        if (left < gas) throw OutOfGas(left - gas);
        Gas = left - gas;
    }

    /// <summary>What the run would have used with the charge that was refused, or -1: for audits.</summary>
    public long GasWanted { get; private set; } = -1;

    /// <summary>`left` is what the charge left, below zero.</summary>
    private OutOfGasException OutOfGas(long left)
    {
        GasWanted = GasLimit - left;
        Gas = 0;
        return new OutOfGasException(GasLimit);
    }

    /// <summary>Grows for a host function: the old size in pages, or -1 by our verdict.</summary>
    public long Grow(NativeMemoryRef memory, ulong pages)
    {
        ulong old = memory.Length >> 16;
        ulong room = globals[StoreGlobal.Pages];
        if (pages > memory.MaxPages - Math.Min(old, memory.MaxPages) || pages > room) return -1;
        memory.Grow(pages);
        // A shared memory was counted whole when it was made.
        if (!memory.Shared) globals[StoreGlobal.Pages] = room - pages;
        return (long)old;
    }

    // ---- interruption

    /// <summary>Stops the guest at its next loop iteration or function entry. From any thread.</summary>
    public void Interrupt(string reason)
    {
        interruption = reason;
        Engine.Nudge();
    }

    [UnmanagedCallersOnly]
    private static nint Epoch(nint context, nint data, ulong* delta, byte* kind)
    {
        if (Of(data).interruption is null)
        {
            // Another store was meant.
            *delta = 1;
            *kind = 0;
            return 0;
        }

        fixed (byte* words = "interrupted\0"u8) return Api.wasmtime_error_new(words);
    }

    // ---- calls

    /// <summary>Keeps what a host function threw, and gives the trap that stands for it on its way through the guest.</summary>
    public nint Keep(Exception e)
    {
        kept = e is WasmException or HostFunctionException or HostMemoryException ? e : new HostFunctionException(e);
        fixed (byte* words = "host"u8) return Api.wasmtime_trap_new(words, 4);
    }

    /// <summary>Calls a function; the arguments fit. Null when it did not return: `ended` says how it ended.</summary>
    public Value[]? Invoke(NativeFunctionRef function, Value[] arguments, out Exception? ended)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (interruption is { } reason)
        {
            ended = new GuestInterruptedException(reason);
            return null;
        }

        var before = Running;
        var outer = OfThread;
        Running = function.Instance;
        OfThread = this;
        try
        {
            return function.Signature.Numeric ? InvokeWords(function, arguments, out ended) : InvokeValues(function, arguments, out ended);
        }
        finally
        {
            Running = before;
            OfThread = outer;
        }
    }

    /// <summary>The host itself calls the instance, outside any host function: that is no re-entry.</summary>
    public Value[] CallsFromHost(NativeInstanceRef instance, Func<Guest, Value[]> calls)
    {
        Running = instance;
        Depth = -1;
        try
        {
            return calls(Guest);
        }
        finally
        {
            Running = null;
            Depth = 0;
        }
    }

    /// <summary>A memory of the store that no module defines.</summary>
    public Supply NewMemory(SizeLimits type)
    {
        ulong max = Supply.Addressable(type);
        nint native;
        nint error = Api.wasmtime_memorytype_new(type.Min, type.Max.IsSome ? (byte)1 : (byte)0, type.Max.IsSome ? type.Max.Value : 0, type.Is64 ? (byte)1 : (byte)0, type.Shared ? (byte)1 : (byte)0, 16, &native);
        if (error != 0) throw new InvalidOperationException(NativeEngine.TakeMessage(error));
        NativeItem memory;
        error = Api.wasmtime_memory_new(Context, native, &memory);
        Api.wasm_memorytype_delete(native);
        if (error != 0) throw new HostMemoryException($"the library could not make a memory of {type.Min} pages: {NativeEngine.TakeMessage(error)}");
        return new Supply(new NativeExtern { Kind = NativeExternKind.Memory, Item = memory }, max);
    }

    /// <summary>A host function, by its index among the store's.</summary>
    public Supply NewFunction(int index, nint type)
    {
        NativeFunc made;
        Api.wasmtime_func_new_unchecked(Context, type, HostCalls.Pointer, index, 0, &made);
        return new Supply(new NativeExtern { Kind = NativeExternKind.Func, Func = made }, 0);
    }

    /// <summary>Instantiates a module of ours. Nothing of the guest runs; the imports fit, or the library says why not.</summary>
    public NativeInstanceRef? Instantiate(NativeModule module, ReadOnlySpan<Supply> own, bool supplied, out string? why)
    {
        var made = InstantiateRaw(module.Handle.Pointer, ImportsOf(module, own), out why);
        if (why is not null) return null;
        var instance = new NativeInstanceRef(this, module, made, own, supplied);
        Instances.Add(instance);
        // What it has of its own is no longer left for growth.
        if (instance.OwnPages != 0) globals[StoreGlobal.Pages] -= instance.OwnPages;
        if (instance.OwnEntries != 0) globals[StoreGlobal.Entries] -= instance.OwnEntries;
        return instance;
    }

    /// <summary>Instantiates what the library compiled; `why` is its refusal.</summary>
    public NativeInstance InstantiateRaw(nint module, NativeExtern[] imports, out string? why)
    {
        NativeInstance made;
        nint trap = 0;
        nint error;
        fixed (NativeExtern* i = imports) error = Api.wasmtime_instance_new(Context, module, i, (nuint)imports.Length, &made, &trap);
        why = null;
        if (error != 0) why = NativeEngine.TakeMessage(error);
        if (trap != 0)
        {
            why = NativeEngine.TrapMessage(trap);
            Api.wasm_trap_delete(trap);
        }

        return made;
    }

    /// <summary>What the library links: the module's own imports in their order, then the globals that instrumented code wants.</summary>
    private NativeExtern[] ImportsOf(NativeModule module, ReadOnlySpan<Supply> own)
    {
        var wanted = module.Instrumented.Imports;
        var all = new NativeExtern[own.Length + wanted.Length];
        for (int i = 0; i < own.Length; i++) all[i] = own[i].Extern;
        for (int i = 0; i < wanted.Length; i++)
        {
            all[own.Length + i] = wanted[i].Kind switch
            {
                StoreGlobal.MemoryMax => globals.Constant(MaxOf(own, NativeExternKind.Memory, wanted[i].Index)),
                StoreGlobal.TableMax => globals.Constant(MaxOf(own, NativeExternKind.Table, wanted[i].Index)),
                var kind => globals.Extern(kind),
            };
        }

        return all;
    }

    /// <summary>The greatest size of the imported memory or table with this index in its space.</summary>
    private static ulong MaxOf(ReadOnlySpan<Supply> own, NativeExternKind kind, int index)
    {
        foreach (var s in own)
            if (s.IsA(kind) && index-- == 0)
                return s.Max;
        throw new InvalidOperationException($"there is no imported {kind} of that index");
    }

    /// <summary>Slots that a call has room for on the stack.</summary>
    private const int FewSlots = 16;

    [SkipLocalsInit]
    private Value[]? InvokeWords(NativeFunctionRef function, Value[] arguments, out Exception? ended)
    {
        if (function.Signature.Slots <= FewSlots)
        {
            NativeRaw* few = stackalloc NativeRaw[FewSlots];
            return InvokeRaw(function, arguments, few, out ended);
        }

        fixed (NativeRaw* many = new NativeRaw[function.Signature.Slots]) return InvokeRaw(function, arguments, many, out ended);
    }

    private Value[]? InvokeRaw(NativeFunctionRef function, Value[] arguments, NativeRaw* raw, out Exception? ended)
    {
        var s = function.Signature;
        for (int i = 0; i < arguments.Length; i++)
        {
            raw[i].Low = arguments[i].Bits;
            raw[i].High = arguments[i].HighBits;
        }

        nint trap = 0;
        NativeFunc f = function.Native;
        nint error = Api.wasmtime_func_call_unchecked(Context, &f, raw, (nuint)s.Slots, &trap);
        if ((error | trap) != 0)
        {
            ended = EndOf(error, trap);
            return null;
        }

        ended = null;
        var results = s.Results.Length == 0 ? [] : new Value[s.Results.Length];
        for (int i = 0; i < results.Length; i++)
            results[i] = Value.FromBits(s.Results[i], raw[i].Low, s.Results[i] == ValueKind.V128 ? raw[i].High : 0);
        return results;
    }

    private Value[]? InvokeValues(NativeFunctionRef function, Value[] arguments, out Exception? ended)
    {
        var s = function.Signature;
        var given = new NativeValue[arguments.Length];
        var results = new NativeValue[s.Results.Length];
        for (int i = 0; i < given.Length; i++) given[i] = Lower(arguments[i], s.Params[i]);
        nint trap = 0;
        nint error;
        NativeFunc f = function.Native;
        fixed (NativeValue* a = given)
        fixed (NativeValue* r = results) error = Api.wasmtime_func_call(Context, &f, a, (nuint)given.Length, r, (nuint)results.Length, &trap);
        if ((error | trap) != 0)
        {
            ended = EndOf(error, trap);
            return null;
        }

        ended = null;
        return Array.ConvertAll(results, Lift);
    }

    /// <summary>How a call ended that did not return: what a host function threw, an interrupt, an exception, our reason, or the library's trap. Takes error and trap.</summary>
    public Exception EndOf(nint error, nint trap)
    {
        string words = "";
        int code = -1;
        if (trap != 0)
        {
            byte c;
            if (Api.wasmtime_trap_code(trap, &c) != 0) code = c;
            words = NativeEngine.TrapMessage(trap);
            Api.wasm_trap_delete(trap);
        }

        if (error != 0) words = NativeEngine.TakeMessage(error);

        var numbers = globals.TakeReason();
        if (kept is { } thrown)
        {
            kept = null;
            return thrown;
        }

        if (interruption is { } reason) return new GuestInterruptedException(reason);
        if (Api.wasmtime_context_has_exception(Context) != 0) return TakeException();
        return numbers.Code switch
        {
            0 => Endings.OfNative(code, words, numbers.A, Engine.Options.StackBytes, Units),
            Endings.OutOfGas => OutOfGas((long)numbers.A),
            Endings.HostMemory => new HostMemoryException("the library refused a growth that the limits allow"),
            Endings.StackExhausted => new StackExhaustedException(Limits.StackUnits),
            >= 1 and <= (int)TrapCode.ReentryTooDeep => new TrapException((TrapCode)numbers.Code, numbers.A, numbers.B, numbers.C),
            var other => new InvalidOperationException($"the guest ended with the unknown reason {other}: {words}"),
        };
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    ~NativeStore() => Free();

    private void Free()
    {
        if (disposed) return;
        disposed = true;
        Unroot();
        foreach (var m in Memories) m.Free();
        Api.wasmtime_store_delete(store);
        self.Free();
    }
}
