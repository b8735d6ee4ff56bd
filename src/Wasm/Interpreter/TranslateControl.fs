namespace Twofold.Wasm.Interpreter

// Blocks, branches, calls and handlers in the interpreter's code. Operands that a branch carries go to the homes that the label gives them.
// In: structured control instructions. Out: words; forward branches are aimed when their label ends.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

/// One function on its way.
[<Sealed>]
type internal Translation
    (
        valid: ValidModule,
        layout: Layout,
        f: PreparedFunc,
        constants: int64[],
        callee: int -> nativeint,
        structs: int -> InterpStruct,
        heat: HeatPlan
    ) =
    let w = Words(f, constants, heat)
    let labels = List<Label>()
    let tries = List<InterpTry>()

    member _.Valid = valid
    member _.Module = valid.Module
    member _.Layout = layout
    member _.Func = f
    member _.W = w
    member _.Labels = labels
    member _.Tries = tries
    /// The InterpFunc of a defined function.
    member _.Callee index = callee index
    /// A struct type by type index.
    member _.Struct index = structs index
    member val Dead = false with get, set
    /// The next charge looks for an interrupt too.
    member val PollWithCharge = false with get, set
    /// The next charge, which is a loop's, is followed by the loop's count.
    member val CountWithCharge = false with get, set
    member _.Heat = heat
    /// Loops that can be left for compiled code: their instructions and the words that count them, by index.
    member val Loops = List<struct (int * int)>() with get
    member _.LabelAt depth = labels[labels.Count - 1 - depth]
    member t.IsFunction(l: Label) = obj.ReferenceEquals(l, labels[0])
    member _.FuncType index = valid.FuncType index

module internal TranslateControl =
    let private refs (types: ValType[]) = types |> Array.sumBy (fun (t: ValType) -> if t.IsRef then 1 else 0)
    let private bytes (types: ValType[]) = types |> Array.sumBy (fun (t: ValType) -> Words.Bytes t)

    // ---- returning

    /// The results are the topmost operands.
    let emitReturn (t: Translation) =
        let w = t.W
        let results = t.Func.Type.Results
        let top k = w.Stack[w.Stack.Count - results.Length + k]

        match results.Length with
        | 0 -> w.Emit(IOp.Return, 0, 0, 0)
        | 1 when results[0].IsRef -> w.Emit(IOp.ReturnRef, w.FromRef(top 0), 0, 0)
        | 1 ->
            let from = w.From(top 0)
            w.Emit((if results[0].IsVec then IOp.ReturnVec else IOp.Return64), from, 0, 0)
        | n ->
            w.SettleTop n
            let first = top 0
            w.Emit(IOp.ReturnMany, first.Slot, bytes results, first.Ref)
            w.Emit(IOp.Exit, refs results, 0, 0)

    // ---- branching

    let private aim (t: Translation) (l: Label) at = if l.Op = Op.Loop then t.W.Aim(at, l.Start) else l.Branches.Add at

    /// The topmost operands, all at home, go to the label's homes. Those lie lower, so that no move reads what another wrote.
    let private carry (t: Translation) (l: Label) =
        let w = t.W
        let types = l.Carried
        let mutable slot = l.Slot
        let mutable ref = l.Ref

        for k in 0 .. types.Length - 1 do
            let o = w.Stack[w.Stack.Count - types.Length + k]
            w.MoveTo(o, slot, ref)
            if types[k].IsRef then ref <- ref + 1 else slot <- slot + Words.Bytes types[k]

    let private inPlace (t: Translation) (l: Label) =
        let w = t.W
        let n = l.Carried.Length

        n = 0
        || (let first = w.Stack[w.Stack.Count - n]
            first.Slot = l.Slot && first.Ref = l.Ref)

    let branch (t: Translation) depth =
        let l = t.LabelAt depth

        if t.IsFunction l then
            emitReturn t
        else
            carry t l
            aim t l (t.W.BranchAlways())

        t.Dead <- true

    /// A branch that may not be taken; the operands stay.
    let branchIf (t: Translation) (c: Condition) depth =
        let w = t.W
        let l = t.LabelAt depth
        w.SettleTop l.Carried.Length

        if not (t.IsFunction l) && inPlace t l then
            aim t l (w.Branch(c, true))
        else
            let skip = w.Branch(c, false)

            if t.IsFunction l then
                emitReturn t
            else
                carry t l
                aim t l (w.BranchAlways())

            w.Aim(skip, w.Count)

        w.Barrier()

    let branchTable (t: Translation) (table: int[]) =
        let w = t.W
        let index = w.From(w.Pop())
        w.SettleTop (t.LabelAt table[table.Length - 1]).Carried.Length
        let first = w.Write(IOp.BrTable, 0, index, table.Length, 0) + 1

        for _ in table do
            w.Emit(IOp.Exit, 0, 0, 0)

        let stubs = Dictionary<int, List<int>>()

        table
        |> Array.iteri (fun k depth ->
            let l = t.LabelAt depth

            if not (t.IsFunction l) && inPlace t l then
                aim t l (first + k)
            else
                match stubs.TryGetValue depth with
                | true, known -> known.Add(first + k)
                | _ -> stubs[depth] <- List [ first + k ])

        for KeyValue(depth, from) in stubs do
            for at in from do
                w.Aim(at, w.Count)

            branch t depth

        t.Dead <- true

    // ---- blocks

    /// Counts iterations of the loop that was begun last; `charge` is paid.
    let count (t: Translation) (charge: int64) =
        let w = t.W
        let number = t.Loops.Count - 1
        let struct (at, _) = t.Loops[number]
        let mutable word = Word()
        word.Op <- uint16 IOp.LoopHeat
        word.X <- uint16 number
        word.A <- t.Heat.Iterations number
        word.Imm <- int64 (t.Heat.Entry number charge)
        t.Loops[number] <- struct (at, w.Append word)
        t.CountWithCharge <- false

    let private chargeFollows (t: Translation) at =
        at + 1 < t.Func.Code.Length && t.Func.Code[at + 1].Op = Op.Charge && t.Func.Code[at + 1].Imm <> 0L

    let enter (t: Translation) (i: Instr) at =
        let w = t.W

        let condition = if i.Op = Op.If then ValueSome(w.Condition(w.Pop())) else ValueNone

        let struct (starts, ends) = Prepare.blockType t.Module.Types t.Func.BlockTypes i
        w.SettleAll()
        let height = w.Stack.Count - starts.Length

        let struct (slot, ref) = w.First starts.Length

        let l = Label(i.Op, height, slot, ref, starts, ends)
        l.Try <- t.Labels[t.Labels.Count - 1].Try

        match i.Op with
        | Op.Loop ->
            w.Begin()
            l.Start <- w.Count
            w.Loops <- w.Loops + 1

            // Only locals are alive here: a frame of compiled code can take them over.
            let leaves = not (isNull t.Heat) && w.Stack.Count = 0 && t.Loops.Count < 65_535

            if leaves then
                t.Loops.Add(struct (at, -1))

            if chargeFollows t at then
                t.PollWithCharge <- true
                t.CountWithCharge <- leaves
            else
                w.Emit(IOp.Poll, 0, 0, 0)

                if leaves then
                    count t 0L
        | Op.If -> l.Otherwise <- w.Branch(condition.Value, false)
        | Op.TryTable ->
            let clauses = t.Func.CatchTables[int i.Imm]

            let entry = InterpTry(Start = w.Count, End = System.Int32.MaxValue, Outer = l.Try)

            entry.Clauses <-
                clauses
                |> Array.mapi (fun k c ->
                    let target = t.LabelAt c.Label

                    if target.Op = Op.Loop then () else target.Clauses.Add(struct (t.Tries.Count, k))

                    InterpCatch(
                        TagOffset = (if c.Kind < 2 then t.Layout.Tag c.Tag else -1),
                        TakesValues = (c.Kind < 2 && t.Valid.TagTypes[c.Tag].Params.Length > 0),
                        TakesReference = (c.Kind &&& 1 = 1),
                        Slot = target.Slot,
                        Ref = target.Ref,
                        Target = target.Start
                    ))

            l.Try <- t.Tries.Count
            t.Tries.Add entry
        | _ -> ()

        w.Barrier()
        t.Labels.Add l

    let elseArm (t: Translation) =
        let w = t.W
        let l = t.Labels[t.Labels.Count - 1]

        if not t.Dead then
            w.SettleAll()
            l.Branches.Add(w.BranchAlways())

        w.Aim(l.Otherwise, w.Count)
        l.Otherwise <- -1
        w.Reset(l.Height, l.Starts)
        w.Mark()
        t.Dead <- false

    let private here (t: Translation) (l: Label) =
        let w = t.W

        for at in l.Branches do
            w.Aim(at, w.Count)

        for struct (entry, k) in l.Clauses do
            t.Tries[entry].Clauses[k].Target <- w.Count

    let finish (t: Translation) (i: Instr) =
        let w = t.W
        let l = t.Labels[t.Labels.Count - 1]

        if t.Labels.Count = 1 then
            if not t.Dead then
                emitReturn t

            // Exceptions that the function itself takes: their values are where its first operands would be.
            if l.Clauses.Count > 0 then
                w.Reset(0, l.Ends)
                here t l
                emitReturn t
        else
            if not t.Dead then
                w.SettleAll()

            if l.Otherwise >= 0 then
                w.Aim(l.Otherwise, w.Count)

            if l.Op = Op.TryTable then
                t.Tries[l.Try].End <- w.Count

            if l.Op = Op.Loop then
                w.Loops <- w.Loops - 1

            here t l
            w.Reset(l.Height, (if i.A = 1 then l.Ends else [||]))
            w.Mark()

        t.Labels.RemoveAt(t.Labels.Count - 1)
        t.Dead <- i.A = 0

    // ---- calls

    let private table (t: Translation) (i: Instr) (typeIndex: int) : struct (int * int) =
        let final = t.Module.Types[typeIndex].Final
        let wide = t.Valid.TableTypes[i.B].Limits.Is64
        struct (t.Valid.Types.Ids[typeIndex], (if final then 0 else 1) ||| (if wide then 2 else 0))

    let private second (t: Translation) (i: Instr) =
        let w = t.W

        match i.Op with
        | Op.Call
        | Op.ReturnCall when i.A < t.Valid.ImportedFuncs -> w.Emit(IOp.Exit, i.A, t.Layout.Import i.A, 0)
        | Op.Call
        | Op.ReturnCall -> w.EmitWide(IOp.Exit, 0, 0, int64 (t.Callee(i.A - t.Valid.ImportedFuncs)))
        | Op.CallIndirect
        | Op.ReturnCallIndirect ->
            let struct (id, x) = table t i i.A
            w.Write(IOp.Exit, x, i.B, id, t.Layout.Table i.B) |> ignore
        | _ -> w.Emit(IOp.Exit, 0, 0, 0)

    let call (t: Translation) (i: Instr) (callType: FuncType) tail =
        let w = t.W
        let isRef = i.Op = Op.CallRef || i.Op = Op.ReturnCallRef
        let isTable = i.Op = Op.CallIndirect || i.Op = Op.ReturnCallIndirect

        // A tail call moves its arguments over the locals first.
        if tail && (isRef || isTable) then
            w.SettleTop 1

        let extra =
            if isRef then w.FromRef(w.Pop())
            elif isTable then w.From(w.Pop())
            else 0

        let n = callType.Params.Length
        w.SettleTop n

        let struct (slot, ref) = w.First n

        let imported = (i.Op = Op.Call || i.Op = Op.ReturnCall) && i.A < t.Valid.ImportedFuncs

        if tail then
            let size = bytes callType.Params
            let count = refs callType.Params

            if size > 0 && slot <> 0 then
                w.Emit(IOp.Copy, 0, slot, size)

            if count > 0 && ref <> 0 then
                w.Emit(IOp.CopyRefs, 0, ref, count)

            let op =
                if isRef then IOp.ReturnCallRef
                elif isTable then IOp.ReturnCallIndirect
                elif imported then IOp.ReturnCallImport
                else IOp.ReturnCall

            w.Emit(op, 0, extra, count)
            second t i
            t.Dead <- true
        else
            let op =
                if isRef then IOp.CallRef
                elif isTable then IOp.CallIndirect
                elif imported then IOp.CallImport
                else IOp.Call

            w.Emit(op, slot, extra, ref)
            second t i
            w.PopN n
            Array.iter w.Push callType.Results
            w.Barrier()

    let throw (t: Translation) tag =
        let w = t.W
        let n = t.Valid.TagTypes[tag].Params.Length
        w.SettleTop n

        let struct (slot, ref) = w.First n

        w.Emit(IOp.Throw, tag, slot, ref)
        t.Dead <- true
