namespace Twofold.Engine

// Registered functions in replays and audits: the steps that a journal holds, taken again without the function.
// In: the answers that were kept, in order. Out: the same steps, checked by whoever compares journals: what was read is part of the answer.

open Twofold
open Twofold.Wasm
open Twofold.HostAbi

module internal HostJournal =
    /// The answer that an entry keeps.
    let answer (e: JournalEntry) : HostAnswer voption =
        match e.Reply with
        | JournalReply.Kept(Reply.Host answer) -> ValueSome answer
        | _ -> ValueNone

    let private lengthOf (content: HostContent) =
        match content with
        | HostContent.Bytes bytes -> uint32 bytes.Length
        | HostContent.Digest(length, _)
        | HostContent.Unread length -> length

    /// Takes the steps of `next ()` and, after each call into the guest, of the answer after it.
    /// `wentOn`: the recorded call ended the run at its last step, this one did not.
    let rec perform (next: unit -> HostAnswer voption) (wentOn: unit -> unit) (link: HostLink) : uint64 =
        let caller = link :> IHostCaller

        match next () with
        | ValueNone -> invalidOp "the journal holds no answer of this host function"
        | ValueSome answer ->
            for step in answer.Steps do
                match step with
                | HostStep.Read(address, content) -> caller.Read(address, lengthOf content) |> ignore
                | HostStep.Write(address, bytes) -> caller.Write(address, bytes)
                | HostStep.Charge gas -> caller.Charge gas

            match answer.Next with
            | HostNext.Returned bits -> bits
            | HostNext.Entered(export, arguments) ->
                link.Enter(export, arguments)
                perform next wentOn link
            | HostNext.Trapped(code, text) -> raise (GuestTrapException(text, code))
            | HostNext.Stopped ->
                wentOn ()
                invalidOp "the recorded host function ended the run here"

    /// Functions that a journal answers.
    let functions (next: unit -> HostAnswer voption) (wentOn: unit -> unit) : IHostFunctions = {
        new IHostFunctions with
            member _.Perform(_, _, caller) = perform next wentOn (caller :?> HostLink)
    }
