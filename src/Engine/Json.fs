namespace Twofold.Engine

// JSON of requests, snapshots and receipts on the conventions of HostAbi.Json, and a reader for what people write by hand: it says where it is
// wrong and refuses names it does not know. In: a Utf8JsonWriter, or JSON text. Out: JSON, or values, or a path and a sentence.

open System
open System.Buffers
open System.Globalization
open System.IO
open System.Text.Encodings.Web
open System.Text.Json
open Twofold.HostAbi

/// Where reading stopped, and why. Stays inside this file's parse.
exception private JsonFault of path: string * message: string

/// Writing.
module internal Write =
    let private options =
        JsonWriterOptions(Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

    let private compact = JsonWriterOptions(Indented = false, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

    let text (w: Utf8JsonWriter) (name: string) (value: string) = w.WriteString(name, value)
    let int (w: Utf8JsonWriter) (name: string) (value: int) = w.WriteNumber(name, value)
    let bool (w: Utf8JsonWriter) (name: string) (value: bool) = w.WriteBoolean(name, value)
    let u64 (w: Utf8JsonWriter) (name: string) (value: uint64) = Json.writeU64 w name value
    let i64 (w: Utf8JsonWriter) (name: string) (value: int64) = w.WriteString(name, value.ToString CultureInfo.InvariantCulture)
    let bytes (w: Utf8JsonWriter) (name: string) (value: byte[]) = Json.writeBytes w name value
    let hash (w: Utf8JsonWriter) (name: string) (value: Hash32) = w.WriteString(name, value.Text)
    let address (w: Utf8JsonWriter) (name: string) (value: Address) = w.WriteString(name, value.Text)
    let token (w: Utf8JsonWriter) (name: string) (value: TokenId) = w.WriteString(name, value.Text)

    let object (w: Utf8JsonWriter) (name: string) (body: unit -> unit) =
        w.WriteStartObject name
        body ()
        w.WriteEndObject()

    /// An object as an array's item.
    let item (w: Utf8JsonWriter) (body: unit -> unit) =
        w.WriteStartObject()
        body ()
        w.WriteEndObject()

    let array (w: Utf8JsonWriter) (name: string) (items: 'T seq) (write: 'T -> unit) =
        w.WriteStartArray name
        Seq.iter write items
        w.WriteEndArray()

    let private text' (options: JsonWriterOptions) (body: Utf8JsonWriter -> unit) : string =
        use stream = new MemoryStream()
        using (new Utf8JsonWriter(stream, options)) body
        Text.Encoding.UTF8.GetString(stream.ToArray())

    /// Indented JSON of what the body writes as one object.
    let toText (body: Utf8JsonWriter -> unit) : string = text' options (fun w -> item w (fun () -> body w))

    /// One line of what the body writes as one value.
    let line (body: Utf8JsonWriter -> unit) : string = text' compact body

/// A place in a JSON document that is being read.
[<Sealed>]
type internal Node(element: JsonElement, path: string) =
    let describe (e: JsonElement) =
        let raw = e.GetRawText()
        if raw.Length > 60 then raw.Substring(0, 60) + "..." else raw

    let here = if path = "" then "the document" else path
    member _.Path = here
    member _.Element = element
    member _.Fail(message: string) : 'T = raise (JsonFault(here, message))
    member n.Expected(what: string) : 'T = n.Fail $"expected {what}, found {describe element}"

    member private n.AsObject() =
        if element.ValueKind <> JsonValueKind.Object then
            n.Expected "an object"

    /// A property that may be absent or null.
    member n.TryProp(name: string) : Node voption =
        n.AsObject()

        match element.TryGetProperty name with
        | true, v when v.ValueKind <> JsonValueKind.Null -> ValueSome(Node(v, (if path = "" then name else $"{path}.{name}")))
        | _ -> ValueNone

    member n.Prop(name: string) : Node =
        match n.TryProp name with
        | ValueSome v -> v
        | ValueNone -> n.Fail $"'{name}' is missing"

    /// Reads with one of HostAbi's readers.
    member _.Via(read: string -> JsonElement -> Json.Read<'T>) : 'T =
        match read here element with
        | Ok value -> value
        | Error why -> raise (JsonFault("", why))

    /// Refuses properties that are not among these, so that a misspelt one is not silently ignored.
    member n.Only(names: string list) =
        n.AsObject()
        let seen = Collections.Generic.HashSet<string>()

        for p in element.EnumerateObject() do
            if not (List.contains p.Name names) then
                let known = String.concat ", " names
                n.Fail $"'{p.Name}' is not known here; known are {known}"

            if not (seen.Add p.Name) then
                n.Fail $"'{p.Name}' is there twice"

    member n.Items: Node list =
        if element.ValueKind <> JsonValueKind.Array then
            n.Expected "an array"
        else
            element.EnumerateArray() |> Seq.mapi (fun i e -> Node(e, $"{path}[{i}]")) |> List.ofSeq

    member n.Fields: (string * Node) list =
        n.AsObject()
        let fields = element.EnumerateObject() |> Seq.map (fun p -> p.Name, Node(p.Value, $"{path}.{p.Name}")) |> List.ofSeq

        if (List.distinctBy fst fields).Length <> fields.Length then
            n.Fail "a name is there twice"

        fields

    member n.Text: string = if element.ValueKind = JsonValueKind.String then element.GetString() else n.Expected "a string"

    member n.Bool: bool =
        match element.ValueKind with
        | JsonValueKind.True -> true
        | JsonValueKind.False -> false
        | _ -> n.Expected "true or false"

    member private n.Digits what : string =
        match element.ValueKind with
        | JsonValueKind.String -> element.GetString()
        | JsonValueKind.Number -> element.GetRawText()
        | _ -> n.Expected what

    member n.U64: uint64 =
        let what = "a number from 0 to 2^64 - 1"

        match UInt64.TryParse(n.Digits what, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, v -> v
        | _ -> n.Expected what

    member n.I64: int64 =
        let what = "a number from 0 to 2^63 - 1"

        match Int64.TryParse(n.Digits what, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, v -> v
        | _ -> n.Expected what

    member n.Int: int =
        match element.ValueKind with
        | JsonValueKind.Number ->
            match element.TryGetInt32() with
            | true, v -> v
            | _ -> n.Expected "a 32-bit number"
        | _ -> n.Expected "a 32-bit number"

    /// Not negative.
    member n.Size: int =
        let v = n.Int
        if v < 0 then n.Expected "a number that is not negative" else v

    member n.Bytes: byte[] =
        match Json.tryBytes n.Text with
        | ValueSome b -> b
        | ValueNone -> n.Expected "bytes, as text or as 0x and hexadecimal digits"

    member private n.Parsed(what: string, parsed: 'T voption) : 'T =
        match parsed with
        | ValueSome v -> v
        | ValueNone -> n.Expected what

    member n.Address = n.Parsed("an address, 0x and 40 hexadecimal digits", Address.tryParse n.Text)
    member n.Hash = n.Parsed("32 bytes, 0x and 64 hexadecimal digits", Hash32.tryParse n.Text)
    member n.Token = n.Parsed("a token id, empty or <contract address>:<name>", TokenId.tryParse n.Text)

module internal Read =
    let private options = JsonDocumentOptions(MaxDepth = 64)

    /// The value that JSON says, or where it is wrong.
    let parse (read: Node -> 'T) (json: ReadOnlyMemory<byte>) : Result<'T, string> =
        try
            use document = JsonDocument.Parse(json, options)
            Ok(read (Node(document.RootElement, "")))
        with
        | JsonFault("", message) -> Error message
        | JsonFault(path, message) -> Error $"{path}: {message}"
        | :? JsonException as e -> Error $"not JSON: {e.Message}"
        // A string with half a surrogate pair.
        | :? InvalidOperationException as e -> Error $"not text: {e.Message}"
