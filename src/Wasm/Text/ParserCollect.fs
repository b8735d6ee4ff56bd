namespace Twofold.Wasm.Text

// The first pass over a module's fields: every identifier gets its index, since fields may be used before they stand.
// In: a Cursor at the first field. Out: Spaces filled; imports after definitions, duplicates and a second start are refused.

open Twofold.Wasm

/// The first pass.
module internal Collect =
    let private spaceOf (m: Spaces) (kind: string) : Space =
        match kind with
        | "func" -> m.Funcs
        | "table" -> m.Tables
        | "memory" -> m.Memories
        | "global" -> m.Globals
        | "tag" -> m.Tags
        | _ -> null

    /// Is there `(word` among the direct parts of a field from here on?
    let private holds (c: Cursor) (finish: int) (word: string) =
        let start = c.Pos
        let mutable found = false

        while not found && c.Pos < finish do
            if c.IsOpen word then found <- true
            elif c.Kind = TokenKind.Open then c.Pos <- c.Partner + 1
            else c.Skip 1

        c.Pos <- start
        found

    let private inlineImport (c: Cursor) =
        let start = c.Pos

        while c.IsOpen "export" do
            c.Pos <- c.Partner + 1

        let found = c.IsOpen "import"
        c.Pos <- start
        found

    let private add (c: Cursor) (space: Space) =
        let offset = c.Offset
        space.Add(c, offset, c.TryId()) |> ignore

    /// Gives indices to all that is defined; `c` stands at the first field and is left at the end.
    let run (c: Cursor) (m: Spaces) =
        let mutable defined: string = null
        let mutable starts = 0

        let import offset =
            if not (isNull defined) then
                raise (c.Malformed(offset, $"import after {defined}"))

        while c.Kind = TokenKind.Open do
            let finish = c.Partner
            let offset = c.Offset

            match c.OpenWord() with
            | "type" ->
                c.Skip 1
                add c m.TypeIds
            | "rec" ->
                c.Need(Feature.Gc, offset, "a recursion group")
                c.Skip 1

                while c.IsOpen "type" do
                    let typeEnd = c.Partner
                    c.Skip 2
                    add c m.TypeIds
                    c.Pos <- typeEnd + 1

                if c.Pos <> finish then
                    raise (c.Unexpected "(type")
            | "import" ->
                import offset
                c.Skip 1
                c.Name() |> ignore
                c.Name() |> ignore
                let kindAt = c.Offset
                let word = c.OpenWord()

                if word = "tag" then
                    c.NeedTags(kindAt, "a tag import")

                match spaceOf m word with
                | null -> raise (c.Unexpected "func, table, memory, global or tag")
                | space ->
                    c.Skip 1
                    add c space
            | "func"
            | "table"
            | "memory"
            | "tag"
            | "global" as word ->
                if word = "tag" then
                    c.NeedTags(offset, "a tag")

                c.Skip 1
                add c (spaceOf m word)

                if inlineImport c then
                    import offset
                else
                    defined <- (if word = "func" then "function" else word)

                    if word = "table" && holds c finish "elem" then
                        m.Elems.Skip 1
                    elif word = "memory" && holds c finish "data" then
                        m.Datas.Skip 1
            | "elem" ->
                c.Skip 1
                add c m.Elems
            | "data" ->
                c.Skip 1
                add c m.Datas
            | "start" ->
                starts <- starts + 1

                if starts > 1 then
                    raise (c.Malformed(offset, "multiple start sections"))
            | "export" -> ()
            | _ -> raise (c.Unexpected "a module field")

            c.Pos <- finish + 1

        if not c.AtEnd then
            raise (c.Unexpected "a module field")
