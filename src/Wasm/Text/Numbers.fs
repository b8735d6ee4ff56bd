namespace Twofold.Wasm.Text

// Numbers of the text format (core specification, sections 6.3.1 and 6.3.2), to the last bit.
// In: a token's characters. Out: bits, or why there are none. Floats are rounded once, straight to their own width.

open System
open System.Globalization

/// Why a token has no value of the type that is asked for.
[<RequireQualifiedAccess>]
type internal NumberError =
    /// Another kind of number, or none: the parser says "unexpected token".
    | Shape
    | Range

module internal Numbers =
    let private isDigit (b: byte) = b >= byte '0' && b <= byte '9'
    let private isHex (b: byte) = b < 128uy && Char.IsAsciiHexDigit(char b)

    /// The offset after `digit (_? digit)*`, or -1.
    let private digits (t: ReadOnlySpan<byte>) (start: int) (hex: bool) : int =
        let mutable i = start
        let mutable ok = true
        let mutable wanted = true

        while ok && i < t.Length do
            if (if hex then isHex t[i] else isDigit t[i]) then
                wanted <- false
                i <- i + 1
            elif t[i] = byte '_' && not wanted then
                wanted <- true
                i <- i + 1
            else
                ok <- false

        if wanted then -1 else i

    let private startsWith (t: ReadOnlySpan<byte>) (start: int) (text: string) =
        t.Length >= start + text.Length && Text.Ascii.Equals(t.Slice(start, text.Length), text.AsSpan())

    let private afterSign (t: ReadOnlySpan<byte>) = if t.Length > 0 && (t[0] = byte '+' || t[0] = byte '-') then 1 else 0

    /// `inf`, `nan` or `nan:0x...` from an offset to the end.
    let private isSpecial (t: ReadOnlySpan<byte>) (i: int) =
        (t.Length = i + 3 && (startsWith t i "inf" || startsWith t i "nan"))
        || (startsWith t i "nan:0x" && digits t (i + 6) true = t.Length)

    /// Is it an integer or float literal?
    let isNumber (t: ReadOnlySpan<byte>) : bool =
        let start = afterSign t

        if isSpecial t start then
            true
        else
            let hex = startsWith t start "0x"
            let mutable i = digits t (if hex then start + 2 else start) hex

            if i > 0 && i < t.Length && t[i] = byte '.' then
                i <- i + 1

                if i < t.Length && (if hex then isHex t[i] else isDigit t[i]) then
                    i <- digits t i hex

            let isExponent (b: byte) = if hex then b ||| 32uy = byte 'p' else b ||| 32uy = byte 'e'

            if i > 0 && i < t.Length && isExponent t[i] then
                i <- i + 1

                if i < t.Length && (t[i] = byte '+' || t[i] = byte '-') then
                    i <- i + 1

                i <- digits t i false

            i = t.Length

    /// The magnitude of an integer literal.
    let private magnitude (text: string) (start: int) : Result<uint64, NumberError> =
        let hex = String.CompareOrdinal(text, start, "0x", 0, 2) = 0
        let radix = if hex then 16UL else 10UL
        let mutable value = 0UL
        let mutable error = ValueNone

        for i in (if hex then start + 2 else start) .. text.Length - 1 do
            let c = text[i]

            if c <> '_' && error.IsNone then
                if not (if hex then Char.IsAsciiHexDigit c else Char.IsAsciiDigit c) then
                    error <- ValueSome NumberError.Shape
                else
                    let d = uint64 (Convert.ToInt32(string c, 16))

                    if value > (UInt64.MaxValue - d) / radix then
                        error <- ValueSome NumberError.Range
                    else
                        value <- value * radix + d

        match error with
        // The rest may still show that it is a float: "99999999999999999999.5" is no integer at all.
        | ValueSome NumberError.Range when text.Contains '.' -> Error NumberError.Shape
        | ValueSome e -> Error e
        | ValueNone -> Ok value

    /// An integer of 8 to 64 bits as its bits, signed and unsigned ranges both allowed (core 6.3.1: uninterpreted integers).
    let integer (width: int) (text: string) : Result<uint64, NumberError> =
        let mask = if width = 64 then UInt64.MaxValue else (1UL <<< width) - 1UL
        let signed = text[0] = '-' || text[0] = '+'

        magnitude text (if signed then 1 else 0)
        |> Result.bind (fun m ->
            if text[0] = '-' then
                if m > (1UL <<< (width - 1)) then Error NumberError.Range else Ok((0UL - m) &&& mask)
            elif m > mask then
                Error NumberError.Range
            else
                Ok m)

    /// An index, size or offset: no sign.
    let natural (width: int) (text: string) : Result<uint64, NumberError> =
        if text[0] = '-' || text[0] = '+' then Error NumberError.Shape else integer width text

    /// Rounds `mantissa * 2^exponent` (plus something less than one unit if sticky) to nearest, ties to even.
    /// `bits` is the significand's width with its hidden bit, `least` the exponent of the smallest subnormal.
    let private round (bits: int) (least: int) (mantissa: uint64) (exponent: int) (sticky: bool) : Result<uint64, NumberError> =
        if mantissa = 0UL then
            Ok 0UL
        else
            let length = 64 - Numerics.BitOperations.LeadingZeroCount mantissa
            // The exponent of the result's last bit: a full significand, or the subnormals' grid.
            let last = max (exponent + length - bits) least
            let drop = last - exponent

            let rounded =
                if drop <= 0 then
                    mantissa <<< (-drop)
                elif drop > 64 then
                    0UL
                else
                    let kept = if drop = 64 then 0UL else mantissa >>> drop
                    let half = 1UL <<< (drop - 1)
                    let rest = if drop = 64 then mantissa else mantissa &&& ((1UL <<< drop) - 1UL)
                    let up = rest > half || (rest = half && (sticky || kept &&& 1UL = 1UL))
                    if up then kept + 1UL else kept

            // A carry out of the significand, or into the normal numbers, is right by itself in this encoding.
            let biased = uint64 (last - least)
            let encoded = if rounded < (1UL <<< (bits - 1)) then rounded else (biased <<< (bits - 1)) + rounded
            let infinity = (if bits = 24 then 0xFFUL else 0x7FFUL) <<< (bits - 1)
            if biased > 0x7FFUL || encoded >= infinity then Error NumberError.Range else Ok encoded

    /// `h.hhhp+d`: the first sixteen significant digits, the rest as a sticky bit.
    let private hexFloat (bits: int) (least: int) (text: string) : Result<uint64, NumberError> =
        let mutable mantissa = 0UL
        let mutable sticky = false
        let mutable scale = 0L
        let mutable fraction = false
        let mutable i = 2

        while i < text.Length && text[i] <> 'p' && text[i] <> 'P' do
            let c = text[i]

            if c = '.' then
                fraction <- true
            elif c <> '_' then
                let d = uint64 (Convert.ToInt32(string c, 16))

                if mantissa < 0x1000000000000000UL then
                    mantissa <- mantissa * 16UL + d
                    scale <- if fraction then scale - 4L else scale
                else
                    sticky <- sticky || d <> 0UL
                    scale <- if fraction then scale else scale + 4L

            i <- i + 1

        let mutable power = 0L

        if i < text.Length then
            for c in text.AsSpan(i + 1) do
                if Char.IsAsciiDigit c then
                    // Saturating far beyond what any text's digits could make up for.
                    power <- min (1L <<< 50) (power * 10L + int64 (int c - int '0'))

            if text[i + 1] = '-' then
                power <- -power

        let exponent = int (Math.Clamp(power + scale, -100_000L, 100_000L))
        round bits least mantissa exponent sticky

    let private finite (bits: int) (text: string) : Result<uint64, NumberError> =
        if text.StartsWith("0x", StringComparison.Ordinal) then
            hexFloat bits (if bits = 24 then -149 else -1074) text
        else
            // .NET's parsers round correctly, each to its own width, from any number of digits.
            let plain = text.Replace("_", "")

            let encoded =
                if bits = 24 then
                    Single.Parse(plain, NumberStyles.Float, CultureInfo.InvariantCulture) |> BitConverter.SingleToUInt32Bits |> uint64
                else
                    Double.Parse(plain, NumberStyles.Float, CultureInfo.InvariantCulture) |> BitConverter.DoubleToUInt64Bits

            let infinity = (if bits = 24 then 0xFFUL else 0x7FFUL) <<< (bits - 1)
            if encoded >= infinity then Error NumberError.Range else Ok encoded

    /// A float's bits; `bits` is 24 for f32 and 53 for f64.
    let private float (bits: int) (text: string) : Result<uint64, NumberError> =
        let start = if text[0] = '-' || text[0] = '+' then 1 else 0
        let body = text.Substring start
        let infinity = (if bits = 24 then 0xFFUL else 0x7FFUL) <<< (bits - 1)
        let bytes = Text.Encoding.ASCII.GetBytes body

        let unsigned =
            if not (isNumber bytes) then
                Error NumberError.Shape
            elif body = "inf" then
                Ok infinity
            elif body = "nan" then
                Ok(infinity ||| (1UL <<< (bits - 2)))
            elif body.StartsWith("nan:", StringComparison.Ordinal) then
                match magnitude body 4 with
                | Ok payload when payload > 0UL && payload < (1UL <<< (bits - 1)) -> Ok(infinity ||| payload)
                | _ -> Error NumberError.Range
            else
                finite bits body

        unsigned |> Result.map (fun u -> if text[0] = '-' then u ||| (if bits = 24 then 1UL <<< 31 else 1UL <<< 63) else u)

    let f32 (text: string) : Result<uint32, NumberError> = float 24 text |> Result.map uint32
    let f64 (text: string) : Result<uint64, NumberError> = float 53 text
