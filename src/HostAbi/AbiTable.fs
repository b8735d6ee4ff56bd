namespace Twofold.HostAbi

// The table of host functions: linking, dispatch, pricing, the reference page and the guest header derive from it, and nothing else lists them.
// In: nothing. Out: one row per import that a contract may have.

/// The two types that cross the boundary.
[<RequireQualifiedAccess>]
type AbiType =
    | I32
    | I64

    override t.ToString() =
        match t with
        | I32 -> "i32"
        | I64 -> "i64"

/// What a parameter means. Pointers and lengths are u32.
[<RequireQualifiedAccess>]
type ParamKind =
    /// An amount of a token, unsigned.
    | Amount
    /// A block height, unsigned.
    | Height
    /// A version number, unsigned.
    | Version
    /// A number of ResourceKind.
    | ResourceKind
    /// A log level.
    | Level
    /// A size in bytes for the allocator.
    | Size
    /// A line or column, for abort.
    | Position
    /// A block of the allocator, or 0.
    | Block
    /// An AssemblyScript string: UTF-16, its byte length in the four bytes before it; 0 is none.
    | ScriptText
    /// 42 bytes to read.
    | InAddress
    /// 32 bytes to read.
    | InHash
    /// Bytes to read; the next parameter is their Length.
    | InBytes
    /// How many bytes the pointer before it means.
    | Length
    /// 42 bytes to write.
    | OutAddress
    /// 32 bytes to write.
    | OutHash
    /// Room for the whole reply, however long it is: its length is asked for first.
    | OutBytes
    /// Room for a reply, written only when it fits; the next parameter is the Capacity.
    | OutCapped
    /// How many bytes there is room for.
    | Capacity
    /// Room for as many bytes as the next parameter, a FillLength, asks for.
    | OutFill
    /// How many bytes are wanted.
    | FillLength

/// One parameter.
type AbiParam = { Name: string; Type: AbiType; Kind: ParamKind }

/// What a call costs in gas: charged before it acts, except for the bytes it writes, which are charged before they are written.
type Price = {
    Base: int64
    /// For each byte read from guest memory as an argument and each byte written as a reply.
    PerByte: int64
    /// For each output that the call has to look at (see Decide.weight).
    PerItem: int64
}

/// What a row does.
[<RequireQualifiedAccess>]
type RowAction =
    /// It yields this effect: decide answers.
    | Yields of EffectKind
    /// The engine answers with the reason of the last failure.
    | LastError
    /// The allocator gives a block.
    | Allocate
    /// The allocator takes a block back.
    | Free
    /// The run traps with a message.
    | Abort
    /// Not a function: a memory that the engine supplies.
    | Memory

/// One import.
type AbiRow = {
    Module: string
    Name: string
    Params: AbiParam list
    Result: AbiType option
    /// What the result is, in words.
    Answer: string
    Price: Price
    /// The version of the ABI that brought it.
    Since: int
    Doc: string
    Action: RowAction
    /// Refused at link time when the request switches randomness off.
    NeedsRandom: bool
} with

    /// The row as a line: `state_get(key_ptr i32, key_len i32, out_ptr i32) -> i32`.
    member r.Signature =
        match r.Action with
        | RowAction.Memory -> $"{r.Name} (memory)"
        | _ ->
            let ps = r.Params |> List.map (fun p -> $"{p.Name} {p.Type}") |> String.concat ", "

            match r.Result with
            | Some t -> $"{r.Name}({ps}) -> {t}"
            | None -> $"{r.Name}({ps})"

/// The published prices and the version of the ABI. A change of any price is a new schedule.
module Schedule =
    /// The version of the prices below; part of every receipt.
    [<Literal>]
    let version = 1

    /// The version of the ABI: names, signatures and meanings.
    [<Literal>]
    let abiVersion = 1

    // Ordinary sizes stay within 64 bits whatever the price; only absurd ones need more.
    let private ordinary (value: uint64) = value < 0x1_0000_0000UL

    let private cheap (price: int64) = price >= 0L && price < 0x1000_0000L

    let private sum (price: Price) (flat: int64) (bytes: uint64) (items: uint64) : int64 =
        if cheap flat && cheap price.PerByte && cheap price.PerItem && ordinary bytes && ordinary items then
            flat + price.PerByte * int64 bytes + price.PerItem * int64 items
        else
            let exact = bigint flat + bigint price.PerByte * bigint bytes + bigint price.PerItem * bigint items
            if exact > bigint System.Int64.MaxValue then System.Int64.MaxValue else int64 exact

    /// What a call pays before it acts: argument bytes read and outputs looked at. Saturates.
    let before (price: Price) (inputBytes: uint64) (items: uint64) : int64 = sum price price.Base inputBytes items

    /// What a call pays before its reply is written to guest memory. Saturates.
    let after (price: Price) (outputBytes: uint64) : int64 = sum price 0L outputBytes 0UL

/// The rows of `env`, the ABI of contracts.
module AbiTable =
    let private i32 name kind = { Name = name; Type = AbiType.I32; Kind = kind }

    let private i64 name kind = { Name = name; Type = AbiType.I64; Kind = kind }

    let private bytes name = [ i32 (name + "_ptr") ParamKind.InBytes; i32 (name + "_len") ParamKind.Length ]

    let private address name = [ i32 name ParamKind.InAddress ]
    let private out name kind = [ i32 name kind ]
    let private capped = [ i32 "out_ptr" ParamKind.OutCapped; i32 "out_cap" ParamKind.Capacity ]
    let private amount = [ i64 "amount" ParamKind.Amount ]

    let private price flat perByte perItem = { Base = flat; PerByte = perByte; PerItem = perItem }

    let private row name ps result answer price action doc = {
        Module = "env"
        Name = name
        Params = List.concat ps
        Result = result
        Answer = answer
        Price = price
        Since = 1
        Doc = doc
        Action = action
        NeedsRandom = false
    }

    let private yields kind = RowAction.Yields kind
    let private one = Some AbiType.I32
    let private wide = Some AbiType.I64

    let private context = [
        row
            "get_current_transaction"
            []
            one
            "a handle, always 1"
            (price 100L 0L 0L)
            (yields EffectKind.CurrentTransaction)
            "The handle of the draft that this run fills."
        row
            "get_transaction_id"
            [ out "out32" ParamKind.OutHash ]
            one
            "32"
            (price 150L 1L 0L)
            (yields EffectKind.TransactionId)
            "Writes the 32 bytes of the transaction id."
        row
            "get_caller"
            [ out "out42" ParamKind.OutAddress ]
            one
            "42"
            (price 150L 1L 0L)
            (yields EffectKind.Caller)
            "Writes the address that calls the contract, in lower case."
        row
            "get_contract_address"
            [ out "out42" ParamKind.OutAddress ]
            one
            "42"
            (price 150L 1L 0L)
            (yields EffectKind.ContractAddress)
            "Writes the contract's own address, in lower case."
        row
            "get_contract_params_len"
            []
            one
            "the length; 0 without an error when there are none"
            (price 100L 0L 0L)
            (yields EffectKind.ParamsLength)
            "How many bytes of parameters the caller gave."
        row
            "get_contract_params"
            [ out "out_ptr" ParamKind.OutBytes ]
            one
            "the length; 0 without an error when there are none"
            (price 150L 1L 0L)
            (yields EffectKind.Params)
            "Writes the parameters, all of them: ask for their length first."
        row
            "set_return_data"
            [ bytes "data" ]
            None
            "nothing"
            (price 200L 1L 0L)
            (yields EffectKind.ReturnData)
            "Sets the return data; the last call counts. After a failure it is kept as the message."
        row
            "get_block_height"
            []
            wide
            "the height"
            (price 100L 0L 0L)
            (yields EffectKind.BlockHeight)
            "The height of the block that this run is part of."
        row
            "get_timestamp"
            []
            wide
            "Unix seconds"
            (price 100L 0L 0L)
            (yields EffectKind.Timestamp)
            "The time of the block, never of the machine."
        row
            "get_block_hash"
            [ [ i64 "height" ParamKind.Height ]; out "out32" ParamKind.OutHash ]
            one
            "32"
            (price 300L 1L 0L)
            (yields EffectKind.BlockHash)
            "Writes the hash of an earlier block that the request knows; NOT_FOUND otherwise."
    ]

    let private value = [
        row
            "query_utxo_balance"
            [ address "addr42"; bytes "token" ]
            wide
            "the balance; 0 without an error when there is none"
            (price 1_000L 1L 20L)
            (yields EffectKind.Balance)
            "What an address owns in a token, locked or not, less what this run has spent, plus what it has created. Records no inputs."
        row
            "execute_utxo_transfer"
            [ address "from42"; address "to42"; amount; bytes "token" ]
            one
            "1"
            (price 2_000L 1L 50L)
            (yields EffectKind.Transfer)
            "Spends outputs of `from`, creates one for `to` and one for the change. To the zero address: burns."
        row
            "create_utxo_output"
            [ address "addr42"; amount; bytes "token" ]
            one
            "a handle (1 + the output's index)"
            (price 1_500L 1L 50L)
            (yields EffectKind.CreateOutput)
            "Creates an output: of an own token by minting it, of any other token paid from what the contract itself owns."
        row
            "create_asset_output_with_lock"
            [ address "addr42"; amount; bytes "token"; bytes "lock" ]
            one
            "a handle (1 + the output's index)"
            (price 1_700L 1L 50L)
            (yields EffectKind.CreateLockedOutput)
            "The same with a lock on the new output."
        row
            "batch_create_outputs"
            [ bytes "batch" ]
            one
            "how many were created"
            (price 1_500L 25L 50L)
            (yields EffectKind.BatchOutputs)
            "Creates many outputs or none."
        row
            "append_state_output"
            [ bytes "id"; [ i64 "version" ParamKind.Version ]; [ i32 "hash32" ParamKind.InHash ]; bytes "data"; bytes "proof" ]
            one
            "a handle (1 + its index among state outputs)"
            (price 2_000L 5L 5L)
            (yields EffectKind.AppendState)
            "Records a version of a state with its proof, for the layer that commits. The same id and version twice is ALREADY_EXISTS."
        row
            "append_resource_output"
            [ [ i32 "kind" ParamKind.ResourceKind ]; [ i32 "hash32" ParamKind.InHash ]; bytes "meta" ]
            one
            "a handle (1 + its index among resource outputs)"
            (price 2_000L 5L 5L)
            (yields EffectKind.AppendResource)
            "Publishes a module (1), model (2) or document (3) by its hash. The same kind and hash twice is ALREADY_EXISTS."
    ]

    let private state = [
        row
            "state_len"
            [ bytes "key" ]
            one
            "the length; 0 without an error for an empty value"
            (price 600L 1L 0L)
            (yields EffectKind.StateLength)
            "How long the value under a key is; NOT_FOUND when there is none."
        row
            "state_get"
            [ bytes "key"; out "out_ptr" ParamKind.OutBytes ]
            one
            "the length; 0 without an error for an empty value"
            (price 1_000L 1L 0L)
            (yields EffectKind.StateGet)
            "Writes the value under a key, all of it: ask for its length first. NOT_FOUND when there is none."
        row
            "state_set"
            [ bytes "key"; bytes "val" ]
            one
            "1"
            (price 2_000L 10L 0L)
            (yields EffectKind.StateSet)
            "Puts a value under a key of the contract's own space."
        row
            "state_exists"
            [ bytes "key" ]
            one
            "1, or 0 without an error when there is none"
            (price 600L 1L 0L)
            (yields EffectKind.StateExists)
            "Whether there is a value under a key."
        row
            "state_delete"
            [ bytes "key" ]
            one
            "1"
            (price 1_000L 1L 0L)
            (yields EffectKind.StateDelete)
            "Removes a key; NOT_FOUND when there is none."
    ]

    let private outside = [
        row
            "emit_event"
            [ bytes "name"; bytes "data" ]
            None
            "nothing"
            (price 500L 5L 0L)
            (yields EffectKind.EmitEvent)
            "Adds an event to the draft. The name is any valid UTF-8."
        row
            "log"
            [ [ i32 "level" ParamKind.Level ]; bytes "text" ]
            None
            "nothing"
            (price 200L 1L 0L)
            (yields EffectKind.Log)
            "A line for people (UTF-8; 0 debug, 1 info, 2 warning, 3 error). It is journaled, and no part of the draft."
        row
            "declare_external_state"
            [ bytes "claim"; capped ]
            one
            "the full length; written only when it fits"
            (price 2_000L 5L 0L)
            (yields EffectKind.DeclareState)
            "The value that comes with verified evidence for a claim which the request declares; CLAIM_NOT_DECLARED otherwise."
        row
            "read_reply"
            [ capped ]
            one
            "the full length; written only when it fits"
            (price 200L 1L 0L)
            (yields EffectKind.ReadReply)
            "The last external reply again, when it did not fit: never a second call outside."
        {
            row
                "get_random"
                [ [ i32 "out_ptr" ParamKind.OutFill; i32 "len" ParamKind.FillLength ] ]
                one
                "len; 0 without an error when none were wanted"
                (price 300L 5L 0L)
                (yields EffectKind.Random)
                "Writes the next bytes of the stream that follows from the request's seed and the transaction id." with
                NeedsRandom = true
        }
    ]

    let private engine = [
        row
            "get_last_error"
            []
            one
            "a code, or 0 when the last call succeeded"
            (price 100L 0L 0L)
            RowAction.LastError
            "Why the last host call failed. Every call but this one sets it, to 0 when it succeeds."
        row
            "malloc"
            [ [ i32 "size" ParamKind.Size ] ]
            one
            "a pointer, aligned to 16, or 0"
            (price 200L 0L 0L)
            RowAction.Allocate
            "A block of guest memory, for guests without an allocator."
        row
            "alloc"
            [ [ i32 "size" ParamKind.Size ] ]
            one
            "a pointer, aligned to 16, or 0"
            (price 200L 0L 0L)
            RowAction.Allocate
            "The same as malloc."
        row
            "free"
            [ [ i32 "ptr" ParamKind.Block ] ]
            None
            "nothing"
            (price 150L 0L 0L)
            RowAction.Free
            "Gives a block back; 0 is ignored, anything else that is not a live block sets INVALID_POINTER."
        row
            "abort"
            [
                [ i32 "message" ParamKind.ScriptText; i32 "file" ParamKind.ScriptText ]
                [ i32 "line" ParamKind.Position; i32 "column" ParamKind.Position ]
            ]
            None
            "never"
            (price 100L 0L 0L)
            RowAction.Abort
            "AssemblyScript's abort: the run traps with the message."
        row
            "memory"
            []
            None
            "nothing"
            (price 0L 0L 0L)
            RowAction.Memory
            "Supplied, 1 page up to the profile's limit, when a module imports it."
    ]

    /// Every import of `env`.
    let env: AbiRow list = List.concat [ context; value; state; outside; engine ]

    let private index = env |> List.map (fun r -> struct (r.Module, r.Name), r) |> dict

    /// The row of an import, if there is one.
    let tryFind (moduleName: string) (name: string) : AbiRow voption =
        match index.TryGetValue(struct (moduleName, name)) with
        | true, row -> ValueSome row
        | _ -> ValueNone
