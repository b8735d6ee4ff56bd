namespace Twofold.Wasm.Symbols

// Line programs of DWARF 2 to 5 (section 6.2 of the DWARF standard) as WebAssembly has them: in the custom section `.debug_line`, addresses counted from
// the start of the code section's contents. No library that reads them restores here.
// In: the sections' bytes, guests' like everything in a module: what does not parse ends the reading and keeps what came before. Out: a LineTable.

open System
open System.Buffers.Binary
open System.Collections.Generic
open System.IO
open System.Text

/// Bytes that are read once, from front to back; reading beyond their end is the end of them.
[<Sealed>]
type private Bytes(all: byte[], start: int, last: int) =
    let mutable at = start
    static member val Over = EndOfStreamException() :> exn
    member _.At = at
    member _.Last = last
    member _.Done = at >= last

    member _.Take(n: int) : ReadOnlySpan<byte> =
        if n < 0 || n > last - at then
            raise Bytes.Over

        at <- at + n
        ReadOnlySpan(all, at - n, n)


    member this.Skip(n: int) =
        let _ = this.Take n
        ()

    member this.Byte() = int ((this.Take 1)[0])
    member this.U16() = int (BinaryPrimitives.ReadUInt16LittleEndian(this.Take 2))
    member this.U32() = int64 (BinaryPrimitives.ReadUInt32LittleEndian(this.Take 4))
    member this.U64() = BinaryPrimitives.ReadInt64LittleEndian(this.Take 8)
    /// An offset or length: 4 bytes, or 8 in the 64-bit form.
    member this.Word(wide: bool) = if wide then this.U64() else this.U32()

    member this.Unsigned() : int64 =
        let mutable value = 0L
        let mutable shift = 0
        let mutable more = true

        while more do
            let b = this.Byte()

            if shift < 63 then
                value <- value ||| (int64 (b &&& 0x7F) <<< shift)

            shift <- shift + 7
            more <- b &&& 0x80 <> 0

        value

    member this.Signed() : int64 =
        let mutable value = 0L
        let mutable shift = 0
        let mutable more = true

        while more do
            let b = this.Byte()

            if shift < 64 then
                value <- value ||| (int64 (b &&& 0x7F) <<< shift)

            shift <- shift + 7
            more <- b &&& 0x80 <> 0

            if not more && b &&& 0x40 <> 0 && shift < 64 then
                value <- value ||| (-1L <<< shift)

        value

    /// A length that must fit into what is left.
    member this.Length(n: int64) : int =
        if n < 0L || n > int64 (last - at) then
            raise Bytes.Over

        int n

    /// Text up to a zero byte.
    member this.Text() : string =
        let rest = ReadOnlySpan(all, at, last - at)
        let n = rest.IndexOf 0uy

        if n < 0 then
            raise Bytes.Over

        at <- at + n + 1
        Encoding.UTF8.GetString(rest.Slice(0, n))

    member this.Part(n: int64) : Bytes =
        let n = this.Length n
        at <- at + n
        Bytes(all, at - n, at)

/// Where a section's contents are in the module.
[<Struct>]
type internal SectionRange = { Start: int; Length: int }

module internal DebugLines =
    /// Rows kept of one module: 64 MB of memory. The largest module with line programs that we have seen has 400,000.
    [<Literal>]
    let private MaxRows = 4_000_000

    /// One unit's files, by the number that its program uses.
    type private Header = {
        MinLength: int
        MaxOps: int
        LineBase: int
        LineRange: int
        /// Operand counts of the standard opcodes, from opcode 1.
        Operands: int[]
        Files: List<string>
    }

    let private absolute (name: string) = name.StartsWith '/' || (name.Length > 2 && name[1] = ':')

    /// Folder 0 is the one the compiler ran in: left out, so that names do not depend on whose machine that was.
    let private joined (folders: List<string>) (folder: int) (name: string) =
        if absolute name || folder <= 0 || folder >= folders.Count then name
        elif folders[folder].EndsWith '/' then folders[folder] + name
        else folders[folder] + "/" + name

    let private readFour (b: Bytes) (files: List<string>) =
        let folders = List<string>([ "" ])
        let mutable name = b.Text()

        while name <> "" do
            folders.Add name
            name <- b.Text()

        // Files count from 1.
        files.Add ""
        name <- b.Text()

        while name <> "" do
            let folder = int (b.Unsigned())
            b.Unsigned() |> ignore
            b.Unsigned() |> ignore
            files.Add(joined folders folder name)
            name <- b.Text()

    /// A value of an entry of DWARF 5: text, or a number.
    let private form (b: Bytes) (wide: bool) (text: int64 -> bool -> string) (code: int64) : struct (string * int64) =
        match code with
        | 0x08L -> struct (b.Text(), 0L)
        | 0x1FL -> struct (text (b.Word wide) true, 0L)
        | 0x0EL -> struct (text (b.Word wide) false, 0L)
        | 0x0BL -> struct ("", int64 (b.Byte()))
        | 0x05L -> struct ("", int64 (b.U16()))
        | 0x06L -> struct ("", b.U32())
        | 0x07L -> struct ("", b.U64())
        | 0x0FL -> struct ("", b.Unsigned())
        | 0x1EL ->
            b.Skip 16
            struct ("", 0L)
        | 0x09L ->
            b.Skip(b.Length(b.Unsigned()))
            struct ("", 0L)
        | _ -> raise Bytes.Over

    let private readFive (b: Bytes) (wide: bool) (text: int64 -> bool -> string) (files: List<string>) =
        let entries () : struct (string * int)[] =
            let formats = Array.init (b.Byte()) (fun _ -> struct (b.Unsigned(), b.Unsigned()))
            // Each entry takes a byte at least, if it has any format at all.
            let count =
                if formats.Length = 0 then
                    b.Unsigned() |> ignore
                    0
                else
                    b.Length(b.Unsigned())

            Array.init count (fun _ ->
                let mutable name = ""
                let mutable folder = 0

                for struct (content, code) in formats do
                    let struct (t, n) = form b wide text code

                    if content = 1L then
                        name <- t
                    elif content = 2L then
                        folder <- int n

                struct (name, folder))

        let folders = List<string>()

        for struct (name, _) in entries () do
            folders.Add name

        for struct (name, folder) in entries () do
            files.Add(joined folders folder name)

    let private header (b: Bytes) (wide: bool) (text: int64 -> bool -> string) : struct (Header * Bytes) =
        let version = b.U16()

        if version < 2 || version > 5 then
            raise Bytes.Over

        if version = 5 then
            b.Skip 2

        let length = b.Length(b.Word wide)
        let program = b.At + length
        let minLength = b.Byte()
        let maxOps = if version >= 4 then max 1 (b.Byte()) else 1
        b.Skip 1
        let lineBase = int (sbyte (b.Byte()))
        let lineRange = max 1 (b.Byte())
        let operands = Array.init (max 0 (b.Byte() - 1)) (fun _ -> b.Byte())
        let files = List<string>()

        if version = 5 then readFive b wide text files else readFour b files

        b.Skip(program - b.At)

        struct ({
                    MinLength = minLength
                    MaxOps = maxOps
                    LineBase = lineBase
                    LineRange = lineRange
                    Operands = operands
                    Files = files
                },
                b)

    /// Runs one unit's program. `emit` takes address, file (-1: the sequence ends here), line, column.
    let private run (h: Header) (b: Bytes) (emit: int64 -> int -> int -> int -> unit) =
        let mutable address = 0L
        let mutable op = 0
        let mutable file = 1
        let mutable line = 1
        let mutable column = 0

        let restart () =
            address <- 0L
            op <- 0
            file <- 1
            line <- 1
            column <- 0

        let advance (n: int64) =
            if h.MaxOps = 1 then
                address <- address + int64 h.MinLength * n
            else
                let all = int64 op + n
                address <- address + int64 h.MinLength * (all / int64 h.MaxOps)
                op <- int (all % int64 h.MaxOps)

        while not b.Done do
            let code = b.Byte()

            if code > h.Operands.Length then
                let special = code - h.Operands.Length - 1
                advance (int64 (special / h.LineRange))
                line <- line + h.LineBase + special % h.LineRange
                emit address file line column
            else
                match code with
                | 0 ->
                    let part = b.Part(b.Unsigned())

                    if not part.Done then
                        match part.Byte() with
                        | 1 ->
                            emit address -1 0 0
                            restart ()
                        | 2 ->
                            address <- if part.Last - part.At >= 8 then part.U64() else part.U32()
                            op <- 0
                        | 3 -> h.Files.Add(part.Text())
                        | _ -> ()
                | 1 -> emit address file line column
                | 2 -> advance (b.Unsigned())
                | 3 -> line <- line + int (b.Signed())
                | 4 -> file <- int (b.Unsigned())
                | 5 -> column <- int (b.Unsigned())
                | 8 -> advance (int64 ((255 - h.Operands.Length - 1) / h.LineRange))
                | 9 ->
                    address <- address + int64 (b.U16())
                    op <- 0
                | 6
                | 7
                | 10
                | 11 -> ()
                | 12 -> b.Unsigned() |> ignore
                | other ->
                    for _ in 1 .. h.Operands[other - 1] do
                        b.Unsigned() |> ignore

    /// `code`: where the code section's contents begin. `lines`: `.debug_line`; `texts`, `strings`: `.debug_line_str`, `.debug_str`, empty when absent.
    let read (modul: byte[]) (code: int) (lines: SectionRange) (texts: SectionRange) (strings: SectionRange) : LineTable =
        let files = List<string>()
        let rows = List<LineRow>()
        // One sequence after another: it counts only when it is whole, and not one of a function that the linker dropped (they are left at address 0).
        let sequence = List<LineRow>()

        let text (at: int64) (ofLines: bool) =
            let r = if ofLines then texts else strings

            if at < 0L || at > int64 r.Length then
                raise Bytes.Over

            Bytes(modul, r.Start + int at, r.Start + r.Length).Text()

        let all = Bytes(modul, lines.Start, lines.Start + lines.Length)

        try
            while not all.Done && rows.Count < MaxRows do
                let first = all.U32()
                let wide = first = 0xFFFFFFFFL
                let unit = all.Part(if wide then all.U64() else first)
                sequence.Clear()
                let known = files.Count
                let mutable count = 0

                try
                    let struct (h, program) = header unit wide text

                    try
                        run h program (fun address file line column ->
                            let offset = address + int64 code

                            if address >= 0L && offset <= int64 modul.Length then
                                let file = if file >= 0 then known + file else -1
                                sequence.Add { Offset = int offset; File = file; Line = line; Column = column }

                            if file < 0 then
                                if sequence.Count > 0 && sequence[0].Offset > code && rows.Count + sequence.Count <= MaxRows then
                                    rows.AddRange sequence

                                sequence.Clear()

                            count <- count + 1

                            if count > MaxRows then
                                raise Bytes.Over)
                    finally
                        files.AddRange h.Files
                with :? EndOfStreamException ->
                    // A unit that does not parse: the next one may.
                    ()
        with :? EndOfStreamException ->
            ()

        LineTable(files.ToArray(), rows.ToArray())
