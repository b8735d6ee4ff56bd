namespace Twofold.Wasm.Interpreter

// Vector instructions in the interpreter's code; InterpVec.cs executes them by number.
// In: operands. Out: one word, and a second one for a third operand, a lane beside two operands, or sixteen bytes.

open Twofold.Wasm
open Twofold.Wasm.Binary

module internal TranslateVectors =
    let private v128 = ValType.V128

    let private vec (t: Translation) k b c (result: ValType) = t.W.DefineBy(IOp.Vec, k, b, c, result)

    /// The same with a second word; its result is where the last one of Define's would be.
    let private vec2 (t: Translation) k b c second =
        let w = t.W
        w.Write(IOp.Vec, k, w.Slot, b, c) |> ignore
        w.Emit(IOp.Exit, second, 0, 0)
        w.Push v128

    let instruction (t: Translation) (i: Instr) =
        let w = t.W
        let info = Opcodes.info i.Op
        let k = int i.Op - 0xD000
        let address index = TranslateMemory.address t i index info.AccessBytes

        match k with
        | 0x00 when TranslateMemory.isFirst t i ->
            let index = w.From(w.Pop())
            w.Define(IOp.V128Load, index, int i.Imm, v128)
        | 0x0B ->
            let value = w.From(w.Pop())
            let index = w.Pop()

            if TranslateMemory.isFirst t i then
                w.Emit(IOp.V128Store, w.From index, value, int i.Imm)
            else
                let at = address index
                w.Write(IOp.Vec, k, at, value, 0) |> ignore
        | 0x0C ->
            w.Emit(IOp.ConstVec, w.Slot, 0, 0)
            w.EmitBytes(i.Imm, i.High)
            w.Push v128
        | 0x0D ->
            let b = w.From(w.Pop())
            let a = w.From(w.Pop())
            w.Write(IOp.Vec, k, w.Slot, a, b) |> ignore
            w.EmitBytes(i.Imm, i.High)
            w.Push v128
        | 0x15
        | 0x16
        | 0x18
        | 0x19
        | 0x1B
        | 0x1D
        | 0x1F
        | 0x21 -> vec t k (w.From(w.Pop())) i.A info.Pushes[0]
        | 0x17
        | 0x1A
        | 0x1C
        | 0x1E
        | 0x20
        | 0x22 ->
            let x = w.From(w.Pop())
            let v = w.From(w.Pop())
            vec2 t k v x i.A
        | k when k >= 0x54 && k <= 0x57 ->
            let v = w.From(w.Pop())
            let at = address (w.Pop())
            vec2 t k v at (i.B >>> 8)
        | k when k >= 0x58 && k <= 0x5B ->
            let v = w.From(w.Pop())
            let at = address (w.Pop())
            w.Write(IOp.Vec, k, at, v, i.B >>> 8) |> ignore
        | _ when info.AccessBytes > 0 ->
            let at = address (w.Pop())
            vec t k at 0 v128
        | _ ->
            match info.Pops.Length with
            | 1 -> vec t k (w.From(w.Pop())) 0 info.Pushes[0]
            | 2 ->
                let b = w.From(w.Pop())
                let a = w.From(w.Pop())
                vec t k a b info.Pushes[0]
            | _ ->
                let c = w.From(w.Pop())
                let b = w.From(w.Pop())
                let a = w.From(w.Pop())
                vec2 t k a b c
