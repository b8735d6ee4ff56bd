namespace Twofold.Wasm.Compiler

// Memory accesses: the bounds check where the instruction stands, the access itself deferred or stored. Scalars, vectors and atomics use it.
// In: the operand stack. Out: checked loads as nodes, stores as statements.
//
// `reach` is offset + bytes. The check is `index > length - reach`:
//   reach <= 64, a page at the start    index > slot.Last[reach], one comparison with memory
//   32-bit index                        index + reach > length, which cannot overflow 64 bits
//   64-bit index, reach <= first pages  index > length - reach
//   64-bit index else                   length < reach, then index > length - reach; a reach beyond 64 bits is longer than any memory

open System
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal LowerMemory =
    let is64 (e: Emitter) memory = memory < e.Context.Valid.MemoryTypes.Length && e.Context.Valid.MemoryTypes[memory].Is64

    /// Offset and bytes as a number that is right as long as it could be inside any memory.
    let private reachOf (offset: int64) (bytes: int) =
        let offset = uint64 offset
        if offset > uint64 Int64.MaxValue - uint64 bytes then Int64.MaxValue else int64 offset + int64 bytes

    /// Bytes that the memory has at the start, and so for ever: it never shrinks while it is used.
    let private leastBytes (e: Emitter) memory =
        if memory < e.Context.Valid.MemoryTypes.Length then
            int64 (min e.Context.Valid.MemoryTypes[memory].Min (LinearMemory.MostBytes / LinearMemory.PageSize))
            * int64 LinearMemory.PageSize
        else
            0L

    let private check (e: Emitter) (memory: int) (reach: int64) (load: unit -> unit) trap =
        let wide = is64 e memory
        let least = leastBytes e memory

        if reach <= int64 MemorySlot.MaxReach && least > 0L then
            load ()
            e.Op(if wide then OpCodes.Conv_U else OpCodes.Conv_U4)
            e.AtContext(e.Context.Layout.Memory memory + MemorySlot.LastOffset + MemorySlot.EntrySize * int reach)
            e.Op(if wide then OpCodes.Ldind_I else OpCodes.Ldind_U4)
            e.Branch OpCodes.Bgt_Un trap
        elif wide then
            if reach > least then
                e.MemoryLength memory
                e.NativeConst reach
                e.Branch OpCodes.Blt_Un trap

            load ()
            e.Op OpCodes.Conv_U
            e.MemoryLength memory
            e.NativeConst reach
            e.Op OpCodes.Sub
            e.Branch OpCodes.Bgt_Un trap
        else
            load ()
            e.Op OpCodes.Conv_U
            e.NativeConst reach
            e.Op OpCodes.Add
            e.MemoryLength memory
            e.Branch OpCodes.Bgt_Un trap

    /// A checked access of an instruction, ready for `EmitAddress`.
    let access (e: Emitter) (o: Op) (memory: int) (index: Node) (offset: int64) (ty: CilType) =
        let bytes = (Opcodes.info o).AccessBytes
        let n = Node(NodeKind.Load, ty, Op = o, Imm = offset, Memory = memory, ReadsMemory = true)
        let reach = reachOf offset bytes

        // A constant index that the first pages hold needs no check.
        let isInside (constant: int64) =
            let index = if is64 e memory then uint64 constant else uint64 (uint32 constant)
            let least = uint64 (leastBytes e memory)
            index <= least && uint64 reach <= least - index

        match index.Kind with
        | NodeKind.Const when isInside index.Imm -> n.A <- index
        | NodeKind.Local when e.Covers memory (int index.Imm) reach -> n.A <- index
        | _ ->
            let isLocal = index.Kind = NodeKind.Local

            if isLocal then
                n.A <- index
                e.Cover memory (int index.Imm) reach
            else
                n.Slot <- e.Alloc CilType.Native
                e.Emit index
                e.Op OpCodes.Conv_U
                e.Add(Cil.Stloc n.Slot)

            let trap = e.ColdLabel(MemoryAt(memory, offset, bytes, not isLocal, (if isLocal then int index.Imm else n.Slot)))

            check e memory reach (fun () -> if isLocal then e.LoadLocal(int index.Imm) else e.Add(Cil.Ldloc n.Slot)) trap

        n
