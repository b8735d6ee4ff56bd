namespace Twofold.Engine

// Requests, policies and snapshots in JSON (docs/RECEIPT_FORMAT.md): what receipts keep, and what people write by hand.
// In: values or JSON text. Out: JSON, or values, or where the text is wrong.

open System
open System.Text.Json
open Twofold.Wasm
open Twofold.HostAbi

module SnapshotJson =
    let internal writeBlock (w: Utf8JsonWriter) (b: BlockInfo) =
        Write.object w "block" (fun () ->
            Write.u64 w "height" b.Height
            Write.u64 w "timestamp" b.Timestamp
            Write.object w "hashes" (fun () -> b.Hashes |> Map.iter (fun height hash -> Write.hash w (string height) hash)))

    let private heightName (n: Node) (name: string) =
        match UInt64.TryParse(name, Globalization.NumberStyles.None, Globalization.CultureInfo.InvariantCulture) with
        | true, height -> height
        | _ -> n.Fail $"'{name}' is not a block height"

    let internal readBlock (n: Node) : BlockInfo =
        n.Only [ "height"; "timestamp"; "hashes" ]

        {
            Height = n.Prop("height").U64
            Timestamp = n.Prop("timestamp").U64
            Hashes =
                match n.TryProp "hashes" with
                | ValueSome hashes -> hashes.Fields |> List.map (fun (name, v) -> heightName hashes name, v.Hash) |> Map.ofList
                | ValueNone -> Map.empty
        }

    let private keyOf (n: Node) (name: string) =
        match Json.tryBytes name with
        | ValueSome b -> StateKey b
        | ValueNone -> n.Fail $"'{name}' is no key: write text, or 0x and hexadecimal digits"

    let internal write (w: Utf8JsonWriter) (s: Snapshot) =
        Write.array w "utxos" s.Utxos (fun u -> Write.item w (fun () -> Json.writeUtxo w u))

        Write.object w "state" (fun () ->
            s.State
            |> Map.iter (fun contract values ->
                Write.object w contract.Text (fun () ->
                    values |> Map.iter (fun key value -> Write.bytes w (Json.bytesText key.Bytes) value))))

        writeBlock w s.Block

    let internal readNode (n: Node) : Snapshot =
        n.Only [ "utxos"; "state"; "block" ]

        let contract (name: string, values: Node) =
            match Address.tryParse name with
            | ValueNone -> values.Fail "the name is not an address, 0x and 40 hexadecimal digits"
            | ValueSome address -> address, values.Fields |> List.map (fun (key, value) -> keyOf values key, value.Bytes) |> Map.ofList

        {
            Utxos =
                match n.TryProp "utxos" with
                | ValueSome utxos ->
                    let items = utxos.Items |> List.map (fun u -> u, u.Via Json.utxo)
                    let seen = Collections.Generic.HashSet<OutPoint>()

                    for node, utxo in items do
                        if not (seen.Add utxo.Id) then
                            node.Fail $"output {utxo.Id.Index} of {utxo.Id.Transaction} is there twice"

                    List.map snd items
                | ValueNone -> []
            State =
                match n.TryProp "state" with
                | ValueSome state -> state.Fields |> List.map contract |> Map.ofList
                | ValueNone -> Map.empty
            Block =
                match n.TryProp "block" with
                | ValueSome block -> readBlock block
                | ValueNone -> Snapshot.empty.Block
        }

    /// A snapshot as JSON: `utxos`, `state` by contract and key, `block`.
    let toJson (s: Snapshot) : string = Write.toText (fun w -> write w s)

    /// The snapshot that JSON says; every part may be absent.
    let ofJson (json: string) : Result<Snapshot, string> = Read.parse readNode (ReadOnlyMemory(Utf8.bytes json))

module internal PolicyJson =
    let private wasmInts (l: WasmLimits) = [
        "moduleBytes", l.ModuleBytes
        "functions", l.Functions
        "params", l.Params
        "results", l.Results
        "locals", l.Locals
        "declarations", l.Declarations
        "tables", l.Tables
        "memories", l.Memories
        "bodyBytes", l.BodyBytes
        "nesting", l.Nesting
        "stackUnits", l.StackUnits
        "frameSlots", l.FrameSlots
        "fields", l.Fields
        "subtypeDepth", l.SubtypeDepth
        "fixedElements", l.FixedElements
    ]

    let private callInts (l: HostLimits) = [
        "keyBytes", l.KeyBytes
        "valueBytes", l.ValueBytes
        "eventBytes", l.EventBytes
        "returnDataBytes", l.ReturnDataBytes
        "randomBytes", l.RandomBytes
        "batchOutputs", l.BatchOutputs
        "outputs", l.Outputs
        "inputs", l.Inputs
    ]

    let write (w: Utf8JsonWriter) (p: Policy) =
        let features = Enum.GetValues<Feature>() |> Array.filter p.Features.Has |> Array.map Feature.name
        Write.array w "features" features (fun f -> w.WriteStringValue f)
        Write.i64 w "gas" p.Gas
        Write.array w "importModules" p.ImportModules (fun m -> w.WriteStringValue m)

        Write.object w "switches" (fun () ->
            Write.bool w "fixedTime" p.Switches.FixedTime
            Write.bool w "randomOff" p.Switches.RandomOff
            Write.bool w "allocator" p.Switches.Allocator)

        Write.object w "wasm" (fun () ->
            wasmInts p.Wasm |> List.iter (fun (name, n) -> Write.int w name n)
            Write.i64 w "tableEntries" p.Wasm.TableEntries
            Write.i64 w "memoryBytes" p.Wasm.MemoryBytes
            Write.i64 w "gcBytes" p.Wasm.GcBytes
            Write.i64 w "arrayBytes" p.Wasm.ArrayBytes)

        Write.object w "calls" (fun () -> callInts p.Run.Call |> List.iter (fun (name, n) -> Write.int w name n))
        Write.i64 w "journalBytes" p.Run.JournalBytes
        Write.int w "reentryDepth" p.Run.ReentryDepth
        Write.int w "parameterBytes" p.Run.ParameterBytes
        Write.i64 w "outputBytes" p.Run.OutputBytes
        Write.i64 w "fileBytes" p.Run.FileBytes

    let private readFeatures (n: Node) : Features =
        let known = Enum.GetValues<Feature>()

        let bit (f: Node) =
            match known |> Array.tryFind (fun k -> Feature.name k = f.Text) with
            | Some feature -> 1u <<< int feature
            | None -> f.Expected "the name of a feature"

        match n.Items |> List.fold (fun bits f -> bits ||| bit f) 0u |> RequestBytes.featuresOfBits with
        | ValueSome features -> features
        | ValueNone -> n.Fail "these features do not go together"

    let readSwitches (n: Node) : Switches =
        n.Only [ "fixedTime"; "randomOff"; "allocator" ]

        {
            FixedTime = n.Prop("fixedTime").Bool
            RandomOff = n.Prop("randomOff").Bool
            Allocator = n.Prop("allocator").Bool
        }

    let private readWasm (n: Node) : WasmLimits =
        n.Only([ "tableEntries"; "memoryBytes"; "gcBytes"; "arrayBytes" ] @ List.map fst (wasmInts WasmLimits.Contract))
        let int (name: string) = n.Prop(name).Size

        {
            ModuleBytes = int "moduleBytes"
            Functions = int "functions"
            Params = int "params"
            Results = int "results"
            Locals = int "locals"
            Declarations = int "declarations"
            Tables = int "tables"
            TableEntries = n.Prop("tableEntries").I64
            MemoryBytes = n.Prop("memoryBytes").I64
            Memories = int "memories"
            BodyBytes = int "bodyBytes"
            Nesting = int "nesting"
            FrameSlots = int "frameSlots"
            StackUnits = int "stackUnits"
            Fields = int "fields"
            SubtypeDepth = int "subtypeDepth"
            FixedElements = int "fixedElements"
            GcBytes = n.Prop("gcBytes").I64
            ArrayBytes = n.Prop("arrayBytes").I64
        }

    let private readCalls (n: Node) : HostLimits =
        n.Only(List.map fst (callInts HostLimits.Contract))
        let int (name: string) = n.Prop(name).Size

        {
            KeyBytes = int "keyBytes"
            ValueBytes = int "valueBytes"
            EventBytes = int "eventBytes"
            ReturnDataBytes = int "returnDataBytes"
            RandomBytes = int "randomBytes"
            BatchOutputs = int "batchOutputs"
            Outputs = int "outputs"
            Inputs = int "inputs"
        }

    let read (n: Node) : Policy =
        n.Only [
            "features"
            "gas"
            "importModules"
            "switches"
            "wasm"
            "calls"
            "journalBytes"
            "reentryDepth"
            "parameterBytes"
            "outputBytes"
            "fileBytes"
        ]

        {
            Features = readFeatures (n.Prop "features")
            Wasm = readWasm (n.Prop "wasm")
            Run = {
                Call = readCalls (n.Prop "calls")
                JournalBytes = n.Prop("journalBytes").I64
                ReentryDepth = n.Prop("reentryDepth").Size
                ParameterBytes = n.Prop("parameterBytes").Size
                OutputBytes = n.Prop("outputBytes").I64
                FileBytes = n.Prop("fileBytes").I64
            }
            Gas = n.Prop("gas").I64
            ImportModules = n.Prop("importModules").Items |> List.map _.Text
            Switches = readSwitches (n.Prop "switches")
        }

module internal ImportsJson =
    let private typeName (t: ValType) = string t

    let write (w: Utf8JsonWriter) (g: ImportGrants) =
        Write.array w "allowed" g.Allowed (fun p -> w.WriteStringValue p.Text)

        Write.array w "functions" g.Functions (fun f ->
            Write.item w (fun () ->
                Write.text w "module" f.Module
                Write.text w "name" f.Name
                Write.array w "params" f.Type.Params (fun t -> w.WriteStringValue(typeName t))
                Write.array w "results" f.Type.Results (fun t -> w.WriteStringValue(typeName t))))

    let private readTypes (n: Node) =
        n.Items
        |> List.map (fun t ->
            match ImportGrants.types |> List.tryFind (fun known -> typeName known = t.Text) with
            | Some known -> known
            | None -> t.Expected "i32, i64, f32 or f64")
        |> Array.ofList

    let private readPattern (n: Node) : ImportPattern =
        match ImportPattern.TryParse n.Text with
        | ValueSome p -> p
        | ValueNone -> n.Expected "a pattern of imports: *, env.* or env.log"

    let private readFunction (n: Node) : HostSignature =
        n.Only [ "module"; "name"; "params"; "results" ]

        {
            Module = n.Prop("module").Text
            Name = n.Prop("name").Text
            Type = { Params = readTypes (n.Prop "params"); Results = readTypes (n.Prop "results") }
        }

    let read (n: Node) : ImportGrants =
        n.Only [ "allowed"; "functions" ]

        {
            Allowed = n.Prop("allowed").Items |> List.map readPattern
            Functions = n.Prop("functions").Items |> List.map readFunction
        }

module RequestJson =
    let internal write (w: Utf8JsonWriter) (q: RecordedRequest) =
        Write.hash w "module" q.ModuleHash

        q.Stored
        |> Option.iter (fun (address, version) ->
            Write.object w "stored" (fun () ->
                Write.address w "address" address
                Write.u64 w "version" version))

        Write.text w "entry" q.Entry

        match q.Convention with
        | Convention.Contract -> Write.text w "convention" "contract"
        | Convention.Raw arguments ->
            Write.text w "convention" "raw"
            Write.array w "arguments" arguments (fun a -> w.WriteStringValue(string a))
        | Convention.Skill input ->
            Write.text w "convention" "skill"
            Write.bytes w "input" input

        Write.bytes w "parameters" q.Parameters
        Write.address w "caller" q.Caller
        Write.address w "contract" q.Contract
        Write.hash w "transaction" q.TransactionId
        SnapshotJson.writeBlock w q.Block
        q.RandomSeed |> Option.iter (Write.bytes w "randomSeed")

        Write.array w "claims" q.Claims (fun c ->
            Write.item w (fun () ->
                Write.bytes w "claim" c.Claim
                Write.bytes w "value" c.Value
                Write.bytes w "evidence" c.Evidence))

        Write.text w "profile" q.Profile
        Write.object w "policy" (fun () -> PolicyJson.write w q.Policy)
        q.Wasi |> Option.iter (fun world -> Write.object w "wasi" (fun () -> WasiWorldJson.write w world))
        q.Imports |> Option.iter (fun g -> Write.object w "imports" (fun () -> ImportsJson.write w g))

        q.Skill
        |> Option.iter (fun g ->
            Write.object w "skill" (fun () ->
                Write.text w "name" g.Name
                Write.text w "version" g.Version
                Write.array w "permissions" g.Permissions (fun p -> w.WriteStringValue p.Text)))

    let private option (n: Node voption) (read: Node -> 'T) =
        match n with
        | ValueSome n -> Some(read n)
        | ValueNone -> None

    let private readConvention (n: Node) =
        match n.Prop("convention").Text, n.TryProp "arguments", n.TryProp "input" with
        | "contract", ValueNone, ValueNone -> Convention.Contract
        | "raw", ValueSome arguments, ValueNone -> Convention.Raw(arguments.Items |> List.map _.U64)
        | "skill", ValueNone, ValueSome input -> Convention.Skill input.Bytes
        | "contract", ValueSome arguments, _ -> arguments.Fail "a contract call has no arguments"
        | "raw", ValueNone, _ -> n.Fail "a raw call has 'arguments'"
        | "skill", ValueSome arguments, _ -> arguments.Fail "a skill has no arguments but its 'input'"
        | "skill", _, ValueNone -> n.Fail "a skill's call has 'input'"
        | ("contract" | "raw"), _, ValueSome input -> input.Fail "only a skill's call has an input"
        | _ -> n.Prop("convention").Expected "\"contract\", \"raw\" or \"skill\""

    let private readGrant (n: Node) : SkillGrant =
        n.Only [ "name"; "version"; "permissions" ]

        let permission (p: Node) =
            match Permission.parse p.Text with
            | Ok permission -> permission
            | Error why -> p.Fail why

        {
            Name = n.Prop("name").Text
            Version = n.Prop("version").Text
            Permissions = n.Prop("permissions").Items |> List.map permission
        }

    let private readClaim (n: Node) : DeclaredClaim =
        n.Only [ "claim"; "value"; "evidence" ]

        {
            Claim = n.Prop("claim").Bytes
            Value = n.Prop("value").Bytes
            Evidence =
                match n.TryProp "evidence" with
                | ValueSome e -> e.Bytes
                | ValueNone -> [||]
        }

    let private names = [
        "module"
        "stored"
        "entry"
        "convention"
        "arguments"
        "input"
        "parameters"
        "caller"
        "contract"
        "transaction"
        "block"
        "randomSeed"
        "claims"
        "profile"
        "policy"
        "skill"
        "wasi"
        "imports"
    ]

    let internal read (n: Node) : RecordedRequest =
        n.Only names

        {
            ModuleHash = n.Prop("module").Hash
            Stored = option (n.TryProp "stored") (fun s -> s.Prop("address").Address, s.Prop("version").U64)
            Entry = n.Prop("entry").Text
            Convention = readConvention n
            Parameters = n.Prop("parameters").Bytes
            Caller = n.Prop("caller").Address
            Contract = n.Prop("contract").Address
            TransactionId = n.Prop("transaction").Hash
            Block = SnapshotJson.readBlock (n.Prop "block")
            RandomSeed = option (n.TryProp "randomSeed") _.Bytes
            Claims = n.Prop("claims").Items |> List.map readClaim
            Profile = n.Prop("profile").Text
            Policy = PolicyJson.read (n.Prop "policy")
            Skill = option (n.TryProp "skill") readGrant
            Wasi = option (n.TryProp "wasi") WasiWorldJson.read
            Imports = option (n.TryProp "imports") ImportsJson.read
        }

    /// A recorded request as JSON.
    let toJson (q: RecordedRequest) : string = Write.toText (fun w -> write w q)

    /// The recorded request that JSON says.
    let ofJson (json: string) : Result<RecordedRequest, string> = Read.parse read (ReadOnlyMemory(Utf8.bytes json))

    /// A request as people write it: like a recorded one, but the profile's own numbers are in force unless `limits` or `switches` say otherwise,
    /// the module is given apart, and everything that has a plain default may be absent (docs/RECEIPT_FORMAT.md, "Request files").
    let private readAuthored (bytes: byte[]) (snapshot: Snapshot) (n: Node) : ExecutionRequest =
        n.Only("limits" :: "switches" :: (names |> List.except [ "module"; "stored"; "policy"; "imports" ]))

        let orElse name fallback (read: Node -> 'T) =
            match n.TryProp name with
            | ValueSome v -> read v
            | ValueNone -> fallback

        let profile =
            orElse "profile" Profile.contract (fun p ->
                match Profile.tryFind p.Text with
                | Some profile -> profile
                | None -> p.Expected "contract, skill, sandbox or host")

        let readLimits (l: Node) =
            l.Only [ "gas"; "memoryBytes"; "tableEntries"; "stackUnits" ]

            {
                Gas = option (l.TryProp "gas") _.I64
                MemoryBytes = option (l.TryProp "memoryBytes") _.I64
                TableEntries = option (l.TryProp "tableEntries") _.I64
                StackUnits = option (l.TryProp "stackUnits") _.Size
            }

        {
            Module = ModuleSource.Bytes bytes
            Entry = n.Prop("entry").Text
            Convention = (if (n.TryProp "convention").IsNone then Convention.Contract else readConvention n)
            Parameters = orElse "parameters" [||] _.Bytes
            Caller = n.Prop("caller").Address
            Contract = n.Prop("contract").Address
            TransactionId = orElse "transaction" Hash32.zero _.Hash
            Block = orElse "block" snapshot.Block SnapshotJson.readBlock
            RandomSeed = option (n.TryProp "randomSeed") _.Bytes
            Claims = orElse "claims" [] (fun c -> c.Items |> List.map readClaim)
            Snapshot = Snapshot.view snapshot
            Profile = profile
            Limits = orElse "limits" RequestLimits.None readLimits
            Switches = option (n.TryProp "switches") PolicyJson.readSwitches
            Skill = option (n.TryProp "skill") readGrant
            Wasi = option (n.TryProp "wasi") WasiWorldJson.read
            WasiHost = null
            Imports = None
            Functions = null
        }

    /// The request that a request file says, on this module and snapshot.
    let ofRequestFile (bytes: byte[]) (snapshot: Snapshot) (json: string) : Result<ExecutionRequest, string> =
        Read.parse (readAuthored bytes snapshot) (ReadOnlyMemory(Utf8.bytes json))
