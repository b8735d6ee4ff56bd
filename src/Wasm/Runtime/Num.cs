// Numeric operations for which IL has no instruction with WebAssembly's meaning, the same on every platform.
// In: operands on the CIL stack. Out: results; NaN results may be any NaN (the emitter cleans them where bits are seen).
// Source: core specification 4.3. Checks that trap are emitted inline, never here.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Twofold.Wasm;

#pragma warning disable CS1718 // a == a is the test for NaN
internal static class Num
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    // rem_s of the smallest integer and -1 is 0; the hardware faults.
    [MethodImpl(Inline)] public static int RemS32(int a, int b) => b == -1 ? 0 : a % b;
    [MethodImpl(Inline)] public static long RemS64(long a, long b) => b == -1 ? 0 : a % b;

    [MethodImpl(Inline)] public static int Clz32(int a) => BitOperations.LeadingZeroCount((uint)a);
    [MethodImpl(Inline)] public static int Ctz32(int a) => BitOperations.TrailingZeroCount(a);
    [MethodImpl(Inline)] public static int Popcnt32(int a) => BitOperations.PopCount((uint)a);
    [MethodImpl(Inline)] public static long Clz64(long a) => BitOperations.LeadingZeroCount((ulong)a);
    [MethodImpl(Inline)] public static long Ctz64(long a) => BitOperations.TrailingZeroCount(a);
    [MethodImpl(Inline)] public static long Popcnt64(long a) => BitOperations.PopCount((ulong)a);
    [MethodImpl(Inline)] public static int Rotl32(int a, int n) => (int)BitOperations.RotateLeft((uint)a, n);
    [MethodImpl(Inline)] public static int Rotr32(int a, int n) => (int)BitOperations.RotateRight((uint)a, n);
    [MethodImpl(Inline)] public static long Rotl64(long a, long n) => (long)BitOperations.RotateLeft((ulong)a, (int)n);
    [MethodImpl(Inline)] public static long Rotr64(long a, long n) => (long)BitOperations.RotateRight((ulong)a, (int)n);

    [MethodImpl(Inline)] public static float Abs32(float a) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) & 0x7FFFFFFF);
    [MethodImpl(Inline)] public static double Abs64(double a) => BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(a) & long.MaxValue);
    [MethodImpl(Inline)] public static float Neg32(float a) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) ^ int.MinValue);
    [MethodImpl(Inline)] public static double Neg64(double a) => BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(a) ^ long.MinValue);

    [MethodImpl(Inline)]
    public static float Copysign32(float a, float b) =>
        BitConverter.Int32BitsToSingle((BitConverter.SingleToInt32Bits(a) & 0x7FFFFFFF) | (BitConverter.SingleToInt32Bits(b) & int.MinValue));

    [MethodImpl(Inline)]
    public static double Copysign64(double a, double b) =>
        BitConverter.Int64BitsToDouble((BitConverter.DoubleToInt64Bits(a) & long.MaxValue) | (BitConverter.DoubleToInt64Bits(b) & long.MinValue));

    // Equal operands differ at most in the sign of zero: `or` of the bits is the smaller, `and` the larger.
    [MethodImpl(Inline)]
    public static float Min32(float a, float b) =>
        a < b ? a : b < a ? b
        : a == b ? BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) | BitConverter.SingleToInt32Bits(b)) : float.NaN;

    [MethodImpl(Inline)]
    public static float Max32(float a, float b) =>
        a > b ? a : b > a ? b
        : a == b ? BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) & BitConverter.SingleToInt32Bits(b)) : float.NaN;

    [MethodImpl(Inline)]
    public static double Min64(double a, double b) =>
        a < b ? a : b < a ? b
        : a == b ? BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(a) | BitConverter.DoubleToInt64Bits(b)) : double.NaN;

    [MethodImpl(Inline)]
    public static double Max64(double a, double b) =>
        a > b ? a : b > a ? b
        : a == b ? BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(a) & BitConverter.DoubleToInt64Bits(b)) : double.NaN;

    // The canonical NaN is positive and quiet; .NET's own NaN constant is negative.
    // Without a branch: code around a clean is hot, and RyuJIT would cut it into blocks.
    [MethodImpl(Inline)]
    public static float Canon32(float a)
    {
        var v = Vector128.CreateScalarUnsafe(a);
        var canonical = Vector128.Create(0x7FC00000).AsSingle();
        return Avx512F.IsSupported
            ? Avx512F.FixupScalar(canonical, v, Vector128.Create(KeepNumbers), 0).ToScalar()
            : Vector128.ConditionalSelect(Vector128.Equals(v, v), v, canonical).ToScalar();
    }

    [MethodImpl(Inline)]
    public static double Canon64(double a)
    {
        var v = Vector128.CreateScalarUnsafe(a);
        var canonical = Vector128.Create(0x7FF8000000000000).AsDouble();
        return Avx512F.IsSupported
            ? Avx512F.FixupScalar(canonical, v, Vector128.Create((long)KeepNumbers), 0).ToScalar()
            : Vector128.ConditionalSelect(Vector128.Equals(v, v), v, canonical).ToScalar();
    }

    // vfixupimm's answers by kind of input, from the lowest four bits: quiet and signalling NaN keep the target (0), all numbers the source (1).
    private const int KeepNumbers = 0x11111100;

    // Halving keeps the lowest bit sticky, so that the one rounding of the signed conversion is the right one.
    [MethodImpl(Inline)] public static float U64ToF32(long a) => a >= 0 ? (float)a : (float)((long)((ulong)a >> 1) | (a & 1)) * 2f;
    [MethodImpl(Inline)] public static double U64ToF64(long a) => a >= 0 ? (double)a : (double)((long)((ulong)a >> 1) | (a & 1)) * 2d;

    // Saturating conversions, spelled out: what .NET's casts give differs by version and processor.
    public static int SatF32I32S(float a) => SatF64I32S(a);
    public static int SatF32I32U(float a) => SatF64I32U(a);
    public static long SatF32I64S(float a) => SatF64I64S(a);
    public static long SatF32I64U(float a) => SatF64I64U(a);
    public static int SatF64I32S(double a) => a != a ? 0 : a <= -2147483648.0 ? int.MinValue : a >= 2147483647.0 ? int.MaxValue : (int)a;
    public static int SatF64I32U(double a) => !(a > -1.0) ? 0 : a >= 4294967295.0 ? -1 : (int)(uint)(long)a;
    public static long SatF64I64S(double a) => a != a ? 0 : a <= -9223372036854775808.0 ? long.MinValue : a >= 9223372036854775808.0 ? long.MaxValue : (long)a;
    public static long SatF64I64U(double a) => !(a > -1.0) ? 0 : a >= 18446744073709551616.0 ? -1 : F64ToU64(a);

    // Conversions of values known to be in range.
    [MethodImpl(Inline)] public static int F64ToU32(double a) => (int)(uint)(long)a;

    public static long F64ToU64(double a) => a < 9223372036854775808.0 ? (long)a : (long)(a - 9223372036854775808.0) ^ long.MinValue;

    // Which of the two trunc traps a value out of range means.
    public static TrapCode TruncFault(double a) => double.IsNaN(a) ? TrapCode.InvalidConversionToInteger : TrapCode.IntegerOverflow;
}
