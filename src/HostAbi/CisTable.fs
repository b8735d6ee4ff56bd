namespace Twofold.HostAbi

// The table of `cis`, the host functions of skills (docs/CIS.md is made of it).
// In: nothing. Out: rows for AbiTable.

/// The rows of `cis`.
module CisTable =
    let private i32 name kind = { Name = name; Type = AbiType.I32; Kind = kind }

    let private bytes name = [ i32 (name + "_ptr") ParamKind.InBytes; i32 (name + "_len") ParamKind.Length ]

    let private capped = [ i32 "out_ptr" ParamKind.OutCapped; i32 "out_cap" ParamKind.Capacity ]

    let private row name ps result answer price perByte action doc = {
        Module = "cis"
        Name = name
        Params = List.concat ps
        Result = result
        Answer = answer
        Price = { Base = price; PerByte = perByte; PerItem = 0L }
        Since = 1
        Doc = doc
        Action = action
        NeedsRandom = false
    }

    /// What the host takes for putting a skill's input into its memory, and again for taking the result out.
    let handOver: Price = { Base = 100L; PerByte = 1L; PerItem = 0L }

    let private one = Some AbiType.I32
    let private length = "the full length, or a negative code; written only when it fits"

    /// Every import of `cis`.
    let rows: AbiRow list = [
        row
            "ai_prompt"
            [ bytes "prompt"; capped ]
            one
            length
            10_000L
            5L
            (RowAction.Yields EffectKind.AiPrompt)
            "Asks the host's model; the prompt and the answer are UTF-8. Needs the permission `ai`."
        row
            "memory_get"
            [ bytes "key"; capped ]
            one
            length
            2_000L
            1L
            (RowAction.Yields EffectKind.MemoryGet)
            "The value under a key of the skill's own memory, which outlives runs. Needs `memory:<prefix>` for the key."
        row
            "memory_set"
            [ bytes "key"; bytes "val" ]
            None
            "nothing; `last_error` says whether it went well"
            4_000L
            10L
            (RowAction.Yields EffectKind.MemorySet)
            "Puts a value under a key of the skill's own memory. Needs `memory:<prefix>` for the key."
        row
            "http_request"
            [ bytes "url"; bytes "body"; capped ]
            one
            length
            10_000L
            5L
            (RowAction.Yields EffectKind.HttpRequest)
            "GET without a body, POST with one (as application/json); the answer is the body of a response with a status of 200 to 299. Needs `http:<host pattern>`."
        row
            "http_request_full"
            [ bytes "request"; capped ]
            one
            length
            10_000L
            5L
            (RowAction.Yields EffectKind.HttpRequestFull)
            "The same with everything: a JSON document with method, url, headers and body; back comes one with status, headers and body."
        row
            "read_reply"
            [ capped ]
            one
            length
            200L
            1L
            (RowAction.Yields EffectKind.ReadSkillReply)
            "The last answer again, when it did not fit: never a second call outside."
        row
            "last_error"
            []
            one
            "a negative code, or 0 when the last call succeeded"
            100L
            0L
            RowAction.LastCode
            "Why the last call of `cis` failed. Every call but this one sets it."
    ]
