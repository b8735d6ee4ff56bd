namespace Twofold.Wasm.Compiler

// References at the border between host and guest: what a value type takes, and which kind hosts know it by.
// In: value types whose concrete heap types are canonical ids, and objects. Out: yes or no. Compiled code trusts types, so nothing passes unasked.

open System
open Twofold.Wasm
open Twofold.Wasm.Validation

module internal References =
    /// The hierarchy a heap type belongs to: func, extern, any or exn.
    let top (heap: HeapType) : HeapType =
        if heap.IsConcrete then
            match (CanonicalTypes.get heap.Index).Kind with
            | k when k = HeapType.Func -> HeapType.Func
            | _ -> HeapType.Any
        else
            AbstractHeap.top heap.Code

    /// A function type with every reference as the nullable top of its hierarchy: all that the methods between host and guest need to know.
    let erase (t: FuncType) : FuncType =
        let value (v: ValType) = if v.IsRef then ValType.Ref(true, top v.Heap) else v
        { Params = Array.map value t.Params; Results = Array.map value t.Results }

    /// The function's type with canonical ids; a host's that no module could import keeps its own words.
    let typeOf (f: Function) : FuncType =
        if f.CanonicalType = 0 then
            f.TypeObject :?> FuncType
        else
            match (CanonicalTypes.get f.CanonicalType).Definition.Composite with
            | CompositeType.Func t -> t
            | _ -> f.TypeObject :?> FuncType

    /// Erased, computed once per function reference.
    let erased (f: Function) : FuncType =
        match f.Erased with
        | null ->
            let t = erase (typeOf f)
            f.Erased <- t
            t
        | t -> t :?> FuncType

    /// An object of another store, a function of one, or an exception that carries such.
    let isForeign (store: StoreData) (o: obj) =
        let waiting = Collections.Generic.Stack<obj>()
        let seen = Collections.Generic.HashSet<ExceptionInstance> HashIdentity.Reference
        let mutable foreign = false
        waiting.Push o

        // Exceptions nest as deep as a guest likes.
        while not foreign && waiting.Count > 0 do
            match waiting.Pop() with
            | :? Function as f -> foreign <- not (obj.ReferenceEquals(f.Store, store))
            | :? GcObject as g -> foreign <- not (isNull g.Type.Store) && not (obj.ReferenceEquals(g.Type.Store, store))
            | :? ExceptionInstance as e when not (isNull e.References) && seen.Add e -> Array.iter waiting.Push e.References
            | _ -> ()

        foreign

    /// What the guest keeps for a host's reference of this type, and back.
    let inward (t: ValType) (o: obj) : obj = if top t.Heap = HeapType.Any then GcRt.AnyOfExtern o else o

    let outward (t: ValType) (o: obj) : obj = if top t.Heap = HeapType.Any then GcRt.ExternOfAny o else o

    let private isOf (heap: HeapType) (o: obj) =
        match o with
        | :? Function as f ->
            if heap.IsConcrete then
                f.CanonicalType <> 0 && CanonicalTypes.isSubtype f.CanonicalType heap.Index
            else
                heap = HeapType.Func
        | :? GcObject as g ->
            if heap.IsConcrete then
                g.Type.Id <> 0 && CanonicalTypes.isSubtype g.Type.Id heap.Index
            else
                match g.Type.Kind with
                | GcKind.Struct -> AbstractHeap.matches HeapType.Struct.Code heap.Code
                | GcKind.Array -> AbstractHeap.matches HeapType.Array.Code heap.Code
                | GcKind.I31 -> AbstractHeap.matches HeapType.I31.Code heap.Code
                | _ -> heap = HeapType.Any
        | :? ExceptionInstance -> heap = HeapType.Exn
        | _ -> false

    /// May a variable of this type in this store hold the reference?
    let accepts (store: StoreData) (t: ValType) (o: obj) : bool =
        match o with
        | null -> t.IsNullable
        | o when isForeign store o -> false
        | o ->
            match top t.Heap with
            // Anything is a host reference, and a host reference is any reference.
            | h when h = HeapType.Extern -> t.Heap = HeapType.Extern
            | h when h = HeapType.Any && not (o :? GcObject) -> t.Heap = HeapType.Any
            | _ -> isOf t.Heap o
