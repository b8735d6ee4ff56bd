namespace Twofold.Engine

// From a request to its receipt. Start reading here.
// In: an ExecutionRequest. Out: a report with the receipt, or why there is none.
//
//     ExecutionRequest -> validate -> compileOrCache -> acquire -> invoke -> foldDraft -> Receipt
//
// Each stage takes what only the one before it can make. An engine fault never becomes a receipt; a refusal means that nothing ran.

open System
open System.Diagnostics
open System.Threading
open Twofold.Wasm

module internal Pipeline =
    /// Our own bugs end here, as faults.
    let private guarded (work: unit -> Result<'T, Refusal>) =
        try
            work ()
        with e ->
            Error(Refusal.Fault(EngineFault.Bug $"{e.GetType().Name}: {e.Message}"))

    /// The stages after validation, with answers from wherever the script says.
    let run
        (m: Machinery)
        (script: ValidRequest -> Script)
        (token: CancellationToken)
        (valid: ValidRequest)
        : Result<ExecutionReport, Refusal> =
        let watch = Stopwatch.StartNew()

        guarded (fun () ->
            valid
            |> Stages.compileOrCache m
            |> Result.bind (Stages.acquire m token)
            |> Result.bind (Stages.invoke m script token)
            |> Result.bind Stages.foldDraft
            |> Result.map (Stages.receipt m watch))

    /// A live run: answers come from the snapshot and the host's provider. `giveUp`: told at most once, on another thread, when a function of the host never returns.
    let execute
        (m: Machinery)
        (token: CancellationToken)
        (giveUp: Action<EngineFault>)
        (request: ExecutionRequest)
        : Result<ExecutionReport, Refusal> =
        let live giveUp (valid: ValidRequest) = {
            View = valid.Snapshot
            Provider = m.Provider
            Functions = (if isNull valid.Functions then Ports.noFunctions else valid.Functions)
            Skills = m.Skills
            Witness = null
            WasiHost = (if isNull valid.WasiHost then null else valid.WasiHost.Open())
            GiveUp = giveUp
        }

        m.Telemetry.Execution(
            m.Engine.Name,
            request.Profile.Name,
            request.Entry,
            giveUp,
            fun giveUp ->
                guarded (fun () -> Request.validate m.Store request |> Result.mapError Refusal.Rejected)
                |> Result.bind (run m (live giveUp) token)
        )

    /// A request's module alone: loaded, and kept in the cache.
    let load
        (m: Machinery)
        (request: ExecutionRequest)
        : Result<struct (Validation.ValidModule * byte[] * Twofold.HostAbi.Hash32), Refusal> =
        guarded (fun () ->
            Request.validate m.Store request
            |> Result.mapError Refusal.Rejected
            |> Result.bind (fun valid ->
                Stages.loadModule m valid
                |> Result.map (fun lease ->
                    use lease = lease
                    struct (lease.Module.Module, valid.Bytes, valid.Recorded.ModuleHash))))
