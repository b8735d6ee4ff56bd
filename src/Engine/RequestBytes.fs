namespace Twofold.Engine

// The canonical bytes of requests (docs/RECEIPT_FORMAT.md describes them field by field), and the small forms that receipts share with them.
// In: a recorded request, or a reader on bytes from anywhere. Out: bytes, or the request; the reader keeps the first error.

open System
open Twofold.Wasm
open Twofold.HostAbi

/// Options, lists, maps and numbers as receipts write them: one value has one encoding.
module internal Bytes =
    let writeOption (w: WireWriter) (write: 'T -> unit) (value: 'T option) =
        match value with
        | None -> w.U8 0uy
        | Some v ->
            w.U8 1uy
            write v

    let readOption (r: WireReader) (read: unit -> 'T) : 'T option =
        match r.U8() with
        | 0uy -> None
        | 1uy -> Some(read ())
        | other ->
            r.Fail $"expected 0 or 1, found {other}"
            None

    let writeList (w: WireWriter) (write: 'T -> unit) (items: 'T list) =
        w.U32(uint32 items.Length)
        List.iter write items

    let readList (r: WireReader) smallest (read: unit -> 'T) : 'T list = r.Items(smallest, (fun _ -> read ())) |> List.ofArray

    /// Keys must ascend: one map has one encoding.
    let readMap (r: WireReader) smallest (read: unit -> 'K * 'V) : Map<'K, 'V> =
        let items = r.Items(smallest, (fun _ -> read ()))

        for i in 1 .. items.Length - 1 do
            if compare (fst items[i - 1]) (fst items[i]) >= 0 then
                r.Fail "entries out of order"

        Map.ofArray items

    /// A non-negative number that fits the type it is for.
    let readInt (r: WireReader) =
        let n = r.U32()

        if n > uint32 Int32.MaxValue then
            r.Fail $"{n} is out of range"

        int n

    let readLong (r: WireReader) =
        let n = r.U64()

        if n > uint64 Int64.MaxValue then
            r.Fail $"{n} is out of range"

        int64 n

module internal RequestBytes =
    let private writeBlock (w: WireWriter) (b: BlockInfo) =
        w.U64 b.Height
        w.U64 b.Timestamp

        Map.toList b.Hashes
        |> Bytes.writeList w (fun (height, hash) ->
            w.U64 height
            w.Hash hash)

    let private readBlock (r: WireReader) : BlockInfo =
        let height = r.U64()
        let time = r.U64()

        let hashes =
            Bytes.readMap r 40 (fun () ->
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
        l.Fields
        l.SubtypeDepth
        l.FixedElements
    ]

    let private writeWasm (w: WireWriter) (l: WasmLimits) =
        wasmInts l |> List.iter (fun n -> w.U32(uint32 n))
        w.U64(uint64 l.TableEntries)
        w.U64(uint64 l.MemoryBytes)
        w.U64(uint64 l.GcBytes)
        w.U64(uint64 l.ArrayBytes)

    let private readWasm (r: WireReader) : WasmLimits =
        let moduleBytes = Bytes.readInt r
        let functions = Bytes.readInt r
        let pars = Bytes.readInt r
        let results = Bytes.readInt r
        let locals = Bytes.readInt r
        let declarations = Bytes.readInt r
        let tables = Bytes.readInt r
        let memories = Bytes.readInt r
        let body = Bytes.readInt r
        let nesting = Bytes.readInt r
        let stack = Bytes.readInt r
        let frame = Bytes.readInt r
        let fields = Bytes.readInt r
        let depth = Bytes.readInt r
        let elements = Bytes.readInt r
        let entries = Bytes.readLong r
        let memory = Bytes.readLong r
        let gc = Bytes.readLong r
        let array = Bytes.readLong r

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
            Fields = fields
            SubtypeDepth = depth
            FixedElements = elements
            GcBytes = gc
            ArrayBytes = array
        }

    let private writeCall (w: WireWriter) (l: HostLimits) =
        [ l.KeyBytes; l.ValueBytes; l.EventBytes; l.ReturnDataBytes; l.RandomBytes; l.BatchOutputs; l.Outputs; l.Inputs ]
        |> List.iter (fun n -> w.U32(uint32 n))

    let private readCall (r: WireReader) : HostLimits =
        let key = Bytes.readInt r
        let value = Bytes.readInt r
        let event = Bytes.readInt r
        let returnData = Bytes.readInt r
        let random = Bytes.readInt r
        let batch = Bytes.readInt r
        let outputs = Bytes.readInt r
        let inputs = Bytes.readInt r

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
        w.U64(uint64 p.Run.OutputBytes)
        w.U64(uint64 p.Run.FileBytes)
        w.U64(uint64 p.Gas)
        Bytes.writeList w w.Text p.ImportModules

        let bit n on = if on then 1uy <<< n else 0uy
        w.U8(bit 0 p.Switches.FixedTime ||| bit 1 p.Switches.RandomOff ||| bit 2 p.Switches.Allocator)

    /// The features with these bits; unknown bits are an error.
    let featuresOfBits (bits: uint32) : Features voption =
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
        let journal = Bytes.readLong r
        let reentry = Bytes.readInt r
        let parameters = Bytes.readInt r
        let output = Bytes.readLong r
        let files = Bytes.readLong r
        let gas = Bytes.readLong r
        let imports = Bytes.readList r 4 r.Text
        let switches = r.U8()

        if switches > 7uy then
            r.Fail $"unknown switches in {switches}"

        let bit n = (switches >>> n) &&& 1uy = 1uy

        {
            Features = features
            Wasm = wasm
            Run = {
                Call = call
                JournalBytes = journal
                ReentryDepth = reentry
                ParameterBytes = parameters
                OutputBytes = output
                FileBytes = files
            }
            Gas = gas
            ImportModules = imports
            Switches = { FixedTime = bit 0; RandomOff = bit 1; Allocator = bit 2 }
        }

    let private writeTypes (w: WireWriter) (types: ValType[]) = List.ofArray types |> Bytes.writeList w (fun t -> w.U8(byte t.Code))

    let private readTypes (r: WireReader) : ValType[] =
        Bytes.readList r 1 (fun () ->
            let code = int (r.U8())

            match ImportGrants.types |> List.tryFind (fun t -> int t.Code = code) with
            | Some t -> t
            | None ->
                r.Fail $"unknown type of a registered function 0x%02x{code}"
                ValType.I32)
        |> Array.ofList

    let private writeImports (w: WireWriter) (g: ImportGrants) =
        Bytes.writeList w (fun (p: ImportPattern) -> w.Text p.Text) g.Allowed

        g.Functions
        |> Bytes.writeList w (fun f ->
            w.Text f.Module
            w.Text f.Name
            writeTypes w f.Type.Params
            writeTypes w f.Type.Results)

    let private readImports (r: WireReader) : ImportGrants =
        let allowed =
            Bytes.readList r 4 (fun () ->
                let text = r.Text()

                match ImportPattern.TryParse text with
                | ValueSome p -> Some p
                | ValueNone ->
                    r.Fail $"'{text}' is no pattern of imports"
                    None)
            |> List.choose id

        let functions =
            Bytes.readList r 16 (fun () ->
                let moduleName = r.Text()
                let name = r.Text()
                let pars = readTypes r
                { Module = moduleName; Name = name; Type = { Params = pars; Results = readTypes r } })

        { Allowed = allowed; Functions = functions }

    let private writeGrant (w: WireWriter) (g: SkillGrant) =
        w.Text g.Name
        w.Text g.Version
        Bytes.writeList w (fun (p: Permission) -> w.Text p.Text) g.Permissions

    let private readGrant (r: WireReader) : SkillGrant =
        let name = r.Text()
        let version = r.Text()

        let permissions =
            Bytes.readList r 4 (fun () ->
                match Permission.parse (r.Text()) with
                | Ok permission -> permission
                | Error why ->
                    r.Fail $"a permission: {why}"
                    Permission.Wasi)

        { Name = name; Version = version; Permissions = permissions }

    let write (w: WireWriter) (q: RecordedRequest) =
        w.Hash q.ModuleHash

        q.Stored
        |> Bytes.writeOption w (fun (address, version) ->
            w.Address address
            w.U64 version)

        w.Text q.Entry

        match q.Convention with
        | Convention.Contract -> w.U8 0uy
        | Convention.Raw arguments ->
            w.U8 1uy
            Bytes.writeList w w.U64 arguments
        | Convention.Skill input ->
            w.U8 2uy
            w.Bytes input

        w.Bytes q.Parameters
        w.Address q.Caller
        w.Address q.Contract
        w.Hash q.TransactionId
        writeBlock w q.Block
        Bytes.writeOption w w.Bytes q.RandomSeed

        q.Claims
        |> Bytes.writeList w (fun c ->
            w.Bytes c.Claim
            w.Bytes c.Value
            w.Bytes c.Evidence)

        w.Text q.Profile
        writePolicy w q.Policy
        Bytes.writeOption w (writeImports w) q.Imports
        Bytes.writeOption w (writeGrant w) q.Skill
        Bytes.writeOption w (WasiWorldBytes.write w) q.Wasi

    let read (r: WireReader) : RecordedRequest =
        let moduleHash = r.Hash()

        let stored =
            Bytes.readOption r (fun () ->
                let address = r.Address()
                address, r.U64())

        let entry = r.Text()

        let convention =
            match r.U8() with
            | 0uy -> Convention.Contract
            | 1uy -> Convention.Raw(Bytes.readList r 8 r.U64)
            | 2uy -> Convention.Skill(r.Bytes())
            | other ->
                r.Fail $"unknown convention {other}"
                Convention.Contract

        let parameters = r.Bytes()
        let caller = r.Address()
        let contract = r.Address()
        let transaction = r.Hash()
        let block = readBlock r
        let seed = Bytes.readOption r r.Bytes

        let claims =
            Bytes.readList r 12 (fun () ->
                let claim = r.Bytes()
                let value = r.Bytes()
                { Claim = claim; Value = value; Evidence = r.Bytes() })

        let profile = r.Text()
        let policy = readPolicy r
        let imports = Bytes.readOption r (fun () -> readImports r)
        let skill = Bytes.readOption r (fun () -> readGrant r)
        let wasi = Bytes.readOption r (fun () -> WasiWorldBytes.read r)

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
            Imports = imports
            Skill = skill
            Wasi = wasi
        }
