namespace Twofold.Conformance

// Values of the suite's JSON commands: arguments to pass, patterns to expect (NaN classes, references).
// In: a JSON value. Out: a Value, or whether a Value matches.

open System
open System.Globalization
open System.Text.Json
open Twofold.Wasm

module Patterns =
    let private text (e: JsonElement) =
        match e.TryGetProperty "value" with
        | true, v when v.ValueKind = JsonValueKind.String -> v.GetString()
        | _ -> null

    let private bits32 (s: string) =
        if s.StartsWith '-' then
            uint64 (uint32 (Int32.Parse(s, CultureInfo.InvariantCulture)))
        else
            uint64 (UInt32.Parse(s, CultureInfo.InvariantCulture))

    let private bits64 (s: string) =
        if s.StartsWith '-' then
            uint64 (Int64.Parse(s, CultureInfo.InvariantCulture))
        else
            UInt64.Parse(s, CultureInfo.InvariantCulture)

    let private width (lane: string) = int (lane.Substring 1)

    /// A lane of a vector, from its number.
    let private laneBits (lane: string) (s: string) : uint64 =
        let bits = bits64 s
        if width lane = 64 then bits else bits &&& ((1UL <<< width lane) - 1UL)

    let private vector (e: JsonElement) (bits: string -> string -> uint64) : Value =
        let lane = e.GetProperty("lane_type").GetString()
        let halves = [| 0UL; 0UL |]

        for k, v in Seq.indexed (e.GetProperty("value").EnumerateArray()) do
            let at = k * width lane
            halves[at / 64] <- halves[at / 64] ||| (bits lane (v.GetString()) <<< (at % 64))

        Value.V128(halves[0], halves[1])

    let private nulls =
        dict [
            "funcref", ValueKind.FuncRef
            "nullfuncref", ValueKind.FuncRef
            "externref", ValueKind.ExternRef
            "nullexternref", ValueKind.ExternRef
            "exnref", ValueKind.ExnRef
            "nullexnref", ValueKind.ExnRef
            "anyref", ValueKind.AnyRef
            "nullref", ValueKind.AnyRef
        ]

    /// An argument; None for a type that no level here has.
    let tryValue (e: JsonElement) : Value option =
        let s = text e

        match e.GetProperty("type").GetString() with
        | "i32" -> Some(Value.FromBits(ValueKind.I32, bits32 s))
        | "i64" -> Some(Value.FromBits(ValueKind.I64, bits64 s))
        | "f32" -> Some(Value.FromBits(ValueKind.F32, bits32 s))
        | "f64" -> Some(Value.FromBits(ValueKind.F64, bits64 s))
        | "v128" -> Some(vector e laneBits)
        | t when s = "null" && nulls.ContainsKey t -> Some(Value.Ref(nulls[t], null))
        | "externref" -> Some(Value.ExternRef(box (int s)))
        // A host's object that came in by any.convert_extern.
        | "anyref" when not (isNull s) -> Some(Value.Ref(ValueKind.AnyRef, box (int s)))
        | _ -> None

    let private isCanonicalNaN (v: Value) =
        match v.Kind with
        | ValueKind.F32 -> v.Bits &&& 0x7FFFFFFFUL = 0x7FC00000UL
        | ValueKind.F64 -> v.Bits &&& 0x7FFFFFFFFFFFFFFFUL = 0x7FF8000000000000UL
        | _ -> false

    let private isArithmeticNaN (v: Value) =
        match v.Kind with
        | ValueKind.F32 -> v.Bits &&& 0x7FC00000UL = 0x7FC00000UL
        | ValueKind.F64 -> v.Bits &&& 0x7FF8000000000000UL = 0x7FF8000000000000UL
        | _ -> false

    /// A lane that is a number, or of a class of NaN.
    let private laneMatches (lane: string) (expected: string) (bits: uint64) : bool =
        let actual = Value.FromBits((if lane = "f32" then ValueKind.F32 else ValueKind.F64), bits)

        match expected with
        | "nan:canonical" -> isCanonicalNaN actual
        | "nan:arithmetic" -> isArithmeticNaN actual
        | s -> laneBits lane s = bits

    let private lanesMatch (e: JsonElement) (actual: Value) =
        let lane = e.GetProperty("lane_type").GetString()
        let halves = [| actual.Bits; actual.HighBits |]

        e.GetProperty("value").EnumerateArray()
        |> Seq.indexed
        |> Seq.forall (fun (k, v) ->
            let at = k * width lane
            let bits = halves[at / 64] >>> (at % 64)
            laneMatches lane (v.GetString()) (if width lane = 64 then bits else bits &&& ((1UL <<< width lane) - 1UL)))

    /// The specification's classes of references, each with what lies below it.
    let private isA (expected: string) (heap: HeapType) =
        match expected with
        | "funcref" -> heap = HeapType.Func
        | "exnref" -> heap = HeapType.Exn
        | "structref" -> heap = HeapType.Struct
        | "arrayref" -> heap = HeapType.Array
        | "i31ref" -> heap = HeapType.I31
        | "eqref" -> heap = HeapType.Struct || heap = HeapType.Array || heap = HeapType.I31
        | _ -> false

    /// Does a result match what is expected? `heapOf` says what a reference of the engine refers to.
    let rec matches (heapOf: Value -> HeapType) (expected: JsonElement) (actual: Value) : bool =
        let isNull' = actual.Kind >= ValueKind.FuncRef && isNull actual.Reference
        let isObject = actual.Kind >= ValueKind.FuncRef && not (isNull actual.Reference)

        match expected.GetProperty("type").GetString(), text expected with
        | "f32", "nan:canonical" -> actual.Kind = ValueKind.F32 && isCanonicalNaN actual
        | "f64", "nan:canonical" -> actual.Kind = ValueKind.F64 && isCanonicalNaN actual
        | "f32", "nan:arithmetic" -> actual.Kind = ValueKind.F32 && isArithmeticNaN actual
        | "f64", "nan:arithmetic" -> actual.Kind = ValueKind.F64 && isArithmeticNaN actual
        | "v128", _ -> actual.Kind = ValueKind.V128 && lanesMatch expected actual
        | "either", _ -> expected.GetProperty("values").EnumerateArray() |> Seq.exists (fun e -> matches heapOf e actual)
        | "refnull", _ -> isNull'
        | t, "null" when nulls.ContainsKey t -> isNull' && actual.Kind = nulls[t]
        | "externref", null -> isObject && actual.Kind = ValueKind.ExternRef
        | "anyref", null -> isObject && actual.Kind = ValueKind.AnyRef
        | ("externref" | "anyref" as t), n -> isObject && actual.Kind = nulls[t] && Object.Equals(actual.Reference, box (int n))
        | t, null when t.EndsWith "ref" -> isObject && isA t (heapOf actual)
        | _ ->
            match tryValue expected with
            | Some v -> v.Kind = actual.Kind && v.Bits = actual.Bits
            | None -> false
