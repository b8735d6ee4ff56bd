namespace Twofold.Wasm.Symbols

// Places in the sources of a module, as its compiler noted them: what both forms of debug information are read into.
// In: places by offset of the binary, in any order. Out: the place that an instruction belongs to.

open System

/// A place in a source file.
[<NoComparison>]
type SourceLine = {
    /// As the compiler named it: relative to the folder it ran in, or absolute.
    File: string
    /// From 1.
    Line: int
    /// From 1; 0 when only the line is known.
    Column: int
} with

    /// `FILE:LINE:COLUMN`, or `FILE:LINE`.
    override this.ToString() = if this.Column > 0 then $"{this.File}:{this.Line}:{this.Column}" else $"{this.File}:{this.Line}"

/// From this offset of the binary on, up to the next row: a place, or nothing (File = -1).
[<Struct; NoComparison; NoEquality>]
type internal LineRow = { Offset: int; File: int; Line: int; Column: int }

/// Rows sorted by offset.
[<Sealed>]
type internal LineTable(files: string[], rows: LineRow[]) =
    let rows = rows |> Array.sortBy _.Offset
    let offsets = rows |> Array.map _.Offset
    static member Empty = LineTable([||], [||])
    member _.Rows = rows.Length

    /// The place of the instruction at an offset of the binary.
    member _.Find(offset: int) : SourceLine voption =
        let found = Array.BinarySearch(offsets, offset)
        let mutable at = if found >= 0 then found else ~~~found - 1

        // Of rows with one offset the last counts.
        while at >= 0 && at + 1 < offsets.Length && offsets[at + 1] = offsets[at] do
            at <- at + 1

        if at < 0 || rows[at].File < 0 || rows[at].File >= files.Length || rows[at].Line <= 0 then
            ValueNone
        else
            ValueSome { File = files[rows[at].File]; Line = rows[at].Line; Column = rows[at].Column }
