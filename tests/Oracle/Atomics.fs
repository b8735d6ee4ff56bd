namespace Twofold.Oracle

// Atomic instructions (threads proposal) as one thread sees them: alone, so that nobody is ever woken and a wait ends by its timeout.
// In: a memory, an instruction and its operands. Out: its result, if it has one. Alignment is checked first, then sharing, then bounds.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Oracle // last: our Memory, Table, Store.. before those of Twofold.Wasm

module Atomics =
    let private read (b: byte[]) : uint64 = b |> Array.indexed |> Array.sumBy (fun (k, x) -> uint64 x <<< (8 * k))

    let private checkAligned (i: Instr) (index: Value) (count: int) =
        let address = Access.effective i index

        if address % bigint count <> 0I then
            raise (TrapException(TrapCode.UnalignedAtomic, uint64 (min address (bigint System.UInt64.MaxValue)), uint64 count))

    let private mask count = if count = 8 then System.UInt64.MaxValue else (1UL <<< (8 * count)) - 1UL

    /// Operands in order: the address first.
    let run (memory: Memory) (i: Instr) (v: Value[]) : Value option =
        let info = Opcodes.info i.Op
        let count = info.AccessBytes
        let address = Access.effective i v[0]
        checkAligned i v[0] count

        if info.Name.Contains ".wait" && not memory.Declared.Shared then
            raise (TrapException TrapCode.ExpectedSharedMemory)

        let old = read ((Access.bytesAt memory address count).ToArray())

        let write (x: uint64) =
            let b = Access.bytesAt memory address count

            for k in 0 .. count - 1 do
                b[k] <- byte (x >>> (8 * k))

        let result bits = Some(Value.FromBits((if info.Pushes[0] = ValType.I64 then ValueKind.I64 else ValueKind.I32), bits))
        let parts = info.Name.Split '.'
        let operator = parts[parts.Length - 1].Replace("_u", "")

        match parts[0], parts[2], operator with
        | "memory", "notify", _ -> result 0UL
        | "memory", _, _ ->
            // Not equal: 1. Timed out: 2; one that waits for ever is ended by the store's poll.
            if old <> (v[1].Bits &&& mask count) then result 1UL
            elif v[2].AsI64() < 0L then raise (FaultException(EngineFault.Deadline System.TimeSpan.Zero))
            else result 2UL
        | _, o, _ when o.StartsWith "load" -> result old
        | _, o, _ when o.StartsWith "store" ->
            write v[1].Bits
            None
        | _, _, "cmpxchg" ->
            if old = v[1].Bits then
                write v[2].Bits

            result old
        | _, _, operator ->
            let operand = v[1].Bits

            write (
                match operator with
                | "add" -> old + operand
                | "sub" -> old - operand
                | "and" -> old &&& operand
                | "or" -> old ||| operand
                | "xor" -> old ^^^ operand
                | "xchg" -> operand
                | o -> invalidOp $"not an atomic operator: {o}"
            )

            result old
