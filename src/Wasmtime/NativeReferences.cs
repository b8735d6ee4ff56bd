// References of the library's stores as hosts have them, and back.
// In: the library's values, Twofold's values. Out: the other; what a store handed out stays rooted until the store goes.

using System.Runtime.InteropServices;
using Twofold.Wasm;

namespace Twofold.Wasmtime;

/// <summary>What a guest's reference refers to.</summary>
internal enum NativeHeap
{
    Func,
    Struct,
    Array,
    Exn,
    /// <summary>Something that the library does not let a host look into.</summary>
    Opaque,
}

/// <summary>A reference of a guest: rooted in its store. Two of the same object are two of these.</summary>
internal sealed class NativeReference(NativeStore store, NativeValue value, NativeHeap heap)
{
    public NativeStore Store => store;
    public NativeValue Value => value;
    public NativeHeap Heap => heap;

    public override string ToString() => heap.ToString().ToLowerInvariant();
}

/// <summary>An exception came out whose tag no module of the store defines.</summary>
internal sealed class UnknownTagException() : InvalidOperationException("an exception of an unknown tag");

internal sealed unsafe partial class NativeStore
{
    private static readonly delegate* unmanaged<nint, void> FreePointer = &FreeHandle;
    private readonly List<NativeReference> rooted = [];

    [UnmanagedCallersOnly]
    private static void FreeHandle(nint data) => GCHandle.FromIntPtr(data).Free();

    /// <summary>A value for the library. Its root, if it has one, belongs to the store.</summary>
    public NativeValue Lower(Value value, ValueKind kind)
    {
        var made = new NativeValue { Kind = Kinds.Native(kind) };
        if (kind <= ValueKind.V128)
        {
            made.Low = value.Bits;
            made.High = value.HighBits;
            return made;
        }

        switch (value.Reference)
        {
            // Store 0 is null, for all kinds.
            case null:
                return made;
            case NativeReference r when ReferenceEquals(r.Store, this):
                if (r.Value.Kind == made.Kind) return r.Value;
                throw new InvalidOperationException($"a reference of kind {r.Value.Kind} where {made.Kind} is wanted");
            case NativeReference:
                throw new InvalidOperationException("a reference of another store");
            case GcI31 i31 when kind == ValueKind.AnyRef:
                Api.wasmtime_anyref_from_i31(Context, (uint)i31.Value, &made.Ref);
                Root(made, NativeHeap.Opaque);
                return made;
            case { } o when kind == ValueKind.ExternRef:
            {
                var handle = GCHandle.Alloc(o);
                if (Api.wasmtime_externref_new(Context, GCHandle.ToIntPtr(handle), FreePointer, &made.Ref) == 0)
                    throw new HostMemoryException("the library could not make a reference to a host object");
                Root(made, NativeHeap.Opaque);
                return made;
            }
            case { } o when kind == ValueKind.AnyRef:
                return Convert("a", Lower(Value.ExternRef(o), ValueKind.ExternRef));
            default:
                throw new InvalidOperationException($"a {value.Reference.GetType().Name} cannot be given as a reference of kind {kind}");
        }
    }

    /// <summary>A value of the library, whose root this store takes over.</summary>
    public Value Lift(NativeValue v)
    {
        switch (v.Kind)
        {
            case NativeKind.I32:
                return Value.FromBits(ValueKind.I32, v.Low);
            case NativeKind.I64:
                return Value.FromBits(ValueKind.I64, v.Low);
            case NativeKind.F32:
                return Value.FromBits(ValueKind.F32, v.Low);
            case NativeKind.F64:
                return Value.FromBits(ValueKind.F64, v.Low);
            case NativeKind.V128:
                return Value.V128(v.Low, v.High);
            case NativeKind.FuncRef:
                return Value.Ref(ValueKind.FuncRef, v.Func.Store == 0 ? null : new NativeReference(this, v, NativeHeap.Func));
            case NativeKind.ExnRef:
                return Value.Ref(ValueKind.ExnRef, v.Ref.Store == 0 ? null : Root(v, NativeHeap.Exn));
            case NativeKind.ExternRef:
                if (v.Ref.Store == 0) return Value.ExternRef(null);
                var root = Root(v, NativeHeap.Opaque);
                nint data = Api.wasmtime_externref_data(Context, &v.Ref);
                return Value.ExternRef(data == 0 ? root : GCHandle.FromIntPtr(data).Target);
            default:
                if (v.Ref.Store == 0) return Value.AnyRef(null);
                int number;
                if (Api.wasmtime_anyref_i31_get_s(Context, &v.Ref, &number) != 0)
                {
                    Api.wasmtime_val_unroot(&v);
                    return Value.I31(number);
                }

                var heap = Api.wasmtime_anyref_is_struct(Context, &v.Ref) != 0 ? NativeHeap.Struct : Api.wasmtime_anyref_is_array(Context, &v.Ref) != 0 ? NativeHeap.Array : NativeHeap.Opaque;
                var rooted = Root(v, heap);
                if (heap != NativeHeap.Opaque) return Value.AnyRef(rooted);
                // Neither of the guest's making: a host's object, which only the guest's own conversion gives back.
                var external = Convert("e", v);
                nint inner = Api.wasmtime_externref_data(Context, &external.Ref);
                return Value.AnyRef(inner == 0 ? rooted : GCHandle.FromIntPtr(inner).Target);
        }
    }

    private NativeInstance? converter;

    /// <summary>any.convert_extern ("a") or extern.convert_any ("e"), which the library does not offer to hosts: a little module does it.</summary>
    private NativeValue Convert(string way, NativeValue value)
    {
        converter ??= InstantiateRaw(Engine.Converter, [], out _);
        NativeInstance instance = converter.Value;
        NativeExtern item;
        byte name = (byte)way[0];
        if (Api.wasmtime_instance_export_get(Context, &instance, &name, 1, &item) == 0) throw new InvalidOperationException("no conversion");
        NativeValue result;
        nint trap = 0;
        NativeFunc f = item.Func;
        nint error = Api.wasmtime_func_call(Context, &f, &value, 1, &result, 1, &trap);
        if ((error | trap) != 0) throw EndOf(error, trap);
        Root(result, NativeHeap.Opaque);
        return result;
    }

    private NativeReference Root(NativeValue v, NativeHeap heap)
    {
        var r = new NativeReference(this, v, heap);
        rooted.Add(r);
        return r;
    }

    private void Unroot()
    {
        foreach (var r in rooted)
        {
            var v = r.Value;
            Api.wasmtime_val_unroot(&v);
        }

        rooted.Clear();
    }

    public Value ReadGlobal(NativeExtern global)
    {
        NativeValue v;
        Api.wasmtime_global_get(Context, &global.Item, &v);
        return Lift(v);
    }

    /// <summary>The exception that the last call ended in, taken out of the store.</summary>
    private Exception TakeException()
    {
        NativeRef exception;
        NativeItem tag;
        if (Api.wasmtime_context_take_exception(Context, &exception) == 0) return new InvalidOperationException("the exception is gone");
        try
        {
            nint error = Api.wasmtime_exnref_tag(Context, &exception, &tag);
            if (error != 0) return new InvalidOperationException(NativeEngine.TakeMessage(error));
            var values = new Value[(int)Api.wasmtime_exnref_field_count(Context, &exception)];
            for (int i = 0; i < values.Length; i++)
            {
                NativeValue v;
                error = Api.wasmtime_exnref_field(Context, &exception, (nuint)i, &v);
                if (error != 0) return new InvalidOperationException(NativeEngine.TakeMessage(error));
                values[i] = Lift(v);
            }

            // As our own engines keep it: two words a value, references apart.
            var bits = new ulong[2 * values.Length];
            var references = new object?[values.Length];
            for (int i = 0; i < values.Length; i++)
            {
                bits[2 * i] = values[i].Bits;
                bits[2 * i + 1] = values[i].HighBits;
                references[i] = values[i].Reference;
            }

            return new UncaughtException(new ExceptionInstance(FindTag(tag), bits, references));
        }
        catch (UnknownTagException e)
        {
            return e;
        }
        finally
        {
            Api.wasmtime_exnref_unroot(&exception);
        }
    }

    /// <summary>The tag among those of the store's instances, so that it has the index and the name of the module that defines it.</summary>
    private Tag FindTag(NativeItem tag)
    {
        foreach (var instance in Instances)
            if (instance.FindTag(tag) is { } found)
                return found;
        throw new UnknownTagException();
    }

    /// <summary>Instances of this store, in the order they were made.</summary>
    public List<NativeInstanceRef> Instances { get; } = [];
}
