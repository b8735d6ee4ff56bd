namespace Twofold

// What a host's function does with bytes of the guest that are lent to it: as delegates, because a span must not outlive the loan.
// In: a span straight over the guest's memory. Out: whatever the function makes of it; what it wrote is journaled when it returns.

open System

/// Looks at bytes of the guest. The span is the guest's own memory; the guest cannot be called while it is lent.
type GuestReader<'T> = delegate of bytes: ReadOnlySpan<byte> -> 'T

/// Changes bytes of the guest. The span is the guest's own memory; the guest cannot be called while it is lent, and if the function throws the bytes are as before.
type GuestEditor = delegate of bytes: Span<byte> -> unit
