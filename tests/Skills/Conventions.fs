module Twofold.Skills.Tests.Conventions

// The calling convention: shapes of entries, the order of calls, one gas limit over all, ends that are typed. Each run in every way.
// In: skills in text. Out: failures that say which engine or way differs.

open System
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Skills.Tests.World

[<Test>]
let ``what goes in comes out`` () =
    for input in [ "{}"; ""; "{\"a\": [1, 2, \"ü\"]}"; String('x', 60_000) ] do
        Assert.That(resultOf (run nobody (skill [] echo) input), Is.EqualTo input)

[<Test>]
let ``an entry of one pointer takes and gives texts that end with a zero byte`` () =
    // Turns the first letter into upper case and answers with the same block.
    let wat =
        skillModule
            ""
            """(func (export "execute") (param i32) (result i32)
                 (i32.store8 (local.get 0) (i32.sub (i32.load8_u (local.get 0)) (i32.const 32))) (local.get 0))"""

    Assert.That(resultOf (run nobody (skill [] wat) "hello"), Is.EqualTo "Hello")
    let s = skill [] wat
    use e = executor (CompiledEngine()) nobody 1

    match e.Execute(Skill.request s [| 65uy; 0uy; 66uy |]) with
    | Error(Refusal.Rejected r) -> Assert.That(r.Where, Is.EqualTo "input")
    | other -> Assert.Fail $"{other}"

[<Test>]
let ``the calls come in order, under one gas limit, and are no re-entry`` () =
    // Each call writes its letter; execute answers with what was written so far.
    let wat =
        """(module (memory (export "memory") 1) (global $n (mut i32) (i32.const 1000))
          (func $note (param i32) (i32.store8 (global.get $n) (local.get 0)) (global.set $n (i32.add (global.get $n) (i32.const 1))))
          (func (export "_initialize") (call $note (i32.const 73)))
          (func (export "alloc") (param i32) (result i32) (call $note (i32.const 65)) (i32.const 5000))
          (func (export "dealloc") (param i32 i32) (call $note (i32.const 68)))
          (func (export "execute") (param i32 i32) (result i64) (call $note (i32.const 69))
            (i64.or (i64.shl (i64.const 1000) (i64.const 32)) (i64.extend_i32_u (i32.sub (global.get $n) (i32.const 1000))))))"""

    let r = run nobody (skill [] wat) "in"
    Assert.That(resultOf r, Is.EqualTo "IAE")
    // One gas unit less than it used is too little, wherever in the calls that is; exactly that is enough.
    let used = r.Receipt.GasUsed
    let s = skill [] wat
    let limited gas = { Skill.request s (bytes "in") with Limits = { RequestLimits.None with Gas = Some gas } }
    Assert.That((everyWay nobody (limited used)).Receipt.Outcome.Succeeded)

    for gas in [ used - 1L; used / 2L; 50L; 0L ] do
        Assert.That(((everyWay nobody (limited gas)).Receipt.Outcome = Outcome.OutOfGas), $"{gas}")

[<Test>]
let ``results and rooms that make no sense are traps with their numbers`` () =
    let answering (value: string) = skillModule "" $"""(func (export "execute") (param i32 i32) (result i64) (i64.const {value}))"""

    let trapped wat =
        match (run nobody (skill [] wat) "{}").Receipt.Outcome with
        | Outcome.Trapped(code, a, b, c) -> code, a, b, c
        | other -> failwith (Outcome.describe other)

    // 16 bytes at 131,070 of a memory of 131,072.
    let range = int TrapCode.HostRangeOutOfBounds
    Assert.That((trapped (answering (string ((131070UL <<< 32) ||| 16UL))) = (range, 131070UL, 16UL, 131072UL)))
    let long = uint64 SkillManifest.defaults.OutputBytes + 1UL
    Assert.That((trapped (answering (string long)) = (HostTrap.SkillResultTooLong, long, long - 1UL, 0UL)))

    let allocating (at: string) =
        $"""(module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) (i32.const {at}))
             (func (export "execute") (param i32 i32) (result i64) (i64.const 0)))"""

    Assert.That((trapped (allocating "0") = (HostTrap.SkillNoRoom, 2UL, 0UL, 0UL)))
    Assert.That((trapped (allocating "65535") = (range, 65535UL, 2UL, 65536UL)))

    let unended =
        skillModule
            ""
            """(func (export "execute") (param i32) (result i32) (memory.fill (i32.const 0) (i32.const 65) (i32.const 131072)) (i32.const 131000))"""

    Assert.That((trapped unended = (range, 131000UL, 73UL, 131072UL)))

[<Test>]
let ``modules that are no skills are refused before anything runs`` () =
    let refused (part: string) wat = Assert.That(refusal [] wat, Does.Contain part)
    refused "there is no such export" "(module)"
    refused "another signature" """(module (func (export "execute") (param i64)))"""
    refused "exports alloc" """(module (memory (export "memory") 1) (func (export "execute") (param i32 i32) (result i64) (i64.const 0)))"""

    refused
        "skill's dealloc"
        """(module (memory 1) (func (export "alloc") (param i32) (result i32) (i32.const 8)) (func (export "dealloc") (result i32) (i32.const 0))
           (func (export "execute") (param i32 i32) (result i64) (i64.const 0)))"""

[<Test>]
let ``a host function may call the guest back as deep as ever`` () =
    // The re-entry limit counts from the guest's first call outside, not from the host's calls of the convention.
    let depth = Profile.skill.Policy.Run.ReentryDepth
    Assert.That(depth, Is.EqualTo 8)

    let down =
        """(module (import "h" "again" (func $again (param i32))) (memory (export "memory") 1)
             (func (export "down") (param i32) (if (local.get 0) (then (call $again (i32.sub (local.get 0) (i32.const 1)))))))"""

    for name, engine in engines do
        let load =
            Twofold.Wasm.Binary.Decode.run WasmLimits.Host Features.All (wasm down)
            |> Result.bind (Twofold.Wasm.Validation.Validate.run WasmLimits.Host Features.All)
            |> Result.bind engine.Load

        match load with
        | Error e -> Assert.Fail $"{name}: {e}"
        | Ok m ->
            let again =
                HostFunction(fun guest args ->
                    guest.Call("down", Value.I32(int args[0])) |> ignore
                    0UL)

            let settings = {
                Functions = [ { Module = "h"; Name = "again"; Type = { Params = [| ValType.I32 |]; Results = [||] }; Function = again } ]
                Memory = None
                Limits = WasmLimits.Host
                ReentryDepth = depth
            }

            let runOf n direct =
                match m.Instantiate settings with
                | Error e -> failwith $"{name}: {e}"
                | Ok instance ->
                    use instance = instance

                    let s = {
                        Entry = "down"
                        Arguments = [| Value.I32 n |]
                        Gas = Int64.MaxValue
                        StackUnits = WasmLimits.Host.StackUnits
                        Data = null
                        Deadline = TimeSpan.Zero
                        Cancellation = Threading.CancellationToken.None
                    }

                    if direct then
                        match instance.Run s with
                        | Ok r -> r.End, r.GasUsed
                        | Error e -> failwith $"{e}"
                    else
                        let r = instance.RunCalls(s, fun guest -> guest.Call("down", Value.I32 n))
                        r.End, r.GasUsed

            let ended (e: RunEnd) =
                match e with
                | RunEnd.Returned _ -> "returned"
                | RunEnd.Trapped t -> $"{t.Code} {t.A}"
                | other -> $"{other}"

            for n in [ 0; 1; depth; depth + 1; depth + 2 ] do
                let a, gasA = runOf n true
                let b, gasB = runOf n false
                Assert.That(ended b, Is.EqualTo(ended a), $"{name}, {n}")
                Assert.That(gasB, Is.EqualTo gasA, $"{name}, {n}")

            m.Dispose()
