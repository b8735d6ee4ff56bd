namespace Twofold.Extensions.Hosting

// What a host finds in its logs about executions: faults as errors, refusals as warnings, everything else for those who ask for details.
// In: the engine's reports. Out: log lines under the category `Twofold`. No parameters of requests and no data of guests are logged, but for messages of traps.

open Microsoft.Extensions.Logging
open Twofold

/// Numbers and names of the events that are logged; they do not change.
module internal Events =
    let executed = EventId(1, "Executed")
    let rejected = EventId(2, "Rejected")
    let fault = EventId(3, "Fault")
    let notRecorded = EventId(4, "NotRecorded")
    let degraded = EventId(10, "Degraded")
    let recovered = EventId(11, "Recovered")
    let pluginRefused = EventId(20, "PluginRefused")

/// Logs every execution.
[<Sealed>]
type internal LoggingObserver(logger: ILogger) =
    interface IExecutionObserver with
        member _.Executed(request, report) =
            match report.Status with
            | ReportStatus.Faulted ->
                logger.LogError(
                    Events.fault,
                    "The execution of {Entry} under profile {Profile} ended by a fault, {Fault}: {Message}",
                    request.Entry,
                    request.Profile.Name,
                    report.FaultKind,
                    report.Message
                )
            | ReportStatus.Rejected ->
                logger.LogWarning(
                    Events.rejected,
                    "The execution of {Entry} under profile {Profile} was rejected: {Message}",
                    request.Entry,
                    request.Profile.Name,
                    report.Message
                )
            | _ when logger.IsEnabled LogLevel.Debug ->
                logger.LogDebug(
                    Events.executed,
                    "{Entry} of module {Module} {Outcome}; gas {Gas}, {Elapsed} ms, module loaded before: {CacheHit}, instance used before: {PoolHit}",
                    request.Entry,
                    report.Receipt.ModuleHash,
                    report.Message,
                    report.Receipt.GasUsed,
                    report.Elapsed.TotalMilliseconds,
                    report.CacheHit,
                    report.PoolHit
                )
            | _ -> ()

            if not (isNull report.RecordingError) then
                logger.LogError(Events.notRecorded, "A receipt is not in the corpus: {Reason}", report.RecordingError)
