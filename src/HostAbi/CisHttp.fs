namespace Twofold.HostAbi

// The documents of http_request_full: the request that a guest writes, and the response that it reads (docs/SKILLS.md).
// In: JSON from a guest; a response from the host's adapter. Out: a checked request; the response as JSON.

open System
open System.Text.Json

/// A request, checked in form.
type SkillHttpRequest = {
    /// In upper case.
    Method: string
    Url: Uri
    /// In the guest's order; names are tokens, values hold no line breaks.
    Headers: (string * string) list
    Body: byte[]
}

/// A response as a guest gets it.
type SkillHttpResponse = {
    Status: int
    /// In lower case, ordered by name; several values of one name joined by ", ".
    Headers: (string * string) list
    Body: byte[]
}

/// Reading requests and writing responses.
module CisHttp =
    let private methods = [ "GET"; "HEAD"; "POST"; "PUT"; "PATCH"; "DELETE"; "OPTIONS" ]

    // What the connection is about is the host's business; a guest that could set these could send a second request inside the first.
    let private reserved = [
        "host"
        "content-length"
        "transfer-encoding"
        "connection"
        "upgrade"
        "te"
        "trailer"
        "expect"
        "keep-alive"
        "proxy-authorization"
        "proxy-connection"
    ]

    let private isToken (name: string) =
        name <> "" && name |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || "!#$%&'*+-.^_`|~".Contains c)

    let private isValue (value: string) = value |> Seq.forall (fun c -> c = '\t' || (c >= ' ' && c < '\127'))

    let private text (e: JsonElement) = if e.ValueKind = JsonValueKind.String then ValueSome(e.GetString()) else ValueNone

    let private header (p: JsonProperty) =
        match text p.Value with
        | ValueSome value when isToken p.Name && isValue value && not (List.contains (p.Name.ToLowerInvariant()) reserved) ->
            Some(p.Name, value)
        | _ -> None

    let private parts (root: JsonElement) : SkillHttpRequest voption =
        let mutable verb = "GET"
        let mutable url = ValueNone
        let mutable headers = []
        let mutable body = [||]
        let mutable bodies = 0
        let mutable right = root.ValueKind = JsonValueKind.Object

        if right then
            for p in root.EnumerateObject() do
                match p.Name, text p.Value with
                | "method", ValueSome m -> verb <- m.ToUpperInvariant()
                | "url", ValueSome u -> url <- HttpPattern.tryUrl (Utf8.bytes u)
                | "headers", _ when p.Value.ValueKind = JsonValueKind.Object ->
                    let all = [ for h in p.Value.EnumerateObject() -> header h ]
                    right <- right && List.forall Option.isSome all
                    headers <- List.choose id all
                | "body", ValueSome b ->
                    body <- Utf8.bytes b
                    bodies <- bodies + 1
                | "bodyBase64", ValueSome b ->
                    bodies <- bodies + 1

                    match p.Value.TryGetBytesFromBase64() with
                    | true, bytes -> body <- bytes
                    | _ -> right <- false
                // A member that means nothing here is a mistake of the guest's author.
                | _ -> right <- false

        match url with
        | ValueSome url when right && bodies <= 1 && List.contains verb methods ->
            ValueSome { Method = verb; Url = url; Headers = headers; Body = body }
        | _ -> ValueNone

    /// The request that a document says, if it is one.
    let tryRequest (json: byte[]) : SkillHttpRequest voption =
        try
            use document = JsonDocument.Parse(ReadOnlyMemory json, JsonDocumentOptions(MaxDepth = 8))
            parts document.RootElement
        with
        | :? JsonException
        | :? InvalidOperationException -> ValueNone

    /// The request that http_request makes of an address and a body.
    let plain (url: Uri) (body: byte[]) : SkillHttpRequest = {
        Method = (if body.Length = 0 then "GET" else "POST")
        Url = url
        Headers = []
        Body = body
    }

    /// The response as the guest reads it: `{"status": 200, "headers": {...}, "body": "..."}`, or `bodyBase64` when the body is not UTF-8.
    let response (r: SkillHttpResponse) : byte[] =
        use stream = new IO.MemoryStream()

        do
            use w = new Utf8JsonWriter(stream)
            w.WriteStartObject()
            w.WriteNumber("status", r.Status)
            w.WriteStartObject "headers"

            for name, value in r.Headers do
                w.WriteString(name, value)

            w.WriteEndObject()

            match Utf8.tryText (ReadOnlySpan r.Body) with
            | ValueSome text -> w.WriteString("body", text)
            | ValueNone -> w.WriteBase64String("bodyBase64", ReadOnlySpan r.Body)

            w.WriteEndObject()

        stream.ToArray()
