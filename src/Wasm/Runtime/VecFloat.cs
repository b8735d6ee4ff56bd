// Float operations on vectors: signs, pseudo-minimum, conversions, and the canonical NaN.
// In: vectors as bytes. Out: results; NaN of arithmetic may be any NaN (the emitter cleans them where bits are seen).
// Source: core specification 4.3.3. No conversion here depends on what a processor gives for NaN or for numbers out of range.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Twofold.Wasm;

using V = Vector128<byte>;

internal static partial class Vec
{
    [MethodImpl(Inline)] public static V F32x4Abs(V a) => (a.AsInt32() & Vector128.Create(int.MaxValue)).AsByte();
    [MethodImpl(Inline)] public static V F64x2Abs(V a) => (a.AsInt64() & Vector128.Create(long.MaxValue)).AsByte();
    [MethodImpl(Inline)] public static V F32x4Neg(V a) => (a.AsInt32() ^ Vector128.Create(int.MinValue)).AsByte();
    [MethodImpl(Inline)] public static V F64x2Neg(V a) => (a.AsInt64() ^ Vector128.Create(long.MinValue)).AsByte();

    // pmin(a, b) = b < a ? b : a, bits kept; pmax(a, b) = a < b ? b : a.
    [MethodImpl(Inline)]
    public static V F32x4Pmin(V a, V b) => Vector128.ConditionalSelect(Vector128.LessThan(b.AsSingle(), a.AsSingle()).AsByte(), b, a);

    [MethodImpl(Inline)]
    public static V F32x4Pmax(V a, V b) => Vector128.ConditionalSelect(Vector128.LessThan(a.AsSingle(), b.AsSingle()).AsByte(), b, a);

    [MethodImpl(Inline)]
    public static V F64x2Pmin(V a, V b) => Vector128.ConditionalSelect(Vector128.LessThan(b.AsDouble(), a.AsDouble()).AsByte(), b, a);

    [MethodImpl(Inline)]
    public static V F64x2Pmax(V a, V b) => Vector128.ConditionalSelect(Vector128.LessThan(a.AsDouble(), b.AsDouble()).AsByte(), b, a);

    // Not Vector128.Min and Max (of .NET 10.0): in a generated function (VectorLaws, seed 4, unoptimised code) they gave another result than the oracle.
    // Asked both ways, "a if a < b, else b" gives two answers that differ for zeros of two signs and for NaN. Their union is the smaller zero, or a
    // NaN. For the larger zero the sign in which they differ is taken off again: -0 - -0 is 0.
    [MethodImpl(Inline)]
    public static V F32x4Min(V a, V b)
    {
        if (Sse.IsSupported) return (Sse.Min(a.AsSingle(), b.AsSingle()) | Sse.Min(b.AsSingle(), a.AsSingle())).AsByte();
        var first = Vector128.ConditionalSelect(Vector128.LessThan(a.AsSingle(), b.AsSingle()), a.AsSingle(), b.AsSingle());
        var second = Vector128.ConditionalSelect(Vector128.LessThan(b.AsSingle(), a.AsSingle()), b.AsSingle(), a.AsSingle());
        return first.AsByte() | second.AsByte();
    }

    [MethodImpl(Inline)]
    public static V F32x4Max(V a, V b)
    {
        V first, second;
        if (Sse.IsSupported)
        {
            first = Sse.Max(a.AsSingle(), b.AsSingle()).AsByte();
            second = Sse.Max(b.AsSingle(), a.AsSingle()).AsByte();
        }
        else
        {
            first = Vector128.ConditionalSelect(Vector128.GreaterThan(a.AsSingle(), b.AsSingle()), a.AsSingle(), b.AsSingle()).AsByte();
            second = Vector128.ConditionalSelect(Vector128.GreaterThan(b.AsSingle(), a.AsSingle()), b.AsSingle(), a.AsSingle()).AsByte();
        }

        var apart = first ^ second;
        return ((first | apart).AsSingle() - apart.AsSingle()).AsByte();
    }

    [MethodImpl(Inline)]
    public static V F64x2Min(V a, V b)
    {
        if (Sse2.IsSupported) return (Sse2.Min(a.AsDouble(), b.AsDouble()) | Sse2.Min(b.AsDouble(), a.AsDouble())).AsByte();
        var first = Vector128.ConditionalSelect(Vector128.LessThan(a.AsDouble(), b.AsDouble()), a.AsDouble(), b.AsDouble());
        var second = Vector128.ConditionalSelect(Vector128.LessThan(b.AsDouble(), a.AsDouble()), b.AsDouble(), a.AsDouble());
        return first.AsByte() | second.AsByte();
    }

    [MethodImpl(Inline)]
    public static V F64x2Max(V a, V b)
    {
        V first, second;
        if (Sse2.IsSupported)
        {
            first = Sse2.Max(a.AsDouble(), b.AsDouble()).AsByte();
            second = Sse2.Max(b.AsDouble(), a.AsDouble()).AsByte();
        }
        else
        {
            first = Vector128.ConditionalSelect(Vector128.GreaterThan(a.AsDouble(), b.AsDouble()), a.AsDouble(), b.AsDouble()).AsByte();
            second = Vector128.ConditionalSelect(Vector128.GreaterThan(b.AsDouble(), a.AsDouble()), b.AsDouble(), a.AsDouble()).AsByte();
        }

        var apart = first ^ second;
        return ((first | apart).AsDouble() - apart.AsDouble()).AsByte();
    }

    // ---- conversions

    [MethodImpl(Inline)]
    public static V F32x4DemoteF64x2Zero(V a) =>
        Sse2.IsSupported
            ? Sse2.ConvertToVector128Single(a.AsDouble()).AsByte()
            : Vector128.Narrow(a.AsDouble(), Vector128<double>.Zero).AsByte();

    // An integer below 2^52 in the mantissa of 2^52: less 2^52 it is the integer as a float, exactly.
    private const long TwoTo52 = 0x4330_0000_0000_0000;

    [MethodImpl(Inline)]
    public static V F64x2ConvertLowI32x4U(V a) =>
        ((Vector128.WidenLower(a.AsUInt32()) | Vector128.Create((ulong)TwoTo52)).AsDouble() - Vector128.Create(4503599627370496.0)).AsByte();

    // Moved up by 2^31 first, so that nothing is negative.
    [MethodImpl(Inline)]
    public static V F64x2ConvertLowI32x4S(V a) =>
        ((Vector128.WidenLower(a.AsUInt32() ^ Vector128.Create(0x8000_0000u)) | Vector128.Create((ulong)TwoTo52)).AsDouble()
            - Vector128.Create(4503599627370496.0 + 2147483648.0)).AsByte();

    // NaN becomes 0, the rest is brought into range; 2^52 + 2^51 is added so that the integer stands in the low 32 bits, in two's complement.
    [MethodImpl(Inline)]
    private static V Truncated(Vector128<double> a, double low, double high)
    {
        a = (a.AsInt64() & Vector128.Equals(a, a).AsInt64()).AsDouble();
        var l = Vector128.Create(low);
        var h = Vector128.Create(high);
        a = Vector128.ConditionalSelect(Vector128.LessThan(a, l), l, a);
        a = Vector128.ConditionalSelect(Vector128.GreaterThan(a, h), h, a);
        var bits = (Vector128.Truncate(a) + Vector128.Create(6755399441055744.0)).AsInt32();
        return Vector128.Shuffle(bits, Vector128.Create(0, 2, 4, 4)).AsByte();
    }

    [MethodImpl(Inline)] public static V I32x4TruncSatF64x2SZero(V a) => Truncated(a.AsDouble(), int.MinValue, int.MaxValue);
    [MethodImpl(Inline)] public static V I32x4TruncSatF64x2UZero(V a) => Truncated(a.AsDouble(), 0, uint.MaxValue);

    // ---- the canonical NaN, lane by lane

    private const int KeepNumbers = 0x11111100;

    [MethodImpl(Inline)]
    public static V CanonF32(V a)
    {
        var v = a.AsSingle();
        var canonical = Vector128.Create(0x7FC00000).AsSingle();
        return Avx512F.VL.IsSupported
            ? Avx512F.VL.Fixup(canonical, v, Vector128.Create(KeepNumbers), 0).AsByte()
            : Vector128.ConditionalSelect(Vector128.Equals(v, v), v, canonical).AsByte();
    }

    [MethodImpl(Inline)]
    public static V CanonF64(V a)
    {
        var v = a.AsDouble();
        var canonical = Vector128.Create(0x7FF8000000000000).AsDouble();
        return Avx512F.VL.IsSupported
            ? Avx512F.VL.Fixup(canonical, v, Vector128.Create((long)KeepNumbers), 0).AsByte()
            : Vector128.ConditionalSelect(Vector128.Equals(v, v), v, canonical).AsByte();
    }
}
