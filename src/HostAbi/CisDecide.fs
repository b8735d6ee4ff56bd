namespace Twofold.HostAbi

// The rules of `cis`: what is malformed, too large or not permitted is answered here, and nobody outside is asked. Pure.
// In: the request, an effect, and what the outside answered to it. Out: whether to ask at all; the reply and the draft's changes.

/// The rules of skills.
module CisDecide =
    let private sized (most: int) (bytes: byte[]) next = if bytes.Length > most then ValueSome SkillError.TooLarge else next ()

    let private unless permitted = if permitted then ValueNone else ValueSome SkillError.Denied

    let private granted (ctx: CallContext) (may: SkillGrant -> bool) =
        match ctx.Skill with
        | Some grant -> unless (may grant)
        | None -> ValueSome SkillError.Denied

    let private key (ctx: CallContext) (key: byte[]) =
        if key.Length = 0 then
            ValueSome SkillError.Invalid
        else
            sized ctx.Limits.KeyBytes key (fun () -> granted ctx _.Key(key))

    /// Why an effect fails whatever the outside would answer, if it does. None: the outside is asked.
    let refusal (ctx: CallContext) (effect: SkillEffect) : SkillError voption =
        match effect with
        | SkillEffect.AiPrompt prompt ->
            sized CisLimits.PromptBytes prompt (fun () ->
                if prompt.Length = 0 || (Utf8.tryText (System.ReadOnlySpan prompt)).IsNone then
                    ValueSome SkillError.Invalid
                else
                    granted ctx _.Ai)
        | SkillEffect.MemoryGet k -> key ctx k
        | SkillEffect.MemorySet(k, value) ->
            match key ctx k with
            | ValueNone -> sized ctx.Limits.ValueBytes value (fun () -> ValueNone)
            | refused -> refused
        | SkillEffect.HttpRequest(url, body) ->
            sized CisLimits.UrlBytes url (fun () ->
                sized CisLimits.RequestBytes body (fun () ->
                    match HttpPattern.tryUrl url with
                    | ValueSome url -> granted ctx _.Url(url)
                    | ValueNone -> ValueSome SkillError.Invalid))
        | SkillEffect.HttpRequestFull request ->
            sized CisLimits.RequestBytes request (fun () ->
                match CisHttp.tryRequest request with
                | ValueSome r -> granted ctx _.Url(r.Url)
                | ValueNone -> ValueSome SkillError.Invalid)
        | SkillEffect.ReadReply -> ValueNone

    let private failed error = Reply.Code(SkillError.code error), []

    /// What an effect answers and changes. The outside was asked if and only if `refusal` has none and the effect is not read_reply.
    let run (ctx: CallContext) (draft: Draft) (effect: SkillEffect) (outside: SkillAnswer) : Reply * DraftEvent list =
        match effect, refusal ctx effect, outside with
        | SkillEffect.ReadReply, _, _ ->
            match draft.Scratch.LastReply with
            | Some reply -> Reply.Bytes reply, []
            | None -> failed SkillError.NoReply
        | _, ValueSome error, _ -> failed error
        | _, ValueNone, SkillAnswer.Failed error -> failed error
        | _, ValueNone, SkillAnswer.Bytes bytes when bytes.Length > CisLimits.ReplyBytes -> failed SkillError.TooLarge
        | SkillEffect.MemorySet _, ValueNone, _ -> Reply.Done, []
        | _, ValueNone, SkillAnswer.Bytes bytes -> Reply.Bytes bytes, [ DraftEvent.ReplyKept bytes ]
        | _, ValueNone, SkillAnswer.Done -> failed SkillError.Failed
