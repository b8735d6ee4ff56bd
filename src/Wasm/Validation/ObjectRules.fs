namespace Twofold.Wasm.Validation

// References, structs, arrays and i31 (core specification, sections 3.4.3-3.4.7).
// In: one instruction. Out: pops and pushes on the stack, or the violated rule.

open Twofold.Wasm
open Twofold.Wasm.Binary

type internal ObjectRules(c: Context, limits: WasmLimits) =
    inherit ControlRules(c)
    static let eqRef = ValType.Ref(true, HeapType.Eq)

    let concrete nullable index = ValType.Ref(nullable, HeapType.Concrete index)

    let unpacked (s: StorageType) =
        match s with
        | StorageType.Value t -> t
        | _ -> ValType.I32

    let isPacked (s: StorageType) =
        match s with
        | StorageType.Value _ -> false
        | _ -> true

    let isDefaultable (s: StorageType) =
        match s with
        | StorageType.Value t -> t.IsDefaultable
        | _ -> true

    /// Bytes of a data segment can only become numbers and vectors.
    let isNumeric (s: StorageType) =
        match s with
        | StorageType.Value t -> t.IsNum || t.IsVec
        | _ -> true

    // ---- references

    member v.RefNull(heap: HeapType) =
        v.CheckHeap heap
        v.PushVal(ValType.Ref(true, heap))

    member v.RefIsNull() =
        v.PopRef() |> ignore
        v.PushVal ValType.I32

    member v.RefAsNonNull() =
        let t = v.PopRef()
        v.PushVal(ValType.Ref(false, t.Heap))

    member v.RefEq() =
        v.PopVal eqRef |> ignore
        v.PopVal eqRef |> ignore
        v.PushVal ValType.I32

    /// Any reference of the same hierarchy may be tested or cast.
    member private v.PopSameHierarchy(heap: HeapType) =
        v.CheckHeap heap

        if v.Ok then
            let top =
                if heap.IsConcrete then
                    AbstractHeap.top (v.Types.Canonical heap.Index).Kind.Code
                else
                    AbstractHeap.top heap.Code

            v.PopVal(ValType.Ref(true, top)) |> ignore

    member v.RefTest(heap: HeapType) =
        v.PopSameHierarchy heap
        v.PushVal ValType.I32

    member v.RefCast(nullable: bool, heap: HeapType) =
        v.PopSameHierarchy heap
        v.PushVal(ValType.Ref(nullable, heap))

    /// any.convert_extern and extern.convert_any keep nullability.
    member v.Convert(source: HeapType, target: HeapType) =
        let t = v.PopVal(ValType.Ref(true, source))
        v.PushVal(ValType.Ref(t.IsRef && t.IsNullable, target))

    // ---- structs

    member v.StructNew(index: int) =
        let fields = v.Fields index
        let mutable i = fields.Length - 1

        while i >= 0 && v.Ok do
            v.PopVal(unpacked fields[i].Storage) |> ignore
            i <- i - 1

        v.PushVal(concrete false index)

    member v.StructNewDefault(index: int) =
        for f in v.Fields index do
            if not (isDefaultable f.Storage) then
                v.Mismatch("fields that have a default value", string (unpacked f.Storage))

        v.PushVal(concrete false index)

    member private v.Field(index: int, field: int) : FieldType voption =
        let fields = v.Fields index

        if v.Ok && uint32 field >= uint32 fields.Length then
            v.Fail $"unknown field {uint32 field}"

        if v.Ok then ValueSome fields[field] else ValueNone

    /// Packed values are read with a sign, others without.
    member private v.Signedness(storage: StorageType, signed: bool) =
        if isPacked storage <> signed then
            v.Mismatch((if signed then "a packed type" else "a type that is not packed"), (if signed then "another" else "a packed one"))

    member v.StructGet(index: int, field: int, signed: bool) =
        match v.Field(index, field) with
        | ValueSome f ->
            v.Signedness(f.Storage, signed)
            v.PopVal(concrete true index) |> ignore
            v.PushVal(unpacked f.Storage)
        | ValueNone -> ()

    member v.StructSet(index: int, field: int) =
        match v.Field(index, field) with
        | ValueSome f ->
            if not f.Mutable then
                v.Fail "immutable field"

            v.PopVal(unpacked f.Storage) |> ignore
            v.PopVal(concrete true index) |> ignore
        | ValueNone -> ()

    // ---- arrays

    member v.ArrayNew(index: int, withDefault: bool) =
        let e = v.Element index
        v.PopVal ValType.I32 |> ignore

        if not withDefault then
            v.PopVal(unpacked e.Storage) |> ignore
        elif v.Ok && not (isDefaultable e.Storage) then
            v.Mismatch("elements that have a default value", string (unpacked e.Storage))

        v.PushVal(concrete false index)

    member v.ArrayNewFixed(index: int, count: int) =
        let e = v.Element index

        if uint32 count > uint32 limits.FixedElements then
            v.Reject(Rejected.limit v.At "too many operands of array.new_fixed" limits.FixedElements (uint32 count))
        else
            v.PopMany(unpacked e.Storage, count)
            v.PushVal(concrete false index)

    member private v.FromData(e: FieldType, data: int) =
        if v.Ok && not (isNumeric e.Storage) then
            v.Fail "array type is not numeric or vector"

        v.Data data

    member private v.FromElem(e: FieldType, elem: int) =
        let segment = v.Elem elem

        if v.Ok then
            match e.Storage with
            | StorageType.Value t when v.Types.Matches(segment, t) -> ()
            | s -> v.Mismatch(string (unpacked s), string segment)

    member v.ArrayNewData(index: int, data: int) =
        v.FromData(v.Element index, data)
        v.PopMany(ValType.I32, 2)
        v.PushVal(concrete false index)

    member v.ArrayNewElem(index: int, elem: int) =
        v.FromElem(v.Element index, elem)
        v.PopMany(ValType.I32, 2)
        v.PushVal(concrete false index)

    member v.ArrayGet(index: int, signed: bool) =
        let e = v.Element index

        if v.Ok then
            v.Signedness(e.Storage, signed)
            v.PopVal ValType.I32 |> ignore
            v.PopVal(concrete true index) |> ignore
            v.PushVal(unpacked e.Storage)

    member private v.MutableElement(index: int) : FieldType =
        let e = v.Element index

        if not e.Mutable then
            v.Fail "immutable array"

        e

    member v.ArraySet(index: int) =
        let e = v.MutableElement index

        if v.Ok then
            v.PopVal(unpacked e.Storage) |> ignore
            v.PopVal ValType.I32 |> ignore
            v.PopVal(concrete true index) |> ignore

    member v.ArrayLen() =
        v.PopVal(ValType.Ref(true, HeapType.Array)) |> ignore
        v.PushVal ValType.I32

    member v.ArrayFill(index: int) =
        let e = v.MutableElement index

        if v.Ok then
            v.PopVal ValType.I32 |> ignore
            v.PopVal(unpacked e.Storage) |> ignore
            v.PopVal ValType.I32 |> ignore
            v.PopVal(concrete true index) |> ignore

    member v.ArrayCopy(target: int, source: int) =
        let t = v.MutableElement target
        let s = v.Element source

        if v.Ok then
            if not (v.Types.StorageMatches(s.Storage, t.Storage)) then
                v.Fail "array types do not match"

            v.PopMany(ValType.I32, 2)
            v.PopVal(concrete true source) |> ignore
            v.PopVal ValType.I32 |> ignore
            v.PopVal(concrete true target) |> ignore

    /// array.init_data and array.init_elem.
    member v.ArrayInit(index: int, segment: int, fromData: bool) =
        let e = v.MutableElement index
        if fromData then v.FromData(e, segment) else v.FromElem(e, segment)

        if v.Ok then
            v.PopMany(ValType.I32, 3)
            v.PopVal(concrete true index) |> ignore

    // ---- i31

    member v.RefI31() =
        v.PopVal ValType.I32 |> ignore
        v.PushVal(ValType.Ref(false, HeapType.I31))

    member v.I31Get() =
        v.PopVal(ValType.Ref(true, HeapType.I31)) |> ignore
        v.PushVal ValType.I32
