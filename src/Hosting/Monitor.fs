namespace Twofold.Extensions.Hosting

// Judges an engine's counters against the host's thresholds: once a period, whether or not somebody asks for the health.
// In: two snapshots of counters. Out: findings, logged when they appear and when they go, and a health check that shows the latest ones.

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Diagnostics.HealthChecks
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Options
open Twofold

/// One threshold that is passed.
type internal Finding = {
    /// `pool-exhausted`, `cache-misses` or `faults`.
    Name: string
    Text: string
}

/// The counters that are judged.
type internal Counts = { InUse: int; Lookups: int64; Hits: int64; Faults: int64 }

module internal Judge =
    let counts (s: EngineStatistics) : Counts = {
        InUse = s.InstancesInUse
        Lookups = s.CacheLookups
        Hits = s.CacheHits
        Faults = s.Faults
    }

    /// What is wrong now, when `before` is how things were a period ago.
    let findings (h: HealthOptions) (before: Counts) (now: Counts) : Finding list = [
        if h.MaxInstancesInUse > 0 && now.InUse > h.MaxInstancesInUse then
            {
                Name = "pool-exhausted"
                Text =
                    $"{now.InUse} instances run at once, more than {h.MaxInstancesInUse}: limit the callers, or raise Twofold:Health:MaxInstancesInUse"
            }

        let lookups = now.Lookups - before.Lookups
        let hits = now.Hits - before.Hits

        if h.MinCacheHitRatio > 0.0 && lookups >= max 1L h.MinCacheLookups then
            let ratio = float hits / float lookups

            if ratio < h.MinCacheHitRatio then
                {
                    Name = "cache-misses"
                    Text =
                        $"only {hits} of {lookups} lookups found their module loaded: raise Twofold:CachedModules, or refuse callers that bring a new module each time"
                }

        let faults = now.Faults - before.Faults

        if h.MaxFaults >= 0L && faults > h.MaxFaults then
            {
                Name = "faults"
                Text = $"{faults} executions ended by faults of the host or the engine since the last look: the log has each of them"
            }
    ]

/// Looks at the engine once a period. One for each engine.
[<Sealed>]
type internal EngineMonitor(engine: TwofoldEngine, options: IOptions<TwofoldOptions>, logger: ILogger<EngineMonitor>, clock: TimeProvider) =
    inherit BackgroundService()

    let health = options.Value.Health
    let mutable before = Judge.counts engine.Statistics
    let mutable findings: Finding list = []

    /// What the last look found.
    member _.Findings = Volatile.Read &findings

    /// Judges what happened since the last look.
    member _.Look() =
        let now = Judge.counts engine.Statistics
        let found = Judge.findings health before now
        let was = findings
        before <- now
        Volatile.Write(&findings, found)
        let names = List.map _.Name

        for f in found do
            if not (List.contains f.Name (names was)) then
                logger.LogWarning(Events.degraded, "Degraded ({Finding}): {Text}", f.Name, f.Text)

        for f in was do
            if not (List.contains f.Name (names found)) then
                logger.LogInformation(Events.recovered, "Recovered ({Finding})", f.Name)

    override this.ExecuteAsync(stopping: CancellationToken) : Task =
        task {
            use timer = new PeriodicTimer(health.Period, clock)

            try
                let mutable going = true

                while going do
                    let! ticked = timer.WaitForNextTickAsync stopping
                    going <- ticked

                    if ticked then
                        this.Look()
            with :? OperationCanceledException ->
                ()
        }

/// Degraded while a threshold is passed; its data are the engine's counters.
[<Sealed>]
type internal EngineHealthCheck(engine: TwofoldEngine, monitor: EngineMonitor) =
    interface IHealthCheck with
        member _.CheckHealthAsync(context, _) =
            let s = engine.Statistics

            let data =
                dict [
                    "executions", box s.Executions
                    "faults", box s.Faults
                    "cache.lookups", box s.CacheLookups
                    "cache.hits", box s.CacheHits
                    "cache.modules", box s.Modules
                    "instances.inUse", box s.InstancesInUse
                    "instances.idle", box s.InstancesIdle
                ]
                |> Dictionary

            match monitor.Findings with
            | [] -> HealthCheckResult.Healthy("The engine runs within its thresholds.", data)
            | found ->
                let text = found |> List.map (fun f -> $"{f.Name}: {f.Text}") |> String.concat "; "
                // What the host registered the check with decides; degraded unless it says otherwise.
                HealthCheckResult(context.Registration.FailureStatus, text, null, data)
            |> Task.FromResult
