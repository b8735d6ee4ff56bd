namespace Twofold.Wasm.Preparation

// What Prepare must know about the legacy exception instructions of a body before it reaches them: a `try` names its handlers only behind its body,
// and where a `delegate` goes on is known only when all blocks around it are closed.
// In: a validated body with `try` in it. Out: for each `try`, and each other block in which a delegated exception is thrown again, what to write for it.
//
// What Prepare writes (C.. and L are blocks; D is there only when a `delegate` further inside goes on here):
//
//   try t                            block L t
//     a                                block C1 (-> p2* exnref)  block C0 (-> p1* exnref)
//   catch $x                             try_table (catch_ref $x C0) (catch_all_ref C1)   block D (-> exnref)
//     b                                    a  br L  end D  throw_ref   end   end C0
//     rethrow 0                            local.set e   b  local.get e  throw_ref         end C1
//   catch_all                            local.set e'
//     c                                    c
//   end                              end L
//
//   try t  a  delegate l   ->   try_table t (catch_all_ref D of l)  a  end

open System.Collections.Generic
open Twofold.Wasm.Binary

/// A `try`, or another block in which a delegated exception is thrown again: a `try_table`, or the function itself.
[<AllowNullLiteral>]
type internal LegacyBlock() =
    /// The tags of its `catch` clauses in order; -1 for `catch_all`.
    member val Clauses = ResizeArray<int>()
    /// The hidden local that keeps the caught exception for `rethrow` (0, 1, ...), or -1.
    member val Slot = -1 with get, set
    /// A `delegate` inside goes on at this block's body.
    member val Lands = false with get, set
    /// Where its `delegate` goes on; null when it has none.
    member val DelegateTo: LegacyBlock = null with get, set
    /// For Prepare: the label of block D.
    member val Landing = -1 with get, set

[<NoComparison; NoEquality>]
type internal LegacyPlan = {
    Function: LegacyBlock
    /// By the index of the opening instruction.
    Blocks: Dictionary<int, LegacyBlock>
    /// How many hidden locals the function needs.
    Slots: int
}

module internal Legacy =
    [<AllowNullLiteral>]
    type private Open(at: int, op: Op, parent: Open, inTry: bool) =
        member val Block = LegacyBlock()
        member _.At = at
        member _.Op = op
        member _.Parent = parent
        /// It stands in the part of its parent that handlers guard, not in a handler.
        member _.InParentsTry = inTry
        /// What follows stands in the guarded part.
        member val Guarded = true with get, set
        member val Rethrown = false with get, set
        /// The frame that the `delegate` names, and whether the `try` stands in its guarded part.
        member val DelegateTo: Open = null with get, set
        member val DelegateGuarded = false with get, set
        /// Where exceptions of the guarded part, and those that leave the block, go on.
        member val Inside: Open = null with get, set
        member val Outside: Open = null with get, set
        member val Depth = 0 with get, set

    let plan (body: Body) : LegacyPlan =
        // Parents come before what is in them.
        let all = ResizeArray<Open>()
        let stack = ResizeArray<Open>()

        let push at op =
            let parent = if stack.Count = 0 then null else stack[stack.Count - 1]
            let o = Open(at, op, parent, isNull parent || parent.Guarded)
            all.Add o
            stack.Add o

        let pop () = stack.RemoveAt(stack.Count - 1)
        let top () = stack[stack.Count - 1]
        push -1 Op.Block

        body.Code
        |> Array.iteri (fun at i ->
            match i.Op with
            | Op.Block
            | Op.Loop
            | Op.If
            | Op.TryTable
            | Op.Try -> push at i.Op
            | Op.Catch ->
                (top ()).Block.Clauses.Add i.A
                (top ()).Guarded <- false
            | Op.CatchAll ->
                (top ()).Block.Clauses.Add -1
                (top ()).Guarded <- false
            | Op.Rethrow -> stack[stack.Count - 1 - i.A].Rethrown <- true
            | Op.Delegate ->
                let own = top ()
                own.DelegateTo <- stack[stack.Count - 2 - i.A]
                own.DelegateGuarded <- stack[stack.Count - 1 - i.A].InParentsTry
                pop ()
            | Op.End -> pop ()
            | _ -> ())

        let mutable slots = 0
        let blocks = Dictionary<int, LegacyBlock>()

        for o in all do
            let parent = o.Parent

            o.Outside <-
                if isNull parent then o
                elif o.InParentsTry then parent.Inside
                else parent.Outside

            o.Inside <-
                if o.Op = Op.TryTable || (o.Op = Op.Try && o.Block.Clauses.Count > 0) then o
                elif isNull o.DelegateTo then o.Outside
                elif o.DelegateGuarded then o.DelegateTo.Inside
                else o.DelegateTo.Outside

            o.Depth <- (if isNull parent then 0 else parent.Depth) + (if o.Rethrown then 1 else 0)

            if o.Rethrown then
                o.Block.Slot <- o.Depth - 1
                slots <- max slots o.Depth

            if not (isNull o.DelegateTo) then
                o.Inside.Block.Lands <- true
                o.Block.DelegateTo <- o.Inside.Block

            if o.Op = Op.Try || o.Op = Op.TryTable then
                blocks[o.At] <- o.Block

        { Function = all[0].Block; Blocks = blocks; Slots = slots }
