namespace Twofold.Oracle

// Numeric instructions (core specification 4.3), written for obviousness and independently of src/Wasm: through exact
// intermediate values (double for f32, bigint for conversions) instead of the operation that an engine would emit.
// In: an opcode and operands. Out: the result, NaN canonical where arithmetic made it; or a TrapException.

open System
open System.Numerics
open Twofold.Wasm

module Numeric =
    let private trap code : 'a = raise (TrapException code)
    let private i32 (x: int) = Value.I32 x
    let private i64 (x: int64) = Value.I64 x
    let private bool (x: bool) = Value.I32(if x then 1 else 0)
    let private f32Bits (bits: uint32) = Value.FromBits(ValueKind.F32, uint64 bits)
    let private f64Bits (bits: uint64) = Value.FromBits(ValueKind.F64, bits)

    /// The result of f32 arithmetic, given exactly or with double's rounding: 53 bits are more than 2 * 24 + 2, so that
    /// rounding add, sub, mul, div and sqrt twice gives what rounding once gives (Figueroa, 1995).
    let private f32 (x: float) = if Double.IsNaN x then f32Bits 0x7FC00000u else Value.F32(float32 x)

    let private f64 (x: float) = if Double.IsNaN x then f64Bits 0x7FF8000000000000UL else Value.F64 x

    /// An f32 as the double of the same value.
    let private single (v: Value) = float (v.AsF32())

    // --- floats, the parts that are easy to get wrong; all over double, which holds every f32 exactly

    let private isNegative (x: float) = BitConverter.DoubleToInt64Bits x < 0L
    let private withSignOf (sign: float) (x: float) = if isNegative sign <> isNegative x then -x else x

    let private min' (a: float) (b: float) =
        if Double.IsNaN a || Double.IsNaN b then nan
        elif a = 0.0 && b = 0.0 then (if isNegative a then a else b)
        elif a < b then a
        else b

    let private max' (a: float) (b: float) =
        if Double.IsNaN a || Double.IsNaN b then nan
        elif a = 0.0 && b = 0.0 then (if isNegative a then b else a)
        elif a > b then a
        else b

    /// Round half to even. From 2^52 on every double is an integer; below, x - floor x is exact.
    let private nearest (x: float) =
        if Double.IsNaN x || abs x >= 4503599627370496.0 then
            x
        else
            let below = Math.Floor x
            let above = below + 1.0
            let part = x - below

            let rounded =
                if part < 0.5 then below
                elif part > 0.5 then above
                elif Math.Floor(below / 2.0) * 2.0 = below then below
                else above

            withSignOf x rounded

    // --- conversions

    /// The integer part of a float; traps for NaN, and where it lies outside low .. high.
    let private truncate (low: bigint) (high: bigint) (x: float) : bigint =
        if Double.IsNaN x then
            trap TrapCode.InvalidConversionToInteger
        elif Double.IsInfinity x then
            trap TrapCode.IntegerOverflow
        else
            let n = bigint x // towards zero, exact
            if n < low || n > high then trap TrapCode.IntegerOverflow else n

    let private saturate (low: bigint) (high: bigint) (x: float) : bigint =
        if Double.IsNaN x then 0I
        elif Double.IsPositiveInfinity x then high
        elif Double.IsNegativeInfinity x then low
        else max low (min high (bigint x))

    let private lowS32, highS32 = bigint Int32.MinValue, bigint Int32.MaxValue
    let private lowS64, highS64 = bigint Int64.MinValue, bigint Int64.MaxValue
    let private highU32, highU64 = bigint UInt32.MaxValue, bigint UInt64.MaxValue
    let private s32 (n: bigint) = i32 (int n)
    let private u32 (n: bigint) = i32 (int (uint32 n))
    let private s64 (n: bigint) = i64 (int64 n)
    let private u64 (n: bigint) = i64 (int64 (uint64 n))

    /// An integer's float, rounded half to even once, assembled from sign, exponent and `precision` bits of significand
    /// (24 for f32, 53 for f64, the hidden bit included).
    let private ofInteger (precision: int) (exponentBias: int) (signBit: int) (n: bigint) : uint64 =
        if n.IsZero then
            0UL
        else
            let magnitude = uint64 (abs n)
            let length = 64 - BitOperations.LeadingZeroCount magnitude

            let significand, exponent =
                if length <= precision then
                    magnitude <<< (precision - length), length - 1
                else
                    let dropped = length - precision
                    let kept = magnitude >>> dropped
                    let rest = magnitude - (kept <<< dropped)
                    let half = 1UL <<< (dropped - 1)
                    let isOdd = kept &&& 1UL = 1UL
                    let kept = if rest > half || (rest = half && isOdd) then kept + 1UL else kept
                    // Rounding up may have made it one bit longer; its lowest bit is then zero.
                    if kept = (1UL <<< precision) then kept >>> 1, length else kept, length - 1

            let fraction = significand &&& ((1UL <<< (precision - 1)) - 1UL)
            let sign = if n.Sign < 0 then 1UL <<< signBit else 0UL
            sign ||| (uint64 (exponent + exponentBias) <<< (precision - 1)) ||| fraction

    let private toF32 (n: bigint) = f32Bits (uint32 (ofInteger 24 127 31 n))
    let private toF64 (n: bigint) = f64Bits (ofInteger 53 1023 63 n)

    // --- the instructions

    let private divS32 a b =
        if b = 0 then trap TrapCode.IntegerDivideByZero
        elif a = Int32.MinValue && b = -1 then trap TrapCode.IntegerOverflow
        else a / b

    let private divS64 a b =
        if b = 0L then trap TrapCode.IntegerDivideByZero
        elif a = Int64.MinValue && b = -1L then trap TrapCode.IntegerOverflow
        else a / b

    let private nonZero32 b = if b = 0 then trap TrapCode.IntegerDivideByZero else b
    let private nonZero64 b = if b = 0L then trap TrapCode.IntegerDivideByZero else b

    /// One operand.
    let unary (op: uint16) (v: Value) : Value =
        match op with
        | 0x45us -> bool (v.AsI32() = 0)
        | 0x50us -> bool (v.AsI64() = 0L)
        | 0x67us -> i32 (BitOperations.LeadingZeroCount(uint32 (v.AsI32())))
        | 0x68us -> i32 (BitOperations.TrailingZeroCount(v.AsI32()))
        | 0x69us -> i32 (BitOperations.PopCount(uint32 (v.AsI32())))
        | 0x79us -> i64 (int64 (BitOperations.LeadingZeroCount(uint64 (v.AsI64()))))
        | 0x7Aus -> i64 (int64 (BitOperations.TrailingZeroCount(v.AsI64())))
        | 0x7Bus -> i64 (int64 (BitOperations.PopCount(uint64 (v.AsI64()))))
        | 0x8Bus -> f32Bits (uint32 v.Bits &&& 0x7FFFFFFFu)
        | 0x8Cus -> f32Bits (uint32 v.Bits ^^^ 0x80000000u)
        | 0x8Dus -> f32 (Math.Ceiling(single v))
        | 0x8Eus -> f32 (Math.Floor(single v))
        | 0x8Fus -> f32 (Math.Truncate(single v))
        | 0x90us -> f32 (nearest (single v))
        | 0x91us -> f32 (Math.Sqrt(single v))
        | 0x99us -> f64Bits (v.Bits &&& 0x7FFFFFFFFFFFFFFFUL)
        | 0x9Aus -> f64Bits (v.Bits ^^^ 0x8000000000000000UL)
        | 0x9Bus -> f64 (Math.Ceiling(v.AsF64()))
        | 0x9Cus -> f64 (Math.Floor(v.AsF64()))
        | 0x9Dus -> f64 (Math.Truncate(v.AsF64()))
        | 0x9Eus -> f64 (nearest (v.AsF64()))
        | 0x9Fus -> f64 (Math.Sqrt(v.AsF64()))
        | 0xA7us -> i32 (int (v.AsI64()))
        | 0xA8us -> s32 (truncate lowS32 highS32 (single v))
        | 0xA9us -> u32 (truncate 0I highU32 (single v))
        | 0xAAus -> s32 (truncate lowS32 highS32 (v.AsF64()))
        | 0xABus -> u32 (truncate 0I highU32 (v.AsF64()))
        | 0xACus -> i64 (int64 (v.AsI32()))
        | 0xADus -> i64 (int64 (uint32 (v.AsI32())))
        | 0xAEus -> s64 (truncate lowS64 highS64 (single v))
        | 0xAFus -> u64 (truncate 0I highU64 (single v))
        | 0xB0us -> s64 (truncate lowS64 highS64 (v.AsF64()))
        | 0xB1us -> u64 (truncate 0I highU64 (v.AsF64()))
        | 0xB2us -> toF32 (bigint (v.AsI32()))
        | 0xB3us -> toF32 (bigint (uint32 (v.AsI32())))
        | 0xB4us -> toF32 (bigint (v.AsI64()))
        | 0xB5us -> toF32 (bigint (uint64 (v.AsI64())))
        | 0xB6us -> f32 (v.AsF64())
        | 0xB7us -> toF64 (bigint (v.AsI32()))
        | 0xB8us -> toF64 (bigint (uint32 (v.AsI32())))
        | 0xB9us -> toF64 (bigint (v.AsI64()))
        | 0xBAus -> toF64 (bigint (uint64 (v.AsI64())))
        | 0xBBus -> f64 (single v)
        | 0xBCus -> i32 (int (uint32 v.Bits))
        | 0xBDus -> i64 (int64 v.Bits)
        | 0xBEus -> f32Bits (uint32 v.Bits)
        | 0xBFus -> f64Bits v.Bits
        | 0xC0us -> i32 (int (sbyte (v.AsI32())))
        | 0xC1us -> i32 (int (int16 (v.AsI32())))
        | 0xC2us -> i64 (int64 (sbyte (v.AsI64())))
        | 0xC3us -> i64 (int64 (int16 (v.AsI64())))
        | 0xC4us -> i64 (int64 (int (v.AsI64())))
        | 0xC00us -> s32 (saturate lowS32 highS32 (single v))
        | 0xC01us -> u32 (saturate 0I highU32 (single v))
        | 0xC02us -> s32 (saturate lowS32 highS32 (v.AsF64()))
        | 0xC03us -> u32 (saturate 0I highU32 (v.AsF64()))
        | 0xC04us -> s64 (saturate lowS64 highS64 (single v))
        | 0xC05us -> u64 (saturate 0I highU64 (single v))
        | 0xC06us -> s64 (saturate lowS64 highS64 (v.AsF64()))
        | 0xC07us -> u64 (saturate 0I highU64 (v.AsF64()))
        | _ -> invalidOp $"not a unary instruction: 0x%x{op}"

    let private binaryI32 op (a: int) (b: int) =
        let ua, ub = uint32 a, uint32 b

        match op with
        | 0x46us -> bool (a = b)
        | 0x47us -> bool (a <> b)
        | 0x48us -> bool (a < b)
        | 0x49us -> bool (ua < ub)
        | 0x4Aus -> bool (a > b)
        | 0x4Bus -> bool (ua > ub)
        | 0x4Cus -> bool (a <= b)
        | 0x4Dus -> bool (ua <= ub)
        | 0x4Eus -> bool (a >= b)
        | 0x4Fus -> bool (ua >= ub)
        | 0x6Aus -> i32 (a + b)
        | 0x6Bus -> i32 (a - b)
        | 0x6Cus -> i32 (a * b)
        | 0x6Dus -> i32 (divS32 a b)
        | 0x6Eus -> i32 (int (ua / uint32 (nonZero32 b)))
        // The remainder by -1 is 0, also of the smallest integer, where the division would overflow.
        | 0x6Fus -> i32 (if nonZero32 b = -1 then 0 else a % b)
        | 0x70us -> i32 (int (ua % uint32 (nonZero32 b)))
        | 0x71us -> i32 (a &&& b)
        | 0x72us -> i32 (a ||| b)
        | 0x73us -> i32 (a ^^^ b)
        | 0x74us -> i32 (a <<< (b &&& 31))
        | 0x75us -> i32 (a >>> (b &&& 31))
        | 0x76us -> i32 (int (ua >>> (b &&& 31)))
        | 0x77us -> i32 (int (BitOperations.RotateLeft(ua, b &&& 31)))
        | 0x78us -> i32 (int (BitOperations.RotateRight(ua, b &&& 31)))
        | _ -> invalidOp $"not a binary i32 instruction: 0x%x{op}"

    let private binaryI64 op (a: int64) (b: int64) =
        let ua, ub = uint64 a, uint64 b
        let count = int b &&& 63

        match op with
        | 0x51us -> bool (a = b)
        | 0x52us -> bool (a <> b)
        | 0x53us -> bool (a < b)
        | 0x54us -> bool (ua < ub)
        | 0x55us -> bool (a > b)
        | 0x56us -> bool (ua > ub)
        | 0x57us -> bool (a <= b)
        | 0x58us -> bool (ua <= ub)
        | 0x59us -> bool (a >= b)
        | 0x5Aus -> bool (ua >= ub)
        | 0x7Cus -> i64 (a + b)
        | 0x7Dus -> i64 (a - b)
        | 0x7Eus -> i64 (a * b)
        | 0x7Fus -> i64 (divS64 a b)
        | 0x80us -> i64 (int64 (ua / uint64 (nonZero64 b)))
        | 0x81us -> i64 (if nonZero64 b = -1L then 0L else a % b)
        | 0x82us -> i64 (int64 (ua % uint64 (nonZero64 b)))
        | 0x83us -> i64 (a &&& b)
        | 0x84us -> i64 (a ||| b)
        | 0x85us -> i64 (a ^^^ b)
        | 0x86us -> i64 (a <<< count)
        | 0x87us -> i64 (a >>> count)
        | 0x88us -> i64 (int64 (ua >>> count))
        | 0x89us -> i64 (int64 (BitOperations.RotateLeft(ua, count)))
        | 0x8Aus -> i64 (int64 (BitOperations.RotateRight(ua, count)))
        | _ -> invalidOp $"not a binary i64 instruction: 0x%x{op}"

    let private compare' number (a: float) (b: float) =
        match number with
        | 0 -> bool (a = b)
        | 1 -> bool (not (a = b))
        | 2 -> bool (a < b)
        | 3 -> bool (a > b)
        | 4 -> bool (a <= b)
        | _ -> bool (a >= b)

    let private arithmetic number (a: float) (b: float) =
        match number with
        | 0 -> a + b
        | 1 -> a - b
        | 2 -> a * b
        | 3 -> a / b
        | 4 -> min' a b
        | _ -> max' a b

    /// Two operands.
    let binary (op: uint16) (a: Value) (b: Value) : Value =
        match op with
        | op when op >= 0x5Bus && op <= 0x60us -> compare' (int op - 0x5B) (single a) (single b)
        | op when op >= 0x61us && op <= 0x66us -> compare' (int op - 0x61) (a.AsF64()) (b.AsF64())
        | op when op >= 0x92us && op <= 0x97us -> f32 (arithmetic (int op - 0x92) (single a) (single b))
        | op when op >= 0xA0us && op <= 0xA5us -> f64 (arithmetic (int op - 0xA0) (a.AsF64()) (b.AsF64()))
        | 0x98us -> f32Bits ((uint32 a.Bits &&& 0x7FFFFFFFu) ||| (uint32 b.Bits &&& 0x80000000u))
        | 0xA6us -> f64Bits ((a.Bits &&& 0x7FFFFFFFFFFFFFFFUL) ||| (b.Bits &&& 0x8000000000000000UL))
        | op when a.Kind = ValueKind.I32 -> binaryI32 op (a.AsI32()) (b.AsI32())
        | op -> binaryI64 op (a.AsI64()) (b.AsI64())
