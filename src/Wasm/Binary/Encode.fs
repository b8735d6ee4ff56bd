namespace Twofold.Wasm.Binary

// A module written in the binary format (core specification, section 5): the inverse of Decode.
// In: a Module, and a function that gives its bodies (changed ones too). Out: bytes that decode to the same module, offsets aside. Numbers are written
// in their shortest form and custom sections last, so that encoding twice gives the same bytes.

open System
open Twofold.Wasm
open Twofold.Wasm.Text

/// Bodies of functions as decoded instructions, back to bytes.
module internal EncodeBody =
    let private blockType (o: Output) (i: Instr) =
        match i.A with
        | -1 -> o.Byte 0x40
        | -2 -> Encoder.valType o (ValType i.B)
        | index -> o.Signed(int64 index)

    let private memArg (o: Output) (align: int) (i: Instr) =
        if i.A = 0 then
            o.Byte align
        else
            o.Byte(align ||| 0x40)
            o.Count32 i.A

        o.Unsigned(uint64 i.Imm)

    let private fixed32 (o: Output) (bits: uint32) =
        for k in 0..3 do
            o.Byte(int (bits >>> (8 * k)) &&& 0xFF)

    let private fixed64 (o: Output) (bits: uint64) =
        fixed32 o (uint32 bits)
        fixed32 o (uint32 (bits >>> 32))

    let private catchTable (o: Output) (clauses: Catch[]) =
        o.Count32 clauses.Length

        for c in clauses do
            o.Byte c.Kind

            if c.Kind < 2 then
                o.Count32 c.Tag

            o.Count32 c.Label

    /// One instruction; its tables are those of the body it belongs to.
    let instr (o: Output) (i: Instr) (labels: int[][]) (catches: Catch[][]) =
        Encoder.op o i.Op

        match (Opcodes.info i.Op).Imm with
        | Imm.None -> ()
        | Imm.Block -> blockType o i
        | Imm.TryTable ->
            blockType o i
            catchTable o catches[int i.Imm]
        | Imm.Label
        | Imm.Func
        | Imm.Type
        | Imm.Local
        | Imm.Global
        | Imm.Table
        | Imm.Memory
        | Imm.Data
        | Imm.Elem
        | Imm.Tag -> o.Count32 i.A
        | Imm.LabelTable ->
            let table = labels[i.A]
            o.Count32(table.Length - 1)

            for l in table do
                o.Count32 l
        | Imm.CallIndirect
        | Imm.DataMemory
        | Imm.Memory2
        | Imm.ElemTable
        | Imm.Table2
        | Imm.TypeField
        | Imm.TypeCount
        | Imm.TypeData
        | Imm.TypeElem
        | Imm.Type2 ->
            o.Count32 i.A
            o.Count32 i.B
        | Imm.MemArg -> memArg o i.B i
        | Imm.MemArgLane ->
            memArg o (i.B &&& 0xFF) i
            o.Byte(i.B >>> 8)
        | Imm.Lane -> o.Byte i.A
        | Imm.I32
        | Imm.I64 -> o.Signed i.Imm
        | Imm.F32 -> fixed32 o (uint32 i.Imm)
        | Imm.F64 -> fixed64 o (uint64 i.Imm)
        | Imm.V128 ->
            fixed64 o (uint64 i.Imm)
            fixed64 o (uint64 i.High)
        | Imm.Heap -> Encoder.heapType o (HeapType i.A)
        | Imm.SelectType ->
            o.Byte 1
            Encoder.valType o (ValType i.A)
        | Imm.BrOnCast ->
            o.Byte i.B
            o.Count32 i.A
            Encoder.heapType o (HeapType(int i.Imm))
            Encoder.heapType o (HeapType(int (i.Imm >>> 32)))
        | Imm.Zero -> o.Byte 0
        | kind -> invalidOp $"no encoding for immediates of kind {kind}"

    /// A constant expression with its `end`.
    let expression (o: Output) (e: ConstExpr) =
        for i in e do
            instr o i Array.empty Array.empty

        Encoder.op o Op.End

    /// A body: declarations of the locals after the parameters, instructions.
    let run (o: Output) (parameters: int) (b: Body) =
        let groups = Collections.Generic.List<struct (int * ValType)>()

        for k in parameters .. b.Locals.Length - 1 do
            match (if groups.Count = 0 then struct (0, ValType.Bottom) else groups[groups.Count - 1]) with
            | struct (n, t) when n > 0 && t.Equals b.Locals[k] -> groups[groups.Count - 1] <- struct (n + 1, t)
            | _ -> groups.Add(struct (1, b.Locals[k]))

        o.Count32 groups.Count

        for struct (n, t) in groups do
            o.Count32 n
            Encoder.valType o t

        for i in b.Code do
            instr o i b.LabelTables b.CatchTables

module Encode =
    let private subType (o: Output) (t: SubType) =
        if not t.Final || t.Super >= 0 then
            o.Byte(if t.Final then 0x4F else 0x50)
            o.Count32(if t.Super >= 0 then 1 else 0)

            if t.Super >= 0 then
                o.Count32 t.Super

        Encoder.compositeType o t.Composite

    let private types (o: Output) (all: SubType[]) =
        let groups = Output()
        let mutable count = 0
        let mutable k = 0

        while k < all.Length do
            let size = all[k].GroupSize

            if size <> 1 then
                groups.Byte 0x4E
                groups.Count32 size

            for j in k .. k + size - 1 do
                subType groups all[j]

            count <- count + 1
            k <- k + size

        Encoder.section o 1 count groups

    let private externType (o: Output) (t: ExternType) =
        match t with
        | ExternType.Func index ->
            o.Byte 0
            o.Count32 index
        | ExternType.Table t ->
            o.Byte 1
            Encoder.tableType o t
        | ExternType.Memory l ->
            o.Byte 2
            Encoder.limits o l
        | ExternType.Global g ->
            o.Byte 3
            Encoder.globalType o g
        | ExternType.Tag index ->
            o.Byte 4
            o.Byte 0
            o.Count32 index

    let private table (o: Output) (t: TableDef) =
        if not (isNull t.Init) then
            o.Byte 0x40
            o.Byte 0

        Encoder.tableType o t.Type

        if not (isNull t.Init) then
            EncodeBody.expression o t.Init

    let private elem (o: Output) (s: ElemSegment) =
        // Function indices have a form of their own, whose type is (ref func); a funcref segment of `ref.func` alone is kept as indices too.
        let asIndices = not (isNull s.Funcs) && s.Type.Equals(ValType.Ref(false, HeapType.Func))

        let flags =
            match s.Mode with
            // Table 0 with the usual type has a form that leaves both out.
            | SegmentMode.Active(0, _) when asIndices || s.Type.Equals ValType.FuncRef -> 0
            | SegmentMode.Active _ -> 2
            | SegmentMode.Passive -> 1
            | SegmentMode.Declarative -> 3

        o.Byte(flags ||| (if asIndices then 0 else 4))

        match s.Mode with
        | SegmentMode.Active(index, offset) ->
            if flags <> 0 then
                o.Count32 index

            EncodeBody.expression o offset
        | _ -> ()

        if flags <> 0 then
            if asIndices then o.Byte 0 else Encoder.valType o s.Type

        o.Count32 s.Length

        if asIndices then
            Array.iter o.Count32 s.Funcs
        elif isNull s.Funcs then
            Array.iter (EncodeBody.expression o) s.Exprs
        else
            for f in s.Funcs do
                Encoder.op o Op.RefFunc
                o.Count32 f
                Encoder.op o Op.End

    let private data (bytes: byte[]) (o: Output) (d: DataSegment) =
        match d.Mode with
        | SegmentMode.Active(memory, offset) ->
            if memory = 0 then
                o.Byte 0
            else
                o.Byte 2
                o.Count32 memory

            EncodeBody.expression o offset
        | _ -> o.Byte 1

        o.Sized(ReadOnlySpan(bytes, d.Start, d.Length))

    let private parameters (m: Module) (defined: int) =
        match m.Types[m.Functions[defined]].Composite with
        | CompositeType.Func t -> t.Params.Length
        | _ -> 0

    /// The bodies of `count` functions, each with its size, one after another. `parameters` are counted by function; `encoded` is told how many locals and bytes a body has.
    let internal bodies (parameters: int -> int) (count: int) (body: int -> Body) (encoded: int -> int -> int -> unit) : Output =
        let all = Output()
        let scratch = Output()

        for k in 0 .. count - 1 do
            let b = body k
            scratch.Clear()
            EncodeBody.run scratch (parameters k) b
            encoded k b.Locals.Length scratch.Count
            all.Sized scratch.Span

        all

    /// The module's bytes with bodies that `bodies` wrote.
    let internal withEncodedBodies (m: Module) (code: Output) : byte[] =
        let o = Output()

        let section id (items: 'a[]) (write: Output -> 'a -> unit) =
            let content = Output()
            Array.iter (write content) items
            Encoder.section o id items.Length content

        Encoder.preamble o
        types o m.Types

        section 2 m.Imports (fun o i ->
            o.Sized(Text.Encoding.UTF8.GetBytes i.Module)
            o.Sized(Text.Encoding.UTF8.GetBytes i.Name)
            externType o i.Type)

        section 3 m.Functions (fun o t -> o.Count32 t)
        section 4 m.Tables table
        section 5 m.Memories Encoder.limits

        section 13 m.Tags (fun o t ->
            o.Byte 0
            o.Count32 t)

        section 6 m.Globals (fun o g ->
            Encoder.globalType o g.Type
            EncodeBody.expression o g.Init)

        section 7 m.Exports (fun o e ->
            o.Sized(Text.Encoding.UTF8.GetBytes e.Name)
            o.Byte(int e.Kind)
            o.Count32 e.Index)

        if m.Start >= 0 then
            let start = Output()
            start.Count32 m.Start
            o.Byte 8
            o.Sized start.Span

        section 9 m.Elems elem

        if m.DataCount >= 0 then
            let count = Output()
            count.Count32 m.DataCount
            o.Byte 12
            o.Sized count.Span

        Encoder.section o 10 m.Functions.Length code
        section 11 m.Datas (data m.Bytes)

        let scratch = Output()

        for c in m.Customs do
            scratch.Clear()
            scratch.Sized(Text.Encoding.UTF8.GetBytes c.Name)
            scratch.Bytes(ReadOnlySpan(m.Bytes, c.Start, c.Length))
            o.Byte 0
            o.Sized scratch.Span

        o.ToArray()

    /// The module's bytes, its bodies by defined function. The bodies may be others than the module was decoded with; they fit its types and indices.
    let withBodies (m: Module) (body: int -> Body) : byte[] =
        withEncodedBodies m (bodies (parameters m) m.Functions.Length body (fun _ _ _ -> ()))
