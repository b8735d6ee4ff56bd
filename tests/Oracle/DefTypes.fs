namespace Twofold.Oracle

// Defined types across modules (core specification 3.1.4, 3.3): two recursion groups that roll up to the same text are one group.
// In: a module's types. Out: one object for each, the same for equal types of all modules; subtyping.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation

/// A defined type. Equal types are one object. Type indices inside the composite are those of the module that came first.
[<AllowNullLiteral>]
type DefType(id: int, composite: CompositeType, super: DefType, zeros: Value[]) =
    member _.Id = id
    member _.Composite = composite
    /// The declared supertype, or null.
    member _.Super = super

    /// A struct's fields, or an array's one element type.
    member _.Fields: FieldType[] =
        match composite with
        | CompositeType.Struct fields -> fields
        | CompositeType.Array element -> [| element |]
        | CompositeType.Func _ -> [||]

    /// The default values of those; of no meaning where a type has none.
    member _.Zeros = zeros

module DefTypes =
    let private groups = Dictionary<string, DefType[]>()
    let mutable private count = 0

    /// The kind of a value of this type, as hosts name it.
    let kind (types: SubType[]) (t: ValType) : ValueKind =
        let ofHeap code =
            match code with
            | 0
            | 1 -> ValueKind.FuncRef
            | 2
            | 3 -> ValueKind.ExternRef
            | 10
            | 11 -> ValueKind.ExnRef
            | _ -> ValueKind.AnyRef

        if t = ValType.I32 then
            ValueKind.I32
        elif t = ValType.I64 then
            ValueKind.I64
        elif t = ValType.F32 then
            ValueKind.F32
        elif t = ValType.F64 then
            ValueKind.F64
        elif t = ValType.V128 then
            ValueKind.V128
        elif not t.Heap.IsConcrete then
            ofHeap t.Heap.Code
        elif t.Heap.Index >= types.Length then
            ValueKind.FuncRef // a type without its module: only functions have those
        else
            match types[t.Heap.Index].Composite with
            | CompositeType.Func _ -> ValueKind.FuncRef
            | _ -> ValueKind.AnyRef

    let zero (types: SubType[]) (t: ValType) : Value = if t.IsRef then Value.Ref(kind types t, null) else Value.FromBits(kind types t, 0UL)

    /// The types of a module, by index.
    let ofTypes (types: SubType[]) : DefType[] =
        let made: DefType[] = Array.zeroCreate types.Length

        let zeroOf (field: FieldType) =
            match field.Storage with
            | StorageType.Value t -> zero types t
            | _ -> Value.I32 0

        let group (start: int) (size: int) =
            let index i = if i >= start then $"own {i - start}" else $"type {made[i].Id}"

            let value (t: ValType) = if t.IsRef && t.Heap.IsConcrete then $"({t.IsNullable} {index t.Heap.Index})" else string t.Code

            let values ts = ts |> Array.map value |> String.concat ","

            let field (f: FieldType) =
                match f.Storage with
                | StorageType.I8 -> $"i8 {f.Mutable}"
                | StorageType.I16 -> $"i16 {f.Mutable}"
                | StorageType.Value t -> $"{value t} {f.Mutable}"

            let member' (s: SubType) =
                let super = if s.Super < 0 then "" else index s.Super

                let shape =
                    match s.Composite with
                    | CompositeType.Func t -> $"func {values t.Params} -> {values t.Results}"
                    | CompositeType.Struct fields -> "struct " + (fields |> Array.map field |> String.concat ",")
                    | CompositeType.Array element -> "array " + field element

                $"{s.Final} {super} {shape}"

            let rolled = types[start .. start + size - 1] |> Array.map member' |> String.concat ";"

            lock groups (fun () ->
                match groups.TryGetValue rolled with
                | true, known -> Array.blit known 0 made start size
                | _ ->
                    for i in start .. start + size - 1 do
                        let s = types[i]
                        let super = if s.Super < 0 then null else made[s.Super]

                        let zeros =
                            match s.Composite with
                            | CompositeType.Struct fields -> Array.map zeroOf fields
                            | CompositeType.Array element -> [| zeroOf element |]
                            | CompositeType.Func _ -> [||]

                        made[i] <- DefType(count, s.Composite, super, zeros)
                        count <- count + 1

                    groups[rolled] <- made[start .. start + size - 1])

        let mutable start = 0

        while start < types.Length do
            let size = max 1 types[start].GroupSize
            group start size
            start <- start + size

        made

    /// A function type that stands alone: what host functions have.
    let ofFunc (t: FuncType) : DefType =
        (ofTypes [| { Final = true; Super = -1; Composite = CompositeType.Func t; GroupStart = 0; GroupSize = 1 } |])[0]

    let rec isSubtype (a: DefType) (b: DefType) : bool = not (isNull a) && (obj.ReferenceEquals(a, b) || isSubtype a.Super b)

    // --- heap types and value types, each with the types of its module

    let private above =
        let any = HeapType.Any.Code
        let eq = HeapType.Eq.Code

        dict [
            HeapType.NoFunc.Code, [ HeapType.Func.Code ]
            HeapType.NoExtern.Code, [ HeapType.Extern.Code ]
            HeapType.NoExn.Code, [ HeapType.Exn.Code ]
            eq, [ any ]
            HeapType.I31.Code, [ eq; any ]
            HeapType.Struct.Code, [ eq; any ]
            HeapType.Array.Code, [ eq; any ]
            HeapType.None.Code, [ HeapType.I31.Code; HeapType.Struct.Code; HeapType.Array.Code; eq; any ]
        ]

    let private abstractBelow a b =
        a = b
        || (match above.TryGetValue a with
            | true, codes -> List.contains b codes
            | _ -> false)

    /// The abstract heap type right above a defined type, and the bottom of its hierarchy.
    let private around (t: DefType) =
        match t.Composite with
        | CompositeType.Func _ -> HeapType.Func, HeapType.NoFunc
        | CompositeType.Struct _ -> HeapType.Struct, HeapType.None
        | CompositeType.Array _ -> HeapType.Array, HeapType.None

    let heapMatches (aTypes: DefType[]) (a: HeapType) (bTypes: DefType[]) (b: HeapType) : bool =
        match a.IsConcrete, b.IsConcrete with
        | true, true -> isSubtype aTypes[a.Index] bTypes[b.Index]
        | true, false -> abstractBelow (fst (around aTypes[a.Index])).Code b.Code
        | false, true -> a = snd (around bTypes[b.Index])
        | false, false -> abstractBelow a.Code b.Code

    let valueMatches aTypes (a: ValType) bTypes (b: ValType) : bool =
        if a.IsRef && b.IsRef then
            (b.IsNullable || not a.IsNullable) && heapMatches aTypes a.Heap bTypes b.Heap
        else
            a = b

    /// The same type: below each other.
    let valueSame aTypes a bTypes b = valueMatches aTypes a bTypes b && valueMatches bTypes b aTypes a
