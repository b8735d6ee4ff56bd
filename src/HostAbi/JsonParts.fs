namespace Twofold.HostAbi

// The pieces of the readable form: how bytes, numbers, tokens, locks and outputs look in JSON, and how they are read back.
// In: values or a parsed DOM. Out: JSON with a fixed order of keys, or values; an error names the path to what is wrong.

open System
open System.Text.Json
open FsToolkit.ErrorHandling

/// Reading and writing the parts that drafts, effects and snapshots share.
///
/// 64-bit numbers are always strings in decimal (JSON's numbers are exact only to 2^53, and one form is easier than two). Bytes are a string:
/// as text when they are printable UTF-8 that does not begin with `0x`, otherwise `0x` and hexadecimal digits.
module Json =
    /// A value, or the path and what was expected there.
    type Read<'T> = Result<'T, string>

    let private fail (path: string) (expected: string) : Read<'T> = Error $"{path}: expected {expected}"

    let private isPlain (text: string) = not (text.StartsWith("0x", StringComparison.Ordinal)) && not (Seq.exists Char.IsControl text)

    /// How bytes look.
    let bytesText (bytes: byte[]) : string =
        match Utf8.tryText (ReadOnlySpan bytes) with
        | ValueSome text when isPlain text -> text
        | _ -> Hex.text (ReadOnlySpan bytes)

    /// Bytes from how they look.
    let tryBytes (text: string) : byte[] voption =
        if text.StartsWith("0x", StringComparison.Ordinal) then
            Hex.tryBytes text
        else
            let bytes = Utf8.bytes text

            match Utf8.tryText (ReadOnlySpan bytes) with
            | ValueSome back when back = text -> ValueSome bytes
            | _ -> ValueNone

    // A DOM unescapes strings and names when they are asked for, and throws when an escape is a lone surrogate; nothing else tells before.
    let private unescaped (path: string) (ask: unit -> Read<'T>) : Read<'T> =
        try
            ask ()
        with :? InvalidOperationException ->
            fail path "valid Unicode"

    /// The property of an object, if it is there.
    let tryField (path: string) (name: string) (e: JsonElement) : Read<JsonElement voption> =
        if e.ValueKind <> JsonValueKind.Object then
            fail path "an object"
        else
            unescaped path (fun () ->
                match e.TryGetProperty name with
                | true, found -> Ok(ValueSome found)
                | _ -> Ok ValueNone)

    /// The property of an object.
    let field (path: string) (name: string) (e: JsonElement) : Read<JsonElement> =
        match tryField path name e with
        | Ok(ValueSome found) -> Ok found
        | Ok ValueNone -> Error $"{path}: \"{name}\" is missing"
        | Error e -> Error e

    /// The properties of an object, in order.
    let properties (path: string) (e: JsonElement) : Read<(string * JsonElement) list> =
        if e.ValueKind <> JsonValueKind.Object then
            fail path "an object"
        else
            unescaped path (fun () -> Ok [ for p in e.EnumerateObject() -> p.Name, p.Value ])

    /// A string. One with a lone surrogate is none.
    let text (path: string) (e: JsonElement) : Read<string> =
        if e.ValueKind <> JsonValueKind.String then
            fail path "a string"
        else
            unescaped path (fun () -> Ok(e.GetString()))

    let private parsed (what: string) (parse: string -> 'T voption) (path: string) (e: JsonElement) : Read<'T> =
        text path e
        |> Result.bind (fun s ->
            match parse s with
            | ValueSome value -> Ok value
            | ValueNone -> fail path what)

    let private tryU64 (s: string) =
        match UInt64.TryParse(s, Globalization.NumberStyles.None, Globalization.CultureInfo.InvariantCulture) with
        | true, n -> ValueSome n
        | _ -> ValueNone

    /// Bytes.
    let bytes (path: string) (e: JsonElement) : Read<byte[]> = parsed "bytes (text, or 0x and digits)" tryBytes path e
    /// An address.
    let address (path: string) (e: JsonElement) : Read<Address> = parsed "an address" Address.tryParse path e
    /// A hash.
    let hash (path: string) (e: JsonElement) : Read<Hash32> = parsed "a hash of 32 bytes" Hash32.tryParse path e
    /// A token id.
    let token (path: string) (e: JsonElement) : Read<TokenId> = parsed "a token id" TokenId.tryParse path e

    /// An unsigned number of 64 bits: a decimal string, or a plain number where somebody wrote one by hand.
    let u64 (path: string) (e: JsonElement) : Read<uint64> =
        if e.ValueKind = JsonValueKind.Number then
            match e.TryGetUInt64() with
            | true, n -> Ok n
            | _ -> fail path "an unsigned 64-bit number"
        else
            parsed "an unsigned 64-bit number" tryU64 path e

    /// An unsigned number of 32 bits.
    let u32 (path: string) (e: JsonElement) : Read<uint32> =
        if e.ValueKind <> JsonValueKind.Number then
            fail path "a number"
        else
            match e.TryGetUInt32() with
            | true, n -> Ok n
            | _ -> fail path "an unsigned 32-bit number"

    /// An array, item by item.
    let list (path: string) (item: string -> JsonElement -> Read<'T>) (e: JsonElement) : Read<'T list> =
        if e.ValueKind <> JsonValueKind.Array then
            fail path "an array"
        else
            Seq.toList (e.EnumerateArray())
            |> List.mapi (fun i e -> i, e)
            |> List.traverseResultM (fun (i, e) -> item $"{path}[{i}]" e)

    /// A property that is read.
    let get (path: string) (name: string) (read: string -> JsonElement -> Read<'T>) (e: JsonElement) : Read<'T> =
        field path name e |> Result.bind (read $"{path}.{name}")

    /// A property that may be missing.
    let getOr (missing: 'T) (path: string) (name: string) (read: string -> JsonElement -> Read<'T>) (e: JsonElement) : Read<'T> =
        match tryField path name e with
        | Ok(ValueSome found) -> read $"{path}.{name}" found
        | Ok ValueNone -> Ok missing
        | Error e -> Error e

    /// Writes 64 bits as a string.
    let writeU64 (w: Utf8JsonWriter) (name: string) (value: uint64) : unit =
        w.WriteString(name, value.ToString Globalization.CultureInfo.InvariantCulture)

    /// Writes bytes.
    let writeBytes (w: Utf8JsonWriter) (name: string) (value: byte[]) : unit = w.WriteString(name, bytesText value)

    /// Writes an array of objects, each one's properties by `item`.
    let writeList (w: Utf8JsonWriter) (name: string) (item: 'T -> unit) (values: 'T seq) : unit =
        w.WriteStartArray name

        for value in values do
            w.WriteStartObject()
            item value
            w.WriteEndObject()

        w.WriteEndArray()

    /// Writes a lock as a property; none is left out.
    let writeLock (w: Utf8JsonWriter) (name: string) (lock: Lock) : unit =
        let object (kind: string) (rest: unit -> unit) =
            w.WriteStartObject name
            w.WriteString("kind", kind)
            rest ()
            w.WriteEndObject()

        match lock with
        | Lock.None -> ()
        | Lock.Time opens -> object "time" (fun () -> writeU64 w "opens" opens)
        | Lock.Height opens -> object "height" (fun () -> writeU64 w "opens" opens)
        | Lock.Threshold(required, members) ->
            object "threshold" (fun () ->
                w.WriteNumber("required", required)
                w.WriteStartArray "members"
                members |> List.iter (fun m -> w.WriteStringValue m.Text)
                w.WriteEndArray())
        | Lock.Delegation(delegatee, until) ->
            object "delegation" (fun () ->
                w.WriteString("to", delegatee.Text)
                writeU64 w "until" until)
        | Lock.Contract contract -> object "contract" (fun () -> w.WriteString("contract", contract.Text))

    /// Reads a lock.
    let lock (path: string) (e: JsonElement) : Read<Lock> =
        result {
            match! get path "kind" text e with
            | "none" -> return Lock.None
            | "time" ->
                let! opens = get path "opens" u64 e
                return Lock.Time opens
            | "height" ->
                let! opens = get path "opens" u64 e
                return Lock.Height opens
            | "threshold" ->
                let! required = get path "required" u32 e
                let! members = get path "members" (fun path -> list path address) e

                match Lock.tryThreshold (int required) members with
                | ValueSome lock -> return lock
                | ValueNone -> return! fail path $"1 to {Lock.MaxMembers} distinct members, and not more required than there are"
            | "delegation" ->
                let! delegatee = get path "to" address e
                let! until = get path "until" u64 e
                return Lock.Delegation(delegatee, until)
            | "contract" ->
                let! contract = get path "contract" address e
                return Lock.Contract contract
            | other -> return! fail path $"a kind of lock, found \"{other}\""
        }

    /// Writes the properties of an output.
    let writeOutput (w: Utf8JsonWriter) (o: AssetOutput) : unit =
        w.WriteString("owner", o.Owner.Text)
        w.WriteString("token", o.Token.Text)
        writeU64 w "amount" o.Amount
        writeLock w "lock" o.Lock

    /// Reads an output; a missing token is the native coin, a missing lock none.
    let output (path: string) (e: JsonElement) : Read<AssetOutput> =
        result {
            let! owner = get path "owner" address e
            let! token = getOr TokenId.Native path "token" token e
            let! amount = get path "amount" u64 e
            let! lock = getOr Lock.None path "lock" lock e

            return { Owner = owner; Token = token; Amount = amount; Lock = lock }
        }

    /// Writes the properties of an unspent output.
    let writeUtxo (w: Utf8JsonWriter) (u: Utxo) : unit =
        w.WriteString("transaction", u.Id.Transaction.Text)
        w.WriteNumber("index", u.Id.Index)

        writeOutput w { Owner = u.Owner; Token = u.Token; Amount = u.Amount; Lock = u.Lock }

    /// Reads an unspent output.
    let utxo (path: string) (e: JsonElement) : Read<Utxo> =
        result {
            let! transaction = get path "transaction" hash e
            let! index = get path "index" u32 e
            let! o = output path e

            return {
                Id = { Transaction = transaction; Index = index }
                Owner = o.Owner
                Token = o.Token
                Amount = o.Amount
                Lock = o.Lock
            }
        }

    /// Writes the properties of a state output.
    let writeStateOutput (w: Utf8JsonWriter) (o: StateOutput) : unit =
        writeBytes w "id" o.Id
        writeU64 w "version" o.Version
        w.WriteString("hash", o.Hash.Text)
        writeBytes w "data" o.Data
        writeBytes w "proof" o.Proof

    /// Reads a state output.
    let stateOutput (path: string) (e: JsonElement) : Read<StateOutput> =
        result {
            let! id = get path "id" bytes e
            let! version = get path "version" u64 e
            let! hash = get path "hash" hash e
            let! data = get path "data" bytes e
            let! proof = get path "proof" bytes e

            return { Id = id; Version = version; Hash = hash; Data = data; Proof = proof }
        }

    let private kinds = [ ResourceKind.Wasm, "wasm"; ResourceKind.Onnx, "onnx"; ResourceKind.Document, "document" ]

    /// Writes the properties of a resource output.
    let writeResource (w: Utf8JsonWriter) (o: ResourceOutput) : unit =
        w.WriteString("kind", kinds |> List.pick (fun (k, name) -> if k = o.Kind then Some name else None))
        w.WriteString("hash", o.Hash.Text)
        writeBytes w "metadata" o.Metadata

    /// Reads a resource output.
    let resource (path: string) (e: JsonElement) : Read<ResourceOutput> =
        result {
            let! name = get path "kind" text e

            let! kind =
                match kinds |> List.tryFind (fun (_, n) -> n = name) with
                | Some(kind, _) -> Ok kind
                | None -> fail path $"wasm, onnx or document, found \"{name}\""

            let! hash = get path "hash" hash e
            let! metadata = get path "metadata" bytes e

            return { Kind = kind; Hash = hash; Metadata = metadata }
        }

    /// Runs a writer of one value and gives the text, indented.
    let toText (write: Utf8JsonWriter -> unit) : string =
        use stream = new IO.MemoryStream()
        let options = JsonWriterOptions(Indented = true, NewLine = "\n")

        (use w = new Utf8JsonWriter(stream, options)
         write w)

        Text.Encoding.UTF8.GetString(stream.ToArray())

    /// Parses a text and reads one value from its root.
    let ofText (read: string -> JsonElement -> Read<'T>) (source: string) : Read<'T> =
        try
            use document = JsonDocument.Parse source
            read "$" document.RootElement
        with :? JsonException as e ->
            Error $"not JSON: {e.Message}"
