namespace Twofold.Cli

// `twofold exec`: a contract call on a snapshot. Also what `run` shares with it: one execution, its report, its exit code.
// In: parsed arguments. Out: an ending; with --receipt a file.

open System
open System.Threading
open FsToolkit.ErrorHandling
open Argu
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine

/// Why a command stops before there is a report.
[<RequireQualifiedAccess>]
type Stop =
    /// The command line or a file.
    | Usage of string
    | Refused of Refusal

/// What is kept of a run.
type Keep = {
    /// `--receipt`
    File: string option
    /// `--record`
    Corpus: string option
}

module Execute =
    let code (outcome: Outcome) =
        match outcome with
        | Outcome.Returned _ -> Exit.Success
        | Outcome.Failed _ -> Exit.Failed
        | Outcome.Trapped _
        | Outcome.Uncaught _ -> Exit.Trapped
        | Outcome.OutOfGas
        | Outcome.StackExhausted -> Exit.Exhausted

    let private stopCode stop =
        match stop with
        | Stop.Usage _
        | Stop.Refused(Refusal.Rejected _) -> Exit.Rejected
        | Stop.Refused(Refusal.Fault _) -> Exit.Fault

    let private stopText stop =
        match stop with
        | Stop.Usage text -> text
        | Stop.Refused refusal -> refusal.ToString()

    let private errorJson stop =
        Show.json (fun w ->
            w.WriteNumber("exitCode", stopCode stop)
            w.WriteStartObject "error"

            match stop with
            | Stop.Refused(Refusal.Rejected r) -> Show.rejection w r
            | Stop.Refused(Refusal.Fault f) ->
                w.WriteString("kind", "fault")
                w.WriteString("message", f.ToString())
            | Stop.Usage text ->
                w.WriteString("kind", "usage")
                w.WriteString("message", text)

            w.WriteEndObject())

    /// How a command that could not report ends.
    let stopped (json: bool) (stop: Stop) : Ending = {
        Code = stopCode stop
        Output = if json then errorJson stop else ""
        Error = stopText stop
    }

    /// Keeps a receipt where the command line asked for it; what was kept, for people.
    let private kept (keep: Keep) (corpus: CorpusWriter option) (request: ExecutionRequest) (receipt: Receipt) =
        result {
            match keep.File with
            | Some file -> do! Inputs.write file (ReceiptJson.toJson receipt) |> Result.mapError (fun e -> Stop.Usage $"--receipt: {e}")
            | None -> ()

            let! recorded =
                match corpus, request.Module with
                | Some corpus, ModuleSource.Bytes wasm ->
                    corpus.Append(receipt, wasm) |> Result.mapError (fun e -> Stop.Usage $"--record: {e}") |> Result.map Some
                | _ -> Ok None

            return [
                match keep.File with
                | Some file -> $"written to {file}"
                | None -> ()
                match keep.Corpus, recorded with
                | Some folder, Some true -> $"recorded in {folder}"
                | Some folder, Some false -> $"was recorded in {folder} before"
                | _ -> ()
            ]
        }

    /// One run on an engine with these options: the report, the receipt's file or corpus; `ending` makes of them what the caller sees.
    let finishOn
        (change: ExecutorOptions -> ExecutorOptions)
        (ending: string list -> ExecutionReport -> Ending)
        (engine: string option)
        (keep: Keep)
        (token: CancellationToken)
        (request: ExecutionRequest)
        : Result<Ending, Stop> =
        result {
            let! engine = Engines.chosen engine |> Result.mapError Stop.Usage
            // Before anything runs: a corpus that cannot be written to is a mistake of the command line.
            let! corpus =
                keep.Corpus |> Option.traverseResult (CorpusWriter.Open >> Result.mapError (fun e -> Stop.Usage $"--record: {e}"))

            use executor = new Executor(change (ExecutorOptions.For engine))
            let! report = executor.Execute(request, token) |> Result.mapError Stop.Refused
            let! kept = kept keep corpus request report.Receipt
            return ending kept report
        }

    /// The same with plain options.
    let finishWith ending engine keep token request = finishOn id ending engine keep token request

    /// The same for contracts and exports: the report, and the outcome's exit code.
    let finish (engine: string option) (json: bool) (keep: Keep) (token: CancellationToken) (request: ExecutionRequest) =
        let ending kept (report: ExecutionReport) =
            let code = code report.Receipt.Outcome

            {
                Code = code
                Output = if json then Show.reportJson code report else Show.report report kept
                Error = if code = Exit.Success || json then "" else report.Message
            }

        finishWith ending engine keep token request

    let private request (a: ParseResults<ExecArgs>) : Result<ExecutionRequest, string> =
        result {
            let path, entry = a.GetResult ExecArgs.Call
            let! bytes = Inputs.moduleBytes path
            let! parameters = a.TryGetResult ExecArgs.Params |> Option.traverseResult Inputs.parameters
            let! caller = a.TryGetResult ExecArgs.Caller |> Option.traverseResult (Inputs.address "--caller")
            let! contract = a.TryGetResult ExecArgs.Contract |> Option.traverseResult (Inputs.address "--contract")

            let! snapshot =
                a.TryGetResult ExecArgs.State |> Option.traverseResult (Inputs.snapshot >> Result.mapError (fun e -> $"--state: {e}"))

            let! transaction = a.TryGetResult ExecArgs.Transaction |> Option.traverseResult (Inputs.hash "--transaction")
            let! seed = a.TryGetResult ExecArgs.Seed |> Option.traverseResult (Inputs.hex "--seed")
            let! claims = a.GetResults ExecArgs.Claim |> List.traverseResultM Inputs.claim
            let! profile = a.TryGetResult ExecArgs.Profile |> Option.traverseResult Inputs.profile
            let! profile = profile |> Option.defaultValue Profile.contract |> Inputs.deadline (a.TryGetResult ExecArgs.Timeout)

            let plain =
                Request.contract
                    bytes
                    entry
                    (defaultArg caller Address.zero)
                    (defaultArg contract Address.zero)
                    (defaultArg snapshot Snapshot.empty)

            return {
                plain with
                    Parameters = defaultArg parameters [||]
                    TransactionId = defaultArg transaction Hash32.zero
                    RandomSeed = seed
                    Claims = claims
                    Profile = profile
                    Limits = { RequestLimits.None with Gas = a.TryGetResult ExecArgs.Gas }
                    Switches =
                        Some {
                            profile.Policy.Switches with
                                RandomOff = profile.Policy.Switches.RandomOff || a.Contains ExecArgs.Random_Off
                                Allocator = profile.Policy.Switches.Allocator && not (a.Contains ExecArgs.No_Allocator)
                        }
            }
        }

    let run (token: CancellationToken) (a: ParseResults<ExecArgs>) : Ending =
        let json = a.Contains ExecArgs.Json

        request a
        |> Result.mapError Stop.Usage
        |> Result.bind (
            finish
                (a.TryGetResult ExecArgs.Engine)
                json
                { File = a.TryGetResult ExecArgs.Receipt; Corpus = a.TryGetResult ExecArgs.Record }
                token
        )
        |> Result.defaultWith (stopped json)
