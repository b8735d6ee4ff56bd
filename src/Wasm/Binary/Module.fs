namespace Twofold.Wasm.Binary

// A module as decoded: sections as arrays, bodies as byte ranges (a 14 MB module is not unpacked to be looked at).
// In: made by Decode. Out: Validate proves it and wraps it as a ValidModule.

open System
open Twofold.Wasm

/// An import (core 2.5.11). Offset: where it stands in the module.
[<NoComparison>]
type Import = { Module: string; Name: string; Type: ExternType; Offset: int }

/// An export (core 2.5.10): kind and index in that kind's index space.
[<NoComparison>]
type Export = { Name: string; Kind: ExternKind; Index: int; Offset: int }

/// A constant expression, without its `end` (core 3.3.14).
type ConstExpr = Instr[]

[<NoComparison; NoEquality>]
type TableDef = {
    Type: TableType
    /// Null when the table starts with nulls.
    Init: ConstExpr
    Offset: int
}

[<NoComparison; NoEquality>]
type GlobalDef = { Type: GlobalType; Init: ConstExpr; Offset: int }

/// Where a segment goes.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type SegmentMode =
    | Passive
    /// Index of the table or memory, and the offset.
    | Active of index: int * offset: ConstExpr
    | Declarative

[<NoComparison; NoEquality>]
type ElemSegment = {
    Type: ValType
    /// Function indices, when every element is a `ref.func` (the common case, kept compact); null otherwise.
    Funcs: int[]
    /// Element expressions; null when Funcs is not.
    Exprs: ConstExpr[]
    Mode: SegmentMode
    Offset: int
} with

    member this.Length = if isNull this.Funcs then this.Exprs.Length else this.Funcs.Length

[<NoComparison; NoEquality>]
type DataSegment = {
    /// Range of the bytes in the module.
    Start: int
    Length: int
    Mode: SegmentMode
    Offset: int
}

/// A function's body as a byte range: local declarations, instructions, `end`.
[<Struct; NoComparison; NoEquality>]
type CodeRange = { Start: int; Length: int }

[<NoComparison; NoEquality>]
type CustomSection = { Name: string; Start: int; Length: int }

/// A decoded module (core 2.5).
[<NoComparison; NoEquality>]
type Module = {
    Bytes: byte[]
    Types: SubType[]
    Imports: Import[]
    /// Type indices of the defined functions.
    Functions: int[]
    Tables: TableDef[]
    Memories: SizeLimits[]
    Globals: GlobalDef[]
    /// Type indices of the defined tags.
    Tags: int[]
    Exports: Export[]
    /// The start function, or -1.
    Start: int
    Elems: ElemSegment[]
    /// The data count section's number, or -1 when there is none.
    DataCount: int
    Code: CodeRange[]
    Datas: DataSegment[]
    Customs: CustomSection[]
}

/// One clause of a `try_table` (core 5.4.1): 0 `catch`, 1 `catch_ref`, 2 `catch_all`, 3 `catch_all_ref`; Tag is -1 for the last two.
[<Struct; NoComparison>]
type Catch = { Kind: int; Tag: int; Label: int }

/// A body's instructions, decoded when a stage needs them and dropped afterwards.
[<NoComparison; NoEquality>]
type Body = {
    /// Types of all locals, parameters first.
    Locals: ValType[]
    /// Flat, the final `end` included.
    Code: Instr[]
    /// Label tables of `br_table`; the last label is the default.
    LabelTables: int[][]
    /// Clauses of `try_table`.
    CatchTables: Catch[][]
}
