namespace Twofold.Extensions.Skills

// Prompts of skills, answered by any chat client of Microsoft.Extensions.AI.
// In: a client. Out: the text that it gives; failures as codes, never as text: a client's messages may hold what is none of a skill's business.

open System
open System.Threading.Tasks
open Microsoft.Extensions.AI
open Twofold

/// A chat client as what answers prompts. The client stays its owner's.
[<Sealed>]
type ChatAi(client: IChatClient, timeout: TimeSpan) =
    do
        if isNull client then
            nullArg (nameof client)

    /// With a minute for an answer.
    new(client: IChatClient) = ChatAi(client, TimeSpan.FromSeconds 60.0)

    interface ISkillAi with
        member _.PromptAsync(_, prompt, token) =
            task {
                try
                    let ask inner =
                        task {
                            let! response = client.GetResponseAsync([| ChatMessage(ChatRole.User, prompt) |], null, inner)
                            return if isNull response.Text then SkillReply.Fail SkillErrorCode.Failed else SkillReply.Of response.Text
                        }

                    return! Bounded.within timeout token (SkillReply.Fail SkillErrorCode.Timeout) ask
                with
                | e when (Bounded.code e).IsSome -> return SkillReply.Fail (Bounded.code e).Value
                // The client's own patience: it was not ours and not the run's.
                | :? OperationCanceledException when not token.IsCancellationRequested -> return SkillReply.Fail SkillErrorCode.Timeout
                | e when not (e :? OperationCanceledException) -> return SkillReply.Fail SkillErrorCode.Failed
            }
