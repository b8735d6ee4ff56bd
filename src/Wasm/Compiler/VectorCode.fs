namespace Twofold.Wasm.Compiler

// Which method computes a vector instruction: one of Vector128 that RyuJIT makes an instruction of, or a helper of Runtime/Vec*.cs.
// In: an instruction's name in the one opcode table. Out: the method and the lanes it wants; operands are vectors of bytes between instructions.
//
//   i32x4.add             Vector128.Add<int>                     straight
//   i8x16.lt_u            Vector128.LessThan<byte>               the sign is in the lanes' type
//   i16x8.avgr_u          Vec.I16x8AvgrU                         a helper has the instruction's name and goes before everything else
//   i8x16.relaxed_swizzle as i8x16.swizzle                       relaxed instructions are pinned to the deterministic profile's result

open System
open System.Collections.Generic
open System.Reflection
open System.Runtime.Intrinsics
open Twofold.Wasm
open Twofold.Wasm.Binary

/// A method over vectors.
[<NoComparison; NoEquality>]
type internal VectorMethod = {
    Method: MethodInfo
    /// Goes over every vector operand before; null for bytes.
    Before: MethodInfo
    /// Goes over the result; null when it is no vector, or one of bytes.
    After: MethodInfo
    /// The result is turned over at last: `ne` is not `eq`.
    Not: bool
}

module internal VectorCode =
    let private flags = BindingFlags.Static ||| BindingFlags.NonPublic ||| BindingFlags.Public
    let private methods = typeof<Vector128>.GetMethods flags
    let private named (name: string) = methods |> Array.filter (fun m -> m.Name = name)

    let private vectorOf (lanes: Type) = typedefof<Vector128<_>>.MakeGenericType lanes

    let private asMethod = named "As" |> Array.find (fun m -> m.GetGenericArguments().Length = 2)

    /// A vector of some lanes as one of others.
    let cast (from: Type) (into: Type) = asMethod.MakeGenericMethod(from, into)

    let isCast (m: MethodInfo) = m.IsGenericMethod && m.GetGenericMethodDefinition() = asMethod

    let zero = typeof<Vector128<byte>>.GetProperty("Zero").GetMethod

    let private parameters (m: MethodInfo) = m.GetParameters() |> Array.map _.ParameterType

    /// The method of a class of intrinsics with exactly these parameters.
    let find (home: Type) (name: string) (lanes: Type) (wanted: Type[]) : MethodInfo =
        home.GetMethods flags
        |> Array.tryPick (fun m ->
            if m.Name <> name then
                None
            else
                let m =
                    if m.IsGenericMethodDefinition && m.GetGenericArguments().Length = 1 then
                        m.MakeGenericMethod lanes
                    else
                        m

                if not m.IsGenericMethodDefinition && parameters m = wanted then Some m else None)
        |> Option.defaultWith (fun () ->
            let types = wanted |> Array.map _.Name |> String.concat ", "
            invalidOp $"{home.Name}.{name}({types}) is missing")

    let ofHalves = find typeof<Vector128> "Create" typeof<int64> [| typeof<int64>; typeof<int64> |]

    let private make (m: MethodInfo) (lanes: Type) turned =
        let result = m.ReturnType

        {
            Method = m
            Before = if lanes = typeof<byte> then null else cast typeof<byte> lanes
            After =
                if result.IsGenericType && result <> typeof<Vector128<byte>> then
                    cast (result.GetGenericArguments()[0]) typeof<byte>
                else
                    null
            Not = turned
        }

    /// A method of Vector128; parameters that are null are vectors of the lanes.
    let private over (lanes: Type) name (wanted: Type list) turned =
        let wanted = wanted |> List.map (fun t -> if isNull t then vectorOf lanes else t) |> Array.ofList
        make (find typeof<Vector128> name lanes wanted) lanes turned

    /// Lanes of a shape: signed, unsigned.
    let lanesOf (shape: string) : struct (Type * Type) =
        match shape with
        | "i8x16" -> struct (typeof<sbyte>, typeof<byte>)
        | "i16x8" -> struct (typeof<int16>, typeof<uint16>)
        | "i32x4" -> struct (typeof<int>, typeof<uint32>)
        | "i64x2" -> struct (typeof<int64>, typeof<uint64>)
        | "f32x4" -> struct (typeof<float32>, typeof<float32>)
        | "f64x2" -> struct (typeof<double>, typeof<double>)
        | _ -> struct (typeof<byte>, typeof<byte>)

    let private straight =
        dict [
            "add", "Add"
            "sub", "Subtract"
            "mul", "Multiply"
            "div", "Divide"
            "eq", "Equals"
            "ne", "Equals"
            "lt", "LessThan"
            "gt", "GreaterThan"
            "le", "LessThanOrEqual"
            "ge", "GreaterThanOrEqual"
            "min", "Min"
            "max", "Max"
            "add_sat", "AddSaturate"
            "sub_sat", "SubtractSaturate"
            "and", "BitwiseAnd"
            "or", "BitwiseOr"
            "xor", "Xor"
            "andnot", "AndNot"
            "swizzle", "Shuffle"
        ]

    let private alone =
        dict [
            "neg", "Negate"
            "sqrt", "Sqrt"
            "ceil", "Ceiling"
            "floor", "Floor"
            "trunc", "Truncate"
            "nearest", "Round"
            "not", "OnesComplement"
            "bitmask", "ExtractMostSignificantBits"
        ]

    let private shifts = dict [ "shl", "ShiftLeft"; "shr_s", "ShiftRightArithmetic"; "shr_u", "ShiftRightLogical" ]

    /// `i8x16.avgr_u` is I8x16AvgrU.
    let private helperName (name: string) =
        name.Split('.', '_')
        |> Array.map (fun part -> part.Substring(0, 1).ToUpperInvariant() + part.Substring 1)
        |> String.Concat

    let private pinned (name: string) =
        match name.Substring(name.IndexOf '.' + 1) with
        | "relaxed_q15mulr_s" -> name.Replace("relaxed_q15mulr_s", "q15mulr_sat_s")
        | operator when operator.StartsWith "relaxed_trunc_" -> name.Replace("relaxed_trunc_", "trunc_sat_")
        | operator when operator.StartsWith "relaxed_dot_" -> name
        | _ -> name.Replace("relaxed_", "")

    let private build (row: OpInfo) : VectorMethod =
        let name = pinned row.Name

        match typeof<Vec>.GetMethod(helperName name, flags) with
        | null ->
            let dot = name.IndexOf '.'
            let shape, operator = name.Substring(0, dot), name.Substring(dot + 1)
            let struct (signed, unsigned) = lanesOf shape
            let isUnsigned = operator.EndsWith "_u"
            let lanes = if isUnsigned then unsigned else signed

            let stem =
                if operator.EndsWith "_s" || isUnsigned then
                    operator.Substring(0, operator.Length - 2)
                else
                    operator

            /// The shape that a conversion takes: `extend_low_i8x16_s`.
            let from () = lanesOf (stem.Substring(stem.LastIndexOf '_' + 1))

            let fromLanes () =
                let struct (signed, unsigned) = from ()
                if isUnsigned then unsigned else signed

            match operator with
            | "swizzle" -> over typeof<byte> "Shuffle" [ null; null ] false
            | _ when shifts.ContainsKey operator -> over lanes shifts[operator] [ null; typeof<int> ] false
            | _ when straight.ContainsKey stem -> over lanes straight[stem] [ null; null ] (stem = "ne")
            | _ when alone.ContainsKey stem -> over lanes alone[stem] [ null ] false
            | _ when stem.StartsWith "extend_low" || stem.StartsWith "promote_low" -> over (fromLanes ()) "WidenLower" [ null ] false
            | _ when stem.StartsWith "extend_high" -> over (fromLanes ()) "WidenUpper" [ null ] false
            | "trunc_sat_f32x4_s" -> over typeof<float32> "ConvertToInt32" [ null ] false
            | "trunc_sat_f32x4_u" -> over typeof<float32> "ConvertToUInt32" [ null ] false
            | "convert_i32x4_s"
            | "convert_i32x4_u" -> over (fromLanes ()) "ConvertToSingle" [ null ] false
            | _ -> invalidOp $"no method computes {row.Name}"
        | helper -> make helper typeof<byte> false

    let private known = Dictionary<Op, VectorMethod>()

    /// The method of an instruction that needs nothing but its operands.
    let method (o: Op) : VectorMethod =
        lock known (fun () ->
            match known.TryGetValue o with
            | true, m -> m
            | _ ->
                let m = build (Opcodes.info o)
                known[o] <- m
                m)

    let private cells = Dictionary<struct (string * Type), MethodInfo>()

    let private once name (lanes: Type) make =
        lock cells (fun () ->
            match cells.TryGetValue(struct (name, lanes)) with
            | true, m -> m
            | _ ->
                let m: MethodInfo = make ()
                cells[struct (name, lanes)] <- m
                m)

    let splat (lanes: Type) = once "splat" lanes (fun () -> find typeof<Vector128> "Create" lanes [| lanes |])
    let scalar (lanes: Type) = once "scalar" lanes (fun () -> find typeof<Vector128> "CreateScalar" lanes [| lanes |])
    let extract (lanes: Type) = once "extract" lanes (fun () -> find typeof<Vector128> "GetElement" lanes [| vectorOf lanes; typeof<int> |])

    let replace (lanes: Type) =
        once "replace" lanes (fun () -> find typeof<Vector128> "WithElement" lanes [| vectorOf lanes; typeof<int>; lanes |])

    let widenLower (lanes: Type) = once "widen" lanes (fun () -> find typeof<Vector128> "WidenLower" lanes [| vectorOf lanes |])

    let select =
        find typeof<Vector128> "ConditionalSelect" typeof<byte> [|
            typeof<Vector128<byte>>
            typeof<Vector128<byte>>
            typeof<Vector128<byte>>
        |]

    /// A method over two vectors of the lanes.
    let two (home: Type) name (lanes: Type) = once name lanes (fun () -> find home name lanes [| vectorOf lanes; vectorOf lanes |])
