module Twofold.Skills.Tests.Adapters

// The chat client and the memories, against servers that speak the real protocols.
// In: Kestrel as an OpenAI-compatible server, SQLite files, PostgreSQL where the machine has it. Out: failures.

open System
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Http
open NUnit.Framework
open Twofold
open Twofold.Extensions.Skills
open Twofold.Skills.Tests.Servers

let private caller = SkillCaller.Of "one"
let private key = "sk-secret-0123456789"
let private bytes (text: string) = Encoding.UTF8.GetBytes text
let private textOf (r: SkillReply) = if isNull (r.GetBytes()) then $"{r.Error}" else Encoding.UTF8.GetString(r.GetBytes())

let private ask (url: string) (key: string) (timeout: TimeSpan) (prompt: string) =
    use chat = new OpenAiChat(OpenAiOptions(BaseUrl = url, Model = "m", Key = key))
    (ChatAi(chat, timeout) :> ISkillAi).PromptAsync(caller, prompt, CancellationToken.None).Result

let private minute = TimeSpan.FromMinutes 1.0

[<Test>]
let ``a prompt gets the server's answer`` () =
    use server = openAi key (fun prompt -> $"You said: {prompt}")
    Assert.That(textOf (ask (server.Url + "/v1") key minute "hello \"ü\"\n"), Is.EqualTo "You said: hello \"ü\"\n")
    // With a slash at the end as well.
    Assert.That(textOf (ask (server.Url + "/v1/") key minute "x"), Is.EqualTo "You said: x")

[<Test>]
let ``failures of the model's server are codes`` () =
    use server = openAi key id
    Assert.That((ask (server.Url + "/v1") "wrong" minute "p").Error, Is.EqualTo SkillErrorCode.Failed)
    Assert.That((ask (server.Url + "/v2") key minute "p").Error, Is.EqualTo SkillErrorCode.Failed)
    Assert.That((ask "http://127.0.0.1:1/v1" key minute "p").Error, Is.EqualTo SkillErrorCode.Unavailable)
    use slow = new Web(fun c -> Task.Delay(10_000, c.RequestAborted))
    Assert.That((ask slow.Url key (TimeSpan.FromMilliseconds 300.0) "p").Error, Is.EqualTo SkillErrorCode.Timeout)

    for nonsense in [ ""; "{}"; "[]"; "{\"choices\": []}"; "{\"choices\": [{\"message\": {\"content\": null}}]}"; "<html>" ] do
        use server = new Web(fun c -> c.Response.WriteAsync nonsense)
        Assert.That((ask server.Url key minute "p").Error, Is.EqualTo SkillErrorCode.Failed, nonsense)

[<Test>]
let ``the key shows in no receipt, log or error`` () =
    // A server that repeats the key in its refusal, as some do.
    use server = openAi key id
    use chat = new OpenAiChat(OpenAiOptions(BaseUrl = server.Url + "/v1", Model = "m", Key = "sk-other-key"))

    let thrown =
        Assert.Catch(fun () ->
            (chat :> Microsoft.Extensions.AI.IChatClient)
                .GetResponseAsync(
                    [| Microsoft.Extensions.AI.ChatMessage(Microsoft.Extensions.AI.ChatRole.User, "p") |],
                    null,
                    CancellationToken.None
                )
                .GetAwaiter()
                .GetResult()
            |> ignore)

    Assert.That(string thrown, Does.Not.Contain "sk-")
    Assert.That(string (OpenAiOptions(BaseUrl = "http://a", Model = "m", Key = key)), Does.Not.Contain key)
    let ports = SkillPorts().WithAi(ChatAi chat)
    use engine = new TwofoldEngine(EngineOptions().WithSkillPorts ports)
    let b = World.wasm (World.passing "ai_prompt")
    let report = engine.Execute(ExecutionRequest.ForSkill(Skill.Create(World.manifestText [ "ai" ] b, b), "p"))
    Assert.That((report.Receipt.GetReturnData() = BitConverter.GetBytes -8))
    Assert.That(report.Receipt.ToJson() + report.Message + string report, Does.Not.Contain "sk-")

let private remembers (make: unit -> ISkillMemory) =
    let other = SkillCaller.Of "two"
    let none = CancellationToken.None

    let first = make ()
    Assert.That(first.GetAsync(caller, bytes "k", none).Result.Error, Is.EqualTo SkillErrorCode.NotFound)
    Assert.That(first.SetAsync(caller, bytes "k", bytes "v1", none).Result.Error, Is.EqualTo SkillErrorCode.None)
    Assert.That(first.SetAsync(caller, bytes "k", bytes "v2", none).Result.Error, Is.EqualTo SkillErrorCode.None)
    Assert.That(textOf (first.GetAsync(caller, bytes "k", none).Result), Is.EqualTo "v2")
    // Another skill has other keys, and bytes are bytes.
    Assert.That(first.GetAsync(other, bytes "k", none).Result.Error, Is.EqualTo SkillErrorCode.NotFound)
    let odd = [| 0uy; 255uy; 39uy; 0uy |]
    Assert.That(first.SetAsync(other, odd, Array.empty, none).Result.Error, Is.EqualTo SkillErrorCode.None)
    Assert.That(first.GetAsync(other, odd, none).Result.GetBytes(), Is.Empty)

    // From many threads at once, and by a second owner of the same store, as after a restart.
    Parallel.For(0, 20, (fun i -> first.SetAsync(caller, bytes $"n{i}", bytes $"{i}", none).Result |> ignore)) |> ignore

    match first with
    | :? IDisposable as d -> d.Dispose()
    | _ -> ()

    let second = make ()
    Assert.That(textOf (second.GetAsync(caller, bytes "k", none).Result), Is.EqualTo "v2")

    for i in 0..19 do
        Assert.That(textOf (second.GetAsync(caller, bytes $"n{i}", none).Result), Is.EqualTo(string i))

    match second with
    | :? IDisposable as d -> d.Dispose()
    | _ -> ()

[<Test>]
let ``memory in SQLite survives restarts`` () =
    let file = Path.Combine(World.folder (), "deep", "memory.db")
    remembers (fun () -> SqliteMemory file)

[<Test>]
let ``a SQLite file that cannot be used is Unavailable`` () =
    let file = Path.Combine(World.folder (), "memory.db")
    File.WriteAllText(file, String('x', 5000))
    let r = (SqliteMemory file :> ISkillMemory).GetAsync(caller, bytes "k", CancellationToken.None).Result
    Assert.That(r.Error, Is.EqualTo SkillErrorCode.Unavailable)

[<Test>]
let ``memory in PostgreSQL survives restarts`` () =
    use server = new Postgres()
    remembers (fun () -> new PostgresMemory(server.ConnectionString))

[<Test>]
let ``a PostgreSQL that is not there is Unavailable`` () =
    use memory = new PostgresMemory("Host=127.0.0.1;Port=1;Username=a;Database=b;Timeout=2")
    let r = (memory :> ISkillMemory).GetAsync(caller, bytes "k", CancellationToken.None).Result
    Assert.That([ SkillErrorCode.Unavailable; SkillErrorCode.Timeout ], Does.Contain r.Error)

[<Test>]
let ``settings that are wrong name the variable, never its value`` () =
    let from (variables: (string * string) list) =
        let find name = variables |> List.tryFind (fun (n, _) -> n = name) |> Option.map snd |> Option.toObj
        Assert.Throws<FormatException>(fun () -> SkillServices.FromVariables(Func<_, _> find, null) |> ignore).Message

    Assert.That(from [ "TWOFOLD_AI_BASE_URL", "http://a" ], Does.Contain "TWOFOLD_AI_MODEL")

    Assert.That(
        from [ "TWOFOLD_AI_BASE_URL", "secret"; "TWOFOLD_AI_MODEL", "m" ],
        Does.Contain("TWOFOLD_AI_BASE_URL").And.Not.Contain "secret"
    )

    Assert.That(from [ "TWOFOLD_HTTP_TIMEOUT", "soon" ], Does.Contain "TWOFOLD_HTTP_TIMEOUT")
    Assert.That(from [ "TWOFOLD_MEMORY", "Host=a;Password=hunter2;What=b" ], Does.Contain("TWOFOLD_MEMORY").And.Not.Contain "hunter2")
