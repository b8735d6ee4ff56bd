namespace Twofold.Wasm.Text

// The text format's front door.
// In: a text. Out: the binary format's bytes, not yet validated, or what is wrong at which line and column.

open System.Text
open Twofold.Wasm

/// The text format (core specification, section 6).
module Wat =
    /// Encodes a text given as bytes in UTF-8.
    let parseBytes (text: byte[]) : Result<byte[], Rejected> = Refused.catch (fun () -> ParserModule.run (Cursor(Lexer.run (Source text))))

    /// Encodes a text. The result's `Where` says `line 3, column 7`.
    let parse (text: string) : Result<byte[], Rejected> =
        // A lone surrogate becomes U+FFFD, as everywhere in .NET.
        parseBytes (Encoding.UTF8.GetBytes text)
