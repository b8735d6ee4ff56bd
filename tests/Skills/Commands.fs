module Twofold.Skills.Tests.Commands

// `twofold skill` as a process: install, list, remove, run, check, new; replays and audits of what it ran.
// In: arguments. Out: exit codes, streams, files.

open System
open System.Diagnostics
open System.IO
open NUnit.Framework
open Twofold.Skills.Tests.World
open Twofold.Skills.Tests.Servers

type Ran = { Code: int; Output: string; Error: string }

let private dll = Path.Combine(AppContext.BaseDirectory, "Twofold.Cli.dll")

/// Runs `twofold` under these variables with this standard input.
let runWith (variables: (string * string) list) (input: string) (args: string list) : Ran =
    let info =
        ProcessStartInfo(
            "dotnet",
            dll :: args,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false
        )

    for name, value in variables do
        info.Environment[name] <- value

    use p = Process.Start info
    let error = p.StandardError.ReadToEndAsync()
    let output = p.StandardOutput.ReadToEndAsync()
    p.StandardInput.Write input
    p.StandardInput.Close()

    if not (p.WaitForExit 120_000) then
        p.Kill()
        Assert.Fail("twofold did not end: " + String.Join(' ', args))

    { Code = p.ExitCode; Output = output.Result.TrimEnd(); Error = error.Result.TrimEnd() }

/// The command with a home folder of its own.
type Home() =
    let home = folder ()
    member _.Folder = home
    member _.With(variables, input, args) = runWith (("TWOFOLD_HOME", home) :: variables) input args

    member h.Run(code: int, args: string list) : Ran =
        let ran = h.With([], "", args)
        Assert.That(ran.Code, Is.EqualTo code, String.Join(' ', args) + "\n" + ran.Output + ran.Error)
        ran

let private sample name = ofRepository ("samples/skills/" + name)

[<Test>]
let ``skills are installed, listed, run by name and removed`` () =
    let h = Home()
    Assert.That((h.Run(0, [ "skill"; "list" ])).Output, Does.StartWith "no skills")
    h.Run(0, [ "skill"; "install"; sample "notes" ]) |> ignore
    Assert.That((h.Run(2, [ "skill"; "install"; sample "notes" ])).Error, Does.Contain "--replace")
    h.Run(0, [ "skill"; "install"; "--replace"; sample "notes/skill.json" ]) |> ignore
    Assert.That((h.Run(0, [ "skill"; "list" ])).Output, Does.Contain "notes 1.0.0")
    // What one run writes a later one reads: memory survives the process.
    let run input = (h.Run(0, [ "skill"; "run"; "notes"; "--input"; input ])).Output
    Assert.That(run """{"key": "milk", "text": "two bottles"}""", Is.EqualTo """{"key":"milk","text":"two bottles"}""")
    Assert.That(run """{"key": "milk"}""", Is.EqualTo """{"key":"milk","text":"two bottles"}""")
    Assert.That(run """{"key": "bread"}""", Is.EqualTo """{"error":-1}""")
    // Longer than the room it offers first.
    let long = String('x', 1000)
    run $$"""{"key": "long", "text": "{{long}}"}""" |> ignore
    Assert.That(run """{"key": "long"}""", Does.Contain long)
    // From a file and from standard input.
    let file = Path.Combine(folder (), "in.json")
    File.WriteAllText(file, """{"key": "milk"}""")
    Assert.That(run ("@" + file), Does.Contain "two bottles")
    Assert.That((h.With([], """{"key": "milk"}""", [ "skill"; "run"; "notes"; "--input"; "-" ])).Output, Does.Contain "two bottles")
    h.Run(0, [ "skill"; "remove"; "notes" ]) |> ignore
    Assert.That((h.Run(2, [ "skill"; "run"; "notes" ])).Error, Does.Contain "no skill 'notes'")
    Assert.That(Directory.GetFileSystemEntries(Path.Combine(h.Folder, "skills")), Is.Empty)

[<Test>]
let ``a skill that was changed after it was installed is refused`` () =
    let h = Home()
    h.Run(0, [ "skill"; "install"; sample "notes" ]) |> ignore
    let wasm = Path.Combine(h.Folder, "skills", "notes", "module.wasm")
    let bytes = File.ReadAllBytes wasm
    bytes[bytes.Length - 1] <- bytes[bytes.Length - 1] ^^^ 1uy
    File.WriteAllBytes(wasm, bytes)
    Assert.That((h.Run(2, [ "skill"; "run"; "notes" ])).Error, Does.Contain "sha256")
    Assert.That((h.Run(0, [ "skill"; "list" ])).Output, Does.Contain "cannot be used")

[<Test>]
let ``an AI skill is recorded with its server, then replayed and audited offline`` () =
    let key = "sk-secret-42"
    let h = Home()
    let receipt = Path.Combine(folder (), "receipt.json")
    let corpus = folder ()
    h.Run(0, [ "skill"; "install"; sample "summarize" ]) |> ignore
    let input = [ "skill"; "run"; "summarize"; "--input"; """{"text": "A long story."}""" ]

    using (openAi key (fun prompt -> "short: " + prompt.Split('\n')[1])) (fun server ->
        let variables = [ "TWOFOLD_AI_BASE_URL", server.Url + "/v1"; "TWOFOLD_AI_MODEL", "m"; "TWOFOLD_AI_KEY", key ]
        let ran = h.With(variables, "", input @ [ "--receipt"; receipt; "--record"; corpus ])
        Assert.That((ran.Code, ran.Output), Is.EqualTo((0, """{"summary":"short: A long story."}""")), ran.Error)
        Assert.That(server.Asked, Is.EqualTo 1)
        // A second time its memory answers.
        let again = h.With(variables, "", input)
        Assert.That(again.Output, Is.EqualTo """{"summary":"short: A long story.","remembered":true}""")
        Assert.That(server.Asked, Is.EqualTo 1)
        // A wrong key is a code for the skill, and shows nowhere.
        let other =
            h.With(
                [ "TWOFOLD_AI_BASE_URL", server.Url + "/v1"; "TWOFOLD_AI_MODEL", "m"; "TWOFOLD_AI_KEY", "sk-other" ],
                "",
                [ "skill"; "run"; "summarize"; "--input"; """{"text": "x"}"""; "--json" ]
            )

        Assert.That(other.Output, Does.Contain "-8")
        Assert.That(other.Output + other.Error, Does.Not.Contain "sk-"))

    Assert.That(File.ReadAllText receipt, Does.Not.Contain key)
    let replayed = h.Run(0, [ "replay"; receipt; "--module"; Path.Combine(sample "summarize", "summarize.wasm") ])
    Assert.That(replayed.Output, Does.StartWith "identical")
    Assert.That((h.Run(0, [ "audit"; corpus ])).Output, Does.Not.Contain "diverge at")

[<Test>]
let ``an HTTP skill reaches what its manifest names and nothing else`` () =
    use server =
        new Web(fun c -> Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(c.Response, "hello from the web"))

    let made = folder ()
    let text = File.ReadAllText(Path.Combine(sample "fetch", "skill.json"))
    File.WriteAllText(Path.Combine(made, "skill.json"), text.Replace("http:api.example.com", $"http:127.0.0.1:{server.Port}"))
    File.Copy(Path.Combine(sample "fetch", "fetch.wasm"), Path.Combine(made, "fetch.wasm"))
    let h = Home()
    let run variables (url: string) = (h.With(variables, "", [ "skill"; "run"; made; "--input"; $$"""{"url": "{{url}}"}""" ])).Output
    let switch = [ "TWOFOLD_HTTP_ALLOW_PRIVATE_FOR_TESTS", "1" ]
    Assert.That(run switch server.Url, Is.EqualTo """{"length":18,"start":"hello from the web"}""")
    Assert.That(run [] server.Url, Is.EqualTo """{"error":-2}""")
    Assert.That(run switch "http://127.0.0.1:1/", Is.EqualTo """{"error":-2}""")
    Assert.That(server.Asked, Is.EqualTo 1)

[<Test>]
let ``checks say what is wrong, and exit codes are those of the other commands`` () =
    let h = Home()
    let made = folder ()
    File.WriteAllBytes(Path.Combine(made, "skill.wasm"), wasm (passing "ai_prompt"))

    let manifest permissions =
        File.WriteAllText(
            Path.Combine(made, "skill.json"),
            $$"""{"name": "x", "version": "1.0.0", "module": "skill.wasm", "sha256": "{{String('0', 64)}}", "permissions": {{permissions}}}"""
        )

    manifest "[]"
    Assert.That((h.Run(2, [ "skill"; "check"; made ])).Error, Does.Contain "sha256")
    Assert.That((h.Run(2, [ "skill"; "check"; made; "--update" ])).Error, Does.Contain "cis.ai_prompt")
    manifest "[\"ai\"]"
    Assert.That((h.Run(0, [ "skill"; "check"; made; "--update" ])).Output, Does.Contain "permissions  ai")
    manifest "[\"al\"]"
    Assert.That((h.Run(2, [ "skill"; "check"; made ])).Error, Does.Contain "permissions[0]")
    Assert.That((h.Run(2, [ "skill"; "run"; "no/such" ])).Error, Does.Contain "no such file")
    Assert.That((h.Run(2, [ "skill" ])).Error, Is.Not.Empty)

    let ending code (wat: string) =
        let made = folder ()
        let b = wasm wat
        File.WriteAllBytes(Path.Combine(made, "skill.wasm"), b)
        File.WriteAllText(Path.Combine(made, "skill.json"), Twofold.Engine.SkillManifest.toJson (World.manifest "x" [] b))
        h.Run(code, [ "skill"; "run"; made; "--timeout"; "1" ]) |> ignore

    ending 0 """(module (func (export "execute") (result i32) (i32.const 42)))"""
    ending 3 """(module (func (export "execute") (result i32) unreachable))"""
    ending 4 """(module (func (export "execute") (result i32) (call 0)))"""
    ending 5 """(module (func (export "execute") (loop (br 0))))"""

[<Test>]
let ``a new skill builds with the command that its page says`` () =
    let h = Home()
    let where = folder ()

    for language in [ "as"; "c"; "rust" ] do
        let made = Path.Combine(where, language)
        h.Run(0, [ "skill"; "new"; "hello-" + language; "--language"; language; "--output"; made ]) |> ignore
        Assert.That(File.ReadAllText(Path.Combine(made, "README.md")), Does.Contain "twofold skill check . --update")

    Assert.That((h.Run(2, [ "skill"; "new"; "hello-c"; "--output"; Path.Combine(where, "c") ])).Error, Does.Contain "not empty")
    Assert.That((h.Run(2, [ "skill"; "new"; "Bad Name" ])).Error, Does.Contain "no skill's name")
    let clang = "/usr/bin/clang-14"

    if not (File.Exists clang && File.Exists "/usr/bin/wasm-ld-14") then
        Assert.Ignore "clang-14 with lld-14 is not on this machine"

    let made = Path.Combine(where, "c")

    let line =
        File.ReadAllLines(Path.Combine(made, "README.md"))
        |> Array.map _.Trim()
        |> Array.find (fun l -> l.StartsWith "clang-14")

    let info = ProcessStartInfo("sh", [ "-c"; line ], WorkingDirectory = made)
    use p = Process.Start info
    p.WaitForExit()
    Assert.That(p.ExitCode, Is.EqualTo 0, line)
    h.Run(0, [ "skill"; "check"; made; "--update" ]) |> ignore
    h.Run(0, [ "skill"; "install"; made ]) |> ignore
    let ran = h.Run(0, [ "skill"; "run"; "hello-c"; "--input"; """{"name": "Ada"}""" ])
    Assert.That(ran.Output, Is.EqualTo """{"greeting":"Hello, Ada"}""")

[<Test>]
let ``audits of skill receipts are clean on all engines`` () =
    let outside =
        Outside(fun e ->
            match e with
            | Twofold.HostAbi.SkillEffect.AiPrompt _ -> Twofold.HostAbi.SkillAnswer.Bytes(bytes "an answer")
            | _ -> Twofold.HostAbi.SkillAnswer.Failed Twofold.HostAbi.SkillError.NotFound)

    let inputs =
        [
            skill [ "ai" ] (passing "ai_prompt"), "prompt"
            skill [ "memory:" ] (passing "memory_get"), "key"
            skill [] echo, "{}"
        ]
        |> List.map (fun (s, input) ->
            let r = run outside s input
            r.Receipt, s.ModuleBytes)

    let folder = folder ()

    match Twofold.Engine.CorpusWriter.Open folder with
    | Error why -> Assert.Fail why
    | Ok corpus ->
        for receipt, wasm in inputs do
            match corpus.Append(receipt, wasm) with
            | Ok _ -> ()
            | Error why -> Assert.Fail why

    let ran = runWith [] "" [ "audit"; folder; "--json" ]
    Assert.That(ran.Code, Is.EqualTo 0, ran.Output + ran.Error)
