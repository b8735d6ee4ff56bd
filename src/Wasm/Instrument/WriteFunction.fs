namespace Twofold.Wasm.Instrument

// One prepared function written as ordinary WebAssembly; and the function that does what is left of instantiation.
// In: the plan, a PreparedFunc. Out: a Body for Encode.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module internal WriteFunction =
    /// Its trap is the engine's own and has no numbers.
    let private trapsNatively (op: Op) =
        match op with
        | Op.Unreachable
        | Op.RefAsNonNull
        | Op.RefCast
        | Op.RefCastNull
        | Op.StructGet
        | Op.StructGetS
        | Op.StructGetU
        | Op.StructSet
        | Op.ArrayLen
        | Op.I31GetS
        | Op.I31GetU -> true
        // Division, truncation.
        | k -> k >= 0x6Dus && k <= 0x70us || k >= 0x7Fus && k <= 0x82us || k >= 0xA8us && k <= 0xABus || k >= 0xAEus && k <= 0xB1us

    let private plain (w: Writer) known (i: Instr) =
        if WriteVectors.isRelaxed i.Op then
            WriteVectors.relaxed w i
        else
            let info = Opcodes.info i.Op

            match info.Imm with
            | Imm.MemArg
            | Imm.MemArgLane -> WriteMemory.access w known i
            | _ ->
                if trapsNatively i.Op then
                    w.Sync()

                w.Add i

    /// The body of a defined function.
    let run (plan: Plan) (f: PreparedFunc) : Body =
        let w = Writer(plan, f.Type, f.Locals)
        let types = plan.Valid.Module.Types
        let last = f.Code.Length - 1

        for i in f.Code do
            // Enter and Charge have no row in the table.
            if i.Op < Op.Enter then
                match (Opcodes.info i.Op).Imm with
                | Imm.MemArg
                | Imm.MemArgLane -> w.KeepLength i.A
                | _ -> ()

        /// A block of the module or of Prepare.
        let blockOf (i: Instr) =
            if i.A = -3 then
                let struct (starts, ends) = Prepare.blockType types f.BlockTypes i
                let struct (a, b) = w.BlockType(starts, ends)
                { i with A = a; B = b }
            else
                i

        let known = if plan.Options.Slow then System.Collections.Generic.HashSet<int>() else Addresses.run plan.Valid f

        let places =
            match plan.Options.Nan with
            | NanMode.Native -> NanPlaces.nothing
            | NanMode.OnEscape -> NanPlaces.onEscape plan.Valid f
            | NanMode.Each -> NanPlaces.each f

        // Types of what an open frame starts and ends with, for results of blocks that are cleaned.
        let frames = System.Collections.Generic.Stack<struct (ValType[] * ValType[])>()

        /// The type of a result, counted from the top, of the instruction just written.
        let resultType (i: Instr) (ended: ValType[]) above =
            match i.Op with
            | Op.End -> ended[ended.Length - 1 - above]
            | Op.Loop ->
                let struct (starts, _) = frames.Peek()
                starts[starts.Length - 1 - above]
            | _ -> invalidOp "only blocks have several results"

        let mutable ended: ValType[] = [||]

        for at in 0..last do
            let i = f.Code[at]
            w.Offset <- i.Offset

            match i.Op with
            | Op.Block
            | Op.Loop
            | Op.If
            | Op.TryTable -> frames.Push(Prepare.blockType types f.BlockTypes i)
            | Op.End when at < last ->
                let struct (_, ends) = frames.Pop()
                ended <- ends
            | _ -> ()

            match i.Op with
            | Op.Enter ->
                w.Enter i.A
                w.LoadGas()
                w.LoadLengths()
            | Op.Charge -> w.Charge i.Imm
            | Op.Nop -> ()
            | Op.Block
            | Op.If ->
                w.Add(blockOf i)
                w.Open()
            | Op.Loop ->
                w.Add(blockOf i)
                w.Open()
                w.Merge()
            | Op.TryTable -> w.TryTable(blockOf i, f.CatchTables[int i.Imm])
            | Op.Else ->
                w.Add i
                w.Merge()
            | Op.End when at = last -> ()
            | Op.End ->
                w.Add i
                w.Close()
                w.Merge()

                // What followed here was left out, so the operands that the rest of the block expects may be missing.
                if i.A = 0 then
                    w.Op Op.Unreachable
            | Op.Return -> w.Return()
            | Op.GlobalGet
            | Op.GlobalSet -> w.Add { i with A = plan.Global i.A }
            | _ ->
                if
                    not (WriteCalls.instruction w f.FrameUnits i) && not (WriteBulk.instruction w i) && not (WriteObjects.instruction w i)
                then
                    plain w (known.Contains at) i

            match places.TryGetValue at with
            | true, list -> WriteNan.places w (resultType i ended) list
            | _ -> ()

        w.Finish f.LabelTables

    /// A constant expression as ordinary instructions.
    let private expression (w: Writer) counted (e: ConstExpr) =
        for i in e do
            match i.Op with
            | Op.GlobalGet -> w.Add { i with A = w.Plan.Global i.A }
            | _ ->
                if not (counted && WriteObjects.makes w i) then
                    w.Add i

    let private makesObjects (e: ConstExpr) =
        not (isNull e)
        && e
           |> Array.exists (fun i ->
               match i.Op with
               | Op.StructNew
               | Op.StructNewDefault
               | Op.ArrayNew
               | Op.ArrayNewDefault
               | Op.ArrayNewFixed -> true
               | _ -> false)

    /// Gas of the sizes that a module starts with.
    let private sizePrices (m: Module) = [|
        for t in m.Memories -> GasSchedule.pages t.Min
        for t in m.Tables -> GasSchedule.entries t.Type.Limits.Min
    |]

    /// What is left of instantiation, in the order and at the prices of Link.initialise. The engine has evaluated the constant expressions already;
    /// those that make objects are evaluated again here, for what they count.
    let start (plan: Plan) : Body =
        let w = Writer(plan, { Params = [||]; Results = [||] }, [||])
        let m = plan.Valid.Module
        let bulk = GasSchedule.price GasClass.Bulk
        w.LoadGas()
        Array.iter w.Charge (sizePrices m)

        let count (e: ConstExpr) =
            if makesObjects e then
                expression w true e
                w.Op Op.Drop

        let written (n: int) =
            w.I64(int64 n)
            w.Op(Op.GlobalSet, plan.Written)

        m.Globals
        |> Array.iteri (fun k g ->
            if makesObjects g.Init then
                written k
                count g.Init)

        written m.Globals.Length

        for t in m.Tables do
            count t.Init

        for s in m.Elems do
            if isNull s.Funcs then
                Array.iter count s.Exprs

        m.Elems
        |> Array.iteri (fun k s ->
            match s.Mode with
            | SegmentMode.Active(table, offset) ->
                w.Charge(bulk + GasSchedule.elements (uint64 s.Length))
                expression w false offset
                WriteBulk.activeElem w k table s.Length
            | _ -> ())

        m.Datas
        |> Array.iteri (fun k s ->
            match s.Mode with
            | SegmentMode.Active(memory, offset) ->
                w.Charge(bulk + GasSchedule.bytes (uint64 s.Length))
                expression w false offset
                WriteBulk.activeData w k memory s.Length
            | _ -> ())

        if m.Start >= 0 then
            // With all the units that the host gave.
            w.Sync()
            w.Op(Op.Call, m.Start)
            w.LoadGas()

        w.Finish [||]

    /// (reason, a, b, c) -> (): ends a run.
    let fail (plan: Plan) : Body =
        let set local kind : Instr[] =
            let i op a : Instr = { Op = op; A = a; B = 0; Imm = 0L; Offset = 0 }
            [| i Op.LocalGet local; i Op.GlobalSet (plan.Store kind) |]

        {
            Locals = [| ValType.I32; ValType.I64; ValType.I64; ValType.I64 |]
            Code =
                Array.concat [
                    set 0 StoreGlobal.Reason
                    set 1 StoreGlobal.A
                    set 2 StoreGlobal.B
                    set 3 StoreGlobal.C
                    [| { Op = Op.Unreachable; A = 0; B = 0; Imm = 0L; Offset = 0 }; { Op = Op.End; A = 0; B = 0; Imm = 0L; Offset = 0 } |]
                ]
            LabelTables = [||]
            CatchTables = [||]
        }
