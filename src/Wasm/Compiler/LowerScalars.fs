namespace Twofold.Wasm.Compiler

// Scalar instructions with checks, selects and locals.
// In: operands. Out: nodes.

open System
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal LowerScalars =
    let divide (e: Emitter) (o: Op) =
        let b = e.Twice(e.Pop())
        let a = e.Pop()
        let is64 = o >= 0x7Fus
        let ty = if is64 then CilType.I8 else CilType.I4
        let signedDiv = o = 0x6Dus || o = 0x7Fus
        let isConst = b.Kind = NodeKind.Const
        // Reading a local later than its check is safe only while it keeps its value: statements in between spill it.
        let a = if signedDiv && not (isConst && b.Imm <> -1L) then e.Twice a else a

        if not isConst || b.Imm = 0L then
            e.Peek b

            if e.IsRotated b then
                e.Hide ty

            e.Branch OpCodes.Brfalse (e.ColdLabel(Simple TrapCode.IntegerDivideByZero))

        let minusOne = if is64 then b.Imm = -1L else int b.Imm = -1

        if signedDiv && (not isConst || minusOne) then
            let ok = e.NewLabel()
            e.Peek b
            e.Ldc ty -1L
            e.Branch OpCodes.Bne_Un ok
            e.Peek a
            e.Ldc ty (if is64 then Int64.MinValue else int64 Int32.MinValue)
            e.Branch OpCodes.Beq (e.ColdLabel(Simple TrapCode.IntegerOverflow))
            e.Mark ok

        e.PushNow(e.Binary ty o a b)

    let truncate (e: Emitter) (o: Op) =
        let v = e.Pop()
        let slot = e.Alloc CilType.R8
        e.Emit v
        e.Op OpCodes.Conv_R8
        e.Add(Cil.Stloc slot)
        let trap = e.ColdLabel(Trunc slot)

        let check (low: double) lowOp (high: double) =
            e.Add(Cil.Ldloc slot)
            e.Add(Cil.LdcR8(BitConverter.DoubleToInt64Bits low))
            e.Branch lowOp trap
            e.Add(Cil.Ldloc slot)
            e.Add(Cil.LdcR8(BitConverter.DoubleToInt64Bits high))
            e.Branch OpCodes.Bge_Un trap

        match o with
        | 0xA8us
        | 0xAAus -> check -2147483649.0 OpCodes.Ble_Un 2147483648.0
        | 0xA9us
        | 0xABus -> check -1.0 OpCodes.Ble_Un 4294967296.0
        | 0xAEus
        | 0xB0us -> check -9223372036854775808.0 OpCodes.Blt_Un 9223372036854775808.0
        | _ -> check -1.0 OpCodes.Ble_Un 18446744073709551616.0

        let ty = if o >= 0xAEus then CilType.I8 else CilType.I4
        e.PushNow(e.Unary ty o (e.Temp CilType.R8 slot))

    /// All ones when the condition holds, else zero, in the given integer type; and whether the condition had to be negated for it.
    let mask (e: Emitter) (c: Node) (ty: CilType) =
        let is64 = ty = CilType.I8
        let widened signed n = e.Unary CilType.I8 (if signed then 0xACus else 0xADus) n
        let fit (m: Node) = if is64 then m else e.Unary CilType.I4 0xA7us m

        // The sign of a difference that cannot overflow.
        let below signed a b =
            let difference = e.Binary CilType.I8 0x7Dus (widened signed a) (widened signed b)
            fit (e.Binary CilType.I8 0x87us difference (e.Constant CilType.I8 63L))

        // A zero-extended number less one is negative for zero alone.
        let isZero a =
            let less = e.Binary CilType.I8 0x7Dus (widened false a) (e.Constant CilType.I8 1L)
            fit (e.Binary CilType.I8 0x87us less (e.Constant CilType.I8 63L))

        let fromTruth truth =
            if is64 then
                e.Binary CilType.I8 0x7Dus (e.Constant CilType.I8 0L) (e.Unary CilType.I8 0xADus truth)
            else
                e.Binary CilType.I4 0x6Bus (e.Constant CilType.I4 0L) truth

        match c.Kind, int c.Op with
        | NodeKind.Binary, 0x48 when c.B.Kind = NodeKind.Const && int c.B.Imm = 0 && not is64 ->
            struct (e.Binary CilType.I4 0x75us c.A (e.Constant CilType.I4 31L), false)
        | NodeKind.Binary, 0x48 -> struct (below true c.A c.B, false)
        | NodeKind.Binary, 0x49 -> struct (below false c.A c.B, false)
        | NodeKind.Binary, 0x4A -> struct (below true c.B c.A, false)
        | NodeKind.Binary, 0x4B -> struct (below false c.B c.A, false)
        | NodeKind.Binary, 0x4C -> struct (below true c.B c.A, true)
        | NodeKind.Binary, 0x4D -> struct (below false c.B c.A, true)
        | NodeKind.Binary, 0x4E -> struct (below true c.A c.B, true)
        | NodeKind.Binary, 0x4F -> struct (below false c.A c.B, true)
        | NodeKind.Unary, 0x45 -> struct (isZero c.A, false)
        | NodeKind.Binary, 0x46 -> struct (isZero (e.Binary CilType.I4 0x73us c.A c.B), false)
        | NodeKind.Binary, 0x47 -> struct (isZero (e.Binary CilType.I4 0x73us c.A c.B), true)
        | NodeKind.Binary, o when o >= 0x51 && o <= 0x66 -> struct (fromTruth c, false)
        | NodeKind.Unary, 0x50 -> struct (fromTruth c, false)
        | _ -> struct (isZero c, true)

    /// Integers without a branch: RyuJIT makes no conditional move inside loops, where a mispredicted branch costs most.
    let selectByMask (e: Emitter) (c: Node) (a: Node) (b: Node) =
        let ty = a.Ty
        let is64 = ty = CilType.I8
        let both o = if is64 then o + 0x12us else o
        let struct (m, negated) = mask e c ty
        let a, b = if negated then b, a else a, b
        let isZero (n: Node) = n.Kind = NodeKind.Const && n.Imm = 0L

        if isZero b then
            e.Push(e.Binary ty (both 0x71us) a m)
        elif isZero a then
            e.Push(e.Binary ty (both 0x71us) b (e.Binary ty (both 0x73us) m (e.Constant ty -1L)))
        else
            let b = e.Twice b

            let difference =
                if a.Kind = NodeKind.Const && b.Kind = NodeKind.Const then
                    e.Constant ty (a.Imm ^^^ b.Imm)
                else
                    e.Binary ty (both 0x73us) a (e.Again b)

            e.Push(e.Binary ty (both 0x73us) (e.Binary ty (both 0x71us) difference m) b)

    let select (e: Emitter) at =
        let c = e.Pop()
        let b = e.Pop()
        let a = e.Pop()
        let ty = a.Ty

        if ty = CilType.I4 || ty = CilType.I8 then
            selectByMask e c a b
        else
            let variable = if e.HasNan && isFloat ty then e.Nan.Slots[at] else -1
            let a, b = if variable >= 0 then e.CleanSlot variable a, e.CleanSlot variable b else a, b
            let slot = e.Alloc ty
            let skip = e.NewLabel()
            e.Emit b
            e.Add(Cil.Stloc slot)
            LowerControl.branchIf e c false skip
            e.Emit a
            e.Add(Cil.Stloc slot)
            e.Mark skip
            e.Stack.Add(Node(NodeKind.Temp, ty, Slot = slot, Dirty = e.ReadsDirty variable))

    let setLocal (e: Emitter) i tee =
        let v = e.Pop()
        e.SpillLocal i

        e.Flow.Assign(i, v.Marks)

        e.Emit(if e.HasNan && isFloat v.Ty then e.CleanSlot i v else v)
        e.StoreLocal i

        if tee then
            e.Stack.Add(e.LocalNode i)
