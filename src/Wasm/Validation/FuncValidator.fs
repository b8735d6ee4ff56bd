namespace Twofold.Wasm.Validation

// The rules of instructions and constant expressions (core specification, section 3.4) over the stacks of the validation algorithm.
// In: decoded instructions. Out: the first violated rule, or nothing.

open Twofold.Wasm
open Twofold.Wasm.Binary

[<Sealed>]
type internal FuncValidator(c: Context) =
    inherit ValidationStack(c.Module.Types)
    let types = c.Module.Types
    static let nothing: ValType[] = [||]
    static let i32s = [| ValType.I32; ValType.I32; ValType.I32 |]

    member v.Block(i: inref<Instr>) =
        let mutable starts = nothing
        let mutable ends = nothing

        if i.A = -2 then
            ends <- v.Singleton(ValType i.B)
        elif i.A >= 0 then
            match c.FuncType i.A |> box with
            | null -> v.Fail $"unknown type {i.A}"
            | t ->
                let t = t :?> FuncType
                starts <- t.Params
                ends <- t.Results

        if i.Op = Op.If then
            v.PopVal ValType.I32 |> ignore

        v.PopVals starts
        v.PushCtrl(i.Op, starts, ends)

    member v.BrTable(labels: int[]) =
        v.PopVal ValType.I32 |> ignore
        let last = v.LabelTypes labels[labels.Length - 1]
        let mutable previous = last
        let mutable i = 0

        while i < labels.Length - 1 && v.Ok do
            let ts = v.LabelTypes labels[i]

            if v.Ok && not (obj.ReferenceEquals(ts, previous)) then
                if ts.Length <> last.Length then
                    v.Mismatch($"a label with {last.Length} values, as the default has", string ts.Length)
                else
                    v.PeekVals ts

                previous <- ts

            i <- i + 1

        v.PopVals last
        v.Unreachable()

    /// The results of a tail-called function must be the caller's own.
    member v.TailResults(t: FuncType) =
        let own = v.FunctionResults

        if t.Results.Length <> own.Length || not (Array.forall2 (Subtype.matches types) t.Results own) then
            let list (ts: ValType[]) = ts |> Array.map string |> String.concat " "
            v.Mismatch($"results [{list own}]", $"[{list t.Results}]")

        v.Unreachable()

    member v.Memory(index: int) =
        if uint32 index >= uint32 c.Memories.Length then
            v.Fail $"unknown memory {uint32 index}"

    /// A table's element type; bottom after a failure.
    member v.Table(index: int) : ValType =
        if uint32 index < uint32 c.Tables.Length then
            c.Tables[index].Element
        else
            v.Fail $"unknown table {uint32 index}"
            ValType.Bottom

    member v.Call(op: Op, t: FuncType) =
        v.PopVals t.Params
        if op = Op.ReturnCall || op = Op.ReturnCallIndirect then v.TailResults t else v.PushVals t.Results

    member v.CallIndirect(i: inref<Instr>) =
        let element = v.Table i.B

        if not (Subtype.matches types element ValType.FuncRef) then
            v.Mismatch($"a table of {ValType.FuncRef}", $"one of {element}")

        match c.FuncType i.A |> box with
        | null -> v.Fail $"unknown type {uint32 i.A}"
        | t ->
            v.PopVal ValType.I32 |> ignore
            v.Call(i.Op, (t :?> FuncType))

    member v.Elem(index: int) : ValType =
        if uint32 index < uint32 c.Module.Elems.Length then
            c.Module.Elems[index].Type
        else
            v.Fail $"unknown elem segment {uint32 index}"
            ValType.Bottom

    member v.Data(index: int) =
        if uint32 index >= uint32 (max c.Module.DataCount 0) then
            v.Fail $"unknown data segment {uint32 index}"

    member v.GlobalGet(index: int) =
        if uint32 index < uint32 c.Globals.Length then
            v.PushVal c.Globals[index].Value
        else
            v.Fail $"unknown global {uint32 index}"

    /// `ref.func`: outside bodies every occurrence is itself a declaration.
    member v.RefFunc(index: int, inBody: bool) =
        if uint32 index >= uint32 c.FuncTypeIndices.Length then v.Fail $"unknown function {uint32 index}"
        elif inBody && not c.Declared[index] then v.Fail "undeclared function reference"
        else v.PushVal(ValType.Ref(false, HeapType.Concrete c.FuncTypeIndices[index]))

    /// Rules that the opcode table cannot express.
    member private v.Special(i: inref<Instr>, locals: ValType[], localCount: int, labels: ResizeArray<int[]>) =
        let i32 = ValType.I32

        match i.Op with
        | Op.LocalGet ->
            if uint32 i.A < uint32 localCount then
                v.PushVal locals[i.A]
            else
                v.Fail $"unknown local {uint32 i.A}"
        | Op.LocalSet ->
            if uint32 i.A < uint32 localCount then
                v.PopVal locals[i.A] |> ignore
            else
                v.Fail $"unknown local {uint32 i.A}"
        | Op.LocalTee ->
            if uint32 i.A < uint32 localCount then
                v.PopVal locals[i.A] |> ignore
                v.PushVal locals[i.A]
            else
                v.Fail $"unknown local {uint32 i.A}"
        | Op.End -> v.End()
        | Op.Block
        | Op.Loop
        | Op.If -> v.Block &i
        | Op.Br ->
            v.PopVals(v.LabelTypes i.A)
            v.Unreachable()
        | Op.BrIf ->
            v.PopVal i32 |> ignore
            let ts = v.LabelTypes i.A
            v.PopVals ts
            v.PushVals ts
        | Op.Call
        | Op.ReturnCall ->
            if uint32 i.A < uint32 c.FuncTypes.Length then
                v.Call(i.Op, c.FuncTypes[i.A])
            else
                v.Fail $"unknown function {uint32 i.A}"
        | Op.Drop -> v.PopVal() |> ignore
        | Op.Select ->
            v.PopVal i32 |> ignore
            let a = v.PopVal()
            let b = v.PopVal()

            if a.IsRef || b.IsRef then
                v.Mismatch("numbers (references need a select with a type)", string (if a.IsRef then a else b))
            elif not a.IsBottom && not b.IsBottom && a.Code <> b.Code then
                v.Mismatch(string b, string a)

            v.PushVal(if a.IsBottom then b else a)
        | Op.Else ->
            let frame = v.Innermost
            v.PopCtrl()
            v.PushCtrl(Op.Else, frame.StartTypes, frame.EndTypes)
        | Op.Nop -> ()
        | Op.Unreachable -> v.Unreachable()
        | Op.Return ->
            v.PopVals v.FunctionResults
            v.Unreachable()
        | Op.BrTable -> v.BrTable labels[i.A]
        | Op.GlobalGet -> v.GlobalGet i.A
        | Op.GlobalSet ->
            if uint32 i.A >= uint32 c.Globals.Length then v.Fail $"unknown global {uint32 i.A}"
            elif not c.Globals[i.A].Mutable then v.Fail "immutable global"
            else v.PopVal c.Globals[i.A].Value |> ignore
        | Op.CallIndirect
        | Op.ReturnCallIndirect -> v.CallIndirect &i
        | Op.MemorySize ->
            v.Memory i.A
            v.PushVal i32
        | Op.MemoryGrow ->
            v.Memory i.A
            v.PopVal i32 |> ignore
            v.PushVal i32
        | Op.SelectT ->
            if i.A < 0 then
                v.Fail "invalid result arity"
            else
                let t = ValType i.A
                v.PopVal i32 |> ignore
                v.PopVal t |> ignore
                v.PopVal t |> ignore
                v.PushVal t
        | Op.RefNull -> v.PushVal(ValType.Ref(true, HeapType i.A))
        | Op.RefIsNull ->
            let t = v.PopVal()

            if not t.IsRef && not t.IsBottom then
                v.Mismatch("a reference", string t)

            v.PushVal i32
        | Op.RefFunc -> v.RefFunc(i.A, true)
        | Op.MemoryInit ->
            v.Memory i.B
            v.Data i.A
            v.PopVals i32s
        | Op.DataDrop -> v.Data i.A
        | Op.MemoryCopy ->
            v.Memory i.A
            v.Memory i.B
            v.PopVals i32s
        | Op.MemoryFill ->
            v.Memory i.A
            v.PopVals i32s
        | _ -> v.TableOp &i

    member private v.TableOp(i: inref<Instr>) =
        let i32 = ValType.I32

        match i.Op with
        | Op.TableGet ->
            let t = v.Table i.A
            v.PopVal i32 |> ignore
            v.PushVal t
        | Op.TableSet ->
            let t = v.Table i.A
            v.PopVal t |> ignore
            v.PopVal i32 |> ignore
        | Op.TableSize ->
            v.Table i.A |> ignore
            v.PushVal i32
        | Op.TableGrow ->
            let t = v.Table i.A
            v.PopVal i32 |> ignore
            v.PopVal t |> ignore
            v.PushVal i32
        | Op.TableFill ->
            let t = v.Table i.A
            v.PopVal i32 |> ignore
            v.PopVal t |> ignore
            v.PopVal i32 |> ignore
        | Op.TableCopy ->
            let target = v.Table i.A
            let source = v.Table i.B

            if v.Ok && not (Subtype.matches types source target) then
                v.Mismatch(string target, string source)

            v.PopVals i32s
        | Op.TableInit ->
            let table = v.Table i.B
            let segment = v.Elem i.A

            if v.Ok && not (Subtype.matches types segment table) then
                v.Mismatch(string table, string segment)

            v.PopVals i32s
        | Op.ElemDrop -> v.Elem i.A |> ignore
        | op -> v.Fail $"no rule for {(Opcodes.info op).Name}"

    /// The address and its immediates; 64-bit memories come with the next version.
    member private v.MemArg(i: inref<Instr>, row: OpInfo) =
        v.Memory i.A

        if i.B > 4 || (1 <<< i.B) > row.AccessBytes then
            v.Fail "alignment must not be larger than natural"

        if uint64 i.Imm > 0xFFFFFFFFUL then
            v.Fail "offset out of range"

    member private v.Plain(row: OpInfo) =
        v.PopVals row.Pops
        v.PushVals row.Pushes

    /// A function's body. The last instruction is the `end` that leaves the outermost frame.
    member v.Body(t: FuncType, locals: ValType[], localCount: int, code: Instr[], count: int, labels: ResizeArray<int[]>) =
        v.Start t.Results
        let mutable index = 0

        while index < count && v.Ok do
            let i = &code[index]
            v.At <- i.Offset
            let row = Opcodes.info i.Op

            if isNull row.Pops then
                v.Special(&i, locals, localCount, labels)
            else
                if row.AccessBytes <> 0 then
                    v.MemArg(&i, row)

                v.Plain row

            index <- index + 1

    /// A constant expression (core 3.4.16): `globals` of the index space are visible, all immutable.
    member v.ConstExpr(features: Features, code: ConstExpr, expected: ValType, globals: int, offset: int) =
        v.Start(v.Singleton expected)
        v.At <- offset
        let mutable index = 0

        while index < code.Length && v.Ok do
            let i = &code[index]
            v.At <- i.Offset

            match i.Op with
            | Op.I32Const
            | Op.I64Const
            | Op.F32Const
            | Op.F64Const -> v.Plain(Opcodes.info i.Op)
            | Op.I32Add
            | Op.I32Sub
            | Op.I32Mul
            | Op.I64Add
            | Op.I64Sub
            | Op.I64Mul ->
                let row = Opcodes.info i.Op

                if features.Has Feature.ExtendedConst then
                    v.Plain row
                else
                    v.Reject(Reader.Missing(Feature.ExtendedConst, v.At, $"{row.Name} in a constant expression"))
            | Op.RefNull -> v.PushVal(ValType.Ref(true, HeapType i.A))
            | Op.RefFunc -> v.RefFunc(i.A, false)
            | Op.GlobalGet ->
                if uint32 i.A >= uint32 globals then v.Fail $"unknown global {uint32 i.A}"
                elif c.Globals[i.A].Mutable then v.Fail "constant expression required"
                else v.GlobalGet i.A
            | _ -> v.Fail "constant expression required"

            index <- index + 1

        if v.Ok then
            v.End()
