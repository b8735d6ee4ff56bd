module Twofold.Skills.Tests.Answers

// What `cis` answers: permissions, codes, replies that did not fit, limits, audits. Each run in every way, on every engine.
// In: skills in text and an outside that counts. Out: failures.

open System
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Skills.Tests.World

let private code (r: ExecutionReport) = BitConverter.ToInt32(r.Receipt.ReturnData, 0)
let private bytesAnswer (text: string) = SkillAnswer.Bytes(bytes text)

[<Test>]
let ``a reply that did not fit is read again, never asked for again`` () =
    let outside = Outside(fun _ -> bytesAnswer "a rather long answer")
    let s = skill [ "ai" ] (passing "ai_prompt")
    use e = executor (CompiledEngine()) outside 2

    match e.Execute(Skill.request s (bytes "hello")) with
    | Ok r ->
        Assert.That(resultOf r, Is.EqualTo "a rather long answer")
        Assert.That(outside.Asked, Is.EqualTo 1)
        Assert.That((r.Receipt.Journal[0].Effect = Effect.Skill(SkillEffect.AiPrompt(bytes "hello"))))
        Assert.That((r.Receipt.Journal[0].Reply = JournalReply.Kept(Reply.Bytes(bytes "a rather long answer"))))
        // Replayed by an engine that nobody plugged anything into.
        use other = new Executor(ExecutorOptions.For(InterpretedEngine()))

        match other.Replay(r.Receipt, s.ModuleBytes) with
        | ReplayResult.Identical _ -> ()
        | differs -> Assert.Fail $"{differs}"

        Assert.That(outside.Asked, Is.EqualTo 1)
    | Error refusal -> Assert.Fail $"{refusal}"

    Assert.That(resultOf (run outside s "hello"), Is.EqualTo "a rather long answer")

[<Test>]
let ``whole families without a permission are refused at link`` () =
    for name, wanted in [ "ai_prompt", "ai"; "memory_get", "memory:"; "http_request_full", "http:" ] do
        Assert.That(refusal [] (passing name), Does.Contain $"cis.{name}", name)
        Assert.That(refusal [] (passing name), Does.Contain $"the permission {wanted}", name)

    Assert.That(refusal [ "ai" ] (passing "ai_prompt"), Is.EqualTo "accepted")
    Assert.That(refusal [ "memory:a" ] (passing "ai_prompt"), Does.Contain "the permission ai")

    let wasi =
        """(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) (func (export "execute") (result i32) (i32.const 1)))"""

    Assert.That(refusal [ "ai" ] wasi, Does.Contain "the permission wasi")
    Assert.That(refusal [ "wasi" ] wasi, Is.EqualTo "accepted")

[<Test>]
let ``a pooled instance of a granted run serves no run without the grant`` () =
    let s = skill [ "ai" ] (passing "ai_prompt")
    use e = executor (CompiledEngine()) (Outside(fun _ -> bytesAnswer "x")) 4
    Assert.That((e.Execute(Skill.request s (bytes "p"))).IsOk)

    for grant in [ None; Some { Name = "test"; Version = "1.0.0"; Permissions = [] } ] do
        match e.Execute { Skill.request s (bytes "p") with Skill = grant } with
        | Error(Refusal.Rejected r) -> Assert.That(r.Where, Does.Contain "cis.ai_prompt")
        | other -> Assert.Fail $"%A{grant}: {other}"

[<Test>]
let ``a key or an address outside the permissions is denied, nobody is asked, and the receipt says so`` () =
    let outside = Outside(fun _ -> bytesAnswer "secret")

    let denied name granted (input: string) =
        let r = run outside (skill granted (passing name)) input
        Assert.That(code r, Is.EqualTo(SkillError.code SkillError.Denied), $"{name} {input}")
        Assert.That((r.Receipt.Journal[0].Reply = JournalReply.Kept(Reply.Code -2)))

    denied "memory_get" [ "memory:mine/" ] "yours/a"
    denied "memory_get" [ "memory:mine/" ] "mine"
    denied "http_request_full" [ "http:api.example.com" ] """{"url": "https://evil.example.com/"}"""
    denied "http_request_full" [ "http:*.example.com" ] """{"url": "https://example.com/"}"""
    denied "http_request_full" [ "http:https://api.example.com" ] """{"url": "http://api.example.com/"}"""
    denied "http_request_full" [ "http:api.example.com" ] """{"url": "https://api.example.com:8443/"}"""
    denied "http_request_full" [ "http:api.example.com" ] """{"url": "https://api.example.com.evil.org/"}"""
    Assert.That(outside.Asked, Is.EqualTo 0)

    let allowed granted (input: string) =
        Assert.That(resultOf (run outside (skill granted (passing "http_request_full")) input), Is.EqualTo "secret", input)

    allowed [ "http:*.example.com" ] """{"url": "https://a.b.example.com/x?y"}"""
    allowed [ "http:api.example.com:*" ] """{"url": "http://API.example.com:8080/"}"""
    allowed [ "http:*" ] """{"url": "https://anything.example.org"}"""

[<Test>]
let ``failures of the outside are codes, kept and replayed`` () =
    for error, number, _, _ in SkillError.all do
        let r = run (Outside(fun _ -> SkillAnswer.Failed error)) (skill [ "ai" ] (passing "ai_prompt")) "p"
        Assert.That(code r, Is.EqualTo number)
        Assert.That((r.Receipt.Journal[0].Reply = JournalReply.Kept(Reply.Code number)))

[<Test>]
let ``malformed and too large arguments and answers are codes`` () =
    let outside = Outside(fun _ -> SkillAnswer.Bytes(Array.zeroCreate (CisLimits.ReplyBytes + 1)))
    let s = skill [ "ai" ] (passing "ai_prompt")
    let answered (s: Skill) (input: byte[]) = code (everyWay outside (Skill.request s input))
    Assert.That(answered s [| 0xFFuy |], Is.EqualTo -5)
    Assert.That(answered s [||], Is.EqualTo -5)
    Assert.That(outside.Asked, Is.EqualTo 0)
    Assert.That(answered s (bytes "p"), Is.EqualTo -6)
    let http = skill [ "http:*" ] (passing "http_request_full")

    for wrong in
        [
            "no json"
            "[]"
            "{}"
            """{"url": "ftp://a"}"""
            """{"url": "https://user:pass@a/"}"""
            """{"url": "https://a/", "headers": {"host": "b"}}"""
            """{"url": "https://a/", "headers": {"x": "a\r\nb: c"}}"""
            """{"url": "https://a/", "method": "CONNECT"}"""
            """{"url": "https://a/", "body": "x", "bodyBase64": "eA=="}"""
        ] do
        Assert.That(answered http (bytes wrong), Is.EqualTo -5, wrong)

[<Test>]
let ``an outside that throws is a fault and no receipt, and the engine goes on`` () =
    let mutable fail = true

    let outside = {
        new ISkillProvider with
            member _.Answer(_, _, _) = if fail then invalidOp "the database's password is hunter2" else bytesAnswer "fine"
    }

    let s = skill [ "ai" ] (passing "ai_prompt")
    use e = executor (CompiledEngine()) outside 2

    match e.Execute(Skill.request s (bytes "p")) with
    | Error(Refusal.Fault(EngineFault.HostFunction _)) -> ()
    | other -> Assert.Fail $"{other}"

    fail <- false

    match e.Execute(Skill.request s (bytes "p")) with
    | Ok r -> Assert.That(resultOf r, Is.EqualTo "fine")
    | other -> Assert.Fail $"{other}"

[<Test>]
let ``a wait outside ends with the run's deadline, and with its caller's cancellation`` () =
    let waiting = {
        new ISkillProvider with
            member _.Answer(_, _, token) =
                token.WaitHandle.WaitOne 20_000 |> ignore
                token.ThrowIfCancellationRequested()
                bytesAnswer "too late"
    }

    let s = skill [ "ai" ] (passing "ai_prompt")

    for name, engine in engines do
        use e = executor engine waiting 2
        let request = Skill.request s (bytes "p")
        let quick = { request with Profile = { request.Profile with Deadline = TimeSpan.FromMilliseconds 200.0 } }
        let watch = Diagnostics.Stopwatch.StartNew()

        match e.Execute quick with
        | Error(Refusal.Fault(EngineFault.Deadline _)) -> ()
        | other -> Assert.Fail $"{name}: {other}"

        use cancel = new CancellationTokenSource(200)

        match e.Execute(request, cancel.Token) with
        | Error(Refusal.Fault EngineFault.Cancelled) -> ()
        | other -> Assert.Fail $"{name}: {other}"

        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds 10.0), name)

/// Tells what it found (arguments, variables), copies a file of its folder to standard output, and complains on standard error.
let private program =
    """(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 100) "words/stop.txt")
  (data (i32.const 200) "oops")
  (func $say (param i32 i32 i32)
    (i32.store (i32.const 32) (local.get 1))
    (i32.store (i32.const 36) (local.get 2))
    (drop (call $write (local.get 0) (i32.const 32) (i32.const 1) (i32.const 24))))
  (func (export "execute") (result i32)
    (drop (call $args (i32.const 0) (i32.const 4)))
    (drop (call $env (i32.const 8) (i32.const 12)))
    (call $say (i32.const 2) (i32.const 200) (i32.const 4))
    (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 14) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
      (then
        (i32.store (i32.const 32) (i32.const 1024))
        (i32.store (i32.const 36) (i32.const 64))
        (drop (call $read (i32.load (i32.const 16)) (i32.const 32) (i32.const 1) (i32.const 20)))
        (call $say (i32.const 1) (i32.const 1024) (i32.load (i32.const 20)))))
    (i32.add
      (i32.mul (i32.load (i32.const 0)) (i32.const 100))
      (i32.add (i32.mul (i32.load (i32.const 8)) (i32.const 10)) (i32.load (i32.const 20))))))"""

[<Test>]
let ``a program finds the world of its manifest, and what it writes is kept`` () =
    let b = wasm program
    let plain = manifest "test" [ "wasi" ] b

    let given = {
        plain with
            World = {
                Args = [ "--brief" ]
                Env = [ "LANG", "C" ]
                Folders = [
                    {
                        Guest = "/data"
                        Grant = WasiGrant.ReadOnly
                        Content = WasiDirectory.Memory(WasiNode.ofFiles [ [ "words"; "stop.txt" ], bytes "and\nor\n" ])
                    }
                ]
            }
    }

    // Through its JSON, as it would be installed.
    let given =
        match SkillManifest.parse (bytes (SkillManifest.toJson given)) with
        | Ok back -> back
        | Error why -> failwith why

    let found = run nobody (skillOf given b) ""
    // Two arguments, one variable, seven bytes.
    Assert.That(resultOf found, Is.EqualTo "217")
    Assert.That((text found.Output, text found.ErrorOutput), Is.EqualTo(("and\nor\n", "oops")))
    let nothing = run nobody (skillOf plain b) ""
    Assert.That(resultOf nothing, Is.EqualTo "100", "the skill's name alone")
    Assert.That((text nothing.Output, text nothing.ErrorOutput), Is.EqualTo(("", "oops")))

    // More than a run may have in files is refused before anything runs.
    let huge = {
        given with
            World = {
                given.World with
                    Folders = [
                        {
                            Guest = "/data"
                            Grant = WasiGrant.All
                            Content = WasiDirectory.Memory [ "big", WasiNode.File(Array.zeroCreate (65 <<< 20)) ]
                        }
                    ]
            }
    }

    match Skill.check huge b with
    | Ok _ -> Assert.Fail "accepted"
    | Error refused -> Assert.That(String.Join("; ", refused), Does.Contain "wasi")
