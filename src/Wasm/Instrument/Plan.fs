namespace Twofold.Wasm.Instrument

// What is decided for a whole module before its bodies are written: indices that move, types and globals that are added, facts found by reading all bodies once.
// In: a ValidModule and options. Out: the plan that every writer asks.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Compiler

/// What a segment's length is at run time: it becomes 0 when the segment is dropped.
[<Struct; NoComparison>]
type internal SegmentLength =
    | Fixed of length: int
    /// In a global of the instrumented module.
    | Counted of index: int

/// How a memory's size in bytes is known.
[<Sealed>]
type internal Plan(valid: ValidModule, options: InstrumentOptions) =
    let m = valid.Module
    let types = List<SubType>(m.Types)
    let known = Dictionary<FuncType, int>()
    let grownMemories = Array.zeroCreate<bool> valid.MemoryTypes.Length
    let grownTables = Array.zeroCreate<bool> valid.TableTypes.Length
    let droppedDatas = Array.zeroCreate<bool> m.Datas.Length
    let droppedElems = Array.zeroCreate<bool> m.Elems.Length

    do
        let reader = BodyReader(valid.Limits, valid.Features, m)

        for k in 0 .. m.Code.Length - 1 do
            if reader.Read k then
                let code = reader.Instrs.Code

                for at in 0 .. reader.Instrs.Count - 1 do
                    match code[at].Op with
                    | Op.MemoryGrow -> grownMemories[code[at].A] <- true
                    | Op.TableGrow -> grownTables[code[at].A] <- true
                    | Op.DataDrop -> droppedDatas[code[at].A] <- true
                    | Op.ElemDrop -> droppedElems[code[at].A] <- true
                    | _ -> ()

        for t in 0 .. m.Types.Length - 1 do
            match m.Types[t] with
            | { Final = true; Super = -1; GroupSize = 1; Composite = CompositeType.Func f } -> known.TryAdd(f, t) |> ignore
            | _ -> ()

    let i64 isMutable : GlobalType = { Value = ValType.I64; Mutable = isMutable }
    let i32: GlobalType = { Value = ValType.I32; Mutable = true }

    let import kind index name t : InstrumentImport = { Kind = kind; Index = index; Name = name; Type = t }

    let imports = [|
        import StoreGlobal.Gas 0 "gas" (i64 true)
        import StoreGlobal.Stack 0 "stack" i32
        import StoreGlobal.Reason 0 "reason" i32
        import StoreGlobal.A 0 "a" (i64 true)
        import StoreGlobal.B 0 "b" (i64 true)
        import StoreGlobal.C 0 "c" (i64 true)
        import StoreGlobal.Objects 0 "objects" (i64 true)
        import StoreGlobal.ObjectsLimit 0 "objects_limit" (i64 false)
        import StoreGlobal.Pages 0 "pages" (i64 true)
        import StoreGlobal.Entries 0 "entries" (i64 true)
        for k in 0 .. valid.ImportedMemories - 1 do
            if grownMemories[k] then
                import StoreGlobal.MemoryMax k $"memory_max.{k}" (i64 false)
        for k in 0 .. valid.ImportedTables - 1 do
            if grownTables[k] then
                import StoreGlobal.TableMax k $"table_max.{k}" (i64 false)
    |]

    let counters = List<int>()

    let counter (value: int) =
        counters.Add value
        valid.GlobalTypes.Length + imports.Length + counters.Count - 1

    let written = counter 0

    /// A global of our own for a segment that a body drops.
    let lengthOf (length: int) dropped = if dropped && length > 0 then Counted(counter length) else Fixed length

    let dataLengths =
        m.Datas
        |> Array.mapi (fun k d ->
            match d.Mode with
            | SegmentMode.Passive -> lengthOf d.Length droppedDatas[k]
            | _ -> Fixed 0)

    let elemLengths =
        m.Elems
        |> Array.mapi (fun k s ->
            match s.Mode with
            | SegmentMode.Passive -> lengthOf s.Length droppedElems[k]
            | _ -> Fixed 0)

    let exported kind index = m.Exports |> Array.exists (fun e -> e.Kind = kind && e.Index = index)

    /// Bytes of a memory that can never grow, by nobody.
    let constantBytes =
        valid.MemoryTypes
        |> Array.mapi (fun k t ->
            let closed = t.Max = ValueSome t.Min && k >= valid.ImportedMemories
            if closed && t.Min <= 65536UL then int64 t.Min * 65536L else -1L)

    let throws = MayThrow.facts valid options.OthersMayThrow

    member _.Valid = valid
    member _.Options = options
    member _.Throws = throws
    member _.Imports = imports
    /// Initial values of the globals that are added behind the module's own.
    member _.Counters = counters
    member _.Types = types

    /// The index in the instrumented module of a global of the module.
    member _.Global index = if index < valid.ImportedGlobals then index else index + imports.Length

    /// The index of a global of the store.
    member _.Store(kind: StoreGlobal) = valid.ImportedGlobals + int kind

    /// The index of the global that has the greatest size of an imported memory or table.
    member _.Max(kind: StoreGlobal, index: int) =
        valid.ImportedGlobals + (imports |> Array.findIndex (fun i -> i.Kind = kind && i.Index = index))

    /// The global that counts the module's own globals that are written.
    member _.Written = written
    member _.DataLength index = dataLengths[index]
    member _.ElemLength index = elemLengths[index]
    /// Bytes of a memory that never changes its size, or -1.
    member _.ConstantBytes memory = constantBytes[memory]

    /// The function that ends a run: (reason, a, b, c) -> ().
    member _.Fail = valid.FuncTypes.Length
    member _.StartFunction = valid.FuncTypes.Length + 1

    /// The index of a function type, added when there is none.
    member _.FuncType(parameters: ValType[], results: ValType[]) =
        let t: FuncType = { Params = parameters; Results = results }

        match known.TryGetValue t with
        | true, index -> index
        | _ ->
            let index = types.Count

            types.Add { Final = true; Super = -1; Composite = CompositeType.Func t; GroupStart = index; GroupSize = 1 }

            known[t] <- index
            index
