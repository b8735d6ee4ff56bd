namespace Twofold.Extensions.Hosting

// Looks at the counters of the engine and of tenants once a period, whether or not somebody asks for the health.
// In: counters, thresholds. Out: findings, logged when they appear and when they go, and a health check that shows the latest ones.

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Diagnostics.HealthChecks
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Options
open Twofold

/// Looks at the engine once a period. One for each engine.
[<Sealed>]
type internal EngineMonitor
    (engine: TwofoldEngine, tenants: TenantScheduler, options: IOptions<TwofoldOptions>, logger: ILogger<EngineMonitor>, clock: TimeProvider)
    =
    inherit BackgroundService()

    let health = options.Value.Health
    let counts () = { Engine = engine.Statistics; Tenants = tenants.Statistics }
    let mutable before = counts ()
    let mutable findings: Finding list = []

    /// What the last look found.
    member _.Findings = Volatile.Read &findings

    /// Judges what happened since the last look.
    member _.Look() =
        let now = counts ()
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
type internal EngineHealthCheck(engine: TwofoldEngine, sandboxes: SandboxManager, tenants: TenantScheduler, monitor: EngineMonitor) =
    interface IHealthCheck with
        member _.CheckHealthAsync(context, _) =
            let s = engine.Statistics
            let t = tenants.Statistics

            let data =
                dict [
                    "executions", box s.Executions
                    "faults", box s.Faults
                    "timeouts", box s.Timeouts
                    "rejections", box s.Rejections
                    "cache.lookups", box s.CacheLookups
                    "cache.hits", box s.CacheHits
                    "cache.modules", box s.Modules
                    "instances.inUse", box s.InstancesInUse
                    "instances.idle", box s.InstancesIdle
                    "instances.waiting", box s.RequestsWaiting
                    "instances.quarantined", box s.InstancesQuarantined
                    "sandboxes", box sandboxes.Count
                    "sandboxes.calls", box sandboxes.Statistics.Calls
                    "tenants.running", box t.Running
                    "tenants.waiting", box t.Waiting
                    "tenants.refused", box t.Refused
                    "skills.calls", box s.SkillCalls
                    "skills.failures", box s.SkillFailures
                ]
                |> Dictionary

            match monitor.Findings with
            | [] -> HealthCheckResult.Healthy("The engine runs within its thresholds.", data)
            | found ->
                let text = found |> List.map (fun f -> $"{f.Name}: {f.Text}") |> String.concat "; "
                // What the host registered the check with decides; degraded unless it says otherwise.
                HealthCheckResult(context.Registration.FailureStatus, text, null, data)
            |> Task.FromResult
