namespace Twofold.Engine

// Performs effects: decide says what happens, this does it. The only file that does I/O, and only for external effects, through a port.
// In: one run's context and an effect. Out: the reply; the draft, the journal and the log have grown.

open System
open System.Collections.Generic
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open Twofold.Wasm
open Twofold.Wasm.Validation
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
    (
        request: RecordedRequest,
        view: IStateView,
        provider: IExternalProvider,
        functions: IHostFunctions,
        skills: ISkillProvider,
        witness: IWitness,
        heapBase: uint32 voption,
        modul: ValidModule,
        deadline: TimeSpan,
        cancellation: CancellationToken,
        wasiHost: IWasiHost,
        giveUp: Action<EngineFault>
    ) =
    let call = Request.callContext request
    let started = Stopwatch.GetTimestamp()
    let gate = obj ()
    let mutable written = 0L
    let mutable stop: CancellationTokenSource = null

    let mutable over = false

    let arm () =
        let source = CancellationTokenSource.CreateLinkedTokenSource cancellation

        if deadline > TimeSpan.Zero then
            let left = deadline - Stopwatch.GetElapsedTime started

            if left <= TimeSpan.Zero then
                source.Cancel()
            else
                source.CancelAfter(min left (TimeSpan.FromMilliseconds(float Int32.MaxValue)))

        source

    // Made when first asked for: most runs wait for nothing, and a timer costs more than a small run.
    let stopping () =
        lock gate (fun () ->
            if over then
                CancellationToken true
            else
                if isNull stop then
                    stop <- arm ()

                stop.Token)

    // Calls of the host's functions and ports by number, and the one that has the guest's thread now; 0: the guest itself.
    let mutable trips = 0
    let mutable out = 0
    let mutable watched = false
    let mutable givenUp = false
    // What a function of the host starts is nested in this run, and must not wait for it.
    let mutable marked = false
    let mutable before = false
    let current () = Volatile.Read &out

    /// Once the run must end: a function that still has the guest's thread two looks later is not going to give it back, as far as anybody can tell. Guests that
    /// compute are interrupted by their engine, and waits for tasks end by themselves.
    let watch () : Task =
        task {
            let mutable last = 0
            let mutable looking = true

            while looking do
                do! Task.Delay 250
                let now = current ()

                let stuck =
                    lock gate (fun () ->
                        givenUp <- not over && now <> 0 && now = last
                        givenUp)

                looking <- not (stuck || over)
                last <- now

                if stuck then
                    giveUp.Invoke(
                        if cancellation.IsCancellationRequested then
                            EngineFault.Cancelled
                        else
                            EngineFault.Deadline deadline
                    )
        }

    /// A function or port of the host gets the guest's thread. When it keeps it beyond the run's end, whoever waits is told (`giveUp`).
    member _.WentOut() =
        trips <- trips + 1
        Volatile.Write(&out, trips)

        if not marked then
            marked <- true
            before <- InstanceGate.Nested
            InstanceGate.Nested <- true

        if not watched && not (isNull giveUp) then
            watched <- true

            stopping()
                .Register(fun () ->
                    if not over then
                        watch () |> ignore)
            |> ignore

    /// The guest has its thread again.
    member _.CameBack() = Volatile.Write(&out, 0)
    /// Nobody waits for the run any more: it ends as soon as it can.
    member _.GivenUp = Volatile.Read &givenUp

    /// Asks the outside.
    member this.Outside(ask: unit -> 'T) : 'T =
        this.WentOut()

        try
            ask ()
        finally
            this.CameBack()

    member _.Call = call
    member _.Convention = request.Convention
    member _.View = view
    member _.Provider = provider
    /// Who answers registered functions.
    member _.Functions = functions
    /// Who answers skills.
    member _.Skills = skills
    /// The guest's module.
    member _.Module = modul
    /// Set when the run is cancelled or its deadline has passed: for ports that wait.
    member _.Stopping = stopping ()
    member _.Witness = witness
    /// The WASI world, made when its first function is called.
    member val Wasi = WasiLink(request, wasiHost, stopping)
    member _.JournalLimit = request.Policy.Run.JournalBytes
    member val Draft = Draft.initial call with get, set
    member val Journal = List<JournalEntry>()
    member val JournalWeight = 0L with get, set
    member val Log = List<struct (int * string)>()
    /// What get_last_error answers.
    member val LastError = 0 with get, set
    /// What last_error of `cis` answers.
    member val LastCode = 0 with get, set
    /// Where the guest's own data ends, when it says so.
    member _.HeapBase = heapBase
    /// Where the host's allocator begins in this guest's memory; its first use decides.
    member val HeapStart: uint64 voption = ValueNone with get, set

    /// Counts bytes of output (log lines, standard output and error), or traps when the limit is passed. After the entry of the effect that writes was kept.
    member _.CountOutput(bytes: int) =
        let limit = request.Policy.Run.OutputBytes

        if int64 bytes > limit - written then
            raise (TrapException(enum<TrapCode> HostTrap.OutputFull, uint64 bytes, uint64 written, uint64 limit))

        written <- written + int64 bytes

    interface IDisposable with
        // Whatever still waits for this run need not go on.
        member _.Dispose() =
            if marked then
                InstanceGate.Nested <- before

            let last =
                lock gate (fun () ->
                    over <- true
                    stop)

            if not (isNull last) then
                last.Cancel()
                last.Dispose()

module internal Interpreter =
    /// Adds to the journal's weight, or traps.
    let weigh (run: RunContext) (weight: uint64) =
        if weight > uint64 (run.JournalLimit - run.JournalWeight) then
            raise (TrapException(enum<TrapCode> HostTrap.JournalFull, weight, uint64 run.JournalWeight, uint64 run.JournalLimit))

        run.JournalWeight <- run.JournalWeight + int64 weight

    /// Makes room for an entry, or traps. Before any byte is read, so that it also bounds what a host call copies.
    let reserve (run: RunContext) (bytes: uint64) = weigh run (uint64 Journal.EntryWeight + bytes)

    /// The context that decide sees: with what the outside answered, when it was asked.
    let private askOutside (run: RunContext) (effect: Effect) : CallContext =
        match effect with
        | Effect.External(ExternalEffect.DeclareState claim) when run.Call.Claims |> List.forall (fun c -> c.Claim <> claim) ->
            match run.Outside(fun () -> run.Provider.DeclareState(run.Call, claim)) with
            | ValueSome answer -> { run.Call with Claims = [ { Claim = claim; Value = answer.Value; Evidence = answer.Evidence } ] }
            | ValueNone -> run.Call
        | _ -> run.Call

    /// What a skill's effect is answered: by the rules, or by whoever is outside.
    let private skill (run: RunContext) (effect: SkillEffect) =
        let outside =
            match effect, CisDecide.refusal run.Call effect with
            | SkillEffect.ReadReply, _ -> SkillAnswer.Done
            | _, ValueSome error -> SkillAnswer.Failed error
            | _, ValueNone ->
                let token = run.Stopping

                try
                    token.ThrowIfCancellationRequested()
                    run.Outside(fun () -> run.Skills.Answer(run.Call, effect, token))
                with :? OperationCanceledException when token.IsCancellationRequested ->
                    // The run is over, as if the guest itself had been stopped.
                    raise (GuestInterruptedException "stopped while it waited for the outside")

        CisDecide.run run.Call run.Draft effect outside

    let private logged (run: RunContext) (effect: Effect) =
        match effect with
        | Effect.Event(EventEffect.Log(level, text)) ->
            run.Log.Add(struct (level, text))
            run.CountOutput(Text.Encoding.UTF8.GetByteCount text + 1)
        | _ -> ()

    /// An effect is about to be performed.
    let began (run: RunContext) (gasLeft: int64) (effect: Effect) =
        if not (isNull run.Witness) then
            run.Witness.Before(run.Journal.Count, effect, gasLeft)

    /// An effect was answered.
    let answered (run: RunContext) (gasLeft: int64) (effect: Effect) (answer: Answer) : JournalEntry =
        let entry = { Index = run.Journal.Count; Effect = effect; Reply = Journal.reply effect answer; GasLeft = gasLeft }
        run.Journal.Add entry

        if not (isNull run.Witness) then
            run.Witness.After(entry, answer)

        entry

    /// Performs one effect: journaled, whatever it answers.
    let perform (run: RunContext) (gasLeft: int64) (effect: Effect) : Result<Reply, HostErrorCode> =
        began run gasLeft effect

        let answer =
            let decided =
                match effect with
                | Effect.Skill e -> Ok(skill run e)
                | _ -> Decide.run (askOutside run effect) run.View run.Draft effect

            match decided with
            | Ok(reply, events) ->
                run.Draft <- Draft.fold run.Draft events
                Ok reply
            | Error code -> Error code

        let entry = answered run gasLeft effect answer

        if answer.IsOk then
            logged run effect

        // After the entry is kept: replay needs an outside answer even when it is the one that fills the journal.
        match entry.Reply with
        | JournalReply.Kept(Reply.Bytes bytes) -> weigh run (uint64 bytes.Length)
        | _ -> ()

        answer

    // Most calls succeed and have nothing to say, or fail for one of few reasons.
    let private plain = Array.init 128 (fun errno -> JournalReply.Kept(Reply.Wasi(uint16 errno, [||])))

    let private wasiReply (f: WasiFunction) (errno: uint16) (answered: byte[]) (reply: ReadOnlyMemory<byte>) =
        if not (isNull answered) then JournalReply.Kept(Reply.Wasi(errno, answered))
        elif reply.Length = 0 && int errno < plain.Length then plain[int errno]
        elif WasiRun.KeepsReply f then JournalReply.Kept(Reply.Wasi(errno, reply.ToArray()))
        else JournalReply.Kept(Reply.Wasi(errno, BitConverter.GetBytes(uint32 reply.Length)))

    /// Performs a WASI effect against the run's world: journaled, whatever it answers. `data` is what the guest wrote. What the host answered is
    /// kept whole, for replay; of what follows from the request, small replies and the length of others.
    let performWasi (run: RunContext) (gasLeft: int64) (f: WasiFunction) (effect: WasiEffect) (data: ReadOnlyMemory<byte>) : uint16 =
        let index = run.Journal.Count
        let whole = Effect.Wasi effect

        if not (isNull run.Witness) then
            run.Witness.Before(index, whole, gasLeft)

        let mutable overflow: TrapException = null

        let errno =
            try
                run.Wasi.Run.Perform(effect, data, run.Wasi.Gas - gasLeft)
            with
            | OutputOverflow(wanted, before, limit) ->
                // Its entry is kept first, as that of every effect that ends a run: the replay ends there as well.
                overflow <- TrapException(enum<TrapCode> HostTrap.OutputFull, uint64 wanted, uint64 before, uint64 limit)
                Errno.Success
            // A port that waited was stopped: by the caller, or by the deadline.
            | :? OperationCanceledException when run.Stopping.IsCancellationRequested ->
                raise (GuestInterruptedException "the host was waited for")

        let answered = run.Wasi.Answered()
        let reply = wasiReply f errno answered run.Wasi.Run.Reply
        let entry = { Index = index; Effect = whole; Reply = reply; GasLeft = gasLeft }
        run.Journal.Add entry

        if not (isNull run.Witness) then
            match reply with
            | JournalReply.Kept kept -> run.Witness.After(entry, Ok kept)
            | _ -> ()

        if not (isNull overflow) then
            raise overflow

        if not (isNull answered) then
            weigh run (uint64 answered.Length)

        match effect with
        | WasiEffect.ProcExit status -> raise (TrapException(enum<TrapCode> HostTrap.Exit, uint64 status))
        | _ -> errno
