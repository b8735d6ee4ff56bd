// Objects that constant expressions make: by reflection, once per instantiation.
// In: field and element values as bits or references. Out: the same objects as compiled code makes, counted in the same way. Prices that are part of
// a basic block are not paid here, because a constant expression is in none; those of a length are.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Twofold.Wasm;

internal static class GcConst
{
    private static T Element<T>(long bits, object? reference)
    {
        object? boxed = typeof(T) == typeof(byte) ? (byte)bits
            : typeof(T) == typeof(short) ? (short)bits
            : typeof(T) == typeof(int) ? (int)bits
            : typeof(T) == typeof(long) ? bits
            : typeof(T) == typeof(float) ? BitConverter.Int32BitsToSingle((int)bits)
            : typeof(T) == typeof(double) ? BitConverter.Int64BitsToDouble(bits)
            : reference;
        return (T)boxed!;
    }

    /// <summary>A value as a field of this .NET type holds it; a vector is boxed already.</summary>
    public static object? Boxed(Type type, long bits, object? reference) =>
        type == typeof(byte) ? Element<byte>(bits, reference)
        : type == typeof(short) ? Element<short>(bits, reference)
        : type == typeof(int) ? Element<int>(bits, reference)
        : type == typeof(long) ? Element<long>(bits, reference)
        : type == typeof(float) ? Element<float>(bits, reference)
        : type == typeof(double) ? Element<double>(bits, reference)
        : reference;

    /// <summary>A struct of a generated class, all fields zero.</summary>
    public static GcObject Struct(InstanceData instance, int type, Type layout, ulong bytes)
    {
        instance.Store.Allocate(bytes);
        var made = (GcObject)RuntimeHelpers.GetUninitializedObject(layout);
        made.Type = instance.GcTypes[type]!;
        return made;
    }

    private static GcArray Same<T>(InstanceData instance, int type, long bits, object? reference, uint count, bool paid) =>
        GcRt.NewArray(instance, type, Element<T>(bits, reference), count, paid);

    /// <summary>An array of one value; paid for here unless its length is the instruction's own.</summary>
    public static GcObject Array(InstanceData instance, int type, Type element, long bits, object? reference, uint count, bool paid) =>
        element == typeof(byte) ? Same<byte>(instance, type, bits, reference, count, paid)
        : element == typeof(short) ? Same<short>(instance, type, bits, reference, count, paid)
        : element == typeof(int) ? Same<int>(instance, type, bits, reference, count, paid)
        : element == typeof(long) ? Same<long>(instance, type, bits, reference, count, paid)
        : element == typeof(float) ? Same<float>(instance, type, bits, reference, count, paid)
        : element == typeof(double) ? Same<double>(instance, type, bits, reference, count, paid)
        : element == typeof(Vector128<byte>) ? Same<Vector128<byte>>(instance, type, bits, reference ?? default(Vector128<byte>), count, paid)
        : GcRt.NewArray(instance, type, reference, count, paid);

    /// <summary>Sets an element of a new array.</summary>
    public static void Set(GcObject array, int index, Type element, long bits, object? reference)
    {
        switch (array)
        {
            case GcArray<byte> a: a.Items[index] = (byte)bits; break;
            case GcArray<short> a: a.Items[index] = (short)bits; break;
            case GcArray<int> a: a.Items[index] = (int)bits; break;
            case GcArray<long> a: a.Items[index] = bits; break;
            case GcArray<float> a: a.Items[index] = Element<float>(bits, reference); break;
            case GcArray<double> a: a.Items[index] = Element<double>(bits, reference); break;
            case GcArray<Vector128<byte>> a: a.Items[index] = (Vector128<byte>)reference!; break;
            default: Unsafe.As<GcArray<object?>>(array).Items[index] = reference; break;
        }
    }
}
