namespace Twofold.Wasm.Compiler

// Memory accesses of scalars: the bounds check where the instruction stands, the access itself deferred or stored.
// In: the operand stack. Out: checked loads as nodes, stores as statements.

open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal LowerMemory =
    let access (e: Emitter) (o: Op) (memory: int) (index: Node) (offset: int64) (ty: CilType) =
        let bytes = (Opcodes.info o).AccessBytes
        let n = Node(NodeKind.Load, ty, Op = o, Imm = offset, Memory = memory, ReadsMemory = true)

        let least =
            if memory < e.Context.Valid.MemoryTypes.Length then
                int64 e.Context.Valid.MemoryTypes[memory].Min * 65536L
            else
                0L

        let reach = offset + int64 bytes

        match index.Kind with
        | NodeKind.Const when int64 (uint32 index.Imm) + reach <= least -> n.A <- index
        | NodeKind.Local when memory = 0 && e.Covered.ContainsKey(int index.Imm) && e.Covered[int index.Imm] >= reach -> n.A <- index
        | _ ->
            let isLocal = index.Kind = NodeKind.Local

            if isLocal then
                n.A <- index

                if memory = 0 then
                    e.Covered[int index.Imm] <- reach
            else
                n.Slot <- e.Alloc CilType.Native
                e.Emit index
                e.Op OpCodes.Conv_U
                e.Add(Cil.Stloc n.Slot)

            let trap = e.ColdLabel(MemoryAt(memory, offset, bytes, not isLocal, (if isLocal then int index.Imm else n.Slot)))

            let load () = if isLocal then e.LoadLocal(int index.Imm) else e.Add(Cil.Ldloc n.Slot)

            // A memory never shrinks while it is used: with a page at the start it always holds so few bytes.
            if reach <= int64 MemorySlot.MaxReach && least > 0L then
                load ()
                e.Op OpCodes.Conv_U4
                e.AtContext(e.Context.Layout.Memory memory + MemorySlot.LastOffset + 4 * int reach)
                e.Op OpCodes.Ldind_U4
                e.Branch OpCodes.Bgt_Un trap
            else
                load ()
                e.Op OpCodes.Conv_U
                e.NativeConst reach
                e.Op OpCodes.Add
                e.MemoryLength memory
                e.Branch OpCodes.Bgt_Un trap

        n
