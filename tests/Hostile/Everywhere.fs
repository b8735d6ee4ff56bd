/// A hostile guest on every engine, pooled and fresh, replayed; afterwards nothing of it is left: that is this harness.
/// In: a request. Out: what all ways of running agree on, or a failed test that says which way differs.
module Twofold.Hostile.Everywhere

open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism
open Twofold.Tests

/// What answers skills here: something, always.
let private outside = {
    new ISkillProvider with
        member _.Answer(_, effect, _) =
            match effect with
            | SkillEffect.MemorySet _ -> SkillAnswer.Done
            | _ -> SkillAnswer.Bytes "an answer"B
}

let private executor (engine: IWasmEngine) idle =
    new Executor(
        {
            ExecutorOptions.For engine with
                Skills = outside
                Pool = { PoolOptions.Default with IdlePerModule = idle; ProveResets = idle > 0 }
        }
    )

/// Never uses an instance twice.
let fresh = executor (CompiledEngine()) 0

/// One for each engine that there is; instances are used again, and each reset is proved. Shared by all tests: attacks follow each other on the same pools.
let pooled: (string * Executor) list = [
    "compiled", executor (CompiledEngine()) 2
    "interpreter", executor (InterpretedEngine()) 2
    match WasmtimeForTests.tryPlain () with
    | Some engine -> "wasmtime", executor engine 2
    | None -> ()
]

let wasm (wat: string) : byte[] =
    match Text.Wat.toBinary WasmLimits.Host Features.All (Utf8.bytes wat) with
    | Ok bytes -> bytes
    | Error e -> failwith $"{e}"

let private isTrap (code: int) =
    code <= int TrapCode.ReentryTooDeep || (code >= HostTrap.JournalFull && code <= HostTrap.SkillResultTooLong)

/// How it ended, in the words of the page: a trap by its name, numbers left out.
let ending (result: Result<ExecutionReport, Refusal>) : string =
    match result with
    | Ok { Receipt = { Outcome = Outcome.Trapped(code, _, _, _) } } ->
        let name =
            match code with
            | HostTrap.JournalFull -> "JournalFull"
            | HostTrap.OutputFull -> "OutputFull"
            | HostTrap.HostFunction -> "HostFunction"
            | HostTrap.SkillNoRoom -> "SkillNoRoom"
            | HostTrap.SkillResultTooLong -> "SkillResultTooLong"
            | _ -> string (enum<TrapCode> code)

        $"trap {code} {name}"
    | Ok { Receipt = { Outcome = Outcome.Returned [] } } -> "returns"
    | Ok { Receipt = { Outcome = Outcome.Returned [ v ] } } ->
        let number = if v.Kind = ValueKind.I32 then int64 (int v.Low) else int64 v.Low
        $"returns {number}"
    | Ok { Receipt = { Outcome = outcome } } -> Outcome.describe outcome
    | Error(Refusal.Rejected r) -> $"rejected: {(string r.Kind).ToLowerInvariant()}"
    | Error(Refusal.Fault(EngineFault.Deadline _)) -> "fault: deadline"
    | Error(Refusal.Fault fault) -> $"fault: {fault}"

/// An outcome that is none of ours would show in the text, an exception's name in the message.
let typed (what: string) (result: Result<ExecutionReport, Refusal>) =
    let text =
        match result with
        | Ok r -> r.Message
        | Error refusal -> string refusal

    match result with
    | Ok { Receipt = { Outcome = Outcome.Trapped(code, _, _, _) } } -> Assert.That(isTrap code, $"{what}: trap {code}")
    | Error(Refusal.Fault(EngineFault.Bug _ | EngineFault.HostMemory _ | EngineFault.HostFunction _)) -> Assert.Fail $"{what}: {text}"
    | _ -> ()

    for word in [ "Exception"; "System."; " at Twofold"; "Object reference" ] do
        Assert.That(text, Does.Not.Contain word, what)

let private digestOf (result: Result<ExecutionReport, Refusal>) =
    match result with
    | Ok r -> string r.ReceiptDigest
    | other -> ending other

/// Nothing is lent any more.
let returned (what: string) (e: Executor) = Assert.That(e.PoolCounters.Leased, Is.Zero, $"{what}: instances are still lent")

let private ordinary =
    Request.contract (Repository.contract "token-as") "Initialize" World.owner World.token World.empty
    |> fun r -> { r with Parameters = World.parameters "token-as" (World.Initialize("Coin", "C")) }

let private expected = lazy (digestOf (fresh.Execute ordinary))

/// The next guest on the same engines has the receipt that it would have without all this.
let nextIsClean (what: string) =
    for name, e in pooled do
        Assert.That(digestOf (e.Execute ordinary), Is.EqualTo expected.Value, $"{what}: the next guest, {name}")
        returned what e

/// Pooled on every engine, and each tenth time fresh; the receipt that all agree on is replayed, each second
/// time, by one engine after the other. A turn of -1: fresh, and replayed by all.
let agree (what: string) (turn: int) (request: ExecutionRequest) : Result<ExecutionReport, Refusal> =
    let others = if turn < 0 || turn % 10 = 0 then ("fresh", fresh) :: pooled.Tail else pooled.Tail
    let first = (snd pooled.Head).Execute request
    typed what first

    for name, e in others do
        let other = e.Execute request

        if digestOf other <> digestOf first then
            match first, other with
            | Ok a, Ok b ->
                let lines (r: ExecutionReport) = (ReceiptJson.toJson r.Receipt).Split '\n'
                let differing = Seq.zip (lines a) (lines b) |> Seq.filter (fun (x, y) -> x <> y) |> Seq.truncate 3 |> List.ofSeq
                Assert.Fail $"{what}: {name} gives another receipt: %A{differing}"
            | _ -> Assert.Fail $"{what}: {ending first}, but {name}: {ending other}"

    match first with
    | Ok report ->
        let all = List.indexed pooled

        for i, (name, e) in all do
            if turn < 0 || turn % (2 * all.Length) = 2 * i then
                match e.Replay(report.Receipt, Harness.moduleBytes request) with
                | ReplayResult.Identical _ -> ()
                | other -> Assert.Fail $"{what}: the replay by {name}: {other}"
    | Error _ -> ()

    first

/// The same for an attack: every way, replayed by all, twice on each pool, and the next guest is clean.
let attack (what: string) (request: ExecutionRequest) : Result<ExecutionReport, Refusal> =
    let first = agree what -1 request
    Assert.That(digestOf (agree what 0 request), Is.EqualTo(digestOf first), $"{what}: once more")
    nextIsClean what
    first
