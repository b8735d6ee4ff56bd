namespace Twofold.Engine

// What a host may plug in. Only the interpreter of effects calls these, and only for external effects.
// In: a host's implementation. Out: answers, which the journal keeps with their bytes.

open Twofold.HostAbi

/// A fact from outside with the evidence for it.
type ExternalAnswer = { Value: byte[]; Evidence: byte[] }

/// Answers the external effects of runs. Called from any thread; an exception is an engine fault.
[<AllowNullLiteral>]
type IExternalProvider =
    /// The value of a claim, or nothing when it is not known. Claims that the request declares are answered from the request and never asked here.
    abstract DeclareState: request: CallContext * claim: byte[] -> ExternalAnswer voption

module internal Ports =
    /// Knows nothing: requests bring all there is.
    let none = {
        new IExternalProvider with
            member _.DeclareState(_, _) = ValueNone
    }
