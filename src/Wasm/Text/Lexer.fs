namespace Twofold.Wasm.Text

// Characters to tokens (core specification, section 6.3): white space, nested comments and annotations are skipped, everything else is kept by its place.
// In: the text's bytes. Out: Tokens, with the partner of each parenthesis, or the first lexical mistake in the reference interpreter's wording.

open System
open System.Text
open System.Text.Unicode
open Twofold.Wasm

type internal TokenKind =
    | Open = 0
    | Close = 1
    | String = 2
    /// `$name` or `$"name"`.
    | Id = 3
    | Keyword = 4
    /// An integer or float, sign included; `inf` and `nan` without a sign are keywords.
    | Number = 5
    /// After the last one.
    | End = 6

[<Struct; NoEquality; NoComparison>]
type internal Token = { Start: int; Finish: int; Kind: TokenKind }

/// Characters of identifiers and keywords (core 6.3.5).
module internal Chars =
    let private others = "!#$%&'*+-./:<=>?@\\^_`|~"

    let private table =
        Array.init 256 (fun i ->
            let c = char i
            i < 128 && (Char.IsAsciiLetterOrDigit c || others.Contains c))

    let isId (b: byte) = table[int b]
    /// May stand in a reserved token beside identifier characters and strings.
    let isReserved (b: byte) = b = byte ',' || b = byte ';' || b = byte '[' || b = byte ']' || b = byte '{' || b = byte '}'

    let hex (b: byte) : int = if b < 128uy && Char.IsAsciiHexDigit(char b) then Convert.ToInt32(string (char b), 16) else -1

/// The value of a string literal (core 6.3.3).
module internal Literal =
    /// How a string literal ends: where, or what is wrong where.
    [<Struct; RequireQualifiedAccess>]
    type Scan =
        | Closed of finish: int
        | Wrong of at: int * message: string

    /// Looks for the end of the literal that starts at a quotation mark; escapes are looked at by `value`.
    let scan (s: Source) (start: int) : Scan =
        let bytes = s.Bytes
        let mutable i = start + 1
        let mutable result = ValueNone

        while result.IsNone do
            if i >= bytes.Length then
                result <- ValueSome(Scan.Wrong(start, "unclosed string literal"))
            else
                let b = bytes[i]

                if b = byte '"' then
                    result <- ValueSome(Scan.Closed(i + 1))
                elif b = byte '\\' then
                    i <- i + 2
                elif b = 10uy || b = 13uy then
                    result <- ValueSome(Scan.Wrong(i, "unclosed string literal"))
                elif b < 32uy || b = 127uy then
                    result <- ValueSome(Scan.Wrong(i, "illegal control character in string literal"))
                else
                    i <- i + 1

        result.Value

    /// `\u{...}` from the digit after the brace: appends the character, gives the offset after the brace.
    let private unicode (s: Source) (into: ResizeArray<byte>) (escape: int) (first: int) (finish: int) : int =
        let bytes = s.Bytes
        let mutable code = 0
        let mutable i = first

        while i < finish && (Chars.hex bytes[i] >= 0 || (bytes[i] = byte '_' && i > first && Chars.hex bytes[i + 1] >= 0)) do
            if bytes[i] <> byte '_' then
                code <- min 0x110000 (code * 16 + Chars.hex bytes[i])

            i <- i + 1

        if i = first || bytes[i] <> byte '}' || not (Rune.IsValid code) then
            raise (s.Malformed(escape, "illegal escape: a Unicode character is needed"))

        into.AddRange(Encoding.UTF8.GetBytes(Rune(code).ToString()))
        i + 1

    /// The bytes of the literal between two offsets, quotation marks included.
    let value (s: Source) (start: int) (finish: int) : byte[] =
        let bytes = s.Bytes
        let into = ResizeArray<byte>(finish - start)
        let mutable i = start + 1

        while i < finish - 1 do
            if bytes[i] <> byte '\\' then
                into.Add bytes[i]
                i <- i + 1
            else
                match char bytes[i + 1] with
                | 't' -> into.Add 9uy
                | 'n' -> into.Add 10uy
                | 'r' -> into.Add 13uy
                | '"'
                | '\''
                | '\\' -> into.Add bytes[i + 1]
                | _ -> ()

                if bytes[i + 1] = byte 'u' && bytes[i + 2] = byte '{' then
                    i <- unicode s into i (i + 3) finish
                elif "tnr\"'\\".Contains(char bytes[i + 1]) then
                    i <- i + 2
                elif Chars.hex bytes[i + 1] >= 0 && Chars.hex bytes[i + 2] >= 0 then
                    into.Add(byte (Chars.hex bytes[i + 1] * 16 + Chars.hex bytes[i + 2]))
                    i <- i + 3
                else
                    raise (s.Malformed(i, "illegal escape"))

        into.ToArray()

    /// The value as a name, which must be UTF-8.
    let name (s: Source) (start: int) (finish: int) : byte[] =
        let v = value s start finish

        if not (Utf8.IsValid v) then
            raise (s.Malformed(start, "malformed UTF-8 encoding"))

        v

/// A text in tokens.
[<Sealed>]
type internal Tokens(source: Source, tokens: Token[], partners: int[]) =
    let mutable features = Features.All
    let mutable need: exn = null
    member _.Source = source

    /// The features a text may use: all, unless it is asked otherwise.
    member _.Features
        with get () = features
        and set (v: Features) = features <- v

    /// Notes the first use of a feature that is off. The text is read on: a later mistake may show that this is no module at all.
    member _.Need(feature: Feature, offset: int, what: string) =
        if isNull need && not (features.Has feature) then
            need <- source.Refuse(RejectKind.Feature feature, offset, what)

    /// Null, or the refusal of a feature that is off.
    member _.Needed = need
    /// The last one is `End`.
    member _.All = tokens
    /// For each opening parenthesis the index of its closing one.
    member _.Partners = partners

[<Sealed>]
type private Scanner(s: Source) =
    let bytes = s.Bytes
    let tokens = ResizeArray<Token>()
    // Parentheses open within an annotation, its own included; 0: outside.
    let mutable annotation = 0
    let mutable annotationStart = 0
    let mutable pos = 0

    let at i = if i < bytes.Length then bytes[i] else 0uy

    let add kind start =
        if annotation = 0 then
            tokens.Add { Kind = kind; Start = start; Finish = pos }

    let blockComment () =
        let start = pos
        pos <- pos + 2
        let mutable depth = 1

        while depth > 0 do
            if pos >= bytes.Length then
                raise (s.Malformed(start, "unclosed comment"))
            elif bytes[pos] = byte '(' && at (pos + 1) = byte ';' then
                depth <- depth + 1
                pos <- pos + 2
            elif bytes[pos] = byte ';' && at (pos + 1) = byte ')' then
                depth <- depth - 1
                pos <- pos + 2
            else
                pos <- pos + 1

    let skipString () =
        match Literal.scan s pos with
        | Literal.Scan.Closed finish -> pos <- finish
        | Literal.Scan.Wrong(where, message) -> raise (s.Malformed(where, message))

    /// A string right after `$` or `(@`: a character that no string has makes it none, so that the name before it is empty.
    let nameString (start: int) (empty: string) =
        match Literal.scan s pos with
        | Literal.Scan.Closed finish ->
            if finish = pos + 2 then
                raise (s.Malformed(start, empty))

            Literal.name s pos finish |> ignore
            pos <- finish
        | Literal.Scan.Wrong(where, message) when where = pos -> raise (s.Malformed(where, message))
        | Literal.Scan.Wrong _ -> raise (s.Malformed(start, empty))

    let annotationName () =
        let start = pos
        let empty = "empty annotation id"
        pos <- pos + 2

        if at pos = byte '"' then
            nameString start empty
        elif not (Chars.isId (at pos)) then
            raise (s.Malformed(start, empty))

        while Chars.isId (at pos) do
            pos <- pos + 1

    /// A maximal run of identifier characters, strings and reserved characters.
    let run () =
        let start = pos
        let mutable strings = 0
        let mutable reserved = false
        let mutable go = true

        if annotation = 0 && at pos = byte '$' && at (pos + 1) = byte '"' then
            pos <- pos + 1
            nameString start "empty identifier"
            strings <- 1

        while go && pos < bytes.Length do
            let b = bytes[pos]

            if Chars.isId b then
                reserved <- reserved || strings > 0
                pos <- pos + 1
            elif b = byte '"' then
                reserved <- reserved || strings > 0 || pos > start
                skipString ()
                strings <- strings + 1
            elif b = byte ';' && at (pos + 1) = byte ';' then
                go <- false
            elif Chars.isReserved b then
                reserved <- true
                pos <- pos + 1
            else
                go <- false

        if annotation = 0 then
            let first = bytes[start]

            if reserved then
                raise (s.Malformed(start, $"unknown operator {s.Ascii(start, pos)}"))
            elif first = byte '"' then
                add TokenKind.String start
            elif first = byte '$' then
                if pos = start + 1 then
                    raise (s.Malformed(start, "empty identifier"))

                add TokenKind.Id start
            elif Char.IsAsciiLetterLower(char first) then
                add TokenKind.Keyword start
            elif Numbers.isNumber (ReadOnlySpan(bytes, start, pos - start)) then
                add TokenKind.Number start
            else
                raise (s.Malformed(start, $"unknown operator {s.Ascii(start, pos)}"))

    member private _.Step() =
        let start = pos

        match char bytes[pos] with
        | ' '
        | '\t'
        | '\n'
        | '\r' -> pos <- pos + 1
        | '(' when at (pos + 1) = byte ';' -> blockComment ()
        // Within an annotation `(@` is a parenthesis like any other.
        | '(' when annotation = 0 && at (pos + 1) = byte '@' ->
            annotationName ()
            annotationStart <- start
            annotation <- 1
        | '(' ->
            pos <- pos + 1

            if annotation > 0 then annotation <- annotation + 1 else add TokenKind.Open start
        | ')' ->
            pos <- pos + 1

            if annotation > 0 then annotation <- annotation - 1 else add TokenKind.Close start
        | ';' when at (pos + 1) = byte ';' ->
            while pos < bytes.Length && bytes[pos] <> 10uy && bytes[pos] <> 13uy do
                pos <- pos + 1
        | c when c = '"' || Chars.isId bytes[pos] || Chars.isReserved bytes[pos] -> run ()
        | _ -> raise (s.Malformed(pos, "illegal character"))

    member private _.Partners() =
        let partners = Array.create tokens.Count -1
        let opened = System.Collections.Generic.Stack<int>()

        for i in 0 .. tokens.Count - 1 do
            match tokens[i].Kind with
            | TokenKind.Open -> opened.Push i
            | TokenKind.Close ->
                if opened.Count = 0 then
                    raise (s.Malformed(tokens[i].Start, "unexpected token: a closing parenthesis without its opening one"))

                partners[opened.Pop()] <- i
            | _ -> ()

        if opened.Count > 0 then
            raise (s.Malformed(tokens[opened.Peek()].Start, "unexpected token: an opening parenthesis that is never closed"))

        partners

    member this.Run() : Tokens =
        if not (Utf8.IsValid bytes) then
            let mutable i = 0
            let mutable rune = Rune()
            let mutable used = 0

            while Rune.DecodeFromUtf8(ReadOnlySpan(bytes, i, bytes.Length - i), &rune, &used) = Buffers.OperationStatus.Done do
                i <- i + used

            raise (s.Malformed(i, "malformed UTF-8 encoding"))

        while pos < bytes.Length do
            this.Step()

        if annotation > 0 then
            raise (s.Malformed(annotationStart, "unclosed annotation"))

        add TokenKind.End pos
        Tokens(s, tokens.ToArray(), this.Partners())

module internal Lexer =
    let run (s: Source) : Tokens = Scanner(s).Run()
