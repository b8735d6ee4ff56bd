namespace Twofold.Wasm.Text

// Tables and memories with their contents, element and data segments (core specification, sections 6.6.5 to 6.6.12).
// In: a Cursor inside a field. Out: items of the table, memory, element and data sections.

open Twofold.Wasm
open Twofold.Wasm.Binary

/// A section's items being written.
[<Sealed>]
type internal Items() =
    let out = Output()
    let mutable count = 0
    member _.Out = out
    member _.Count = count

    /// One more; what it consists of follows.
    member _.Next() =
        count <- count + 1
        out

/// Segments and what is defined together with them.
[<Sealed>]
type internal Segments(c: Cursor, m: Spaces, tables: Items, memories: Items, elems: Items, datas: Items, usesData: bool ref) =
    let none = Space("local", "local")

    let sequence (o: Output) = InstrParser(c, m, none, o, usesData).Sequence()
    let single (o: Output) = InstrParser(c, m, none, o, usesData).Single()

    /// `(offset expr)` or one folded instruction.
    let offsetExpr (o: Output) =
        if c.TryOpen "offset" then
            sequence o
            c.Close()
        else
            single o

    /// Elements as functions if they are written so, else as expressions.
    let funcElements (o: Output) : int =
        let mutable n = 0

        while c.IsIndex do
            o.Count32(m.Funcs.Index c)
            n <- n + 1

        n

    let exprElements (o: Output) : int =
        let mutable n = 0

        while c.Kind = TokenKind.Open do
            if c.TryOpen "item" then
                sequence o
                c.Close()
            else
                single o

            n <- n + 1

        n

    /// Function indices where the element type is none of theirs: written as expressions.
    let funcsAsExprs (o: Output) : int =
        let mutable n = 0

        while c.IsIndex do
            Encoder.op o Op.RefFunc
            o.Count32(m.Funcs.Index c)
            Encoder.op o Op.End
            n <- n + 1

        n

    /// `func x*`, or a reference type and expressions; after a table use or an offset also bare function indices.
    /// `mode` 0 active, 1 passive, 3 declarative; `place` writes table and offset.
    let elemList (mode: int) (bare: bool) (table: int) (offset: Output) =
        let items = Output()
        let o = elems.Next()

        if c.TryWord "func" || (bare && (c.IsIndex || c.Kind = TokenKind.Close)) then
            let n = funcElements items
            // Bit 1 of an active segment: an explicit table and element kind.
            let flags = if mode = 0 && table <> 0 then 2 else mode
            o.Byte flags

            if flags = 2 then
                o.Count32 table

            o.Append offset

            if flags <> 0 then
                o.Byte 0

            o.Count32 n
        else
            let t = ParserTypes.refType c m
            let n = exprElements items
            let plain = table = 0 && t = ValType.FuncRef
            let flags = if mode = 0 && not plain then 6 else mode + 4
            o.Byte flags

            if flags = 6 then
                o.Count32 table

            o.Append offset

            if flags <> 4 then
                Encoder.valType o t

            o.Count32 n

        o.Append items

    let zeroOffset (is64: bool) : Output =
        let o = Output()
        o.Byte(if is64 then 0x42 else 0x41)
        o.Byte 0
        o.Byte 0x0B
        o

    let bytesOf (o: Output) =
        while c.Kind = TokenKind.String do
            o.Bytes(c.String())

    /// Instructions up to the closing parenthesis.
    member _.Sequence(o: Output) = sequence o

    /// An `elem` field, after its word.
    member _.Elem() =
        c.TryId() |> ignore

        if c.TryWord "declare" then
            elemList 3 false 0 (Output())
        elif c.Kind = TokenKind.Open && not (c.IsOpen "ref") || c.IsIndex then
            let mutable bare = true

            let table =
                if c.TryOpen "table" then
                    let t = m.Tables.Index c
                    c.Close()
                    bare <- false
                    t
                elif c.IsIndex then
                    m.Tables.Index c
                else
                    0

            let offset = Output()
            offsetExpr offset
            elemList 0 bare table offset
        else
            elemList 1 false 0 (Output())

    /// `reftype (elem ...)`: a table just as large as its elements, and an active segment.
    member _.InlineElements(index: int, is64: bool) =
        let t = ParserTypes.refType c m

        if not (c.TryOpen "elem") then
            raise (c.Unexpected "(elem")

        let items = Output()
        let asFuncs = t = ValType.FuncRef && c.Kind <> TokenKind.Open

        let n =
            if asFuncs then funcElements items
            elif c.IsIndex then funcsAsExprs items
            else exprElements items

        c.Close()
        let o = elems.Next()
        let plain = index = 0 && t = ValType.FuncRef
        o.Byte((if asFuncs then 0 else 4) + (if plain then 0 else 2))

        if not plain then
            o.Count32 index

        o.Append(zeroOffset is64)

        if not plain then
            if asFuncs then o.Byte 0 else Encoder.valType o t

        o.Count32 n
        o.Append items

        Encoder.tableType (tables.Next()) {
            Element = t
            Limits = { Min = uint64 n; Max = ValueSome(uint64 n); Is64 = is64; Shared = false }
        }

    /// A `data` field, after its word.
    member _.Data() =
        c.TryId() |> ignore
        let o = datas.Next()

        if c.Kind = TokenKind.String || c.Kind = TokenKind.Close then
            o.Byte 1
        else
            let memory =
                if c.TryOpen "memory" then
                    let x = m.Memories.Index c
                    c.Close()
                    x
                elif c.IsIndex then
                    m.Memories.Index c
                else
                    0

            o.Byte(if memory = 0 then 0 else 2)

            if memory <> 0 then
                o.Count32 memory

            offsetExpr o

        let bytes = Output()
        bytesOf bytes
        o.Sized bytes.Span

    /// The strings of `(memory (data ...))`: a memory just as large as they are, and an active segment.
    member _.InlineData(index: int, is64: bool) =
        let bytes = Output()
        bytesOf bytes
        c.Close()
        let pages = (uint64 bytes.Count + 0xFFFFUL) / 0x10000UL
        Encoder.limits (memories.Next()) { Min = pages; Max = ValueSome pages; Is64 = is64; Shared = false }
        let o = datas.Next()
        o.Byte(if index = 0 then 0 else 2)

        if index <> 0 then
            o.Count32 index

        o.Append(zeroOffset is64)
        o.Sized bytes.Span
