namespace Twofold.Oracle

// One instruction that touches neither control, calls nor locals (core specification 4.6): in function bodies and in constant expressions.
// In: the instance, an operand stack. Out: the same stack, changed; or a trap. What an operand decides is paid here, before its checks.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation
open Twofold.Oracle // last: our Memory, Table, Store.. before those of Twofold.Wasm
open Twofold.Oracle.Operands

module Step =
    /// A size as the address type has it; -1 for a growth that failed.
    let private size (limits: SizeLimits) (n: int64) : Value = if limits.Is64 then Value.I64 n else Value.I32(int n)

    let private vector (instance: Instance) (s: Operands) (i: Instr) (info: OpInfo) =
        let memory () = instance.Memories[i.A]

        match info.Imm, info.Pushes.Length with
        | Imm.MemArg, 1 -> push s (Access.loadVector (memory ()) i (pop s))
        | Imm.MemArg, _ ->
            let value = pop s
            Access.storeVector (memory ()) i (pop s) value
        | Imm.MemArgLane, 1 ->
            let value = pop s
            push s (Access.loadLane (memory ()) i (pop s) value)
        | Imm.MemArgLane, _ ->
            let value = pop s
            Access.storeLane (memory ()) i (pop s) value
        | _ -> push s (Vector.run i (popMany s info.Pops.Length))

    /// Loads, stores, atomics, vectors, arithmetic: what the opcode table knows the operands of.
    let private byTable (instance: Instance) (s: Operands) (i: Instr) =
        let info = Opcodes.info i.Op

        match info.Imm, info.Pops.Length with
        | _ when i.Op >= 0xD000us -> vector instance s i info
        | _ when i.Op >= 0xE00us -> Atomics.run instance.Memories[i.A] i (popMany s info.Pops.Length) |> Option.iter (push s)
        | Imm.MemArg, 1 -> push s (Access.load instance.Memories[i.A] i (pop s))
        | Imm.MemArg, _ ->
            let value = pop s
            Access.store instance.Memories[i.A] i (pop s) value
        | _, 1 -> push s (Numeric.unary i.Op (pop s))
        | _ ->
            let b = pop s
            push s (Numeric.binary i.Op (pop s) b)

    let run (store: Store) (instance: Instance) (s: Operands) (i: Instr) : unit =
        match i.Op with
        | Op.Unreachable -> raise (TrapException TrapCode.Unreachable)
        | Op.Nop
        | Op.AtomicFence -> ()
        | Op.Drop -> pop s |> ignore
        | Op.Select
        | Op.SelectT ->
            let condition = pop s
            let second = pop s
            let first = pop s
            push s (if condition.AsI32() <> 0 then first else second)
        | Op.GlobalGet -> push s instance.Globals[i.A].Value
        | Op.GlobalSet -> instance.Globals[i.A].Value <- pop s
        | Op.I32Const -> push s (Value.FromBits(ValueKind.I32, uint64 i.Imm))
        | Op.I64Const -> push s (Value.FromBits(ValueKind.I64, uint64 i.Imm))
        | Op.F32Const -> push s (Value.FromBits(ValueKind.F32, uint64 i.Imm))
        | Op.F64Const -> push s (Value.FromBits(ValueKind.F64, uint64 i.Imm))
        | Op.RefNull -> push s (instance.Zero(ValType.Ref(true, HeapType i.A)))
        | Op.RefIsNull -> push s (Value.I32(if isNull (pop s).Reference then 1 else 0))
        | Op.RefFunc -> push s (Value.Ref(ValueKind.FuncRef, instance.Funcs[i.A]))
        | Op.TableGet -> push s (Access.tableGet instance.Tables[i.A] (pop s))
        | Op.TableSet ->
            let value = pop s
            Access.tableSet instance.Tables[i.A] (pop s) value
        | Op.TableSize -> push s (size instance.Valid.TableTypes[i.A].Limits (int64 instance.Tables[i.A].Entries.Count))
        | Op.TableGrow ->
            let more = popU s
            push s (size instance.Valid.TableTypes[i.A].Limits (store.Grow(instance.Tables[i.A], more, pop s)))
        | Op.MemorySize -> push s (size instance.Valid.MemoryTypes[i.A] (int64 instance.Memories[i.A].Pages))
        | Op.MemoryGrow ->
            let more = popU s
            push s (size instance.Valid.MemoryTypes[i.A] (store.Grow(instance.Memories[i.A], more, GasSchedule.pages more)))
        | Op.DataDrop -> instance.Datas[i.A] <- [||]
        | Op.ElemDrop -> instance.Elems[i.A] <- [||]
        | Op.MemoryFill ->
            let n = popU s
            let value = pop s
            store.Charge(GasSchedule.bytes n)
            Access.memoryFill instance.Memories[i.A] (pop s) value n
        | Op.TableFill ->
            let n = popU s
            let value = pop s
            store.Charge(GasSchedule.elements n)
            Access.tableFill instance.Tables[i.A] (pop s) value n
        | Op.MemoryInit ->
            let n = popU s
            let source = pop s
            store.Charge(GasSchedule.bytes n)
            Access.memoryInit instance.Memories[i.B] instance.Datas[i.A] (pop s) source n
        | Op.MemoryCopy ->
            let n = popU s
            let source = pop s
            store.Charge(GasSchedule.bytes n)
            Access.memoryCopy instance.Memories[i.A] instance.Memories[i.B] (pop s) source n
        | Op.TableInit ->
            let n = popU s
            let source = pop s
            store.Charge(GasSchedule.elements n)
            Access.tableInit instance.Tables[i.B] instance.Elems[i.A] (pop s) source n
        | Op.TableCopy ->
            let n = popU s
            let source = pop s
            store.Charge(GasSchedule.elements n)
            Access.tableCopy instance.Tables[i.A] instance.Tables[i.B] (pop s) source n
        | _ ->
            if not (Objects.step store instance s i) then
                byTable instance s i
