namespace Twofold.Engine.Audit

// Makes replays and probes in every variant: which cache, which instance, what that instance has run before.
// In: engines, a receipt with its module, a variant. Out: the judge's result, or a probe; and the exact history of a used instance, so that it can be had again.

open System
open System.Collections.Concurrent
open System.Threading
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine

/// A receipt under audit, with its module in the binary form.
[<NoComparison; NoEquality>]
type internal Case = {
    Name: string
    CommandLine: string
    Recorded: Recorded
} with

    member c.Receipt = c.Recorded.Receipt
    member c.Bytes = c.Recorded.Bytes

/// How a side of a comparison is run.
[<NoComparison; NoEquality>]
type internal Side = {
    Variant: Variant
    Engine: IWasmEngine
    /// What the instance ran before, in order; empty: it is new.
    Past: Case list
}

/// What the judge said in a variant.
[<NoComparison; NoEquality>]
type internal Judged = { Replay: VariantReplay; Past: Case list }

/// What all machineries of an audit have in common.
[<NoComparison; NoEquality>]
type internal WorkshopOptions = {
    Engines: IWasmEngine list
    CachedModules: int
    IdleInstances: int
    Deadline: TimeSpan
    Cancellation: CancellationToken
    /// Between the recorded reads and the run: where tests plant a host that does not always answer the same.
    View: IStateView -> IStateView
}

[<Sealed>]
type internal Workshop(options: WorkshopOptions) =
    /// Receipts remembered of what a pooled instance ran.
    [<Literal>]
    let Remembered = 4

    /// Instances whose past is remembered; beyond, all are forgotten: memory stays bounded, and a past can be guessed.
    let knownPasts = options.CachedModules * options.Engines.Length * 4

    let pool = { PoolOptions.Default with IdlePerModule = options.IdleInstances }

    let machinery (engine: IWasmEngine) modules : Machinery = {
        Engine = engine
        Cache = ModuleCache(max 1 modules, pool, Telemetry.Silent)
        Telemetry = Telemetry.Silent
        Store = null
        Provider = Ports.none
        Skills = Ports.noSkills
        ReplayDeadline = options.Deadline
        Reuse = true
        Lane = 0
    }

    let cached = options.Engines |> List.map (fun e -> e.Name, machinery e options.CachedModules) |> Map.ofList
    let pasts = ConcurrentDictionary<struct (string * Hash32 * int), Case list>()
    let mutable lastLane = 1_000_000

    let engineOf name = options.Engines |> List.find (fun e -> e.Name = name)

    let key (m: Machinery) (case: Case) = struct (m.Engine.Name, case.Receipt.Request.ModuleHash, m.Lane)

    let judge (m: Machinery) (case: Case) =
        let mutable hit = false

        let hooks = { View = options.View; Began = fun _ poolHit -> hit <- poolHit }

        let result = Replay.binary m options.Cancellation hooks case.Recorded
        struct (result, hit)

    /// Runs a receipt for what it leaves in the instance, and compares nothing.
    let warm (m: Machinery) (case: Case) =
        Probe.run m options.Cancellation options.View ignore case.Receipt.Request.Policy.Gas case.Recorded |> ignore

    /// A replay on an instance that has run before, with what that was.
    let judgePooled (m: Machinery) (case: Case) : struct (ReplayResult * Case list) =
        let key = key m case

        let past () =
            match pasts.TryGetValue key with
            | true, list -> list
            | _ -> []

        let rec attempt left =
            let before = past ()
            let struct (result, hit) = judge m case

            match result with
            | ReplayResult.Identical _ ->
                if pasts.Count > knownPasts then
                    pasts.Clear()

                pasts[key] <- List.truncate Remembered (case :: (if hit then before else []))
            // The instance was given up.
            | _ -> pasts.TryRemove key |> ignore

            if hit || result.IsCannotJudge then
                struct (result, (if before.IsEmpty then [ case ] else List.rev before))
            elif left = 0 then
                struct (ReplayResult.CannotJudge "no used instance could be had: none outlives a run", [])
            else
                if not result.IsIdentical then
                    warm m case
                    pasts[key] <- [ case ]

                attempt (left - 1)

        attempt 2

    member _.Options = options
    member _.EngineOf name = engineOf name

    /// Replays of one receipt by one engine and run, module cold or cached; the instances of one lane belong to one worker.
    member _.Judge
        (lane: int, engine: string, modul: ModuleKind, instances: InstanceKind list, run: int, before: Case list, case: Case)
        : Judged list =
        let m =
            match modul with
            | ModuleKind.Cached when before.IsEmpty -> { cached[engine] with Lane = lane }
            // A past that was asked for needs an instance that has no other.
            | ModuleKind.Cached -> { cached[engine] with Lane = Interlocked.Increment &lastLane }
            | ModuleKind.Cold -> { machinery (engineOf engine) 1 with Lane = Interlocked.Increment &lastLane }

        let timed instance work =
            let watch = Diagnostics.Stopwatch.StartNew()
            let struct (result, past) = work ()
            let variant = { Engine = engine; Instance = instance; Module = modul; Run = run }
            { Replay = { Variant = variant; Result = result; Elapsed = watch.Elapsed }; Past = past }

        let judged = [
            for instance in instances do
                match instance with
                | InstanceKind.Fresh ->
                    timed instance (fun () ->
                        let struct (result, _) = judge { m with Reuse = false } case
                        struct (result, []))
                | InstanceKind.Pooled ->
                    if not before.IsEmpty then
                        before |> List.iter (warm m)
                        pasts[key m case] <- List.rev before

                    timed instance (fun () -> judgePooled m case)
        ]

        if modul = ModuleKind.Cold then
            m.Cache.Clear() |> ignore

        if m.Lane <> lane then
            pasts.TryRemove(key m case) |> ignore

        judged

    /// Runs a side with at most this gas; `look` sees the instance as the run left it.
    member _.Probe(side: Side, case: Case, gas: int64, look: IWasmInstance -> unit) : Result<Probe, string> =
        let shared =
            match cached.TryFind side.Engine.Name with
            | Some m when side.Variant.Module = ModuleKind.Cached -> m
            | _ -> machinery side.Engine 1

        let m =
            if side.Past.IsEmpty then
                { shared with Reuse = false }
            else
                { shared with Lane = Interlocked.Increment &lastLane }

        side.Past |> List.iter (warm m)

        match Probe.run m options.Cancellation options.View look gas case.Recorded with
        | Ok(struct (_, false)) when not side.Past.IsEmpty -> Error "no used instance could be had: none outlives a run"
        | Ok(struct (probe, _)) -> Ok probe
        | Error e -> Error e

    member this.Probe(side: Side, case: Case, gas: int64) = this.Probe(side, case, gas, ignore)
