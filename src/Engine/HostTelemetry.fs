namespace Twofold.Engine

// What hosts measure beside executions: sandboxes with their turns, tenants with their quotas, answers to skills. The meter is the engine's, or one of its name.
// In: calls, as they begin, wait and end. Out: instruments that cost next to nothing while nobody listens, and counts for hosts that ask.

open System
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Threading
open Twofold.HostAbi

/// Calls of sandboxes.
[<Sealed>]
type internal SandboxTelemetry(meter: Meter) =
    let durations =
        meter.CreateHistogram<float>(
            "twofold.sandbox.execution.duration",
            "s",
            "A call of a sandbox, from the call to its result: waiting for a turn and attempts included."
        )

    let waits = meter.CreateHistogram<float>("twofold.sandbox.wait.duration", "s", "A call of a sandbox waiting for its turn.")
    let mutable calls = 0L
    let mutable rejections = 0L
    let mutable timeouts = 0L

    /// Calls that ended, and of these the refused modules, functions and arguments, and the deadlines that passed.
    member _.Counts = struct (Interlocked.Read &calls, Interlocked.Read &rejections, Interlocked.Read &timeouts)

    /// `since` is a Stopwatch timestamp of before.
    member _.Waited(since: int64) =
        if waits.Enabled then
            waits.Record (Stopwatch.GetElapsedTime since).TotalSeconds

    member _.Ended(ending: string, elapsed: TimeSpan) =
        Interlocked.Increment &calls |> ignore

        match ending with
        | "rejected" -> Interlocked.Increment &rejections |> ignore
        | "timeout" -> Interlocked.Increment &timeouts |> ignore
        | _ -> ()

        if durations.Enabled then
            durations.Record(elapsed.TotalSeconds, KeyValuePair(Tags.SandboxEnd, box ending))

/// Calls of tenants.
[<Sealed>]
type internal TenantTelemetry(factory: IMeterFactory, running: unit -> int64, waiting: unit -> int64) =
    let meter = Telemetry.MeterOf factory
    let waits = meter.CreateHistogram<float>("twofold.tenant.wait.duration", "s", "A tenant's call waiting for its turn.")

    let refusals = meter.CreateCounter<int64>("twofold.tenant.refusals", "{call}", "Calls that a quota refused.")

    do
        meter.CreateObservableUpDownCounter<int64>("twofold.tenant.running", Func<int64> running, "{call}", "Calls of tenants that run.")
        |> ignore

        meter.CreateObservableUpDownCounter<int64>("twofold.tenant.waiting", Func<int64> waiting, "{call}", "Calls of tenants that wait.")
        |> ignore

    member _.Waited(wait: TimeSpan) =
        if waits.Enabled then
            waits.Record wait.TotalSeconds

    /// `quota`: `gas`, `memory`, `rate` or `queue`.
    member _.Refused(quota: string) = refusals.Add(1L, KeyValuePair(Tags.Quota, box quota))

    interface IDisposable with
        member _.Dispose() =
            if isNull factory then
                meter.Dispose()

/// What the outside answers to skills.
[<Sealed>]
type internal SkillTelemetry(meter: Meter) =
    let calls =
        meter.CreateHistogram<float>("twofold.skill.call.duration", "s", "A skill waiting for a model, its memory or a server.")

    let mutable count = 0L
    let mutable failures = 0L

    let service (effect: SkillEffect) =
        match effect with
        | SkillEffect.AiPrompt _ -> "ai"
        | SkillEffect.MemoryGet _
        | SkillEffect.MemorySet _ -> "memory"
        | SkillEffect.HttpRequest _
        | SkillEffect.HttpRequestFull _ -> "http"
        | SkillEffect.ReadReply -> "none"

    /// Whether the other side was in trouble: not when it had no such value, or the skill asked for what it may not.
    let failed (answer: SkillAnswer) =
        match answer with
        | SkillAnswer.Failed(SkillError.Timeout | SkillError.Unavailable | SkillError.Failed) -> true
        | _ -> false

    let record (effect: SkillEffect) (start: int64) (result: string) =
        if calls.Enabled then
            calls.Record(
                (Stopwatch.GetElapsedTime start).TotalSeconds,
                KeyValuePair(Tags.SkillService, box (service effect)),
                KeyValuePair(Tags.SkillResult, box result)
            )

    /// Calls to the outside, and of these those that it failed.
    member _.Counts = struct (Interlocked.Read &count, Interlocked.Read &failures)

    /// The same answers, measured.
    member _.Measured(inner: ISkillProvider) : ISkillProvider = {
        new ISkillProvider with
            member _.Answer(request, effect, token) =
                let start = Stopwatch.GetTimestamp()
                Interlocked.Increment &count |> ignore

                try
                    let answer = inner.Answer(request, effect, token)

                    if failed answer then
                        Interlocked.Increment &failures |> ignore

                    match answer with
                    | SkillAnswer.Failed error -> record effect start ((SkillError.name error).ToLowerInvariant())
                    | _ -> record effect start "ok"

                    answer
                with e ->
                    let stopped = (e :? OperationCanceledException) && token.IsCancellationRequested

                    if not stopped then
                        Interlocked.Increment &failures |> ignore

                    record effect start (if stopped then "stopped" else "fault")
                    reraise ()
    }
