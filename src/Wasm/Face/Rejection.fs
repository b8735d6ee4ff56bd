namespace Twofold.Wasm

// Refusals and misuse as C# sees them: one class with plain properties, one exception that carries it.
// In: Rejected records of the stages. Out: Rejection, RejectedException.

open System

/// The class of a refusal.
type RejectionKind =
    /// The bytes are not a module.
    | Malformed = 1
    /// The module breaks a validation rule.
    | Invalid = 2
    /// The module needs a feature that is switched off.
    | Feature = 3
    /// The module or request exceeds a limit.
    | Limit = 4
    /// An import is missing or has another type.
    | Link = 5
    /// A component, not a core module.
    | Component = 6
    /// An export, argument or option does not fit.
    | Request = 7

/// Why a module, an import or a call was refused before anything ran.
[<Sealed; AllowNullLiteral>]
type Rejection internal (r: Rejected) =
    /// The class of the refusal.
    member _.Kind =
        match r.Kind with
        | RejectKind.Malformed -> RejectionKind.Malformed
        | RejectKind.Invalid -> RejectionKind.Invalid
        | RejectKind.Feature _ -> RejectionKind.Feature
        | RejectKind.Limit -> RejectionKind.Limit
        | RejectKind.Link -> RejectionKind.Link
        | RejectKind.Component -> RejectionKind.Component
        | RejectKind.Request -> RejectionKind.Request

    /// What is wrong, in the specification's words where it has some.
    member _.Reason = r.Message
    /// Byte offset in the module, or -1.
    member _.Offset = r.Offset
    /// Where in the module or request; may be empty.
    member _.Where = r.Where
    /// What would have been right; may be empty.
    member _.Expected = r.Expected
    /// What was there; may be empty.
    member _.Found = r.Found

    /// The name of the feature that is switched off, or empty.
    member _.Feature =
        match r.Kind with
        | RejectKind.Feature f -> Feature.name f
        | _ -> ""

    /// One line for people.
    override _.ToString() = r.ToString()

/// A module, an import, an export or an argument was refused; nothing ran.
[<Sealed>]
type RejectedException internal (rejection: Rejection) =
    inherit Exception(rejection.ToString())
    /// What was refused, where, and what was expected.
    member _.Rejection = rejection

module internal Refuse =
    let raiseIt (r: Rejected) : 'a = raise (RejectedException(Rejection r))

    let orRaise (r: Result<'a, Rejected>) : 'a =
        match r with
        | Ok v -> v
        | Error e -> raiseIt e

    let request where expected found message : Rejected = {
        Kind = RejectKind.Request
        Message = message
        Offset = -1
        Where = where
        Expected = expected
        Found = found
    }
