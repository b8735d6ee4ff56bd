// Instructions of the interpreter on GC objects and references: making, reading, casting.
// In: two words, the frame, the instance's block; gas and position have been written back. Out: the next word, or a WasmException; traps in the order
// of compiled code. Fields are read where they lie: Interpreter/Fields.fs has measured their places in the generated classes.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Twofold.Wasm;

/// <summary>Word.X of IOp.Gc. W is the second word; operands are places unless said otherwise.</summary>
internal enum GcOp : ushort
{
    // A: result. B, C: where the values start. W.A: type.
    StructNew, StructNewDefault,
    // A: result or value, B: the object, C: byte offset of the field; W.A: storage, W.B: 1 to extend the sign.
    StructGet, StructSet,
    // A: result, B: value, C: count; W.A: type, W.B: storage.
    ArrayNew, ArrayNewDefault,
    // A: result, B, C: where the values start; W.A: type, W.B: storage, W.C: count.
    ArrayNewFixed,
    // A: result, B: from, C: count; W.A: type, W.B: storage, W.C: segment.
    ArrayNewData, ArrayNewElem,
    // A: result or value, B: the array, C: index; W.A: storage, W.B: 1 to extend the sign.
    ArrayGet, ArraySet,
    ArrayLen,
    // A: value, B: the array, C: from; W.A: count, W.B: storage.
    ArrayFill,
    // A: target, B: to, C: source; W.A: from, W.B: count, W.C: storage.
    ArrayCopy,
    // A: target, B: to, C: from; W.A: count, W.B: segment, W.C: storage.
    ArrayInitData, ArrayInitElem,
    // A: result, B: the reference; W.X: 1 when null is of the type; W.A: InterpGc.Is*, W.B: canonical id, W.C: depth.
    RefTest, RefCast,
    RefEq, RefAsNonNull, AnyConvertExtern, ExternConvertAny, RefI31, I31GetS, I31GetU,
}

/// <summary>How a field or an element is kept.</summary>
internal enum GcStorage
{
    I8, I16, I32, I64, F32, F64, V128, Reference,
}

/// <summary>A struct type as the interpreter makes objects of it.</summary>
/// <param name="Class">The generated class.</param>
/// <param name="Offsets">Byte offset of each field from the start of the object's data.</param>
/// <param name="Fields">How each field is kept.</param>
/// <param name="Bytes">What an object counts for.</param>
internal sealed record InterpStruct(Type Class, int[] Offsets, GcStorage[] Fields, ulong Bytes);

internal static unsafe class InterpGc
{
    /// <summary>Of a defined function type; of a defined struct or array type; any non-null reference; by kind; no non-null reference.</summary>
    public const int IsFunction = 0, IsObject = 1, IsAny = 2, IsEq = 3, IsI31 = 4, IsStruct = 5, IsArray = 6, IsNone = 7;

    /// <summary>The same start as every object: what follows the method table.</summary>
    private sealed class Raw
    {
        public byte Data;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref byte Field(object o, int offset) => ref Unsafe.AddByteOffset(ref Unsafe.As<Raw>(o).Data, offset);

    /// <summary>Byte offset of a field, given by reference, in its object.</summary>
    public static int OffsetOf(object o, ref byte field) => (int)Unsafe.ByteOffset(ref Unsafe.As<Raw>(o).Data, ref field);

    private static object Require(object? o) => o ?? throw new TrapException(TrapCode.NullReference);

    private static void Load(ref byte at, GcStorage storage, bool signed, byte* fp, object?[] refs, int rb, int to)
    {
        switch (storage)
        {
            case GcStorage.I8:
                *(int*)(fp + to) = signed ? (sbyte)at : at;
                break;
            case GcStorage.I16:
                *(int*)(fp + to) = signed ? Unsafe.As<byte, short>(ref at) : Unsafe.As<byte, ushort>(ref at);
                break;
            case GcStorage.I32:
            case GcStorage.F32:
                *(int*)(fp + to) = Unsafe.As<byte, int>(ref at);
                break;
            case GcStorage.I64:
            case GcStorage.F64:
                *(long*)(fp + to) = Unsafe.As<byte, long>(ref at);
                break;
            case GcStorage.V128:
                *(Vector128<byte>*)(fp + to) = Unsafe.ReadUnaligned<Vector128<byte>>(ref at);
                break;
            default:
                refs[rb + to] = Unsafe.As<byte, object?>(ref at);
                break;
        }
    }

    private static void Store(ref byte at, GcStorage storage, byte* fp, object?[] refs, int rb, int from)
    {
        switch (storage)
        {
            case GcStorage.I8:
                at = *(fp + from);
                break;
            case GcStorage.I16:
                Unsafe.As<byte, short>(ref at) = *(short*)(fp + from);
                break;
            case GcStorage.I32:
            case GcStorage.F32:
                Unsafe.As<byte, int>(ref at) = *(int*)(fp + from);
                break;
            case GcStorage.I64:
            case GcStorage.F64:
                Unsafe.As<byte, long>(ref at) = *(long*)(fp + from);
                break;
            case GcStorage.V128:
                Unsafe.WriteUnaligned(ref at, *(Vector128<byte>*)(fp + from));
                break;
            default:
                Unsafe.As<byte, object?>(ref at) = refs[rb + from];
                break;
        }
    }

    private static int Width(GcStorage storage) => storage switch
    {
        GcStorage.Reference => 0,
        GcStorage.V128 => 16,
        _ => 8,
    };

    /// <summary>The element, or the trap of an index outside.</summary>
    private static ref byte Element(object array, GcStorage storage, int index)
    {
        switch (storage)
        {
            case GcStorage.I8: return ref In<byte>(array, index);
            case GcStorage.I16: return ref In<short>(array, index);
            case GcStorage.I32: return ref In<int>(array, index);
            case GcStorage.I64: return ref In<long>(array, index);
            case GcStorage.F32: return ref In<float>(array, index);
            case GcStorage.F64: return ref In<double>(array, index);
            case GcStorage.V128: return ref In<Vector128<byte>>(array, index);
            default: return ref In<object?>(array, index);
        }
    }

    private static ref byte In<T>(object array, int index)
    {
        var items = Unsafe.As<GcArray<T>>(array).Items;
        if ((uint)index >= (uint)items.Length) throw GcRt.TrapElement(index, items.Length);
        return ref Unsafe.As<T, byte>(ref items[index]);
    }

    /// <summary>Is the reference of the type that the second word names?</summary>
    private static bool Is(object? o, Word* w)
    {
        if (o is null) return w->X != 0;
        return w->A switch
        {
            IsFunction => GcRt.IsFunction(o, w->B) != 0,
            IsObject => Unsafe.As<GcObject>(o).Type.IsA(w->C, w->B),
            IsAny => true,
            IsEq => Unsafe.As<GcObject>(o).Type.Kind != GcKind.External,
            IsI31 => Unsafe.As<GcObject>(o).Type.Kind == GcKind.I31,
            IsStruct => Unsafe.As<GcObject>(o).Type.Kind == GcKind.Struct,
            IsArray => Unsafe.As<GcObject>(o).Type.Kind == GcKind.Array,
            _ => false,
        };
    }

    public static Word* Run(Word* w, byte* fp, object?[] refs, int rb, nint ctx)
    {
        var v = w + 1;
        switch ((GcOp)w->X)
        {
            case GcOp.StructNew:
            case GcOp.StructNewDefault:
                refs[rb + w->A] = NewStruct(w, fp, refs, rb, ctx);
                break;
            case GcOp.StructGet:
                Load(ref Field(Require(refs[rb + w->B]), w->C), (GcStorage)v->A, v->B != 0, fp, refs, rb, w->A);
                break;
            case GcOp.StructSet:
                Store(ref Field(Require(refs[rb + w->B]), w->C), (GcStorage)v->A, fp, refs, rb, w->A);
                break;
            case GcOp.ArrayNew:
                refs[rb + w->A] = NewArray(w, fp, refs, rb, ctx);
                break;
            case GcOp.ArrayNewDefault:
                refs[rb + w->A] = NewDefault(w, fp, ctx);
                break;
            case GcOp.ArrayNewFixed:
                refs[rb + w->A] = NewFixed(w, fp, refs, rb, ctx);
                break;
            case GcOp.ArrayNewData:
                refs[rb + w->A] = NewData(w, fp, ctx);
                break;
            case GcOp.ArrayNewElem:
                refs[rb + w->A] = GcRt.ArrayNewElem(ctx, v->A, v->C, *(int*)(fp + w->B), *(int*)(fp + w->C));
                break;
            case GcOp.ArrayGet:
                Load(ref Element(Require(refs[rb + w->B]), (GcStorage)v->A, *(int*)(fp + w->C)), (GcStorage)v->A, v->B != 0, fp, refs, rb, w->A);
                break;
            case GcOp.ArraySet:
                Store(ref Element(Require(refs[rb + w->B]), (GcStorage)v->A, *(int*)(fp + w->C)), (GcStorage)v->A, fp, refs, rb, w->A);
                break;
            case GcOp.ArrayLen:
                *(int*)(fp + w->A) = Unsafe.As<GcArray>(Require(refs[rb + w->B])).Count;
                break;
            case GcOp.ArrayFill:
                Fill(w, fp, refs, rb, ctx);
                break;
            case GcOp.ArrayCopy:
                Copy(w, fp, refs, rb, ctx);
                break;
            case GcOp.ArrayInitData:
                InitData(w, fp, refs, rb, ctx);
                break;
            case GcOp.ArrayInitElem:
                GcRt.ArrayInitElem(ctx, v->B, refs[rb + w->A], *(int*)(fp + w->B), *(int*)(fp + w->C), *(int*)(fp + v->A));
                break;
            case GcOp.RefTest:
                *(int*)(fp + w->A) = Is(refs[rb + w->B], v) ? 1 : 0;
                break;
            case GcOp.RefCast:
                if (!Is(refs[rb + w->B], v)) throw new TrapException(TrapCode.CastFailure);
                refs[rb + w->A] = refs[rb + w->B];
                break;
            case GcOp.RefEq:
                *(int*)(fp + w->A) = GcRt.Same(refs[rb + w->B], refs[rb + w->C]);
                break;
            case GcOp.RefAsNonNull:
                refs[rb + w->A] = Require(refs[rb + w->B]);
                break;
            case GcOp.AnyConvertExtern:
                refs[rb + w->A] = GcRt.AnyOfExtern(refs[rb + w->B]);
                break;
            case GcOp.ExternConvertAny:
                refs[rb + w->A] = GcRt.ExternOfAny(refs[rb + w->B]);
                break;
            case GcOp.RefI31:
                refs[rb + w->A] = GcI31.Of(*(int*)(fp + w->B));
                break;
            case GcOp.I31GetS:
                *(int*)(fp + w->A) = Unsafe.As<GcI31>(Require(refs[rb + w->B])).Number;
                break;
            case GcOp.I31GetU:
                *(int*)(fp + w->A) = Unsafe.As<GcI31>(Require(refs[rb + w->B])).Number & int.MaxValue;
                break;
            default:
                throw new InvalidOperationException("no such instruction on objects");
        }

        return w + 2;
    }

    private static object NewStruct(Word* w, byte* fp, object?[] refs, int rb, nint ctx)
    {
        var instance = Rt.Instance(ctx);
        int type = w[1].A;
        var s = instance.Code.Struct(type);
        instance.Store.Allocate(s.Bytes);
        var o = RuntimeHelpers.GetUninitializedObject(s.Class);
        Unsafe.As<GcObject>(o).Type = instance.GcTypes[type]!;
        if (w->X == (ushort)GcOp.StructNewDefault) return o;
        int slot = w->B, r = w->C;
        for (int k = 0; k < s.Fields.Length; k++)
        {
            var storage = s.Fields[k];
            Store(ref Field(o, s.Offsets[k]), storage, fp, refs, rb, storage == GcStorage.Reference ? r++ : slot);
            slot += Width(storage);
        }

        return o;
    }

    private static object NewArray(Word* w, byte* fp, object?[] refs, int rb, nint ctx)
    {
        int type = w[1].A, count = *(int*)(fp + w->C);
        byte* value = fp + w->B;
        return (GcStorage)w[1].B switch
        {
            GcStorage.I8 => GcRt.ArrayNew(ctx, type, *value, count),
            GcStorage.I16 => GcRt.ArrayNew(ctx, type, *(short*)value, count),
            GcStorage.I32 => GcRt.ArrayNew(ctx, type, *(int*)value, count),
            GcStorage.I64 => GcRt.ArrayNew(ctx, type, *(long*)value, count),
            GcStorage.F32 => GcRt.ArrayNew(ctx, type, *(float*)value, count),
            GcStorage.F64 => GcRt.ArrayNew(ctx, type, *(double*)value, count),
            GcStorage.V128 => GcRt.ArrayNew(ctx, type, *(Vector128<byte>*)value, count),
            _ => GcRt.ArrayNew(ctx, type, refs[rb + w->B], count),
        };
    }

    private static object NewDefault(Word* w, byte* fp, nint ctx)
    {
        int type = w[1].A, count = *(int*)(fp + w->C);
        return (GcStorage)w[1].B switch
        {
            GcStorage.I8 => GcRt.ArrayNewDefault<byte>(ctx, type, count),
            GcStorage.I16 => GcRt.ArrayNewDefault<short>(ctx, type, count),
            GcStorage.I32 => GcRt.ArrayNewDefault<int>(ctx, type, count),
            GcStorage.I64 => GcRt.ArrayNewDefault<long>(ctx, type, count),
            GcStorage.F32 => GcRt.ArrayNewDefault<float>(ctx, type, count),
            GcStorage.F64 => GcRt.ArrayNewDefault<double>(ctx, type, count),
            GcStorage.V128 => GcRt.ArrayNewDefault<Vector128<byte>>(ctx, type, count),
            _ => GcRt.ArrayNewDefault<object>(ctx, type, count),
        };
    }

    private static object NewFixed(Word* w, byte* fp, object?[] refs, int rb, nint ctx)
    {
        var instance = Rt.Instance(ctx);
        int type = w[1].A;
        var storage = (GcStorage)w[1].B;
        uint count = (uint)w[1].C;
        object array = storage switch
        {
            GcStorage.I8 => GcRt.NewArray<byte>(instance, type, 0, count, paid: true),
            GcStorage.I16 => GcRt.NewArray<short>(instance, type, 0, count, paid: true),
            GcStorage.I32 => GcRt.NewArray(instance, type, 0, count, paid: true),
            GcStorage.I64 => GcRt.NewArray(instance, type, 0L, count, paid: true),
            GcStorage.F32 => GcRt.NewArray(instance, type, 0f, count, paid: true),
            GcStorage.F64 => GcRt.NewArray(instance, type, 0d, count, paid: true),
            GcStorage.V128 => GcRt.NewArray(instance, type, Vector128<byte>.Zero, count, paid: true),
            _ => GcRt.NewArray<object?>(instance, type, null, count, paid: true),
        };
        int from = storage == GcStorage.Reference ? w->C : w->B, step = storage == GcStorage.Reference ? 1 : Width(storage);
        for (int k = 0; k < (int)count; k++) Store(ref Element(array, storage, k), storage, fp, refs, rb, from + k * step);
        return array;
    }

    private static object NewData(Word* w, byte* fp, nint ctx)
    {
        int type = w[1].A, data = w[1].C, from = *(int*)(fp + w->B), count = *(int*)(fp + w->C);
        return (GcStorage)w[1].B switch
        {
            GcStorage.I8 => GcRt.ArrayNewData<byte>(ctx, type, data, from, count),
            GcStorage.I16 => GcRt.ArrayNewData<short>(ctx, type, data, from, count),
            GcStorage.I32 => GcRt.ArrayNewData<int>(ctx, type, data, from, count),
            GcStorage.I64 => GcRt.ArrayNewData<long>(ctx, type, data, from, count),
            GcStorage.F32 => GcRt.ArrayNewData<float>(ctx, type, data, from, count),
            GcStorage.F64 => GcRt.ArrayNewData<double>(ctx, type, data, from, count),
            _ => GcRt.ArrayNewData<Vector128<byte>>(ctx, type, data, from, count),
        };
    }

    private static void Fill(Word* w, byte* fp, object?[] refs, int rb, nint ctx)
    {
        var array = refs[rb + w->B];
        byte* value = fp + w->A;
        int at = *(int*)(fp + w->C), count = *(int*)(fp + w[1].A);
        switch ((GcStorage)w[1].B)
        {
            case GcStorage.I8: GcRt.ArrayFill(ctx, array, at, *value, count); break;
            case GcStorage.I16: GcRt.ArrayFill(ctx, array, at, *(short*)value, count); break;
            case GcStorage.I32: GcRt.ArrayFill(ctx, array, at, *(int*)value, count); break;
            case GcStorage.I64: GcRt.ArrayFill(ctx, array, at, *(long*)value, count); break;
            case GcStorage.F32: GcRt.ArrayFill(ctx, array, at, *(float*)value, count); break;
            case GcStorage.F64: GcRt.ArrayFill(ctx, array, at, *(double*)value, count); break;
            case GcStorage.V128: GcRt.ArrayFill(ctx, array, at, *(Vector128<byte>*)value, count); break;
            default: GcRt.ArrayFill(ctx, array, at, refs[rb + w->A], count); break;
        }
    }

    private static void Copy(Word* w, byte* fp, object?[] refs, int rb, nint ctx)
    {
        object? target = refs[rb + w->A], source = refs[rb + w->C];
        int to = *(int*)(fp + w->B), from = *(int*)(fp + w[1].A), count = *(int*)(fp + w[1].B);
        switch ((GcStorage)w[1].C)
        {
            case GcStorage.I8: GcRt.ArrayCopy<byte>(ctx, target, to, source, from, count); break;
            case GcStorage.I16: GcRt.ArrayCopy<short>(ctx, target, to, source, from, count); break;
            case GcStorage.I32: GcRt.ArrayCopy<int>(ctx, target, to, source, from, count); break;
            case GcStorage.I64: GcRt.ArrayCopy<long>(ctx, target, to, source, from, count); break;
            case GcStorage.F32: GcRt.ArrayCopy<float>(ctx, target, to, source, from, count); break;
            case GcStorage.F64: GcRt.ArrayCopy<double>(ctx, target, to, source, from, count); break;
            case GcStorage.V128: GcRt.ArrayCopy<Vector128<byte>>(ctx, target, to, source, from, count); break;
            default: GcRt.ArrayCopy<object>(ctx, target, to, source, from, count); break;
        }
    }

    private static void InitData(Word* w, byte* fp, object?[] refs, int rb, nint ctx)
    {
        var array = refs[rb + w->A];
        int to = *(int*)(fp + w->B), from = *(int*)(fp + w->C), count = *(int*)(fp + w[1].A), data = w[1].B;
        switch ((GcStorage)w[1].C)
        {
            case GcStorage.I8: GcRt.ArrayInitData<byte>(ctx, data, array, to, from, count); break;
            case GcStorage.I16: GcRt.ArrayInitData<short>(ctx, data, array, to, from, count); break;
            case GcStorage.I32: GcRt.ArrayInitData<int>(ctx, data, array, to, from, count); break;
            case GcStorage.I64: GcRt.ArrayInitData<long>(ctx, data, array, to, from, count); break;
            case GcStorage.F32: GcRt.ArrayInitData<float>(ctx, data, array, to, from, count); break;
            case GcStorage.F64: GcRt.ArrayInitData<double>(ctx, data, array, to, from, count); break;
            default: GcRt.ArrayInitData<Vector128<byte>>(ctx, data, array, to, from, count); break;
        }
    }
}
