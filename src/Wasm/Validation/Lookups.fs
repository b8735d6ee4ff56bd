namespace Twofold.Wasm.Validation

// What instructions name: types, memories, tables, segments, tags. Each lookup proves that it is there.
// In: the context C, indices. Out: what was found; after a failure something harmless, since the error sticks.

open Twofold.Wasm
open Twofold.Wasm.Binary

type internal Lookups(c: Context) =
    inherit ValidationStack(c.Types)
    let types = c.Types
    static let noFunc: FuncType = { Params = [||]; Results = [||] }
    static let noFields: FieldType[] = [||]
    static let noElement: FieldType = { Storage = StorageType.Value ValType.Bottom; Mutable = true }

    member _.Context = c
    member _.Types = types

    member v.UnknownType(index: int) = v.Fail $"unknown type {uint32 index}"

    member v.CheckHeap(h: HeapType) =
        if h.IsConcrete && h.Index >= types.Count then
            v.UnknownType h.Index

    /// A value type inside a body may name a type that is not there.
    member v.CheckType(t: ValType) =
        if t.IsRef then
            v.CheckHeap t.Heap

    member v.FuncType(index: int) : FuncType =
        match c.FuncType index |> box with
        | null ->
            v.UnknownType index
            noFunc
        | t -> t :?> FuncType

    member v.Fields(index: int) : FieldType[] =
        if uint32 index < uint32 types.Count then
            match types.Types[index].Composite with
            | CompositeType.Struct fields -> fields
            | _ ->
                v.Mismatch("a struct type", $"type {index}")
                noFields
        else
            v.UnknownType index
            noFields

    member v.Element(index: int) : FieldType =
        if uint32 index < uint32 types.Count then
            match types.Types[index].Composite with
            | CompositeType.Array element -> element
            | _ ->
                v.Mismatch("an array type", $"type {index}")
                noElement
        else
            v.UnknownType index
            noElement

    /// A memory's address type.
    member v.Memory(index: int) : ValType =
        if uint32 index < uint32 c.Memories.Length then
            if c.Memories[index].Is64 then ValType.I64 else ValType.I32
        else
            v.Fail $"unknown memory {uint32 index}"
            ValType.Bottom

    /// A table's element type; bottom after a failure.
    member v.Table(index: int) : ValType =
        if uint32 index < uint32 c.Tables.Length then
            c.Tables[index].Element
        else
            v.Fail $"unknown table {uint32 index}"
            ValType.Bottom

    /// A table's address type; the table is there.
    member _.TableAddress(index: int) : ValType =
        if uint32 index < uint32 c.Tables.Length && c.Tables[index].Limits.Is64 then
            ValType.I64
        else
            ValType.I32

    member v.Elem(index: int) : ValType =
        if uint32 index < uint32 c.Module.Elems.Length then
            c.Module.Elems[index].Type
        else
            v.Fail $"unknown elem segment {uint32 index}"
            ValType.Bottom

    member v.Data(index: int) =
        if uint32 index >= uint32 (max c.Module.DataCount 0) then
            v.Fail $"unknown data segment {uint32 index}"

    /// A tag's parameters.
    member v.Tag(index: int) : ValType[] =
        if uint32 index < uint32 c.TagTypes.Length then
            c.TagTypes[index].Params
        else
            v.Fail $"unknown tag {uint32 index}"
            noFunc.Params

    member v.GlobalGet(index: int) =
        if uint32 index < uint32 c.Globals.Length then
            v.PushVal c.Globals[index].Value
        else
            v.Fail $"unknown global {uint32 index}"

    /// `ref.func`: outside bodies every occurrence is itself a declaration.
    member v.RefFunc(index: int, inBody: bool) =
        if uint32 index >= uint32 c.FuncTypeIndices.Length then v.Fail $"unknown function {uint32 index}"
        elif inBody && not c.Declared[index] then v.Fail "undeclared function reference"
        else v.PushVal(ValType.Ref(false, HeapType.Concrete c.FuncTypeIndices[index]))
