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

    /// An argument; None for a type that no level here has.
    let tryValue (e: JsonElement) : Value option =
        let s = text e

        match e.GetProperty("type").GetString() with
        | "i32" -> Some(Value.FromBits(ValueKind.I32, bits32 s))
        | "i64" -> Some(Value.FromBits(ValueKind.I64, bits64 s))
        | "f32" -> Some(Value.FromBits(ValueKind.F32, bits32 s))
        | "f64" -> Some(Value.FromBits(ValueKind.F64, bits64 s))
        | "externref" when s = "null" -> Some(Value.ExternRef null)
        | "externref" -> Some(Value.ExternRef(box (int s)))
        | "funcref" when s = "null" -> Some(Value.Ref(ValueKind.FuncRef, null))
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

    /// Does a result match what is expected?
    let rec matches (expected: JsonElement) (actual: Value) : bool =
        match expected.GetProperty("type").GetString(), text expected with
        | "f32", "nan:canonical" -> actual.Kind = ValueKind.F32 && isCanonicalNaN actual
        | "f64", "nan:canonical" -> actual.Kind = ValueKind.F64 && isCanonicalNaN actual
        | "f32", "nan:arithmetic" -> actual.Kind = ValueKind.F32 && isArithmeticNaN actual
        | "f64", "nan:arithmetic" -> actual.Kind = ValueKind.F64 && isArithmeticNaN actual
        | "either", _ -> expected.GetProperty("values").EnumerateArray() |> Seq.exists (fun e -> matches e actual)
        | "refnull", _ -> actual.Kind >= ValueKind.FuncRef && isNull actual.Reference
        | "funcref", "null" -> actual.Kind = ValueKind.FuncRef && isNull actual.Reference
        | "funcref", null -> actual.Kind = ValueKind.FuncRef && not (isNull actual.Reference)
        | "externref", "null" -> actual.Kind = ValueKind.ExternRef && isNull actual.Reference
        | "externref", null -> actual.Kind = ValueKind.ExternRef && not (isNull actual.Reference)
        | "externref", n -> actual.Kind = ValueKind.ExternRef && Object.Equals(actual.Reference, box (int n))
        | _ ->
            match tryValue expected with
            | Some v -> v.Kind = actual.Kind && v.Bits = actual.Bits
            | None -> false
