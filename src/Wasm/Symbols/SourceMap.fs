namespace Twofold.Wasm.Symbols

// Source maps (ECMA-426) of modules, as AssemblyScript and Binaryen write them: one line, whose columns are byte offsets of the binary.
// In: the map's JSON, a file that may be anything. Out: a LineTable; a map that is broken has the places before the damage, or none.

open System
open System.Collections.Generic
open System.Text.Json

module internal SourceMap =
    let private digits =
        let values = Array.create 128 -1
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" |> Seq.iteri (fun i c -> values[int c] <- i)
        values

    /// Segments of the first line: fields by difference, in base 64 with continuation bits.
    let private rows (mappings: string) : LineRow[] =
        let rows = List<LineRow>()
        let fields = Array.zeroCreate<int> 5
        let mutable filled = 0
        let mutable value = 0
        let mutable shift = 0
        let mutable offset = 0
        let mutable file = 0
        let mutable line = 0
        let mutable column = 0
        let mutable at = 0
        let mutable reading = true

        let finish () =
            if filled > 0 then
                offset <- offset + fields[0]

                if filled >= 4 then
                    file <- file + fields[1]
                    line <- line + fields[2]
                    column <- column + fields[3]
                    rows.Add { Offset = offset; File = file; Line = line + 1; Column = column + 1 }
                else
                    rows.Add { Offset = offset; File = -1; Line = 0; Column = 0 }

            filled <- 0

        while reading && at < mappings.Length do
            let c = mappings[at]
            at <- at + 1

            if c = ',' then
                finish ()
            elif c = ';' || int c >= 128 || digits[int c] < 0 || shift > 30 || filled = 5 then
                // Another line means nothing in a binary; anything else is damage.
                reading <- false
            else
                let d = digits[int c]
                value <- value ||| ((d &&& 31) <<< shift)

                if d &&& 32 <> 0 then
                    shift <- shift + 5
                else
                    fields[filled] <- if value &&& 1 <> 0 then -(int (uint32 value >>> 1)) else int (uint32 value >>> 1)
                    filled <- filled + 1
                    value <- 0
                    shift <- 0

        if shift = 0 then
            finish ()

        rows.ToArray()

    let read (json: byte[]) : LineTable =
        try
            use document = JsonDocument.Parse(ReadOnlyMemory json)
            let root = document.RootElement

            let text (e: JsonElement) = if e.ValueKind = JsonValueKind.String then e.GetString() else ""

            let folder =
                match root.TryGetProperty "sourceRoot" with
                | true, e when text e <> "" -> (text e).TrimEnd '/' + "/"
                | _ -> ""

            let files = root.GetProperty("sources").EnumerateArray() |> Seq.map (fun e -> folder + text e) |> Seq.toArray
            LineTable(files, rows (text (root.GetProperty "mappings")))
        with
        | :? JsonException
        | :? KeyNotFoundException
        | :? InvalidOperationException -> LineTable.Empty
