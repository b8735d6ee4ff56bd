namespace Twofold.Wasm.Text

// The text format's front door.
// In: a text, or bytes that may be one. Out: the binary format's bytes, not yet validated, or what is wrong at which line and column.

open System.Text
open Twofold.Wasm

/// The text format (core specification, section 6).
module Wat =
    /// Encodes a text given as bytes in UTF-8. What needs a feature outside the set is refused by the feature's name, with line and column.
    let parseWith (features: Features) (text: byte[]) : Result<byte[], Rejected> =
        Refused.catch (fun () ->
            let tokens = Lexer.run (Source text)
            tokens.Features <- features
            ParserModule.run (Cursor tokens))

    /// Encodes a text given as bytes in UTF-8, whatever features it uses: the decoder judges those.
    let parseBytes (text: byte[]) : Result<byte[], Rejected> = parseWith Features.All text

    /// Is it text? A text begins, after white space, with a parenthesis or a comment; no binary module begins so. What is neither is left to the decoder.
    let isText (bytes: byte[]) : bool =
        let isSpace (b: byte) = b = 32uy || (b >= 9uy && b <= 13uy)
        let first = bytes |> Array.tryFind (isSpace >> not)
        first = Some(byte '(') || first = Some(byte ';')

    /// A module in either form as binary: text is encoded, anything else left as it is. The limit on a module's bytes holds for its text too.
    let toBinary (limits: WasmLimits) (features: Features) (bytes: byte[]) : Result<byte[], Rejected> =
        if not (isText bytes) then
            Ok bytes
        elif bytes.Length > limits.ModuleBytes then
            Error(Rejected.limit -1 "the text is too large" limits.ModuleBytes bytes.Length)
        else
            parseWith features bytes

    /// Encodes a text. The result's `Where` says `line 3, column 7`.
    let parse (text: string) : Result<byte[], Rejected> =
        // A lone surrogate becomes U+FFFD, as everywhere in .NET.
        parseBytes (Encoding.UTF8.GetBytes text)
