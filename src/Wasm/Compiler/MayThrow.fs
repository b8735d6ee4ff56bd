namespace Twofold.Wasm.Compiler

// Which calls may end with an exception on its way: after those, and no others, compiled code looks for one.
// In: a ValidModule, and whether it is open, that is whether functions of other modules that throw may be called from it. Out: facts by function.
//
// A function may throw when it throws, when it calls one that may (a tail call too), when it calls an import of an open module, or when it calls
// through a table or a reference and anything that can be called so may throw. Handlers are not looked at: a function that catches all it calls still
// counts. Host functions never leave an exception on its way.
//
// Modules without tags, alone in their store or among others like them, are not even scanned: nothing in them may throw, and their code has no tests.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

/// What may throw in one variant of a module's code.
[<NoComparison; NoEquality>]
type ThrowFacts = {
    /// By function index, imports first; empty when nothing may throw.
    Functions: bool[]
    /// Calls through tables and references.
    Indirect: bool
} with

    member f.May index = f.Functions.Length > 0 && f.Functions[index]

module MayThrow =
    let none = { Functions = [||]; Indirect = false }

    let private isExn (t: ValType) = t.IsRef && (t.Heap.Code = HeapType.Exn.Code || t.Heap.Code = HeapType.NoExn.Code)

    let private storageIsExn (f: FieldType) =
        match f.Storage with
        | StorageType.Value t -> isExn t
        | _ -> false

    /// It has tags, or exceptions of others may be given to it to be thrown again.
    let usesExceptions (valid: ValidModule) =
        let m = valid.Module

        valid.TagTypes.Length > 0
        || valid.GlobalTypes |> Array.exists (fun g -> isExn g.Value)
        || valid.TableTypes |> Array.exists (fun t -> isExn t.Element)
        || m.Types
           |> Array.exists (fun t ->
               match t.Composite with
               | CompositeType.Func f -> Array.exists isExn f.Params || Array.exists isExn f.Results
               | CompositeType.Struct fields -> Array.exists storageIsExn fields
               | CompositeType.Array element -> storageIsExn element)

    /// Whether functions of others can be called from an instance with these imports. `imported` are the functions that it imports.
    /// By its shape alone when nothing imported throws: a table, a global or a parameter that others fill may bring a function later.
    let internal isOpen (valid: ValidModule) (imported: Function seq) =
        let m = valid.Module
        let hasObjects = m.Types |> Array.exists (fun t -> not t.Composite.IsFunc)
        // An externref may be an object in disguise, and hold a function.
        let brings (t: ValType) = t.IsRef && (hasObjects || t.Heap.Code <> HeapType.Extern.Code && t.Heap.Code <> HeapType.NoExtern.Code)

        let import (i: Import) =
            match i.Type with
            | ExternType.Func t -> valid.FuncType(t).Results |> Array.exists brings
            | ExternType.Table t -> brings t.Element
            | ExternType.Global g -> brings g.Value
            | _ -> false

        let export (e: Export) =
            match e.Kind with
            | ExternKind.Func -> valid.FuncTypes[e.Index].Params |> Array.exists brings
            | ExternKind.Table -> brings valid.TableTypes[e.Index].Element
            | ExternKind.Global -> valid.GlobalTypes[e.Index].Mutable && brings valid.GlobalTypes[e.Index].Value
            | _ -> false

        imported |> Seq.exists (fun f -> not (isNull f.Source) && f.Source.MayThrow)
        || Array.exists import m.Imports
        || Array.exists export m.Exports

    let private scan (valid: ValidModule) (isOpen: bool) : ThrowFacts =
        let m = valid.Module
        let imports = valid.ImportedFuncs
        let may = Array.zeroCreate<bool> valid.FuncTypes.Length
        let callers = Array.create<List<int>> may.Length null
        let indirect = List<int>()
        let found = Queue<int>()

        let mark f =
            if not may[f] then
                may[f] <- true
                found.Enqueue f

        let reader = BodyReader(valid.Limits, valid.Features, m)

        for k in 0 .. m.Code.Length - 1 do
            if reader.Read k then
                let self = imports + k
                let code = reader.Instrs.Code
                let mutable callsIndirect = false

                for at in 0 .. reader.Instrs.Count - 1 do
                    match code[at].Op with
                    | Op.Throw
                    | Op.ThrowRef
                    | Op.Rethrow -> mark self
                    | Op.Call
                    | Op.ReturnCall ->
                        let callee = code[at].A

                        if callee < imports then
                            if isOpen then
                                mark self
                        else
                            if isNull callers[callee] then
                                callers[callee] <- List<int>()

                            let known = callers[callee]

                            if known.Count = 0 || known[known.Count - 1] <> self then
                                known.Add self
                    | Op.CallIndirect
                    | Op.ReturnCallIndirect
                    | Op.CallRef
                    | Op.ReturnCallRef -> callsIndirect <- true
                    | _ -> ()

                if callsIndirect then
                    indirect.Add self

        let indirectThrows = isOpen || found.Count > 0

        if indirectThrows then
            Seq.iter mark indirect

        if isOpen then
            for f in 0 .. imports - 1 do
                may[f] <- true

        while found.Count > 0 do
            let f = found.Dequeue()

            if not (isNull callers[f]) then
                Seq.iter mark callers[f]

        { Functions = may; Indirect = indirectThrows }

    /// The facts of one variant.
    let facts (valid: ValidModule) (isOpen: bool) : ThrowFacts = if isOpen || usesExceptions valid then scan valid isOpen else none
