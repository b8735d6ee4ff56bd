namespace Twofold.Engine.Audit

// What an audit is told, what it counts, and the belt that brings receipts to its workers and results to its sinks in order, in bounded memory.
// In: options, inputs as they come. Out: totals, results in the order of the inputs.

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Threading
open Twofold.Wasm
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

/// Counters, filled in the order of the receipts.
[<Sealed>]
type internal Totals(o: AuditOptions) =
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

                    variants[v] <- { Variant = v; Replays = 0L; Identical = 0L; Diverging = 0L; NotJudged = 0L; Elapsed = TimeSpan.Zero }

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
type internal Conveyor(inputs: IEnumerator<AuditInput>, window: int, emit: AuditedReceipt -> bool) =
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
