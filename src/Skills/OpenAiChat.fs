namespace Twofold.Extensions.Skills

// A chat client for servers that speak OpenAI's chat completions (POST BASE/chat/completions), which most do.
// In: a base address, a model's name, a key. Out: responses; the key is in the request's header and nowhere else.

open System
open System.Collections.Generic
open System.IO
open System.Net.Http
open System.Net.Http.Headers
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.AI

/// Where prompts go. The operator chooses it, so it may be an address of the own network.
[<Sealed; AllowNullLiteral>]
type OpenAiOptions() =
    /// Such as https://api.openai.com/v1; `/chat/completions` is added.
    member val BaseUrl: string = null with get, set
    member val Model: string = null with get, set
    /// Sent as a bearer token; null or empty: none is sent.
    member val Key: string = null with get, set
    /// Bytes of a response, 4 MiB.
    member val MaxResponseBytes = 4 * 1024 * 1024 with get, set

    // Whoever prints options does not print the key.
    override o.ToString() = $"{o.BaseUrl}, model {o.Model}"

/// The client. Thread-safe; keep one.
[<Sealed>]
type OpenAiChat(options: OpenAiOptions) =
    let address =
        if isNull options then
            nullArg (nameof options)

        if String.IsNullOrEmpty options.Model then
            raise (ArgumentException("a model is needed", nameof options))

        match Uri.TryCreate(options.BaseUrl, UriKind.Absolute) with
        | true, url when url.Scheme = "http" || url.Scheme = "https" -> Uri(url.AbsoluteUri.TrimEnd('/') + "/chat/completions")
        | _ -> raise (ArgumentException($"'{options.BaseUrl}' is no base address", nameof options))

    let client =
        new HttpClient(new SocketsHttpHandler(AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes 5.0))

    do client.Timeout <- Timeout.InfiniteTimeSpan

    let body (messages: ChatMessage seq) (o: ChatOptions) =
        use stream = new MemoryStream()

        do
            use w = new Utf8JsonWriter(stream)
            w.WriteStartObject()
            w.WriteString("model", (if isNull o || isNull o.ModelId then options.Model else o.ModelId))
            w.WriteStartArray "messages"

            for m in messages do
                w.WriteStartObject()
                w.WriteString("role", m.Role.Value)
                w.WriteString("content", m.Text)
                w.WriteEndObject()

            w.WriteEndArray()

            if not (isNull o) && o.Temperature.HasValue then
                w.WriteNumber("temperature", o.Temperature.Value)

            if not (isNull o) && o.MaxOutputTokens.HasValue then
                w.WriteNumber("max_tokens", o.MaxOutputTokens.Value)

            w.WriteEndObject()

        stream.ToArray()

    let text (json: byte[]) : string =
        use document = JsonDocument.Parse(ReadOnlyMemory json)
        let root = document.RootElement
        let wrong () = raise (JsonException "not a chat completion")

        match root.ValueKind = JsonValueKind.Object && fst (root.TryGetProperty "choices") with
        | true ->
            let choices = root.GetProperty "choices"

            if choices.ValueKind <> JsonValueKind.Array || choices.GetArrayLength() = 0 then
                wrong ()
            else
                match choices[0].TryGetProperty "message" with
                | true, m when m.ValueKind = JsonValueKind.Object ->
                    match m.TryGetProperty "content" with
                    | true, c when c.ValueKind = JsonValueKind.String -> c.GetString()
                    | _ -> wrong ()
                | _ -> wrong ()
        | false -> wrong ()

    let ask (messages: ChatMessage seq) (o: ChatOptions) (token: CancellationToken) : Task<ChatResponse> =
        task {
            use request = new HttpRequestMessage(HttpMethod.Post, address)
            request.Content <- new ByteArrayContent(body messages o)
            request.Content.Headers.ContentType <- MediaTypeHeaderValue "application/json"

            if not (String.IsNullOrEmpty options.Key) then
                request.Headers.TryAddWithoutValidation("authorization", "Bearer " + options.Key) |> ignore

            use! response = client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token)

            if not response.IsSuccessStatusCode then
                // Not what the server said: servers repeat keys.
                raise (
                    HttpRequestException($"the model's server answered with status {int response.StatusCode}", null, response.StatusCode)
                )

            match! Bounded.read response.Content options.MaxResponseBytes token with
            | ValueSome json -> return ChatResponse(ChatMessage(ChatRole.Assistant, text json))
            | ValueNone -> return raise (JsonException "the model's answer is too long")
        }

    interface IChatClient with
        member _.GetResponseAsync(messages, o, token) = ask messages o token

        // The whole answer as one update: skills wait for all of it anyway.
        member _.GetStreamingResponseAsync(messages, o, token) = {
            new IAsyncEnumerable<ChatResponseUpdate> with
                member _.GetAsyncEnumerator(inner) =
                    let mutable current: ChatResponseUpdate = null
                    let mutable rest: ChatResponseUpdate list voption = ValueNone

                    {
                        new IAsyncEnumerator<ChatResponseUpdate> with
                            member _.Current = current

                            member _.MoveNextAsync() =
                                ValueTask<bool>(
                                    task {
                                        if rest.IsNone then
                                            let! response = ask messages o (if inner.CanBeCanceled then inner else token)
                                            rest <- ValueSome(List.ofArray (response.ToChatResponseUpdates()))

                                        match rest with
                                        | ValueSome(next :: more) ->
                                            current <- next
                                            rest <- ValueSome more
                                            return true
                                        | _ -> return false
                                    }
                                )
                        interface IAsyncDisposable with
                            member _.DisposeAsync() = ValueTask.CompletedTask
                    }
        }

        member this.GetService(kind, key) = if isNull key && kind.IsInstanceOfType this then box this else null

    interface IDisposable with
        member _.Dispose() = client.Dispose()
