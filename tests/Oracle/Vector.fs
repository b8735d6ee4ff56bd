namespace Twofold.Oracle

// Vector instructions (core specification 4.3, "Vector Operations"), found by their names and made of the scalar ones wherever there is
// a scalar one; integers go through bigint, so that nothing wraps by accident.
// Relaxed instructions are those of the deterministic profile: the first of each list of choices.
// In: an instruction that touches no memory, and its operands. Out: its result; NaN canonical in each lane that arithmetic made.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

module Vector =
    // --- lanes, lowest first, as bits

    let private mask width = if width = 64 then UInt64.MaxValue else (1UL <<< width) - 1UL

    let split (width: int) (v: Value) : uint64[] =
        let halves = [| v.Bits; v.HighBits |]
        Array.init (128 / width) (fun k -> (halves[k * width / 64] >>> (k * width % 64)) &&& mask width)

    let join (width: int) (lanes: uint64[]) : Value =
        let halves = [| 0UL; 0UL |]

        lanes
        |> Array.iteri (fun k lane -> halves[k * width / 64] <- halves[k * width / 64] ||| ((lane &&& mask width) <<< (k * width % 64)))

        Value.V128(halves[0], halves[1])

    // --- a lane's number

    let private two n = bigint.Pow(2I, n)
    let private unsigned (lane: uint64) = bigint lane

    let private signed width (lane: uint64) =
        let n = bigint lane
        if n >= two (width - 1) then n - two width else n

    let private asSigned isSigned width = if isSigned then signed width else unsigned

    /// The lane of a number, modulo 2^width.
    let private wrap width (n: bigint) : uint64 =
        let r = n % two width
        uint64 (if r.Sign < 0 then r + two width else r)

    let private saturate isSigned width (n: bigint) : uint64 =
        let low, high = if isSigned then -(two (width - 1)), two (width - 1) - 1I else 0I, two width - 1I
        wrap width (max low (min high n))

    let private truth width (b: bool) : uint64 = if b then mask width else 0UL

    // --- shapes and scalar instructions by name

    let private widthOf (shape: string) = int (shape.Substring(1, shape.IndexOf 'x' - 1))

    let private scalars =
        let byName = Dictionary<string, Op>()

        for row in Opcodes.all do
            if not (isNull row.Pops) then
                byName[row.Name] <- row.Op

        byName

    let private kinds = dict [ "i32", ValueKind.I32; "i64", ValueKind.I64; "f32", ValueKind.F32; "f64", ValueKind.F64 ]
    let private lane (t: string) (bits: uint64) = Value.FromBits(kinds[t], bits)
    let private unaryOn (t: string) name (a: uint64) : uint64 = (Numeric.unary scalars[name] (lane t a)).Bits
    let private binaryOn (t: string) name (a: uint64) (b: uint64) : uint64 = (Numeric.binary scalars[name] (lane t a) (lane t b)).Bits

    let private isTrue (a: uint64) = a <> 0UL

    // --- what all shapes have

    /// The scalar that a shape's lanes are on the operand stack.
    let private stackKind (shape: string) =
        match shape with
        | "i64x2" -> ValueKind.I64
        | "f32x4" -> ValueKind.F32
        | "f64x2" -> ValueKind.F64
        | _ -> ValueKind.I32

    let private whole operation (v: Value[]) : Value =
        let bits f = Value.V128(f (fun (x: Value) -> x.Bits), f (fun (x: Value) -> x.HighBits))

        match operation with
        | "not" -> bits (fun half -> ~~~(half v[0]))
        | "and" -> bits (fun half -> half v[0] &&& half v[1])
        | "andnot" -> bits (fun half -> half v[0] &&& ~~~(half v[1]))
        | "or" -> bits (fun half -> half v[0] ||| half v[1])
        | "xor" -> bits (fun half -> half v[0] ^^^ half v[1])
        | "bitselect" -> bits (fun half -> (half v[0] &&& half v[2]) ||| (half v[1] &&& ~~~(half v[2])))
        | "any_true" -> Value.I32(if v[0].Bits <> 0UL || v[0].HighBits <> 0UL then 1 else 0)
        | _ -> invalidOp $"no vector instruction: v128.{operation}"

    // --- floats

    let private floats (shape: string) operation (i: Instr) (v: Value[]) : Value =
        let width = widthOf shape
        let t = $"f{width}"
        let each f = join width (Array.map f (split width v[0]))
        let both f = join width (Array.map2 f (split width v[0]) (split width v[1]))
        let less a b = isTrue (binaryOn t $"{t}.lt" a b)

        match operation with
        | "eq"
        | "ne"
        | "lt"
        | "gt"
        | "le"
        | "ge" -> both (fun a b -> truth width (isTrue (binaryOn t $"{t}.{operation}" a b)))
        | "abs"
        | "neg"
        | "sqrt"
        | "ceil"
        | "floor"
        | "trunc"
        | "nearest" -> each (unaryOn t $"{t}.{operation}")
        | "add"
        | "sub"
        | "mul"
        | "div"
        | "min"
        | "max" -> both (binaryOn t $"{t}.{operation}")
        // Selections: the bits of either operand stay.
        | "pmin" -> both (fun a b -> if less b a then b else a)
        | "pmax" -> both (fun a b -> if less a b then b else a)
        | "madd"
        | "nmadd" ->
            let product =
                Array.map2
                    (fun a b -> binaryOn t $"{t}.mul" (if operation = "nmadd" then unaryOn t $"{t}.neg" a else a) b)
                    (split width v[0])
                    (split width v[1])

            join width (Array.map2 (binaryOn t $"{t}.add") product (split width v[2]))
        | "convert_i32x4_s" -> each (unaryOn "i32" "f32.convert_i32_s")
        | "convert_i32x4_u" -> each (unaryOn "i32" "f32.convert_i32_u")
        | "convert_low_i32x4_s" -> join 64 (Array.map (unaryOn "i32" "f64.convert_i32_s") (split 32 v[0]).[..1])
        | "convert_low_i32x4_u" -> join 64 (Array.map (unaryOn "i32" "f64.convert_i32_u") (split 32 v[0]).[..1])
        | "demote_f64x2_zero" -> join 32 (Array.append (Array.map (unaryOn "f64" "f32.demote_f64") (split 64 v[0])) [| 0UL; 0UL |])
        | "promote_low_f32x4" -> join 64 (Array.map (unaryOn "f32" "f64.promote_f32") (split 32 v[0]).[..1])
        | _ -> invalidOp $"no vector instruction: {shape}.{operation}"

    // --- integers

    let private integers (shape: string) (operation: string) (i: Instr) (v: Value[]) : Value =
        let width = widthOf shape
        let half = width / 2
        let isSigned = not (operation.EndsWith "_u" || operation.EndsWith "_u_zero")
        let number = asSigned isSigned width
        let lanesOf k = split width v[k]
        let each f = join width (Array.map f (lanesOf 0))
        let both f = join width (Array.map2 f (lanesOf 0) (lanesOf 1))
        let arithmetic finish f = both (fun a b -> finish (f (number a) (number b)))
        let compare' f = both (fun a b -> truth width (f (number a) (number b)))
        /// Operand k as twice as many lanes of half the width, as numbers; or the low or the high half of those.
        let narrower k = Array.map (asSigned isSigned half) (split half v[k])
        let lowOrHigh (all: 'a[]) = if operation.Contains "_low_" then all[.. all.Length / 2 - 1] else all[all.Length / 2 ..]
        let joined (numbers: bigint[]) = join width (Array.map (wrap width) numbers)
        let pairs (numbers: bigint[]) = Array.chunkBySize 2 numbers |> Array.map Array.sum
        let shift (f: bigint -> int -> bigint) = each (fun a -> wrap width (f (number a) (v[1].AsI32() &&& (width - 1))))

        match operation with
        | "add" -> arithmetic (wrap width) (+)
        | "sub" -> arithmetic (wrap width) (-)
        | "mul" -> arithmetic (wrap width) (*)
        | "add_sat_s"
        | "add_sat_u" -> arithmetic (saturate isSigned width) (+)
        | "sub_sat_s"
        | "sub_sat_u" -> arithmetic (saturate isSigned width) (-)
        | "min_s"
        | "min_u" -> arithmetic (wrap width) min
        | "max_s"
        | "max_u" -> arithmetic (wrap width) max
        | "avgr_u" -> arithmetic (wrap width) (fun a b -> (a + b + 1I) / 2I)
        | "q15mulr_sat_s" -> arithmetic (saturate true width) (fun a b -> (a * b + 16384I) >>> 15)
        | "eq" -> compare' (=)
        | "ne" -> compare' (<>)
        | "lt_s"
        | "lt_u" -> compare' (<)
        | "gt_s"
        | "gt_u" -> compare' (>)
        | "le_s"
        | "le_u" -> compare' (<=)
        | "ge_s"
        | "ge_u" -> compare' (>=)
        | "abs" -> each (fun a -> wrap width (abs (number a)))
        | "neg" -> each (fun a -> wrap width (-(number a)))
        | "popcnt" -> each (fun a -> uint64 (Numerics.BitOperations.PopCount a))
        | "all_true" -> Value.I32(if Array.forall isTrue (lanesOf 0) then 1 else 0)
        | "bitmask" -> lanesOf 0 |> Array.mapi (fun k a -> if (signed width a).Sign < 0 then 1 <<< k else 0) |> Array.sum |> Value.I32
        | "shl" -> shift (fun a n -> a <<< n)
        | "shr_s"
        | "shr_u" -> shift (fun a n -> a >>> n) // bigint's shift rounds down, as an arithmetic shift does
        | "swizzle" ->
            let from = lanesOf 0
            join width (lanesOf 1 |> Array.map (fun k -> if k < 16UL then from[int k] else 0UL))
        | "shuffle" ->
            let from = Array.append (lanesOf 0) (lanesOf 1)
            let chosen = split 8 (Value.V128(uint64 i.Imm, uint64 i.High))
            join width (chosen |> Array.map (fun k -> from[int k]))
        | _ when operation.StartsWith "narrow_" ->
            let wide = Array.append (split (2 * width) v[0]) (split (2 * width) v[1])
            join width (wide |> Array.map (signed (2 * width) >> saturate isSigned width))
        | _ when operation.StartsWith "extend_" -> joined (lowOrHigh (narrower 0))
        | _ when operation.StartsWith "extadd_pairwise_" -> joined (pairs (narrower 0))
        | _ when operation.StartsWith "extmul_" -> joined (Array.map2 (*) (lowOrHigh (narrower 0)) (lowOrHigh (narrower 1)))
        | "dot_i16x8_s" -> joined (pairs (Array.map2 (*) (narrower 0) (narrower 1)))
        // Both operands signed; the sum of two products saturates.
        | "dot_i8x16_i7x16_s" -> pairs (Array.map2 (*) (narrower 0) (narrower 1)) |> Array.map (saturate true width) |> join width
        | "dot_i8x16_i7x16_add_s" ->
            let bytes k = Array.map (signed 8) (split 8 v[k])
            let sums = pairs (Array.map2 (*) (bytes 0) (bytes 1)) |> Array.map (saturate true 16 >> signed 16)
            joined (Array.map2 (+) (pairs sums) (Array.map number (lanesOf 2)))
        | "trunc_sat_f32x4_s"
        | "trunc_sat_f32x4_u" -> each (unaryOn "f32" (if isSigned then "i32.trunc_sat_f32_s" else "i32.trunc_sat_f32_u"))
        | "trunc_sat_f64x2_s_zero"
        | "trunc_sat_f64x2_u_zero" ->
            let name = if isSigned then "i32.trunc_sat_f64_s" else "i32.trunc_sat_f64_u"
            join 32 (Array.append (Array.map (unaryOn "f64" name) (split 64 v[0])) [| 0UL; 0UL |])
        | _ -> invalidOp $"no vector instruction: {shape}.{operation}"

    /// What the deterministic profile makes of a relaxed instruction.
    let private pinned (shape: string) (operation: string) =
        if not (operation.StartsWith "relaxed_") then
            shape, operation
        else
            match operation.Substring "relaxed_".Length with
            | "laneselect" -> "v128", "bitselect"
            | "q15mulr_s" -> shape, "q15mulr_sat_s"
            | o when o.StartsWith "trunc_" -> shape, o.Replace("trunc_", "trunc_sat_")
            | o -> shape, o

    let run (i: Instr) (v: Value[]) : Value =
        let name = (Opcodes.info i.Op).Name
        let dot = name.IndexOf '.'
        let shape, operation = pinned (name.Substring(0, dot)) (name.Substring(dot + 1))

        match shape, operation with
        | "v128", "const" -> Value.V128(uint64 i.Imm, uint64 i.High)
        | "v128", _ -> whole operation v
        | _, "splat" -> join (widthOf shape) (Array.replicate (128 / widthOf shape) v[0].Bits)
        | _, "replace_lane" -> join (widthOf shape) (split (widthOf shape) v[0] |> Array.updateAt i.A v[1].Bits)
        | _, "extract_lane_s" -> Value.I32(int (signed (widthOf shape) (split (widthOf shape) v[0]).[i.A]))
        | _, "extract_lane"
        | _, "extract_lane_u" -> Value.FromBits(stackKind shape, (split (widthOf shape) v[0]).[i.A])
        | ("f32x4" | "f64x2"), _ -> floats shape operation i v
        | _ -> integers shape operation i v
