namespace Twofold

// How a host's own function ends its caller's run on purpose.
// In: thrown by the function. Out: a trap of the guest with this code and text; any other exception is trouble of the host, and an engine fault.

open System

/// Thrown by a registered host function: the guest traps. The code is in the receipt's outcome, the text in its journal, so a replay says the same.
[<Sealed>]
type GuestTrapException(message: string, code: uint64) =
    inherit Exception(message)

    /// A trap without a code of its own.
    new(message: string) = GuestTrapException(message, 0UL)

    /// The function's own number for it.
    member _.Code = code
