namespace Twofold.Wasm

// WebAssembly's types (core specification, section 2.3), laid out for all of 3.0.
// In: made by Decode. Out: used by every later stage; value types are one machine word so that validation never allocates.

open System

/// A heap type: an abstract one, or the index of a defined type of the same module (core 2.3.4).
[<Struct; CustomEquality; NoComparison>]
type HeapType(code: int) =
    /// Abstract: 0..15 in the order below. Concrete: 16 + type index.
    member _.Code = code
    member _.IsConcrete = code >= 16
    /// The type index; only for a concrete heap type.
    member _.Index = code - 16
    static member Concrete(index: int) = HeapType(index + 16)
    static member Func = HeapType 0
    static member NoFunc = HeapType 1
    static member Extern = HeapType 2
    static member NoExtern = HeapType 3
    static member Any = HeapType 4
    static member Eq = HeapType 5
    static member I31 = HeapType 6
    static member Struct = HeapType 7
    static member Array = HeapType 8
    static member None = HeapType 9
    static member Exn = HeapType 10
    static member NoExn = HeapType 11
    /// Validation's bottom: below every heap type; what a popped reference in unreachable code has.
    static member Bottom = HeapType 12

    override this.Equals(o: obj) =
        match o with
        | :? HeapType as h -> h.Code = code
        | _ -> false

    override _.GetHashCode() = code

    interface IEquatable<HeapType> with
        member _.Equals h = h.Code = code

    /// The text format's name.
    override this.ToString() =
        match code with
        | 0 -> "func"
        | 1 -> "nofunc"
        | 2 -> "extern"
        | 3 -> "noextern"
        | 4 -> "any"
        | 5 -> "eq"
        | 6 -> "i31"
        | 7 -> "struct"
        | 8 -> "array"
        | 9 -> "none"
        | 10 -> "exn"
        | 11 -> "noexn"
        | 12 -> "bottom"
        | _ -> string (code - 16)

/// A value type (core 2.3.5) in one word: a number type is its byte in the binary format; a reference type is
/// 0x100, plus 0x200 when nullable, plus the heap type's code (22 bits) shifted by ten. Code 0 is validation's bottom type.
[<Struct; CustomEquality; NoComparison>]
type ValType(code: int) =
    member _.Code = code
    static member Bottom = ValType 0
    static member I32 = ValType 0x7F
    static member I64 = ValType 0x7E
    static member F32 = ValType 0x7D
    static member F64 = ValType 0x7C
    static member V128 = ValType 0x7B
    static member Ref(nullable: bool, heap: HeapType) = ValType(0x100 ||| (if nullable then 0x200 else 0) ||| (heap.Code <<< 10))
    static member FuncRef = ValType.Ref(true, HeapType.Func)
    static member ExternRef = ValType.Ref(true, HeapType.Extern)
    member _.IsRef = code &&& 0x100 <> 0
    member _.IsBottom = code = 0
    member _.IsNum = code >= 0x7C && code <= 0x7F
    member _.IsVec = code = 0x7B
    member _.IsFloat = code = 0x7D || code = 0x7C
    member _.IsNullable = code &&& 0x200 <> 0
    /// Only for reference types.
    member _.Heap = HeapType(int (uint32 code >>> 10))
    /// Numbers, vectors and nullable references have a default value.
    member _.IsDefaultable = code &&& 0x100 = 0 || code &&& 0x200 <> 0

    override _.Equals(o: obj) =
        match o with
        | :? ValType as v -> v.Code = code
        | _ -> false

    override _.GetHashCode() = code

    interface IEquatable<ValType> with
        member _.Equals v = v.Code = code

    /// The text format's spelling, with the shorthands (`funcref`).
    override this.ToString() =
        match code with
        | 0 -> "bottom"
        | 0x7F -> "i32"
        | 0x7E -> "i64"
        | 0x7D -> "f32"
        | 0x7C -> "f64"
        | 0x7B -> "v128"
        | _ when this.IsNullable && not this.Heap.IsConcrete ->
            match this.Heap.Code with
            | 1 -> "nullfuncref"
            | 3 -> "nullexternref"
            | 9 -> "nullref"
            | 11 -> "nullexnref"
            | _ -> $"{this.Heap}ref"
        | _ when this.IsNullable -> $"(ref null {this.Heap})"
        | _ -> $"(ref {this.Heap})"

/// A function type (core 2.3.8).
[<CustomEquality; NoComparison>]
type FuncType = {
    Params: ValType[]
    Results: ValType[]
} with

    override this.ToString() =
        let list (xs: ValType[]) = xs |> Array.map string |> String.concat " "
        $"[{list this.Params}] -> [{list this.Results}]"

    override this.Equals o =
        match o with
        | :? FuncType as t ->
            this.Params.AsSpan().SequenceEqual(t.Params.AsSpan()) && this.Results.AsSpan().SequenceEqual(t.Results.AsSpan())
        | _ -> false

    override this.GetHashCode() =
        let mutable h = HashCode()

        for p in this.Params do
            h.Add p.Code

        h.Add -1

        for r in this.Results do
            h.Add r.Code

        h.ToHashCode()

/// What a field or array element holds: a value type or a packed integer (core 2.3.9).
[<Struct; RequireQualifiedAccess; NoComparison>]
type StorageType =
    | Value of ValType
    | I8
    | I16

[<Struct; NoComparison>]
type FieldType = { Storage: StorageType; Mutable: bool }

/// A composite type (core 2.3.10).
[<RequireQualifiedAccess; NoComparison>]
type CompositeType =
    | Func of FuncType
    | Struct of FieldType[]
    | Array of FieldType

/// One defined type with its place in its recursion group (core 2.3.11). Outside GC every group has one member and no supertype.
[<NoComparison>]
type SubType = {
    Final: bool
    /// The declared supertype's index, or -1.
    Super: int
    Composite: CompositeType
    /// Index of the recursion group's first type, and its size.
    GroupStart: int
    GroupSize: int
}

/// Sizes of a memory (in pages) or table (in entries), with the address type (core 2.3.12-2.3.14).
[<Struct; NoComparison>]
type SizeLimits = {
    Min: uint64
    /// The declared maximum, if there is one.
    Max: uint64 voption
    Is64: bool
    Shared: bool
}

[<Struct; NoComparison>]
type TableType = { Element: ValType; Limits: SizeLimits }

[<Struct; NoComparison>]
type GlobalType = { Value: ValType; Mutable: bool }

/// What is imported or exported (core 2.3.16); a function or tag by its type's index in the module.
[<RequireQualifiedAccess; NoComparison>]
type ExternType =
    | Func of typeIndex: int
    | Table of TableType
    | Memory of SizeLimits
    | Global of GlobalType
    | Tag of typeIndex: int

/// The kinds of import and export, numbered as in the binary format (core 5.5.5).
type ExternKind =
    | Func = 0
    | Table = 1
    | Memory = 2
    | Global = 3
    | Tag = 4
