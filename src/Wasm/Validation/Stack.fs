namespace Twofold.Wasm.Validation

// The stacks of the validation algorithm (core specification, appendix 7.3), with its names: vals and ctrls are arrays that one
// validator reuses for all functions of a module.
// In: the rules' pushes and pops. Out: the first violated rule, or nothing.

open System
open Twofold.Wasm
open Twofold.Wasm.Binary

/// ctrl_frame.
[<Struct; NoEquality; NoComparison>]
type internal CtrlFrame = { Opcode: Op; StartTypes: ValType[]; EndTypes: ValType[]; Height: int; mutable Unreachable: bool }

/// vals, ctrls and the sticky error.
type internal ValidationStack(types: SubType[]) =
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
    // Result types of `block (result t)` by value type, so that blocks never allocate.
    let single = Collections.Generic.Dictionary<int, ValType[]>()
    static let nothing: ValType[] = [||]

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

    /// Empty stacks, and the frame of a function or expression.
    member v.Start(results: ValType[]) =
        sp <- 0
        highest <- 0
        depth <- 0
        v.PushCtrl(Op.Block, nothing, results)

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

    member v.PopVal(expect: ValType) : ValType =
        if sp > height then
            sp <- sp - 1
            let actual = vals[sp]

            if actual.Code <> expect.Code && not (Subtype.matches types actual expect) then
                v.Mismatch(string expect, string actual)

            actual
        else
            if not unreachable then
                v.Mismatch(string expect, "an empty stack")

            ValType.Bottom

    member v.PushVals(ts: ValType[]) =
        if ts.Length = 1 then
            v.PushVal ts[0]
        elif ts.Length > 1 then
            while sp + ts.Length > vals.Length do
                Array.Resize(&vals, vals.Length * 2)

            Array.Copy(ts, 0, vals, sp, ts.Length)
            sp <- sp + ts.Length

            if sp > highest then
                highest <- sp

    /// Compares the topmost values with what is expected, in place: what lies below the height of an unreachable frame fits anything.
    /// In place, because a module can ask for a hundred values at every second byte.
    member v.PeekVals(ts: ValType[]) =
        let mutable i = ts.Length - 1
        let mutable at = sp - 1

        while i >= 0 && at >= height do
            let actual = vals[at]

            if actual.Code <> ts[i].Code && not (Subtype.matches types actual ts[i]) then
                v.Mismatch(string ts[i], string actual)

            i <- i - 1
            at <- at - 1

        if i >= 0 && not unreachable then
            v.Mismatch(string ts[i], "an empty stack")

    member v.PopVals(ts: ValType[]) =
        v.PeekVals ts
        sp <- max height (sp - ts.Length)

    member v.PushCtrl(op: Op, startTypes: ValType[], endTypes: ValType[]) =
        if depth = ctrls.Length then
            Array.Resize(&ctrls, depth * 2)

        ctrls[depth] <- { Opcode = op; StartTypes = startTypes; EndTypes = endTypes; Height = sp; Unreachable = false }

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
            let same =
                frame.StartTypes.Length = frame.EndTypes.Length && Array.forall2 (Subtype.matches types) frame.StartTypes frame.EndTypes

            if not same then
                let list (ts: ValType[]) = ts |> Array.map string |> String.concat " "
                v.Mismatch($"an else that turns [{list frame.StartTypes}] into [{list frame.EndTypes}]", "no else")

        v.PopCtrl()

        if depth > 0 then
            v.PushVals frame.EndTypes
