namespace Twofold.Engine

// Replays a receipt: the same run again, from the receipt and the module's bytes alone. No provider and no snapshot are asked.
// In: a receipt, the module. Out: identical, the first difference (which component, both sides), or why it cannot be judged.

open System
open System.Threading
open Twofold.HostAbi

/// What of a receipt differs.
[<RequireQualifiedAccess>]
type ReplayComponent =
    /// Another effect than the recorded one, or one too few or too many.
    | Effect
    | Reply
    | GasLeft
    | Outcome
    | GasUsed
    | ReturnData
    | Draft
    | Reads
    | MemoryDigest
    | GlobalsDigest

/// The first difference between a receipt and its replay.
type Divergence = {
    Component: ReplayComponent
    /// The index in the journal, or -1 for what is compared at the end.
    Index: int
    /// Both sides, for people.
    Recorded: string
    Replayed: string
} with

    override d.ToString() =
        let at = if d.Index >= 0 then $" at effect {d.Index}" else ""
        $"{d.Component} differs{at}: recorded {d.Recorded}; replayed {d.Replayed}"

[<RequireQualifiedAccess>]
type ReplayResult =
    /// Byte for byte the same receipt.
    | Identical of digest: Hash32
    | Differs of Divergence
    /// The replay could not be made: another module, other versions, trouble of the host.
    | CannotJudge of reason: string

module internal Replay =
    /// Stops a replay inside a host call; what differs is in the comparer.
    exception private Stopped

    let private short (text: string) = if text.Length <= 300 then text else text.Substring(0, 300) + "..."
    let private show (value: 'T) = short ((sprintf "%A" value).ReplaceLineEndings " ")

    let private effectText (effect: Effect) = short (Write.line (fun w -> EffectJson.write w effect))

    /// Compares effect by effect while the replay runs, and answers external effects from the journal.
    [<Sealed>]
    type private Comparer(recorded: JournalEntry[]) =
        let mutable divergence: Divergence option = None
        let mutable next = 0

        let stop part index recordedText replayedText =
            divergence <- Some { Component = part; Index = index; Recorded = recordedText; Replayed = replayedText }
            raise Stopped

        member _.Divergence = divergence
        member _.Seen = next

        interface IWitness with
            member _.Before(index, effect, gasLeft) =
                if index >= recorded.Length then
                    stop ReplayComponent.Effect index "the end of the journal" (effectText effect)

                let entry = recorded[index]

                if entry.Effect <> effect then
                    stop ReplayComponent.Effect index (effectText entry.Effect) (effectText effect)

                if entry.GasLeft <> gasLeft then
                    stop ReplayComponent.GasLeft index (string entry.GasLeft) (string gasLeft)

            member _.After entry =
                next <- entry.Index + 1
                let before = recorded[entry.Index]

                if before.Reply <> entry.Reply then
                    stop ReplayComponent.Reply entry.Index (show before.Reply) (show entry.Reply)

        interface IExternalProvider with
            member _.DeclareState(_, _) =
                match recorded[next].Reply with
                | JournalReply.Kept(Reply.Bytes value) -> ValueSome { Value = value; Evidence = [||] }
                | _ -> ValueNone

    /// What is compared when the run has ended, in this order.
    let private compareEnds (recorded: Receipt) (replayed: Receipt) : Divergence option =
        let part name before after =
            if before = after then
                None
            else
                Some { Component = name; Index = -1; Recorded = show before; Replayed = show after }

        [
            fun () ->
                if recorded.Journal.Length <= replayed.Journal.Length then
                    None
                else
                    Some {
                        Component = ReplayComponent.Effect
                        Index = replayed.Journal.Length
                        Recorded = effectText recorded.Journal[replayed.Journal.Length].Effect
                        Replayed = "the end: " + Outcome.describe replayed.Outcome
                    }
            fun () -> part ReplayComponent.Outcome recorded.Outcome replayed.Outcome
            fun () -> part ReplayComponent.GasUsed recorded.GasUsed replayed.GasUsed
            fun () -> part ReplayComponent.ReturnData recorded.ReturnData replayed.ReturnData
            fun () -> part ReplayComponent.Draft recorded.Draft replayed.Draft
            fun () -> part ReplayComponent.Reads recorded.Reads replayed.Reads
            fun () -> part ReplayComponent.MemoryDigest recorded.MemoryDigest replayed.MemoryDigest
            fun () -> part ReplayComponent.GlobalsDigest recorded.GlobalsDigest replayed.GlobalsDigest
        ]
        |> List.tryPick (fun check -> check ())

    let private judge (comparer: Comparer) (recorded: Receipt) (result: Result<ExecutionReport, Refusal>) =
        match comparer.Divergence, result with
        | Some divergence, _ -> ReplayResult.Differs divergence
        | None, Error(Refusal.Rejected r) -> ReplayResult.CannotJudge $"the recorded request is refused: {r}"
        | None, Error(Refusal.Fault f) -> ReplayResult.CannotJudge $"the replay did not end by itself: {f}"
        | None, Ok report ->
            match compareEnds recorded report.Receipt with
            | Some divergence -> ReplayResult.Differs divergence
            | None when report.ReceiptDigest = ReceiptBytes.digest recorded -> ReplayResult.Identical report.ReceiptDigest
            | None -> ReplayResult.CannotJudge "the receipts differ in bytes although every part agrees: a bug of ours"

    /// Runs the receipt's request again and compares.
    let run (m: Machinery) (token: CancellationToken) (receipt: Receipt) (bytes: byte[]) : ReplayResult =
        let hash = Hash32.sha256 (ReadOnlySpan bytes)

        if hash <> receipt.Request.ModuleHash then
            ReplayResult.CannotJudge $"this is another module: the receipt is of {receipt.Request.ModuleHash}, this one is {hash}"
        elif receipt.Versions <> Versions.Current then
            ReplayResult.CannotJudge $"the receipt was made under other versions: {show receipt.Versions}, here {show Versions.Current}"
        else
            let comparer = Comparer(Array.ofList receipt.Journal)
            let view = RecordedView receipt.Reads
            let script (_: ValidRequest) = { View = view; Provider = comparer; Witness = comparer }
            let result = Pipeline.run m script token (Request.recorded receipt.Request bytes view)

            if comparer.Divergence.IsNone && not (isNull view.Missing) then
                ReplayResult.Differs {
                    Component = ReplayComponent.Reads
                    Index = comparer.Seen
                    Recorded = "no such read"
                    Replayed = view.Missing
                }
            else
                judge comparer receipt result
