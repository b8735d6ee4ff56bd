namespace Twofold.Cli

// Arguments of any export, typed by its parameters.
// In: text and a value type. Out: the bits, or a sentence that says what would have been right.

open System
open System.Globalization
open Twofold.Wasm

module Values =
    let private culture = CultureInfo.InvariantCulture

    /// An integer of either sign or in hexadecimal that fits so many bits.
    let private integer (bits: int) (text: string) : uint64 voption =
        let negative = text.StartsWith '-'
        let digits = text.TrimStart('-').Replace("_", "")

        let parsed =
            if digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) then
                UInt64.TryParse(digits.AsSpan 2, NumberStyles.AllowHexSpecifier, culture)
            else
                UInt64.TryParse(digits, NumberStyles.None, culture)

        match parsed with
        | true, n when not negative && (bits = 64 || n < (1UL <<< bits)) -> ValueSome n
        | true, n when negative && n <= (1UL <<< (bits - 1)) ->
            ValueSome((0UL - n) &&& (if bits = 64 then UInt64.MaxValue else (1UL <<< bits) - 1UL))
        | _ -> ValueNone

    let private float (text: string) : double voption =
        match text.TrimStart('-', '+').ToLowerInvariant() with
        | "inf"
        | "infinity" -> ValueSome(if text.StartsWith '-' then Double.NegativeInfinity else Double.PositiveInfinity)
        | "nan" -> ValueSome Double.NaN
        | _ ->
            match Double.TryParse(text, NumberStyles.Float, culture) with
            | true, d -> ValueSome d
            | _ -> ValueNone

    // The canonical NaN, whatever the host's own is.
    let private f32Bits (text: string) =
        match text.TrimStart('-', '+').ToLowerInvariant() with
        | "nan" -> ValueSome 0x7FC00000UL
        | "inf"
        | "infinity" -> float text |> ValueOption.map (fun d -> uint64 (BitConverter.SingleToUInt32Bits(float32 d)))
        | _ ->
            match Single.TryParse(text, NumberStyles.Float, culture) with
            | true, s -> ValueSome(uint64 (BitConverter.SingleToUInt32Bits s))
            | _ -> ValueNone

    let private f64Bits (text: string) =
        float text
        |> ValueOption.map (fun d -> if Double.IsNaN d then 0x7FF8000000000000UL else BitConverter.DoubleToUInt64Bits d)

    let private argument (entry: string) (t: FuncType) (index: int) (text: string) : Result<uint64, string> =
        let wanted = t.Params[index]

        let bits, expected =
            if wanted = ValType.I32 then integer 32 text, "a whole number of 32 bits, like 7, -1 or 0xff"
            elif wanted = ValType.I64 then integer 64 text, "a whole number of 64 bits, like 7, -1 or 0xff"
            elif wanted = ValType.F32 then f32Bits text, "a number, like 1.5, -2e10, inf or nan"
            elif wanted = ValType.F64 then f64Bits text, "a number, like 1.5, -2e10, inf or nan"
            else ValueNone, "nothing that a command line can give"

        match bits with
        | ValueSome b -> Ok b
        | ValueNone -> Error $"argument {index + 1} of '{entry}' is {wanted}: expected {expected}, found '{text}'"

    /// The bits of a call's arguments.
    let arguments (entry: string) (t: FuncType) (given: string list) : Result<uint64 list, string> =
        if given.Length <> t.Params.Length then
            Error $"'{entry}' is {t}: expected {t.Params.Length} argument(s), found {given.Length}"
        else
            given |> List.mapi (argument entry t) |> FsToolkit.ErrorHandling.List.sequenceResultM
