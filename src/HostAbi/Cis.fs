namespace Twofold.HostAbi

// What skills may ask of the host (module `cis`): permissions, effects, the codes of failures, limits.
// In: a manifest's permissions, decoded arguments. Out: a grant that is part of the request; effects for CisDecide; numbers for guests and receipts.

open System

/// Why a call of `cis` failed. Guests get the negative number; numbers are fixed for ever, new ones are appended.
[<RequireQualifiedAccess>]
type SkillError =
    | NotFound
    | Denied
    | Timeout
    | Unavailable
    | Invalid
    | TooLarge
    | NoReply
    | Failed

/// The numbers and names of skill errors.
module SkillError =
    /// Every error with its code, C name and meaning.
    let all = [
        SkillError.NotFound, -1, "NOT_FOUND", "There is no value under this key."
        SkillError.Denied,
        -2,
        "DENIED",
        "The manifest's permissions do not cover this key or address, or the address (after a redirect too) leads where no skill may go."
        SkillError.Timeout, -3, "TIMEOUT", "The other side did not answer in time."
        SkillError.Unavailable, -4, "UNAVAILABLE", "The other side cannot be reached, or the host offers no such service."
        SkillError.Invalid,
        -5,
        "INVALID",
        "An argument is malformed: an empty key, a prompt that is not UTF-8, an address or a request that is none."
        SkillError.TooLarge, -6, "TOO_LARGE", "An argument or the answer is above its limit."
        SkillError.NoReply, -7, "NO_REPLY", "There has been no answer to read again."
        SkillError.Failed,
        -8,
        "FAILED",
        "The other side answered with an error (an HTTP status outside 200 to 299, an answer that makes no sense)."
    ]

    /// The code that guests get.
    let code (error: SkillError) : int = all |> List.pick (fun (e, n, _, _) -> if e = error then Some n else None)

    /// The error with a code.
    let tryOfCode (code: int) : SkillError voption =
        match all |> List.tryFind (fun (_, n, _, _) -> n = code) with
        | Some(e, _, _, _) -> ValueSome e
        | None -> ValueNone

    /// The name an error has in C and in messages.
    let name (error: SkillError) : string = all |> List.pick (fun (e, _, s, _) -> if e = error then Some s else None)

/// Every number that bounds one call of `cis`; all inclusive. Keys and values have the limits of state keys and values (HostLimits).
module CisLimits =
    /// Bytes of a prompt: more than models read at a time.
    [<Literal>]
    let PromptBytes = 1_048_576

    /// Bytes of an address: what servers accept at most.
    [<Literal>]
    let UrlBytes = 8_192

    /// Bytes of a request's body, or of a whole http_request_full.
    [<Literal>]
    let RequestBytes = 1_048_576

    /// Bytes of an answer: it is kept in the journal.
    [<Literal>]
    let ReplyBytes = 4_194_304

/// What a skill asks of the host. Bytes are as the guest gave them.
[<RequireQualifiedAccess>]
type SkillEffect =
    | AiPrompt of prompt: byte[]
    | MemoryGet of key: byte[]
    | MemorySet of key: byte[] * value: byte[]
    /// GET without a body, POST with one.
    | HttpRequest of url: byte[] * body: byte[]
    /// A JSON document with method, address, headers and body.
    | HttpRequestFull of request: byte[]
    | ReadReply

/// What the outside answered to a skill's effect.
[<RequireQualifiedAccess>]
type SkillAnswer =
    | Bytes of byte[]
    | Done
    | Failed of SkillError

/// Which addresses a permission covers: `[scheme://]host[:port]`; a host is exact, `*.suffix` (anything under it, not itself) or `*`.
/// Without a scheme both http and https; without a port the scheme's own; `:*` is any port.
type HttpPattern = private {
    Scheme: string option
    Host: string
    Port: string option
} with

    /// The pattern in its one form.
    member p.Text =
        let scheme =
            match p.Scheme with
            | Some s -> s + "://"
            | None -> ""

        let port =
            match p.Port with
            | Some n -> ":" + n
            | None -> ""

        scheme + p.Host + port

    override p.ToString() = p.Text

    /// Whether it covers an address.
    member p.Covers(url: Uri) : bool =
        let host = url.Host.ToLowerInvariant()

        let hostFits =
            if p.Host = "*" then
                true
            elif p.Host.StartsWith "*." then
                host.EndsWith(p.Host.Substring 1, StringComparison.Ordinal) && host.Length > p.Host.Length - 1
            else
                host = p.Host

        let portFits =
            match p.Port with
            | None -> url.IsDefaultPort
            | Some "*" -> true
            | Some n -> string url.Port = n

        hostFits && portFits && (p.Scheme |> Option.forall (fun s -> s = url.Scheme))

/// Reading patterns and addresses.
module HttpPattern =
    let private label (s: string) = s <> "" && s |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '-' || c = '_')

    let private isHost (host: string) =
        if host.StartsWith '[' then
            host.EndsWith ']' && (fst (Net.IPAddress.TryParse host))
        else
            (host.Split '.') |> Array.forall label

    /// The pattern that a text says.
    let tryParse (text: string) : HttpPattern voption =
        let text = text.ToLowerInvariant()

        let scheme, rest =
            match text.IndexOf("://", StringComparison.Ordinal) with
            | -1 -> None, text
            | i -> Some(text.Substring(0, i)), text.Substring(i + 3)

        let host, port =
            match rest.LastIndexOf ':' with
            | i when i > rest.LastIndexOf ']' && i >= 0 -> rest.Substring(0, i), Some(rest.Substring(i + 1))
            | _ -> rest, None

        let schemeFits = scheme |> Option.forall (fun s -> s = "http" || s = "https")
        let hostFits = host = "*" || isHost (if host.StartsWith "*." then host.Substring 2 else host)

        let portFits =
            port
            |> Option.forall (fun p ->
                p = "*" || (p.Length <= 5 && p <> "" && p[0] <> '0' && p |> Seq.forall Char.IsAsciiDigit && int p <= 65535))

        if schemeFits && hostFits && portFits then
            ValueSome { Scheme = scheme; Host = host; Port = port }
        else
            ValueNone

    /// An address that may be asked at all: http or https, absolute, printable ASCII, without user and password.
    let tryUrl (bytes: byte[]) : Uri voption =
        let plain = bytes |> Array.forall (fun b -> b > 0x20uy && b < 0x7Fuy && b <> byte '\\')

        if not plain then
            ValueNone
        else
            match Uri.TryCreate(Text.Encoding.ASCII.GetString bytes, UriKind.Absolute) with
            | true, url when (url.Scheme = "http" || url.Scheme = "https") && url.UserInfo = "" && url.Host <> "" -> ValueSome url
            | _ -> ValueNone

/// What a manifest lets a skill do.
[<RequireQualifiedAccess>]
type Permission =
    /// `ai`: ask the model.
    | Ai
    /// `memory:PREFIX`: keys of the skill's own memory that begin so; `memory:` is all of them.
    | Memory of prefix: string
    /// `http:PATTERN`: addresses that the pattern covers.
    | Http of HttpPattern
    /// `wasi`: import WASI.
    | Wasi

    /// As manifests write it.
    member p.Text =
        match p with
        | Ai -> "ai"
        | Memory prefix -> "memory:" + prefix
        | Http pattern -> "http:" + pattern.Text
        | Wasi -> "wasi"

    override p.ToString() = p.Text

/// Reading permissions.
module Permission =
    /// The permission that a text says; the error says what it ought to be.
    let parse (text: string) : Result<Permission, string> =
        match text with
        | "ai" -> Ok Permission.Ai
        | "wasi" -> Ok Permission.Wasi
        | "memory" -> Ok(Permission.Memory "")
        | _ when text.StartsWith "memory:" -> Ok(Permission.Memory(text.Substring 7))
        | _ when text.StartsWith "http:" ->
            match HttpPattern.tryParse (text.Substring 5) with
            | ValueSome pattern -> Ok(Permission.Http pattern)
            | ValueNone -> Error "http: is followed by [http://|https://]host[:port], where host may begin with *."
        | _ -> Error "expected ai, memory:<prefix>, http:<host pattern> or wasi"

/// Which skill a run is of, and what it may do: part of the request, so that receipts say it.
type SkillGrant = {
    Name: string
    Version: string
    Permissions: Permission list
} with

    /// Whether it may ask the model.
    member g.Ai = g.Permissions |> List.contains Permission.Ai

    /// Whether it may import WASI.
    member g.Wasi = g.Permissions |> List.contains Permission.Wasi

    /// Whether a key of its memory is open to it.
    member g.Key(key: byte[]) =
        g.Permissions
        |> List.exists (fun p ->
            match p with
            | Permission.Memory prefix -> key.AsSpan().StartsWith(ReadOnlySpan(Utf8.bytes prefix))
            | _ -> false)

    /// Whether it may go to an address.
    member g.Url(url: Uri) =
        g.Permissions
        |> List.exists (fun p ->
            match p with
            | Permission.Http pattern -> pattern.Covers url
            | _ -> false)

    /// What an import from `cis` needs and the grant lacks, if anything: whole families are refused before anything runs.
    member g.Lacks(moduleName: string, name: string) : string option =
        let has family = g.Permissions |> List.exists family

        let isMemory p =
            match p with
            | Permission.Memory _ -> true
            | _ -> false

        let isHttp p =
            match p with
            | Permission.Http _ -> true
            | _ -> false

        match moduleName, name with
        | "cis", "ai_prompt" when not g.Ai -> Some "ai"
        | "cis", ("memory_get" | "memory_set") when not (has isMemory) -> Some "memory:<prefix>"
        | "cis", ("http_request" | "http_request_full") when not (has isHttp) -> Some "http:<host pattern>"
        | "wasi_snapshot_preview1", _ when not g.Wasi -> Some "wasi"
        | _ -> None
