namespace Twofold.Wasm.Compiler

// Instructions on whole memories and tables: size, growth, bulk operations, single table entries, all through helpers of the runtime.
// In: operands, 32 or 64 bits wide by the type of their memory or table. Out: helpers take 64 bits; results have the width of the type.

open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal LowerBulk =
    /// What an operand is to the helper.
    type Operand =
        /// An address, index or count: widened to 64 bits.
        | Size
        /// Passed on as it is.
        | Plain

    /// A helper that takes gas or may trap; its immediates first, then the operands.
    let call (e: Emitter) (name: string) (immediates: int list) (operands: Operand list) (result: CilType voption) =
        let count = operands.Length
        let first = e.Stack.Count - count

        for k in 0 .. first - 1 do
            if e.Stack[k].ReadsMemory || e.Stack[k].ReadsGlobal then
                e.Materialise k

        e.WriteGas()
        e.Add(Cil.Ldarg 0)

        for n in immediates do
            e.Add(Cil.LdcI4 n)

        operands
        |> List.iteri (fun k operand ->
            let node = e.Stack[first + k]
            e.Emit(e.Clean node)

            if operand = Size && node.Ty = CilType.I4 then
                e.Op OpCodes.Conv_U8)

        e.Stack.RemoveRange(first, count)
        e.CallRt name

        match result with
        | ValueSome ty ->
            let slot = e.Alloc ty

            // Sizes come as 64 bits.
            if ty = CilType.I4 then
                e.Op OpCodes.Conv_I4

            e.Add(Cil.Stloc slot)
            e.AfterCall()
            e.Stack.Add(e.Temp ty slot)
        | ValueNone -> e.AfterCall()

    let private width is64 = if is64 then CilType.I8 else CilType.I4

    let private memorySize (e: Emitter) memory =
        let ty = width (LowerMemory.is64 e memory)
        let slot = e.Alloc ty
        // Other threads may grow a shared memory.
        let shared = e.Context.Valid.MemoryTypes[memory].Shared

        if shared then
            e.SpillMemory()

        e.AtContext(e.Context.Layout.Memory memory + 8)

        if shared then
            e.Op OpCodes.Volatile

        e.Op OpCodes.Ldind_I
        e.Add(Cil.LdcI4 16)
        e.Op OpCodes.Shr_Un
        e.Op(if ty = CilType.I8 then OpCodes.Conv_U8 else OpCodes.Conv_I4)
        e.Add(Cil.Stloc slot)
        e.Stack.Add(e.Temp ty slot)

    let instruction (e: Emitter) (i: Instr) =
        let sizeOfTable () = ValueSome(width e.Context.Valid.TableTypes[i.A].Limits.Is64)
        let three = [ Size; Size; Size ]

        match i.Op with
        | Op.TableGet -> call e "TableGet" [ i.A ] [ Size ] (ValueSome CilType.Obj)
        | Op.TableSet -> call e "TableSet" [ i.A ] [ Size; Plain ] ValueNone
        | Op.TableSize -> call e "TableSize" [ i.A ] [] (sizeOfTable ())
        | Op.TableGrow -> call e "TableGrow" [ i.A ] [ Plain; Size ] (sizeOfTable ())
        | Op.TableFill -> call e "TableFill" [ i.A ] [ Size; Plain; Size ] ValueNone
        | Op.TableCopy -> call e "TableCopy" [ i.A; i.B ] three ValueNone
        | Op.TableInit -> call e "TableInit" [ i.A; i.B ] three ValueNone
        | Op.ElemDrop -> call e "ElemDrop" [ i.A ] [] ValueNone
        | Op.MemorySize -> memorySize e i.A
        | Op.MemoryGrow -> call e "MemoryGrow" [ i.A ] [ Size ] (ValueSome(width (LowerMemory.is64 e i.A)))
        | Op.MemoryFill -> call e "MemoryFill" [ i.A ] [ Size; Plain; Size ] ValueNone
        | Op.MemoryCopy -> call e "MemoryCopy" [ i.A; i.B ] three ValueNone
        | Op.MemoryInit -> call e "MemoryInit" [ i.A; i.B ] three ValueNone
        | _ -> call e "DataDrop" [ i.A ] [] ValueNone
