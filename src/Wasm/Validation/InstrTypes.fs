namespace Twofold.Wasm.Validation

// What an instruction does to the operand stack, once a module is valid: for Prepare and for the passes of the compiler.
// In: a ValidModule and an instruction that is neither a block, a branch, a call, `drop` nor `select`. Out: how many operands it takes, and the types it leaves.

open Twofold.Wasm
open Twofold.Wasm.Binary

module internal InstrTypes =
    let private none: ValType[] = [||]
    let private i32 = [| ValType.I32 |]
    let private i64 = [| ValType.I64 |]

    let private address is64 = if is64 then i64 else i32

    /// A field's or element's value on the stack: packed integers are i32.
    let unpacked (s: StorageType) =
        match s with
        | StorageType.Value t -> t
        | _ -> ValType.I32

    let fieldsOf (types: SubType[]) index : FieldType[] =
        match types[index].Composite with
        | CompositeType.Struct fields -> fields
        | _ -> invalidOp "validation lets only struct types through here"

    let elementOf (types: SubType[]) index : FieldType =
        match types[index].Composite with
        | CompositeType.Array element -> element
        | _ -> invalidOp "validation lets only array types through here"

    let private concrete nullable index = ValType.Ref(nullable, HeapType.Concrete index)

    /// Operands taken, types left. `top` is the type of the topmost operand, where the result depends on it.
    let effect (valid: ValidModule) (locals: ValType[]) (top: ValType) (i: Instr) : struct (int * ValType[]) =
        let types = valid.Module.Types
        let nonNull () = [| ValType.Ref(false, top.Heap) |]

        match i.Op with
        | Op.LocalGet -> struct (0, [| locals[i.A] |])
        | Op.LocalSet -> struct (1, none)
        | Op.LocalTee -> struct (1, [| locals[i.A] |])
        | Op.GlobalGet -> struct (0, [| valid.GlobalTypes[i.A].Value |])
        | Op.GlobalSet -> struct (1, none)
        | Op.TableGet -> struct (1, [| valid.TableTypes[i.A].Element |])
        | Op.TableSet -> struct (2, none)
        | Op.MemorySize -> struct (0, address valid.MemoryTypes[i.A].Is64)
        | Op.MemoryGrow -> struct (1, address valid.MemoryTypes[i.A].Is64)
        | Op.TableSize -> struct (0, address valid.TableTypes[i.A].Limits.Is64)
        | Op.TableGrow -> struct (2, address valid.TableTypes[i.A].Limits.Is64)
        | Op.RefNull -> struct (0, [| ValType.Ref(true, HeapType i.A) |])
        | Op.RefIsNull -> struct (1, i32)
        | Op.RefFunc -> struct (0, [| concrete false valid.FuncTypeIndices[i.A] |])
        | Op.RefEq -> struct (2, i32)
        | Op.RefAsNonNull -> struct (1, nonNull ())
        | Op.MemoryInit
        | Op.MemoryCopy
        | Op.MemoryFill
        | Op.TableInit
        | Op.TableCopy
        | Op.TableFill -> struct (3, none)
        | Op.Nop
        | Op.DataDrop
        | Op.ElemDrop
        | Op.AtomicFence -> struct (0, none)
        | Op.StructNew -> struct ((fieldsOf types i.A).Length, [| concrete false i.A |])
        | Op.StructNewDefault -> struct (0, [| concrete false i.A |])
        | Op.StructGet
        | Op.StructGetS
        | Op.StructGetU -> struct (1, [| unpacked (fieldsOf types i.A).[i.B].Storage |])
        | Op.StructSet -> struct (2, none)
        | Op.ArrayNew
        | Op.ArrayNewData
        | Op.ArrayNewElem -> struct (2, [| concrete false i.A |])
        | Op.ArrayNewDefault -> struct (1, [| concrete false i.A |])
        | Op.ArrayNewFixed -> struct (i.B, [| concrete false i.A |])
        | Op.ArrayGet
        | Op.ArrayGetS
        | Op.ArrayGetU -> struct (2, [| unpacked (elementOf types i.A).Storage |])
        | Op.ArraySet -> struct (3, none)
        | Op.ArrayLen -> struct (1, i32)
        | Op.ArrayFill
        | Op.ArrayInitData
        | Op.ArrayInitElem -> struct (4, none)
        | Op.ArrayCopy -> struct (5, none)
        | Op.RefTest
        | Op.RefTestNull -> struct (1, i32)
        | Op.RefCast -> struct (1, [| ValType.Ref(false, HeapType i.A) |])
        | Op.RefCastNull -> struct (1, [| ValType.Ref(true, HeapType i.A) |])
        | Op.AnyConvertExtern -> struct (1, [| ValType.Ref(top.IsNullable, HeapType.Any) |])
        | Op.ExternConvertAny -> struct (1, [| ValType.Ref(top.IsNullable, HeapType.Extern) |])
        | Op.RefI31 -> struct (1, [| ValType.Ref(false, HeapType.I31) |])
        | Op.I31GetS
        | Op.I31GetU -> struct (1, i32)
        | _ ->
            let info = Opcodes.info i.Op

            if isNull info.Pops then
                invalidOp $"{info.Name} has no effect of its own"

            struct (info.Pops.Length, info.Pushes)
