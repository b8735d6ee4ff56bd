namespace Twofold.Wasm.Text

// Modules (core specification, section 6.6): fields to sections, all abbreviations undone.
// In: a Cursor over the fields. Out: the binary format's bytes.
// Two passes: the first gives every identifier its index, since fields may be used before they stand; the second writes.

open System.Text
open Twofold.Wasm

/// The second pass.
[<Sealed>]
type private Writer(c: Cursor, m: Spaces, moduleName: string) =
    let imports, functions, tables, memories = Items(), Items(), Items(), Items()
    let tags, globals, exports, elems, code, datas = Items(), Items(), Items(), Items(), Items(), Items()
    let mutable start = ValueNone
    let usesData = ref false
    let localNames = ResizeArray<struct (int * Space)>()
    // The next index of each kind.
    let mutable nextFunc = 0
    let mutable nextTable = 0
    let mutable nextMemory = 0
    let mutable nextGlobal = 0
    let mutable nextTag = 0
    let segments = Segments(c, m, tables, memories, elems, datas, usesData)

    let export (kind: int) (index: int) =
        while c.TryOpen "export" do
            let o = exports.Next()
            o.Sized(c.Name())
            o.Byte kind
            o.Count32 index
            c.Close()

    /// `(import "m" "n")` inside a definition.
    let tryImport () : bool =
        let found = c.TryOpen "import"

        if found then
            let o = imports.Next()
            o.Sized(c.Name())
            o.Sized(c.Name())
            c.Close()

        found

    let funcImport (o: Output) =
        o.Byte 0
        // Parameters may have names; they must differ.
        o.Count32(ParserTypes.typeIndex c m (Space("local", "local")))

    let tableImport (o: Output) =
        o.Byte 1
        let is64 = ParserTypes.addressType c
        Encoder.tableType o (ParserTypes.tableType c m is64)

    let memoryImport (o: Output) =
        o.Byte 2
        let is64 = ParserTypes.addressType c
        Encoder.limits o (ParserTypes.limits c is64)

    let globalImport (o: Output) =
        o.Byte 3
        Encoder.globalType o (ParserTypes.globalType c m)

    let tagType (o: Output) =
        o.Byte 0
        o.Count32(ParserTypes.typeIndex c m (Space("local", "local")))

    let tagImport (o: Output) =
        o.Byte 4
        tagType o

    let importField () =
        let o = imports.Next()
        o.Sized(c.Name())
        o.Sized(c.Name())
        let word = c.OpenWord()
        c.Skip 1
        c.TryId() |> ignore

        match word with
        | "func" ->
            nextFunc <- nextFunc + 1
            funcImport o
        | "table" ->
            nextTable <- nextTable + 1
            tableImport o
        | "memory" ->
            nextMemory <- nextMemory + 1
            memoryImport o
        | "tag" ->
            nextTag <- nextTag + 1
            tagImport o
        | _ ->
            nextGlobal <- nextGlobal + 1
            globalImport o

        c.Close()

    /// Local declarations, runs of one type together (core 5.5.13).
    let declareLocals (o: Output) (locals: Space) =
        let groups = ResizeArray<struct (ValType * int)>()

        let add (t: ValType) =
            if groups.Count > 0 && (let struct (last, _) = groups[groups.Count - 1] in last = t) then
                let struct (_, n) = groups[groups.Count - 1]
                groups[groups.Count - 1] <- struct (t, n + 1)
            else
                groups.Add(struct (t, 1))

        while c.TryOpen "local" do
            if c.Kind = TokenKind.Id then
                let offset = c.Offset
                locals.Add(c, offset, c.TryId()) |> ignore
                add (ParserTypes.valType c m)
            else
                while c.Kind <> TokenKind.Close do
                    add (ParserTypes.valType c m)
                    locals.Skip 1

            c.Close()

        o.Count32 groups.Count

        for struct (t, n) in groups do
            o.Count32 n
            Encoder.valType o t

    let funcField () =
        let index = nextFunc
        nextFunc <- nextFunc + 1
        c.TryId() |> ignore
        export 0 index

        if tryImport () then
            funcImport imports.Out
        else
            let locals = Space("local", "local")
            functions.Next().Count32(ParserTypes.typeIndex c m locals)
            let body = Output()
            declareLocals body locals
            InstrParser(c, m, locals, body, usesData).Sequence()
            code.Next().Sized body.Span

            if locals.Named.Count > 0 then
                localNames.Add(struct (index, locals))

    let tableField () =
        let index = nextTable
        nextTable <- nextTable + 1
        c.TryId() |> ignore
        export 1 index

        if tryImport () then
            tableImport imports.Out
        else
            let is64 = ParserTypes.addressType c

            if c.Kind <> TokenKind.Number then
                segments.InlineElements(index, is64)
            else
                let t = ParserTypes.tableType c m is64
                let o = tables.Next()

                if c.Kind = TokenKind.Close then
                    Encoder.tableType o t
                else
                    c.Need(Feature.FunctionReferences, c.Offset, "a table with an initial value")
                    o.Byte 0x40
                    o.Byte 0
                    Encoder.tableType o t
                    segments.Sequence o

    let memoryField () =
        let index = nextMemory
        nextMemory <- nextMemory + 1
        c.TryId() |> ignore
        export 2 index

        if tryImport () then
            memoryImport imports.Out
        else
            let is64 = ParserTypes.addressType c

            if c.TryOpen "data" then
                segments.InlineData(index, is64)
            else
                Encoder.limits (memories.Next()) (ParserTypes.limits c is64)

    let globalField () =
        let index = nextGlobal
        nextGlobal <- nextGlobal + 1
        c.TryId() |> ignore
        export 3 index

        if tryImport () then
            globalImport imports.Out
        else
            let o = globals.Next()
            Encoder.globalType o (ParserTypes.globalType c m)
            segments.Sequence o

    let tagField () =
        let index = nextTag
        nextTag <- nextTag + 1
        c.TryId() |> ignore
        export 4 index
        if tryImport () then tagImport imports.Out else tagType (tags.Next())

    let exportField () =
        let name = c.Name()
        let kindAt = c.Offset
        let word = c.OpenWord()

        if word = "tag" then
            c.NeedTags(kindAt, "a tag export")

        let kind, space =
            match word with
            | "func" -> 0, m.Funcs
            | "table" -> 1, m.Tables
            | "memory" -> 2, m.Memories
            | "global" -> 3, m.Globals
            | "tag" -> 4, m.Tags
            | _ -> raise (c.Unexpected "func, table, memory, global or tag")

        c.Skip 1
        let o = exports.Next()
        o.Sized name
        o.Byte kind
        o.Count32(space.Index c)
        c.Close()

    member private _.Field(word: string) =
        match word with
        | "type"
        | "rec" -> () // the types came first
        | "import" -> importField ()
        | "func" -> funcField ()
        | "table" -> tableField ()
        | "memory" -> memoryField ()
        | "global" -> globalField ()
        | "tag" -> tagField ()
        | "export" -> exportField ()
        | "start" -> start <- ValueSome(m.Funcs.Index c)
        | "elem" -> segments.Elem()
        | _ -> segments.Data()

    /// Runs over all fields; types alone if asked so.
    member this.Fields(typesOnly: bool) =
        while c.Kind = TokenKind.Open do
            let finish = c.Partner
            let word = c.OpenWord()
            c.Skip 1

            if typesOnly && word = "type" then
                c.TryId() |> ignore
                ParserTypes.definition c m
                m.EndGroup 1
            elif typesOnly && word = "rec" then
                let before = m.Types.Count

                while c.TryOpen "type" do
                    c.TryId() |> ignore
                    ParserTypes.definition c m
                    c.Close()

                m.EndGroup(m.Types.Count - before)
            elif not typesOnly && word <> "type" && word <> "rec" then
                this.Field word
            else
                c.Pos <- finish

            c.Close()

    /// The `name` section (appendix 7.4.1): the module, functions, locals.
    member private _.Names() : Output =
        let o = Output()
        let names = Output()

        let subsection (id: int) =
            o.Byte id
            o.Sized names.Span
            names.Clear()

        let namesOf (space: Space) =
            names.Count32 space.Named.Count

            for struct (index, name) in space.Named do
                names.Count32 index
                names.Sized(Encoding.UTF8.GetBytes name)

        if not (isNull moduleName) then
            names.Sized(Encoding.UTF8.GetBytes moduleName)
            subsection 0

        if m.Funcs.Named.Count > 0 then
            namesOf m.Funcs
            subsection 1

        if localNames.Count > 0 then
            names.Count32 localNames.Count

            for struct (index, space) in localNames do
                names.Count32 index
                namesOf space

            subsection 2

        o

    member this.Finish() : byte[] =
        let o = Output()
        Encoder.preamble o
        let types = Output()

        Encoder.types types m
        Encoder.section o 1 m.Groups.Count types
        Encoder.section o 2 imports.Count imports.Out
        Encoder.section o 3 functions.Count functions.Out
        Encoder.section o 4 tables.Count tables.Out
        Encoder.section o 5 memories.Count memories.Out
        Encoder.section o 13 tags.Count tags.Out
        Encoder.section o 6 globals.Count globals.Out
        Encoder.section o 7 exports.Count exports.Out

        let sized (id: int) (content: Output) =
            o.Byte id
            o.Sized content.Span

        match start with
        | ValueSome f ->
            let content = Output()
            content.Count32 f
            sized 8 content
        | ValueNone -> ()

        Encoder.section o 9 elems.Count elems.Out

        // Only code that names data segments needs their count first (core 5.5.16).
        if usesData.Value then
            let content = Output()
            content.Count32 datas.Count
            sized 12 content

        Encoder.section o 10 code.Count code.Out
        Encoder.section o 11 datas.Count datas.Out
        let names = this.Names()

        if names.Count > 0 then
            let content = Output()
            content.Sized(Encoding.UTF8.GetBytes "name")
            content.Append names
            sized 0 content

        o.ToArray()

module internal ParserModule =
    /// The fields from the cursor to its end.
    let fields (c: Cursor) (moduleName: string) : byte[] =
        let m = Spaces()
        let first = c.Pos
        Collect.run c m
        let w = Writer(c, m, moduleName)
        c.Pos <- first
        w.Fields true
        c.Pos <- first
        w.Fields false
        let bytes = w.Finish()

        if not (isNull c.Tokens.Needed) then
            raise c.Tokens.Needed

        bytes

    /// A whole text: `(module $id? field*)`, or the fields alone.
    let run (c: Cursor) : byte[] =
        if c.IsOpen "module" then
            let finish = c.Partner
            c.Skip 2
            let name = c.TryId()
            let bytes = fields (Cursor(c.Tokens, c.Pos, finish)) name
            c.Pos <- finish + 1

            if not c.AtEnd then
                raise (c.Unexpected "the end of the text")

            bytes
        else
            fields c null
