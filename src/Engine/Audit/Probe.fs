namespace Twofold.Engine.Audit

// One run of a recorded request under a gas limit of the auditor's choice, looked at from all sides and compared with nothing.
// In: a receipt, a way of running it, a limit. Out: how it ended, every effect with its answer, digests; whoever asks also sees the instance.

open System
open System.Collections.Generic
open System.Threading
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine

/// An effect of a probe.
type internal Seen = {
    Effect: Effect
    Answer: Answer
    /// When it was asked, its own price included.
    GasUsed: int64
}

/// What a probe saw.
[<NoComparison>]
type internal Probe = {
    /// For people and for comparing: an outcome, or a fault.
    End: string
    /// None: a fault.
    Outcome: Outcome option
    GasUsed: int64
    /// See IInspectable.GasWanted; -1 when nobody can say.
    Wanted: int64
    Effects: Seen[]
    Draft: Hash32
    Memory: Hash32
    Globals: Hash32
    /// See IWasmInstance.ResetDigest: comparable between instances of one engine only.
    Rest: Hash32
    MemorySizes: uint64 list
    TableSizes: uint64 list
    Where: CodePosition voption
    /// See IInspectable.
    Callers: CodePosition list
} with

    member p.IsOutOfGas = (p.Outcome = Some Outcome.OutOfGas)
    member p.IsStackExhausted = (p.Outcome = Some Outcome.StackExhausted)

module internal Probe =
    let private hash (bytes: byte[]) =
        match Hash32.tryOfBytes (ReadOnlySpan bytes) with
        | ValueSome h -> h
        | ValueNone -> Hash32.zero

    /// Answers external effects from the receipt's journal: the entry at the same place, or else the next one that asked the same.
    let private provider (journal: JournalEntry[]) (count: unit -> int) =
        let kept claim (e: JournalEntry) =
            match e.Effect, e.Reply with
            | Effect.External(ExternalEffect.DeclareState asked), JournalReply.Kept(Reply.Bytes value) when asked = claim -> Some value
            | _ -> None

        {
            new IExternalProvider with
                member _.DeclareState(_, claim) =
                    let at = count ()

                    Seq.append (journal |> Seq.skip (min at journal.Length)) journal
                    |> Seq.tryPick (kept claim)
                    |> Option.map (fun value -> { Value = value; Evidence = [||] })
                    |> Option.toValueOption
        }

    /// The same for skills.
    let private skills (journal: JournalEntry[]) (count: unit -> int) =
        let kept effect (e: JournalEntry) =
            match e.Reply with
            | JournalReply.Kept reply when e.Effect = Effect.Skill effect -> Some(Ports.skillAnswer reply)
            | _ -> None

        {
            new ISkillProvider with
                member _.Answer(_, effect, _) =
                    Seq.append (journal |> Seq.skip (min (count ()) journal.Length)) journal
                    |> Seq.tryPick (kept effect)
                    |> Option.defaultValue (SkillAnswer.Failed SkillError.Unavailable)
        }

    /// The same for registered functions.
    let private functions (journal: JournalEntry[]) (count: unit -> int) (asked: unit -> Effect) =
        let next () =
            let effect, at = asked (), count ()

            Seq.append (journal |> Seq.skip (min at journal.Length)) journal
            |> Seq.tryFind (fun e -> e.Effect = effect)
            |> Option.map HostJournal.answer
            |> Option.defaultValue ValueNone

        HostJournal.functions next ignore

    /// Collects while the run goes.
    [<Sealed>]
    type private Observer(gas: int64, look: IWasmInstance -> unit) =
        let seen = List<Seen>()
        let mutable asked = gas
        let mutable effect = Effect.External ExternalEffect.ReadReply
        let mutable probe: Probe voption = ValueNone
        let mutable poolHit = false
        member _.Count = seen.Count
        member _.Asked = effect
        member _.PoolHit = poolHit
        member _.Probe = probe

        interface IWitness with
            member _.Began(_, hit) = poolHit <- hit

            member _.Before(_, e, gasLeft) =
                effect <- e
                asked <- gasLeft

            member _.After(entry, answer) = seen.Add { Effect = entry.Effect; Answer = answer; GasUsed = gas - asked }

            member _.Ended(run, instance, result) =
                let digests = instance.Digests()

                let wanted, memories, tables, callers =
                    match instance with
                    | :? IInspectable as i -> i.GasWanted, List.ofArray i.MemorySizes, List.ofArray i.TableSizes, List.ofArray i.Callers
                    | _ -> -1L, [], [], []

                let outcome, text =
                    match result.End with
                    | RunEnd.Fault f -> None, $"fault: {f}"
                    | ended ->
                        let struct (outcome, _) = Stages.outcome run.Convention ended
                        Some outcome, Outcome.describe outcome

                probe <-
                    ValueSome {
                        End = text
                        Outcome = outcome
                        GasUsed = result.GasUsed
                        Wanted = wanted
                        Effects = seen.ToArray()
                        Draft = Encoding.digest Encoding.writeDraft run.Draft
                        Memory = hash digests.Memory
                        Globals = hash digests.Globals
                        Rest = hash (instance.ResetDigest())
                        MemorySizes = memories
                        TableSizes = tables
                        Where = instance.Where()
                        Callers = callers
                    }

                look instance

    /// Runs the request with at most this gas. `look` sees the instance before it is reset. The bool: the instance had been used before.
    let run
        (m: Machinery)
        (token: CancellationToken)
        (wrap: IStateView -> IStateView)
        (look: IWasmInstance -> unit)
        (gas: int64)
        (recorded: Recorded)
        : Result<struct (Probe * bool), string> =
        let receipt = recorded.Receipt
        let observer = Observer(gas, look)
        let view = RecordedView receipt.Reads

        let script (_: ValidRequest) = {
            View = wrap view
            Provider = provider recorded.Journal (fun () -> observer.Count)
            Functions = functions recorded.Journal (fun () -> observer.Count) (fun () -> observer.Asked)
            Skills = skills recorded.Journal (fun () -> observer.Count)
            Witness = observer
            WasiHost =
                ReplayedHost(fun () ->
                    match recorded.Journal |> Array.tryItem observer.Count with
                    | Some { Reply = JournalReply.Kept(Reply.Wasi(_, answered)) } -> answered
                    | _ -> [||])
            GiveUp = null
        }

        let request = { receipt.Request with Policy = { receipt.Request.Policy with Gas = gas } }
        let result = Pipeline.run m script token (Request.recorded request recorded.Bytes view m.ReplayDeadline)

        match observer.Probe, result with
        | ValueSome probe, _ ->
            let ended =
                if isNull view.Missing then
                    probe.End
                else
                    $"it asked for what the receipt does not hold: {view.Missing}"

            Ok(struct ({ probe with End = ended }, observer.PoolHit))
        | ValueNone, Error refusal -> Error(string refusal)
        | ValueNone, Ok _ -> Error "the run was not seen"

    // ---- comparing

    /// How many effects two probes made alike from the start, answers included.
    let commonEffects (gasToo: bool) (a: Probe) (b: Probe) : int =
        let same (x: Seen) (y: Seen) = x.Effect = y.Effect && x.Answer = y.Answer && (not gasToo || x.GasUsed = y.GasUsed)
        let mutable n = 0

        while n < a.Effects.Length && n < b.Effects.Length && same a.Effects[n] b.Effects[n] do
            n <- n + 1

        n

    let private sameEffects gasToo (a: Probe) (b: Probe) =
        a.Effects.Length = b.Effects.Length && commonEffects gasToo a b = a.Effects.Length

    let private sameWanted (a: Probe) (b: Probe) = a.Wanted < 0L || b.Wanted < 0L || a.Wanted = b.Wanted

    let private sameWhere (a: Probe) (b: Probe) =
        match a.Where, b.Where with
        | ValueSome x, ValueSome y -> x = y
        | _ -> true

    /// Ends, effects and draft: what a run shows of itself.
    let sameActs (a: Probe) (b: Probe) =
        a.End = b.End && a.GasUsed = b.GasUsed && sameWanted a b && sameWhere a b && sameEffects true a b && a.Draft = b.Draft

    // An engine that shows nothing of its instances has no sizes; the digest of the memories holds theirs all the same.
    let private sameSizes (a: uint64 list) (b: uint64 list) = a.IsEmpty || b.IsEmpty || a = b

    /// What it leaves.
    let sameState (a: Probe) (b: Probe) =
        a.Memory = b.Memory
        && a.Globals = b.Globals
        && sameSizes a.MemorySizes b.MemorySizes
        && sameSizes a.TableSizes b.TableSizes

    let same (a: Probe) (b: Probe) = sameActs a b && sameState a b

    /// Everything but gas.
    let sameButGas (a: Probe) (b: Probe) = a.End = b.End && sameEffects false a b && a.Draft = b.Draft && sameState a b
