namespace Twofold.Engine

// The canonical bytes of receipts: what digests are computed over (docs/RECEIPT_FORMAT.md describes them field by field).
// In: a receipt, or bytes from anywhere. Out: bytes, or a receipt; one value has one encoding, and reading refuses every other.

open System
open Twofold.Wasm
open Twofold.HostAbi

module ReceiptBytes =
    /// The format's version; it follows the magic number.
    [<Literal>]
    let Version = 1us

    let private magic = "TFRC"B


    // ---- outcome, journal, reads

    let private writeValues (w: WireWriter) (values: ResultValue list) =
        values
        |> Bytes.writeList w (fun v ->
            w.U8(byte v.Kind)
            w.U64 v.Low
            w.U64 v.High)

    let private readValues (r: WireReader) : ResultValue list =
        Bytes.readList r 17 (fun () ->
            let kind = r.U8()

            if kind < 1uy || kind > 9uy then
                r.Fail $"unknown kind of value {kind}"

            let low = r.U64()
            { Kind = LanguagePrimitives.EnumOfValue<byte, ValueKind> kind; Low = low; High = r.U64() })

    let private writeOutcome (w: WireWriter) (o: Outcome) =
        match o with
        | Outcome.Returned values ->
            w.U8 0uy
            writeValues w values
        | Outcome.Failed status ->
            w.U8 1uy
            w.U32(uint32 status)
        | Outcome.Trapped(code, a, b, c) ->
            w.U8 2uy
            w.U32(uint32 code)
            w.U64 a
            w.U64 b
            w.U64 c
        | Outcome.Uncaught(tag, name, values) ->
            w.U8 3uy
            w.U32(uint32 tag)
            Bytes.writeOption w w.Text name
            writeValues w values
        | Outcome.OutOfGas -> w.U8 4uy
        | Outcome.StackExhausted -> w.U8 5uy

    let private readOutcome (r: WireReader) : Outcome =
        match r.U8() with
        | 0uy -> Outcome.Returned(readValues r)
        | 1uy -> Outcome.Failed(int (r.U32()))
        | 2uy ->
            let code = Bytes.readInt r
            let a = r.U64()
            let b = r.U64()
            Outcome.Trapped(code, a, b, r.U64())
        | 3uy ->
            let tag = Bytes.readInt r
            let name = Bytes.readOption r r.Text
            Outcome.Uncaught(tag, name, readValues r)
        | 4uy -> Outcome.OutOfGas
        | 5uy -> Outcome.StackExhausted
        | other ->
            r.Fail $"unknown outcome {other}"
            Outcome.OutOfGas

    let private writeEntry (w: WireWriter) (e: JournalEntry) =
        Encoding.writeEffect w e.Effect

        match e.Reply with
        | JournalReply.Failed code ->
            w.U8 0uy
            w.U32(uint32 (HostErrorCode.number code))
        | JournalReply.Kept reply ->
            w.U8 1uy
            Encoding.writeReply w reply
        | JournalReply.Digest hash ->
            w.U8 2uy
            w.Hash hash

        w.U64(uint64 e.GasLeft)

    let private readEntry (r: WireReader) index : JournalEntry =
        let effect = Encoding.readEffect r

        let reply =
            match r.U8() with
            | 0uy ->
                match HostErrorCode.tryOfNumber (Bytes.readInt r) with
                | ValueSome code -> JournalReply.Failed code
                | ValueNone ->
                    r.Fail "unknown error code"
                    JournalReply.Failed HostErrorCode.NotFound
            | 1uy ->
                match Encoding.readAnswer r with
                | Ok reply -> JournalReply.Kept reply
                | Error code ->
                    r.Fail "a kept reply is no failure"
                    JournalReply.Failed code
            | 2uy -> JournalReply.Digest(r.Hash())
            | other ->
                r.Fail $"unknown reply form {other}"
                JournalReply.Failed HostErrorCode.NotFound

        { Index = index; Effect = effect; Reply = reply; GasLeft = Bytes.readLong r }

    let private writeReads (w: WireWriter) (reads: Reads) =
        Map.toList reads.Utxos
        |> Bytes.writeList w (fun ((owner, token), utxos) ->
            w.Address owner
            w.Token token
            Bytes.writeList w (Encoding.writeUtxo w) utxos)

        Map.toList reads.State
        |> Bytes.writeList w (fun ((contract, key), value) ->
            w.Address contract
            w.Bytes key.Bytes
            Bytes.writeOption w w.Bytes value)

        Map.toList reads.BlockHashes
        |> Bytes.writeList w (fun (height, hash) ->
            w.U64 height
            Bytes.writeOption w w.Hash hash)

    let private readReads (r: WireReader) : Reads =
        let utxos =
            Bytes.readMap r 50 (fun () ->
                let owner = r.Address()
                let token = r.Token()
                let utxos = Bytes.readList r Encoding.utxoSize (fun () -> Encoding.readUtxo r)

                if List.pairwise utxos |> List.exists (fun (a, b) -> a.Id >= b.Id) then
                    r.Fail "outputs out of order"

                (owner, token), utxos)

        let state =
            Bytes.readMap r 47 (fun () ->
                let contract = r.Address()
                let key = StateKey(r.Bytes())
                (contract, key), Bytes.readOption r r.Bytes)

        let hashes =
            Bytes.readMap r 9 (fun () ->
                let height = r.U64()
                height, Bytes.readOption r r.Hash)

        { Utxos = utxos; State = state; BlockHashes = hashes }

    let private writeOutput (w: WireWriter) (o: OutputDigests) =
        for stream in [ o.Output; o.Error ] do
            w.U64(uint64 stream.Length)
            w.Hash stream.Hash

    let private readOutput (r: WireReader) : OutputDigests =
        let stream () =
            let length = Bytes.readLong r
            { Length = length; Hash = r.Hash() }

        let output = stream ()
        { Output = output; Error = stream () }

    // ---- the whole

    /// The canonical bytes of a recorded request.
    let request (q: RecordedRequest) : byte[] =
        let w = WireWriter()
        w.Raw magic
        w.U16 Version
        RequestBytes.write w q
        w.ToArray()

    /// SHA-256 of the request's canonical bytes.
    let requestDigest (q: RecordedRequest) : Hash32 = Hash32.sha256 (ReadOnlySpan(request q))

    /// The canonical bytes of a receipt.
    let encode (receipt: Receipt) : byte[] =
        let w = WireWriter()
        w.Raw magic
        w.U16 Version
        RequestBytes.write w receipt.Request
        w.U32(uint32 receipt.Versions.Schedule)
        w.U32(uint32 receipt.Versions.Prices)
        w.U32(uint32 receipt.Versions.Abi)
        writeOutcome w receipt.Outcome
        w.Bytes receipt.ReturnData
        w.U64(uint64 receipt.GasUsed)
        Bytes.writeOption w (Encoding.writeDraft w) receipt.Draft
        Bytes.writeList w (writeEntry w) receipt.Journal
        writeReads w receipt.Reads
        w.Hash receipt.MemoryDigest
        w.Hash receipt.GlobalsDigest
        Bytes.writeOption w (writeOutput w) receipt.Output
        w.ToArray()

    /// The digest of a receipt: SHA-256 of its canonical bytes.
    let digest (receipt: Receipt) : Hash32 = Hash32.sha256 (ReadOnlySpan(encode receipt))

    let private readBody (r: WireReader) : Receipt =
        let request = RequestBytes.read r
        let schedule = Bytes.readInt r
        let prices = Bytes.readInt r
        let abi = Bytes.readInt r
        let outcome = readOutcome r
        let returnData = r.Bytes()
        let gas = Bytes.readLong r
        let draft = Bytes.readOption r (fun () -> Encoding.readDraft r)
        let mutable index = -1

        let journal =
            Bytes.readList r 10 (fun () ->
                index <- index + 1
                readEntry r index)

        let reads = readReads r
        let memory = r.Hash()
        let globals = r.Hash()
        let output = Bytes.readOption r (fun () -> readOutput r)

        {
            Request = request
            Versions = { Schedule = schedule; Prices = prices; Abi = abi }
            Outcome = outcome
            ReturnData = returnData
            GasUsed = gas
            Draft = draft
            Journal = journal
            Reads = reads
            MemoryDigest = memory
            GlobalsDigest = globals
            Output = output
        }

    /// The receipt that exactly these bytes say, or why they say none.
    let decode (bytes: byte[]) : Result<Receipt, string> =
        let r = WireReader bytes

        if r.Raw 4 <> magic then
            Error "not a receipt: it does not begin with TFRC"
        else
            match r.U16() with
            | Version ->
                r.Finish(readBody r)
                |> Result.bind (fun receipt ->
                    // Whatever has two spellings is caught here: the bytes must be the ones that encode gives.
                    if (encode receipt).AsSpan().SequenceEqual(bytes.AsSpan()) then
                        Ok receipt
                    else
                        Error "not canonical: the same receipt has other bytes")
            | version -> Error $"a receipt of version {version}; this reads version {Version}"
