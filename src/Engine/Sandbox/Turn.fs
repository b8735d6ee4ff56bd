namespace Twofold.Engine

// An execution's turn among those of a sandbox or manager at the same time, known to whatever the execution starts.
// In: the gate that turns come from, the execution around. Out: who may go at once, how deep executions nest, whom a stop concerns.

open System
open System.Threading

/// An execution's turn among those at the same time. Executions that a host function of it starts know it: those on its own thread have its turn meanwhile,
/// because it waits for them; and they may only nest so deep.
[<Sealed; AllowNullLiteral>]
type internal Turn(gate: SemaphoreSlim, around: Turn) =
    static let current = AsyncLocal<Turn>()
    let mutable lent = 0

    static let rec live (turn: Turn) = if isNull turn || not turn.Over then turn else live turn.Around

    /// The execution that this code runs for, or null.
    static member Current
        with get () = live current.Value
        and set (turn: Turn) = current.Value <- turn

    member _.Around = around
    member val Over = false with get, set
    /// Set when this execution was stopped: so are those that it had started.
    member val Stopped = new CancellationTokenSource()

    /// How many executions that are not over are around each other here, this one among them.
    member t.Depth: int = (if t.Over then 0 else 1) + (if isNull around then 0 else around.Depth)

    /// This turn or one around it, which is of the gate and nobody has borrowed: borrowed now; or null.
    member t.Borrow(of': SemaphoreSlim) : Turn =
        if not t.Over && Object.ReferenceEquals(of', gate) && Interlocked.CompareExchange(&lent, 1, 0) = 0 then
            t
        elif isNull around then
            null
        else
            around.Borrow of'

    member _.GiveBack() = Volatile.Write(&lent, 0)
