namespace Twofold.Wasm.Text

// What follows an instruction's name (core specification, section 6.5): indices, labels, constants, block types, memory arguments.
// In: a Cursor after the name, index spaces, labels in scope. Out: the binary format's bytes of it.

open System
open System.Buffers.Binary
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

/// Vectors and lanes.
module private Lanes =
    /// A lane index: eight bits without sign.
    let index (text: string) : Result<uint64, NumberError> =
        if text = "" then
            Error NumberError.Shape
        else
            match Numbers.natural 64 text with
            | Ok v when v < 256UL -> Ok v
            | Ok _ -> Error NumberError.Range
            | Error e -> Error e

/// Labels in scope, innermost last.
[<Sealed>]
type internal Labels(c: Cursor) =
    let named = Dictionary<string, Stack<int>>()
    let mutable depth = 0

    /// A block opens; its name may be null.
    member _.Push(name: string) =
        if not (isNull name) then
            match named.TryGetValue name with
            | true, s -> s.Push depth
            | _ -> named[name] <- Stack [ depth ]

        depth <- depth + 1

    member _.Pop(name: string) =
        if not (isNull name) then
            named[name].Pop() |> ignore

        depth <- depth - 1

    /// A label by its identifier or number: how many blocks outwards.
    member _.Read() : int =
        if c.Kind = TokenKind.Id then
            let offset = c.Offset
            let name = c.TryId()

            match named.TryGetValue name with
            | true, s when s.Count > 0 -> depth - 1 - s.Peek()
            | _ -> raise (c.Malformed(offset, $"unknown label ${name}"))
        else
            int (c.U32())

/// Immediates of the instructions of one function or constant expression.
[<Sealed>]
type internal Immediates(c: Cursor, m: Spaces, locals: Space, labels: Labels, usesData: bool ref) =
    /// Two optional indices of one kind, as the copying instructions have them: both or none.
    let pair (o: Output) (space: Space) =
        if c.IsIndex then
            let a = space.Index c
            o.Count32 a
            o.Count32(space.Index c)
        else
            o.Count32 0
            o.Count32 0

    let optional (space: Space) = if c.IsIndex then space.Index c else 0

    /// An optional index, then one that must be: `table.init $t $e`. The binary format has them the other way round.
    let outerInner (o: Output) (outer: Space) (inner: Space) =
        let start = c.Pos
        c.Skip 1
        let two = c.IsIndex
        c.Pos <- start
        let x = if two then outer.Index c else 0
        o.Count32(inner.Index c)
        o.Count32 x

    let lane (o: Output) =
        match Lanes.index c.Text with
        | Error NumberError.Range when c.Kind = TokenKind.Number -> raise (c.Malformed(c.Offset, $"i8 constant out of range: {c.Text}"))
        | _ -> o.Byte(int (c.Number("a lane index", Lanes.index)))

    let memArg (o: Output) (row: OpInfo) (hasMemory: bool) =
        let at = c.Offset
        let memory = if hasMemory then m.Memories.Index c else 0

        if memory <> 0 then
            c.Need(Feature.MultiMemory, at, "a memory index in a memory access")

        let offset =
            match c.TryAssigned "offset=" with
            | ValueSome(struct (v, _)) -> v
            | ValueNone -> 0UL

        let align =
            match c.TryAssigned "align=" with
            | ValueSome(struct (v, at)) ->
                if not (Numerics.BitOperations.IsPow2 v) then
                    raise (c.Malformed(at, "alignment must be a power of two"))

                Numerics.BitOperations.Log2 v
            | ValueNone -> Numerics.BitOperations.Log2(uint64 row.AccessBytes)

        o.Count32(align ||| (if memory <> 0 then 0x40 else 0))

        if memory <> 0 then
            o.Count32 memory

        o.Unsigned offset

    let blockType (o: Output) =
        match ParserTypes.typeUse c m null with
        | ParserTypes.Use.Index i -> o.Signed(int64 (uint32 i))
        | ParserTypes.Use.Inline { Params = [||]; Results = [||] } -> o.Byte 0x40
        | ParserTypes.Use.Inline { Params = [||]; Results = [| t |] } -> Encoder.valType o t
        | ParserTypes.Use.Inline t -> o.Signed(int64 (m.Use t))

    let labelTable (o: Output) =
        let all = ResizeArray<int>()
        all.Add(labels.Read())

        while c.IsIndex do
            all.Add(labels.Read())

        o.Count32(all.Count - 1)

        for l in all do
            o.Count32 l

    /// The lane comes last, and the memory is a number too: two numbers, or one before `offset=`, mean that the first is the memory.
    let memArgLane (o: Output) (row: OpInfo) =
        let hasMemory =
            c.Kind = TokenKind.Id
            || (c.Kind = TokenKind.Number && (c.KindAfter = TokenKind.Number || c.StartsAfter "offset=" || c.StartsAfter "align="))

        memArg o row hasMemory
        lane o

    /// The clauses of a `try_table`, before its own label is in scope.
    let clauses (o: Output) =
        let all = Output()
        let mutable n = 0

        let clause (word: string) (kind: int) =
            let found = c.TryOpen word

            if found then
                all.Byte kind

                if kind < 2 then
                    all.Count32(m.Tags.Index c)

                all.Count32(labels.Read())
                c.Close()
                n <- n + 1

            found

        while clause "catch" 0 || clause "catch_ref" 1 || clause "catch_all" 2 || clause "catch_all_ref" 3 do
            ()

        o.Count32 n
        o.Append all

    let fixed32 (o: Output) (bits: uint32) =
        let b = Array.zeroCreate<byte> 4
        BinaryPrimitives.WriteUInt32LittleEndian(b, bits)
        o.Bytes b

    let fixed64 (o: Output) (bits: uint64) =
        let b = Array.zeroCreate<byte> 8
        BinaryPrimitives.WriteUInt64LittleEndian(b, bits)
        o.Bytes b

    let fixed16 (o: Output) (bits: uint64) =
        o.Byte(int (bits &&& 0xFFUL))
        o.Byte(int (bits >>> 8))

    /// A shape and its lanes, lowest first.
    let vector (o: Output) =
        let shape = c.Text

        let lanes (n: int) (read: unit -> unit) =
            c.Skip 1

            // Counted before any is looked at, as the reference interpreter does.
            let found = c.NumbersAhead

            if found <> n then
                c.Skip found

                // A misspelt number is no operator of any kind.
                if c.Kind = TokenKind.Keyword && not (Words.isKnown c.Text) then
                    raise (c.Unexpected "a number")

                raise (c.Malformed(c.Offset, "wrong number of lane literals"))

            for _ in 1..n do
                read ()

        let integer (width: int) = c.Number($"an i{width} constant", Numbers.integer width)

        match (if c.Kind = TokenKind.Keyword then shape else "") with
        | "i8x16" -> lanes 16 (fun () -> o.Byte(int (integer 8)))
        | "i16x8" -> lanes 8 (fun () -> fixed16 o (integer 16))
        | "i32x4" -> lanes 4 (fun () -> fixed32 o (uint32 (integer 32)))
        | "i64x2" -> lanes 2 (fun () -> fixed64 o (integer 64))
        | "f32x4" -> lanes 4 (fun () -> fixed32 o (c.Number("an f32 constant", Numbers.f32)))
        | "f64x2" -> lanes 2 (fun () -> fixed64 o (c.Number("an f64 constant", Numbers.f64)))
        | _ -> raise (c.Unexpected "a shape: i8x16, i16x8, i32x4, i64x2, f32x4 or f64x2")

    let shuffle (o: Output) =
        if c.NumbersAhead <> 16 then
            raise (c.Malformed(c.Offset, "invalid lane length"))

        for _ in 1..16 do
            match Lanes.index c.Text with
            | Ok v ->
                c.Skip 1
                o.Byte(int v)
            | Error _ -> raise (c.Malformed(c.Offset, "i8 constant out of range"))

    let typeIndexOf (o: Output) : int =
        let t = m.TypeIds.Index c
        o.Count32 t
        t

    let brOnCast (o: Output) =
        let target = labels.Read()
        let source = ParserTypes.refType c m
        let cast = ParserTypes.refType c m
        o.Byte((if source.IsNullable then 1 else 0) ||| (if cast.IsNullable then 2 else 0))
        o.Count32 target
        Encoder.heapType o source.Heap
        Encoder.heapType o cast.Heap

    let immediates (o: Output) (row: OpInfo) (at: int) =
        match row.Imm with
        | Imm.None -> ()
        | Imm.Local -> o.Count32(locals.Index c)
        | Imm.Global -> o.Count32(m.Globals.Index c)
        | Imm.Func -> o.Count32(m.Funcs.Index c)
        | Imm.Type -> o.Count32(m.TypeIds.Index c)
        | Imm.Label -> o.Count32(labels.Read())
        | Imm.LabelTable -> labelTable o
        | Imm.Table -> o.Count32(optional m.Tables)
        | Imm.Memory -> o.Count32(optional m.Memories)
        | Imm.MemArg -> memArg o row c.IsIndex
        | Imm.MemArgLane -> memArgLane o row
        | Imm.Lane -> lane o
        | Imm.V128 -> if row.Op = Op.I8x16Shuffle then shuffle o else vector o
        | Imm.Tag -> o.Count32(m.Tags.Index c)
        | Imm.TypeField ->
            let t = typeIndexOf o
            o.Count32((m.FieldsOf t).Index c)
        | Imm.TypeCount ->
            typeIndexOf o |> ignore
            o.Count32(int (c.U32()))
        | Imm.TypeData ->
            typeIndexOf o |> ignore
            usesData.Value <- true
            o.Count32(m.Datas.Index c)
        | Imm.TypeElem ->
            typeIndexOf o |> ignore
            o.Count32(m.Elems.Index c)
        | Imm.Type2 ->
            typeIndexOf o |> ignore
            typeIndexOf o |> ignore
        | Imm.BrOnCast -> brOnCast o
        | Imm.Zero -> o.Byte 0
        | Imm.CallIndirect ->
            let table = optional m.Tables
            o.Count32(ParserTypes.typeIndex c m null)
            o.Count32 table
        | Imm.I32 -> o.Signed(int64 (int32 (uint32 (c.Number("an i32 constant", Numbers.integer 32)))))
        | Imm.I64 -> o.Signed(int64 (c.Number("an i64 constant", Numbers.integer 64)))
        | Imm.F32 -> fixed32 o (c.Number("an f32 constant", Numbers.f32))
        | Imm.F64 -> fixed64 o (c.Number("an f64 constant", Numbers.f64))
        | Imm.Heap -> Encoder.heapType o (ParserTypes.heapType c m)
        | Imm.Data ->
            usesData.Value <- true
            o.Count32(m.Datas.Index c)
        | Imm.DataMemory ->
            usesData.Value <- true
            outerInner o m.Memories m.Datas
        | Imm.Elem -> o.Count32(m.Elems.Index c)
        | Imm.ElemTable -> outerInner o m.Tables m.Elems
        | Imm.Memory2 -> pair o m.Memories
        | Imm.Table2 -> pair o m.Tables
        | _ -> raise (c.Malformed(at, $"the text format does not know the immediates of {row.Name} yet"))

    /// A block's type, and a `try_table`'s clauses.
    member _.Block(o: Output, row: OpInfo) =
        blockType o

        if row.Imm = Imm.TryTable then
            clauses o

    /// What follows the name of a plain instruction, by its row of the opcode table.
    member _.Plain(o: Output, row: OpInfo, at: int) = immediates o row at
