namespace Twofold.Extensions.Skills

// Bodies of responses, read as far as a limit and no further, whatever their headers promise.
// In: a response. Out: its bytes, or nothing when there are more.

open System
open System.IO
open System.Net.Http
open System.Threading
open System.Threading.Tasks
open Twofold

module internal Bounded =
    /// The body, if it has at most `limit` bytes.
    let read (content: HttpContent) (limit: int) (token: CancellationToken) : Task<byte[] voption> =
        task {
            use! stream = content.ReadAsStreamAsync token
            use into = new MemoryStream()
            let buffer = Array.zeroCreate<byte> 16384
            let mutable more = true

            while more do
                let! n = stream.ReadAsync(Memory buffer, token)

                if n = 0 || into.Length > int64 limit then more <- false else into.Write(buffer, 0, n)

            return if into.Length > int64 limit then ValueNone else ValueSome(into.ToArray())
        }

    /// Runs with a limit in time. `late` is the answer when it is over; the caller's own cancellation goes through.
    let within (limit: TimeSpan) (token: CancellationToken) (late: 'T) (work: CancellationToken -> Task<'T>) : Task<'T> =
        task {
            use source = CancellationTokenSource.CreateLinkedTokenSource token
            source.CancelAfter limit

            try
                return! work source.Token
            with :? OperationCanceledException when source.IsCancellationRequested && not token.IsCancellationRequested ->
                return late
        }

    /// A failure of the network or of the other side, as skills see it. Texts of exceptions go nowhere: they may hold what is none of a skill's business.
    let rec code (e: exn) : SkillErrorCode voption =
        match e with
        | ForbiddenAddress _ -> ValueSome SkillErrorCode.Denied
        | :? HttpRequestException as h ->
            match h.InnerException with
            | null when h.StatusCode.HasValue -> ValueSome SkillErrorCode.Failed
            | ForbiddenAddress _ -> ValueSome SkillErrorCode.Denied
            | _ when h.HttpRequestError = HttpRequestError.ConfigurationLimitExceeded -> ValueSome SkillErrorCode.TooLarge
            | _ -> ValueSome SkillErrorCode.Unavailable
        | :? AggregateException as a when not (isNull a.InnerException) -> code a.InnerException
        | :? TimeoutException -> ValueSome SkillErrorCode.Timeout
        | :? IOException
        | :? System.Net.Sockets.SocketException -> ValueSome SkillErrorCode.Unavailable
        | :? Text.Json.JsonException -> ValueSome SkillErrorCode.Failed
        | _ -> ValueNone
