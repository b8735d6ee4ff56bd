module Twofold.Skills.Tests.Acceptance

// The acceptance list of skills, by its names.
// In: skills. Out: failures.

open System
open System.Diagnostics
open NUnit.Framework
open Twofold
open Twofold.Extensions.Skills
open Twofold.Engine
open Twofold.Wasm
open Twofold.Skills.Tests.World
open Twofold.Skills.Tests.Servers

[<Test>]
let ``a skill returns its result`` () =
    Assert.That(resultOf (run nobody (skill [] echo) """{"answer": 42}"""), Is.EqualTo """{"answer": 42}""")

[<Test>]
let ``an AI call gives the server's answer`` () =
    use server = openAi "k" (fun prompt -> $"the answer to {prompt}")
    use chat = new OpenAiChat(OpenAiOptions(BaseUrl = server.Url + "/v1", Model = "m", Key = "k"))
    use engine = new TwofoldEngine(EngineOptions().WithSkillPorts(SkillPorts().WithAi(ChatAi chat)))
    let b = wasm (passing "ai_prompt")
    let s = Twofold.Skill.Create(World.manifestText [ "ai" ] b, b)
    let report = engine.Execute(Twofold.ExecutionRequest.ForSkill(s, "everything"))
    Assert.That(report.Receipt.ReturnDataText, Is.EqualTo "the answer to everything")
    Assert.That(engine.Replay(report.Receipt, b).Kind, Is.EqualTo ReplayKind.Identical)
    Assert.That(server.Asked, Is.EqualTo 1)

// Really waited for, beside the other tests.
[<Test; Parallelizable>]
let ``an endless loop ends at its deadline`` () =
    let s = skill [] """(module (func (export "execute") (loop (br 0))))"""
    use e = executor (CompiledEngine()) nobody 1
    let watch = Stopwatch.StartNew()

    match e.Execute(Skill.request s [||]) with
    | Error(Refusal.Fault(EngineFault.Deadline d)) ->
        Assert.That(d, Is.EqualTo(TimeSpan.FromSeconds 30.0))
        Assert.That(watch.Elapsed.TotalSeconds, Is.InRange(29.9, 45.0))
        Assert.That(string (EngineFault.Deadline d), Does.Contain "timeout")
    | other -> Assert.Fail $"{other}"

    // The engine goes on.
    match e.Execute(Skill.request (skill [] echo) (bytes "x")) with
    | Ok r -> Assert.That(resultOf r, Is.EqualTo "x")
    | other -> Assert.Fail $"{other}"

[<Test>]
let ``asking for more than 512 MiB fails cleanly`` () =
    // From the start: refused. While it runs: memory.grow says no, and the skill can say so itself.
    let declared = """(module (memory 8193) (func (export "execute") (result i32) (i32.const 1)))"""
    use e = executor (CompiledEngine()) nobody 1
    let b = wasm declared

    (match Skill.check (manifest "test" [] b) b with
     | Error _ -> ()
     | Ok s ->
         match e.Execute(Skill.request s [||]) with
         | Error(Refusal.Rejected r) -> Assert.That(string r, Does.Contain "memor")
         | other -> Assert.Fail $"{other}")

    let growing =
        """(module (memory (export "memory") 1) (func (export "execute") (result i32)
             (memory.grow (i32.const 8192))))"""

    Assert.That(resultOf (run nobody (skill [] growing) ""), Is.EqualTo "-1")

[<Test>]
let ``a module that returns 42 succeeds in under a second`` () =
    // Compilation included: an engine and a module that nobody has seen. Measured at some tens of milliseconds on a quiet machine once the runtime is
    // warm (bench has the figures); the second is the margin for a busy one.
    let once () =
        let wat = """(module (func (export "execute") (result i32) (i32.const 42)))"""
        let watch = Stopwatch.StartNew()
        use e = new Executor(ExecutorOptions.For(CompiledEngine()))

        match e.Execute(Skill.request (skill [] wat) [||]) with
        | Ok r -> resultOf r, watch.Elapsed
        | Error refusal -> failwith $"{refusal}"

    once () |> ignore
    let times = List.init 5 (fun _ -> once ())
    Assert.That((times |> List.map fst |> List.distinct) = [ "42" ])
    let best = times |> List.map snd |> List.min
    TestContext.Out.WriteLine $"best of five: {best.TotalMilliseconds} ms"
    Assert.That(best, Is.LessThan(TimeSpan.FromSeconds 1.0))
