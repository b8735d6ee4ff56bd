namespace Twofold.Engine

// Receipts in JSON: readable, and exactly the same receipt when read back (the digest inside is checked).
// In: a receipt, or JSON text. Out: JSON, or the receipt, or where the text is wrong.

open System
open System.Text.Json
open Twofold.Wasm
open Twofold.HostAbi

module internal OutcomeJson =
    let private kindName (kind: ValueKind) = kind.ToString().ToLowerInvariant()

    let private kinds = Enum.GetValues<ValueKind>()

    let private writeValue (w: Utf8JsonWriter) (v: ResultValue) =
        Write.text w "type" (kindName v.Kind)

        match v.Kind with
        | ValueKind.I32 -> Write.int w "value" (int (uint32 v.Low))
        | ValueKind.I64 -> Write.text w "value" (string (int64 v.Low))
        | ValueKind.F32 -> Write.text w "bits" $"0x%08x{v.Low}"
        | ValueKind.F64 -> Write.text w "bits" $"0x%016x{v.Low}"
        | ValueKind.V128 -> Write.text w "bits" $"0x%016x{v.High}%016x{v.Low}"
        | _ -> Write.bool w "null" (v.Low = 0UL)

    let private hexBits (n: Node) (digits: int) : uint64 * uint64 =
        let text = n.Text

        let part (from: int) (count: int) =
            match
                UInt64.TryParse(
                    text.AsSpan(from, count),
                    Globalization.NumberStyles.AllowHexSpecifier,
                    Globalization.CultureInfo.InvariantCulture
                )
            with
            | true, v -> v
            | _ -> n.Expected $"0x and {digits} hexadecimal digits"

        if text.Length <> digits + 2 || not (text.StartsWith("0x", StringComparison.Ordinal)) then
            n.Expected $"0x and {digits} hexadecimal digits"
        elif digits = 32 then
            part 18 16, part 2 16
        else
            part 2 digits, 0UL

    let private readValue (n: Node) : ResultValue =
        let name = n.Prop("type").Text

        match kinds |> Array.tryFind (fun k -> kindName k = name) with
        | None -> n.Prop("type").Expected "a type of value"
        | Some kind ->
            let low, high =
                match kind with
                | ValueKind.I32 -> uint64 (uint32 (n.Prop("value").Int)), 0UL
                | ValueKind.I64 ->
                    match
                        Int64.TryParse(
                            n.Prop("value").Text,
                            Globalization.NumberStyles.AllowLeadingSign,
                            Globalization.CultureInfo.InvariantCulture
                        )
                    with
                    | true, v -> uint64 v, 0UL
                    | _ -> n.Prop("value").Expected "a 64-bit number as a string"
                | ValueKind.F32 -> hexBits (n.Prop "bits") 8
                | ValueKind.F64 -> hexBits (n.Prop "bits") 16
                | ValueKind.V128 -> hexBits (n.Prop "bits") 32
                | _ -> (if n.Prop("null").Bool then 0UL else 1UL), 0UL

            { Kind = kind; Low = low; High = high }

    let write (w: Utf8JsonWriter) (outcome: Outcome) =
        match outcome with
        | Outcome.Returned values ->
            Write.text w "kind" "returned"
            Write.array w "values" values (fun v -> Write.item w (fun () -> writeValue w v))
        | Outcome.Failed status ->
            Write.text w "kind" "failed"
            Write.int w "status" status
        | Outcome.Trapped(code, a, b, c) ->
            Write.text w "kind" "trapped"
            Write.int w "code" code
            Write.array w "numbers" [ a; b; c ] (fun n -> w.WriteStringValue(string n))
        | Outcome.Uncaught(tag, name, values) ->
            Write.text w "kind" "uncaught exception"
            Write.int w "tag" tag
            name |> Option.iter (Write.text w "name")
            Write.array w "values" values (fun v -> Write.item w (fun () -> writeValue w v))
        | Outcome.OutOfGas -> Write.text w "kind" "out of gas"
        | Outcome.StackExhausted -> Write.text w "kind" "stack exhausted"

    let read (n: Node) : Outcome =
        match n.Prop("kind").Text with
        | "returned" -> Outcome.Returned(n.Prop("values").Items |> List.map readValue)
        | "failed" -> Outcome.Failed(n.Prop("status").Int)
        | "trapped" ->
            match n.Prop("numbers").Items with
            | [ a; b; c ] -> Outcome.Trapped(n.Prop("code").Size, a.U64, b.U64, c.U64)
            | _ -> n.Prop("numbers").Expected "three numbers"
        | "uncaught exception" ->
            let name = n.TryProp "name" |> ValueOption.map _.Text |> ValueOption.toOption
            Outcome.Uncaught(n.Prop("tag").Size, name, n.Prop("values").Items |> List.map readValue)
        | "out of gas" -> Outcome.OutOfGas
        | "stack exhausted" -> Outcome.StackExhausted
        | _ -> n.Prop("kind").Expected "returned, failed, trapped, uncaught exception, out of gas or stack exhausted"

module internal JournalJson =
    let write (w: Utf8JsonWriter) (e: JournalEntry) =
        Write.int w "index" e.Index
        w.WritePropertyName "effect"
        EffectJson.write w e.Effect

        let answer (a: Answer) =
            w.WritePropertyName "answer"
            AnswerJson.write w a

        match e.Reply with
        | JournalReply.Failed code -> answer (Error code)
        | JournalReply.Kept reply -> answer (Ok reply)
        | JournalReply.Digest hash -> Write.hash w "replyDigest" hash

        Write.i64 w "gasLeft" e.GasLeft

    let read (index: int) (n: Node) : JournalEntry =
        n.Only [ "index"; "effect"; "answer"; "replyDigest"; "gasLeft" ]

        if n.Prop("index").Int <> index then
            n.Prop("index").Expected(string index)

        let reply =
            match n.TryProp "answer", n.TryProp "replyDigest" with
            | ValueSome answer, ValueNone ->
                match answer.Via AnswerJson.read with
                | Ok reply -> JournalReply.Kept reply
                | Error code -> JournalReply.Failed code
            | ValueNone, ValueSome hash -> JournalReply.Digest hash.Hash
            | _ -> n.Fail "an entry has either 'answer' or 'replyDigest'"

        {
            Index = index
            Effect = n.Prop("effect").Via EffectJson.read
            Reply = reply
            GasLeft = n.Prop("gasLeft").I64
        }

module internal ReadsJson =
    let write (w: Utf8JsonWriter) (reads: Reads) =
        Write.array w "utxos" (Map.toSeq reads.Utxos) (fun ((owner, token), utxos) ->
            Write.item w (fun () ->
                Write.address w "owner" owner
                Write.token w "token" token
                Write.array w "outputs" utxos (fun u -> Write.item w (fun () -> Json.writeUtxo w u))))

        Write.array w "state" (Map.toSeq reads.State) (fun ((contract, key), value) ->
            Write.item w (fun () ->
                Write.address w "contract" contract
                Write.bytes w "key" key.Bytes
                value |> Option.iter (Write.bytes w "value")))

        Write.array w "blockHashes" (Map.toSeq reads.BlockHashes) (fun (height, hash) ->
            Write.item w (fun () ->
                Write.u64 w "height" height
                hash |> Option.iter (Write.hash w "hash")))

    let private option (n: Node voption) (read: Node -> 'T) =
        match n with
        | ValueSome n -> Some(read n)
        | ValueNone -> None

    let private map (n: Node) (read: Node -> 'K * 'V) : Map<'K, 'V> =
        let items = n.Items |> List.map read
        let made = Map.ofList items
        if made.Count <> items.Length then n.Fail "something is there twice" else made

    let read (n: Node) : Reads =
        n.Only [ "utxos"; "state"; "blockHashes" ]

        {
            Utxos =
                map (n.Prop "utxos") (fun u ->
                    let utxos = u.Prop("outputs").Items |> List.map _.Via(Json.utxo)

                    if List.pairwise utxos |> List.exists (fun (a, b) -> a.Id >= b.Id) then
                        u.Prop("outputs").Fail "outputs out of order"

                    (u.Prop("owner").Address, u.Prop("token").Token), utxos)
            State =
                map (n.Prop "state") (fun s ->
                    (s.Prop("contract").Address, StateKey(s.Prop("key").Bytes)), option (s.TryProp "value") _.Bytes)
            BlockHashes = map (n.Prop "blockHashes") (fun h -> h.Prop("height").U64, option (h.TryProp "hash") _.Hash)
        }

module ReceiptJson =
    let private write (receipt: Receipt) (w: Utf8JsonWriter) =
        Write.int w "receipt" (int ReceiptBytes.Version)
        Write.hash w "digest" (ReceiptBytes.digest receipt)
        Write.hash w "requestDigest" (ReceiptBytes.requestDigest receipt.Request)
        Write.object w "outcome" (fun () -> OutcomeJson.write w receipt.Outcome)
        Write.i64 w "gasUsed" receipt.GasUsed
        Write.bytes w "returnData" receipt.ReturnData

        receipt.Draft
        |> Option.iter (fun d ->
            w.WritePropertyName "draft"
            DraftJson.write w d)

        Write.array w "journal" receipt.Journal (fun e -> Write.item w (fun () -> JournalJson.write w e))
        Write.object w "reads" (fun () -> ReadsJson.write w receipt.Reads)
        Write.hash w "memoryDigest" receipt.MemoryDigest
        Write.hash w "globalsDigest" receipt.GlobalsDigest

        receipt.Output
        |> Option.iter (fun o ->
            let stream name (s: StreamDigest) =
                Write.object w name (fun () ->
                    Write.i64 w "length" s.Length
                    Write.hash w "hash" s.Hash)

            stream "output" o.Output
            stream "errorOutput" o.Error)

        Write.object w "versions" (fun () ->
            Write.int w "schedule" receipt.Versions.Schedule
            Write.int w "prices" receipt.Versions.Prices
            Write.int w "abi" receipt.Versions.Abi)

        Write.object w "request" (fun () -> RequestJson.write w receipt.Request)

    let private names = [
        "receipt"
        "digest"
        "requestDigest"
        "outcome"
        "gasUsed"
        "returnData"
        "draft"
        "journal"
        "reads"
        "memoryDigest"
        "globalsDigest"
        "output"
        "errorOutput"
        "versions"
        "request"
    ]

    let private readOutput (n: Node) : OutputDigests option =
        let stream (s: Node) : StreamDigest =
            s.Only [ "length"; "hash" ]
            { Length = s.Prop("length").I64; Hash = s.Prop("hash").Hash }

        match n.TryProp "output", n.TryProp "errorOutput" with
        | ValueSome output, ValueSome error -> Some { Output = stream output; Error = stream error }
        | ValueNone, ValueNone -> None
        | _ -> n.Fail "output and errorOutput go together"

    let private read (n: Node) : Receipt =
        if n.Prop("receipt").Int <> int ReceiptBytes.Version then
            n.Prop("receipt").Expected $"version {ReceiptBytes.Version}"

        n.Only names
        let versions = n.Prop "versions"

        let receipt: Receipt = {
            Request = RequestJson.read (n.Prop "request")
            Versions = {
                Schedule = versions.Prop("schedule").Size
                Prices = versions.Prop("prices").Size
                Abi = versions.Prop("abi").Size
            }
            Outcome = OutcomeJson.read (n.Prop "outcome")
            ReturnData = n.Prop("returnData").Bytes
            GasUsed = n.Prop("gasUsed").I64
            Draft =
                match n.TryProp "draft" with
                | ValueSome d -> Some(d.Via DraftJson.read)
                | ValueNone -> None
            Journal = n.Prop("journal").Items |> List.mapi JournalJson.read
            Reads = ReadsJson.read (n.Prop "reads")
            MemoryDigest = n.Prop("memoryDigest").Hash
            GlobalsDigest = n.Prop("globalsDigest").Hash
            Output = readOutput n
        }

        let check (name: string) (actual: Hash32) =
            if n.Prop(name).Hash <> actual then
                n.Prop(name).Fail $"the contents were changed: their digest is {actual}, not {n.Prop(name).Hash}"

        check "requestDigest" (ReceiptBytes.requestDigest receipt.Request)
        check "digest" (ReceiptBytes.digest receipt)
        receipt

    /// A receipt as indented JSON.
    let toJson (receipt: Receipt) : string = Write.toText (write receipt)

    /// The receipt that JSON says. A receipt whose contents do not have the digest that it names is refused.
    let ofJson (json: string) : Result<Receipt, string> = Read.parse read (ReadOnlyMemory(Utf8.bytes json))
