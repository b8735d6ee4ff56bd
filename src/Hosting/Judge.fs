namespace Twofold.Extensions.Hosting

// What a host's thresholds say of two snapshots of counters.
// In: how things were a period ago, how they are. Out: findings, each with what was counted and what to do.

open System
open Twofold

/// One threshold that is passed.
type internal Finding = {
    /// docs/HOSTING.md lists the names.
    Name: string
    Text: string
}

/// The counters that are judged.
[<NoComparison>]
type internal Counts = { Engine: EngineStatistics; Tenants: TenantStatistics }

module internal Judge =
    /// What is wrong now, when `before` is how things were a period ago.
    let findings (h: HealthOptions) (before: Counts) (now: Counts) : Finding list =
        let since (count: EngineStatistics -> int64) = count now.Engine - count before.Engine

        let above name (most: int64) (count: int64) (text: string) = if count > most then [ { Name = name; Text = text } ] else []

        // 0 is off.
        let orOff (most: int64) = if most = 0L then Int64.MaxValue else most
        // Less than 0 is off: 0 means that one is too many.
        let orNegative (most: int64) = if most < 0L then Int64.MaxValue else most

        let lookups = since _.CacheLookups
        let hits = since _.CacheHits
        let timeouts = since _.Timeouts
        let exhaustions = since _.PoolExhaustions
        let faults = since _.Faults - timeouts - exhaustions - since _.Cancellations
        let rejections = since _.Rejections
        let failures = since _.SkillFailures
        let refusals = now.Tenants.Refused - before.Tenants.Refused
        let inUse = now.Engine.InstancesInUse

        [
            if exhaustions > 0L then
                {
                    Name = "pool-exhausted"
                    Text =
                        $"{exhaustions} executions found no free instance within their deadline, and {now.Engine.RequestsWaiting} wait: limit the callers, or raise Twofold:MaxInstances and Twofold:MaxInstancesPerModule"
                }
            else
                yield!
                    above
                        "pool-exhausted"
                        (orOff (int64 h.MaxInstancesInUse))
                        (int64 inUse)
                        $"{inUse} instances run at once, more than {h.MaxInstancesInUse}: limit the callers, or raise Twofold:Health:MaxInstancesInUse"

            if h.MinCacheHitRatio > 0.0 && lookups >= max 1L h.MinCacheLookups && float hits / float lookups < h.MinCacheHitRatio then
                {
                    Name = "cache-misses"
                    Text =
                        $"only {hits} of {lookups} lookups found their module loaded: raise Twofold:CachedModules, or refuse callers that bring a new module each time"
                }

            yield!
                above
                    "faults"
                    (orNegative h.MaxFaults)
                    faults
                    $"{faults} executions ended by faults of the host or the engine since the last look: the log has each of them"

            yield!
                above
                    "timeouts"
                    (orNegative h.MaxTimeouts)
                    timeouts
                    $"the deadline of {timeouts} executions passed since the last look: give guests gas limits, or raise Twofold:Health:MaxTimeouts"

            yield!
                above
                    "quarantined"
                    (orNegative (int64 h.MaxQuarantined))
                    (int64 now.Engine.InstancesQuarantined)
                    $"functions or ports of the host keep {now.Engine.InstancesQuarantined} threads beyond their deadlines: they and their instances are lost until those return"

            yield!
                above
                    "rejections"
                    (orOff h.MaxRejections)
                    rejections
                    $"{rejections} executions were refused since the last look: the log has each reason"

            yield!
                above
                    "skill-failures"
                    (orOff h.MaxSkillFailures)
                    failures
                    $"models, memory or servers failed {failures} of {since _.SkillCalls} calls of skills since the last look"

            yield!
                above
                    "tenant-refusals"
                    (orOff h.MaxTenantRefusals)
                    refusals
                    $"quotas refused {refusals} calls of tenants since the last look"

            if h.MaxTenantWait > TimeSpan.Zero && now.Tenants.LongestWait > h.MaxTenantWait then
                {
                    Name = "tenant-wait"
                    Text =
                        $"a tenant's call has waited for {now.Tenants.LongestWait.TotalSeconds:F1} s, with {now.Tenants.Waiting} that wait: raise Twofold:Tenants:Turns, or lower quotas"
                }
        ]
