namespace Twofold.Engine

// Performs effects: decide says what happens, this does it. The only file that does I/O, and only for external effects, through a port.
// In: one run's context and an effect. Out: the reply; the draft, the journal and the log have grown.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.HostAbi

/// Looks on while a run goes; replays and audits compare here.
[<AllowNullLiteral>]
type internal IWitness =
    /// Before the run: whether the module was loaded already, and whether the instance was used before.
    abstract Began: cacheHit: bool * poolHit: bool -> unit
    /// Before an effect is performed. May throw to stop the run.
    abstract Before: index: int * effect: Effect * gasLeft: int64 -> unit
    /// After its entry was made. May throw to stop the run.
    abstract After: entry: JournalEntry * answer: Answer -> unit
    /// After the run, faults included, while the instance is as the run left it.
    abstract Ended: run: RunContext * instance: IWasmInstance * result: RunResult -> unit

/// Everything that changes during one run on the host's side; made for the run and dropped with it, so nothing of it can reach the next.
and [<Sealed; AllowNullLiteral>] internal RunContext
    (request: RecordedRequest, view: IStateView, provider: IExternalProvider, witness: IWitness, heapBase: uint32 voption) =
    let call = Request.callContext request
    member _.Call = call
    member _.Convention = request.Convention
    member _.View = view
    member _.Provider = provider
    member _.Witness = witness
    member _.JournalLimit = request.Policy.Run.JournalBytes
    member val Draft = Draft.initial call with get, set
    member val Journal = List<JournalEntry>()
    member val JournalWeight = 0L with get, set
    member val Log = List<struct (int * string)>()
    /// What get_last_error answers.
    member val LastError = 0 with get, set
    /// Where the guest's own data ends, when it says so.
    member _.HeapBase = heapBase
    /// Where the host's allocator begins in this guest's memory; its first use decides.
    member val HeapStart: uint64 voption = ValueNone with get, set

module internal Interpreter =
    /// Adds to the journal's weight, or traps.
    let private weigh (run: RunContext) (weight: uint64) =
        if weight > uint64 (run.JournalLimit - run.JournalWeight) then
            raise (TrapException(enum<TrapCode> HostTrap.JournalFull, weight, uint64 run.JournalWeight, uint64 run.JournalLimit))

        run.JournalWeight <- run.JournalWeight + int64 weight

    /// Makes room for an entry, or traps. Before any byte is read, so that it also bounds what a host call copies.
    let reserve (run: RunContext) (bytes: uint64) = weigh run (uint64 Journal.EntryWeight + bytes)

    /// The context that decide sees: with what the outside answered, when it was asked.
    let private askOutside (run: RunContext) (effect: Effect) : CallContext =
        match effect with
        | Effect.External(ExternalEffect.DeclareState claim) when run.Call.Claims |> List.forall (fun c -> c.Claim <> claim) ->
            match run.Provider.DeclareState(run.Call, claim) with
            | ValueSome answer -> { run.Call with Claims = [ { Claim = claim; Value = answer.Value; Evidence = answer.Evidence } ] }
            | ValueNone -> run.Call
        | _ -> run.Call

    let private logged (run: RunContext) (effect: Effect) =
        match effect with
        | Effect.Event(EventEffect.Log(level, text)) -> run.Log.Add(struct (level, text))
        | _ -> ()

    /// Performs one effect: journaled, whatever it answers.
    let perform (run: RunContext) (gasLeft: int64) (effect: Effect) : Result<Reply, HostErrorCode> =
        let index = run.Journal.Count

        if not (isNull run.Witness) then
            run.Witness.Before(index, effect, gasLeft)

        let answer =
            match Decide.run (askOutside run effect) run.View run.Draft effect with
            | Ok(reply, events) ->
                run.Draft <- Draft.fold run.Draft events
                logged run effect
                Ok reply
            | Error code -> Error code

        let entry = { Index = index; Effect = effect; Reply = Journal.reply effect answer; GasLeft = gasLeft }

        run.Journal.Add entry

        if not (isNull run.Witness) then
            run.Witness.After(entry, answer)

        // After the entry is kept: replay needs an outside answer even when it is the one that fills the journal.
        match entry.Reply with
        | JournalReply.Kept(Reply.Bytes bytes) -> weigh run (uint64 bytes.Length)
        | _ -> ()

        answer
