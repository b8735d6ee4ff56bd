module Twofold.Determinism.Audits

// The audit finds what is planted, says where it is and of which class, and finds nothing where nothing is.
// In: the faults of AuditFaults.fs, receipts of the token samples. Out: findings; the table in docs/AUDIT.md.

open System
open System.Collections.Generic
open System.IO
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Engine.Audit
open Twofold.Tests
open Twofold.Determinism.AuditFaults
open Twofold.Determinism.Harness

let private compiled () : IWasmEngine = CompiledEngine CompileWhen.FirstCall

/// Names blocks.
let private locator: IWasmEngine option = Some(InterpretedEngine())

/// Keeps everything.
type private Kept() =
    let receipts = List<AuditedReceipt>()
    member _.Receipts = receipts

    interface IAuditSink with
        member _.Add r = receipts.Add r
        member _.End _ = ()

let private input name (receipt: Receipt) (bytes: byte[]) : AuditInput = {
    Name = name
    CommandLine = $"{name} --module guest.wasm"
    Load = fun () -> Ok(struct (receipt, bytes))
}

let private options engines = { AuditOptions.For engines with Locator = locator; Threads = 2 }

let private auditWith hooks (o: AuditOptions) (inputs: AuditInput seq) =
    let kept = Kept()
    let summary = Auditor.runWith hooks o [] [ kept ] CancellationToken.None inputs
    summary, List.ofSeq kept.Receipts

let private noHooks: AuditHooks = { View = id }

let private receiptOf (fault: Fault) = (report fresh (request fault.Guest)).Receipt

let private findings (fault: Fault) : Finding list * Receipt =
    let receipt = receiptOf fault

    let hooks, engines =
        match fault.Plant() with
        | Plant.Engine planted -> noHooks, [ compiled (); planted ]
        | Plant.Host view -> { View = view }, [ compiled () ]

    let summary, receipts = auditWith hooks (options engines) [ input "receipt.json" receipt fault.Guest ]
    Assert.That(summary.ExitCode, Is.EqualTo 1, $"{fault.Name}: %A{receipts}")

    match receipts with
    | [ { Verdict = Verdict.Diverges findings } ] -> findings, receipt
    | other ->
        Assert.Fail $"{fault.Name}: %A{other}"
        [], receipt

/// The instructions from a block's offset on, to where the next block begins, as text.
let private block (bytes: byte[]) (b: CodeBlock) : string =
    let m =
        Decode.run WasmLimits.Contract Profile.contract.Policy.Features bytes
        |> Result.bind (Validate.run WasmLimits.Contract Profile.contract.Policy.Features)
        |> Result.defaultWith (fun e -> failwith (string e))

    let prepared = Twofold.Wasm.Preparation.Prepare.func m (b.Function - m.ImportedFuncs)
    // Where a block begins (its charge stands first), after a call, or at an instruction with a price of its own.
    let start = prepared.Code |> Array.findIndex (fun i -> i.Offset = b.Offset && i.Op <> Op.Charge && i.Op <> Op.Enter)

    prepared.Code[start..]
    |> Array.takeWhile (fun i -> i.Op <> Op.Charge)
    |> Array.map (fun i ->
        let name = (Opcodes.info i.Op).Name

        match i.Op with
        | Op.Call -> $"{name} {i.A}"
        | Op.I32Const -> $"{name} {i.Imm}"
        | _ -> name)
    |> String.concat "; "

let private faults = all |> List.map _.Name |> Array.ofList
let private fault name = all |> List.find (fun f -> f.Name = name)

[<TestCaseSource(nameof faults)>]
let ``a planted fault is found, located and told by its class`` (name: string) =
    let fault = fault name
    let found, receipt = findings fault
    let expected = fault.Expected
    let all = found |> List.collect ReportText.finding |> String.concat "\n"
    TestContext.Out.WriteLine all
    let first = List.head found
    Assert.That((first.Class = expected.Class), $"{first.Class}\n{all}")
    Assert.That(found |> List.forall (fun f -> f.Class = expected.Class), all)

    match expected.Effect, first.Effect with
    | Some index, Some effect -> Assert.That(effect.Index, Is.EqualTo index, all)
    | None, _ -> ()
    | Some _, None -> Assert.Fail $"no effect is named\n{all}"

    match expected.State with
    | Some text ->
        let places = first.State |> List.map (fun d -> let struct (place, _, _) = ReportText.state d in place)
        Assert.That(places |> List.exists (fun p -> p.StartsWith(text, StringComparison.Ordinal)), $"{text}\n{all}")
    | None -> ()

    match expected.Block with
    | Some(func, text) when locator.IsSome ->
        match first.Block with
        | None -> Assert.Fail $"no block is named\n{all}"
        | Some b ->
            Assert.That(b.Name, Is.EqualTo func, all)
            Assert.That(block fault.Guest b, Does.Contain text, all)
    | _ -> ()

    Assert.That(first.Reproduce, Does.StartWith "twofold audit receipt.json --module guest.wasm --engines ")
    // The receipt agrees with itself on a right engine: the fault was in what was planted.
    replay fresh receipt fault.Guest

[<TestCaseSource(nameof faults)>]
let ``the same corpus without the fault is clean`` (name: string) =
    let fault = fault name
    let receipt = receiptOf fault
    let native = WasmtimeForTests.tryPlain () |> Option.map (fun e -> e :> IWasmEngine) |> Option.toList

    let summary, receipts =
        auditWith noHooks { options (compiled () :: locator.Value :: native) with Runs = 2 } [ input "receipt.json" receipt fault.Guest ]

    Assert.That(summary.ExitCode, Is.EqualTo 0, $"%A{receipts}")
    Assert.That(summary.Variants |> List.sumBy _.Identical, Is.EqualTo(16L + 8L * int64 native.Length))

// ---- many receipts

let private transfers =
    lazy
        ([
            for name in [ "token-as"; "token-raw-wat" ] do
                let snapshot = Tokens.furnished name

                for n in 1..6 do
                    let request = World.request name snapshot World.alice n (World.Transfer(World.bob, uint64 (n * 13)))
                    input $"{name} {n}" (report fresh request).Receipt (moduleBytes request)
        ])

[<Test>]
let ``receipts come out in their order, each in every variant, and the summary counts them`` () =
    let inputs = transfers.Value
    let o = { options [ compiled () ] with Threads = 4 }
    let summary, receipts = auditWith noHooks o inputs
    Assert.That(summary.ExitCode, Is.EqualTo 0, $"%A{receipts}")
    Assert.That(((receipts |> List.map _.Name) = (inputs |> List.map _.Name)))
    Assert.That(summary.Receipts, Is.EqualTo(int64 inputs.Length))
    Assert.That(summary.Complete)

    for v in summary.Variants do
        Assert.That(v.Replays, Is.EqualTo(int64 inputs.Length), string v.Variant)

    for r in receipts do
        Assert.That(r.Replays |> List.map _.Variant |> List.distinct, Has.Length.EqualTo 4)

[<Test>]
let ``a corpus streams: few receipts are on their way at once`` () =
    let first = List.head transfers.Value
    let mutable alive = 0
    let mutable most = 0
    let mutable handed = 0

    let many =
        Seq.init 400 (fun i ->
            handed <- handed + 1

            {
                first with
                    Name = $"{i}"
                    Load =
                        (fun () ->
                            Interlocked.Increment &alive |> ignore
                            first.Load())
            })

    let seen = List<string>()

    let sink = {
        new IAuditSink with
            member _.Add r =
                most <- max most (Volatile.Read &alive)
                Interlocked.Decrement &alive |> ignore
                seen.Add r.Name

            member _.End _ = ()
    }

    let o = { options [ compiled () ] with Modules = [ ModuleKind.Cached ] }
    let summary = Auditor.runWith noHooks o [] [ sink ] CancellationToken.None many
    Assert.That(summary.ExitCode, Is.EqualTo 0)
    Assert.That(handed, Is.EqualTo 400)
    Assert.That((List.ofSeq seen = [ for i in 0..399 -> string i ]))
    Assert.That(most, Is.LessThanOrEqualTo 33)

[<Test>]
let ``what cannot be read or judged is said, and the rest is audited all the same`` () =
    let good = transfers.Value

    let inputs = [
        good[0]
        { good[1] with Load = fun () -> Error "torn" }
        // Another module than the receipt's.
        {
            good[2] with
                Load =
                    fun () ->
                        good[2].Load() |> Result.map (fun (struct (r, _)) -> struct (r, [| 0uy; 97uy; 115uy; 109uy; 1uy; 0uy; 0uy; 0uy |]))
        }
        { good[3] with Load = fun () -> failwith "a bug" }
        good[4]
    ]

    let summary, receipts = auditWith noHooks (options [ compiled () ]) inputs
    Assert.That(summary.ExitCode, Is.EqualTo 2)
    Assert.That(([ summary.Receipts; summary.Identical; summary.NotJudged ] = [ 5L; 2L; 3L ]))

    let reasons =
        receipts
        |> List.choose (fun r ->
            match r.Verdict with
            | Verdict.CannotJudge why -> Some why
            | _ -> None)

    Assert.That(reasons[0], Is.EqualTo "torn")
    Assert.That(reasons[1], Does.StartWith "this is another module")
    Assert.That(reasons[2], Does.Contain "a bug")
    let nothing, _ = auditWith noHooks (options [ compiled () ]) []
    Assert.That(nothing.ExitCode, Is.EqualTo 2)

[<Test>]
let ``an audit ends after as many divergences as it may find, and when it is told to`` () =
    let wrong =
        transfers.Value
        |> List.map (fun i -> {
            i with
                Load = fun () -> i.Load() |> Result.map (fun (struct (r, m)) -> struct ({ r with GasUsed = r.GasUsed + 1L }, m))
        })

    let o = { options [ compiled () ] with StopAfter = 2; Threads = 1 }
    let summary, receipts = auditWith noHooks o wrong
    Assert.That(summary.ExitCode, Is.EqualTo 1)
    Assert.That(summary.Diverging, Is.EqualTo 2L)
    Assert.That(receipts, Has.Length.EqualTo 2)
    Assert.That(summary.Complete, Is.False)

    // No engine agrees with such a receipt: that is said.
    match receipts[0].Verdict with
    | Verdict.Diverges [ f ] ->
        Assert.That((f.First.Component = ReplayComponent.GasUsed))
        Assert.That(f.Variants, Has.Length.EqualTo 4)
        Assert.That(f.Note, Does.Contain "no engine here agrees with the receipt")
    | other -> Assert.Fail $"%A{other}"

    use stop = new CancellationTokenSource()
    stop.Cancel()
    let kept = Kept()
    let summary = Auditor.runWith noHooks (options [ compiled () ]) [] [ kept ] stop.Token transfers.Value
    Assert.That(summary.ExitCode, Is.EqualTo 2)
    Assert.That(summary.Complete, Is.False)

[<Test>]
let ``a leak that only another receipt causes is found, and its past is in the command`` () =
    // `mark` leaves a byte; a pool that forgets it shows in `run`.
    let guest =
        ofText
            """(module
  (import "env" "emit_event" (func $event (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "mark") (result i32) (i32.store8 (i32.const 64) (i32.const 9)) (i32.const 0))
  (func (export "run") (result i32) (call $event (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 4)) (i32.const 0)))"""

    let forgetful =
        wrapping "planted" (fun m s ->
            m.Instantiate s
            |> Result.map (fun made ->
                let mutable left = 0uy

                let run (settings: RunSettings) =
                    let result = made.Run settings
                    let buffer = [| 0uy |]
                    (made :?> IInspectable).ReadMemory(0, 64UL, Span buffer)
                    left <- buffer[0]
                    result

                // Behind the reset's back.
                passing made run (fun () ->
                    made.Reset()

                    if left <> 0uy then
                        (Leaks.field "instance" made |> fun f -> f.GetValue made :?> InstanceData).Memories[0].Span(64UL, 1u)[0] <- left)))

    let receipt entry = (report fresh { request guest with Entry = entry }).Receipt

    let inputs = [
        input "run.json" (receipt "run") guest
        input "mark.json" (receipt "mark") guest
        input "again.json" (receipt "run") guest
    ]

    let o = { options [ forgetful ] with Threads = 1; Modules = [ ModuleKind.Cached ] }
    let summary, receipts = auditWith noHooks o inputs
    Assert.That(summary.Diverging, Is.EqualTo 1L, $"%A{receipts}")

    match receipts[2].Verdict with
    | Verdict.Diverges [ f ] ->
        let all = ReportText.finding f |> String.concat "\n"
        Assert.That((f.Class = DivergenceClass.ResetLeak), all)
        Assert.That(f.Reproduce, Does.Contain "--after mark.json")
        Assert.That(f.State |> List.exists _.IsMemoryBytes, all)
        // As the command says: alone, after that past.
        let again = Auditor.runWith noHooks o [ inputs[1] ] [] CancellationToken.None [ inputs[2] ]
        Assert.That(again.Diverging, Is.EqualTo 1L)
        let without = Auditor.runWith noHooks o [] [] CancellationToken.None [ inputs[2] ]
        Assert.That(without.Diverging, Is.EqualTo 0L)
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``a side that runs for ever under unlimited gas is located in bounded time`` () =
    let loop (limit: int) =
        ofText
            $"""(module
  (import "env" "emit_event" (func $event (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (func $count (param i32) (result i32)
    (loop $again
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (i32.store (i32.const 64) (local.get 0))
      (br_if $again (i32.ne (local.get 0) (i32.const {limit}))))
    (local.get 0))
  (func (export "run") (result i32)
    (call $event (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 4))
    (drop (call $count (i32.const 0)))
    (i32.const 0)))"""

    let unlimited (bytes: byte[]) = {
        request bytes with
            Profile = { Profile.contract with Policy = { Profile.contract.Policy with Gas = Profile.UnlimitedGas } }
    }

    let right = loop 100
    let receipt = (report fresh (unlimited right)).Receipt
    // Around all of i32 and back.
    let astray = replacing right (loop -1000)
    let watch = Diagnostics.Stopwatch.StartNew()
    let o = { options [ compiled (); astray ] with Modules = [ ModuleKind.Cached ]; Instances = [ InstanceKind.Fresh ] }
    let _, receipts = auditWith noHooks o [ input "receipt.json" receipt right ]

    match receipts with
    | [ { Verdict = Verdict.Diverges [ f ] } ] ->
        Assert.That((f.Class = DivergenceClass.Engine), ReportText.finding f |> String.concat "\n")
        Assert.That(f.Block |> Option.map _.Name, Is.EqualTo(Some "count"))
        TestContext.Out.WriteLine $"{watch.Elapsed}"
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``a block has its line when the module names a source map`` () =
    let nan = fault "NaN canonicalisation off in one engine"
    // A custom section at the end moves no offset.
    let section = [ yield! Assemble.text "sourceMappingURL"; yield! Assemble.text "guest.map" ]
    let guest = Array.append nan.Guest (Array.ofList (0uy :: Assemble.leb section.Length @ section))
    let map = """{"version":3,"sources":["guest.ts"],"names":[],"mappings":"AAEA"}"""B

    let planted =
        match nan.Plant() with
        | Plant.Engine e -> e
        | Plant.Host _ -> failwith "an engine"

    let receipt = (report fresh (request guest)).Receipt
    let o = { options [ compiled (); planted ] with SourceMap = fun url -> if url = "guest.map" then map else null }

    match auditWith noHooks o [ input "receipt.json" receipt guest ] with
    | _, [ { Verdict = Verdict.Diverges(f :: _) } ] ->
        Assert.That((f.Block.Value.Source = Some { File = "guest.ts"; Line = 3 }), $"%A{f.Block}")
        Assert.That(ReportText.block f.Block.Value, Does.Contain "guest.ts:3")
    | other -> Assert.Fail $"%A{other}"

// ---- what bisection rests on

/// All engines that are here, right ones.
let private everyEngine () : IWasmEngine list =
    [ compiled (); InterpretedEngine() ]
    @ (WasmtimeForTests.tryPlain () |> Option.map (fun e -> e :> IWasmEngine) |> Option.toList)

let private workshop () =
    Workshop {
        Engines = everyEngine ()
        CachedModules = 64
        IdleInstances = 4
        Deadline = TimeSpan.FromMinutes 1.0
        Cancellation = CancellationToken.None
        View = id
    }

[<TestCaseSource(nameof faults)>]
let ``under every gas limit right engines look alike, so that what bisection finds is there`` (name: string) =
    let guest = (fault name).Guest
    let receipt = receiptOf (fault name)
    let w = workshop ()
    let case = { Name = name; CommandLine = ""; Recorded = Recorded(receipt, guest) }

    let side (engine: IWasmEngine) : Side = {
        Variant = { Engine = engine.Name; Instance = InstanceKind.Fresh; Module = ModuleKind.Cached; Run = 1 }
        Engine = engine
        Past = []
    }

    let sides = w.Options.Engines |> List.map side
    // Every limit where a charge may be refused in instantiation and the first blocks, then in steps.
    let limits = [ yield! [ 0L .. 40L ]; yield! [ 1000L .. 17L .. min 2600L receipt.GasUsed ]; receipt.GasUsed - 1L; receipt.GasUsed ]

    for gas in limits do
        let probes = sides |> List.map (fun s -> s, w.Probe(s, case, gas) |> Result.defaultWith failwith)
        let _, first = List.head probes

        for s, probe in List.tail probes do
            Assert.That(Probe.same first probe, $"{s.Engine.Name} at gas {gas}: %A{first} %A{probe}")

[<TestCaseSource(nameof faults)>]
let ``an engine that cannot say what a refused charge wanted is judged by the same class`` (name: string) =
    let fault = fault name

    match fault.Plant() with
    | Plant.Host _ -> ()
    | Plant.Engine planted ->
        let mute (m: IWasmModule) = {
            new IWasmModule with
                member _.Module = m.Module

                member _.Instantiate s =
                    m.Instantiate s
                    |> Result.map (fun made -> {
                        new IWasmInstance with
                            member _.Run s = made.Run s
                            member _.RunCalls(s, calls) = made.RunCalls(s, calls)
                            member _.Digests() = made.Digests()
                            member _.ResetDigest() = made.ResetDigest()
                            member _.Where() = ValueNone
                            member _.Reset() = made.Reset()
                            member _.Dispose() = made.Dispose()
                    })

                member _.Dispose() = m.Dispose()
        }

        let engine = engine "planted" planted (fun valid -> planted.Load valid |> Result.map mute)
        let receipt = receiptOf fault
        let _, receipts = auditWith noHooks (options [ compiled (); engine ]) [ input "receipt.json" receipt fault.Guest ]

        match receipts with
        | [ { Verdict = Verdict.Diverges findings } ] ->
            let f = List.head findings
            let all = ReportText.finding f |> String.concat "\n"
            // Without sizes and bytes to look at, growth and NaN cannot be told from other mistakes of an engine.
            let expected =
                match fault.Expected.Class with
                | DivergenceClass.NaN
                | DivergenceClass.Growth -> DivergenceClass.Engine
                | c -> c

            Assert.That((f.Class = expected), all)
        | other -> Assert.Fail $"%A{other}"

// ---- the page

let private opening = "<!-- made of AuditFaults.all; TWOFOLD_REWRITE=1 with the tests makes it again -->"
let private closing = "<!-- end of faults -->"

[<Test>]
let ``the page lists the faults that are planted`` () =
    let file = Repository.path [ "docs"; "AUDIT.md" ]
    let page = File.ReadAllText file
    let first, last = page.IndexOf(opening, StringComparison.Ordinal), page.IndexOf(closing, StringComparison.Ordinal)
    Assert.That(first, Is.GreaterThan 0)
    Assert.That(last, Is.GreaterThan first)

    let rows = [
        "| fault | class | located to |"
        "|---|---|---|"
        for f in all do
            let e = f.Expected

            let places = [
                match e.Block with
                | Some(func, "") -> $"block of `{func}`"
                | Some(func, text) -> $"block of `{func}` with `{text}`"
                | None -> ()
                match e.Effect with
                | Some i -> $"effect {i}"
                | None -> ()
                yield! Option.toList e.State
            ]

            let places = String.Join("; ", places)
            $"| {f.Name} | {e.Class} | {places} |"
    ]

    let lines = String.Join('\n', opening :: "" :: rows @ [ ""; closing ])
    let made = page.Substring(0, first) + lines + page.Substring(last + closing.Length)

    if Repository.rewrite then
        File.WriteAllText(file, made)
    else
        Assert.That((made = page), "docs/AUDIT.md is not the table of faults; run once with TWOFOLD_REWRITE=1")
