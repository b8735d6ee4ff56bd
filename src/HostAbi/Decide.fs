namespace Twofold.HostAbi

// What an effect does: the rules of state, value and limits, and nothing else. Pure.
// In: the request, the view, the draft so far and one effect. Out: the reply and the draft's changes, or the code why not (then nothing changes).

open System

/// The rules.
module Decide =
    let private limit (code: HostErrorCode) (most: int) (bytes: byte[]) = if bytes.Length > most then Error code else Ok()

    let private ok reply events : Result<Reply * DraftEvent list, HostErrorCode> = Ok(reply, events)
    let private ask reply = ok reply []

    let private context (ctx: CallContext) (view: IStateView) (draft: Draft) (effect: ContextEffect) =
        match effect with
        | ContextEffect.CurrentTransaction -> ask (Reply.Handle 1u)
        | ContextEffect.TransactionId -> ask (Reply.Bytes ctx.TransactionId.Bytes)
        | ContextEffect.Caller -> ask (Reply.Bytes ctx.Caller.Bytes)
        | ContextEffect.ContractAddress -> ask (Reply.Bytes ctx.Contract.Bytes)
        | ContextEffect.ParamsLength -> ask (Reply.Length(uint32 ctx.Params.Length))
        | ContextEffect.Params -> ask (Reply.Bytes ctx.Params)
        | ContextEffect.BlockHeight -> ask (Reply.Number ctx.Block.Height)
        | ContextEffect.Timestamp -> ask (Reply.Number ctx.Block.Timestamp)
        | ContextEffect.BlockHash height ->
            match Map.tryFind height ctx.Block.Hashes with
            | Some hash -> ask (Reply.Bytes hash.Bytes)
            | None ->
                match view.BlockHash height with
                | ValueSome hash -> ask (Reply.Bytes hash.Bytes)
                | ValueNone -> Error HostErrorCode.NotFound
        | ContextEffect.Random length ->
            match ctx.RandomSeed with
            | None -> Error HostErrorCode.RandomUnavailable
            | Some _ when length > uint32 ctx.Limits.RandomBytes -> Error HostErrorCode.InvalidParameter
            | Some seed ->
                let bytes = Random.bytes seed ctx.TransactionId draft.Scratch.RandomDrawn (int length)
                ok (Reply.Bytes bytes) [ DraftEvent.RandomDrawn length ]

    let private checkKey (ctx: CallContext) (key: StateKey) =
        if key.Bytes.Length = 0 then
            Error HostErrorCode.InvalidParameter
        else
            limit HostErrorCode.KeyTooLong ctx.Limits.KeyBytes key.Bytes

    /// The value under a key as the run sees it: its own writes first.
    let private current (ctx: CallContext) (view: IStateView) (draft: Draft) (key: StateKey) =
        match Map.tryFind key draft.Writes with
        | Some(StateWrite.Put value) -> ValueSome value
        | Some StateWrite.Delete -> ValueNone
        | None -> view.State(ctx.Contract, key)

    let private state (ctx: CallContext) (view: IStateView) (draft: Draft) (effect: StateEffect) =
        let find key found =
            checkKey ctx key
            |> Result.bind (fun () ->
                match current ctx view draft key with
                | ValueSome value -> found value
                | ValueNone -> Error HostErrorCode.NotFound)

        match effect with
        | StateEffect.Length key -> find key (fun value -> ask (Reply.Length(uint32 value.Length)))
        | StateEffect.Get key -> find key (fun value -> ask (Reply.Bytes value))
        | StateEffect.Exists key -> checkKey ctx key |> Result.bind (fun () -> ask (Reply.Flag (current ctx view draft key).IsSome))
        | StateEffect.Set(key, value) ->
            checkKey ctx key
            |> Result.bind (fun () -> limit HostErrorCode.ValueTooLong ctx.Limits.ValueBytes value)
            |> Result.bind (fun () -> ok Reply.Done [ DraftEvent.StateWritten(key, StateWrite.Put value) ])
        | StateEffect.Delete key -> find key (fun _ -> ok Reply.Done [ DraftEvent.StateWritten(key, StateWrite.Delete) ])

    /// Refuses events that would take the draft above its limits on inputs and outputs.
    let private within (ctx: CallContext) (draft: Draft) (events: DraftEvent list) =
        let mutable inputs = draft.Inputs.Count
        let mutable outputs = draft.Outputs.Count

        for event in events do
            match event with
            | DraftEvent.InputSpent _ -> inputs <- inputs + 1
            | DraftEvent.OutputAdded _ -> outputs <- outputs + 1
            | DraftEvent.OutputTaken _ -> outputs <- outputs - 1
            | _ -> ()

        if inputs > ctx.Limits.Inputs then Error HostErrorCode.TooManyInputs
        elif outputs > ctx.Limits.Outputs then Error HostErrorCode.TooManyOutputs
        else Ok events

    /// A recorded total that would not fit 64 bits is refused.
    let private addTotal (totals: Map<TokenId, uint64>) token amount event =
        match Map.tryFind token totals with
        | Some before when amount > UInt64.MaxValue - before -> Error HostErrorCode.Overflow
        | _ -> Ok event

    let private numbered (draft: Draft) (outputs: AssetOutput list) =
        outputs |> List.mapi (fun i o -> DraftEvent.OutputAdded(draft.NextOutput + uint32 i, o))

    /// One output: minted when the token is the contract's own, otherwise paid from what the contract owns, the change going back to it.
    let private create (ctx: CallContext) (view: IStateView) (draft: Draft) (output: AssetOutput) : Result<DraftEvent list, HostErrorCode> =
        if output.Amount = 0UL then
            Error HostErrorCode.InvalidAmount
        elif output.Owner.IsZero then
            Error HostErrorCode.InvalidAddress
        else
            match output.Token with
            | TokenId.Of(issuer, _) when issuer = ctx.Contract ->
                DraftEvent.Minted(output.Token, output.Amount)
                |> addTotal draft.Minted output.Token output.Amount
                |> Result.bind (fun minted -> within ctx draft (minted :: numbered draft [ output ]))
            | _ ->
                Selection.choose ctx view draft ctx.Contract output.Token output.Amount
                |> Result.bind (fun spending ->
                    within ctx draft (spending.Consumed @ numbered draft (output :: Option.toList spending.Change)))

    let private utxo (ctx: CallContext) (view: IStateView) (draft: Draft) (effect: UtxoEffect) =
        match effect with
        | UtxoEffect.Balance(owner, token) -> Selection.balance view draft owner token |> Result.bind (fun sum -> ask (Reply.Number sum))
        | UtxoEffect.Transfer(_, _, 0UL, _) -> Error HostErrorCode.InvalidAmount
        | UtxoEffect.Transfer(from, recipient, amount, token) ->
            Selection.choose ctx view draft from token amount
            |> Result.bind (fun spending ->
                let change = Option.toList spending.Change

                if recipient.IsZero then
                    DraftEvent.Burned(token, amount)
                    |> addTotal draft.Burned token amount
                    |> Result.bind (fun burned -> within ctx draft (spending.Consumed @ burned :: numbered draft change))
                else
                    let payment = { Owner = recipient; Token = token; Amount = amount; Lock = Lock.None }

                    within ctx draft (spending.Consumed @ numbered draft (payment :: change)))
            |> Result.bind (ok Reply.Done)

    /// All outputs of a batch, or the error of the first that cannot be.
    let private batch (ctx: CallContext) (view: IStateView) (draft: Draft) (outputs: AssetOutput list) =
        if outputs.Length > ctx.Limits.BatchOutputs then
            Error HostErrorCode.TooManyOutputs
        else
            let rec go draft events rest =
                match rest with
                | [] -> ok (Reply.Count(uint32 outputs.Length)) (List.concat (List.rev events))
                | output :: rest ->
                    match create ctx view draft output with
                    | Ok more -> go (Draft.fold draft more) (more :: events) rest
                    | Error code -> Error code

            go draft [] outputs

    let private output (ctx: CallContext) (view: IStateView) (draft: Draft) (effect: OutputEffect) =
        let created output = create ctx view draft output |> Result.bind (ok (Reply.Handle(draft.NextOutput + 1u)))

        match effect with
        | OutputEffect.Create(owner, amount, token) -> created { Owner = owner; Token = token; Amount = amount; Lock = Lock.None }
        | OutputEffect.CreateLocked output -> created output
        | OutputEffect.Batch outputs -> batch ctx view draft outputs
        | OutputEffect.AppendState o ->
            if o.Id.Length = 0 then
                Error HostErrorCode.InvalidParameter
            elif o.Id.Length > ctx.Limits.KeyBytes then
                Error HostErrorCode.KeyTooLong
            elif o.Data.Length > ctx.Limits.ValueBytes || o.Proof.Length > ctx.Limits.ValueBytes then
                Error HostErrorCode.ValueTooLong
            elif draft.StateOutputs.Count >= ctx.Limits.Outputs then
                Error HostErrorCode.TooManyOutputs
            elif draft.StateOutputs |> Sequence.exists (fun s -> s.Version = o.Version && s.Id = o.Id) then
                Error HostErrorCode.AlreadyExists
            else
                ok (Reply.Handle(uint32 draft.StateOutputs.Count + 1u)) [ DraftEvent.StateOutputAdded o ]
        | OutputEffect.AppendResource o ->
            if o.Metadata.Length > ctx.Limits.ValueBytes then
                Error HostErrorCode.ValueTooLong
            elif draft.ResourceOutputs.Count >= ctx.Limits.Outputs then
                Error HostErrorCode.TooManyOutputs
            elif draft.ResourceOutputs |> Sequence.exists (fun r -> r.Hash = o.Hash && r.Kind = o.Kind) then
                Error HostErrorCode.AlreadyExists
            else
                ok (Reply.Handle(uint32 draft.ResourceOutputs.Count + 1u)) [ DraftEvent.ResourceOutputAdded o ]
        | OutputEffect.ReturnData data ->
            limit HostErrorCode.ReturnDataTooLong ctx.Limits.ReturnDataBytes data
            |> Result.bind (fun () -> ok Reply.Done [ DraftEvent.ReturnDataSet data ])

    let private event (ctx: CallContext) (effect: EventEffect) =
        match effect with
        | EventEffect.Emit(name, data) ->
            if int64 (Text.Encoding.UTF8.GetByteCount name) + int64 data.Length > int64 ctx.Limits.EventBytes then
                Error HostErrorCode.EventTooLong
            else
                ok Reply.Done [ DraftEvent.EventEmitted { Name = name; Data = data } ]
        | EventEffect.Log(_, text) ->
            if Text.Encoding.UTF8.GetByteCount text > ctx.Limits.EventBytes then
                Error HostErrorCode.EventTooLong
            else
                ask Reply.Done

    let private external (ctx: CallContext) (draft: Draft) (effect: ExternalEffect) =
        match effect with
        | ExternalEffect.DeclareState claim ->
            match ctx.Claims |> List.tryFind (fun c -> c.Claim = claim) with
            | Some declared -> ok (Reply.Bytes declared.Value) [ DraftEvent.ReplyKept declared.Value ]
            | None -> Error HostErrorCode.ClaimNotDeclared
        | ExternalEffect.ReadReply ->
            match draft.Scratch.LastReply with
            | Some reply -> ask (Reply.Bytes reply)
            | None -> Error HostErrorCode.NoReply

    /// What one effect answers and changes, or why it cannot be.
    let run (ctx: CallContext) (view: IStateView) (draft: Draft) (effect: Effect) : Result<Reply * DraftEvent list, HostErrorCode> =
        match effect with
        | Effect.Context e -> context ctx view draft e
        | Effect.State e -> state ctx view draft e
        | Effect.Utxo e -> utxo ctx view draft e
        | Effect.Output e -> output ctx view draft e
        | Effect.Event e -> event ctx e
        | Effect.External e -> external ctx draft e
        // Whoever asks the outside for skills gives its answer to CisDecide; here nobody has asked.
        | Effect.Skill e -> Ok(CisDecide.run ctx draft e (SkillAnswer.Failed SkillError.Unavailable))
        // A run's WASI world performs these: nothing of it is in a draft.
        | Effect.Wasi _ -> Error HostErrorCode.InvalidParameter
        // Answered by the registered function, which knows of no draft.
        | Effect.Host _ -> invalidOp "a registered function decides for itself"

    /// How many things an effect has to look at, for Price.PerItem: known before it is decided.
    let weight (ctx: CallContext) (view: IStateView) (draft: Draft) (effect: Effect) : uint64 =
        let paid (token: TokenId) =
            match token with
            | TokenId.Of(issuer, _) when issuer = ctx.Contract -> 0UL
            | _ -> Selection.work view draft ctx.Contract token

        match effect with
        | Effect.Utxo(UtxoEffect.Balance(owner, token)) -> Selection.work view draft owner token
        | Effect.Utxo(UtxoEffect.Transfer(from, _, _, token)) -> Selection.work view draft from token
        | Effect.Output(OutputEffect.Create(_, _, token)) -> paid token
        | Effect.Output(OutputEffect.CreateLocked o) -> paid o.Token
        | Effect.Output(OutputEffect.Batch outputs) ->
            // Each output paid for by the contract may look at what the ones before it created.
            let costs = outputs |> List.map (fun o -> paid o.Token)
            let paying = costs |> List.filter (fun c -> c > 0UL) |> List.length |> uint64
            List.sum costs + paying * uint64 outputs.Length
        | Effect.Output(OutputEffect.AppendState _) -> uint64 draft.StateOutputs.Count
        | Effect.Output(OutputEffect.AppendResource _) -> uint64 draft.ResourceOutputs.Count
        | _ -> 0UL
