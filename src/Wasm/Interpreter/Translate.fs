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
}

module internal Translate =
    let private plus (op: IOp) (n: int) = LanguagePrimitives.EnumOfValue<uint16, IOp>(uint16 (int op + n))

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

        match withConst o with
        | ValueSome op when fits o b -> w.Define(op, w.From a, int b.Value, result)
        | ValueSome op when commutes o && fits o a -> w.Define(op, w.From b, int a.Value, result)
        | _ ->
            let first = w.From a
            let second = w.From b
            w.Define(plus IOp.I32Eqz (int o - 0x45), first, second, result)

    let private unary (t: Translation) (o: Op) (result: ValType) =
        let w = t.W
        let a = w.Pop()

        if o = 0x45us && w.TurnOver a then
            w.Push ValType.I32
        elif o >= 0xC00us then
            w.Define(plus IOp.I32TruncSatF32S (int o - 0xC00), w.From a, 0, result)
        else
            w.Define(plus IOp.I32Eqz (int o - 0x45), w.From a, 0, result)

    // ---- memory

    /// The access by its width in the first memory; other memories are 19 further on (`AtLoad32`).
    let private loads = [|
        IOp.Load32
        IOp.Load64
        IOp.Load32
        IOp.Load64
        IOp.Load8SI32
        IOp.Load8UI32
        IOp.Load16SI32
        IOp.Load16UI32
        IOp.Load8SI64
        IOp.Load8UI64
        IOp.Load16SI64
        IOp.Load16UI64
        IOp.Load32SI64
        IOp.Load32UI64
    |]

    let private stores = [|
        IOp.Store32
        IOp.Store64
        IOp.Store32
        IOp.Store64
        IOp.Store8
        IOp.Store16
        IOp.Store8
        IOp.Store16
        IOp.Store32
    |]

    let private atLoad (op: IOp) = plus IOp.AtLoad32 (int op - int IOp.Load32)
    let private atStore (op: IOp) = plus IOp.AtStore32 (int op - int IOp.Store32)

    /// Accesses that the short words serve.
    let isFirst (t: Translation) (i: Instr) = i.A = 0 && not t.Valid.MemoryTypes[0].Is64

    /// The checked address of an access, in the frame's scratch place.
    let address (t: Translation) (i: Instr) (index: Operand) bytes =
        let w = t.W
        let from = w.From index

        if isFirst t i then
            w.Write(IOp.At, bytes, w.Scratch, from, int i.Imm) |> ignore
        else
            let wide = if t.Valid.MemoryTypes[i.A].Is64 then 1 else 0
            w.Write(IOp.Rare, int RareOp.At, w.Scratch, from, wide) |> ignore
            w.EmitWide(IOp.Exit, bytes, i.A, i.Imm)

        w.Scratch

    let private load (t: Translation) (i: Instr) (result: ValType) =
        let w = t.W
        let index = w.Pop()
        let op = loads[int i.Op - 0x28]

        if isFirst t i then
            w.Define(op, w.From index, int i.Imm, result)
        else
            let at = address t i index (Opcodes.info i.Op).AccessBytes
            w.Define(atLoad op, at, 0, result)

    let private store (t: Translation) (i: Instr) =
        let w = t.W
        let value = w.Pop()
        let index = w.Pop()
        let op = stores[int i.Op - 0x36]
        let from = w.From value

        if isFirst t i then
            w.Emit(op, w.From index, from, int i.Imm)
        else
            let at = address t i index (Opcodes.info i.Op).AccessBytes
            w.Emit(atStore op, at, from, 0)

    // ---- what is rare

    let private rare (t: Translation) (op: RareOp) a b c = t.W.Write(IOp.Rare, int op, a, b, c) |> ignore

    let private immediates (t: Translation) wide a b = t.W.Write(IOp.Exit, wide, a, b, 0) |> ignore

    let private wideMemory (t: Translation) m = t.Valid.MemoryTypes[m].Is64
    let private wideTable (t: Translation) m = t.Valid.TableTypes[m].Limits.Is64
    let private address64 wide = if wide then ValType.I64 else ValType.I32

    /// Three operands; `wide` says which have 64 bits.
    let private three (t: Translation) op (isRef: bool) wideA wideB wideC a b =
        let w = t.W
        let z = w.Pop()
        let y = w.Pop()
        let x = w.Pop()
        let x = w.From x
        let y = if isRef then w.FromRef y else w.From y
        let z = w.From z
        rare t op x y z
        immediates t ((if wideA then 1 else 0) ||| (if wideB then 2 else 0) ||| (if wideC then 4 else 0)) a b

    let private bulk (t: Translation) (i: Instr) =
        let w = t.W

        match i.Op with
        | Op.MemorySize ->
            rare t RareOp.MemorySize w.Slot 0 0
            immediates t 0 i.A 0
            w.Push(address64 (wideMemory t i.A))
        | Op.MemoryGrow ->
            let wide = wideMemory t i.A
            let n = w.From(w.Pop())
            rare t RareOp.MemoryGrow w.Slot n 0
            immediates t (if wide then 1 else 0) i.A 0
            w.Push(address64 wide)
        | Op.MemoryFill -> three t RareOp.MemoryFill false (wideMemory t i.A) false (wideMemory t i.A) i.A 0
        | Op.MemoryCopy ->
            let a, b = wideMemory t i.A, wideMemory t i.B
            three t RareOp.MemoryCopy false a b (a && b) i.A i.B
        | Op.MemoryInit -> three t RareOp.MemoryInit false (wideMemory t i.B) false false i.A i.B
        | Op.DataDrop ->
            rare t RareOp.DataDrop 0 0 0
            immediates t 0 i.A 0
        | Op.TableGet ->
            let n = w.From(w.Pop())
            rare t RareOp.TableGet w.Ref n 0
            immediates t (if wideTable t i.A then 1 else 0) i.A 0
            w.Push t.Valid.TableTypes[i.A].Element
        | Op.TableSet ->
            let v = w.Pop()
            let n = w.From(w.Pop())
            rare t RareOp.TableSet n (w.FromRef v) 0
            immediates t (if wideTable t i.A then 1 else 0) i.A 0
        | Op.TableSize ->
            rare t RareOp.TableSize w.Slot 0 0
            immediates t 0 i.A 0
            w.Push(address64 (wideTable t i.A))
        | Op.TableGrow ->
            let n = w.Pop()
            let v = w.Pop()
            let n = w.From n
            rare t RareOp.TableGrow w.Slot (w.FromRef v) n
            immediates t (if wideTable t i.A then 1 else 0) i.A 0
            w.Push(address64 (wideTable t i.A))
        | Op.TableFill -> three t RareOp.TableFill true (wideTable t i.A) false (wideTable t i.A) i.A 0
        | Op.TableCopy ->
            let a, b = wideTable t i.A, wideTable t i.B
            three t RareOp.TableCopy false a b (a && b) i.A i.B
        | Op.TableInit -> three t RareOp.TableInit false (wideTable t i.B) false false i.A i.B
        | _ ->
            rare t RareOp.ElemDrop 0 0 0
            immediates t 0 i.A 0

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
                w.EmitWide((if t.PollWithCharge then IOp.ChargePoll else IOp.Charge), 0, 0, i.Imm)
                t.PollWithCharge <- false
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
        | Op.DataDrop -> bulk t i
        | o when o >= 0x28us && o <= 0x35us -> load t i (Opcodes.info o).Pushes[0]
        | o when o >= 0x36us && o <= 0x3Eus -> store t i
        | o ->
            let info = Opcodes.info o

            if not ((o >= 0x45us && o <= 0xC4us) || (o >= 0xC00us && o <= 0xC07us)) then
                invalidOp $"the interpreter does not execute {info.Name}"

            if info.Pops.Length = 1 then
                unary t o info.Pushes[0]
            else
                binary t o info.Pushes[0]

    /// `callee` gives the InterpFunc of a defined function.
    let func (valid: ValidModule) (layout: Layout) (f: PreparedFunc) (callee: int -> nativeint) : Translated =
        let t = Translation(valid, layout, f, callee)
        let w = t.W
        t.PollWithCharge <- true
        t.Labels.Add(Label(Op.Block, 0, w.LocalBytes, w.LocalRefs, [||], f.Type.Results))

        for at in 0 .. f.Code.Length - 1 do
            instruction t at f.Code[at]

        let isRef (v: ValType) = v.IsRef

        {
            Words = w.Words.ToArray()
            Info = InterpInfo(Offsets = w.Offsets.ToArray(), Tries = t.Tries.ToArray())
            ParamBytes = f.Type.Params |> Array.sumBy Words.Bytes
            LocalBytes = w.LocalBytes
            FrameBytes = w.FrameBytes
            RefParams = f.Type.Params |> Array.filter isRef |> Array.length
            RefSlots = w.RefSlots
        }
