namespace Twofold.Engine

// Replays a receipt: the same run again, from the receipt and the module's bytes alone. No provider and no snapshot are asked.
// In: a receipt, the module. Out: identical, the first difference (which component, both sides), or why it cannot be judged.

open System
open System.Text.Json
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

/// A receipt with its module in the binary form, and what each replay of the two compares with: worked out once, however often they are replayed.
[<Sealed>]
type internal Recorded(receipt: Receipt, bytes: byte[]) =
    let digest = lazy (ReceiptBytes.digest receipt)
    let moduleHash = lazy (Hash32.sha256 (ReadOnlySpan bytes))
    let journal = lazy (Array.ofList receipt.Journal)
    member _.Receipt = receipt
    member _.Bytes = bytes
    /// The receipt's.
    member _.Digest = digest.Value
    member _.ModuleHash = moduleHash.Value
    member _.Journal = journal.Value

/// What an audit adds to a replay.
[<NoComparison; NoEquality>]
type internal ReplayHooks = {
    /// What stands between the recorded reads and the run: tests plant faults here.
    View: IStateView -> IStateView
    /// See IWitness.Began.
    Began: bool -> bool -> unit
}

module internal Replay =
    let noHooks = { View = id; Began = fun _ _ -> () }

    /// Stops a replay inside a host call; what differs is in the comparer.
    exception private Stopped

    let private short (text: string) =
        if text.Length <= 300 then
            text
        else
            // Not in the middle of a character of two units.
            let n = if Char.IsHighSurrogate text[299] then 299 else 300
            text.Substring(0, n) + "..."

    let private show (value: 'T) = short ((sprintf "%A" value).ReplaceLineEndings " ")

    let private effectText (effect: Effect) = short (Write.line (fun w -> EffectJson.write w effect))

    /// Compares effect by effect while the replay runs, and answers external effects from the journal.
    [<Sealed>]
    type private Comparer(recorded: JournalEntry[], hooks: ReplayHooks) =
        let mutable divergence: Divergence option = None
        let mutable next = 0

        let stop part index recordedText replayedText =
            divergence <- Some { Component = part; Index = index; Recorded = recordedText; Replayed = replayedText }
            raise Stopped

        /// What hosts answered stands in the entry that the replay has come to.
        member val WasiHost: IWasiHost =
            ReplayedHost(fun () ->
                match recorded[next].Reply with
                | JournalReply.Kept(Reply.Wasi(_, answered)) -> answered
                | _ -> [||])

        member _.Divergence = divergence
        member _.Seen = next

        interface IWitness with
            member _.Began(cacheHit, poolHit) = hooks.Began cacheHit poolHit
            member _.Ended(_, _, _) = ()

            member _.Before(index, effect, gasLeft) =
                if index >= recorded.Length then
                    stop ReplayComponent.Effect index "the end of the journal" (effectText effect)

                let entry = recorded[index]

                if entry.Effect <> effect then
                    stop ReplayComponent.Effect index (effectText entry.Effect) (effectText effect)

                if entry.GasLeft <> gasLeft then
                    stop ReplayComponent.GasLeft index (string entry.GasLeft) (string gasLeft)

            member _.After(entry, _) =
                next <- entry.Index + 1
                let before = recorded[entry.Index]

                if before.Reply <> entry.Reply then
                    stop ReplayComponent.Reply entry.Index (show before.Reply) (show entry.Reply)

        interface IHostFunctions with
            member _.Perform(_, _, caller) =
                let wentOn () = stop ReplayComponent.Reply next "the host function's last step ended the run" "the run went on"
                HostJournal.perform (fun () -> HostJournal.answer recorded[next]) wentOn (caller :?> HostLink)

        interface IExternalProvider with
            member _.DeclareState(_, _) =
                match recorded[next].Reply with
                | JournalReply.Kept(Reply.Bytes value) -> ValueSome { Value = value; Evidence = [||] }
                | _ -> ValueNone

        interface ISkillProvider with
            member _.Answer(_, _, _) =
                match recorded[next].Reply with
                | JournalReply.Kept reply -> Ports.skillAnswer reply
                | _ -> SkillAnswer.Failed SkillError.Unavailable

    /// The first place where two documents differ: its path, and both sides.
    let rec private firstDifference (path: string) (a: JsonElement) (b: JsonElement) : struct (string * string * string) voption =
        let sides () = ValueSome(struct (path, a.GetRawText(), b.GetRawText()))

        let first (pairs: seq<unit -> struct (string * string * string) voption>) =
            pairs |> Seq.map (fun look -> look ()) |> Seq.tryFind _.IsSome |> Option.defaultValue ValueNone

        if a.ValueKind <> b.ValueKind then
            sides ()
        else
            match a.ValueKind with
            | JsonValueKind.Object ->
                first (
                    seq {
                        for p in a.EnumerateObject() do
                            fun () ->
                                match b.TryGetProperty p.Name with
                                | true, other -> firstDifference $"{path}.{p.Name}" p.Value other
                                | _ -> ValueSome(struct ($"{path}.{p.Name}", p.Value.GetRawText(), "nothing"))

                        for p in b.EnumerateObject() do
                            fun () ->
                                match a.TryGetProperty p.Name with
                                | true, _ -> ValueNone
                                | _ -> ValueSome(struct ($"{path}.{p.Name}", "nothing", p.Value.GetRawText()))
                    }
                )
            | JsonValueKind.Array ->
                let item (e: JsonElement) i = if i < e.GetArrayLength() then ValueSome e[i] else ValueNone

                let look i () =
                    match item a i, item b i with
                    | ValueSome x, ValueSome y -> firstDifference $"{path}[{i}]" x y
                    | ValueSome x, ValueNone -> ValueSome(struct ($"{path}[{i}]", x.GetRawText(), "nothing"))
                    | ValueNone, ValueSome y -> ValueSome(struct ($"{path}[{i}]", "nothing", y.GetRawText()))
                    | ValueNone, ValueNone -> ValueNone

                first (Seq.init (max (a.GetArrayLength()) (b.GetArrayLength())) look)
            | _ -> if a.GetRawText() = b.GetRawText() then ValueNone else sides ()

    /// Compares two values by their JSON, so that the difference is a place and not two walls of text.
    let private compareJson name (path: string) (write: Utf8JsonWriter -> 'T -> unit) (before: 'T) (after: 'T) =
        if before = after then
            None
        else
            use a = JsonDocument.Parse(Write.line (fun w -> write w before))
            use b = JsonDocument.Parse(Write.line (fun w -> write w after))

            match firstDifference path a.RootElement b.RootElement with
            | ValueSome(struct (place, x, y)) ->
                Some { Component = name; Index = -1; Recorded = $"{place} = {short x}"; Replayed = $"{place} = {short y}" }
            | ValueNone -> Some { Component = name; Index = -1; Recorded = show before; Replayed = show after }

    let private writeDraft (w: Utf8JsonWriter) (draft: Draft option) =
        match draft with
        | Some d -> DraftJson.write w d
        | None -> w.WriteNullValue()

    let private writeReads (w: Utf8JsonWriter) (reads: Reads) = Write.item w (fun () -> ReadsJson.write w reads)

    /// What is compared when the run has ended, in this order.
    let private compareEnds (recorded: Receipt) (replayed: Receipt) : Divergence option =
        let part name (text: 'T -> string) before after =
            if before = after then
                None
            else
                Some { Component = name; Index = -1; Recorded = text before; Replayed = text after }

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
            fun () -> part ReplayComponent.Outcome Outcome.describe recorded.Outcome replayed.Outcome
            fun () -> part ReplayComponent.GasUsed string recorded.GasUsed replayed.GasUsed
            fun () -> part ReplayComponent.ReturnData (Json.bytesText >> short) recorded.ReturnData replayed.ReturnData
            fun () -> compareJson ReplayComponent.Draft "draft" writeDraft recorded.Draft replayed.Draft
            fun () -> compareJson ReplayComponent.Reads "reads" writeReads recorded.Reads replayed.Reads
            fun () -> part ReplayComponent.MemoryDigest string recorded.MemoryDigest replayed.MemoryDigest
            fun () -> part ReplayComponent.GlobalsDigest string recorded.GlobalsDigest replayed.GlobalsDigest
        ]
        |> List.tryPick (fun check -> check ())

    let private judge (comparer: Comparer) (recorded: Recorded) (result: Result<ExecutionReport, Refusal>) =
        match comparer.Divergence, result with
        | Some divergence, _ -> ReplayResult.Differs divergence
        | None, Error(Refusal.Rejected r) -> ReplayResult.CannotJudge $"the recorded request is refused: {r}"
        | None, Error(Refusal.Fault f) -> ReplayResult.CannotJudge $"the replay did not end by itself: {f}"
        | None, Ok report ->
            match compareEnds recorded.Receipt report.Receipt with
            | Some divergence -> ReplayResult.Differs divergence
            | None when report.ReceiptDigest = recorded.Digest -> ReplayResult.Identical report.ReceiptDigest
            | None -> ReplayResult.CannotJudge "the receipts differ in bytes although every part agrees: a bug of ours"

    /// Runs the receipt's request again, and compares.
    let binary (m: Machinery) (token: CancellationToken) (hooks: ReplayHooks) (recorded: Recorded) : ReplayResult =
        let receipt = recorded.Receipt
        let hash = recorded.ModuleHash

        if hash <> receipt.Request.ModuleHash then
            ReplayResult.CannotJudge $"this is another module: the receipt is of {receipt.Request.ModuleHash}, this one is {hash}"
        elif receipt.Versions <> Versions.Current then
            ReplayResult.CannotJudge $"the receipt was made under other versions: {show receipt.Versions}, here {show Versions.Current}"
        else
            let comparer = Comparer(recorded.Journal, hooks)
            let view = RecordedView receipt.Reads

            let script (_: ValidRequest) = {
                View = hooks.View view
                Provider = comparer
                Functions = comparer
                Skills = comparer
                Witness = comparer
                WasiHost = comparer.WasiHost
                GiveUp = null
            }

            let result = Pipeline.run m script token (Request.recorded receipt.Request recorded.Bytes view m.ReplayDeadline)

            if comparer.Divergence.IsNone && not (isNull view.Missing) then
                ReplayResult.Differs {
                    Component = ReplayComponent.Reads
                    Index = comparer.Seen
                    Recorded = "no such read"
                    Replayed = view.Missing
                }
            else
                judge comparer recorded result

    /// The receipt again, on a module in either form; the hash is that of its binary form.
    let run (m: Machinery) (token: CancellationToken) (receipt: Receipt) (bytes: byte[]) : ReplayResult =
        match Twofold.Wasm.Text.Wat.toBinary receipt.Request.Policy.Wasm receipt.Request.Policy.Features bytes with
        | Ok bytes -> binary m token noHooks (Recorded(receipt, bytes))
        | Error e -> ReplayResult.CannotJudge $"this is another module: a text that cannot be encoded: {e}"
