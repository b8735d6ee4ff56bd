namespace Twofold.Wasm.Text

// A place in a text's tokens, and the small questions a parser asks there.
// In: Tokens and a range of them. Out: values of tokens; what does not fit is refused with its line and column.

open System
open System.Text
open Twofold.Wasm

/// Reads tokens from one index up to another.
[<Sealed>]
type internal Cursor(tokens: Tokens, first: int, last: int) =
    let s = tokens.Source
    let all = tokens.All
    let mutable pos = first

    new(tokens: Tokens) = Cursor(tokens, 0, tokens.All.Length - 1)

    member _.Tokens = tokens
    member _.Source = s

    member _.Pos
        with get () = pos
        and set p = pos <- p

    member _.Last = last
    member _.AtEnd = pos >= last
    /// Kind of the next token; `End` after the range.
    member _.Kind = if pos >= last then TokenKind.End else all[pos].Kind
    /// Byte offset of the next token.
    member _.Offset = all[min pos (all.Length - 1)].Start
    member _.Index = pos
    member _.OffsetOf(index: int) = all[index].Start
    /// The closing parenthesis of the opening one at the next token.
    member _.Partner = tokens.Partners[pos]

    /// The next token's characters (identifiers and strings too, as written).
    member c.Text: string =
        if c.AtEnd then
            ""
        else
            Encoding.UTF8.GetString(s.Bytes, all[pos].Start, all[pos].Finish - all[pos].Start)

    /// The word at an index.
    member private _.IsWordAt(index: int, word: string) =
        index < last
        && all[index].Kind = TokenKind.Keyword
        && Ascii.Equals(ReadOnlySpan(s.Bytes, all[index].Start, all[index].Finish - all[index].Start), word.AsSpan())

    member _.Malformed(offset: int, message: string) : exn = s.Malformed(offset, message)

    /// Refuses the next token.
    member c.Unexpected(expected: string) : exn =
        let text = c.Text

        if c.Kind = TokenKind.Keyword && not (Words.isKnown text) then
            s.Malformed(c.Offset, $"unknown operator {text}")
        else
            let found =
                if c.AtEnd then "the end"
                elif text.Length > 60 then text.Substring(0, 60) + "..."
                else text

            RefusedException { Rejected.malformed -1 "unexpected token" with Where = s.Where c.Offset; Expected = expected; Found = found }

    /// Notes what a feature owns, in case it is switched off.
    member _.Need(feature: Feature, offset: int, what: string) = tokens.Need(feature, offset, what)

    /// Tags and `throw` belong to both forms of exceptions.
    member _.NeedTags(offset: int, what: string) =
        if not (tokens.Features.Has Feature.LegacyExceptions) then
            tokens.Need(Feature.Exceptions, offset, what)

    /// The kind of the token after the next one.
    member _.KindAfter = if pos + 1 >= last then TokenKind.End else all[pos + 1].Kind

    /// How many numbers come next, `inf` and `nan` included.
    member _.NumbersAhead: int =
        let mutable i = pos

        while i < last
              && (all[i].Kind = TokenKind.Number
                  || (all[i].Kind = TokenKind.Keyword
                      && Numbers.isNumber (ReadOnlySpan(s.Bytes, all[i].Start, all[i].Finish - all[i].Start)))) do
            i <- i + 1

        i - pos

    /// Does the token after the next one begin with a word?
    member _.StartsAfter(word: string) =
        pos + 1 < last
        && all[pos + 1].Kind = TokenKind.Keyword
        && all[pos + 1].Finish - all[pos + 1].Start >= word.Length
        && Ascii.Equals(ReadOnlySpan(s.Bytes, all[pos + 1].Start, word.Length), word.AsSpan())

    member c.IsWord(word: string) = c.IsWordAt(pos, word)
    /// `(word`.
    member c.IsOpen(word: string) = c.Kind = TokenKind.Open && c.IsWordAt(pos + 1, word)

    member c.Skip(n: int) = pos <- pos + n

    member c.TryWord(word: string) =
        let found = c.IsWord word

        if found then
            pos <- pos + 1

        found

    /// Steps over `(word` if it stands there.
    member c.TryOpen(word: string) =
        let found = c.IsOpen word

        if found then
            pos <- pos + 2

        found

    member c.Close() =
        if c.Kind <> TokenKind.Close then
            raise (c.Unexpected ")")

        pos <- pos + 1

    /// The word after an opening parenthesis, or an error.
    member c.OpenWord() : string =
        if c.Kind <> TokenKind.Open then
            raise (c.Unexpected "(")

        pos <- pos + 1

        if c.Kind <> TokenKind.Keyword then
            // A parenthesis with no word after it opens nothing: the reference interpreter's lexer knows no such operator.
            raise (c.Unexpected "a word")

        c.Text

    /// An identifier's name without `$`, at the next token.
    member private _.IdValue() : string =
        let t = all[pos]

        if s.Bytes[t.Start + 1] = byte '"' then
            Encoding.UTF8.GetString(Literal.name s (t.Start + 1) t.Finish)
        else
            s.Ascii(t.Start + 1, t.Finish)

    /// An identifier, or null.
    member c.TryId() : string =
        if c.Kind = TokenKind.Id then
            let name = c.IdValue()
            pos <- pos + 1
            name
        else
            null

    member c.IsIndex = c.Kind = TokenKind.Id || c.Kind = TokenKind.Number

    member c.String() : byte[] =
        if c.Kind <> TokenKind.String then
            raise (c.Unexpected "a string")

        let t = all[pos]
        pos <- pos + 1
        Literal.value s t.Start t.Finish

    member c.Name() : byte[] =
        if c.Kind <> TokenKind.String then
            raise (c.Unexpected "a string")

        let t = all[pos]
        pos <- pos + 1
        Literal.name s t.Start t.Finish

    /// A number in one of the types; `inf` and `nan` come as keywords.
    member c.Number(expected: string, parse: string -> Result<'a, NumberError>) : 'a =
        if c.Kind <> TokenKind.Number && c.Kind <> TokenKind.Keyword then
            raise (c.Unexpected expected)

        let text = c.Text

        // A word that is no number must not reach the integer parser, which would look at its letters.
        let result =
            if c.Kind = TokenKind.Keyword && not (Numbers.isNumber (ReadOnlySpan(Encoding.ASCII.GetBytes text))) then
                Error NumberError.Shape
            else
                parse text

        match result with
        | Ok v ->
            pos <- pos + 1
            v
        | Error NumberError.Shape -> raise (c.Unexpected expected)
        | Error NumberError.Range -> raise (s.Malformed(c.Offset, $"constant out of range: {text}"))

    /// An index, size or count in 32 bits.
    member c.U32() : uint32 = c.Number("an unsigned integer", Numbers.natural 32) |> uint32
    member c.U64() : uint64 = c.Number("an unsigned integer", Numbers.natural 64)

    /// `word=123`, if it stands there.
    member c.TryAssigned(word: string) : struct (uint64 * int) voption =
        if c.Kind = TokenKind.Keyword && c.Text.StartsWith(word, StringComparison.Ordinal) then
            let offset = c.Offset
            let digits = c.Text.Substring word.Length

            if
                digits = ""
                || not (Char.IsAsciiDigit digits[0])
                || not (Numbers.isNumber (ReadOnlySpan(Encoding.ASCII.GetBytes digits)))
            then
                raise (s.Malformed(offset, $"unknown operator {c.Text}"))

            match Numbers.natural 64 digits with
            | Ok v ->
                pos <- pos + 1
                ValueSome(struct (v, offset))
            | Error NumberError.Range -> raise (s.Malformed(offset, $"constant out of range: {digits}"))
            | Error NumberError.Shape -> raise (c.Unexpected "an unsigned integer")
        else
            ValueNone
