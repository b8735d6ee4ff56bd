namespace Twofold.Wasm.Binary

// Reads the binary format's primitives (core specification, section 5.2) from a range of a module's bytes.
// In: bytes, a range, the features that are on. Out: values; the first error sticks, later reads give zeros, nothing is thrown or allocated.

open System
open System.Text
open Twofold.Wasm

/// A cursor with a sticky error. After an error the cursor stands at the end, so every loop that tests `Ok` or reads on stops soon.
[<Sealed; AllowNullLiteral>]
type internal Reader =
    val Bytes: byte[]
    val Features: Features
    val mutable Pos: int
    val mutable End: int
    /// End of what encloses the range: a body's section; never less than End where it matters.
    val mutable Outer: int
    val mutable Failed: bool
    val mutable private error: Rejected
    val mutable private need: Rejected
    val mutable private needed: bool
    /// Where reading stands, for messages: a section's name, and the item in its vector or -1.
    val mutable Place: string
    val mutable Item: int
    /// An item whose offset is asked for, and where it was found: errors that show only later are placed by reading again.
    val mutable WantedPlace: string
    val mutable WantedItem: int
    val mutable FoundAt: int
    /// What to say when bytes run out: `unexpected end` between sections, longer inside.
    val mutable EndMessage: string

    new(bytes: byte[], features: Features) =
        {
            Bytes = bytes
            Features = features
            Pos = 0
            End = bytes.Length
            Outer = 0
            Failed = false
            error = Unchecked.defaultof<_>
            need = Unchecked.defaultof<_>
            needed = false
            Place = ""
            Item = -1
            WantedPlace = null
            WantedItem = -1
            FoundAt = -1
            EndMessage = "unexpected end"
        }

    member r.Ok = not r.Failed

    /// The first error: a malformed byte wins over a feature that is off, since a later byte may show that this is no module at all.
    member r.Error = if r.Failed then r.error else r.need

    /// Neither an error nor a missing feature.
    member r.Clean = not r.Failed && not r.needed

    member private r.Placed(rejected: Rejected) =
        if rejected.Where <> "" || r.Place = "" then rejected
        elif r.Item < 0 then { rejected with Where = r.Place }
        else { rejected with Where = $"{r.Place}, item {r.Item}" }

    member r.Reject(rejected: Rejected) =
        if not r.Failed then
            r.Failed <- true
            r.error <- r.Placed rejected

        r.Pos <- r.End

    member r.Fail(offset: int, message: string) = r.Reject(Rejected.malformed offset message)

    /// Notes that the module needs a feature; the first one that is off is reported if nothing is malformed.
    member r.Need(feature: Feature, offset: int, what: string) =
        if not (r.Features.Has feature) && not r.needed then
            r.needed <- true
            r.need <- r.Placed(Reader.Missing(feature, offset, what))

    /// Tags and `throw` belong to both forms of exceptions.
    member r.NeedTags(offset: int, what: string) =
        if not (r.Features.Has Feature.LegacyExceptions) then
            r.Need(Feature.Exceptions, offset, what)

    /// The next item of a section begins.
    member r.Enter(item: int) =
        r.Item <- item

        if item = r.WantedItem && r.Place = r.WantedPlace then
            r.FoundAt <- r.Pos

    static member Missing(feature: Feature, offset: int, what: string) =
        Rejected.at (RejectKind.Feature feature) offset $"{what} belongs to the {Feature.name feature} feature"

    member r.Byte() : byte =
        let p = r.Pos

        if p < r.End then
            r.Pos <- p + 1
            r.Bytes[p]
        else
            r.Fail(p, r.EndMessage)
            0uy

    /// The next byte without moving; 0 at the end.
    member r.Peek() : byte = if r.Pos < r.End then r.Bytes[r.Pos] else 0uy

    /// Unsigned LEB128 of at most `bits` bits, checked as the reference interpreter does.
    member r.Unsigned(bits: int) : uint64 =
        let mutable left = bits
        let mutable shift = 0
        let mutable value = 0UL
        let mutable more = true

        while more do
            if left <= 0 then
                r.Fail(r.Pos, "integer representation too long")
                more <- false
            else
                let b = r.Byte()

                if left < 7 && (b &&& 0x7Fuy) >= (1uy <<< left) then
                    r.Fail(r.Pos - 1, "integer too large")

                value <- value ||| (uint64 (b &&& 0x7Fuy) <<< shift)
                shift <- shift + 7
                left <- left - 7
                more <- b >= 0x80uy && r.Ok

        if r.Failed then 0UL else value

    /// Signed LEB128 of at most `bits` bits.
    member r.Signed(bits: int) : int64 =
        let mutable left = bits
        let mutable shift = 0
        let mutable value = 0L
        let mutable more = true

        while more do
            if left <= 0 then
                r.Fail(r.Pos, "integer representation too long")
                more <- false
            else
                let b = r.Byte()

                if left < 7 then
                    let mask = byte ((-1 <<< (left - 1)) &&& 0x7F)

                    if b &&& mask <> 0uy && b &&& mask <> mask then
                        r.Fail(r.Pos - 1, "integer too large")

                value <- value ||| (int64 (b &&& 0x7Fuy) <<< shift)
                shift <- shift + 7
                left <- left - 7
                more <- b >= 0x80uy && r.Ok

                if not more && b &&& 0x40uy <> 0uy && shift < 64 then
                    value <- value ||| (-1L <<< shift)

        if r.Failed then 0L else value

    member r.U32() : uint32 =
        let p = r.Pos

        if p < r.End && r.Bytes[p] < 0x80uy then
            r.Pos <- p + 1
            uint32 r.Bytes[p]
        else
            uint32 (r.Unsigned 32)

    /// An index: a u32 kept in an int; values above 2^31 turn negative and are out of range for every unsigned comparison.
    member r.Index() : int = int (r.U32())

    member r.U64() : uint64 =
        let p = r.Pos

        if p < r.End && r.Bytes[p] < 0x80uy then
            r.Pos <- p + 1
            uint64 r.Bytes[p]
        else
            r.Unsigned 64

    member r.S32() : int = int (r.Signed 32)
    member r.S33() : int64 = r.Signed 33
    member r.S64() : int64 = r.Signed 64

    member r.Fixed32() : uint32 =
        if r.End - r.Pos >= 4 then
            let v = Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(ReadOnlySpan(r.Bytes, r.Pos, 4))
            r.Pos <- r.Pos + 4
            v
        else
            r.Fail(r.End, r.EndMessage)
            0u

    member r.Fixed64() : uint64 =
        if r.End - r.Pos >= 8 then
            let v = Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan(r.Bytes, r.Pos, 8))
            r.Pos <- r.Pos + 8
            v
        else
            r.Fail(r.End, r.EndMessage)
            0UL

    /// A length in bytes that must fit into what is left.
    member r.Length() : int =
        let at = r.Pos
        let n = r.U32()

        if r.Ok && uint64 n > uint64 (r.End - r.Pos) then
            r.Fail(at, "length out of bounds")

        if r.Failed then 0 else int n

    /// The count of a vector whose items take at least one byte each: what cannot fit is refused before anything is allocated.
    member r.Count(allowed: int, what: string) : int =
        let at = r.Pos
        let n = r.U32()

        if r.Ok then
            if uint64 n > uint64 (r.End - r.Pos) then
                r.Fail(at, r.EndMessage)
            elif n > uint32 allowed then
                r.Reject(Rejected.limit at $"too many {what}" allowed (int64 n))

        if r.Failed then 0 else int n

    /// A name (core 5.2.4).
    member r.Name() : string =
        let n = r.Length()
        let span = ReadOnlySpan(r.Bytes, r.Pos, n)

        if Unicode.Utf8.IsValid span then
            r.Pos <- r.Pos + n
            Encoding.UTF8.GetString span
        else
            r.Fail(r.Pos, "malformed UTF-8 encoding")
            ""
