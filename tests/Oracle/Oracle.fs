namespace Twofold.Oracle

// Linking, instantiation and invocation (core specification 4.7). In: a store, a valid module, what it imports.
// Out: an instance, or why there is none; how a call ended.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation
open Twofold.Wasm.Validation
open Twofold.Oracle // last: our Memory, Table, Store.. before those of Twofold.Wasm

/// Why there is no instance.
[<RequireQualifiedAccess; NoComparison>]
type NoInstance =
    /// An import is missing or has another type, or a size exceeds the limits: nothing ran.
    | Refused of Rejected
    /// A segment or the start function ended the run; what was written to shared objects stays.
    | Ended of RunEnd

module Oracle =
    let private asRunEnd (run: unit -> Value[]) : RunEnd =
        try
            RunEnd.Returned(run ())
        with
        | :? TrapException as t -> RunEnd.Trapped { Code = t.Code; A = t.A; B = t.B; C = t.C; Detail = t.Detail }
        | :? OutOfGasException -> RunEnd.OutOfGas
        | :? StackExhaustedException -> RunEnd.StackExhausted
        | ThrownException e -> RunEnd.Uncaught { Tag = e.Tag.Index; Name = Option.toObj e.Tag.Name; Values = e.Values }
        | FaultException fault -> RunEnd.Fault fault

    /// Actual size and maximum against what the import asks for (core 3.4.1, "limits").
    let private sizesMatch (size: uint64) (given: SizeLimits) (wanted: SizeLimits) =
        size >= wanted.Min
        && given.Is64 = wanted.Is64
        && given.Shared = wanted.Shared
        && match wanted.Max, given.Max with
           | ValueNone, _ -> true
           | ValueSome w, ValueSome m -> m <= w
           | ValueSome _, ValueNone -> false

    let private matches (m: Module) (types: DefType[]) (wanted: ExternType) (given: Extern) =
        match wanted, given with
        | ExternType.Func index, Extern.Func f -> DefTypes.isSubtype f.DefType types[index]
        | ExternType.Tag index, Extern.Tag t -> obj.ReferenceEquals(t.DefType, types[index])
        | ExternType.Table t, Extern.Table table ->
            DefTypes.valueSame table.Types table.Type.Element types t.Element
            && sizesMatch (uint64 table.Entries.Count) table.Type.Limits t.Limits
        | ExternType.Memory t, Extern.Memory memory -> sizesMatch memory.Pages memory.Declared t
        // What can be written must be the same type; what is only read may be a subtype.
        | ExternType.Global t, Extern.Global g ->
            g.Type.Mutable = t.Mutable
            && (if t.Mutable then DefTypes.valueSame else DefTypes.valueMatches) g.Types g.Type.Value types t.Value
        | _ -> false

    let private linkError (import: Import) message = {
        Rejected.at RejectKind.Link import.Offset message with
            Where = $"import {import.Module}.{import.Name}"
    }

    /// Every import's object, or the first that is missing or of another type.
    let private link (m: Module) (types: DefType[]) (imports: string -> string -> Extern option) : Result<Extern[], Rejected> =
        let found = m.Imports |> Array.map (fun i -> i, imports i.Module i.Name)

        let wrong =
            found
            |> Array.tryPick (fun (i, given) ->
                match given with
                | None -> Some(linkError i "unknown import")
                | Some g when not (matches m types i.Type g) -> Some(linkError i "incompatible import type")
                | Some _ -> None)

        match wrong with
        | Some rejected -> Error rejected
        | None -> Ok(found |> Array.map (snd >> Option.get))

    /// A constant expression's value (core 3.3.14); earlier globals exist already. Nothing is paid for its instructions.
    let private constant (store: Store) (instance: Instance) (expr: ConstExpr) : Value =
        let operands = Operands()

        for i in expr do
            Step.run store instance operands i

        Operands.pop operands

    let private elements (store: Store) (instance: Instance) (segment: ElemSegment) : Value[] =
        if isNull segment.Funcs then
            segment.Exprs |> Array.map (constant store instance)
        else
            segment.Funcs |> Array.map (fun f -> Value.Ref(ValueKind.FuncRef, instance.Funcs[f]))

    /// Makes the defined tables and memories; the message says which limit refused them.
    let private allocate (store: Store) (instance: Instance) : Result<unit, Rejected> =
        let m = instance.Valid.Module

        let memories = m.Memories |> Array.map (fun t -> store.TryNewMemory t)

        let tables = m.Tables |> Array.map (fun t -> store.TryNewTable(t.Type, instance.Types, instance.Zero t.Type.Element))

        if Array.exists Option.isNone memories then
            Error(Rejected.at RejectKind.Limit -1 "the module's memories are larger than the store allows")
        elif Array.exists Option.isNone tables then
            Error(Rejected.at RejectKind.Limit -1 "the module's tables are larger than the store allows")
        else
            instance.Memories <- Array.append instance.Memories (Array.map Option.get memories)
            instance.Tables <- Array.append instance.Tables (Array.map Option.get tables)
            Ok()

    /// What runs: globals and tables get their first values; then what is paid for beside the first sizes: active segments
    /// (elements, then data) and the start function.
    let private runInitialisers (store: Store) (instance: Instance) : Value[] =
        let m = instance.Valid.Module

        for t in m.Memories do
            store.Charge(GasSchedule.pages t.Min)

        for t in m.Tables do
            store.Charge(GasSchedule.entries t.Type.Limits.Min)

        let defined (all: 'a[]) (own: 'b[]) = Array.skip (all.Length - own.Length) all

        Array.iter2
            (fun (g: Global) (def: GlobalDef) -> g.Value <- constant store instance def.Init)
            (defined instance.Globals m.Globals)
            m.Globals

        Array.iter2
            (fun (table: Table) (def: TableDef) ->
                if not (isNull def.Init) then
                    let n = table.Entries.Count
                    Access.tableFill table (Value.I64 0L) (constant store instance def.Init) (uint64 n))
            (defined instance.Tables m.Tables)
            m.Tables

        instance.Elems <- m.Elems |> Array.map (elements store instance)
        instance.Datas <- m.Datas |> Array.map (fun d -> m.Bytes[d.Start .. d.Start + d.Length - 1])

        m.Elems
        |> Array.iteri (fun k segment ->
            match segment.Mode with
            | SegmentMode.Active(table, offset) ->
                let n = instance.Elems[k].Length
                store.Charge(20L + 2L * int64 n)
                Access.tableInit instance.Tables[table] instance.Elems[k] (constant store instance offset) (Value.I32 0) (uint64 n)
                instance.Elems[k] <- [||]
            | SegmentMode.Declarative -> instance.Elems[k] <- [||]
            | SegmentMode.Passive -> ())

        m.Datas
        |> Array.iteri (fun k segment ->
            match segment.Mode with
            | SegmentMode.Active(memory, offset) ->
                let n = segment.Length
                store.Charge(20L + (int64 n + 7L) / 8L)
                Access.memoryInit instance.Memories[memory] instance.Datas[k] (constant store instance offset) (Value.I32 0) (uint64 n)
                instance.Datas[k] <- [||]
            | _ -> ())

        if m.Start >= 0 then
            Walk.call store instance instance.Funcs[m.Start] [||] store.StackUnits
        else
            [||]

    /// Links and allocates: nothing of the guest runs, nothing is paid.
    let prepare (store: Store) (valid: ValidModule) (imports: string -> string -> Extern option) : Result<Instance, Rejected> =
        let m = valid.Module

        let instance = Instance valid

        link m instance.Types imports
        |> Result.bind (fun externs ->
            let pick chooser = Array.choose chooser externs

            let importedFuncs =
                pick (function
                    | Extern.Func f -> Some f
                    | _ -> None)

            let definedFuncs =
                m.Functions |> Array.mapi (fun k _ -> WasmFunc(instance, k, valid.FuncTypes[importedFuncs.Length + k]) :> Func)

            instance.Funcs <- Array.append importedFuncs definedFuncs

            instance.Tables <-
                pick (function
                    | Extern.Table t -> Some t
                    | _ -> None)

            instance.Memories <-
                pick (function
                    | Extern.Memory t -> Some t
                    | _ -> None)

            instance.Globals <-
                pick (function
                    | Extern.Global g -> Some g
                    | _ -> None)

            let importedTags =
                pick (function
                    | Extern.Tag t -> Some t
                    | _ -> None)

            let definedTags =
                m.Tags
                |> Array.mapi (fun k t ->
                    let index = importedTags.Length + k
                    let export = m.Exports |> Array.tryFind (fun e -> e.Kind = ExternKind.Tag && e.Index = index)
                    Tag(instance.Types[t], valid.TagTypes[index], index, export |> Option.map _.Name))

            instance.Tags <- Array.append importedTags definedTags

            let definedGlobals = m.Globals |> Array.map (fun g -> Global(g.Type, instance.Types, instance.Zero g.Type.Value))
            instance.Globals <- Array.append instance.Globals definedGlobals

            allocate store instance |> Result.map (fun () -> instance))

    /// Runs what instantiation runs: segments and the start function.
    let initialise (store: Store) (instance: Instance) : RunEnd =
        store.Depth <- 0 // a run that ended inside a callback left it
        asRunEnd (fun () -> runInitialisers store instance)

    /// Instantiates a module in a store.
    let instantiate (store: Store) (valid: ValidModule) (imports: string -> string -> Extern option) : Result<Instance, NoInstance> =
        match prepare store valid imports with
        | Error rejected -> Error(NoInstance.Refused rejected)
        | Ok instance ->
            match initialise store instance with
            | RunEnd.Returned _ -> Ok instance
            | ended -> Error(NoInstance.Ended ended)

    let private refused name message found =
        Error { Rejected.at RejectKind.Request -1 message with Where = $"function {name}"; Found = found }

    /// The type of an exported function; refused when there is none.
    let signature (valid: ValidModule) (name: string) : Result<FuncType, Rejected> =
        match valid.Module.Exports |> Array.tryFind (fun e -> e.Name = name && e.Kind = ExternKind.Func) with
        | Some e -> Ok valid.FuncTypes[e.Index]
        | None -> refused name "no such exported function" ""

    let checkArguments (types: SubType[]) name (arguments: Value[]) (signature: FuncType) : Result<unit, Rejected> =
        let given = arguments |> Array.map (fun a -> a.Kind)

        if given = (signature.Params |> Array.map (DefTypes.kind types)) then
            Ok()
        else
            refused name $"wrong arguments: it is {signature}" (string given)

    /// What an instance exports under a name.
    let export (instance: Instance) (name: string) : Extern option =
        instance.Valid.Module.Exports
        |> Array.tryFind (fun e -> e.Name = name)
        |> Option.bind (fun e ->
            match e.Kind with
            | ExternKind.Func -> Some(Extern.Func instance.Funcs[e.Index])
            | ExternKind.Table -> Some(Extern.Table instance.Tables[e.Index])
            | ExternKind.Memory -> Some(Extern.Memory instance.Memories[e.Index])
            | ExternKind.Global -> Some(Extern.Global instance.Globals[e.Index])
            | ExternKind.Tag -> Some(Extern.Tag instance.Tags[e.Index])
            | _ -> None)

    /// Calls a function on behalf of an instance, with the whole stack; gas goes on from what the store has left.
    let call (store: Store) (instance: Instance) (func: Func) (arguments: Value[]) : RunEnd =
        store.Depth <- 0
        asRunEnd (fun () -> Walk.call store instance func arguments store.StackUnits)

    /// The host makes the calls, each with the whole stack; what it calls is no re-entry.
    let callFromHost (store: Store) (instance: Instance) (calls: System.Func<Guest, Value[]>) : RunEnd =
        asRunEnd (fun () -> Walk.fromHost store instance calls)

    /// Calls an exported function; refused when there is none or the arguments are of other types.
    let invoke (store: Store) (instance: Instance) (name: string) (arguments: Value[]) : Result<RunEnd, Rejected> =
        match export instance name with
        | Some(Extern.Func f) ->
            f.Type
            |> checkArguments instance.Valid.Module.Types name arguments
            |> Result.map (fun () -> call store instance f arguments)
        | _ -> refused name "no such exported function" ""
