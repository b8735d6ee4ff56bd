namespace Twofold.HostAbi

// The plain values that guests and hosts exchange: addresses, hashes, token ids, state keys.
// In: bytes or text from outside. Out: values that are valid by construction, compared byte by byte, so that order is the same everywhere.

open System
open System.Buffers
open System.Buffers.Binary
open System.Text

/// Strict UTF-8: what is not valid is an error, never a replacement character.
module Utf8 =
    let private strict = UTF8Encoding(false, true)

    /// The text of valid UTF-8, otherwise nothing.
    let tryText (bytes: ReadOnlySpan<byte>) : string voption =
        if System.Text.Unicode.Utf8.IsValid bytes then ValueSome(strict.GetString bytes) else ValueNone

    /// The bytes of a text; a lone surrogate, which no valid UTF-8 can give, becomes U+FFFD.
    let bytes (text: string) : byte[] = Encoding.UTF8.GetBytes text

/// Lower-case hexadecimal digits.
module Hex =
    /// `0x` and two digits a byte.
    let text (bytes: ReadOnlySpan<byte>) : string = "0x" + Convert.ToHexStringLower bytes

    /// The bytes of `0x` and an even number of digits of either case.
    let tryBytes (text: string) : byte[] voption =
        if isNull text || not (text.StartsWith("0x", StringComparison.Ordinal)) || text.Length % 2 <> 0 then
            ValueNone
        else
            let digits = text.AsSpan 2
            let result = Array.zeroCreate<byte>(digits.Length / 2)
            let mutable consumed = 0
            let mutable written = 0

            match Convert.FromHexString(digits, Span<byte>(result), &consumed, &written) with
            | OperationStatus.Done -> ValueSome result
            | _ -> ValueNone

/// An account's or contract's address: `0x` and 40 hexadecimal digits, 42 ASCII bytes. Upper-case digits are accepted (addresses with a
/// mixed-case checksum are pasted everywhere) and kept in lower case, the only form that the host ever writes; `0X` is not accepted.
[<Struct; CustomEquality; CustomComparison>]
type Address =
    private
    | Address of string

    /// The canonical text: 42 characters in lower case.
    member a.Text =
        let (Address t) = a
        if isNull t then Address.ZeroText else t

    static member internal ZeroText = "0x0000000000000000000000000000000000000000"
    /// The 42 ASCII bytes.
    member a.Bytes = Encoding.ASCII.GetBytes a.Text
    /// Whether this is the address of forty zeros, which nobody owns: value sent there is burned.
    member a.IsZero = a.Text = Address.ZeroText
    override a.ToString() = a.Text
    override a.GetHashCode() = a.Text.GetHashCode StringComparison.Ordinal

    override a.Equals other =
        match other with
        | :? Address as b -> String.Equals(a.Text, b.Text)
        | _ -> false

    interface IEquatable<Address> with
        member a.Equals b = String.Equals(a.Text, b.Text)

    interface IComparable with
        member a.CompareTo other =
            match other with
            | :? Address as b -> String.CompareOrdinal(a.Text, b.Text)
            | _ -> invalidArg (nameof other) "not an address"

/// Making addresses.
module Address =
    /// How many bytes an address takes in guest memory.
    [<Literal>]
    let Length = 42

    let private digits = SearchValues.Create("0123456789abcdefABCDEF")

    /// The address that nobody owns.
    let zero = Address Address.ZeroText

    /// An address from text, or nothing.
    let tryParse (text: string) : Address voption =
        if
            not (isNull text)
            && text.Length = Length
            && text[0] = '0'
            && text[1] = 'x'
            && not (text.AsSpan(2).ContainsAnyExcept digits)
        then
            ValueSome(Address(text.ToLowerInvariant()))
        else
            ValueNone

    /// An address from its 42 bytes, or nothing.
    let tryOfBytes (bytes: ReadOnlySpan<byte>) : Address voption =
        if bytes.Length = Length && Ascii.IsValid bytes then
            tryParse (Encoding.ASCII.GetString bytes)
        else
            ValueNone

    /// The address with these 20 bytes as its digits.
    let ofRaw (bytes: ReadOnlySpan<byte>) : Address =
        if bytes.Length <> 20 then
            invalidArg (nameof bytes) "an address has 20 bytes"

        Address(Hex.text bytes)

/// 32 bytes: transaction ids, block hashes, digests. Ordered byte by byte.
[<Struct>]
type Hash32 = private {
    A: uint64
    B: uint64
    C: uint64
    D: uint64
} with

    /// The 32 bytes.
    member h.Bytes =
        let b = Array.zeroCreate<byte> 32
        BinaryPrimitives.WriteUInt64BigEndian(b.AsSpan 0, h.A)
        BinaryPrimitives.WriteUInt64BigEndian(b.AsSpan 8, h.B)
        BinaryPrimitives.WriteUInt64BigEndian(b.AsSpan 16, h.C)
        BinaryPrimitives.WriteUInt64BigEndian(b.AsSpan 24, h.D)
        b

    /// `0x` and 64 digits.
    member h.Text = Hex.text (ReadOnlySpan h.Bytes)
    override h.ToString() = h.Text

/// Making hashes.
module Hash32 =
    /// How many bytes a hash takes.
    [<Literal>]
    let Length = 32

    /// 32 zero bytes.
    let zero = { A = 0UL; B = 0UL; C = 0UL; D = 0UL }

    /// A hash from exactly 32 bytes, or nothing.
    let tryOfBytes (bytes: ReadOnlySpan<byte>) : Hash32 voption =
        if bytes.Length <> Length then
            ValueNone
        else
            ValueSome {
                A = BinaryPrimitives.ReadUInt64BigEndian bytes
                B = BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice 8)
                C = BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice 16)
                D = BinaryPrimitives.ReadUInt64BigEndian(bytes.Slice 24)
            }

    /// A hash from `0x` and 64 digits, or nothing.
    let tryParse (text: string) : Hash32 voption =
        match Hex.tryBytes text with
        | ValueSome b -> tryOfBytes (ReadOnlySpan b)
        | ValueNone -> ValueNone

    /// The SHA-256 of some bytes.
    let sha256 (bytes: ReadOnlySpan<byte>) : Hash32 =
        match tryOfBytes (ReadOnlySpan(Security.Cryptography.SHA256.HashData bytes)) with
        | ValueSome h -> h
        | ValueNone -> zero

/// Which token an amount is of. As bytes: empty for the native coin, `<contract address>:<name>` for a contract's own token.
[<RequireQualifiedAccess>]
type TokenId =
    | Native
    | Of of contract: Address * name: string

    /// The id as guests write it.
    member t.Text =
        match t with
        | Native -> ""
        | Of(contract, name) -> contract.Text + ":" + name

    override t.ToString() = t.Text

/// Making token ids.
module TokenId =
    /// How long a name may be, in bytes of UTF-8.
    [<Literal>]
    let MaxNameBytes = 128

    /// A contract's own token: a name of 1 to 128 bytes without lone surrogates.
    let tryOf (contract: Address) (name: string) : TokenId voption =
        if isNull name || name = "" || name.Length > MaxNameBytes then
            ValueNone
        else
            let bytes = Utf8.bytes name

            match Utf8.tryText (ReadOnlySpan bytes) with
            | ValueSome back when back = name && bytes.Length <= MaxNameBytes -> ValueSome(TokenId.Of(contract, name))
            | _ -> ValueNone

    /// A token id from text, or nothing. The part before the colon is an address and is kept in lower case.
    let tryParse (text: string) : TokenId voption =
        if isNull text then
            ValueNone
        elif text = "" then
            ValueSome TokenId.Native
        elif text.Length < Address.Length + 2 || text[Address.Length] <> ':' then
            ValueNone
        else
            match Address.tryParse (text.Substring(0, Address.Length)) with
            | ValueSome contract -> tryOf contract (text.Substring(Address.Length + 1))
            | ValueNone -> ValueNone

    /// A token id from its bytes, or nothing.
    let tryOfBytes (bytes: ReadOnlySpan<byte>) : TokenId voption =
        if bytes.Length > Address.Length + 1 + MaxNameBytes then
            ValueNone
        else
            match Utf8.tryText bytes with
            | ValueSome text -> tryParse text
            | ValueNone -> ValueNone

/// A key in a contract's own state: any bytes, ordered byte by byte (a prefix comes first).
[<Sealed>]
type StateKey(bytes: byte[]) =
    /// The key's bytes; not to be changed.
    member _.Bytes = bytes
    override _.ToString() = Hex.text (ReadOnlySpan bytes)

    override _.GetHashCode() =
        let mutable h = HashCode()
        h.AddBytes(ReadOnlySpan bytes)
        h.ToHashCode()

    override _.Equals other =
        match other with
        | :? StateKey as k -> ReadOnlySpan(bytes).SequenceEqual(ReadOnlySpan k.Bytes)
        | _ -> false

    interface IEquatable<StateKey> with
        member _.Equals k = ReadOnlySpan(bytes).SequenceEqual(ReadOnlySpan k.Bytes)

    interface IComparable with
        member _.CompareTo other =
            match other with
            | :? StateKey as k -> ReadOnlySpan(bytes).SequenceCompareTo(ReadOnlySpan k.Bytes)
            | _ -> invalidArg (nameof other) "not a state key"

/// A persistent sequence that only grows at its end, in constant time, with structural equality.
[<CustomEquality; NoComparison>]
type Sequence<'T when 'T: equality> = private {
    Reversed: 'T list
    Length: int
} with

    /// How many items there are.
    member s.Count = s.Length

    /// The items, first to last.
    member s.Items: 'T[] =
        let items = List.toArray s.Reversed
        Array.Reverse items
        items

    override s.GetHashCode() = hash s.Reversed

    override s.Equals other =
        match other with
        | :? Sequence<'T> as o -> s.Length = o.Length && s.Reversed = o.Reversed
        | _ -> false

/// Building sequences.
module Sequence =
    /// Nothing yet.
    let empty<'T when 'T: equality> : Sequence<'T> = { Reversed = []; Length = 0 }

    /// One more item at the end.
    let add (item: 'T) (s: Sequence<'T>) : Sequence<'T> = { Reversed = item :: s.Reversed; Length = s.Length + 1 }

    /// A sequence of these items.
    let ofSeq (items: 'T seq) : Sequence<'T> = Seq.fold (fun s i -> add i s) empty items

    /// Whether some item passes the test.
    let exists (test: 'T -> bool) (s: Sequence<'T>) : bool = List.exists test s.Reversed
