namespace Twofold

// Skills as C# hosts see them: skills and their requests, and the ports that answer what skills ask of the outside.
// In: manifests, modules, a host's implementations. Out: requests for TwofoldEngine; the F# provider that the engine asks.

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Twofold.HostAbi
open Twofold.Engine

/// Why a call of a skill failed: the number that the guest gets (docs/CIS.md).
type SkillErrorCode =
    /// It did not fail.
    | None = 0
    /// There is no value under this key.
    | NotFound = -1
    /// The manifest's permissions, or the host's rules about addresses, say no.
    | Denied = -2
    /// The other side did not answer in time.
    | Timeout = -3
    /// The other side cannot be reached, or there is no such service.
    | Unavailable = -4
    /// An argument is malformed.
    | Invalid = -5
    /// An argument or the answer is above its limit.
    | TooLarge = -6
    /// There has been no answer to read again.
    | NoReply = -7
    /// The other side answered with an error.
    | Failed = -8

/// Who is asking: a skill by name and version, as its manifest says.
[<Sealed>]
type SkillCaller internal (grant: SkillGrant) =
    /// The skill's name: the namespace of its memory.
    member _.Name = grant.Name
    /// The skill's version.
    member _.Version = grant.Version
    /// Whether its permissions cover an address: for redirects, since the address of a request was checked before.
    member _.MayVisit(url: Uri) = grant.Url(Arguments.notNull (nameof url) url)

    /// A caller with these permissions, written as in manifests; for tests of ports. Throws FormatException for a text that is none.
    static member Of(name: string, [<ParamArray>] permissions: string[]) : SkillCaller =
        let permission text =
            match Permission.parse text with
            | Ok p -> p
            | Error why -> raise (FormatException why)

        SkillCaller {
            Name = Arguments.notNull (nameof name) name
            Version = "0.0.0"
            Permissions = Arguments.notNull (nameof permissions) permissions |> Seq.map permission |> List.ofSeq
        }

/// What a port answers to a skill: bytes, nothing, or a code. Host trouble that no skill should see is an exception, and a fault of the run.
[<Sealed>]
type SkillReply private (answer: SkillAnswer) =
    member internal _.Answer = answer

    /// Bytes, or null when it has none.
    member _.GetBytes() : byte[] =
        match answer with
        | SkillAnswer.Bytes bytes -> Array.copy bytes
        | _ -> null

    /// The code, or None.
    member _.Error: SkillErrorCode =
        match answer with
        | SkillAnswer.Failed error -> enum<SkillErrorCode>(SkillError.code error)
        | _ -> SkillErrorCode.None

    /// An answer of bytes.
    static member Of(bytes: byte[]) = SkillReply(SkillAnswer.Bytes(Arguments.bytes (nameof bytes) bytes))
    /// An answer of a text's UTF-8.
    static member Of(text: string) = SkillReply(SkillAnswer.Bytes(Utf8.bytes (Arguments.notNull (nameof text) text)))
    /// It is done; there is nothing to tell.
    static member Done = SkillReply SkillAnswer.Done

    /// It failed.
    static member Fail(code: SkillErrorCode) =
        match SkillError.tryOfCode (int code) with
        | ValueSome error -> SkillReply(SkillAnswer.Failed error)
        | ValueNone -> raise (ArgumentOutOfRangeException(nameof code, code, "a code of docs/CIS.md"))

/// A request that a skill makes; its form and its address against the permissions were checked.
[<Sealed>]
type SkillHttpMessage internal (r: SkillHttpRequest) =
    /// GET, POST...
    member _.Method = r.Method
    /// Where to.
    member _.Url = r.Url

    /// Headers in the skill's order; none that are about the connection.
    member _.Headers: IReadOnlyList<KeyValuePair<string, string>> =
        r.Headers |> Seq.map (fun (name, value) -> KeyValuePair(name, value)) |> Arguments.list

    /// The body; empty for none.
    member _.GetBody() : byte[] = Array.copy r.Body

    /// A request with this method, address and body; for tests of ports.
    static member Of(method: string, url: Uri, body: byte[]) : SkillHttpMessage =
        SkillHttpMessage {
            Method = (Arguments.notNull (nameof method) method).ToUpperInvariant()
            Url = Arguments.notNull (nameof url) url
            Headers = []
            Body = Arguments.bytes (nameof body) body
        }

/// What came of a skill's request: a response, or a code.
[<Sealed>]
type SkillHttpReply private (response: Result<SkillHttpResponse, SkillError>) =
    member internal _.Result = response

    /// The response's status, or 0.
    member _.Status =
        match response with
        | Ok r -> r.Status
        | Error _ -> 0

    /// The response's body, or null.
    member _.GetBody() : byte[] =
        match response with
        | Ok r -> Array.copy r.Body
        | Error _ -> null

    /// The code, or None.
    member _.Error: SkillErrorCode =
        match response with
        | Ok _ -> SkillErrorCode.None
        | Error error -> enum<SkillErrorCode>(SkillError.code error)

    /// A response; names of headers in any letter case, several values of one name in any order.
    static member Of(status: int, headers: IEnumerable<KeyValuePair<string, string>>, body: byte[]) : SkillHttpReply =
        let headers =
            Arguments.notNull (nameof headers) headers
            |> Seq.groupBy _.Key.ToLowerInvariant()
            |> Seq.map (fun (name, all) -> name, all |> Seq.map _.Value |> String.concat ", ")
            |> Seq.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))
            |> List.ofSeq

        SkillHttpReply(Ok { Status = status; Headers = headers; Body = Arguments.bytes (nameof body) body })

    /// It failed.
    static member Fail(code: SkillErrorCode) =
        match SkillError.tryOfCode (int code) with
        | ValueSome error -> SkillHttpReply(Error error)
        | ValueNone -> raise (ArgumentOutOfRangeException(nameof code, code, "a code of docs/CIS.md"))

/// Answers prompts. The token ends with the run; whoever honours it lets a deadline or a cancellation end the wait.
[<AllowNullLiteral>]
type ISkillAi =
    abstract PromptAsync: caller: SkillCaller * prompt: string * cancellationToken: CancellationToken -> Task<SkillReply>

/// Memory of skills that outlives runs; each skill has its own keys.
[<AllowNullLiteral>]
type ISkillMemory =
    /// The value under a key, or NotFound.
    abstract GetAsync: caller: SkillCaller * key: byte[] * cancellationToken: CancellationToken -> Task<SkillReply>
    abstract SetAsync: caller: SkillCaller * key: byte[] * value: byte[] * cancellationToken: CancellationToken -> Task<SkillReply>

/// Sends requests. A redirect may go only where `caller.MayVisit` says yes.
[<AllowNullLiteral>]
type ISkillHttp =
    abstract SendAsync: caller: SkillCaller * request: SkillHttpMessage * cancellationToken: CancellationToken -> Task<SkillHttpReply>

/// What an engine's skills are answered by. Immutable; a port that is missing answers Unavailable.
[<Sealed; AllowNullLiteral>]
type SkillPorts private (ai: ISkillAi, memory: ISkillMemory, http: ISkillHttp) =
    // The guest's thread waits; the port's continuations run on the pool.
    let wait (work: unit -> Task<'T>) : 'T =
        if isNull SynchronizationContext.Current then
            work().GetAwaiter().GetResult()
        else
            Task.Run<'T>(Func<Task<'T>>(work)).GetAwaiter().GetResult()

    let unavailable = SkillAnswer.Failed SkillError.Unavailable

    let send caller request token (shape: SkillHttpResponse -> SkillAnswer) =
        if isNull http then
            unavailable
        else
            match wait(fun () -> http.SendAsync(caller, SkillHttpMessage request, token)).Result with
            | Ok response -> shape response
            | Error error -> SkillAnswer.Failed error

    let bodyOf (r: SkillHttpResponse) =
        if r.Status >= 200 && r.Status <= 299 then
            SkillAnswer.Bytes r.Body
        else
            SkillAnswer.Failed SkillError.Failed

    let answer (caller: SkillCaller) (effect: SkillEffect) (token: CancellationToken) : SkillAnswer =
        match effect with
        | SkillEffect.AiPrompt bytes when not (isNull ai) ->
            wait(fun () -> ai.PromptAsync(caller, Text.Encoding.UTF8.GetString bytes, token)).Answer
        | SkillEffect.MemoryGet key when not (isNull memory) -> wait(fun () -> memory.GetAsync(caller, Array.copy key, token)).Answer
        | SkillEffect.MemorySet(key, value) when not (isNull memory) ->
            wait(fun () -> memory.SetAsync(caller, Array.copy key, Array.copy value, token)).Answer
        | SkillEffect.HttpRequest(url, body) ->
            match HttpPattern.tryUrl url with
            | ValueSome url -> send caller (CisHttp.plain url body) token bodyOf
            | ValueNone -> SkillAnswer.Failed SkillError.Invalid
        | SkillEffect.HttpRequestFull request ->
            match CisHttp.tryRequest request with
            | ValueSome r -> send caller r token (CisHttp.response >> SkillAnswer.Bytes)
            | ValueNone -> SkillAnswer.Failed SkillError.Invalid
        | _ -> unavailable

    let provider = {
        new ISkillProvider with
            member _.Answer(request, effect, token) =
                match request.Skill with
                | Some grant -> answer (SkillCaller grant) effect token
                | None -> unavailable
    }

    /// None at all.
    new() = SkillPorts(null, null, null)
    member internal _.Provider = provider

    /// The same with another source of answers to prompts; null for none.
    member _.WithAi(port: ISkillAi) = SkillPorts(port, memory, http)

    /// The same with another memory; null for none.
    member _.WithMemory(port: ISkillMemory) = SkillPorts(ai, port, http)

    /// The same with another sender of requests; null for none.
    member _.WithHttp(port: ISkillHttp) = SkillPorts(ai, memory, port)

/// A skill: a manifest and its module, checked against each other.
[<Sealed>]
type Skill internal (s: Twofold.Engine.Skill) =
    let m = s.Manifest
    member internal _.Inner = s
    /// Its name.
    member _.Name = m.Name
    /// Its version.
    member _.Version = m.Version
    /// Words for people; may be empty.
    member _.Description = m.Description
    /// The export that is called.
    member _.Entry = m.Entry
    /// What it may do, as its manifest writes it.
    member _.Permissions: IReadOnlyList<string> = m.Permissions |> Seq.map _.Text |> Arguments.list
    /// The module, in the binary format.
    member _.GetModule() : byte[] = s.ModuleBytes

    /// A skill from its folder or its manifest's file. Throws FormatException with the field or import that is wrong.
    static member Load(path: string) : Skill =
        match Twofold.Engine.Skill.load (Arguments.notNull (nameof path) path) with
        | Ok s -> Skill s
        | Error why -> raise (FormatException why)

    /// A skill from a manifest's JSON and its module. Throws FormatException with the field or import that is wrong.
    static member Create(manifest: string, wasm: byte[]) : Skill =
        let checkedSkill =
            SkillManifest.parse (Utf8.bytes (Arguments.notNull (nameof manifest) manifest))
            |> Result.bind (fun m ->
                Twofold.Engine.Skill.check m (Arguments.bytes (nameof wasm) wasm)
                |> Result.mapError (List.map string >> String.concat "; "))

        match checkedSkill with
        | Ok s -> Skill s
        | Error why -> raise (FormatException why)
