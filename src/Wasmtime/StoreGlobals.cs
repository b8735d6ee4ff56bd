// The globals that instrumented code keeps its books in: one set for each store, imported by every module of it.
// In: the store's context and limits. Out: gas, stack units, room for growth and the reason of an ending, read and written as words.

using Twofold.Wasm.Instrument;

namespace Twofold.Wasmtime;

/// <summary>Why instrumented code stopped, with its numbers.</summary>
internal readonly record struct StopReason(int Code, ulong A, ulong B, ulong C);

internal sealed unsafe class StoreGlobals
{
    private const int Count = (int)StoreGlobal.Entries + 1;

    // Made once for the process: types belong to no engine.
    private static readonly nint MutableI32 = Type(0, 1);
    private static readonly nint MutableI64 = Type(1, 1);
    private static readonly nint ConstantI64 = Type(1, 0);

    private readonly NativeItem[] items = new NativeItem[Count];
    private readonly nint context;

    public StoreGlobals(nint context, long objectsLimit)
    {
        this.context = context;
        for (int i = 0; i < Count; i++)
        {
            var g = (StoreGlobal)i;
            items[i] = g == StoreGlobal.ObjectsLimit ? Make(context, ConstantI64, NativeKind.I64, (ulong)objectsLimit) : Make(context, IsWord(g) ? MutableI64 : MutableI32, IsWord(g) ? NativeKind.I64 : NativeKind.I32, 0);
        }
    }

    private static bool IsWord(StoreGlobal g) => g is not (StoreGlobal.Stack or StoreGlobal.Reason);

    private static nint Type(byte kind, byte mutability) => Api.wasm_globaltype_new(Api.wasm_valtype_new(kind), mutability);

    private static NativeItem Make(nint context, nint type, NativeKind kind, ulong bits)
    {
        var value = new NativeValue { Kind = kind, Low = bits };
        NativeItem made;
        nint error = Api.wasmtime_global_new(context, type, &value, &made);
        return error == 0 ? made : throw new InvalidOperationException(NativeEngine.TakeMessage(error));
    }

    /// <summary>An immutable i64 of one instance.</summary>
    public NativeExtern Constant(ulong bits) => new() { Kind = NativeExternKind.Global, Item = Make(context, ConstantI64, NativeKind.I64, bits) };

    public NativeExtern Extern(StoreGlobal g) => new() { Kind = NativeExternKind.Global, Item = items[(int)g] };

    public ulong this[StoreGlobal g]
    {
        get
        {
            NativeValue v;
            fixed (NativeItem* item = &items[(int)g]) Api.wasmtime_global_get(context, item, &v);
            return IsWord(g) ? v.Low : (uint)v.Low;
        }
        set
        {
            var v = new NativeValue { Kind = IsWord(g) ? NativeKind.I64 : NativeKind.I32, Low = value };
            // It could only refuse another type.
            fixed (NativeItem* item = &items[(int)g]) Api.wasmtime_global_set(context, item, &v);
        }
    }

    /// <summary>The reason of the last ending, which is over: a host function may go on after a call back that trapped. The numbers stay: the library's own traps use them.</summary>
    public StopReason TakeReason()
    {
        int code = (int)this[StoreGlobal.Reason];
        if (code != 0) this[StoreGlobal.Reason] = 0;
        return new StopReason(code, this[StoreGlobal.A], this[StoreGlobal.B], this[StoreGlobal.C]);
    }
}
