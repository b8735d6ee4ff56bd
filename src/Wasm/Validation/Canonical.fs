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
