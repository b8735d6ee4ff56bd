namespace Twofold.HostAbi

// From the inputs of a call to its effect: the forms of addresses, tokens, locks and texts are checked here, left to right.
// In: a row's effect kind and the inputs that Marshal read. Out: an effect, or the code of the first argument that is malformed.

open System
open FsToolkit.ErrorHandling

/// Making effects.
module Call =
    let private address (bytes: byte[]) =
        match Address.tryOfBytes (ReadOnlySpan bytes) with
        | ValueSome a -> Ok a
        | ValueNone -> Error HostErrorCode.InvalidAddress

    let private token (bytes: byte[]) =
        match TokenId.tryOfBytes (ReadOnlySpan bytes) with
        | ValueSome t -> Ok t
        | ValueNone -> Error HostErrorCode.InvalidToken

    let private text (bytes: byte[]) =
        match Utf8.tryText (ReadOnlySpan bytes) with
        | ValueSome t -> Ok t
        | ValueNone -> Error HostErrorCode.InvalidUtf8

    let private hash (bytes: byte[]) =
        match Hash32.tryOfBytes (ReadOnlySpan bytes) with
        | ValueSome h -> Ok h
        | ValueNone -> Error HostErrorCode.InvalidParameter

    let private context e = Ok(Effect.Context e)
    let private state make (key: byte[]) = Ok(Effect.State(make (StateKey key)))
    let private output = Result.map Effect.Output

    /// The effect that a call asks for. Inputs that do not match the row, which the table's tests exclude, are an InvalidParameter.
    let decode (kind: EffectKind) (inputs: Input list) : Result<Effect, HostErrorCode> =
        match kind, inputs with
        | EffectKind.CurrentTransaction, [] -> context ContextEffect.CurrentTransaction
        | EffectKind.TransactionId, [] -> context ContextEffect.TransactionId
        | EffectKind.Caller, [] -> context ContextEffect.Caller
        | EffectKind.ContractAddress, [] -> context ContextEffect.ContractAddress
        | EffectKind.ParamsLength, [] -> context ContextEffect.ParamsLength
        | EffectKind.Params, [] -> context ContextEffect.Params
        | EffectKind.BlockHeight, [] -> context ContextEffect.BlockHeight
        | EffectKind.Timestamp, [] -> context ContextEffect.Timestamp
        | EffectKind.BlockHash, [ Input.Value height ] -> context (ContextEffect.BlockHash height)
        | EffectKind.Random, [ Input.Value length ] -> context (ContextEffect.Random(uint32 length))
        | EffectKind.StateLength, [ Input.Bytes key ] -> state StateEffect.Length key
        | EffectKind.StateGet, [ Input.Bytes key ] -> state StateEffect.Get key
        | EffectKind.StateExists, [ Input.Bytes key ] -> state StateEffect.Exists key
        | EffectKind.StateDelete, [ Input.Bytes key ] -> state StateEffect.Delete key
        | EffectKind.StateSet, [ Input.Bytes key; Input.Bytes value ] -> state (fun key -> StateEffect.Set(key, value)) key
        | EffectKind.Balance, [ Input.Bytes owner; Input.Bytes id ] ->
            result {
                let! owner = address owner
                let! id = token id
                return Effect.Utxo(UtxoEffect.Balance(owner, id))
            }
        | EffectKind.Transfer, [ Input.Bytes from; Input.Bytes recipient; Input.Value amount; Input.Bytes id ] ->
            result {
                let! from = address from
                let! recipient = address recipient
                let! id = token id
                return Effect.Utxo(UtxoEffect.Transfer(from, recipient, amount, id))
            }
        | EffectKind.CreateOutput, [ Input.Bytes owner; Input.Value amount; Input.Bytes id ] ->
            result {
                let! owner = address owner
                let! id = token id
                return OutputEffect.Create(owner, amount, id)
            }
            |> output
        | EffectKind.CreateLockedOutput, [ Input.Bytes owner; Input.Value amount; Input.Bytes id; Input.Bytes lock ] ->
            result {
                let! owner = address owner
                let! id = token id
                let! lock = Lock.decode lock |> Result.mapError (fun _ -> HostErrorCode.InvalidLock)

                return OutputEffect.CreateLocked { Owner = owner; Token = id; Amount = amount; Lock = lock }
            }
            |> output
        | EffectKind.BatchOutputs, [ Input.Bytes batch ] ->
            Batch.decode batch |> Result.mapError (fun _ -> HostErrorCode.InvalidBatch) |> Result.map OutputEffect.Batch |> output
        | EffectKind.AppendState, [ Input.Bytes id; Input.Value version; Input.Bytes digest; Input.Bytes data; Input.Bytes proof ] ->
            result {
                let! digest = hash digest

                return OutputEffect.AppendState { Id = id; Version = version; Hash = digest; Data = data; Proof = proof }
            }
            |> output
        | EffectKind.AppendResource, [ Input.Value kind; Input.Bytes digest; Input.Bytes metadata ] ->
            result {
                let! kind =
                    match ResourceKind.TryOfNumber(int kind) with
                    | ValueSome kind -> Ok kind
                    | ValueNone -> Error HostErrorCode.InvalidParameter

                let! digest = hash digest

                return OutputEffect.AppendResource { Kind = kind; Hash = digest; Metadata = metadata }
            }
            |> output
        | EffectKind.ReturnData, [ Input.Bytes data ] -> Ok(Effect.Output(OutputEffect.ReturnData data))
        | EffectKind.EmitEvent, [ Input.Bytes name; Input.Bytes data ] ->
            text name |> Result.map (fun name -> Effect.Event(EventEffect.Emit(name, data)))
        | EffectKind.Log, [ Input.Value level; Input.Bytes line ] ->
            text line |> Result.map (fun line -> Effect.Event(EventEffect.Log(int (uint32 level), line)))
        | EffectKind.DeclareState, [ Input.Bytes claim ] -> Ok(Effect.External(ExternalEffect.DeclareState claim))
        | EffectKind.ReadReply, [] -> Ok(Effect.External ExternalEffect.ReadReply)
        | _ ->
            match CisForms.decode kind inputs with
            | ValueSome effect -> Ok(Effect.Skill effect)
            | ValueNone -> Error HostErrorCode.InvalidParameter
