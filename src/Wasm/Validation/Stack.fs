namespace Twofold.Wasm.Validation

// The stacks of the validation algorithm (core specification, appendix 7.3), with its names: vals and ctrls are arrays that one
// validator reuses for all functions of a module.
// In: the rules' pushes and pops. Out: the first violated rule, or nothing. Nothing is allocated per instruction.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary

/// ctrl_frame.
[<Struct; NoEquality; NoComparison>]
type internal CtrlFrame = {
    Opcode: Op
    StartTypes: ValType[]
    EndTypes: ValType[]
    Height: int
    /// How many locals had been initialised when the frame was entered.
    Inits: int
    mutable Unreachable: bool
}

/// vals, ctrls and the sticky error.
type internal ValidationStack(types: ModuleTypes) =
    let mutable vals: ValType[] = Array.zeroCreate 256
    let mutable sp = 0
    let mutable highest = 0
    let mutable ctrls: CtrlFrame[] = Array.zeroCreate 64
    let mutable depth = 0
    // The innermost frame's height and reachability, kept beside the frame because every pop asks for them.
    let mutable height = 0
    let mutable unreachable = false
    let mutable error: Rejected voption = ValueNone
    let mutable at = 0
    // Locals without a default value that are not set yet, and those that were set, in order (core 3.4, local initialisation).
    let mutable unset: bool[] = Array.zeroCreate 64
    let mutable anyUnset = false
    let mutable inits: int[] = Array.zeroCreate 16
    let mutable initCount = 0
    // Result types of `block (result t)` by value type, so that blocks never allocate.
    let single = Collections.Generic.Dictionary<int, ValType[]>()
    static let nothing: ValType[] = [||]

    static let codes (ts: ReadOnlySpan<ValType>) = Runtime.InteropServices.MemoryMarshal.Cast<ValType, int> ts

    /// The results of `block (result t)`.
    member _.Singleton(t: ValType) : ValType[] =
        match single.TryGetValue t.Code with
        | true, a -> a
        | _ ->
            let a = [| t |]
            single[t.Code] <- a
            a

    /// Offset of the instruction at hand.
    member _.At
        with get () = at
        and set v = at <- v

    /// Results of the function.
    member _.FunctionResults = ctrls[0].EndTypes

    /// The innermost frame.
    member _.Innermost = ctrls[depth - 1]

    /// The opcode of the frame that a label names.
    member _.FrameOpcode(label: int) = ctrls[depth - 1 - label].Opcode

    /// Open frames.
    member _.Depth = depth

    /// Empty stacks, and the frame of a function or expression.
    member v.Start(results: ValType[]) =
        sp <- 0
        highest <- 0
        depth <- 0
        initCount <- 0
        anyUnset <- false
        v.PushCtrl(Op.Block, nothing, results)

    /// Says which locals have no value yet; parameters come first and have theirs.
    member _.StartLocals(groups: ResizeArray<LocalGroup>, count: int) =
        for g in groups do
            if not g.Type.IsDefaultable then
                if not anyUnset then
                    anyUnset <- true

                    if unset.Length < count then
                        unset <- Array.zeroCreate (max count (unset.Length * 2))

                    Array.Clear(unset, 0, count)

                Array.Fill(unset, true, g.First, g.Count)

    /// Is a local without a value read?
    member _.IsUnset(local: int) = anyUnset && unset[local]

    member _.SetLocal(local: int) =
        if anyUnset && unset[local] then
            unset[local] <- false

            if initCount = inits.Length then
                Array.Resize(&inits, initCount * 2)

            inits[initCount] <- local
            initCount <- initCount + 1

    member _.Ok = error.IsNone
    member _.Error = error

    member _.Reject(rejected: Rejected) =
        if error.IsNone then
            error <- ValueSome rejected

    member v.Fail(message: string) = v.Reject(Rejected.invalid at message)

    member v.Mismatch(expected: string, found: string) =
        if error.IsNone then
            v.Reject { Rejected.invalid at "type mismatch" with Expected = expected; Found = found }

    member _.PushVal(t: ValType) =
        if sp = vals.Length then
            Array.Resize(&vals, sp * 2)

        vals[sp] <- t
        sp <- sp + 1

        if sp > highest then
            highest <- sp

    /// The greatest operand height of the last body.
    member _.Highest = highest

    member v.PopVal() : ValType =
        if sp > height then
            sp <- sp - 1
            vals[sp]
        else
            if not unreachable then
                v.Mismatch("a value", "an empty stack")

            ValType.Bottom

    /// Pops a reference; from nowhere comes the bottom of all references.
    member v.PopRef() : ValType =
        let t = v.PopVal()

        if t.IsRef then
            t
        else
            if not t.IsBottom then
                v.Mismatch("a reference", string t)

            ValType.Ref(false, HeapType.Bottom)

    member v.PopVal(expect: ValType) : ValType =
        if sp > height then
            sp <- sp - 1
            let actual = vals[sp]

            if actual.Code <> expect.Code && not (types.Matches(actual, expect)) then
                v.Mismatch(string expect, string actual)

            actual
        else
            if not unreachable then
                v.Mismatch(string expect, "an empty stack")

            ValType.Bottom

    member v.PushVals(ts: ValType[]) = v.PushFirst(ts, ts.Length)

    /// Pushes the first `n` of the types.
    member v.PushFirst(ts: ValType[], n: int) =
        if n = 1 then
            v.PushVal ts[0]
        elif n > 1 then
            while sp + n > vals.Length do
                Array.Resize(&vals, vals.Length * 2)

            Array.Copy(ts, 0, vals, sp, n)
            sp <- sp + n

            if sp > highest then
                highest <- sp

    /// Compares the topmost values with the first `n` of what is expected, in place: what lies below the height of an unreachable frame fits anything.
    member v.PeekFirst(ts: ValType[], n: int) =
        let mutable i = n - 1
        let mutable at = sp - 1

        // A module can ask for a thousand values at every second byte: equal ones are compared at once.
        if n > 8 && sp - n >= height && codes(ReadOnlySpan(vals, sp - n, n)).SequenceEqual(codes (ReadOnlySpan(ts, 0, n))) then
            i <- -1

        while i >= 0 && at >= height do
            let actual = vals[at]

            if actual.Code <> ts[i].Code && not (types.Matches(actual, ts[i])) then
                v.Mismatch(string ts[i], string actual)

            i <- i - 1
            at <- at - 1

        if i >= 0 && not unreachable then
            v.Mismatch(string ts[i], "an empty stack")

    member v.PeekVals(ts: ValType[]) = v.PeekFirst(ts, ts.Length)

    /// Pops the first `n` of the types.
    member v.PopFirst(ts: ValType[], n: int) =
        v.PeekFirst(ts, n)
        sp <- max height (sp - n)

    member v.PopVals(ts: ValType[]) = v.PopFirst(ts, ts.Length)

    /// Pops `n` values of one type. Stops at the height of an unreachable frame: `n` is the module's to choose.
    member v.PopMany(t: ValType, n: int) =
        let mutable left = n

        while left > 0 && sp > height && v.Ok do
            v.PopVal t |> ignore
            left <- left - 1

        if left > 0 && v.Ok && not unreachable then
            v.Mismatch(string t, "an empty stack")

    member v.PushCtrl(op: Op, startTypes: ValType[], endTypes: ValType[]) =
        if depth = ctrls.Length then
            Array.Resize(&ctrls, depth * 2)

        ctrls[depth] <- {
            Opcode = op
            StartTypes = startTypes
            EndTypes = endTypes
            Height = sp
            Inits = initCount
            Unreachable = false
        }

        depth <- depth + 1
        height <- sp
        unreachable <- false
        v.PushVals startTypes

    /// Leaves the innermost frame; the caller pushes its results.
    member v.PopCtrl() =
        let index = depth - 1
        v.PopVals ctrls[index].EndTypes

        if v.Ok && sp <> height then
            v.Mismatch($"{ctrls[index].EndTypes.Length} values at the end of the block", $"{sp - height} more")

        // What was set inside the block is unset again behind it.
        while initCount > ctrls[index].Inits do
            initCount <- initCount - 1
            unset[inits[initCount]] <- true

        depth <- index

        if depth > 0 then
            height <- ctrls[depth - 1].Height
            unreachable <- ctrls[depth - 1].Unreachable

    member _.Unreachable() =
        sp <- height
        unreachable <- true
        ctrls[depth - 1].Unreachable <- true

    /// The label's types; fails when there is no such label.
    member v.LabelTypes(label: int) : ValType[] =
        if uint32 label < uint32 depth then
            let frame = &ctrls[depth - 1 - label]
            if frame.Opcode = Op.Loop then frame.StartTypes else frame.EndTypes
        else
            v.Fail $"unknown label {uint32 label}"
            nothing

    member v.End() =
        let index = depth - 1
        let frame = ctrls[index]

        // An if without else must pass its parameters through.
        if frame.Opcode = Op.If then
            if not (types.MatchesAll(frame.StartTypes, frame.EndTypes)) then
                let list (ts: ValType[]) = ts |> Array.map string |> String.concat " "
                v.Mismatch($"an else that turns [{list frame.StartTypes}] into [{list frame.EndTypes}]", "no else")

        v.PopCtrl()

        if depth > 0 then
            v.PushVals frame.EndTypes
