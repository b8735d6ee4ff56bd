namespace Twofold.Wasm.Interpreter

// Memories and tables in the interpreter's code: accesses, whole memories and tables, atomics.
// In: operands. Out: one word for a scalar access of a first memory with 32-bit addresses; others check the address first (At) and use it then.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module internal TranslateMemory =
    let plus (op: IOp) (n: int) = LanguagePrimitives.EnumOfValue<uint16, IOp>(uint16 (int op + n))

    /// Accesses of the first memory by opcode; those of an address that At has checked stand in the same order.
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

    let load (t: Translation) (i: Instr) (result: ValType) =
        let w = t.W
        let index = w.Pop()
        let op = loads[int i.Op - 0x28]

        if isFirst t i && index.Place = Place.Sum && uint64 i.Imm <= 65535UL then
            let at = w.LocalPlace(int index.Value)
            w.DefineBy(plus IOp.Load32K (int op - int IOp.Load32), int i.Imm, at, Words.Constant index, result)
        elif isFirst t i then
            match (if uint64 i.Imm <= 65535UL then w.Sum(index, -1) else ValueNone) with
            | ValueSome(struct (isConst, b, c)) ->
                let first = if isConst then IOp.Load32K else IOp.Load32Add
                w.DefineBy(plus first (int op - int IOp.Load32), int i.Imm, b, c, result)
            | ValueNone -> w.Define(op, w.From index, int i.Imm, result)
        else
            let at = address t i index (Opcodes.info i.Op).AccessBytes
            w.Define(atLoad op, at, 0, result)

    let store (t: Translation) (i: Instr) =
        let w = t.W
        let value = w.Pop()
        let index = w.Pop()
        let op = stores[int i.Op - 0x36]

        // The sum is the last word only where the value took none. A constant may be put where the value would be, which may be where a term is.
        let sum =
            if isFirst t i && value.Place <> Place.Home && uint64 i.Imm <= 65535UL then
                w.Sum(index, (if value.Place = Place.Local then -1 else value.Slot))
            else
                ValueNone

        let from = w.From value

        if isFirst t i && index.Place = Place.Sum && uint64 i.Imm <= 65535UL then
            let at = w.LocalPlace(int index.Value)
            w.Write(plus IOp.Store32K (int op - int IOp.Store32), int i.Imm, at, from, Words.Constant index) |> ignore
        elif sum.IsSome then
            let struct (isConst, a, c) = sum.Value
            let first = if isConst then IOp.Store32K else IOp.Store32Add
            w.Write(plus first (int op - int IOp.Store32), int i.Imm, a, from, c) |> ignore
        elif isFirst t i then
            w.Emit(op, w.From index, from, int i.Imm)
        else
            let at = address t i index (Opcodes.info i.Op).AccessBytes
            w.Emit(atStore op, at, from, 0)

    // ---- what is rare

    let rare (t: Translation) (op: RareOp) a b c = t.W.Write(IOp.Rare, int op, a, b, c) |> ignore

    let immediates (t: Translation) wide a b = t.W.Write(IOp.Exit, wide, a, b, 0) |> ignore

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

    let bulk (t: Translation) (i: Instr) =
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

    // ---- atomics

    let atomic (t: Translation) (i: Instr) =
        let w = t.W
        let o = int i.Op
        let info = Opcodes.info i.Op
        let operands = if i.Op = Op.AtomicFence then 0 else info.Pops.Length
        // A compare-and-exchange has the new value last, a wait the timeout.
        let last = if operands = 3 then ValueSome(w.Pop()) else ValueNone
        let middle = if operands >= 2 then ValueSome(w.Pop()) else ValueNone
        let index = if operands >= 1 then ValueSome(w.Pop()) else ValueNone

        let place o =
            match o with
            | ValueSome o -> w.From o
            | ValueNone -> 0

        let index = place index
        let middle = place middle
        let last = place last
        let isExchange = o >= 0xE48
        let value, third = if isExchange then last, middle else middle, last
        w.Write(IOp.Atomic, o - 0xE00, w.Slot, index, value) |> ignore
        let wide = operands > 0 && t.Valid.MemoryTypes[i.A].Is64
        w.EmitWide(IOp.Exit, (if wide then 1 else 0), i.A, i.Imm)
        w.Emit(IOp.Exit, third, 0, 0)

        if info.Pushes.Length > 0 && operands > 0 then
            w.Push info.Pushes[0]
