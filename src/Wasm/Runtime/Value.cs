// A WebAssembly value as hosts see it: a kind and its bits, or a reference.
// In: arguments of untyped calls. Out: results, globals, table elements. Bits are kept as they are: NaN payloads survive.

using System.Globalization;
using System.Runtime.Intrinsics;

namespace Twofold.Wasm;

/// <summary>The kinds of value (core specification 2.3). Numbers are part of receipts: fixed.</summary>
public enum ValueKind : byte
{
    /// <summary>A 32-bit integer.</summary>
    I32 = 1,
    /// <summary>A 64-bit integer.</summary>
    I64 = 2,
    /// <summary>A 32-bit float.</summary>
    F32 = 3,
    /// <summary>A 64-bit float.</summary>
    F64 = 4,
    /// <summary>A 128-bit vector.</summary>
    V128 = 5,
    /// <summary>A function reference or null.</summary>
    FuncRef = 6,
    /// <summary>A host reference or null.</summary>
    ExternRef = 7,
    /// <summary>A reference to a GC object, an i31 or null.</summary>
    AnyRef = 8,
    /// <summary>A reference to an exception or null.</summary>
    ExnRef = 9,
}

/// <summary>One value. Equality is by bits, so that NaN equals itself and -0 differs from 0.</summary>
public readonly struct Value : IEquatable<Value>
{
    private readonly ulong low;
    private readonly ulong high;
    private readonly object? reference;

    private Value(ValueKind kind, ulong low, ulong high, object? reference)
    {
        Kind = kind;
        this.low = low;
        this.high = high;
        this.reference = reference;
    }

    /// <summary>What kind of value this is.</summary>
    public ValueKind Kind { get; }

    /// <summary>The value's low 64 bits; an i32's are zero-extended; 0 for references.</summary>
    public ulong Bits => low;

    /// <summary>A v128's high 64 bits; 0 for others.</summary>
    public ulong HighBits => high;

    /// <summary>The reference, or null; null for numbers.</summary>
    public object? Reference => reference;

    /// <summary>An i32.</summary>
    public static Value I32(int value) => new(ValueKind.I32, (uint)value, 0, null);
    /// <summary>An i64.</summary>
    public static Value I64(long value) => new(ValueKind.I64, (ulong)value, 0, null);
    /// <summary>An f32; its bits are kept.</summary>
    public static Value F32(float value) => new(ValueKind.F32, BitConverter.SingleToUInt32Bits(value), 0, null);
    /// <summary>An f64; its bits are kept.</summary>
    public static Value F64(double value) => new(ValueKind.F64, BitConverter.DoubleToUInt64Bits(value), 0, null);
    /// <summary>A v128 by its halves.</summary>
    public static Value V128(ulong low, ulong high) => new(ValueKind.V128, low, high, null);
    /// <summary>A v128; its lowest byte is lane 0 of i8x16.</summary>
    public static Value V128(Vector128<byte> value) => new(ValueKind.V128, value.AsUInt64()[0], value.AsUInt64()[1], null);
    /// <summary>A reference of the given kind; null for the null reference.</summary>
    public static Value Ref(ValueKind kind, object? reference) => new(kind, 0, 0, reference);
    /// <summary>A host reference.</summary>
    public static Value ExternRef(object? reference) => new(ValueKind.ExternRef, 0, 0, reference);
    /// <summary>A GC object of a guest (<see cref="GcObject"/>), an object of the host, or null.</summary>
    public static Value AnyRef(object? reference) => new(ValueKind.AnyRef, 0, 0, reference);
    /// <summary>An i31 of the value's low 31 bits.</summary>
    public static Value I31(int value) => new(ValueKind.AnyRef, 0, 0, GcI31.Of(value));
    /// <summary>A number from its bits.</summary>
    public static Value FromBits(ValueKind kind, ulong low, ulong high = 0) => new(kind, kind is ValueKind.I32 or ValueKind.F32 ? (uint)low : low, high, null);

    /// <summary>The i32; throws <see cref="InvalidOperationException"/> for another kind.</summary>
    public int AsI32() => Kind == ValueKind.I32 ? (int)low : throw Wrong(ValueKind.I32);
    /// <summary>The i64; throws <see cref="InvalidOperationException"/> for another kind.</summary>
    public long AsI64() => Kind == ValueKind.I64 ? (long)low : throw Wrong(ValueKind.I64);
    /// <summary>The f32; throws <see cref="InvalidOperationException"/> for another kind.</summary>
    public float AsF32() => Kind == ValueKind.F32 ? BitConverter.UInt32BitsToSingle((uint)low) : throw Wrong(ValueKind.F32);
    /// <summary>The f64; throws <see cref="InvalidOperationException"/> for another kind.</summary>
    public double AsF64() => Kind == ValueKind.F64 ? BitConverter.UInt64BitsToDouble(low) : throw Wrong(ValueKind.F64);

    /// <summary>The v128; throws <see cref="InvalidOperationException"/> for another kind.</summary>
    public Vector128<byte> AsV128() => Kind == ValueKind.V128 ? Vector128.Create(low, high).AsByte() : throw Wrong(ValueKind.V128);

    private InvalidOperationException Wrong(ValueKind wanted) => new($"the value is of kind {Kind}, not {wanted}");

    /// <summary>An i32.</summary>
    public static implicit operator Value(int value) => I32(value);
    /// <summary>An i64.</summary>
    public static implicit operator Value(long value) => I64(value);
    /// <summary>An f32.</summary>
    public static implicit operator Value(float value) => F32(value);
    /// <summary>An f64.</summary>
    public static implicit operator Value(double value) => F64(value);

    /// <inheritdoc/>
    public bool Equals(Value other) => Kind == other.Kind && low == other.low && high == other.high && ReferenceEquals(reference, other.reference);
    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Value v && Equals(v);
    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, low, high, reference);
    /// <summary>Same kind and bits.</summary>
    public static bool operator ==(Value a, Value b) => a.Equals(b);
    /// <summary>Another kind or other bits.</summary>
    public static bool operator !=(Value a, Value b) => !a.Equals(b);

    /// <summary>For people: <c>i32:5</c>, <c>f64:nan:0x8000000000000</c>, <c>externref:null</c>.</summary>
    public override string ToString() => Kind switch
    {
        ValueKind.I32 => "i32:" + ((int)low).ToString(CultureInfo.InvariantCulture),
        ValueKind.I64 => "i64:" + ((long)low).ToString(CultureInfo.InvariantCulture),
        ValueKind.F32 => "f32:" + (float.IsNaN(AsF32()) ? (low >> 31 == 1 ? "-nan:0x" : "nan:0x") + (low & 0x7FFFFF).ToString("x") : AsF32().ToString("R", CultureInfo.InvariantCulture)),
        ValueKind.F64 => "f64:" + (double.IsNaN(AsF64()) ? (low >> 63 == 1 ? "-nan:0x" : "nan:0x") + (low & 0xFFFFFFFFFFFFF).ToString("x") : AsF64().ToString("R", CultureInfo.InvariantCulture)),
        ValueKind.V128 => $"v128:0x{high:x16}{low:x16}",
        _ => Kind.ToString().ToLowerInvariant() + (reference is null ? ":null" : ":" + (reference is GcObject ? reference.ToString() : reference.GetType().Name)),
    };
}
