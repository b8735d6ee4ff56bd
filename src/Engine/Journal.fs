namespace Twofold.Engine

// The journal: every effect of a run in order, what was answered, and the gas that was left.
// In: the dispatcher, effect by effect. Out: part of the receipt; replay compares against it and answers external effects from it.

open Twofold.HostAbi

/// What an effect was answered, as it is kept.
[<RequireQualifiedAccess>]
type JournalReply =
    | Failed of HostErrorCode
    /// It came from outside: replay needs it.
    | Kept of Reply
    /// SHA-256 of the reply's canonical bytes: it follows from request, reads and draft.
    | Digest of Hash32

/// One effect. Gas left: after the call was paid for, before its reply was.
type JournalEntry = { Index: int; Effect: Effect; Reply: JournalReply; GasLeft: int64 }

module Journal =
    /// What an entry weighs against the journal's limit beside the bytes it was given.
    [<Literal>]
    let EntryWeight = 64

    /// The reply in the form that is kept.
    let reply (effect: Effect) (answer: Answer) : JournalReply =
        match answer with
        | Error code -> JournalReply.Failed code
        | Ok reply when Effect.isExternal effect -> JournalReply.Kept reply
        | Ok reply -> JournalReply.Digest(Encoding.digest Encoding.writeReply reply)
