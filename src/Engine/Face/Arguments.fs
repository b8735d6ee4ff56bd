namespace Twofold

// Checks at the C# face's entry: null, and text that must be an address, a hash or a token id.
// In: what a C# caller gave. Out: F# values, or the ArgumentException that names the parameter.

open System
open System.Collections.Generic
open Twofold.HostAbi

module internal Arguments =
    let notNull (name: string) (value: 'T) : 'T =
        if isNull (box value) then
            raise (ArgumentNullException name)

        value

    let private parsed (name: string) (what: string) (text: string) (value: 'T voption) : 'T =
        match value with
        | ValueSome v -> v
        | ValueNone -> raise (ArgumentException($"expected {what}, found '{text}'", name))

    let address name (text: string) = Address.tryParse (notNull name text) |> parsed name "an address, 0x and 40 hexadecimal digits" text

    let hash name (text: string) = Hash32.tryParse (notNull name text) |> parsed name "32 bytes, 0x and 64 hexadecimal digits" text

    let token name (text: string) =
        TokenId.tryParse (notNull name text) |> parsed name "a token id, empty or <contract address>:<name>" text

    /// A copy: what C# hosts do with their array afterwards changes nothing here.
    let bytes name (value: byte[]) : byte[] = Array.copy (notNull name value)

    let atLeast name (least: int64) (value: int64) =
        if value < least then
            raise (ArgumentOutOfRangeException(name, value, $"at least {least}"))

        value

    let list (items: 'T seq) : IReadOnlyList<'T> = Array.ofSeq items |> Array.AsReadOnly :> IReadOnlyList<'T>
