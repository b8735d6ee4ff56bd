namespace Twofold.HostAbi

// Little-endian, length-prefixed bytes: the one writer and the one reader under locks, batches and the canonical encodings.
// In: values, or bytes from anywhere. Out: bytes, or values; a reader never throws: its first error stays and later reads give zeros.

open System
open System.Buffers
open System.Buffers.Binary

/// Appends values to a growing buffer.
[<Sealed>]
type WireWriter() =
    let buffer = ArrayBufferWriter<byte>()

    /// One byte.
    member _.U8(value: byte) =
        buffer.GetSpan(1)[0] <- value
        buffer.Advance 1

    /// Two bytes, little-endian.
    member _.U16(value: uint16) =
        BinaryPrimitives.WriteUInt16LittleEndian(buffer.GetSpan 2, value)
        buffer.Advance 2

    /// Four bytes, little-endian.
    member _.U32(value: uint32) =
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.GetSpan 4, value)
        buffer.Advance 4

    /// Eight bytes, little-endian.
    member _.U64(value: uint64) =
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.GetSpan 8, value)
        buffer.Advance 8

    /// Bytes as they are, without a length.
    member _.Raw(bytes: byte[]) = buffer.Write(ReadOnlySpan bytes)

    /// A u32 length and the bytes.
    member w.Bytes(bytes: byte[]) =
        w.U32(uint32 bytes.Length)
        w.Raw bytes

    /// UTF-8 with its length.
    member w.Text(text: string) = w.Bytes(Utf8.bytes text)
    /// 42 ASCII bytes.
    member w.Address(address: Address) = w.Raw address.Bytes
    /// 32 bytes.
    member w.Hash(hash: Hash32) = w.Raw hash.Bytes
    /// The token id's text with its length.
    member w.Token(token: TokenId) = w.Text token.Text
    /// What was written so far.
    member _.ToArray() = buffer.WrittenSpan.ToArray()

/// Reads what WireWriter writes.
[<Sealed>]
type WireReader(source: byte[], start: int) =
    let mutable pos = start
    let mutable error: string = null

    new(source: byte[]) = WireReader(source, 0)

    /// Where the next read begins.
    member _.Position = pos
    /// How many bytes are left; none after an error.
    member _.Remaining = if isNull error then source.Length - pos else 0
    /// Whether all is well so far.
    member _.Ok = isNull error
    /// The first error with its offset.
    member _.Error = error

    /// Records an error unless there is one already.
    member _.Fail(message: string) =
        if isNull error then
            error <- $"{message} (at byte {pos})"

    /// The next bytes, exactly so many, or none and an error.
    member r.Raw(count: int) : byte[] =
        if count < 0 || count > r.Remaining then
            r.Fail $"expected {count} more bytes, found {r.Remaining}"
            [||]
        else
            let slice = source.AsSpan(pos, count).ToArray()
            pos <- pos + count
            slice

    member private r.Fixed(count: int) : int =
        if count > r.Remaining then
            r.Fail $"expected {count} more bytes, found {r.Remaining}"
            -1
        else
            let at = pos
            pos <- pos + count
            at

    /// One byte.
    member r.U8() : byte =
        match r.Fixed 1 with
        | -1 -> 0uy
        | at -> source[at]

    /// Two bytes, little-endian.
    member r.U16() : uint16 =
        match r.Fixed 2 with
        | -1 -> 0us
        | at -> BinaryPrimitives.ReadUInt16LittleEndian(ReadOnlySpan(source, at, 2))

    /// Four bytes, little-endian.
    member r.U32() : uint32 =
        match r.Fixed 4 with
        | -1 -> 0u
        | at -> BinaryPrimitives.ReadUInt32LittleEndian(ReadOnlySpan(source, at, 4))

    /// Eight bytes, little-endian.
    member r.U64() : uint64 =
        match r.Fixed 8 with
        | -1 -> 0UL
        | at -> BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan(source, at, 8))

    /// A u32 length and so many bytes.
    member r.Bytes() : byte[] =
        let count = r.U32()

        if uint64 count > uint64 r.Remaining then
            r.Fail $"a length of {count}, but {r.Remaining} bytes are left"
            [||]
        else
            r.Raw(int count)

    /// Valid UTF-8 with its length.
    member r.Text() : string =
        match Utf8.tryText (ReadOnlySpan(r.Bytes())) with
        | ValueSome text -> text
        | ValueNone ->
            r.Fail "invalid UTF-8"
            ""

    /// 42 ASCII bytes of an address.
    member r.Address() : Address =
        match Address.tryOfBytes (ReadOnlySpan(r.Raw Address.Length)) with
        | ValueSome address -> address
        | ValueNone ->
            r.Fail "not an address"
            Address.zero

    /// 32 bytes.
    member r.Hash() : Hash32 =
        match Hash32.tryOfBytes (ReadOnlySpan(r.Raw Hash32.Length)) with
        | ValueSome hash -> hash
        | ValueNone -> Hash32.zero

    /// A token id with its length.
    member r.Token() : TokenId =
        match TokenId.tryParse (r.Text()) with
        | ValueSome token -> token
        | ValueNone ->
            r.Fail "not a token id"
            TokenId.Native

    /// A u32 count of items that take at least `smallest` bytes each, read one after the other; a count that cannot fit costs nothing.
    member r.Items(smallest: int, item: WireReader -> 'T) : 'T[] =
        let count = r.U32()

        if uint64 count * uint64 (max 1 smallest) > uint64 r.Remaining then
            r.Fail $"a count of {count}, but only {r.Remaining} bytes are left"
            [||]
        else
            let items = ResizeArray()
            let mutable i = 0u

            while r.Ok && i < count do
                items.Add(item r)
                i <- i + 1u

            items.ToArray()

    /// The value if everything was read without error to the last byte.
    member r.Finish(value: 'T) : Result<'T, string> =
        if r.Remaining > 0 then
            r.Fail $"{r.Remaining} bytes too many"

        if r.Ok then Ok value else Error r.Error
