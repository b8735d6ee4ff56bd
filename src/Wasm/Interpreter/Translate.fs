namespace Twofold.Wasm.Interpreter

// A prepared function to the interpreter's words: one pass, no recursion, linear in the body.
// In: a PreparedFunc. Out: words, what a frame needs, handlers. What may trap keeps its own word, so that a run's end has an exact position.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

/// A translated function.
[<NoComparison; NoEquality>]
type internal Translated = {
    Words: Word[]
    Info: InterpInfo
    ParamBytes: int
    LocalBytes: int
    FrameBytes: int
    RefParams: int
    RefSlots: int
    RefResults: int
    /// Loops that can be left, by number: indices of their instructions and of the words that count them.
    Loops: struct (int * int)[]
}

module internal Translate =
    let private plus = TranslateMemory.plus
    let private rare = TranslateMemory.rare
    let private immediates = TranslateMemory.immediates

    // ---- numbers

    /// The form with a constant, for operators 0x46.. and 0x6A.. (i32) or 0x51.. and 0x7C.. (i64).
    let private withConst (o: Op) : IOp voption =
        let o = int o

        if o >= 0x46 && o <= 0x4F then ValueSome(plus IOp.I32EqK (o - 0x46))
        elif o >= 0x6A && o <= 0x78 then ValueSome(plus IOp.I32AddK (o - 0x6A))
        elif o >= 0x51 && o <= 0x5A then ValueSome(plus IOp.I64EqK (o - 0x51))
        elif o >= 0x7C && o <= 0x8A then ValueSome(plus IOp.I64AddK (o - 0x7C))
        else ValueNone

    let private divides (o: Op) = (o >= 0x6Dus && o <= 0x70us) || (o >= 0x7Fus && o <= 0x82us)

    let private commutes (o: Op) =
        match int o with
        // add mul and or xor, eq ne
        | 0x6A
        | 0x6C
        | 0x71
        | 0x72
        | 0x73
        | 0x7C
        | 0x7E
        | 0x83
        | 0x84
        | 0x85
        | 0x46
        | 0x47
        | 0x51
        | 0x52 -> true
        | _ -> false

    /// A constant that a word has room for: i32, or an i64 that its sign extension gives.
    let private fits (o: Op) (k: Operand) =
        k.Place = Place.Const
        && (k.Type = ValType.I32 || (k.Type = ValType.I64 && int64 (int k.Value) = k.Value))
        && (not (divides o) || (int k.Value <> 0 && int k.Value <> -1))

    let private binary (t: Translation) (o: Op) (result: ValType) =
        let w = t.W
        let b = w.Pop()
        let a = w.Pop()

        // A local and a constant: the sum waits for whoever asks.
        let sum (a: Operand) (constant: int) =
            match a.Place with
            | Place.Local when a.Type = ValType.I32 ->
                w.PushSum(int a.Value, constant)
                true
            | Place.Sum ->
                w.PushSum(int a.Value, Words.Constant a + constant)
                true
            | _ -> false

        let isSum =
            (o = Op.I32Add && ((b.Place = Place.Const && sum a (int b.Value)) || (a.Place = Place.Const && sum b (int a.Value))))
            || (o = Op.I32Sub && b.Place = Place.Const && sum a (-(int b.Value)))

        match withConst o with
        | _ when isSum -> ()
        | ValueSome op when fits o b -> w.Define(op, w.From a, int b.Value, result)
        | ValueSome op when commutes o && fits o a -> w.Define(op, w.From b, int a.Value, result)
        | _ ->
            let first = w.From a
            let second = w.From b
            w.Define(plus IOp.I32Eqz (int o - 0x45), first, second, result)

    let private unary (t: Translation) (o: Op) (result: ValType) =
        let w = t.W
        let a = w.Pop()

        if o = 0x45us && w.TurnOver a then w.Push ValType.I32
        elif o >= 0xC00us then w.Define(plus IOp.I32TruncSatF32S (int o - 0xC00), w.From a, 0, result)
        else w.Define(plus IOp.I32Eqz (int o - 0x45), w.From a, 0, result)

    // ---- globals, locals, select

    /// Imported mutable globals are another's: the block has their address.
    let private isFar (t: Translation) index = index < t.Valid.ImportedGlobals && t.Valid.GlobalTypes[index].Mutable

    let private globalGet (t: Translation) index =
        let w = t.W
        let g = t.Valid.GlobalTypes[index].Value
        let cell = t.Layout.Global index
        let far = isFar t index

        if g.IsRef then
            rare t RareOp.GlobalGetRef w.Ref index 0
            immediates t 0 0 0
            w.Push g
        elif g.IsVec then
            rare t (if far then RareOp.GlobalGetVecFar else RareOp.GlobalGetVec) w.Slot cell 0
            immediates t 0 0 0
            w.Push g
        else
            w.Define((if far then IOp.GlobalGetFar else IOp.GlobalGet), cell, 0, g)

    let private globalSet (t: Translation) index =
        let w = t.W
        let g = t.Valid.GlobalTypes[index].Value
        let cell = t.Layout.Global index
        let far = isFar t index
        let v = w.Pop()

        if g.IsRef then
            rare t RareOp.GlobalSetRef index (w.FromRef v) 0
            immediates t 0 0 0
        elif g.IsVec then
            let v = w.From v
            rare t (if far then RareOp.GlobalSetVecFar else RareOp.GlobalSetVec) cell v 0
            immediates t 0 0 0
        else
            let narrow = g = ValType.I32 || g = ValType.F32

            let op =
                match narrow, far with
                | true, false -> IOp.GlobalSet32
                | false, false -> IOp.GlobalSet64
                | true, true -> IOp.GlobalSet32Far
                | _ -> IOp.GlobalSet64Far

            w.Emit(op, cell, w.From v, 0)

    let private select (t: Translation) =
        let w = t.W
        let c = w.From(w.Pop())
        let b = w.Pop()
        let a = w.Pop()

        if a.Type.IsRef then
            w.Emit(IOp.SelectRef, w.Ref, w.FromRef a, w.FromRef b)
        else
            let first = w.From a
            let second = w.From b
            w.Emit((if a.Type.IsVec then IOp.SelectVec else IOp.Select), w.Slot, first, second)

        w.Emit(IOp.Exit, c, 0, 0)
        w.Push b.Type

    let private instruction (t: Translation) at (i: Instr) =
        let w = t.W
        w.At <- i.Offset

        match i.Op with
        | Op.Enter -> ()
        | Op.Charge ->
            if i.Imm <> 0L then
                w.Charge(i.Imm, t.PollWithCharge)
                t.PollWithCharge <- false

                if t.CountWithCharge then
                    TranslateControl.count t i.Imm
        | Op.Nop -> ()
        | Op.Unreachable ->
            w.Emit(IOp.Unreachable, 0, 0, 0)
            t.Dead <- true
        | Op.Block
        | Op.Loop
        | Op.TryTable
        | Op.If -> TranslateControl.enter t i at
        | Op.Else -> TranslateControl.elseArm t
        | Op.End -> TranslateControl.finish t i
        | Op.Br -> TranslateControl.branch t i.A
        | Op.BrIf -> TranslateControl.branchIf t (w.Condition(w.Pop())) i.A
        | Op.BrTable -> TranslateControl.branchTable t t.Func.LabelTables[i.A]
        | Op.Return ->
            TranslateControl.emitReturn t
            t.Dead <- true
        | Op.Call -> TranslateControl.call t i t.Valid.FuncTypes[i.A] false
        | Op.ReturnCall -> TranslateControl.call t i t.Valid.FuncTypes[i.A] true
        | Op.CallIndirect
        | Op.CallRef -> TranslateControl.call t i (t.FuncType i.A) false
        | Op.ReturnCallIndirect
        | Op.ReturnCallRef -> TranslateControl.call t i (t.FuncType i.A) true
        | Op.Throw -> TranslateControl.throw t i.A
        | Op.ThrowRef ->
            w.Emit(IOp.ThrowRef, w.FromRef(w.Pop()), 0, 0)
            t.Dead <- true
        | Op.Drop -> w.Pop() |> ignore
        | Op.Select
        | Op.SelectT -> select t
        | Op.LocalGet -> w.PushLocal i.A
        | Op.LocalSet -> w.SetLocal i.A
        | Op.LocalTee ->
            w.SetLocal i.A
            w.PushLocal i.A
        | Op.GlobalGet -> globalGet t i.A
        | Op.GlobalSet -> globalSet t i.A
        | Op.I32Const -> w.PushConst(ValType.I32, int64 (int i.Imm))
        | Op.I64Const -> w.PushConst(ValType.I64, i.Imm)
        | Op.F32Const -> w.PushConst(ValType.F32, int64 (uint32 i.Imm))
        | Op.F64Const -> w.PushConst(ValType.F64, i.Imm)
        | Op.RefNull ->
            w.Emit(IOp.NullRef, w.Ref, 0, 0)
            w.Push(ValType.Ref(true, HeapType i.A))
        | Op.RefIsNull -> w.Define(IOp.RefIsNull, w.FromRef(w.Pop()), 0, ValType.I32)
        | Op.RefFunc ->
            rare t RareOp.RefFunc w.Ref 0 0
            immediates t 0 i.A 0
            w.Push(ValType.Ref(false, HeapType.Concrete t.Valid.FuncTypeIndices[i.A]))
        | Op.TableGet
        | Op.TableSet
        | Op.TableSize
        | Op.TableGrow
        | Op.TableFill
        | Op.TableCopy
        | Op.TableInit
        | Op.ElemDrop
        | Op.MemorySize
        | Op.MemoryGrow
        | Op.MemoryFill
        | Op.MemoryCopy
        | Op.MemoryInit
        | Op.DataDrop -> TranslateMemory.bulk t i
        | o when o >= 0x28us && o <= 0x35us -> TranslateMemory.load t i (Opcodes.info o).Pushes[0]
        | o when o >= 0x36us && o <= 0x3Eus -> TranslateMemory.store t i
        | o when o >= Op.V128Load && o < Op.Enter -> TranslateVectors.instruction t i
        | o when o >= Op.AtomicNotify && o <= 0xE4Eus -> TranslateMemory.atomic t i
        | o when TranslateObjects.instruction t i -> ()
        | o ->
            let info = Opcodes.info o

            if not ((o >= 0x45us && o <= 0xC4us) || (o >= 0xC00us && o <= 0xC07us)) then
                invalidOp $"the interpreter does not execute {info.Name}"

            if info.Pops.Length = 1 then unary t o info.Pushes[0] else binary t o info.Pushes[0]

    /// `callee` gives the InterpFunc of a defined function, `structs` what a struct type is like; `heat` is null where the interpreter is alone.
    let func
        (valid: ValidModule)
        (layout: Layout)
        (f: PreparedFunc)
        (callee: int -> nativeint)
        (structs: int -> InterpStruct)
        (heat: HeatPlan)
        : Translated =
        let translate constants =
            let t = Translation(valid, layout, f, constants, callee, structs, heat)
            let w = t.W
            t.PollWithCharge <- true
            t.Labels.Add(Label(Op.Block, 0, w.FirstSlot, w.LocalRefs, [||], f.Type.Results))

            for at in 0 .. f.Code.Length - 1 do
                instruction t at f.Code[at]

            t

        // Loops that make constants are translated again, with places for those they ask for most.
        let t =
            let first = translate [||]

            if first.W.Wanted.Count = 0 then
                first
            else
                first.W.Wanted
                |> Seq.sortBy (fun k -> struct (-k.Value, k.Key))
                |> Seq.truncate Words.MostConstants
                |> Seq.map _.Key
                |> Array.ofSeq
                |> translate

        let w = t.W
        let isRef (v: ValType) = v.IsRef
        let words = w.Words.ToArray()
        Fuse.branches words w.AllBranches
        Fuse.handlers words w.Data

        {
            Words = words
            Info = InterpInfo(Offsets = w.Offsets.ToArray(), Tries = t.Tries.ToArray())
            ParamBytes = f.Type.Params |> Array.sumBy Words.Bytes
            LocalBytes = w.LocalBytes
            FrameBytes = w.FrameBytes
            RefParams = f.Type.Params |> Array.filter isRef |> Array.length
            RefSlots = w.RefSlots
            RefResults = f.Type.Results |> Array.filter isRef |> Array.length
            Loops = t.Loops.ToArray()
        }
