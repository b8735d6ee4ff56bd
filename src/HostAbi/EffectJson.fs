namespace Twofold.HostAbi

// The readable form of effects: the host function's name, then its arguments by name.
// In: an effect, or a parsed DOM. Out: a JSON object, or the same effect.

open System.Text.Json
open FsToolkit.ErrorHandling

/// Effects as JSON.
module EffectJson =
    let private names =
        AbiTable.all
        |> List.choose (fun row ->
            match row.Action with
            | RowAction.Yields kind -> Some(kind, (if row.Module = "cis" then "cis." + row.Name else row.Name))
            | _ -> None)
        // Registered functions have no row: one name for all of them, and their own beside it.
        |> List.append [ EffectKind.HostCall, HostCallJson.CallName; EffectKind.HostResume, HostCallJson.ResumeName ]

    /// The name of the host function that yields effects of this kind; those of `cis` have `cis.` before it: `env` has a read_reply too.
    let functionName (kind: EffectKind) : string = names |> List.pick (fun (k, name) -> if k = kind then Some name else None)

    /// Writes an effect as an object value.
    let write (w: Utf8JsonWriter) (effect: Effect) : unit =
        let key (k: StateKey) = Json.writeBytes w "key" k.Bytes
        let output (o: AssetOutput) = Json.writeOutput w o
        w.WriteStartObject()
        w.WriteString("call", functionName (Effect.kind effect))

        match effect with
        | Effect.Context e ->
            match e with
            | ContextEffect.BlockHash height -> Json.writeU64 w "height" height
            | ContextEffect.Random length -> w.WriteNumber("length", length)
            | _ -> ()
        | Effect.State e ->
            match e with
            | StateEffect.Length k
            | StateEffect.Get k
            | StateEffect.Exists k
            | StateEffect.Delete k -> key k
            | StateEffect.Set(k, value) ->
                key k
                Json.writeBytes w "value" value
        | Effect.Utxo e ->
            match e with
            | UtxoEffect.Balance(owner, token) ->
                w.WriteString("owner", owner.Text)
                w.WriteString("token", token.Text)
            | UtxoEffect.Transfer(from, recipient, amount, token) ->
                w.WriteString("from", from.Text)
                w.WriteString("to", recipient.Text)
                Json.writeU64 w "amount" amount
                w.WriteString("token", token.Text)
        | Effect.Output e ->
            match e with
            | OutputEffect.Create(owner, amount, token) -> output { Owner = owner; Token = token; Amount = amount; Lock = Lock.None }
            | OutputEffect.CreateLocked o -> output o
            | OutputEffect.Batch outputs -> Json.writeList w "outputs" output outputs
            | OutputEffect.AppendState o -> Json.writeStateOutput w o
            | OutputEffect.AppendResource o -> Json.writeResource w o
            | OutputEffect.ReturnData data -> Json.writeBytes w "data" data
        | Effect.Event e ->
            match e with
            | EventEffect.Emit(name, data) ->
                w.WriteString("name", name)
                Json.writeBytes w "data" data
            | EventEffect.Log(level, text) ->
                w.WriteNumber("level", level)
                w.WriteString("text", text)
        | Effect.External e ->
            match e with
            | ExternalEffect.DeclareState claim -> Json.writeBytes w "claim" claim
            | ExternalEffect.ReadReply -> ()
        | Effect.Skill e -> CisForms.writeJson w e
        | Effect.Wasi e -> WasiJson.write w e
        | Effect.Host call -> HostCallJson.writeCall w call

        w.WriteEndObject()

    let private i32 (path: string) (e: JsonElement) : Json.Read<int> =
        if e.ValueKind <> JsonValueKind.Number then
            Error $"{path}: expected a number"
        else
            match e.TryGetInt32() with
            | true, n -> Ok n
            | _ -> Error $"{path}: expected a 32-bit number"

    /// Reads an effect.
    let read (path: string) (e: JsonElement) : Json.Read<Effect> =
        let get name reader = Json.get path name reader e
        let key make = get "key" Json.bytes |> Result.map (StateKey >> make >> Effect.State)
        let context effect : Json.Read<Effect> = Ok(Effect.Context effect)

        result {
            let! name = get "call" Json.text

            let! kind =
                match names |> List.tryFind (fun (_, n) -> n = name) with
                | Some(kind, _) -> Ok kind
                | None -> Error $"{path}.call: no host function \"{name}\""

            match kind with
            | EffectKind.CurrentTransaction -> return! context ContextEffect.CurrentTransaction
            | EffectKind.TransactionId -> return! context ContextEffect.TransactionId
            | EffectKind.Caller -> return! context ContextEffect.Caller
            | EffectKind.ContractAddress -> return! context ContextEffect.ContractAddress
            | EffectKind.ParamsLength -> return! context ContextEffect.ParamsLength
            | EffectKind.Params -> return! context ContextEffect.Params
            | EffectKind.BlockHeight -> return! context ContextEffect.BlockHeight
            | EffectKind.Timestamp -> return! context ContextEffect.Timestamp
            | EffectKind.BlockHash ->
                let! height = get "height" Json.u64
                return Effect.Context(ContextEffect.BlockHash height)
            | EffectKind.Random ->
                let! length = get "length" Json.u32
                return Effect.Context(ContextEffect.Random length)
            | EffectKind.StateLength -> return! key StateEffect.Length
            | EffectKind.StateGet -> return! key StateEffect.Get
            | EffectKind.StateExists -> return! key StateEffect.Exists
            | EffectKind.StateDelete -> return! key StateEffect.Delete
            | EffectKind.StateSet ->
                let! value = get "value" Json.bytes
                return! key (fun k -> StateEffect.Set(k, value))
            | EffectKind.Balance ->
                let! owner = get "owner" Json.address
                let! token = get "token" Json.token
                return Effect.Utxo(UtxoEffect.Balance(owner, token))
            | EffectKind.Transfer ->
                let! from = get "from" Json.address
                let! recipient = get "to" Json.address
                let! amount = get "amount" Json.u64
                let! token = get "token" Json.token
                return Effect.Utxo(UtxoEffect.Transfer(from, recipient, amount, token))
            | EffectKind.CreateOutput ->
                let! o = Json.output path e
                return Effect.Output(OutputEffect.Create(o.Owner, o.Amount, o.Token))
            | EffectKind.CreateLockedOutput ->
                let! o = Json.output path e
                return Effect.Output(OutputEffect.CreateLocked o)
            | EffectKind.BatchOutputs ->
                let! outputs = get "outputs" (fun path -> Json.list path Json.output)
                return Effect.Output(OutputEffect.Batch outputs)
            | EffectKind.AppendState ->
                let! o = Json.stateOutput path e
                return Effect.Output(OutputEffect.AppendState o)
            | EffectKind.AppendResource ->
                let! o = Json.resource path e
                return Effect.Output(OutputEffect.AppendResource o)
            | EffectKind.ReturnData ->
                let! data = get "data" Json.bytes
                return Effect.Output(OutputEffect.ReturnData data)
            | EffectKind.EmitEvent ->
                let! name = get "name" Json.text
                let! data = get "data" Json.bytes
                return Effect.Event(EventEffect.Emit(name, data))
            | EffectKind.Log ->
                let! level = get "level" i32
                let! text = get "text" Json.text
                return Effect.Event(EventEffect.Log(level, text))
            | EffectKind.DeclareState ->
                let! claim = get "claim" Json.bytes
                return Effect.External(ExternalEffect.DeclareState claim)
            | EffectKind.ReadReply -> return Effect.External ExternalEffect.ReadReply
            | EffectKind.AiPrompt
            | EffectKind.MemoryGet
            | EffectKind.MemorySet
            | EffectKind.HttpRequest
            | EffectKind.HttpRequestFull
            | EffectKind.ReadSkillReply -> return! CisForms.readJson path e kind |> Result.map Effect.Skill
            | EffectKind.Wasi f -> return! WasiJson.read path e f |> Result.map Effect.Wasi
            | EffectKind.HostCall -> return! HostCallJson.readCall path e |> Result.map Effect.Host
            | EffectKind.HostResume -> return! HostCallJson.readResume path e |> Result.map Effect.Host
        }
