namespace Twofold.Cli

// Text of the command line and files to values. Every failure is one sentence that names the option or the file.
// In: paths, addresses, hexadecimal, snapshots. Out: values or that sentence.

open System
open System.IO
open System.Text
open System.Text.Json
open FsToolkit.ErrorHandling
open Twofold.Wasm.Text
open Twofold.HostAbi
open Twofold.Engine

module Inputs =
    let bytes (path: string) : Result<byte[], string> = Files.read path

    /// A module's bytes in the binary format: text is told by its content, not by the file's name, and encoded.
    let moduleBytes (path: string) : Result<byte[], string> =
        bytes path
        |> Result.bind (fun b -> if Wat.isText b then Wat.parseBytes b |> Result.mapError (fun e -> $"{path}: {e}") else Ok b)

    let private strict = UTF8Encoding(false, true)

    let private textOf path (bytes: byte[]) =
        try
            Ok((strict.GetString bytes).TrimStart '\uFEFF')
        with :? DecoderFallbackException ->
            Error $"{path}: the file is not UTF-8 text"

    let text (path: string) : Result<string, string> = bytes path |> Result.bind (textOf path)

    let write (path: string) (text: string) : Result<unit, string> = Files.attempt path (fun () -> File.WriteAllText(path, text))

    let writeBytes (path: string) (bytes: byte[]) : Result<unit, string> = Files.attempt path (fun () -> File.WriteAllBytes(path, bytes))

    /// Text as it is, or bytes as `0x...`.
    let textOrHex (option: string) (given: string) : Result<byte[], string> =
        if given.StartsWith("0x", StringComparison.Ordinal) then
            match Hex.tryBytes given with
            | ValueSome b -> Ok b
            | ValueNone -> Error $"{option}: '{given}' begins with 0x but is not hexadecimal bytes (an even number of digits)"
        else
            Ok(Utf8.bytes given)

    /// `--claim`, both sides.
    let claim (claim: string, value: string) : Result<DeclaredClaim, string> =
        result {
            let! claim = textOrHex "--claim" claim
            let! value = textOrHex "--claim" value
            return { Claim = claim; Value = value; Evidence = [||] }
        }

    /// `--params`: text, `@file` or `0x...`.
    let parameters (given: string) : Result<byte[], string> =
        if given.StartsWith '@' then
            bytes (given.Substring 1) |> Result.mapError (fun e -> $"--params: {e}")
        else
            textOrHex "--params" given

    let address (option: string) (given: string) : Result<Address, string> =
        match Address.tryParse given with
        | ValueSome a -> Ok a
        | ValueNone -> Error $"{option}: '{given}' is not an address, 0x and 40 hexadecimal digits"

    let hash (option: string) (given: string) : Result<Hash32, string> =
        match Hash32.tryParse given with
        | ValueSome h -> Ok h
        | ValueNone -> Error $"{option}: '{given}' is not a hash, 0x and 64 hexadecimal digits"

    let hex (option: string) (given: string) : Result<byte[], string> =
        match Hex.tryBytes given with
        | ValueSome b -> Ok b
        | ValueNone -> Error $"{option}: '{given}' is not hexadecimal bytes, 0x and an even number of digits"

    let profile (given: string) : Result<Profile, string> =
        match Profile.tryFind given with
        | Some p -> Ok p
        | None ->
            let names = Profile.all |> List.map _.Name |> String.concat ", "
            Error $"--profile: there is no profile '{given}'; there are {names}"

    /// `--timeout`: the profile with another deadline.
    let deadline (seconds: float option) (profile: Profile) : Result<Profile, string> =
        match seconds with
        | None -> Ok profile
        | Some s when Double.IsFinite s && s >= 0.0 && s <= 1e6 -> Ok { profile with Deadline = TimeSpan.FromSeconds s }
        | Some s -> Error $"--timeout: {s} is not a number of seconds from 0 to 1000000"

    let private snapshotOf path json = SnapshotJson.ofJson json |> Result.mapError (fun e -> $"{path}: {e}")

    /// The bytes of one key's file; its name is the key as snapshots spell it, text or 0x... in hexadecimal.
    let private stateFile (file: string) = bytes file |> Result.map (fun value -> Path.GetFileName file, Hex.text (ReadOnlySpan value))

    // A folder is read into the one JSON form, so that both kinds of snapshot have the same rules and the same messages.
    let private folder (path: string) =
        result {
            let part name =
                let file = Path.Combine(path, name)
                if File.Exists file then text file |> Result.map Some else Ok None

            let! utxos = part "utxos.json"
            let! block = part "block.json"
            let state = Path.Combine(path, "state")

            let! contracts =
                if Directory.Exists state then
                    Files.attempt state (fun () ->
                        Directory.GetDirectories state |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> List.ofArray)
                else
                    Ok []

            if utxos.IsNone && block.IsNone && not (Directory.Exists state) then
                return! Error $"{path}: a snapshot folder has utxos.json, block.json or state/ADDRESS/KEY; this one has none of them"

            let! contracts =
                contracts
                |> List.traverseResultM (fun dir ->
                    Files.attempt dir (fun () ->
                        Directory.GetFiles dir |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> List.ofArray)
                    |> Result.bind (List.traverseResultM stateFile)
                    |> Result.map (fun values -> Path.GetFileName dir, values))

            // Each part is parsed by itself first: what is wrong in it is then said with its own file's name.
            let raw name (json: string) =
                try
                    use _ = JsonDocument.Parse json
                    Ok()
                with :? JsonException as e ->
                    Error $"{Path.Combine(path, name)}: {e.Message}"

            do! utxos |> Option.map (raw "utxos.json") |> Option.defaultValue (Ok())
            do! block |> Option.map (raw "block.json") |> Option.defaultValue (Ok())

            use stream = new MemoryStream()

            do
                use w = new Utf8JsonWriter(stream)
                w.WriteStartObject()

                let copy (name: string) json =
                    w.WritePropertyName name
                    w.WriteRawValue(json: string)

                utxos |> Option.iter (copy "utxos")
                block |> Option.iter (copy "block")
                w.WriteStartObject "state"

                for contract, values in contracts do
                    w.WriteStartObject contract

                    for key, value in values do
                        w.WriteString(key, value)

                    w.WriteEndObject()

                w.WriteEndObject()
                w.WriteEndObject()

            return! snapshotOf path (Encoding.UTF8.GetString(stream.ToArray()))
        }

    /// `--state`: a JSON file or a folder.
    let snapshot (path: string) : Result<Snapshot, string> =
        if Directory.Exists path then folder path else text path |> Result.bind (snapshotOf path)
