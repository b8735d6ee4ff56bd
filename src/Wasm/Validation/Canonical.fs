namespace Twofold.Wasm.Validation

// Types as the whole process knows them (core specification, section 3.1.3): recursion groups that are equal up to renaming get the same ids.
// In: groups of a module's type section, in order. Out: ids, equal for equal types of any modules; displays for subtyping; types that name ids.
//
//     (rec (type $a (struct (ref $b))) (type $b (sub $x (struct))))     encoded: [2; a: final, no super, struct, 1 field: ref + inside 1; b: ...super: outside + id of $x ...]
//
// A group is written as numbers in which types of the same group are counted from its start and all others are ids: equal numbers, equal groups.
// Work is linear in the type section. Ids belong to modules: a group lives as long as a ModuleTypes that holds it, then its ids may be given out again,
// so that no sequence of modules makes the table grow for ever. A module holds all that its types refer to.

open System
open System.Collections.Concurrent
open System.Collections.Generic
open Twofold.Wasm

/// One type of the process. Inside it, a concrete heap type's "index" is a canonical id.
[<Sealed; AllowNullLiteral>]
type internal CanonicalType(id: int, display: int[], definition: SubType) =
    /// Never 0.
    member _.Id = id
    /// Ids of the declared supertypes, the root first, its own last.
    member _.Display = display
    /// Heap types, supertype and field types by canonical id; the group's place means nothing here.
    member _.Definition = definition

    /// func, struct or array.
    member _.Kind =
        match definition.Composite with
        | CompositeType.Func _ -> HeapType.Func
        | CompositeType.Struct _ -> HeapType.Struct
        | CompositeType.Array _ -> HeapType.Array

/// A recursion group, with the number of modules that hold it.
[<Sealed; AllowNullLiteral>]
type internal CanonicalGroup(hash: int, key: int[], types: CanonicalType[], next: CanonicalGroup) =
    member _.Hash = hash
    member _.Key = key
    member _.Types = types
    /// Another group of the same hash.
    member val Next = next with get, set
    member val Holders = 0 with get, set

/// Abstract heap types (core 3.3.3).
module internal AbstractHeap =
    /// Is `a` below or equal `b`?
    let matches (a: int) (b: int) =
        a = b
        || match a with
           | 1 -> b = 0 // nofunc <: func
           | 3 -> b = 2 // noextern <: extern
           | 5 -> b = 4 // eq <: any
           | 6
           | 7
           | 8 -> b = 5 || b = 4 // i31, struct, array <: eq <: any
           | 9 -> b >= 4 && b <= 8 // none <: everything of any's
           | 11 -> b = 10 // noexn <: exn
           | 12 -> true // validation's bottom
           | _ -> false

    /// Does the bottom of some hierarchy lie below a defined type of this kind?
    let belowDefined (a: int) (kind: HeapType) = a = 12 || a = (if kind.Code = HeapType.Func.Code then 1 else 9)

    /// The greatest type of the hierarchy: func, extern, any or exn.
    let top (a: int) =
        match a with
        | 0
        | 1 -> HeapType.Func
        | 2
        | 3 -> HeapType.Extern
        | 10
        | 11 -> HeapType.Exn
        | _ -> HeapType.Any

/// The table of the process. Everything that changes it happens under one lock; ids are read without.
module internal CanonicalTypes =
    /// Ids must fit into the 22 bits that a ValType has for them. All types of all modules that are alive together; equal types count once.
    [<Literal>]
    let private MostIds = 0x3FFF00

    /// Ids that are not given out again yet.
    [<Literal>]
    let private Resting = 65536

    let private gate = obj ()
    let private groups = Dictionary<int, CanonicalGroup>()
    // First in, first out: an id rests as long as it can before it means another type.
    let private freed = Queue<int>()
    let mutable private types: CanonicalType[] = Array.zeroCreate 1024
    let mutable private last = 0

    /// The type of an id that some live module holds.
    let get (id: int) : CanonicalType = types[id]

    /// How many groups are alive: for tests.
    let count () =
        let rec chain (g: CanonicalGroup) n = if isNull g then n else chain g.Next (n + 1)
        lock gate (fun () -> groups.Values |> Seq.sumBy (fun g -> chain g 0))

    let isSubtype (id: int) (super: int) = TypeTable.IsSubtype(id, super)

    let heapMatches (actual: HeapType) (expected: HeapType) =
        if actual.Code = expected.Code then
            true
        elif actual.IsConcrete then
            if expected.IsConcrete then
                isSubtype actual.Index expected.Index
            else
                AbstractHeap.matches (get actual.Index).Kind.Code expected.Code
        elif expected.IsConcrete then
            AbstractHeap.belowDefined actual.Code (get expected.Index).Kind
        else
            AbstractHeap.matches actual.Code expected.Code

    /// Value types that name canonical ids: across modules.
    let matches (actual: ValType) (expected: ValType) =
        actual.Code = expected.Code
        || (actual.IsRef
            && expected.IsRef
            && (expected.IsNullable || not actual.IsNullable)
            && heapMatches actual.Heap expected.Heap)

    let private hashOf (key: int[]) (length: int) =
        let mutable h = HashCode()
        h.AddBytes(Runtime.InteropServices.MemoryMarshal.AsBytes(ReadOnlySpan(key, 0, length)))
        h.ToHashCode()

    let private find (hash: int) (key: int[]) (length: int) =
        let mutable g =
            match groups.TryGetValue hash with
            | true, g -> g
            | _ -> null

        while not (isNull g) && not (ReadOnlySpan(g.Key).SequenceEqual(ReadOnlySpan(key, 0, length))) do
            g <- g.Next

        g

    let private nextId () =
        if freed.Count > Resting || (last = MostIds && freed.Count > 0) then
            freed.Dequeue()
        elif last < MostIds then
            last <- last + 1
            last
        else
            0

    let private enter (t: CanonicalType) =
        if t.Id >= types.Length then
            let larger = Array.zeroCreate (max (t.Id + 1) (types.Length * 2))
            Array.Copy(types, larger, types.Length)
            Threading.Volatile.Write(&types, larger)

        types[t.Id] <- t
        TypeTable.Set(t.Id, t.Display)

    /// Holds the group with this key, which is made by `make` of its fresh ids if it is new. Null when the ids are used up.
    let hold (key: int[]) (length: int) (size: int) (make: int[] -> CanonicalType[]) : CanonicalGroup =
        let hash = hashOf key length

        lock gate (fun () ->
            let mutable g = find hash key length

            if isNull g then
                let ids = Array.zeroCreate size
                let mutable enough = true
                let mutable i = 0

                while enough && i < size do
                    ids[i] <- nextId ()
                    enough <- ids[i] <> 0
                    i <- i + 1

                if enough then
                    let made = make ids
                    Array.iter enter made

                    let before =
                        match groups.TryGetValue hash with
                        | true, before -> before
                        | _ -> null

                    g <- CanonicalGroup(hash, ReadOnlySpan(key, 0, length).ToArray(), made, before)
                    groups[hash] <- g
                else
                    for id in ids do
                        if id <> 0 then
                            freed.Enqueue id

            if not (isNull g) then
                g.Holders <- g.Holders + 1

            g)

    let private remove (g: CanonicalGroup) =
        match groups[g.Hash] with
        | first when obj.ReferenceEquals(first, g) -> if isNull g.Next then groups.Remove g.Hash |> ignore else groups[g.Hash] <- g.Next
        | first ->
            let mutable before = first

            while not (obj.ReferenceEquals(before.Next, g)) do
                before <- before.Next

            before.Next <- g.Next

        for t in g.Types do
            types[t.Id] <- null
            TypeTable.Set(t.Id, null)
            freed.Enqueue t.Id

    /// Gives back one hold on each group.
    let release (held: seq<CanonicalGroup>) =
        lock gate (fun () ->
            for g in held do
                g.Holders <- g.Holders - 1

                if g.Holders = 0 then
                    remove g)

    // ---- keys

    /// Numbers of one group; its own types are counted from `start`, others named by `ids`.
    [<Sealed>]
    type KeyWriter() =
        let mutable buffer: int[] = Array.zeroCreate 64
        let mutable length = 0
        member _.Buffer = buffer
        member _.Length = length
        member _.Clear() = length <- 0

        member _.Put(x: int) =
            if length = buffer.Length then
                Array.Resize(&buffer, length * 2)

            buffer[length] <- x
            length <- length + 1

        member w.Type(t: ValType, start: int, ids: int[]) =
            if t.IsRef && t.Heap.IsConcrete then
                let index = t.Heap.Index
                let inside = index >= start
                // Negative: no code of another type is.
                w.Put(-1 - (if t.IsNullable then 1 else 0) - (if inside then 2 else 0))
                w.Put(if inside then index - start else ids[index])
            else
                w.Put t.Code

        member w.Field(f: FieldType, start: int, ids: int[]) =
            w.Put(if f.Mutable then 1 else 0)

            match f.Storage with
            | StorageType.I8 -> w.Put 1
            | StorageType.I16 -> w.Put 2
            | StorageType.Value t -> w.Type(t, start, ids)

        member w.SubType(t: SubType, start: int, ids: int[]) =
            w.Put(if t.Final then 1 else 0)

            if t.Super < 0 then
                w.Put -1
            elif t.Super >= start then
                w.Put -2
                w.Put(t.Super - start)
            else
                w.Put ids[t.Super]

            match t.Composite with
            | CompositeType.Func f ->
                w.Put 0
                w.Put f.Params.Length

                for p in f.Params do
                    w.Type(p, start, ids)

                w.Put f.Results.Length

                for r in f.Results do
                    w.Type(r, start, ids)
            | CompositeType.Struct fields ->
                w.Put 1
                w.Put fields.Length

                for f in fields do
                    w.Field(f, start, ids)
            | CompositeType.Array f ->
                w.Put 2
                w.Field(f, start, ids)

    // ---- types of hosts

    // Never released: what a host defines is its own doing.
    let private hosts = ConcurrentDictionary<FuncType, int>()

    /// The id of a function type that a host gives; 0 when it names defined types, which only a module has: no import has that type.
    let ofHost (t: FuncType) : int =
        match hosts.TryGetValue t with
        | true, id -> id
        | _ ->
            if Seq.append t.Params t.Results |> Seq.exists (fun v -> v.IsRef && v.Heap.IsConcrete) then
                0
            else
                let definition = { Final = true; Super = -1; Composite = CompositeType.Func t; GroupStart = 0; GroupSize = 1 }
                let key = KeyWriter()
                key.Put 1
                key.SubType(definition, Int32.MaxValue, null)
                let g = hold key.Buffer key.Length 1 (fun ids -> [| CanonicalType(ids[0], [| ids[0] |], definition) |])

                if isNull g then
                    raise (InvalidOperationException "no type ids are left in this process")

                hosts[t] <- g.Types[0].Id
                g.Types[0].Id

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
