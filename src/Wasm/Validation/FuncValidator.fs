namespace Twofold.Wasm.Validation

// Bodies and constant expressions (core specification, sections 3.4.15-3.4.16): each instruction to its rule.
// In: decoded instructions. Out: the first violated rule, or nothing. No recursion, and nothing is allocated per instruction.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary

[<Sealed>]
type internal FuncValidator(c: Context, limits: WasmLimits) =
    inherit MemoryRules(c, limits)
    let mutable locals: ValType[] = Array.Empty()
    let mutable localCount = 0
    static let i32 = ValType.I32

    member private v.LocalGet(index: int) =
        if uint32 index >= uint32 localCount then v.Fail $"unknown local {uint32 index}"
        elif v.IsUnset index then v.Fail $"uninitialized local {index}"
        else v.PushVal locals[index]

    member private v.LocalSet(index: int, tee: bool) =
        if uint32 index >= uint32 localCount then
            v.Fail $"unknown local {uint32 index}"
        else
            v.PopVal locals[index] |> ignore
            v.SetLocal index

            if tee then
                v.PushVal locals[index]

    member private v.Select() =
        v.PopVal i32 |> ignore
        let a = v.PopVal()
        let b = v.PopVal()

        if a.IsRef || b.IsRef then
            v.Mismatch("numbers (references need a select with a type)", string (if a.IsRef then a else b))
        elif not a.IsBottom && not b.IsBottom && a.Code <> b.Code then
            v.Mismatch(string b, string a)

        v.PushVal(if a.IsBottom then b else a)

    member private v.SelectT(code: int) =
        if code < 0 then
            v.Fail "invalid result arity"
        else
            let t = ValType code
            v.CheckType t

            if v.Ok then
                v.PopVal i32 |> ignore
                v.PopVal t |> ignore
                v.PopVal t |> ignore
                v.PushVal t

    member private v.GlobalSet(index: int) =
        if uint32 index >= uint32 c.Globals.Length then v.Fail $"unknown global {uint32 index}"
        elif not c.Globals[index].Mutable then v.Fail "immutable global"
        else v.PopVal c.Globals[index].Value |> ignore

    /// Rules that the opcode table cannot express, the commonest first.
    member private v.Special(i: inref<Instr>, labels: ResizeArray<int[]>, catches: ResizeArray<Catch[]>) =
        match i.Op with
        | Op.LocalGet -> v.LocalGet i.A
        | Op.LocalSet -> v.LocalSet(i.A, false)
        | Op.LocalTee -> v.LocalSet(i.A, true)
        | Op.End -> v.End()
        | Op.Block
        | Op.Loop
        | Op.If
        | Op.Try -> v.Block &i
        | Op.Br ->
            v.PopVals(v.LabelTypes i.A)
            v.Unreachable()
        | Op.BrIf -> v.BrIf i.A
        | Op.Call -> v.CallFunc(i.A, false)
        | Op.Drop -> v.PopVal() |> ignore
        | Op.Select -> v.Select()
        | Op.Else -> v.Else()
        | Op.Nop -> ()
        | Op.Unreachable -> v.Unreachable()
        | Op.Return ->
            v.PopVals v.FunctionResults
            v.Unreachable()
        | Op.BrTable -> v.BrTable labels[i.A]
        | Op.GlobalGet -> v.GlobalGet i.A
        | Op.GlobalSet -> v.GlobalSet i.A
        | Op.CallIndirect -> v.CallIndirect(i.A, i.B, false)
        | Op.ReturnCall -> v.CallFunc(i.A, true)
        | Op.ReturnCallIndirect -> v.CallIndirect(i.A, i.B, true)
        | Op.CallRef -> v.CallRef(i.A, false)
        | Op.ReturnCallRef -> v.CallRef(i.A, true)
        | Op.SelectT -> v.SelectT i.A
        | Op.TryTable -> v.TryTable(&i, catches[int i.Imm])
        | Op.Throw -> v.Throw i.A
        | Op.ThrowRef -> v.ThrowRef()
        | Op.Catch
        | Op.CatchAll -> v.LegacyCatch(i.Op, i.A)
        | Op.Rethrow -> v.Rethrow i.A
        | Op.Delegate -> v.Delegate i.A
        | Op.BrOnNull -> v.BrOnNull i.A
        | Op.BrOnNonNull -> v.BrOnNonNull i.A
        | Op.BrOnCast
        | Op.BrOnCastFail -> v.BrOnCast &i
        | _ when i.Op < 0xC00us -> v.References &i
        | _ -> v.Memories &i

    member private v.References(i: inref<Instr>) =
        match i.Op with
        | Op.TableGet -> v.TableGet i.A
        | Op.TableSet -> v.TableSet i.A
        | Op.MemorySize -> v.MemorySize i.A
        | Op.MemoryGrow -> v.MemoryGrow i.A
        | Op.RefNull -> v.RefNull(HeapType i.A)
        | Op.RefIsNull -> v.RefIsNull()
        | Op.RefFunc -> v.RefFunc(i.A, true)
        | Op.RefEq -> v.RefEq()
        | Op.RefAsNonNull -> v.RefAsNonNull()
        | Op.StructNew -> v.StructNew i.A
        | Op.StructNewDefault -> v.StructNewDefault i.A
        | Op.StructGet -> v.StructGet(i.A, i.B, false)
        | Op.StructGetS
        | Op.StructGetU -> v.StructGet(i.A, i.B, true)
        | Op.StructSet -> v.StructSet(i.A, i.B)
        | Op.ArrayNew -> v.ArrayNew(i.A, false)
        | Op.ArrayNewDefault -> v.ArrayNew(i.A, true)
        | Op.ArrayNewFixed -> v.ArrayNewFixed(i.A, i.B)
        | Op.ArrayNewData -> v.ArrayNewData(i.A, i.B)
        | Op.ArrayNewElem -> v.ArrayNewElem(i.A, i.B)
        | Op.ArrayGet -> v.ArrayGet(i.A, false)
        | Op.ArrayGetS
        | Op.ArrayGetU -> v.ArrayGet(i.A, true)
        | Op.ArraySet -> v.ArraySet i.A
        | Op.ArrayLen -> v.ArrayLen()
        | Op.ArrayFill -> v.ArrayFill i.A
        | Op.ArrayCopy -> v.ArrayCopy(i.A, i.B)
        | Op.ArrayInitData -> v.ArrayInit(i.A, i.B, true)
        | Op.ArrayInitElem -> v.ArrayInit(i.A, i.B, false)
        | Op.RefTest
        | Op.RefTestNull -> v.RefTest(HeapType i.A)
        | Op.RefCast -> v.RefCast(false, HeapType i.A)
        | Op.RefCastNull -> v.RefCast(true, HeapType i.A)
        | Op.AnyConvertExtern -> v.Convert(HeapType.Extern, HeapType.Any)
        | Op.ExternConvertAny -> v.Convert(HeapType.Any, HeapType.Extern)
        | Op.RefI31 -> v.RefI31()
        | Op.I31GetS
        | Op.I31GetU -> v.I31Get()
        | op -> v.Fail $"no rule for {(Opcodes.info op).Name}"

    member private v.Memories(i: inref<Instr>) =
        match i.Op with
        | Op.MemoryInit -> v.MemoryInit(i.A, i.B)
        | Op.DataDrop -> v.Data i.A
        | Op.MemoryCopy -> v.MemoryCopy(i.A, i.B)
        | Op.MemoryFill -> v.MemoryFill i.A
        | Op.TableInit -> v.TableInit(i.A, i.B)
        | Op.ElemDrop -> v.Elem i.A |> ignore
        | Op.TableCopy -> v.TableCopy(i.A, i.B)
        | Op.TableGrow -> v.TableGrow i.A
        | Op.TableSize -> v.TableSize i.A
        | Op.TableFill -> v.TableFill i.A
        | Op.AtomicFence -> ()
        | op -> v.Fail $"no rule for {(Opcodes.info op).Name}"

    member private v.Plain(i: inref<Instr>, row: OpInfo) =
        if row.AccessBytes <> 0 then
            v.Access(&i, row)
        else
            if row.Imm = Imm.Lane then
                v.LaneIndex &i
            elif i.Op = Op.I8x16Shuffle then
                v.Shuffle &i

            v.PopVals row.Pops
            v.PushVals row.Pushes

    /// The frame of a function: its type, its locals, and their declarations.
    member v.StartBody(t: FuncType, ls: ValType[], count: int, groups: ResizeArray<LocalGroup>) =
        v.Start t.Results
        locals <- ls
        localCount <- count
        v.StartLocals(groups, count)

        for g in groups do
            v.CheckType g.Type

    /// The next instructions of its body. The last of all is the `end` that leaves the outermost frame.
    member v.Body(code: Instr[], count: int, labels: ResizeArray<int[]>, catches: ResizeArray<Catch[]>) =
        let mutable index = 0

        while index < count && v.Ok do
            let i = &code[index]
            v.At <- i.Offset
            let row = Opcodes.info i.Op
            if isNull row.Pops then v.Special(&i, labels, catches) else v.Plain(&i, row)
            index <- index + 1

    /// A constant expression (core 3.4.16): `globals` of the index space are visible, all immutable.
    member v.ConstExpr(code: ConstExpr, expected: ValType, globals: int, offset: int) =
        v.At <- offset
        v.Start(v.Singleton expected)
        let mutable index = 0

        while index < code.Length && v.Ok do
            let i = &code[index]
            v.At <- i.Offset

            match i.Op with
            | Op.I32Const
            | Op.I64Const
            | Op.F32Const
            | Op.F64Const
            | Op.V128Const
            | Op.I32Add
            | Op.I32Sub
            | Op.I32Mul
            | Op.I64Add
            | Op.I64Sub
            | Op.I64Mul -> v.Plain(&i, Opcodes.info i.Op)
            | Op.RefNull
            | Op.StructNew
            | Op.StructNewDefault
            | Op.ArrayNew
            | Op.ArrayNewDefault
            | Op.ArrayNewFixed
            | Op.RefI31
            | Op.AnyConvertExtern
            | Op.ExternConvertAny -> v.References &i
            | Op.RefFunc -> v.RefFunc(i.A, false)
            | Op.GlobalGet ->
                if uint32 i.A >= uint32 globals then v.Fail $"unknown global {uint32 i.A}"
                elif c.Globals[i.A].Mutable then v.Fail "constant expression required"
                else v.GlobalGet i.A
            | _ -> v.Fail "constant expression required"

            index <- index + 1

        if v.Ok then
            v.End()
