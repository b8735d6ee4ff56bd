// Integer operations on vectors for which Vector128 has no method of WebAssembly's meaning, or none that is one instruction.
// In: vectors as bytes. Out: exact results; where a processor's instruction stands beside portable code, both give the same bits.
// Source: core specification 4.3.4 and 4.3.5. Methods are named as the instructions are: `i8x16.avgr_u` is I8x16AvgrU.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Twofold.Wasm;

using V = Vector128<byte>;

internal static partial class Vec
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    [MethodImpl(Inline)] public static bool V128AnyTrue(V a) => a != V.Zero;
    [MethodImpl(Inline)] public static bool I8x16AllTrue(V a) => !Vector128.EqualsAny(a, V.Zero);
    [MethodImpl(Inline)] public static bool I16x8AllTrue(V a) => !Vector128.EqualsAny(a.AsInt16(), Vector128<short>.Zero);
    [MethodImpl(Inline)] public static bool I32x4AllTrue(V a) => !Vector128.EqualsAny(a.AsInt32(), Vector128<int>.Zero);
    [MethodImpl(Inline)] public static bool I64x2AllTrue(V a) => !Vector128.EqualsAny(a.AsInt64(), Vector128<long>.Zero);

    // The smallest number stays what it is; Vector128.Abs throws for it where it is not accelerated.
    [MethodImpl(Inline)] public static V I8x16Abs(V a) => Vector128.Max(a.AsSByte(), -a.AsSByte()).AsByte();
    [MethodImpl(Inline)] public static V I16x8Abs(V a) => Vector128.Max(a.AsInt16(), -a.AsInt16()).AsByte();
    [MethodImpl(Inline)] public static V I32x4Abs(V a) => Vector128.Max(a.AsInt32(), -a.AsInt32()).AsByte();
    [MethodImpl(Inline)] public static V I64x2Abs(V a) => Vector128.Max(a.AsInt64(), -a.AsInt64()).AsByte();

    // Pairs, nibbles, bytes; no bit crosses a byte, so that shifts of words will do.
    [MethodImpl(Inline)]
    public static V I8x16Popcnt(V a)
    {
        a -= ((a.AsUInt16() >> 1) & Vector128.Create((ushort)0x5555)).AsByte();
        a = ((a.AsUInt16() & Vector128.Create((ushort)0x3333)) + ((a.AsUInt16() >> 2) & Vector128.Create((ushort)0x3333))).AsByte();
        return ((a.AsUInt16() + (a.AsUInt16() >> 4)) & Vector128.Create((ushort)0x0F0F)).AsByte();
    }

    // ---- narrow: both operands signed, saturated to the result's range

    [MethodImpl(Inline)]
    public static V I8x16NarrowI16x8S(V a, V b) =>
        Sse2.IsSupported
            ? Sse2.PackSignedSaturate(a.AsInt16(), b.AsInt16()).AsByte()
            : Vector128.Narrow(Clamp(a.AsInt16(), sbyte.MinValue, sbyte.MaxValue), Clamp(b.AsInt16(), sbyte.MinValue, sbyte.MaxValue)).AsByte();

    [MethodImpl(Inline)]
    public static V I8x16NarrowI16x8U(V a, V b) =>
        Sse2.IsSupported
            ? Sse2.PackUnsignedSaturate(a.AsInt16(), b.AsInt16())
            : Vector128.Narrow(Clamp(a.AsInt16(), 0, byte.MaxValue).AsUInt16(), Clamp(b.AsInt16(), 0, byte.MaxValue).AsUInt16());

    [MethodImpl(Inline)]
    public static V I16x8NarrowI32x4S(V a, V b) =>
        Sse2.IsSupported
            ? Sse2.PackSignedSaturate(a.AsInt32(), b.AsInt32()).AsByte()
            : Vector128.Narrow(Clamp(a.AsInt32(), short.MinValue, short.MaxValue), Clamp(b.AsInt32(), short.MinValue, short.MaxValue)).AsByte();

    [MethodImpl(Inline)]
    public static V I16x8NarrowI32x4U(V a, V b) =>
        Sse41.IsSupported
            ? Sse41.PackUnsignedSaturate(a.AsInt32(), b.AsInt32()).AsByte()
            : Vector128.Narrow(Clamp(a.AsInt32(), 0, ushort.MaxValue).AsUInt32(), Clamp(b.AsInt32(), 0, ushort.MaxValue).AsUInt32()).AsByte();

    [MethodImpl(Inline)]
    private static Vector128<short> Clamp(Vector128<short> v, short low, short high) => Vector128.Min(Vector128.Max(v, Vector128.Create(low)), Vector128.Create(high));

    [MethodImpl(Inline)]
    private static Vector128<int> Clamp(Vector128<int> v, int low, int high) => Vector128.Min(Vector128.Max(v, Vector128.Create(low)), Vector128.Create(high));

    // ---- averages, rounded up: a | b is the sum less the half of what differs, rounded down

    [MethodImpl(Inline)]
    public static V I8x16AvgrU(V a, V b) =>
        Sse2.IsSupported ? Sse2.Average(a, b) : (a | b) - (((a ^ b).AsUInt16() >> 1) & Vector128.Create((ushort)0x7F7F)).AsByte();

    [MethodImpl(Inline)]
    public static V I16x8AvgrU(V a, V b) =>
        Sse2.IsSupported
            ? Sse2.Average(a.AsUInt16(), b.AsUInt16()).AsByte()
            : ((a | b).AsUInt16() - ((a ^ b).AsUInt16() >> 1)).AsByte();

    // ---- sums of neighbours: the even lane and the odd lane of each pair, extended in place

    [MethodImpl(Inline)]
    public static V I16x8ExtaddPairwiseI8x16S(V a) => (((a.AsInt16() << 8) >> 8) + (a.AsInt16() >> 8)).AsByte();

    [MethodImpl(Inline)]
    public static V I16x8ExtaddPairwiseI8x16U(V a) => ((a.AsUInt16() & Vector128.Create((ushort)0xFF)) + (a.AsUInt16() >> 8)).AsByte();

    [MethodImpl(Inline)]
    public static V I32x4ExtaddPairwiseI16x8S(V a) => (((a.AsInt32() << 16) >> 16) + (a.AsInt32() >> 16)).AsByte();

    [MethodImpl(Inline)]
    public static V I32x4ExtaddPairwiseI16x8U(V a) => ((a.AsUInt32() & Vector128.Create(0xFFFFu)) + (a.AsUInt32() >> 16)).AsByte();

    // ---- products

    // The instruction gives -32768 for -32768 * -32768 and for nothing else; that one is turned over.
    [MethodImpl(Inline)]
    public static V I16x8Q15mulrSatS(V a, V b)
    {
        if (Ssse3.IsSupported)
        {
            var product = Ssse3.MultiplyHighRoundScale(a.AsInt16(), b.AsInt16());
            return (product ^ Vector128.Equals(product, Vector128.Create(short.MinValue))).AsByte();
        }

        var half = Vector128.Create(0x4000);
        var low = (Vector128.WidenLower(a.AsInt16()) * Vector128.WidenLower(b.AsInt16()) + half) >> 15;
        var high = (Vector128.WidenUpper(a.AsInt16()) * Vector128.WidenUpper(b.AsInt16()) + half) >> 15;
        return I16x8NarrowI32x4S(low.AsByte(), high.AsByte());
    }

    [MethodImpl(Inline)]
    public static V I32x4DotI16x8S(V a, V b)
    {
        if (Sse2.IsSupported) return Sse2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16()).AsByte();
        var even = ((a.AsInt32() << 16) >> 16) * ((b.AsInt32() << 16) >> 16);
        return (even + (a.AsInt32() >> 16) * (b.AsInt32() >> 16)).AsByte();
    }

    [MethodImpl(Inline)] public static V I16x8ExtmulLowI8x16S(V a, V b) => (Vector128.WidenLower(a.AsSByte()) * Vector128.WidenLower(b.AsSByte())).AsByte();
    [MethodImpl(Inline)] public static V I16x8ExtmulHighI8x16S(V a, V b) => (Vector128.WidenUpper(a.AsSByte()) * Vector128.WidenUpper(b.AsSByte())).AsByte();
    [MethodImpl(Inline)] public static V I16x8ExtmulLowI8x16U(V a, V b) => (Vector128.WidenLower(a) * Vector128.WidenLower(b)).AsByte();
    [MethodImpl(Inline)] public static V I16x8ExtmulHighI8x16U(V a, V b) => (Vector128.WidenUpper(a) * Vector128.WidenUpper(b)).AsByte();
    [MethodImpl(Inline)] public static V I32x4ExtmulLowI16x8S(V a, V b) => (Vector128.WidenLower(a.AsInt16()) * Vector128.WidenLower(b.AsInt16())).AsByte();
    [MethodImpl(Inline)] public static V I32x4ExtmulHighI16x8S(V a, V b) => (Vector128.WidenUpper(a.AsInt16()) * Vector128.WidenUpper(b.AsInt16())).AsByte();
    [MethodImpl(Inline)] public static V I32x4ExtmulLowI16x8U(V a, V b) => (Vector128.WidenLower(a.AsUInt16()) * Vector128.WidenLower(b.AsUInt16())).AsByte();
    [MethodImpl(Inline)] public static V I32x4ExtmulHighI16x8U(V a, V b) => (Vector128.WidenUpper(a.AsUInt16()) * Vector128.WidenUpper(b.AsUInt16())).AsByte();

    // The instructions multiply the even lanes: the pair that is wanted goes there first.
    [MethodImpl(Inline)]
    public static V I64x2ExtmulLowI32x4S(V a, V b) =>
        Sse41.IsSupported
            ? Sse41.Multiply(Sse2.Shuffle(a.AsInt32(), 0x50), Sse2.Shuffle(b.AsInt32(), 0x50)).AsByte()
            : (Vector128.WidenLower(a.AsInt32()) * Vector128.WidenLower(b.AsInt32())).AsByte();

    [MethodImpl(Inline)]
    public static V I64x2ExtmulHighI32x4S(V a, V b) =>
        Sse41.IsSupported
            ? Sse41.Multiply(Sse2.Shuffle(a.AsInt32(), 0xFA), Sse2.Shuffle(b.AsInt32(), 0xFA)).AsByte()
            : (Vector128.WidenUpper(a.AsInt32()) * Vector128.WidenUpper(b.AsInt32())).AsByte();

    [MethodImpl(Inline)]
    public static V I64x2ExtmulLowI32x4U(V a, V b) =>
        Sse2.IsSupported
            ? Sse2.Multiply(Sse2.Shuffle(a.AsUInt32(), 0x50), Sse2.Shuffle(b.AsUInt32(), 0x50)).AsByte()
            : (Vector128.WidenLower(a.AsUInt32()) * Vector128.WidenLower(b.AsUInt32())).AsByte();

    [MethodImpl(Inline)]
    public static V I64x2ExtmulHighI32x4U(V a, V b) =>
        Sse2.IsSupported
            ? Sse2.Multiply(Sse2.Shuffle(a.AsUInt32(), 0xFA), Sse2.Shuffle(b.AsUInt32(), 0xFA)).AsByte()
            : (Vector128.WidenUpper(a.AsUInt32()) * Vector128.WidenUpper(b.AsUInt32())).AsByte();

    // ---- relaxed dot products, pinned: both operands signed, the sum of two products saturated

    [MethodImpl(Inline)]
    public static V I16x8RelaxedDotI8x16I7x16S(V a, V b)
    {
        // Only -128 * -128 twice exceeds: 32768, which wraps to -32768, and no other sum is that.
        var even = ((a.AsInt16() << 8) >> 8) * ((b.AsInt16() << 8) >> 8);
        var sum = even + (a.AsInt16() >> 8) * (b.AsInt16() >> 8);
        return (sum ^ Vector128.Equals(sum, Vector128.Create(short.MinValue))).AsByte();
    }

    [MethodImpl(Inline)]
    public static V I32x4RelaxedDotI8x16I7x16AddS(V a, V b, V c) =>
        (I32x4ExtaddPairwiseI16x8S(I16x8RelaxedDotI8x16I7x16S(a, b)).AsInt32() + c.AsInt32()).AsByte();
}
