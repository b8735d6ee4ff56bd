namespace Twofold.Wasm.Instrument

// Accesses of memory: alignment of atomics, then bounds, with the trap's numbers; then the instruction itself.
// In: the instruction, its operands on the stack. Out: the checked instruction.
//
// 32-bit addresses: address + reach > size, which cannot overflow 64 bits; reach is offset + bytes, and the sum is kept for the cold block.
// 64-bit addresses: size < reach or address > size - reach, exact for every address and offset.

open Twofold.Wasm
open Twofold.Wasm.Binary

module internal WriteMemory =
    let is64 (w: Writer) memory = w.Plan.Valid.MemoryTypes[memory].Is64

    /// address + offset, or 2^64 - 1 beyond it.
    let private effective (w: Writer) address (offset: int64) =
        w.Get address
        w.I64 offset
        w.Op Op.I64Add
        w.I64 -1L
        w.Get address
        w.I64 offset
        w.Op Op.I64Add
        w.Get address
        w.Op Num.I64GeU
        w.Op Op.Select

    /// Takes an address; leaves it when it is a multiple of the access's size.
    let private aligned (w: Writer) memory (offset: int64) bytes =
        if bytes > 1 then
            let wide = w.Temp(ValType.I64, 0)

            if is64 w memory then
                w.Tee wide
            else
                w.Tee(w.Temp(ValType.I32, 0))
                w.Op Num.ExtendU
                w.Tee wide

            w.I64 offset
            w.Op Op.I64Add
            w.I64(int64 (bytes - 1))
            w.Op Num.I64And
            w.I64 0L
            w.Op Num.I64Ne
            w.FailIf(int TrapCode.UnalignedAtomic, (fun () -> effective w wide offset), (fun () -> w.I64(int64 bytes)), w.Zero)

            if is64 w memory then w.Get wide else w.Get(w.Temp(ValType.I32, 0))

    /// Takes an address; leaves it when all the bytes lie inside.
    let private inside (w: Writer) memory (offset: int64) bytes =
        if is64 w memory then
            let address = w.Temp(ValType.I64, 0)
            let reach = uint64 offset + uint64 bytes
            w.Set address

            let trap () =
                w.Fail(
                    int TrapCode.MemoryOutOfBounds,
                    (fun () -> effective w address offset),
                    (fun () -> w.I64(int64 bytes)),
                    (fun () -> w.AskLength memory)
                )

            if reach < uint64 offset then
                // Longer than any memory.
                w.I32 1
                w.If()
                trap ()
                w.End()
            else
                w.Length memory
                w.I64(int64 reach)
                w.Op Num.I64LtU
                w.Get address
                w.Length memory
                w.I64(int64 reach)
                w.Op Op.I64Sub
                w.Op Num.I64GtU
                w.Op Num.I32Or
                w.If()
                trap ()
                w.End()

            w.Get address
        else
            let address = w.Temp(ValType.I32, 0)
            w.Tee address
            w.Op Num.ExtendU
            w.I64(offset + int64 bytes)
            w.Op Op.I64Add
            w.Tee w.AccessEnd
            w.Length memory
            w.Op Num.I64GtU
            w.BranchCold(Op.BrIf, Cold.Memory(memory, bytes))
            w.Get address

    let isAtomic (op: Op) = op >= Op.AtomicNotify && op <= 0xE4Eus && op <> Op.AtomicFence

    /// A load, a store, an atomic access, notify or wait; `known`: its bytes are known to lie inside.
    let access (w: Writer) (known: bool) (i: Instr) =
        let info = Opcodes.info i.Op

        if known && not (isAtomic i.Op) then
            w.Add i
        else

            // What lies above the address.
            let above = [| for k in 1 .. info.Pops.Length - 1 -> struct (info.Pops[k], w.Temp(info.Pops[k], 1 + k)) |]

            for k in above.Length - 1 .. -1 .. 0 do
                let struct (_, local) = above[k]
                w.Set local

            if isAtomic i.Op then
                aligned w i.A i.Imm info.AccessBytes

            if (i.Op = Op.AtomicWait32 || i.Op = Op.AtomicWait64) && not w.Plan.Valid.MemoryTypes[i.A].Shared then
                w.Op Op.Drop
                w.Fail(int TrapCode.ExpectedSharedMemory, w.Zero, w.Zero, w.Zero)
            else
                inside w i.A i.Imm info.AccessBytes

                for struct (_, local) in above do
                    w.Get local

                if i.Op = Op.AtomicWait32 || i.Op = Op.AtomicWait64 then
                    w.Sync()

                w.Add i
