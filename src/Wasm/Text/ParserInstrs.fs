namespace Twofold.Wasm.Text

// Instructions (core specification, sections 6.5 and 6.6.10), plain and folded, straight to the binary format's bytes.
// In: a Cursor, the module's index spaces, a function's locals. Out: bytes in an Output. One loop with its own stack: nesting costs no native stack.
//
//   (if (local.get 0) (then nop))        frame If, then Folded for local.get (its bytes wait for the parenthesis), then Arm; bytes: local.get, if, nop, end

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

/// What is open.
type private Shape =
    /// A folded plain instruction: operands come first, its bytes at the closing parenthesis.
    | Folded = 0
    /// A folded block or loop.
    | Block = 1
    /// A folded `if`: operands, then its bytes, then one or two arms.
    | If = 2
    /// `(then ...)` or `(else ...)`.
    | Arm = 3
    /// A block that `end` or `delegate` closes.
    | Flat = 4
    /// A folded `try` of the legacy proposal: `(do ...)`, then `(catch x ...)`, `(catch_all ...)` or `(delegate l)`.
    | Try = 5

[<NoComparison; NoEquality>]
type private Frame = {
    Shape: Shape
    /// Bytes that wait: of a folded instruction or `if`.
    Held: byte[]
    Label: string
    /// What opened it: If and Try take further arms.
    Op: Op
    /// For If: arms so far. For Try: 0 before `do`, 1 after it, 2 after a `catch`, 3 when nothing more may come, 4 closed by `delegate`.
    mutable Arms: int
}

/// Parses the expressions of one function, or one constant expression.
[<Sealed>]
type internal InstrParser(c: Cursor, m: Spaces, locals: Space, out: Output, usesData: bool ref) =
    let frames = Stack<Frame>()
    let labels = Dictionary<string, Stack<int>>()
    let mutable depth = 0
    let scratch = Output()

    let pushLabel (name: string) =
        if not (isNull name) then
            match labels.TryGetValue name with
            | true, s -> s.Push depth
            | _ -> labels[name] <- Stack [ depth ]

        depth <- depth + 1

    let popLabel (name: string) =
        if not (isNull name) then
            labels[name].Pop() |> ignore

        depth <- depth - 1

    let label () : int =
        if c.Kind = TokenKind.Id then
            let offset = c.Offset
            let name = c.TryId()

            match labels.TryGetValue name with
            | true, s when s.Count > 0 -> depth - 1 - s.Peek()
            | _ -> raise (c.Malformed(offset, $"unknown label ${name}"))
        else
            int (c.U32())

    /// The identifier after a flat `else` or `end`: it may repeat the block's, nothing else.
    let closing (f: Frame) =
        let offset = c.Offset
        let name = c.TryId()

        if not (isNull name) && name <> f.Label then
            raise (c.Malformed(offset, $"mismatching label ${name}"))

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
        all.Add(label ())

        while c.IsIndex do
            all.Add(label ())

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

                all.Count32(label ())
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
        let target = label ()
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
        | Imm.Label -> o.Count32(label ())
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

    /// A plain instruction, its name at the next token.
    let plain (o: Output) (row: OpInfo) =
        let at = c.Offset
        c.Skip 1
        row.Feature |> ValueOption.iter (fun f -> c.Need(f, at, row.Name))

        if row.Op = Op.Select && c.IsOpen "result" then
            Encoder.op o Op.SelectT
            Encoder.valTypes o (ParserTypes.signature c m null).Results
        elif row.Op = Op.RefTest || row.Op = Op.RefCast then
            let t = ParserTypes.refType c m
            // The row after each is its twin for nullable types.
            Encoder.op o (if t.IsNullable then row.Op + 1us else row.Op)
            Encoder.heapType o t.Heap
        else
            Encoder.op o row.Op
            immediates o row at

    /// A label and block type after `block`, `loop` or `if`; the label is not in scope yet.
    let header (o: Output) (row: OpInfo) : string =
        row.Feature |> ValueOption.iter (fun f -> c.Need(f, c.Offset, row.Name))
        c.Skip 1
        let name = c.TryId()
        Encoder.op o row.Op
        blockType o

        if row.Imm = Imm.TryTable then
            clauses o

        name

    /// The row of the operator at the next token.
    let operator () : OpInfo =
        let text = c.Text

        match Words.tryOperator text with
        | ValueSome row when row.Op <> Op.Else && row.Op <> Op.End && row.Op <> Op.Catch && row.Op <> Op.CatchAll && row.Op <> Op.Delegate ->
            row
        | _ -> raise (c.Unexpected "an instruction")

    let isBlock (row: OpInfo) = row.Imm = Imm.Block || row.Imm = Imm.TryTable

    let held () =
        let bytes = scratch.ToArray()
        scratch.Clear()
        bytes

    let push shape op bytes name = frames.Push { Shape = shape; Held = bytes; Label = name; Op = op; Arms = 0 }

    let catchTag () =
        Encoder.op out Op.Catch
        out.Count32(m.Tags.Index c)

    /// `delegate l` closes its `try`; the label is looked up outside of it.
    let delegateTo (f: Frame) =
        popLabel f.Label
        Encoder.op out Op.Delegate
        out.Count32(label ())

    /// `(do`, `(catch x`, `(catch_all` or `(delegate l)` of a folded `try`; false when something else stands there.
    let tryArm (top: Frame) : bool =
        if top.Arms = 0 && c.TryOpen "do" then
            top.Arms <- 1
            push Shape.Arm Op.Try null null
            true
        elif (top.Arms = 1 || top.Arms = 2) && c.TryOpen "catch" then
            catchTag ()
            top.Arms <- 2
            push Shape.Arm Op.Try null null
            true
        elif (top.Arms = 1 || top.Arms = 2) && c.TryOpen "catch_all" then
            Encoder.op out Op.CatchAll
            top.Arms <- 3
            push Shape.Arm Op.Try null null
            true
        elif top.Arms = 1 && c.TryOpen "delegate" then
            delegateTo top
            c.Close()
            top.Arms <- 4
            true
        else
            false

    /// `(`: an operand, a folded block, or an arm of an `if`.
    let opened () =
        let top = if frames.Count > 0 then frames.Peek() else Unchecked.defaultof<_>
        let inIf = frames.Count > 0 && top.Shape = Shape.If

        if inIf && top.Arms = 0 && c.IsOpen "then" then
            c.Skip 2
            out.Bytes top.Held
            pushLabel top.Label
            top.Arms <- 1
            push Shape.Arm Op.If null null
        elif inIf && top.Arms = 1 && c.IsOpen "else" then
            c.Skip 2
            Encoder.op out Op.Else
            top.Arms <- 2
            push Shape.Arm Op.If null null
        elif inIf && top.Arms > 0 then
            c.Skip 1
            raise (c.Unexpected "(else or )")
        elif frames.Count > 0 && top.Shape = Shape.Try then
            if not (tryArm top) then
                c.Skip 1
                raise (c.Unexpected "(do, (catch, (catch_all, (delegate or )")
        else
            c.OpenWord() |> ignore
            let row = operator ()

            if row.Op = Op.If then
                let name = header scratch row
                push Shape.If row.Op (held ()) name
            elif isBlock row then
                let name = header out row
                pushLabel name
                push (if row.Op = Op.Try then Shape.Try else Shape.Block) row.Op null name
            else
                plain scratch row
                push Shape.Folded row.Op (held ()) null

    let closed () =
        let f = frames.Pop()

        match f.Shape with
        | Shape.Folded -> out.Bytes f.Held
        | Shape.Block ->
            Encoder.op out Op.End
            popLabel f.Label
        | Shape.If ->
            if f.Arms = 0 then
                raise (c.Unexpected "(then")

            Encoder.op out Op.End
            popLabel f.Label
        | Shape.Try ->
            if f.Arms = 0 then
                raise (c.Unexpected "(do")

            if f.Arms < 4 then
                Encoder.op out Op.End
                popLabel f.Label
        | Shape.Arm -> ()
        | _ -> raise (c.Unexpected "end")

        c.Skip 1

    /// A word outside parentheses.
    let word () =
        let isFlat = frames.Count > 0 && frames.Peek().Shape = Shape.Flat

        // The open `if` or `try`, when it is one.
        let isOpen (op: Op) = isFlat && frames.Peek().Op = op

        if frames.Count > 0 && (let shape = frames.Peek().Shape in shape = Shape.Folded || shape = Shape.If || shape = Shape.Try) then
            raise (c.Unexpected "( or )")
        elif isFlat && c.IsWord "end" then
            c.Skip 1
            let f = frames.Pop()
            closing f
            Encoder.op out Op.End
            popLabel f.Label
        elif isOpen Op.Try && frames.Peek().Arms < 3 && c.TryWord "catch" then
            catchTag ()
            frames.Peek().Arms <- 2
        elif isOpen Op.Try && frames.Peek().Arms < 3 && c.TryWord "catch_all" then
            Encoder.op out Op.CatchAll
            frames.Peek().Arms <- 3
        elif isOpen Op.Try && frames.Peek().Arms = 0 && c.TryWord "delegate" then
            delegateTo (frames.Pop())
        elif isOpen Op.If && c.IsWord "else" && frames.Peek().Arms = 0 then
            c.Skip 1
            let f = frames.Peek()
            closing f
            f.Arms <- 1
            Encoder.op out Op.Else
        else
            let row = operator ()

            if isBlock row then
                let name = header out row
                pushLabel name
                push Shape.Flat row.Op null name
            else
                plain out row

    let step () =
        match c.Kind with
        | TokenKind.Open -> opened ()
        | TokenKind.Keyword -> word ()
        | TokenKind.Close when frames.Count > 0 -> closed ()
        | _ -> raise (c.Unexpected "an instruction")

    /// All instructions up to the closing parenthesis of what holds them, and the final `end`.
    member _.Sequence() =
        pushLabel null

        while frames.Count > 0 || c.Kind <> TokenKind.Close do
            step ()

        popLabel null
        Encoder.op out Op.End

    /// One folded instruction, and `end`: the short form of offsets and items.
    member _.Single() =
        pushLabel null

        if c.Kind <> TokenKind.Open then
            raise (c.Unexpected "(")

        step ()

        while frames.Count > 0 do
            step ()

        popLabel null
        Encoder.op out Op.End
