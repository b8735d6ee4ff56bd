namespace Twofold.Engine

// The canonical bytes of requests and receipts: what digests are computed over (docs/RECEIPT_FORMAT.md describes them field by field).
// In: a receipt, or bytes from anywhere. Out: bytes, or a receipt; one value has one encoding, and reading refuses every other.

open System
open Twofold.Wasm
open Twofold.HostAbi

module ReceiptBytes =
    /// The format's version; it follows the magic number.
    [<Literal>]
    let Version = 1us

    let private magic = "TFRC"B

    // ---- parts

    let private writeOption (w: WireWriter) (write: 'T -> unit) (value: 'T option) =
        match value with
        | None -> w.U8 0uy
        | Some v ->
            w.U8 1uy
            write v

    let private readOption (r: WireReader) (read: unit -> 'T) : 'T option =
        match r.U8() with
        | 0uy -> None
        | 1uy -> Some(read ())
        | other ->
            r.Fail $"expected 0 or 1, found {other}"
            None

    let private writeList (w: WireWriter) (write: 'T -> unit) (items: 'T list) =
        w.U32(uint32 items.Length)
        List.iter write items

    let private readList (r: WireReader) smallest (read: unit -> 'T) : 'T list = r.Items(smallest, (fun _ -> read ())) |> List.ofArray

    /// Keys must ascend: one map has one encoding.
    let private readMap (r: WireReader) smallest (read: unit -> 'K * 'V) : Map<'K, 'V> =
        let items = r.Items(smallest, (fun _ -> read ()))

        for i in 1 .. items.Length - 1 do
            if compare (fst items[i - 1]) (fst items[i]) >= 0 then
                r.Fail "entries out of order"

        Map.ofArray items

    /// A non-negative number that fits the type it is for.
    let private readInt (r: WireReader) =
        let n = r.U32()

        if n > uint32 Int32.MaxValue then
            r.Fail $"{n} is out of range"

        int n

    let private readLong (r: WireReader) =
        let n = r.U64()

        if n > uint64 Int64.MaxValue then
            r.Fail $"{n} is out of range"

        int64 n

    // ---- request

    let private writeBlock (w: WireWriter) (b: BlockInfo) =
        w.U64 b.Height
        w.U64 b.Timestamp

        Map.toList b.Hashes
        |> writeList w (fun (height, hash) ->
            w.U64 height
            w.Hash hash)

    let private readBlock (r: WireReader) : BlockInfo =
        let height = r.U64()
        let time = r.U64()

        let hashes =
            readMap r 40 (fun () ->
                let h = r.U64()
                h, r.Hash())

        { Height = height; Timestamp = time; Hashes = hashes }

    let private wasmInts (l: WasmLimits) = [
        l.ModuleBytes
        l.Functions
        l.Params
        l.Results
        l.Locals
        l.Declarations
        l.Tables
        l.Memories
        l.BodyBytes
        l.Nesting
        l.StackUnits
        l.FrameSlots
    ]

    let private writeWasm (w: WireWriter) (l: WasmLimits) =
        wasmInts l |> List.iter (fun n -> w.U32(uint32 n))
        w.U64(uint64 l.TableEntries)
        w.U64(uint64 l.MemoryBytes)

    let private readWasm (r: WireReader) : WasmLimits =
        let moduleBytes = readInt r
        let functions = readInt r
        let pars = readInt r
        let results = readInt r
        let locals = readInt r
        let declarations = readInt r
        let tables = readInt r
        let memories = readInt r
        let body = readInt r
        let nesting = readInt r
        let stack = readInt r
        let frame = readInt r
        let entries = readLong r
        let memory = readLong r

        {
            ModuleBytes = moduleBytes
            Functions = functions
            Params = pars
            Results = results
            Locals = locals
            Declarations = declarations
            Tables = tables
            TableEntries = entries
            MemoryBytes = memory
            Memories = memories
            BodyBytes = body
            Nesting = nesting
            FrameSlots = frame
            StackUnits = stack
        }

    let private writeCall (w: WireWriter) (l: HostLimits) =
        [ l.KeyBytes; l.ValueBytes; l.EventBytes; l.ReturnDataBytes; l.RandomBytes; l.BatchOutputs; l.Outputs; l.Inputs ]
        |> List.iter (fun n -> w.U32(uint32 n))

    let private readCall (r: WireReader) : HostLimits =
        let key = readInt r
        let value = readInt r
        let event = readInt r
        let returnData = readInt r
        let random = readInt r
        let batch = readInt r
        let outputs = readInt r
        let inputs = readInt r

        {
            KeyBytes = key
            ValueBytes = value
            EventBytes = event
            ReturnDataBytes = returnData
            RandomBytes = random
            BatchOutputs = batch
            Outputs = outputs
            Inputs = inputs
        }

    let private writePolicy (w: WireWriter) (p: Policy) =
        w.U32 p.Features.Bits
        writeWasm w p.Wasm
        writeCall w p.Run.Call
        w.U64(uint64 p.Run.JournalBytes)
        w.U32(uint32 p.Run.ReentryDepth)
        w.U32(uint32 p.Run.ParameterBytes)
        w.U64(uint64 p.Gas)
        writeList w w.Text p.ImportModules

        let bit n on = if on then 1uy <<< n else 0uy
        w.U8(bit 0 p.Switches.FixedTime ||| bit 1 p.Switches.RandomOff ||| bit 2 p.Switches.Allocator)

    /// The features with these bits; unknown bits are an error.
    let internal featuresOfBits (bits: uint32) : Features voption =
        let known = Enum.GetValues<Feature>()
        let none = known |> Array.fold (fun (f: Features) x -> f.Without x) Features.Wasm1

        let made = known |> Array.fold (fun (f: Features) x -> if (bits >>> int x) &&& 1u = 1u then f.With x else f) none

        if made.Bits = bits then ValueSome made else ValueNone

    let private readPolicy (r: WireReader) : Policy =
        let bits = r.U32()

        let features =
            match featuresOfBits bits with
            | ValueSome f -> f
            | ValueNone ->
                r.Fail $"unknown features in 0x%x{bits}"
                Features.Default

        let wasm = readWasm r
        let call = readCall r
        let journal = readLong r
        let reentry = readInt r
        let parameters = readInt r
        let gas = readLong r
        let imports = readList r 4 r.Text
        let switches = r.U8()

        if switches > 7uy then
            r.Fail $"unknown switches in {switches}"

        let bit n = (switches >>> n) &&& 1uy = 1uy

        {
            Features = features
            Wasm = wasm
            Run = { Call = call; JournalBytes = journal; ReentryDepth = reentry; ParameterBytes = parameters }
            Gas = gas
            ImportModules = imports
            Switches = { FixedTime = bit 0; RandomOff = bit 1; Allocator = bit 2 }
        }

    let internal writeRequest (w: WireWriter) (q: RecordedRequest) =
        w.Hash q.ModuleHash

        q.Stored
        |> writeOption w (fun (address, version) ->
            w.Address address
            w.U64 version)

        w.Text q.Entry

        match q.Convention with
        | Convention.Contract -> w.U8 0uy
        | Convention.Raw arguments ->
            w.U8 1uy
            writeList w w.U64 arguments

        w.Bytes q.Parameters
        w.Address q.Caller
        w.Address q.Contract
        w.Hash q.TransactionId
        writeBlock w q.Block
        writeOption w w.Bytes q.RandomSeed

        q.Claims
        |> writeList w (fun c ->
            w.Bytes c.Claim
            w.Bytes c.Value
            w.Bytes c.Evidence)

        w.Text q.Profile
        writePolicy w q.Policy

    let internal readRequest (r: WireReader) : RecordedRequest =
        let moduleHash = r.Hash()

        let stored =
            readOption r (fun () ->
                let address = r.Address()
                address, r.U64())

        let entry = r.Text()

        let convention =
            match r.U8() with
            | 0uy -> Convention.Contract
            | 1uy -> Convention.Raw(readList r 8 r.U64)
            | other ->
                r.Fail $"unknown convention {other}"
                Convention.Contract

        let parameters = r.Bytes()
        let caller = r.Address()
        let contract = r.Address()
        let transaction = r.Hash()
        let block = readBlock r
        let seed = readOption r r.Bytes

        let claims =
            readList r 12 (fun () ->
                let claim = r.Bytes()
                let value = r.Bytes()
                { Claim = claim; Value = value; Evidence = r.Bytes() })

        let profile = r.Text()
        let policy = readPolicy r

        {
            ModuleHash = moduleHash
            Stored = stored
            Entry = entry
            Convention = convention
            Parameters = parameters
            Caller = caller
            Contract = contract
            TransactionId = transaction
            Block = block
            RandomSeed = seed
            Claims = claims
            Profile = profile
            Policy = policy
        }

    // ---- outcome, journal, reads

    let private writeOutcome (w: WireWriter) (o: Outcome) =
        match o with
        | Outcome.Returned values ->
            w.U8 0uy

            values
            |> writeList w (fun v ->
                w.U8(byte v.Kind)
                w.U64 v.Low
                w.U64 v.High)
        | Outcome.Failed status ->
            w.U8 1uy
            w.U32(uint32 status)
        | Outcome.Trapped(code, a, b, c) ->
            w.U8 2uy
            w.U32(uint32 code)
            w.U64 a
            w.U64 b
            w.U64 c
        // 3: an exception that nobody caught, in the version that executes exceptions.
        | Outcome.OutOfGas -> w.U8 4uy
        | Outcome.StackExhausted -> w.U8 5uy

    let private readOutcome (r: WireReader) : Outcome =
        match r.U8() with
        | 0uy ->
            Outcome.Returned(
                readList r 17 (fun () ->
                    let kind = r.U8()

                    if kind < 1uy || kind > 9uy then
                        r.Fail $"unknown kind of value {kind}"

                    let low = r.U64()
                    { Kind = LanguagePrimitives.EnumOfValue<byte, ValueKind> kind; Low = low; High = r.U64() })
            )
        | 1uy -> Outcome.Failed(int (r.U32()))
        | 2uy ->
            let code = readInt r
            let a = r.U64()
            let b = r.U64()
            Outcome.Trapped(code, a, b, r.U64())
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
                match HostErrorCode.tryOfNumber (readInt r) with
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

        { Index = index; Effect = effect; Reply = reply; GasLeft = readLong r }

    let private writeReads (w: WireWriter) (reads: Reads) =
        Map.toList reads.Utxos
        |> writeList w (fun ((owner, token), utxos) ->
            w.Address owner
            w.Token token
            writeList w (Encoding.writeUtxo w) utxos)

        Map.toList reads.State
        |> writeList w (fun ((contract, key), value) ->
            w.Address contract
            w.Bytes key.Bytes
            writeOption w w.Bytes value)

        Map.toList reads.BlockHashes
        |> writeList w (fun (height, hash) ->
            w.U64 height
            writeOption w w.Hash hash)

    let private readReads (r: WireReader) : Reads =
        let utxos =
            readMap r 50 (fun () ->
                let owner = r.Address()
                let token = r.Token()
                (owner, token), readList r Encoding.utxoSize (fun () -> Encoding.readUtxo r))

        let state =
            readMap r 47 (fun () ->
                let contract = r.Address()
                let key = StateKey(r.Bytes())
                (contract, key), readOption r r.Bytes)

        let hashes =
            readMap r 9 (fun () ->
                let height = r.U64()
                height, readOption r r.Hash)

        { Utxos = utxos; State = state; BlockHashes = hashes }

    // ---- the whole

    /// The canonical bytes of a recorded request.
    let request (q: RecordedRequest) : byte[] =
        let w = WireWriter()
        w.Raw magic
        w.U16 Version
        writeRequest w q
        w.ToArray()

    /// SHA-256 of the request's canonical bytes.
    let requestDigest (q: RecordedRequest) : Hash32 = Hash32.sha256 (ReadOnlySpan(request q))

    /// The canonical bytes of a receipt.
    let encode (receipt: Receipt) : byte[] =
        let w = WireWriter()
        w.Raw magic
        w.U16 Version
        writeRequest w receipt.Request
        w.U32(uint32 receipt.Versions.Schedule)
        w.U32(uint32 receipt.Versions.Prices)
        w.U32(uint32 receipt.Versions.Abi)
        writeOutcome w receipt.Outcome
        w.Bytes receipt.ReturnData
        w.U64(uint64 receipt.GasUsed)
        writeOption w (Encoding.writeDraft w) receipt.Draft
        writeList w (writeEntry w) receipt.Journal
        writeReads w receipt.Reads
        w.Hash receipt.MemoryDigest
        w.Hash receipt.GlobalsDigest
        w.ToArray()

    /// The digest of a receipt: SHA-256 of its canonical bytes.
    let digest (receipt: Receipt) : Hash32 = Hash32.sha256 (ReadOnlySpan(encode receipt))

    let private readBody (r: WireReader) : Receipt =
        let request = readRequest r
        let schedule = readInt r
        let prices = readInt r
        let abi = readInt r
        let outcome = readOutcome r
        let returnData = r.Bytes()
        let gas = readLong r
        let draft = readOption r (fun () -> Encoding.readDraft r)
        let mutable index = -1

        let journal =
            readList r 10 (fun () ->
                index <- index + 1
                readEntry r index)

        let reads = readReads r
        let memory = r.Hash()
        let globals = r.Hash()

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
