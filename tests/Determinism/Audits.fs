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
open Twofold.Determinism.AuditFaults
open Twofold.Determinism.Harness

let private compiled () : IWasmEngine = CompiledEngine()

/// Names blocks.
let private locator: IWasmEngine option = None

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

/// The instructions of a block as text, from its offset on to the next one that begins a block.
let private block (bytes: byte[]) (b: CodeBlock) : string =
    let m =
        Decode.run WasmLimits.Contract Profile.contract.Policy.Features bytes
        |> Result.bind (Validate.run WasmLimits.Contract Profile.contract.Policy.Features)
        |> Result.defaultWith (fun e -> failwith (string e))

    let prepared = Twofold.Wasm.Preparation.Prepare.func m (b.Function - m.ImportedFuncs)
    let start = prepared.Code |> Array.findIndex (fun i -> i.Op = Op.Charge && i.Offset = b.Offset)

    prepared.Code[start + 1 ..]
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
    let twin = engine "twin" (compiled ()) (fun valid -> (compiled ()).Load valid)

    let summary, receipts =
        auditWith noHooks { options [ compiled (); twin ] with Runs = 2 } [ input "receipt.json" receipt fault.Guest ]

    Assert.That(summary.ExitCode, Is.EqualTo 0, $"%A{receipts}")
    Assert.That(summary.Variants |> List.sumBy _.Identical, Is.EqualTo 16L)

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
