namespace Twofold.Wasm.Validation

// A module's types with their canonical ids, and subtyping over them (core specification, section 3.3).
// In: a type section whose indices exist. Out: ids by type index, `Matches` for value types and composite types: a few loads each, however deep the types.

open System
open System.Collections.Generic
open Twofold.Wasm

/// A module's type section with its canonical ids. Made by validation, once every index in it is known to exist.
[<Sealed; AllowNullLiteral>]
type internal ModuleTypes private (types: SubType[], canonical: CanonicalType[], held: List<CanonicalGroup>) =
    let ids = canonical |> Array.map _.Id
    let mutable held = held

    /// Number of types.
    member _.Count = types.Length
    member _.Types = types
    /// Canonical ids by type index.
    member _.Ids = ids
    /// By type index.
    member _.Canonical(index: int) : CanonicalType = canonical[index]

    /// A value type of this module with canonical ids in place of type indices.
    member _.Canonical(t: ValType) : ValType =
        if t.IsRef && t.Heap.IsConcrete then
            ValType.Ref(t.IsNullable, HeapType.Concrete ids[t.Heap.Index])
        else
            t

    member _.HeapMatches(actual: HeapType, expected: HeapType) : bool =
        if actual.Code = expected.Code then
            true
        elif actual.IsConcrete then
            let a = canonical[actual.Index]

            if expected.IsConcrete then
                let e = canonical[expected.Index]
                let depth = e.Display.Length - 1
                depth < a.Display.Length && a.Display[depth] = e.Id
            else
                AbstractHeap.matches a.Kind.Code expected.Code
        elif expected.IsConcrete then
            AbstractHeap.belowDefined actual.Code canonical[expected.Index].Kind
        else
            AbstractHeap.matches actual.Code expected.Code

    /// Value types: equal, bottom, or references that match in heap type and nullability (core 3.3.4).
    member m.Matches(actual: ValType, expected: ValType) : bool =
        actual.Code = expected.Code
        || actual.IsBottom
        || (actual.IsRef
            && expected.IsRef
            && (expected.IsNullable || not actual.IsNullable)
            && m.HeapMatches(actual.Heap, expected.Heap))

    member m.MatchesAll(actual: ValType[], expected: ValType[]) : bool =
        let mutable same = actual.Length = expected.Length
        let mutable i = 0

        while same && i < actual.Length do
            same <- m.Matches(actual[i], expected[i])
            i <- i + 1

        same

    /// Field and element types (core 3.3.8).
    member m.StorageMatches(actual: StorageType, expected: StorageType) =
        match actual, expected with
        | StorageType.I8, StorageType.I8
        | StorageType.I16, StorageType.I16 -> true
        | StorageType.Value a, StorageType.Value e -> m.Matches(a, e)
        | _ -> false

    member private m.FieldMatches(actual: FieldType, expected: FieldType) =
        actual.Mutable = expected.Mutable
        && m.StorageMatches(actual.Storage, expected.Storage)
        && (not actual.Mutable || m.StorageMatches(expected.Storage, actual.Storage))

    /// Composite types (core 3.3.9): is the first a refinement of the second?
    member m.CompositeMatches(actual: CompositeType, expected: CompositeType) =
        match actual, expected with
        | CompositeType.Func a, CompositeType.Func e -> m.MatchesAll(e.Params, a.Params) && m.MatchesAll(a.Results, e.Results)
        | CompositeType.Struct a, CompositeType.Struct e ->
            let mutable ok = a.Length >= e.Length
            let mutable i = 0

            while ok && i < e.Length do
                ok <- m.FieldMatches(a[i], e[i])
                i <- i + 1

            ok
        | CompositeType.Array a, CompositeType.Array e -> m.FieldMatches(a, e)
        | _ -> false

    /// Gives the ids back now; nobody may use them any more.
    member this.Release() =
        let groups = held
        held <- null

        if not (isNull groups) then
            GC.SuppressFinalize this
            CanonicalTypes.release groups

    override _.Finalize() =
        if not (isNull held) then
            CanonicalTypes.release held

    /// Ids of a type section whose indices all exist. None when the process has no more ids.
    static member TryMake(types: SubType[]) : ModuleTypes voption =
        let canonical: CanonicalType[] = Array.zeroCreate types.Length
        let ids = Array.zeroCreate types.Length
        let held = List<CanonicalGroup>()
        let key = CanonicalTypes.KeyWriter()
        let mutable ok = true
        let mutable start = 0

        while ok && start < types.Length do
            let size = types[start].GroupSize
            key.Clear()
            key.Put size

            for i in start .. start + size - 1 do
                key.SubType(types[i], start, ids)

            let first = start

            let make (fresh: int[]) =
                let idOf index = if index >= first then fresh[index - first] else ids[index]
                let made: CanonicalType[] = Array.zeroCreate size

                for k in 0 .. size - 1 do
                    made[k] <-
                        ModuleTypes.Define(
                            types[first + k],
                            fresh[k],
                            idOf,
                            (fun index -> if index >= first then made[index - first] else canonical[index])
                        )

                made

            let group = CanonicalTypes.hold key.Buffer key.Length size make

            if isNull group then
                ok <- false
            else
                held.Add group

                for k in 0 .. size - 1 do
                    canonical[start + k] <- group.Types[k]
                    ids[start + k] <- group.Types[k].Id

            start <- start + size

        if ok then
            ValueSome(ModuleTypes(types, canonical, held))
        else
            CanonicalTypes.release held
            ValueNone

    static member private Define(t: SubType, id: int, idOf: int -> int, canonicalOf: int -> CanonicalType) : CanonicalType =
        let value (v: ValType) =
            if v.IsRef && v.Heap.IsConcrete then
                ValType.Ref(v.IsNullable, HeapType.Concrete(idOf v.Heap.Index))
            else
                v

        let field (f: FieldType) : FieldType =
            match f.Storage with
            | StorageType.Value v -> { f with Storage = StorageType.Value(value v) }
            | _ -> f

        let composite =
            match t.Composite with
            | CompositeType.Func f -> CompositeType.Func { Params = Array.map value f.Params; Results = Array.map value f.Results }
            | CompositeType.Struct fields -> CompositeType.Struct(Array.map field fields)
            | CompositeType.Array f -> CompositeType.Array(field f)

        // A supertype stands before its subtypes, so its display is there.
        let display = if t.Super < 0 then [| id |] else Array.append (canonicalOf t.Super).Display [| id |]

        let definition = {
            Final = t.Final
            Super = (if t.Super < 0 then -1 else idOf t.Super)
            Composite = composite
            GroupStart = 0
            GroupSize = t.GroupSize
        }

        CanonicalType(id, display, definition)
