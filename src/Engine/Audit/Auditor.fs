namespace Twofold.Engine.Audit

// The audit: every receipt in every variant, in parallel, in bounded memory; a receipt that differs somewhere is located before it is passed on.
// In: receipts as they come, engines, the matrix. Out: sinks get each receipt in order and at last the summary.

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Text
open Twofold.HostAbi
open Twofold.Engine

/// What tests put between the recorded reads and the runs.
[<NoComparison; NoEquality>]
type internal AuditHooks = { View: IStateView -> IStateView }

module Auditor =
    /// One argument as a shell wants it.
    let argument (text: string) =
        let plain (c: char) = Char.IsAsciiLetterOrDigit c || "_-./,:=@+".Contains c

        if text <> "" && Seq.forall plain text then text else "'" + text.Replace("'", "'\\''") + "'"

    let private command (case: Case) (expected: Side option) (found: Side) =
        let engines =
            [ yield! expected |> Option.map (fun e -> e.Engine.Name) |> Option.toList; found.Engine.Name ]
            |> List.distinct
            |> String.concat ","

        let instances =
            if found.Variant.Instance = InstanceKind.Pooled && expected.IsSome then
                "fresh,pooled"
            else
                string found.Variant.Instance

        let modules =
            match expected with
            | Some e when e.Variant.Module <> found.Variant.Module -> "cached,cold"
            | _ -> string found.Variant.Module

        let after =
            found.Past
            |> List.filter (fun p -> p.Name <> case.Name)
            |> List.map (fun p -> $" --after {argument p.Name}")
            |> List.distinct
            |> String.concat ""

        let runs = max 1 found.Variant.Run
        $"twofold audit {case.CommandLine} --engines {engines} --instances {instances} --load {modules} --runs {runs}{after}"

    // ---- one receipt

    let private isDiffering (j: Judged) =
        match j.Replay.Result with
        | ReplayResult.Differs d -> Some d
        | _ -> None

    /// Replays that differ in the same place, those of each engine together.
    let private groups (judged: Judged list) =
        judged
        |> List.choose (fun j -> isDiffering j |> Option.map (fun d -> struct (d, j)))
        |> List.groupBy (fun (struct (d, _)) -> d.Component, d.Index)
        |> List.map snd

    let private sideOf (w: Workshop) (j: Judged) : Side = {
        Variant = j.Replay.Variant
        Engine = w.EngineOf j.Replay.Variant.Engine
        Past = j.Past
    }

    /// Whom to run beside the one that differs.
    let private reference (locator: IWasmEngine option) (judged: Judged list) (found: Judged) : Judged option =
        let v = found.Replay.Variant
        let identical = judged |> List.filter (fun j -> j.Replay.Result.IsIdentical)
        let isLocator (j: Judged) = locator |> Option.exists (fun l -> l.Name = j.Replay.Variant.Engine)
        // The nearest one: the same engine's new instance; then the engine that names blocks; cached before cold.
        let rank (j: Judged) =
            let u = j.Replay.Variant

            (if v.Instance = InstanceKind.Pooled && u.Engine = v.Engine && u.Instance = InstanceKind.Fresh then 0
             elif isLocator j then 1
             else 2),
            (if u.Instance = InstanceKind.Fresh then 0 else 1),
            (if u.Module = ModuleKind.Cached then 0 else 1)

        match identical with
        | [] ->
            // Nobody agrees with the receipt: another engine that differs in another way is still a witness.
            judged
            |> List.tryFind (fun j ->
                j.Replay.Variant.Engine <> v.Engine
                && (match isDiffering j, isDiffering found with
                    | Some a, Some b -> a <> b
                    | _ -> false))
        | some -> Some(List.minBy rank some)

    let private onlyUsed (judged: Judged list) (found: Judged) =
        let v = found.Replay.Variant

        v.Instance = InstanceKind.Pooled
        && judged
           |> List.exists (fun j ->
               let u = j.Replay.Variant

               u.Engine = v.Engine
               && u.Instance = InstanceKind.Fresh
               && u.Module = v.Module
               && u.Run = v.Run
               && j.Replay.Result.IsIdentical)

    let private finding (l: LocateOptions) (case: Case) (judged: Judged list) (group: struct (Divergence * Judged) list) =
        // New instances first: what they show needs no past.
        let struct (first, found) =
            group
            |> List.minBy (fun (struct (_, j)) ->
                let v = j.Replay.Variant

                (if v.Instance = InstanceKind.Fresh then 0 else 1), (if v.Module = ModuleKind.Cached then 0 else 1))

        let expected = reference l.Locator judged found
        let side = sideOf l.Workshop found
        let expectedSide = expected |> Option.map (sideOf l.Workshop)
        let located = Locate.run l case first expectedSide side (onlyUsed judged found)
        let others = group |> List.map (fun (struct (_, j)) -> j.Replay.Variant) |> List.filter (fun v -> v <> found.Replay.Variant)

        {
            located with
                Variants = found.Replay.Variant :: others
                Reference = expected |> Option.map _.Replay.Variant
                Reproduce = command case expectedSide side
        }

    let private unjudged (judged: Judged list) =
        judged
        |> List.choose (fun j ->
            match j.Replay.Result with
            | ReplayResult.CannotJudge why -> Some(j.Replay.Variant, why)
            | _ -> None)

    let private verdict (l: LocateOptions) (case: Case) (judged: Judged list) : Verdict =
        match groups judged, unjudged judged with
        | [], [] ->
            match judged with
            | { Replay = { Result = ReplayResult.Identical digest } } :: _ -> Verdict.Identical digest
            | _ -> Verdict.CannotJudge "there was nothing to replay"
        | [], ((variant, why) :: rest) ->
            if rest.Length + 1 = judged.Length && rest |> List.forall (fun (_, w) -> w = why) then
                Verdict.CannotJudge why
            else
                Verdict.CannotJudge $"{variant}: {why}"
        | groups, _ -> Verdict.Diverges(groups |> List.map (finding l case judged))

    /// Runs with a number above 1 are made under other cultures.
    let private under (run: int) (work: unit -> 'T) : 'T =
        let before = Globalization.CultureInfo.CurrentCulture
        Globalization.CultureInfo.CurrentCulture <- Foreign.ofRun run before

        try
            work ()
        finally
            Globalization.CultureInfo.CurrentCulture <- before

    let private prepare (input: AuditInput) : Result<Case, string> =
        match input.Load() with
        | Error e -> Error e
        | Ok(struct (receipt, bytes)) ->
            Wat.toBinary receipt.Request.Policy.Wasm receipt.Request.Policy.Features bytes
            |> Result.mapError (fun e -> $"this is another module: a text that cannot be encoded: {e}")
            |> Result.map (fun bytes -> { Name = input.Name; CommandLine = input.CommandLine; Recorded = Recorded(receipt, bytes) })

    let private audit (o: AuditOptions) (l: LocateOptions) (after: AuditInput list) (lane: int) (input: AuditInput) : AuditedReceipt =
        let watch = Diagnostics.Stopwatch.StartNew()

        let broken name reason = {
            Name = name
            Digest = None
            ModuleHash = None
            Entry = ""
            Verdict = Verdict.CannotJudge reason
            Replays = []
            Elapsed = watch.Elapsed
        }

        try
            match prepare input with
            | Error reason -> broken input.Name reason
            | Ok case ->
                let before =
                    after
                    |> List.choose (fun a -> prepare a |> Result.toOption)
                    |> List.filter (fun c -> c.Receipt.Request.ModuleHash = case.Receipt.Request.ModuleHash)

                let judged = [
                    for engine in o.Engines do
                        for run in 1 .. max 1 o.Runs do
                            for modul in o.Modules do
                                yield! under run (fun () -> l.Workshop.Judge(lane, engine.Name, modul, o.Instances, run, before, case))
                ]

                {
                    Name = case.Name
                    Digest = Some case.Recorded.Digest
                    ModuleHash = Some case.Receipt.Request.ModuleHash
                    Entry = case.Receipt.Request.Entry
                    Verdict = verdict l case judged
                    Replays = judged |> List.map _.Replay
                    Elapsed = watch.Elapsed
                }
        with e ->
            // A bug of ours must not take the rest of the audit with it.
            broken input.Name $"the audit itself failed: {e.GetType().Name}: {e.Message}"

    // ---- all of them

    let internal runWith
        (hooks: AuditHooks)
        (o: AuditOptions)
        (after: AuditInput list)
        (sinks: IAuditSink list)
        (token: CancellationToken)
        (inputs: AuditInput seq)
        : AuditSummary =
        if o.Engines.IsEmpty then
            invalidArg (nameof o) "an audit needs an engine"

        let started = DateTimeOffset.UtcNow
        let watch = Diagnostics.Stopwatch.StartNew()
        let threads = max 1 o.Threads

        let locator = o.Locator |> Option.orElse (o.Engines |> List.tryFind (fun e -> e.Name = "interpreter"))

        let known =
            match locator with
            | Some l when o.Engines |> List.forall (fun e -> e.Name <> l.Name) -> l :: o.Engines
            | _ -> o.Engines

        let workshop =
            Workshop {
                Engines = known
                CachedModules = o.CachedModules
                IdleInstances = threads * 4
                Deadline = o.Deadline
                Cancellation = token
                View = hooks.View
            }

        let locate = { Workshop = workshop; Locator = locator; SourceMap = o.SourceMap }
        let totals = Totals o

        let emit (r: AuditedReceipt) =
            totals.Add r

            for sink in sinks do
                sink.Add r

            o.StopAfter <= 0 || totals.Diverging < int64 o.StopAfter

        use source = inputs.GetEnumerator()
        let conveyor = Conveyor(source, threads * 16, emit)
        use _ = token.Register(fun () -> conveyor.Stop())

        let work lane () =
            let mutable going = true

            while going do
                match conveyor.Take() with
                | ValueNone -> going <- false
                | ValueSome(struct (n, input)) -> conveyor.Give(n, audit o locate after lane input)

        let workers =
            List.init threads (fun i ->
                let t = Thread(work (i + 1), IsBackground = true, Name = $"audit {i + 1}")
                t.Start()
                t)

        for t in workers do
            t.Join()

        if not (isNull conveyor.Failure) then
            raise (InvalidOperationException($"the audit could not go on: {conveyor.Failure.Message}", conveyor.Failure))

        let summary = totals.Summary(started, watch.Elapsed, not conveyor.Stopped)

        for sink in sinks do
            sink.End summary

        summary

    /// Audits. `after`: receipts (of the same modules) that pooled instances run first, to have a certain past again.
    let run (o: AuditOptions) (after: AuditInput list) (sinks: IAuditSink list) (token: CancellationToken) (inputs: AuditInput seq) =
        runWith { View = id } o after sinks token inputs
