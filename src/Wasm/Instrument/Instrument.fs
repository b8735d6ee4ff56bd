namespace Twofold.Wasm.Instrument

// A valid module as a binary in which our semantics are ordinary WebAssembly (design 4.1): for engines that are not ours.
// In: a ValidModule. Out: bytes and what their host must know. Indices of types, functions, tables, memories, tags, segments, parameters and locals stay; globals that
// the module defines move behind the imports that are added. Custom sections are left out: they name places that are not there any more.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module internal Instrument =
    /// Changes whenever the code that is written can change: part of cache keys.
    let version = 1

    /// What Wasmtime takes in a body.
    let private mostLocals = 50_000
    let private mostBytes = 7_654_321

    let private moveExpr (plan: Plan) (e: ConstExpr) : ConstExpr =
        if isNull e then
            null
        else
            e |> Array.map (fun i -> if i.Op = Op.GlobalGet then { i with A = plan.Global i.A } else i)

    let private moveElem plan (s: ElemSegment) = {
        s with
            Exprs = (if isNull s.Exprs then null else Array.map (moveExpr plan) s.Exprs)
            // Start writes it, in our order and at our price.
            Mode =
                match s.Mode with
                | SegmentMode.Active _ -> SegmentMode.Passive
                | mode -> mode
    }

    /// A prefix of export names that the module does not use itself.
    let rec private prefix (m: Module) (candidate: string) =
        if m.Exports |> Array.exists _.Name.StartsWith(candidate, System.StringComparison.Ordinal) then
            prefix m ("_" + candidate)
        else
            candidate

    let private refuse (valid: ValidModule) k what allowed found : Rejected =
        let index = valid.ImportedFuncs + k

        let name =
            match valid.Names.Function index with
            | null -> ""
            | n -> $" ({n})"

        {
            Rejected.limit valid.Module.Code[k].Start $"the instrumented body has too many {what}" allowed found with
                Where = $"function {index}{name}"
        }

    /// The instrumented module, or why it cannot be made: a body that grew beyond what engines take.
    let modul (valid: ValidModule) (options: InstrumentOptions) : Result<InstrumentedModule, Rejected> =
        let m = valid.Module
        let plan = Plan(valid, options)
        let failType = plan.FuncType([| ValType.I32; ValType.I64; ValType.I64; ValType.I64 |], [||])
        let startType = plan.FuncType([||], [||])
        let own = prefix m "twofold."
        let export name kind index : Export = { Name = name; Kind = kind; Index = index; Offset = 0 }
        let names kind count = Array.init count (fun k -> $"{own}{kind}.{k}")
        let memories = names "memory" valid.MemoryTypes.Length
        let globals = names "global" valid.GlobalTypes.Length
        let tables = names "table" valid.TableTypes.Length
        let tags = names "tag" valid.TagTypes.Length
        // Bodies first: they add types.
        let mutable error = ValueNone
        let defined = m.Functions.Length

        let body k =
            if k < defined then WriteFunction.run plan (Prepare.func valid k)
            elif k = defined then WriteFunction.fail plan
            else WriteFunction.start plan

        let bodies =
            Encode.bodies
                (fun k ->
                    if k < defined then valid.FuncTypes[valid.ImportedFuncs + k].Params.Length
                    elif k = defined then 4
                    else 0)
                (defined + 2)
                body
                (fun k locals bytes ->
                    if error.IsNone && k < defined then
                        if locals > mostLocals then
                            error <- ValueSome(refuse valid k "locals" mostLocals locals)
                        elif bytes > mostBytes then
                            error <- ValueSome(refuse valid k "bytes" mostBytes bytes))

        match error with
        | ValueSome e -> Error e
        | ValueNone ->
            let made: Module = {
                m with
                    Types = plan.Types.ToArray()
                    Imports =
                        Array.append
                            m.Imports
                            (plan.Imports
                             |> Array.map (fun i -> { Module = "twofold"; Name = i.Name; Type = ExternType.Global i.Type; Offset = 0 }))
                    Functions = Array.append m.Functions [| failType; startType |]
                    Tables = m.Tables |> Array.map (fun t -> { t with Init = moveExpr plan t.Init })
                    Globals = [|
                        for g in m.Globals -> { g with Init = moveExpr plan g.Init }
                        for length in plan.Counters ->
                            {
                                Type = { Value = ValType.I64; Mutable = true }
                                Init = [| { Op = Op.I64Const; A = 0; B = 0; Imm = int64 length; Offset = 0 } |]
                                Offset = 0
                            }
                    |]
                    Exports = [|
                        for e in m.Exports -> if e.Kind = ExternKind.Global then { e with Index = plan.Global e.Index } else e
                        yield export $"{own}start" ExternKind.Func plan.StartFunction
                        yield export $"{own}written" ExternKind.Global plan.Written
                        yield! memories |> Array.mapi (fun k name -> export name ExternKind.Memory k)
                        yield! globals |> Array.mapi (fun k name -> export name ExternKind.Global (plan.Global k))
                        yield! tables |> Array.mapi (fun k name -> export name ExternKind.Table k)
                        yield! tags |> Array.mapi (fun k name -> export name ExternKind.Tag k)
                    |]
                    Start = -1
                    Elems = Array.map (moveElem plan) m.Elems
                    DataCount = (if m.Datas.Length > 0 || m.DataCount >= 0 then m.Datas.Length else -1)
                    Datas =
                        m.Datas
                        |> Array.map (fun d ->
                            match d.Mode with
                            | SegmentMode.Active _ -> { d with Mode = SegmentMode.Passive }
                            | _ -> d)
                    Customs = [||]
            }

            Ok {
                Bytes = Encode.withEncodedBodies made bodies
                Imports = plan.Imports
                Start = $"{own}start"
                Written = $"{own}written"
                Memories = memories
                Globals = globals
                Tables = tables
                Tags = tags
            }
