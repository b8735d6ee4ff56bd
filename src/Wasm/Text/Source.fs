namespace Twofold.Wasm.Text

// A text being read: its bytes, and where in it something is wrong, as people count (line and column, both from 1).
// In: bytes and byte offsets. Out: Rejected with `line L, column C`. The exception never leaves this folder: every entry point catches it.

open System
open System.Text
open Twofold.Wasm

/// Ends the reading of a text. A recursive reader that stops at the first mistake is clearest so; `Refused.catch` is its only way out.
type internal RefusedException(reason: Rejected) =
    inherit Exception(reason.Message)
    member _.Reason = reason

module internal Refused =
    /// What the decoder knows and the printer does not: a test prints every row of the opcode table, so this shows there first.
    let unprintable (what: string) : exn =
        RefusedException { Rejected.malformed -1 $"the printer does not know {what}" with Where = "the text format" }

    let catch (run: unit -> 'a) : Result<'a, Rejected> =
        try
            Ok(run ())
        with :? RefusedException as e ->
            Error e.Reason

/// The bytes of a text.
[<Sealed>]
type internal Source(bytes: byte[]) =
    member _.Bytes = bytes

    /// Line and column of a byte offset; columns count characters, and a CR LF pair is one line's end.
    member _.Place(offset: int) : struct (int * int) =
        let mutable line = 1
        let mutable column = 1

        for i in 0 .. (min offset bytes.Length) - 1 do
            let b = bytes[i]

            if b = 10uy || (b = 13uy && (i + 1 >= bytes.Length || bytes[i + 1] <> 10uy)) then
                line <- line + 1
                column <- 1
            elif b &&& 0xC0uy <> 0x80uy then
                column <- column + 1

        struct (line, column)

    member this.Where(offset: int) =
        let struct (line, column) = this.Place offset
        $"line {line}, column {column}"

    member this.Refuse(kind: RejectKind, offset: int, message: string) : exn =
        RefusedException { Rejected.at kind -1 message with Where = this.Where offset }

    member this.Malformed(offset: int, message: string) : exn = this.Refuse(RejectKind.Malformed, offset, message)

    member _.Ascii(start: int, finish: int) : string = Encoding.ASCII.GetString(bytes, start, finish - start)
