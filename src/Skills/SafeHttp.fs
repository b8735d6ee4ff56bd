namespace Twofold.Extensions.Skills

// Requests of skills, sent so that they can only go to public addresses that the skill's manifest covers.
//
//   1 the engine has checked the address against the manifest       2 the name is resolved once, and every address that came must be public
//   3 the connection goes to an address that was checked, not to the name again (no DNS rebinding)      4 each redirect starts over at 1, by us
//
// In: a skill's request. Out: a response with a bounded body, or a code.

open System
open System.Collections.Generic
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open Twofold

/// Limits of requests. Immutable values, set once.
[<Sealed; AllowNullLiteral>]
type SafeHttpOptions() =
    /// Time for a request with all its redirects, 20 s.
    member val Timeout = TimeSpan.FromSeconds 20.0 with get, set
    /// Bytes of a response's body, 4 MiB (what the journal keeps at most).
    member val MaxResponseBytes = 4 * 1024 * 1024 with get, set
    /// Redirects that are followed, 5; a further one is Failed.
    member val MaxRedirects = 5 with get, set
    /// FOR TESTS ONLY: lets requests go to loopback and private addresses too. Every skill then reaches whatever this machine reaches, as far as its
    /// manifest's patterns go.
    member val AllowPrivateAddresses = false with get, set
    /// Resolves names; null: the system's resolver. For tests of rebinding.
    member val Resolve: Func<string, CancellationToken, Task<IPAddress[]>> = null with get, set

/// Sends requests of skills. Thread-safe; keep one.
[<Sealed>]
type SafeHttp(options: SafeHttpOptions) =
    let options = if isNull options then SafeHttpOptions() else options

    let resolve (host: string) token =
        match IPAddress.TryParse(host.Trim('[', ']')) with
        | true, address -> Task.FromResult [| address |]
        | _ when isNull options.Resolve -> Dns.GetHostAddressesAsync(host, token)
        | _ -> options.Resolve.Invoke(host, token)

    let connect (context: SocketsHttpConnectionContext) (token: CancellationToken) : Task<IO.Stream> =
        task {
            let! addresses = resolve context.DnsEndPoint.Host token

            // All must be public: a name that also leads inside is nobody's honest mistake.
            for address in addresses do
                if not (options.AllowPrivateAddresses || Addresses.isPublic address) then
                    raise (ForbiddenAddress address)

            let socket = new Socket(SocketType.Stream, ProtocolType.Tcp, NoDelay = true)

            try
                do! socket.ConnectAsync(addresses, context.DnsEndPoint.Port, token)
                return new NetworkStream(socket, true) :> IO.Stream
            with e ->
                socket.Dispose()
                return raise e
        }

    let handler =
        new SocketsHttpHandler(
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            Credentials = null,
            PreAuthenticate = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 64,
            // Connections are not kept: the next request resolves and checks again.
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = (fun context token -> ValueTask<IO.Stream>(connect context token))
        )

    let client = new HttpClient(handler, Timeout = Timeout.InfiniteTimeSpan)

    let isContent (name: string) = name.StartsWith("content-", StringComparison.OrdinalIgnoreCase)

    let message (verb: string) (url: Uri) (headers: seq<KeyValuePair<string, string>>) (body: byte[]) =
        let m = new HttpRequestMessage(HttpMethod verb, url)

        if body.Length > 0 then
            m.Content <- new ByteArrayContent(body)

        for h in headers do
            if isContent h.Key && not (isNull m.Content) then
                m.Content.Headers.TryAddWithoutValidation(h.Key, h.Value) |> ignore
            elif not (isContent h.Key) then
                m.Headers.TryAddWithoutValidation(h.Key, h.Value) |> ignore

        if not (isNull m.Content) && isNull m.Content.Headers.ContentType then
            m.Content.Headers.TryAddWithoutValidation("content-type", "application/json") |> ignore

        if not (m.Headers.Contains "user-agent") then
            m.Headers.TryAddWithoutValidation("user-agent", "twofold-skill") |> ignore

        m

    // Who was given a secret for one server gives it to no other.
    let secrets = [ "authorization"; "cookie"; "x-api-key" ]

    let withoutSecrets =
        Seq.filter (fun (h: KeyValuePair<string, string>) -> not (List.contains (h.Key.ToLowerInvariant()) secrets))
        >> List.ofSeq

    let headersOf (response: HttpResponseMessage) = [
        for h in Seq.append response.Headers response.Content.Headers do
            for value in h.Value do
                KeyValuePair(h.Key, value)
    ]

    let redirect (from: Uri) (response: HttpResponseMessage) : Uri voption =
        match int response.StatusCode with
        | 301
        | 302
        | 303
        | 307
        | 308 when not (isNull response.Headers.Location) -> ValueSome(Uri(from, response.Headers.Location))
        | _ -> ValueNone

    let rec send
        (caller: SkillCaller)
        (hops: int)
        (verb: string)
        (url: Uri)
        headers
        body
        (token: CancellationToken)
        : Task<SkillHttpReply> =
        task {
            use request = message verb url headers body
            use! response = client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token)

            match redirect url response with
            | ValueSome target ->
                let web = target.Scheme = "http" || target.Scheme = "https"
                let downgraded = url.Scheme = "https" && target.Scheme = "http"

                if not web || downgraded || target.UserInfo <> "" || not (caller.MayVisit target) then
                    return SkillHttpReply.Fail SkillErrorCode.Denied
                elif hops >= options.MaxRedirects then
                    return SkillHttpReply.Fail SkillErrorCode.Failed
                else
                    let kept = int response.StatusCode >= 307 || verb = "GET" || verb = "HEAD"

                    let sameServer =
                        Uri.Compare(url, target, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) = 0

                    let headers = if sameServer then headers else withoutSecrets headers
                    return! send caller (hops + 1) (if kept then verb else "GET") target headers (if kept then body else [||]) token
            | ValueNone ->
                match! Bounded.read response.Content options.MaxResponseBytes token with
                | ValueSome bytes -> return SkillHttpReply.Of(int response.StatusCode, headersOf response, bytes)
                | ValueNone -> return SkillHttpReply.Fail SkillErrorCode.TooLarge
        }

    /// Plain limits.
    new() = new SafeHttp(null)

    interface ISkillHttp with
        member _.SendAsync(caller, request, token) =
            let start inner = send caller 0 request.Method request.Url (List.ofSeq request.Headers) (request.GetBody()) inner

            task {
                try
                    return! Bounded.within options.Timeout token (SkillHttpReply.Fail SkillErrorCode.Timeout) start
                with e when (Bounded.code e).IsSome ->
                    return SkillHttpReply.Fail (Bounded.code e).Value
            }

    interface IDisposable with
        member _.Dispose() = client.Dispose()
