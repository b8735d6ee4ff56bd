namespace Twofold.Cli

// `twofold replay`: the same run again, from a receipt's file and the module alone.
// In: parsed arguments. Out: an ending: identical (0), the first difference (1), or why it cannot be judged (2).

open System.Threading
open FsToolkit.ErrorHandling
open Argu
open Twofold.Wasm
open Twofold.Engine

module ReplayReceipt =
    let private judge (token: CancellationToken) (a: ParseResults<ReplayArgs>) =
        result {
            let path = a.GetResult ReplayArgs.File
            let! receipt = Inputs.bytes path |> Result.bind (ReceiptFile.decode >> Result.mapError (fun e -> $"{path}: {e}"))
            let! bytes = Inputs.moduleBytes (a.GetResult ReplayArgs.Module) |> Result.mapError (fun e -> $"--module: {e}")
            let! engine = Engines.chosen (a.TryGetResult ReplayArgs.Engine)
            use executor = new Executor(ExecutorOptions.For engine)
            return receipt, executor.Replay(receipt, bytes, token)
        }

    let private ending (receipt: Receipt) (result: ReplayResult) : Ending =
        match result with
        | ReplayResult.Identical digest ->
            Ending.ok
                $"identical: the replay gave the same receipt, byte for byte\noutcome    {Show.outcome receipt (Outcome.describe receipt.Outcome)}\ngas        {Show.count receipt.GasUsed}\njournal    {receipt.Journal.Length} effects\nreceipt    {digest}"
        | ReplayResult.Differs divergence -> { Code = Exit.Failed; Output = ""; Error = $"the replay differs: {divergence}" }
        | ReplayResult.CannotJudge reason -> Ending.rejected $"cannot judge: {reason}"

    let private json (result: ReplayResult) : string =
        Show.json (fun w ->
            match result with
            | ReplayResult.Identical digest ->
                w.WriteNumber("exitCode", Exit.Success)
                w.WriteString("result", "identical")
                w.WriteString("receiptDigest", digest.Text)
            | ReplayResult.Differs d ->
                w.WriteNumber("exitCode", Exit.Failed)
                w.WriteString("result", "differs")
                w.WriteString("component", string d.Component)
                w.WriteNumber("index", d.Index)
                w.WriteString("recorded", d.Recorded)
                w.WriteString("replayed", d.Replayed)
            | ReplayResult.CannotJudge reason ->
                w.WriteNumber("exitCode", Exit.Rejected)
                w.WriteString("result", "cannot judge")
                w.WriteString("reason", reason))

    let run (token: CancellationToken) (a: ParseResults<ReplayArgs>) : Ending =
        let asJson = a.Contains ReplayArgs.Json

        match judge token a with
        | Error text -> Execute.stopped asJson (Stop.Usage text)
        | Ok(receipt, result) when asJson -> { ending receipt result with Output = json result }
        | Ok(receipt, result) -> ending receipt result
