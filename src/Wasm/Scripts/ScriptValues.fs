namespace Twofold.Wasm.Scripts

// Values and patterns of scripts, as hosts have them.
// In: what a script says, what an engine answered. Out: a Value to pass, or whether an answer is the expected one.

open Twofold.Wasm
open Twofold.Wasm.Text

module internal ScriptValues =
    let private kindOfHeap (heap: string) : ValueKind voption =
        match heap with
        | "func"
        | "nofunc" -> ValueSome ValueKind.FuncRef
        | "extern"
        | "noextern" -> ValueSome ValueKind.ExternRef
        | "exn"
        | "noexn" -> ValueSome ValueKind.ExnRef
        | "any"
        | "eq"
        | "i31"
        | "struct"
        | "array"
        | "none" -> ValueSome ValueKind.AnyRef
        | _ -> ValueNone

    /// The heap type of a reference of our own engines; null is not asked for.
    let heapOf (v: Value) : HeapType =
        match v.Kind with
        | ValueKind.FuncRef -> HeapType.Func
        | ValueKind.ExnRef -> HeapType.Exn
        | ValueKind.AnyRef ->
            match v.Reference with
            | :? GcI31 -> HeapType.I31
            | :? GcArray -> HeapType.Array
            | :? GcStruct -> HeapType.Struct
            | _ -> HeapType.Any
        | _ -> HeapType.Extern

    /// None: a null of a type that only a module can name.
    let tryValue (v: ScriptValue) : Value option =
        match v with
        | ScriptValue.I32 b -> Some(Value.FromBits(ValueKind.I32, uint64 b))
        | ScriptValue.I64 b -> Some(Value.FromBits(ValueKind.I64, b))
        | ScriptValue.F32 b -> Some(Value.FromBits(ValueKind.F32, uint64 b))
        | ScriptValue.F64 b -> Some(Value.FromBits(ValueKind.F64, b))
        | ScriptValue.V128(low, high) -> Some(Value.V128(low, high))
        | ScriptValue.RefNull heap ->
            match kindOfHeap heap with
            | ValueSome kind -> Some(Value.Ref(kind, null))
            | ValueNone -> None
        | ScriptValue.RefExtern n -> Some(Value.ExternRef(box (int n)))
        // A host's object that came in by any.convert_extern.
        | ScriptValue.RefHost n -> Some(Value.Ref(ValueKind.AnyRef, box (int n)))

    let private f32Canonical bits = bits &&& 0x7FFFFFFFUL = 0x7FC00000UL
    let private f32Arithmetic bits = bits &&& 0x7FC00000UL = 0x7FC00000UL
    let private f64Canonical bits = bits &&& 0x7FFFFFFFFFFFFFFFUL = 0x7FF8000000000000UL
    let private f64Arithmetic bits = bits &&& 0x7FF8000000000000UL = 0x7FF8000000000000UL

    let private laneMatches (width: int) (actual: Value) (k: int) (lane: LanePattern) : bool =
        let at = k * width
        let half = (if at < 64 then actual.Bits else actual.HighBits) >>> (at % 64)
        let bits = if width = 64 then half else half &&& ((1UL <<< width) - 1UL)

        match lane with
        | LanePattern.Bits b -> b = bits
        | LanePattern.CanonicalNaN -> if width = 32 then f32Canonical bits else f64Canonical bits
        | LanePattern.ArithmeticNaN -> if width = 32 then f32Arithmetic bits else f64Arithmetic bits

    /// Is a reference of the class that a script names? Each class holds what lies below it.
    let private isA (kind: string) (heap: HeapType) =
        match kind with
        | "func" -> heap = HeapType.Func
        | "exn" -> heap = HeapType.Exn
        | "struct" -> heap = HeapType.Struct
        | "array" -> heap = HeapType.Array
        | "i31" -> heap = HeapType.I31
        | "eq" -> heap = HeapType.Struct || heap = HeapType.Array || heap = HeapType.I31
        | _ -> false

    /// `heapOf` says what a reference of the engine refers to.
    let rec matches (heapOf: Value -> HeapType) (pattern: ScriptPattern) (actual: Value) : bool =
        let isRef = actual.Kind >= ValueKind.FuncRef
        let isObject = isRef && not (isNull actual.Reference)

        match pattern with
        | ScriptPattern.F32CanonicalNaN -> actual.Kind = ValueKind.F32 && f32Canonical actual.Bits
        | ScriptPattern.F32ArithmeticNaN -> actual.Kind = ValueKind.F32 && f32Arithmetic actual.Bits
        | ScriptPattern.F64CanonicalNaN -> actual.Kind = ValueKind.F64 && f64Canonical actual.Bits
        | ScriptPattern.F64ArithmeticNaN -> actual.Kind = ValueKind.F64 && f64Arithmetic actual.Bits
        | ScriptPattern.Lanes(width, lanes) ->
            actual.Kind = ValueKind.V128 && lanes |> List.indexed |> List.forall (fun (k, lane) -> laneMatches width actual k lane)
        | ScriptPattern.AnyNull -> isRef && not isObject
        | ScriptPattern.AnyRef "extern" -> isObject && actual.Kind = ValueKind.ExternRef
        | ScriptPattern.AnyRef "any" -> isObject && actual.Kind = ValueKind.AnyRef
        | ScriptPattern.AnyRef kind -> isObject && isA kind (heapOf actual)
        | ScriptPattern.Either ps -> ps |> List.exists (fun p -> matches heapOf p actual)
        | ScriptPattern.Value(ScriptValue.RefExtern n) -> actual.Kind = ValueKind.ExternRef && obj.Equals(actual.Reference, box (int n))
        | ScriptPattern.Value(ScriptValue.RefHost n) -> actual.Kind = ValueKind.AnyRef && obj.Equals(actual.Reference, box (int n))
        | ScriptPattern.Value(ScriptValue.RefNull heap) -> isRef && not isObject && kindOfHeap heap = ValueSome actual.Kind
        | ScriptPattern.Value v ->
            match tryValue v with
            | Some v -> v.Kind = actual.Kind && v.Bits = actual.Bits && v.HighBits = actual.HighBits
            | None -> false
