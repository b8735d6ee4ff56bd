namespace Twofold.HostAbi

// The readable form of drafts, effects and answers, for receipts and the command line. What digests are taken over is Encoding, not this.
// In: a value, or a parsed DOM. Out: JSON objects with a fixed order of keys, which come back as the same value.

open System.Text.Json
open FsToolkit.ErrorHandling

/// Drafts as JSON.
module DraftJson =
    let private writeTotals (w: Utf8JsonWriter) (name: string) (totals: Map<TokenId, uint64>) =
        Json.writeList
            w
            name
            (fun (token: TokenId, amount) ->
                w.WriteString("token", token.Text)
                Json.writeU64 w "amount" amount)
            (Map.toSeq totals)

    /// Writes a draft as an object value; what it remembers only for the run (Scratch) is left out.
    let write (w: Utf8JsonWriter) (d: Draft) : unit =
        w.WriteStartObject()

        w.WriteString(
            "status",
            match d.Status with
            | DraftStatus.Preprocessing -> "preprocessing"
            | DraftStatus.Complete -> "complete"
        )

        w.WriteString("transaction", d.TransactionId.Text)
        w.WriteString("caller", d.Caller.Text)
        w.WriteString("contract", d.Contract.Text)
        Json.writeList w "inputs" (Json.writeUtxo w) d.Inputs.Values

        Json.writeList
            w
            "outputs"
            (fun (index: uint32, output) ->
                w.WriteNumber("index", index)
                Json.writeOutput w output)
            (Map.toSeq d.Outputs)

        w.WriteNumber("nextOutput", d.NextOutput)
        Json.writeList w "stateOutputs" (Json.writeStateOutput w) d.StateOutputs.Items
        Json.writeList w "resourceOutputs" (Json.writeResource w) d.ResourceOutputs.Items
        writeTotals w "minted" d.Minted
        writeTotals w "burned" d.Burned

        Json.writeList
            w
            "writes"
            (fun (key: StateKey, write) ->
                Json.writeBytes w "key" key.Bytes

                match write with
                | StateWrite.Put value -> Json.writeBytes w "value" value
                | StateWrite.Delete -> w.WriteNull "value")
            (Map.toSeq d.Writes)

        Json.writeList
            w
            "events"
            (fun (e: EmittedEvent) ->
                w.WriteString("name", e.Name)
                Json.writeBytes w "data" e.Data)
            d.Events.Items

        Json.writeBytes w "returnData" d.ReturnData
        w.WriteEndObject()

    let private totals path e =
        Json.list
            path
            (fun path e ->
                result {
                    let! token = Json.get path "token" Json.token e
                    let! amount = Json.get path "amount" Json.u64 e
                    return token, amount
                })
            e
        |> Result.map Map.ofList

    let private stateWrite path e =
        result {
            let! key = Json.get path "key" Json.bytes e

            let! write =
                Json.get
                    path
                    "value"
                    (fun path e ->
                        if e.ValueKind = JsonValueKind.Null then
                            Ok StateWrite.Delete
                        else
                            Json.bytes path e |> Result.map StateWrite.Put)
                    e

            return StateKey key, write
        }

    let private indexed path e =
        result {
            let! index = Json.get path "index" Json.u32 e
            let! output = Json.output path e
            return index, output
        }

    let private emitted path e =
        result {
            let! name = Json.get path "name" Json.text e
            let! data = Json.get path "data" Json.bytes e
            return { Name = name; Data = data }
        }

    /// Reads a draft.
    let read (path: string) (e: JsonElement) : Json.Read<Draft> =
        let items name item = Json.get path name (fun path -> Json.list path item) e

        result {
            let! status =
                match Json.get path "status" Json.text e with
                | Ok "preprocessing" -> Ok DraftStatus.Preprocessing
                | Ok "complete" -> Ok DraftStatus.Complete
                | Ok other -> Error $"{path}.status: expected preprocessing or complete, found \"{other}\""
                | Error e -> Error e

            let! transaction = Json.get path "transaction" Json.hash e
            let! caller = Json.get path "caller" Json.address e
            let! contract = Json.get path "contract" Json.address e
            let! inputs = items "inputs" Json.utxo
            let! outputs = items "outputs" indexed
            let! next = Json.get path "nextOutput" Json.u32 e
            let! stateOutputs = items "stateOutputs" Json.stateOutput
            let! resources = items "resourceOutputs" Json.resource
            let! minted = Json.get path "minted" totals e
            let! burned = Json.get path "burned" totals e
            let! writes = items "writes" stateWrite
            let! events = items "events" emitted
            let! returnData = Json.get path "returnData" Json.bytes e

            return {
                Status = status
                TransactionId = transaction
                Caller = caller
                Contract = contract
                Inputs = inputs |> List.map (fun u -> u.Id, u) |> Map.ofList
                Outputs = Map.ofList outputs
                NextOutput = next
                StateOutputs = Sequence.ofSeq stateOutputs
                ResourceOutputs = Sequence.ofSeq resources
                Minted = minted
                Burned = burned
                Writes = Map.ofList writes
                Events = Sequence.ofSeq events
                ReturnData = returnData
                Scratch = { RandomDrawn = 0UL; LastReply = None }
            }
        }

/// Answers as JSON: `{"error": "NOT_FOUND"}` or one property that names the reply.
module AnswerJson =
    /// Writes an answer as an object value.
    let write (w: Utf8JsonWriter) (answer: Answer) : unit =
        w.WriteStartObject()

        match answer with
        | Error code -> w.WriteString("error", HostErrorCode.name code)
        | Ok reply ->
            match reply with
            | Reply.Done -> w.WriteBoolean("done", true)
            | Reply.Number n -> Json.writeU64 w "number" n
            | Reply.Flag yes -> w.WriteBoolean("flag", yes)
            | Reply.Handle n -> w.WriteNumber("handle", n)
            | Reply.Count n -> w.WriteNumber("count", n)
            | Reply.Length n -> w.WriteNumber("length", n)
            | Reply.Bytes bytes -> Json.writeBytes w "bytes" bytes
            | Reply.Code n -> w.WriteNumber("code", n)
            | Reply.Wasi(errno, kept) ->
                w.WriteNumber("errno", uint32 errno)
                Json.writeBytes w "kept" kept
            | Reply.Host answer -> HostCallJson.writeAnswer w "host" answer

        w.WriteEndObject()

    /// Reads an answer.
    let read (path: string) (e: JsonElement) : Json.Read<Answer> =
        match Json.properties path e with
        | Error e -> Error e
        | Ok [ name, value ] ->
            let inner = $"{path}.{name}"
            let reply make read = read inner value |> Result.map (make >> Ok)

            match name, value.ValueKind with
            | "error", _ ->
                Json.text inner value
                |> Result.bind (fun name ->
                    match HostErrorCode.all |> List.tryFind (fun (_, _, n, _, _) -> n = name) with
                    | Some(code, _, _, _, _) -> Ok(Error code)
                    | None -> Error $"{inner}: unknown error code \"{name}\"")
            | "done", JsonValueKind.True -> Ok(Ok Reply.Done)
            | "number", _ -> reply Reply.Number Json.u64
            | "flag", JsonValueKind.True -> Ok(Ok(Reply.Flag true))
            | "flag", JsonValueKind.False -> Ok(Ok(Reply.Flag false))
            | "handle", _ -> reply Reply.Handle Json.u32
            | "count", _ -> reply Reply.Count Json.u32
            | "length", _ -> reply Reply.Length Json.u32
            | "bytes", _ -> reply Reply.Bytes Json.bytes
            | "code", JsonValueKind.Number when fst (value.TryGetInt32()) -> Ok(Ok(Reply.Code(value.GetInt32())))
            | "host", _ -> reply Reply.Host HostCallJson.readAnswer
            | _ -> Error $"{inner}: not an answer"
        | Ok [ "errno", errno; "kept", kept ] ->
            match Json.u32 $"{path}.errno" errno, Json.bytes $"{path}.kept" kept with
            | Ok errno, Ok kept when errno <= 0xFFFFu -> Ok(Ok(Reply.Wasi(uint16 errno, kept)))
            | Ok errno, Ok _ -> Error $"{path}.errno: expected a 16-bit number, found {errno}"
            | Error e, _
            | _, Error e -> Error e
        | Ok _ -> Error $"{path}: expected an object with one property, or errno and kept"
