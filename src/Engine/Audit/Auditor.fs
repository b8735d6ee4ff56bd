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

/// What is replayed how, and by whom.
[<NoComparison; NoEquality>]
type AuditOptions = {
    /// What is audited, in the user's words.
    Subject: string
    /// In the order of the report; at least one.
    Engines: IWasmEngine list
    /// Engines that were wanted and are not there, with the reason.
    Unavailable: AuditedEngine list
    /// Names blocks: an engine that knows where its runs stopped. None: the one of `Engines` of the name `interpreter`, if there is one.
    Locator: IWasmEngine option
    Instances: InstanceKind list
    Modules: ModuleKind list
    Runs: int
    Threads: int
    /// Of one replay; zero: none.
    Deadline: TimeSpan
    /// Loaded modules that are kept by each engine.
    CachedModules: int
    /// The audit ends after as many receipts that differ; zero: never.
    StopAfter: int
    /// The bytes of the source map with this URL, or null; for modules that name one.
    SourceMap: string -> byte[]
} with

    /// The whole matrix once, on all cores.
    static member For(engines: IWasmEngine list) = {
        Subject = ""
        Engines = engines
        Unavailable = []
        Locator = None
        Instances = [ InstanceKind.Fresh; InstanceKind.Pooled ]
        Modules = [ ModuleKind.Cached; ModuleKind.Cold ]
        Runs = 1
        Threads = Environment.ProcessorCount
        Deadline = TimeSpan.FromMinutes 5.0
        CachedModules = 64
        StopAfter = 100
        SourceMap = fun _ -> null
    }

/// What tests put between the recorded reads and the runs.
[<NoComparison; NoEquality>]
type internal AuditHooks = { View: IStateView -> IStateView }

module Auditor =
    let private quote (text: string) =
        let plain (c: char) = Char.IsAsciiLetterOrDigit c || "_-./,:=@+".Contains c

        if text <> "" && Seq.forall plain text then text else "'" + text.Replace("'", "'\\''") + "'"

    /// One argument as a shell wants it.
    let argument (text: string) = quote text

    let private command (o: AuditOptions) (case: Case) (expected: Side option) (found: Side) =
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
            |> List.map (fun p -> $" --after {quote p.Name}")
            |> List.distinct
            |> String.concat ""

        let runs = max 1 found.Variant.Run
        ignore o
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
    let private reference (w: Workshop) (locator: IWasmEngine option) (judged: Judged list) (found: Judged) : Judged option =
        let v = found.Replay.Variant
        let identical = judged |> List.filter (fun j -> j.Replay.Result.IsIdentical)
        let isLocator (j: Judged) = locator |> Option.exists (fun l -> l.Name = j.Replay.Variant.Engine)
        ignore w

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

    let private finding (o: AuditOptions) (l: LocateOptions) (case: Case) (judged: Judged list) (group: struct (Divergence * Judged) list) =
        // New instances first: what they show needs no past.
        let struct (first, found) =
            group
            |> List.minBy (fun (struct (_, j)) ->
                let v = j.Replay.Variant

                (if v.Instance = InstanceKind.Fresh then 0 else 1), (if v.Module = ModuleKind.Cached then 0 else 1))

        let expected = reference l.Workshop l.Locator judged found
        let side = sideOf l.Workshop found
        let expectedSide = expected |> Option.map (sideOf l.Workshop)
        let located = Locate.run l case first expectedSide side (onlyUsed judged found)
        let others = group |> List.map (fun (struct (_, j)) -> j.Replay.Variant) |> List.filter (fun v -> v <> found.Replay.Variant)

        {
            located with
                Variants = found.Replay.Variant :: others
                Reference = expected |> Option.map _.Replay.Variant
                Reproduce = command o case expectedSide side
        }

    let private unjudged (judged: Judged list) =
        judged
        |> List.choose (fun j ->
            match j.Replay.Result with
            | ReplayResult.CannotJudge why -> Some(j.Replay.Variant, why)
            | _ -> None)

    let private verdict (o: AuditOptions) (l: LocateOptions) (case: Case) (judged: Judged list) : Verdict =
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
        | groups, _ -> Verdict.Diverges(groups |> List.map (finding o l case judged))

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
            |> Result.map (fun bytes -> { Name = input.Name; CommandLine = input.CommandLine; Receipt = receipt; Bytes = bytes })

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
                    Digest = Some(ReceiptBytes.digest case.Receipt)
                    ModuleHash = Some case.Receipt.Request.ModuleHash
                    Entry = case.Receipt.Request.Entry
                    Verdict = verdict o l case judged
                    Replays = judged |> List.map _.Replay
                    Elapsed = watch.Elapsed
                }
        with e ->
            // A bug of ours must not take the rest of the audit with it.
            broken input.Name $"the audit itself failed: {e.GetType().Name}: {e.Message}"

    // ---- all of them

    /// Counters, filled in the order of the receipts.
    [<Sealed>]
    type private Totals(o: AuditOptions) =
        let variants = Dictionary<Variant, VariantTotals>()
        let mutable receipts = 0L
        let mutable identical = 0L
        let mutable diverging = 0L
        let mutable notJudged = 0L

        do
            for engine in o.Engines do
                for instance in o.Instances do
                    for modul in o.Modules do
                        let v = { Engine = engine.Name; Instance = instance; Module = modul; Run = 0 }

                        variants[v] <- {
                            Variant = v
                            Replays = 0L
                            Identical = 0L
                            Diverging = 0L
                            NotJudged = 0L
                            Elapsed = TimeSpan.Zero
                        }

        member _.Diverging = diverging

        member _.Add(r: AuditedReceipt) =
            receipts <- receipts + 1L

            match r.Verdict with
            | Verdict.Identical _ -> identical <- identical + 1L
            | Verdict.Diverges _ -> diverging <- diverging + 1L
            | Verdict.CannotJudge _ -> notJudged <- notJudged + 1L

            for replay in r.Replays do
                let v = { replay.Variant with Run = 0 }
                let t = variants[v]
                let one test = if test then 1L else 0L

                variants[v] <- {
                    t with
                        Replays = t.Replays + 1L
                        Identical = t.Identical + one replay.Result.IsIdentical
                        Diverging = t.Diverging + one replay.Result.IsDiffers
                        NotJudged = t.NotJudged + one replay.Result.IsCannotJudge
                        Elapsed = t.Elapsed + replay.Elapsed
                }

        member _.Summary(started: DateTimeOffset, elapsed, complete) : AuditSummary = {
            Subject = o.Subject
            Started = started
            Elapsed = elapsed
            Receipts = receipts
            Identical = identical
            Diverging = diverging
            NotJudged = notJudged
            Engines = (o.Engines |> List.map (fun e -> { Name = e.Name; Version = e.Version; Unavailable = "" })) @ o.Unavailable
            Variants = [
                for engine in o.Engines do
                    for instance in o.Instances do
                        for modul in o.Modules do
                            variants[{ Engine = engine.Name; Instance = instance; Module = modul; Run = 0 }]
            ]
            Complete = complete
            Machine = $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}"
        }

    /// Hands out inputs, takes results back and passes them on in order. At most `window` receipts are on their way.
    [<Sealed>]
    type private Conveyor(inputs: IEnumerator<AuditInput>, window: int, emit: AuditedReceipt -> bool) =
        let gate = obj ()
        let waiting = Dictionary<int64, AuditedReceipt>()
        let mutable taken = 0L
        let mutable passed = 0L
        let mutable ended = false
        let mutable failure: exn = null
        // Told to stop before the inputs were at their end.
        let mutable stopped = false
        member _.Stopped = stopped
        member _.Failure = failure

        member _.Stop() =
            lock gate (fun () ->
                if not ended then
                    stopped <- true
                    ended <- true

                Monitor.PulseAll gate)

        member _.Take() : struct (int64 * AuditInput) voption =
            lock gate (fun () ->
                while not ended && taken - passed >= int64 window do
                    Monitor.Wait gate |> ignore

                if ended then
                    ValueNone
                else
                    try
                        if inputs.MoveNext() then
                            let n = taken
                            taken <- taken + 1L
                            ValueSome(struct (n, inputs.Current))
                        else
                            ended <- true
                            Monitor.PulseAll gate
                            ValueNone
                    with e ->
                        failure <- e
                        ended <- true
                        Monitor.PulseAll gate
                        ValueNone)

        member _.Give(n: int64, result: AuditedReceipt) =
            lock gate (fun () ->
                waiting[n] <- result
                let mutable going = true

                while going do
                    match waiting.TryGetValue passed with
                    | true, next when isNull failure ->
                        waiting.Remove passed |> ignore
                        passed <- passed + 1L

                        try
                            if not (emit next) && not ended then
                                stopped <- true
                                ended <- true
                        with e ->
                            failure <- e
                            ended <- true
                    | _ -> going <- false

                Monitor.PulseAll gate)

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
