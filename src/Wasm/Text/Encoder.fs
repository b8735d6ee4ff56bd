namespace Twofold.Wasm.Text

// The binary format's bytes (core specification, section 5), written.
// In: numbers, names, types, sections. Out: bytes. Sizes come before contents, so contents are written into a buffer of their own.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary

/// Bytes being written.
[<Sealed>]
type internal Output() =
    let mutable bytes: byte[] = Array.zeroCreate 64
    let mutable count = 0

    let room n =
        if count + n > bytes.Length then
            Array.Resize(&bytes, max (count + n) (bytes.Length * 2))

    member _.Count = count
    member _.Clear() = count <- 0

    member _.Byte(b: int) =
        room 1
        bytes[count] <- byte b
        count <- count + 1

    member _.Bytes(b: ReadOnlySpan<byte>) =
        room b.Length
        b.CopyTo(Span(bytes, count, b.Length))
        count <- count + b.Length

    member this.Bytes(b: byte[]) = this.Bytes(ReadOnlySpan b)
    member this.Append(other: Output) = this.Bytes(other.Span)
    member _.Span: ReadOnlySpan<byte> = ReadOnlySpan(bytes, 0, count)

    /// Unsigned LEB128.
    member this.Unsigned(n: uint64) =
        let mutable v = n

        while v >= 0x80UL do
            this.Byte(int (v &&& 0x7FUL) ||| 0x80)
            v <- v >>> 7

        this.Byte(int v)

    member this.Count32(n: int) = this.Unsigned(uint64 (uint32 n))

    /// Signed LEB128.
    member this.Signed(n: int64) =
        let mutable v = n

        while v < -64L || v > 63L do
            this.Byte(int (v &&& 0x7FL) ||| 0x80)
            v <- v >>> 7

        this.Byte(int (v &&& 0x7FL))

    /// Length and bytes: names, data, bodies.
    member this.Sized(b: ReadOnlySpan<byte>) =
        this.Unsigned(uint64 b.Length)
        this.Bytes b

    member this.Sized(b: byte[]) = this.Sized(ReadOnlySpan b)

    member this.ToArray() = this.Span.ToArray()

module internal Encoder =
    /// Bytes of the abstract heap types, by `HeapType.Code` (core 5.3.3).
    let private abstractHeap = [| 0x70; 0x73; 0x6F; 0x72; 0x6E; 0x6D; 0x6C; 0x6B; 0x6A; 0x71; 0x69; 0x74 |]

    let heapType (o: Output) (h: HeapType) = if h.IsConcrete then o.Signed(int64 h.Index) else o.Byte abstractHeap[h.Code]

    let valType (o: Output) (t: ValType) =
        if not t.IsRef then
            o.Byte t.Code
        elif t.IsNullable && not t.Heap.IsConcrete then
            heapType o t.Heap
        else
            o.Byte(if t.IsNullable then 0x63 else 0x64)
            heapType o t.Heap

    let valTypes (o: Output) (types: ValType[]) =
        o.Count32 types.Length

        for t in types do
            valType o t

    let funcType (o: Output) (t: FuncType) =
        o.Byte 0x60
        valTypes o t.Params
        valTypes o t.Results

    let private fieldType (o: Output) (f: FieldType) =
        match f.Storage with
        | StorageType.I8 -> o.Byte 0x78
        | StorageType.I16 -> o.Byte 0x77
        | StorageType.Value t -> valType o t

        o.Byte(if f.Mutable then 1 else 0)

    let compositeType (o: Output) (t: CompositeType) =
        match t with
        | CompositeType.Func f -> funcType o f
        | CompositeType.Struct fields ->
            o.Byte 0x5F
            o.Count32 fields.Length

            for f in fields do
                fieldType o f
        | CompositeType.Array f ->
            o.Byte 0x5E
            fieldType o f

    let typeDef (o: Output) (t: TypeDef) =
        if not t.Final || t.Supers.Length > 0 then
            o.Byte(if t.Final then 0x4F else 0x50)
            o.Count32 t.Supers.Length

            for s in t.Supers do
                o.Count32 s

        compositeType o t.Composite

    /// The type section's items: recursion groups.
    let types (o: Output) (m: Spaces) =
        let mutable next = 0

        for size in m.Groups do
            if size <> 1 then
                o.Byte 0x4E
                o.Count32 size

            for i in next .. next + size - 1 do
                typeDef o m.Types[i]

            next <- next + size

    let limits (o: Output) (l: SizeLimits) =
        o.Byte((if l.Max.IsSome then 1 else 0) ||| (if l.Shared then 2 else 0) ||| (if l.Is64 then 4 else 0))
        o.Unsigned l.Min
        ValueOption.iter o.Unsigned l.Max

    let tableType (o: Output) (t: TableType) =
        valType o t.Element
        limits o t.Limits

    let globalType (o: Output) (t: GlobalType) =
        valType o t.Value
        o.Byte(if t.Mutable then 1 else 0)

    /// An opcode's bytes: one, or a prefix and a number (see `Op`).
    let op (o: Output) (op: Op) =
        if op < 0x100us then
            o.Byte(int op)
        else
            // 0xB00, 0xC00 and 0xE00 stand for 0xFB, 0xFC and 0xFE; 0xD000 for 0xFD, whose numbers are longer.
            let prefix, number = if op >= 0xD000us then 0xFD, int op &&& 0xFFF else 0xF0 ||| (int op >>> 8), int op &&& 0xFF
            o.Byte prefix
            o.Count32 number

    /// A section, unless it is empty.
    let section (o: Output) (id: int) (count: int) (items: Output) =
        if count > 0 then
            let size = Output()
            size.Count32 count
            o.Byte id
            o.Unsigned(uint64 (size.Count + items.Count))
            o.Append size
            o.Append items

    let preamble (o: Output) = o.Bytes(ReadOnlySpan [| 0uy; 0x61uy; 0x73uy; 0x6Duy; 1uy; 0uy; 0uy; 0uy |])
