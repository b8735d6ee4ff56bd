namespace Twofold.Wasm.Compiler

// Blocks, branches and what they carry: results and loop parameters in CIL locals.
// In: structured control instructions. Out: labels, moves, fused compare-and-branch.

open System.Collections.Generic
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation

module internal LowerControl =
    /// Branches when the condition is (not) zero; comparisons are fused.
    let rec branchIf (e: Emitter) (n: Node) (whenTrue: bool) target =
        if n.Kind = NodeKind.Unary && n.Op = 0x45us then
            branchIf e n.A (not whenTrue) target
        elif n.Kind = NodeKind.Unary && n.Op = 0x50us then
            e.EmitTested n.A
            e.Branch (if whenTrue then OpCodes.Brfalse else OpCodes.Brtrue) target
        elif n.Kind = NodeKind.Unary && n.Op = Op.RefIsNull then
            e.Emit n.A
            e.Branch (if whenTrue then OpCodes.Brfalse else OpCodes.Brtrue) target
        elif n.Kind = NodeKind.Binary && n.Op >= 0x46us && n.Op <= 0x66us then
            if n.Op <= 0x5Aus then
                e.EmitCompared n
            else
                e.Emit n.A
                e.Emit n.B

            let o =
                if n.Op <= 0x5Aus then
                    let k = int (if n.Op <= 0x4Fus then n.Op - 0x46us else n.Op - 0x51us)
                    // eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u, and each one's opposite.
                    let k = if whenTrue then k else [| 1; 0; 8; 9; 6; 7; 4; 5; 2; 3 |][k]

                    match k with
                    | 0 -> OpCodes.Beq
                    | 1 -> OpCodes.Bne_Un
                    | 2 -> OpCodes.Blt
                    | 3 -> OpCodes.Blt_Un
                    | 4 -> OpCodes.Bgt
                    | 5 -> OpCodes.Bgt_Un
                    | 6 -> OpCodes.Ble
                    | 7 -> OpCodes.Ble_Un
                    | 8 -> OpCodes.Bge
                    | _ -> OpCodes.Bge_Un
                else
                    // Floats: the opposite of a comparison is true when unordered, except for `ne`.
                    match int (if n.Op <= 0x60us then n.Op - 0x5Bus else n.Op - 0x61us), whenTrue with
                    | 0, true -> OpCodes.Beq
                    | 0, false -> OpCodes.Bne_Un
                    | 1, true -> OpCodes.Bne_Un
                    | 1, false -> OpCodes.Beq
                    | 2, true -> OpCodes.Blt
                    | 2, false -> OpCodes.Bge_Un
                    | 3, true -> OpCodes.Bgt
                    | 3, false -> OpCodes.Ble_Un
                    | 4, true -> OpCodes.Ble
                    | 4, false -> OpCodes.Bgt_Un
                    | _, true -> OpCodes.Bge
                    | _, false -> OpCodes.Blt_Un

            e.Branch o target
        else
            e.EmitTested n
            e.Branch (if whenTrue then OpCodes.Brtrue else OpCodes.Brfalse) target

    /// NaN variable of a frame's k-th result, or -1 for the function's own results (always observed).
    let resultVariable (e: Emitter) (fr: Frame) k = if fr.At < 0 || not e.HasNan then -1 else e.Nan.Slots[fr.At] + k

    let loopVariable (e: Emitter) (fr: Frame) k = if e.HasNan then e.Nan.Slots[fr.At] + fr.Results.Length + k else -1

    let assignable (e: Emitter) variable (fr: Frame) (n: Node) =
        if fr.At < 0 then e.Clean n
        elif variable < 0 then n
        else e.CleanSlot variable n

    /// The operands that a branch to the frame carries, on top of the stack, go to its slots. All are read before any is written.
    let moveTo (e: Emitter) (fr: Frame) (loopStart: bool) =
        let slots = if loopStart then fr.LoopParams else fr.Results
        let first = e.Stack.Count - slots.Length

        for k in 0 .. slots.Length - 1 do
            let variable = if loopStart then loopVariable e fr k else resultVariable e fr k
            e.Flow.Collect(e.FrameVariable fr.At loopStart k, e.Stack[first + k].Marks)
            e.Emit(assignable e variable fr e.Stack[first + k])

        for k in slots.Length - 1 .. -1 .. 0 do
            e.Add(Cil.Stloc slots[k])

    /// Operands that both a taken and an untaken branch need, as nodes that may be written twice.
    let keepTop (e: Emitter) n =
        for k in e.Stack.Count - n .. e.Stack.Count - 1 do
            if not (e.IsStable e.Stack[k]) then
                e.Materialise k

    /// moveTo for operands that stay: temporaries are not given back.
    let copyTo (e: Emitter) (fr: Frame) =
        let isLoop = fr.Op = Op.Loop
        let slots = if isLoop then fr.LoopParams else fr.Results
        let first = e.Stack.Count - slots.Length

        for k in 0 .. slots.Length - 1 do
            let n = e.Stack[first + k]

            let again =
                if n.Kind = NodeKind.Temp then
                    Node(NodeKind.Temp, n.Ty, Slot = n.Slot, Imm = 1L, Dirty = n.Dirty, Marks = n.Marks)
                else
                    n

            let variable = if isLoop then loopVariable e fr k else resultVariable e fr k
            e.Flow.Collect(e.FrameVariable fr.At isLoop k, n.Marks)
            e.Emit(assignable e variable fr again)

        for k in slots.Length - 1 .. -1 .. 0 do
            e.Add(Cil.Stloc slots[k])

    let arity (e: Emitter) (fr: Frame) = if fr.Op = Op.Loop then fr.LoopParams.Length else fr.Results.Length

    let chargeFollows (e: Emitter) at = at + 1 < e.Func.Code.Length && e.Func.Code[at + 1].Op = Op.Charge && e.Func.Code[at + 1].Imm <> 0L

    /// Volatile, or RyuJIT would read it once before the loop.
    let loadInterrupt (e: Emitter) =
        e.Add(Cil.Ldarg 0)
        e.Add(Cil.LdcI4 16)
        e.Op OpCodes.Add
        e.Op OpCodes.Volatile
        e.Op OpCodes.Ldind_I8

    let blockEntry (e: Emitter) (i: Instr) at =
        let condition = if i.Op = Op.If then e.Pop() else null
        let struct (starts, ends) = Prepare.blockType e.Module.Types e.Func.BlockTypes i
        let starts, ends = typesOf starts, typesOf ends
        e.SpillAll()
        let height = e.Stack.Count - starts.Length
        let fr = Frame(i.Op, at, height, e.NewLabel())
        fr.Try <- e.Frames[e.Frames.Count - 1].Try
        fr.Results <- ends |> Array.map e.Alloc
        fr.ResultTypes <- ends

        match i.Op with
        | Op.Loop ->
            fr.LoopParams <- starts |> Array.map e.Alloc
            fr.LoopTypes <- starts
            moveTo e fr true
            e.Stack.RemoveRange(height, starts.Length)

            for k in 0 .. starts.Length - 1 do
                e.Stack.Add(
                    Node(
                        NodeKind.Temp,
                        starts[k],
                        Slot = fr.LoopParams[k],
                        Imm = 1L,
                        Marks = e.Flow.Slot(e.FrameVariable at true k),
                        Dirty = e.ReadsDirty(loopVariable e fr k)
                    )
                )

            e.Covered.Clear()

            if at = e.Entry then
                if e.Stack.Count > 0 then
                    invalidOp "operands below a loop that code is entered at"

                e.Mark e.EntryLabel

            e.Mark fr.Br

            if chargeFollows e at then
                e.PollWithCharge <- true
            else
                loadInterrupt e
                e.Add(Cil.LdcI8 0L)
                e.Branch OpCodes.Bne_Un (e.ColdLabel Interrupt)
        | Op.If ->
            fr.ElseLabel <- e.NewLabel()
            branchIf e condition false fr.ElseLabel

            // Both arms read the parameters: nobody gives their temporaries back before the end.
            fr.IfParams <-
                Array.init starts.Length (fun k ->
                    let n = e.Stack[height + k]

                    let kept =
                        if n.Kind = NodeKind.Temp then
                            Node(NodeKind.Temp, n.Ty, Slot = n.Slot, Imm = 1L, Dirty = n.Dirty, Marks = n.Marks)
                        else
                            n

                    e.Stack[height + k] <- kept
                    kept)
        | Op.TryTable -> LowerThrows.enter e fr e.Func.CatchTables[int i.Imm]
        | _ -> ()

        e.Frames.Add fr

    let elseArm (e: Emitter) =
        let fr = e.Frames[e.Frames.Count - 1]

        if not e.Dead then
            moveTo e fr false
            e.Stack.RemoveRange(e.Stack.Count - fr.Results.Length, fr.Results.Length)
            e.Branch OpCodes.Br fr.Br

        e.Mark fr.ElseLabel
        fr.HasElse <- true
        e.CutTo fr.Height
        e.Stack.AddRange fr.IfParams
        e.Dead <- false
        e.Covered.Clear()

    let functionEnd (e: Emitter) (fr: Frame) =
        for k in 1 .. fr.Results.Length - 1 do
            if fr.ResultTypes[k] = CilType.Obj then
                e.Add(Cil.Ldarg 0)
                e.Add(Cil.LdcI4 k)
                e.Add(Cil.Ldloc fr.Results[k])
                e.CallRt "SetRefResult"
            else
                e.Add(Cil.Ldloc e.StoreSlot)
                e.Add(Cil.LdcI4(StoreBlock.ResultsOffset + 16 * k))
                e.Op OpCodes.Add
                e.Add(Cil.Ldloc fr.Results[k])
                e.Stind fr.ResultTypes[k]

        e.WriteGas()

        if fr.Results.Length > 0 then
            e.Add(Cil.Ldloc fr.Results[0])

        e.Op OpCodes.Ret

    let blockEnd (e: Emitter) (i: Instr) =
        let fr = e.Frames[e.Frames.Count - 1]

        if not e.Dead then
            moveTo e fr false
            e.Stack.RemoveRange(e.Stack.Count - fr.Results.Length, fr.Results.Length)

        if fr.Op = Op.If && not fr.HasElse then
            // The parameters are the results when there is no else arm.
            if fr.Results.Length > 0 then
                if not e.Dead then
                    e.Branch OpCodes.Br fr.Br

                e.Mark fr.ElseLabel
                e.CutTo fr.Height
                e.Stack.AddRange fr.IfParams
                moveTo e fr false
            else
                e.Mark fr.ElseLabel

        if fr.Op <> Op.Loop then
            e.Mark fr.Br

        e.CutTo fr.Height
        e.Covered.Clear()
        e.Frames.RemoveAt(e.Frames.Count - 1)

        for k in 0 .. fr.LoopParams.Length - 1 do
            e.Release fr.LoopTypes[k] fr.LoopParams[k]

        for p in fr.IfParams do
            if p.Kind = NodeKind.Temp then
                e.Release p.Ty p.Slot

        e.Dead <- i.A = 0

        if e.Frames.Count = 0 then
            // The end may be reached by `return` alone.
            if not e.Dead || fr.Targeted then
                functionEnd e fr
        elif not e.Dead then
            for k in 0 .. fr.Results.Length - 1 do
                e.Stack.Add(
                    Node(
                        NodeKind.Temp,
                        fr.ResultTypes[k],
                        Slot = fr.Results[k],
                        Marks = e.Flow.Slot(e.FrameVariable fr.At false k),
                        Dirty = e.ReadsDirty(resultVariable e fr k)
                    )
                )
        else
            for k in 0 .. fr.Results.Length - 1 do
                e.Release fr.ResultTypes[k] fr.Results[k]

    let goto (e: Emitter) (fr: Frame) =
        fr.Targeted <- true
        moveTo e fr (fr.Op = Op.Loop)
        let n = arity e fr
        e.Stack.RemoveRange(e.Stack.Count - n, n)
        e.Branch OpCodes.Br fr.Br
        e.BecomeDead()

    let branchConditional (e: Emitter) depth =
        let fr = e.FrameAt depth
        fr.Targeted <- true
        let c = e.Pop()

        if arity e fr = 0 then
            branchIf e c true fr.Br
        else
            // The condition is written after the operands it does not depend on.
            keepTop e (arity e fr)
            let skip = e.NewLabel()
            branchIf e c false skip
            copyTo e fr
            e.Branch OpCodes.Br fr.Br
            e.Mark skip

    let branchTable (e: Emitter) (table: int[]) =
        let index = e.Pop()
        let n = arity e (e.FrameAt table[table.Length - 1])
        keepTop e n
        let stubs = Dictionary<int, int>()

        let label depth =
            let fr = e.FrameAt depth
            fr.Targeted <- true

            if n = 0 then
                fr.Br
            else
                match stubs.TryGetValue depth with
                | true, l -> l
                | _ ->
                    let l = e.NewLabel()
                    stubs[depth] <- l
                    l

        e.EmitTested index
        let targets = Array.init (table.Length - 1) (fun k -> label table[k])
        let otherwise = label table[table.Length - 1]

        for target in targets do
            e.Flow.Branch(target, false)

        e.Add(Cil.Switch targets)
        e.Branch OpCodes.Br otherwise

        for KeyValue(depth, l) in stubs do
            e.Mark l
            copyTo e (e.FrameAt depth)
            e.Branch OpCodes.Br (e.FrameAt depth).Br

        e.BecomeDead()
