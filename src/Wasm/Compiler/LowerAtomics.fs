namespace Twofold.Wasm.Compiler

// Atomic accesses, waiting and notifying (threads proposal). An address must be a multiple of the access's size: that is tested before the bounds.
// In: the operand stack. Out: statements, in program order with every other access to memory; results in temporaries.

open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal LowerAtomics =
    /// The operators in the order of their opcodes, seven widths each.
    let private operators = [| "Add"; "Sub"; "And"; "Or"; "Xor"; "Exchange"; "CompareExchange" |]

    let private callAtomic (e: Emitter) (name: string) = e.Add(Cil.Call(Methods.Atomic name))

    /// Traps unless index + offset is a multiple of the size. The sum's low bits are right even where it wraps.
    let private checkAligned (e: Emitter) (index: Node) (offset: int64) bytes =
        if bytes > 1 then
            let load () =
                e.Peek index
                e.Op OpCodes.Conv_U

            let low = offset &&& int64 (bytes - 1)

            let place =
                match index.Kind with
                | NodeKind.Temp -> $"temp {index.Slot}"
                | NodeKind.Local -> $"local {index.Imm}"
                | _ -> $"const {index.Imm}"

            let trap =
                e.ColdNamed $"unaligned {bytes} at {place} + {offset}" (fun () ->
                    e.WriteGas()
                    load ()
                    e.Op OpCodes.Conv_U8
                    e.Add(Cil.LdcI8 offset)
                    e.Add(Cil.LdcI4 bytes)
                    e.CallRt "TrapUnaligned"
                    e.Op OpCodes.Throw)

            load ()

            if low <> 0L then
                e.NativeConst low
                e.Op OpCodes.Add

            e.NativeConst(int64 (bytes - 1))
            e.Op OpCodes.And
            e.Branch OpCodes.Brtrue trap

    /// Address checked for alignment, then bounds; everything that reads memory is done before.
    let private access (e: Emitter) (i: Instr) (index: Node) ty =
        let index = e.Twice index
        checkAligned e index i.Imm (Opcodes.info i.Op).AccessBytes
        let n = LowerMemory.access e i.Op i.A index i.Imm ty
        e.SpillMemory()
        n

    /// A narrow or 32-bit operand of a 64-bit instruction.
    let private emitValue (e: Emitter) (v: Node) bits =
        e.Emit v

        if v.Ty = CilType.I8 && bits < 64 then
            e.Op OpCodes.Conv_I4

    let private keep (e: Emitter) (ty: CilType) bits =
        if ty = CilType.I8 && bits < 64 then
            e.Op OpCodes.Conv_U8

        let slot = e.Alloc ty
        e.Add(Cil.Stloc slot)
        e.Stack.Add(e.Temp ty slot)

    let private load (e: Emitter) (i: Instr) =
        let info = Opcodes.info i.Op
        let ty = cilType info.Pushes[0]
        let bits = 8 * info.AccessBytes
        let n = access e i (e.Pop()) ty
        e.EmitAddress n
        callAtomic e $"Load{bits}"
        keep e ty bits

    let private store (e: Emitter) (i: Instr) =
        let bits = 8 * (Opcodes.info i.Op).AccessBytes
        let v = e.Pop()
        let n = access e i (e.Pop()) v.Ty
        e.EmitAddress n
        emitValue e v bits
        callAtomic e $"Store{bits}"

    let private modify (e: Emitter) (i: Instr) =
        let info = Opcodes.info i.Op
        let ty = cilType info.Pushes[0]
        let bits = 8 * info.AccessBytes
        let operator = operators[(int i.Op - 0xE1E) / 7]
        let v = e.Pop()
        let expected = if operator = "CompareExchange" then e.Pop() else null
        let n = access e i (e.Pop()) ty
        e.EmitAddress n

        if not (isNull expected) then
            e.Emit expected

            if expected.Ty = CilType.I4 then
                e.Op OpCodes.Conv_U8

        emitValue e v bits
        callAtomic e $"{operator}{bits}"
        keep e ty bits

    /// wait and notify go to the runtime, which makes all checks.
    let private queue (e: Emitter) (i: Instr) operands =
        let first = e.Stack.Count - operands

        for k in 0 .. first - 1 do
            if e.Stack[k].ReadsMemory || e.Stack[k].ReadsGlobal then
                e.Materialise k

        e.WriteGas()
        e.Add(Cil.Ldarg 0)
        e.Add(Cil.LdcI4 i.A)
        let index = e.Stack[first]
        e.Emit index

        if index.Ty = CilType.I4 then
            e.Op OpCodes.Conv_U8

        e.Add(Cil.LdcI8 i.Imm)

        if i.Op <> Op.AtomicNotify then
            e.Add(Cil.LdcI4 (Opcodes.info i.Op).AccessBytes)

        for k in first + 1 .. e.Stack.Count - 1 do
            e.Emit e.Stack[k]

            if i.Op = Op.AtomicWait32 && k = first + 1 then
                e.Op OpCodes.Conv_I8

        e.Stack.RemoveRange(first, operands)
        e.CallRt(if i.Op = Op.AtomicNotify then "AtomicNotify" else "AtomicWait")
        let slot = e.Alloc CilType.I4
        e.Add(Cil.Stloc slot)
        e.AfterCall()
        e.Stack.Add(e.Temp CilType.I4 slot)

    let isAtomic (o: Op) = o >= Op.AtomicNotify && o <= 0xE4Eus

    let instruction (e: Emitter) (i: Instr) =
        match i.Op with
        | Op.AtomicFence ->
            e.SpillMemory()
            callAtomic e "Fence"
        | Op.AtomicNotify -> queue e i 2
        | Op.AtomicWait32
        | Op.AtomicWait64 -> queue e i 3
        | o when o <= 0xE16us -> load e i
        | o when o <= 0xE1Dus -> store e i
        | _ -> modify e i
