namespace Twofold.HostAbi

// The canonical bytes of drafts, effects and answers: what digests are taken over (docs/RECEIPT_FORMAT.md, "Drafts, effects, replies").
// In: values, or bytes from anywhere. Out: bytes, one form for each value; or the value, and an error for bytes that are not its one form.

/// What a host call was answered: a reply, or the code why it failed.
type Answer = Result<Reply, HostErrorCode>

/// Writing and reading canonical bytes. Each top-level value starts with a tag byte and a version byte.
module Encoding =
    open Parts

    /// Appends an unspent output (without a header: part of drafts and snapshots).
    let writeUtxo (w: WireWriter) (u: Utxo) : unit = Parts.writeUtxo w u

    /// Reads an unspent output.
    let readUtxo (r: WireReader) : Utxo = Parts.readUtxo r

    /// The least bytes an unspent output takes, for WireReader.Items.
    let utxoSize = Parts.utxoSize

    /// The version of all forms below.
    [<Literal>]
    let Version = 1uy

    [<Literal>]
    let private DraftTag = 0x44uy // 'D'

    [<Literal>]
    let private EffectTag = 0x45uy // 'E'

    [<Literal>]
    let private AnswerTag = 0x52uy // 'R'

    let private header (w: WireWriter) (tag: byte) =
        w.U8 tag
        w.U8 Version

    let private expectHeader (r: WireReader) (tag: byte) (what: string) =
        let found = r.U8()

        if found <> tag then
            r.Fail $"expected {what} (tag {tag}), found tag {found}"

        let version = r.U8()

        if version <> Version then
            r.Fail $"expected version {Version} of {what}, found {version}"

    /// Appends a draft; what it remembers only for the run (Scratch) is left out.
    let writeDraft (w: WireWriter) (d: Draft) : unit =
        header w DraftTag

        w.U8(
            match d.Status with
            | DraftStatus.Preprocessing -> 0uy
            | DraftStatus.Complete -> 1uy
        )

        w.Hash d.TransactionId
        w.Address d.Caller
        w.Address d.Contract
        items w (fun (_, utxo) -> writeUtxo w utxo) (Map.toArray d.Inputs)

        items
            w
            (fun (index, output) ->
                w.U32 index
                writeOutput w output)
            (Map.toArray d.Outputs)

        w.U32 d.NextOutput
        items w (writeStateOutput w) d.StateOutputs.Items
        items w (writeResource w) d.ResourceOutputs.Items

        for totals in [ d.Minted; d.Burned ] do
            items
                w
                (fun (token, amount) ->
                    w.Token token
                    w.U64 amount)
                (Map.toArray totals)

        items
            w
            (fun (key: StateKey, write) ->
                w.Bytes key.Bytes

                match write with
                | StateWrite.Delete -> w.U8 0uy
                | StateWrite.Put value ->
                    w.U8 1uy
                    w.Bytes value)
            (Map.toArray d.Writes)

        items
            w
            (fun (e: EmittedEvent) ->
                w.Text e.Name
                w.Bytes e.Data)
            d.Events.Items

        w.Bytes d.ReturnData

    /// Reads a draft.
    let readDraft (r: WireReader) : Draft =
        expectHeader r DraftTag "a draft"

        let status =
            match r.U8() with
            | 0uy -> DraftStatus.Preprocessing
            | 1uy -> DraftStatus.Complete
            | n ->
                r.Fail $"unknown draft status {n}"
                DraftStatus.Preprocessing

        let transaction = r.Hash()
        let caller = r.Address()
        let contract = r.Address()
        let inputs = r.Items(utxoSize, readUtxo)

        let outputs =
            r.Items(
                4 + outputSize,
                fun r ->
                    let index = r.U32()
                    index, readOutput r
            )

        let next = r.U32()
        let stateOutputs = r.Items(4 + 8 + Hash32.Length + 4 + 4, readStateOutput)
        let resources = r.Items(1 + Hash32.Length + 4, readResource)

        let totals () =
            r.Items(
                4 + 8,
                fun r ->
                    let token = r.Token()
                    token, r.U64()
            )
            |> Map.ofArray

        let minted = totals ()
        let burned = totals ()

        let writes =
            r.Items(
                4 + 1,
                fun r ->
                    let key = StateKey(r.Bytes())

                    match r.U8() with
                    | 0uy -> key, StateWrite.Delete
                    | 1uy -> key, StateWrite.Put(r.Bytes())
                    | n ->
                        r.Fail $"unknown write {n}"
                        key, StateWrite.Delete
            )

        let events =
            r.Items(
                4 + 4,
                fun r ->
                    let name = r.Text()
                    { Name = name; Data = r.Bytes() }
            )

        {
            Status = status
            TransactionId = transaction
            Caller = caller
            Contract = contract
            Inputs = inputs |> Array.map (fun u -> u.Id, u) |> Map.ofArray
            Outputs = Map.ofArray outputs
            NextOutput = next
            StateOutputs = Sequence.ofSeq stateOutputs
            ResourceOutputs = Sequence.ofSeq resources
            Minted = minted
            Burned = burned
            Writes = Map.ofArray writes
            Events = Sequence.ofSeq events
            ReturnData = r.Bytes()
            Scratch = { RandomDrawn = 0UL; LastReply = None }
        }

    /// Appends an effect: its kind's number, then its arguments in the order of the function's parameters.
    let writeEffect (w: WireWriter) (effect: Effect) : unit =
        header w EffectTag
        w.U8 (Effect.kind effect).Number

        match effect with
        | Effect.Context e ->
            match e with
            | ContextEffect.BlockHash height -> w.U64 height
            | ContextEffect.Random length -> w.U32 length
            | _ -> ()
        | Effect.State e ->
            match e with
            | StateEffect.Length key
            | StateEffect.Get key
            | StateEffect.Exists key
            | StateEffect.Delete key -> w.Bytes key.Bytes
            | StateEffect.Set(key, value) ->
                w.Bytes key.Bytes
                w.Bytes value
        | Effect.Utxo e ->
            match e with
            | UtxoEffect.Balance(owner, token) ->
                w.Address owner
                w.Token token
            | UtxoEffect.Transfer(from, recipient, amount, token) ->
                w.Address from
                w.Address recipient
                w.U64 amount
                w.Token token
        | Effect.Output e ->
            match e with
            | OutputEffect.Create(owner, amount, token) ->
                w.Address owner
                w.U64 amount
                w.Token token
            | OutputEffect.CreateLocked output -> writeOutput w output
            | OutputEffect.Batch outputs -> items w (writeOutput w) (List.toArray outputs)
            | OutputEffect.AppendState o -> writeStateOutput w o
            | OutputEffect.AppendResource o -> writeResource w o
            | OutputEffect.ReturnData data -> w.Bytes data
        | Effect.Event e ->
            match e with
            | EventEffect.Emit(name, data) ->
                w.Text name
                w.Bytes data
            | EventEffect.Log(level, text) ->
                w.U32(uint32 level)
                w.Text text
        | Effect.External e ->
            match e with
            | ExternalEffect.DeclareState claim -> w.Bytes claim
            | ExternalEffect.ReadReply -> ()
        | Effect.Skill e -> CisForms.write w e
        | Effect.Wasi e -> WasiBytes.write w e
        | Effect.Host call -> HostCalls.writeCall w call

    /// Reads an effect.
    let readEffect (r: WireReader) : Effect =
        expectHeader r EffectTag "an effect"

        match r.U8() with
        | 0x10uy -> Effect.Context ContextEffect.CurrentTransaction
        | 0x11uy -> Effect.Context ContextEffect.TransactionId
        | 0x12uy -> Effect.Context ContextEffect.Caller
        | 0x13uy -> Effect.Context ContextEffect.ContractAddress
        | 0x14uy -> Effect.Context ContextEffect.ParamsLength
        | 0x15uy -> Effect.Context ContextEffect.Params
        | 0x16uy -> Effect.Context ContextEffect.BlockHeight
        | 0x17uy -> Effect.Context ContextEffect.Timestamp
        | 0x18uy -> Effect.Context(ContextEffect.BlockHash(r.U64()))
        | 0x19uy -> Effect.Context(ContextEffect.Random(r.U32()))
        | 0x20uy -> Effect.State(StateEffect.Length(StateKey(r.Bytes())))
        | 0x21uy -> Effect.State(StateEffect.Get(StateKey(r.Bytes())))
        | 0x22uy ->
            let key = StateKey(r.Bytes())
            Effect.State(StateEffect.Set(key, r.Bytes()))
        | 0x23uy -> Effect.State(StateEffect.Exists(StateKey(r.Bytes())))
        | 0x24uy -> Effect.State(StateEffect.Delete(StateKey(r.Bytes())))
        | 0x30uy ->
            let owner = r.Address()
            Effect.Utxo(UtxoEffect.Balance(owner, r.Token()))
        | 0x31uy ->
            let from = r.Address()
            let recipient = r.Address()
            let amount = r.U64()
            Effect.Utxo(UtxoEffect.Transfer(from, recipient, amount, r.Token()))
        | 0x40uy ->
            let owner = r.Address()
            let amount = r.U64()
            Effect.Output(OutputEffect.Create(owner, amount, r.Token()))
        | 0x41uy -> Effect.Output(OutputEffect.CreateLocked(readOutput r))
        | 0x42uy -> Effect.Output(OutputEffect.Batch(List.ofArray (r.Items(outputSize, readOutput))))
        | 0x43uy -> Effect.Output(OutputEffect.AppendState(readStateOutput r))
        | 0x44uy -> Effect.Output(OutputEffect.AppendResource(readResource r))
        | 0x45uy -> Effect.Output(OutputEffect.ReturnData(r.Bytes()))
        | 0x50uy ->
            let name = r.Text()
            Effect.Event(EventEffect.Emit(name, r.Bytes()))
        | 0x51uy ->
            let level = int (r.U32())
            Effect.Event(EventEffect.Log(level, r.Text()))
        | 0x60uy -> Effect.External(ExternalEffect.DeclareState(r.Bytes()))
        | 0x61uy -> Effect.External ExternalEffect.ReadReply
        | n when WasiBytes.isFunction n -> Effect.Wasi(WasiBytes.read r n)
        | 0x80uy -> Effect.Host(HostCalls.readCall r)
        | 0x81uy -> Effect.Host(HostCalls.readResume r)
        | n ->
            match CisForms.tryRead r n with
            | ValueSome e -> Effect.Skill e
            | ValueNone ->
                r.Fail $"unknown effect {n}"
                Effect.External ExternalEffect.ReadReply

    /// Appends an answer: 0 and the error's number, or the reply's number and its content.
    let writeAnswer (w: WireWriter) (answer: Answer) : unit =
        header w AnswerTag

        match answer with
        | Error code ->
            w.U8 0uy
            w.U32(uint32 (HostErrorCode.number code))
        | Ok reply ->
            match reply with
            | Reply.Done -> w.U8 1uy
            | Reply.Number n ->
                w.U8 2uy
                w.U64 n
            | Reply.Flag yes ->
                w.U8 3uy
                w.U8(if yes then 1uy else 0uy)
            | Reply.Handle n ->
                w.U8 4uy
                w.U32 n
            | Reply.Count n ->
                w.U8 5uy
                w.U32 n
            | Reply.Length n ->
                w.U8 6uy
                w.U32 n
            | Reply.Bytes bytes ->
                w.U8 7uy
                w.Bytes bytes
            | Reply.Code n ->
                w.U8 9uy
                w.U32(uint32 n)
            | Reply.Wasi(errno, kept) ->
                w.U8 0x90uy
                w.U16 errno
                w.Bytes kept
            | Reply.Host answer ->
                w.U8 8uy
                HostCalls.writeAnswer w answer

    /// Reads an answer.
    let readAnswer (r: WireReader) : Answer =
        expectHeader r AnswerTag "an answer"

        match r.U8() with
        | 0uy ->
            let number = r.U32()

            match HostErrorCode.tryOfNumber (int number) with
            | ValueSome code -> Error code
            | ValueNone ->
                r.Fail $"unknown error code {number}"
                Ok Reply.Done
        | 1uy -> Ok Reply.Done
        | 2uy -> Ok(Reply.Number(r.U64()))
        | 3uy -> Ok(Reply.Flag(r.U8() <> 0uy))
        | 4uy -> Ok(Reply.Handle(r.U32()))
        | 5uy -> Ok(Reply.Count(r.U32()))
        | 6uy -> Ok(Reply.Length(r.U32()))
        | 7uy -> Ok(Reply.Bytes(r.Bytes()))
        | 9uy -> Ok(Reply.Code(int (r.U32())))
        | 0x90uy ->
            let errno = r.U16()
            Ok(Reply.Wasi(errno, r.Bytes()))
        | 8uy -> Ok(Reply.Host(HostCalls.readAnswer r))
        | n ->
            r.Fail $"unknown reply {n}"
            Ok Reply.Done

    /// The same as an answer that succeeded.
    let writeReply (w: WireWriter) (reply: Reply) : unit = writeAnswer w (Ok reply)

    /// The bytes that a writer makes of a value.
    let bytes (write: WireWriter -> 'T -> unit) (value: 'T) : byte[] =
        let w = WireWriter()
        write w value
        w.ToArray()

    /// The value of exactly these bytes. Bytes that mean something but are not the one form of it (order, letter case) are an error too.
    let decode (write: WireWriter -> 'T -> unit) (read: WireReader -> 'T) (source: byte[]) : Result<'T, string> =
        let r = WireReader source
        let value = read r

        match r.Finish value with
        | Ok value when bytes write value <> source -> Error "not in canonical form"
        | result -> result

    /// A draft from its canonical bytes.
    let decodeDraft (source: byte[]) : Result<Draft, string> = decode writeDraft readDraft source

    /// An effect from its canonical bytes.
    let decodeEffect (source: byte[]) : Result<Effect, string> = decode writeEffect readEffect source

    /// An answer from its canonical bytes.
    let decodeAnswer (source: byte[]) : Result<Answer, string> = decode writeAnswer readAnswer source

    /// SHA-256 over a value's canonical bytes.
    let digest (write: WireWriter -> 'T -> unit) (value: 'T) : Hash32 = Hash32.sha256 (System.ReadOnlySpan(bytes write value))
