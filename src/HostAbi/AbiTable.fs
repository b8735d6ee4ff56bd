namespace Twofold.HostAbi

// The tables of host functions: linking, dispatch, pricing, the reference pages and the guest header derive from them, and nothing else lists them.
// In: nothing. Out: one row per import that a guest may have.

/// The rows of `env`, the ABI of contracts, and all tables together.
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

    /// Every import of `cis`, the ABI of skills.
    let cis: AbiRow list = CisTable.rows

    /// Every function of WASI preview1.
    let wasi: AbiRow list = WasiTable.rows

    /// Every import there is, table after table.
    let all: AbiRow list = List.concat [ env; cis; wasi ]

    let private index = all |> List.map (fun r -> struct (r.Module, r.Name), r) |> dict

    /// The row of an import, if there is one.
    let tryFind (moduleName: string) (name: string) : AbiRow voption =
        match index.TryGetValue(struct (moduleName, name)) with
        | true, row -> ValueSome row
        | _ -> ValueNone
