namespace Twofold.Wasm.Compiler

// Which float variables may hold a NaN that arithmetic made, and which must be cleaned when they are assigned (design section 7, "NaN on escape").
// In: a prepared function. Out: per variable two facts; a variable is a local, or a slot where control flow merges (block results, loop
// parameters, select).
//
// A value is *arithmetic* (its NaN may be any NaN and must become the canonical one before its bits are seen) or *preserved* (its bits are
// the program's own and must not change). A variable is *observed* when some read of it can show its bits. Where both kinds meet in an observed
// variable, arithmetic inputs are cleaned as they are assigned and every read is preserved; an observed variable with arithmetic inputs
// alone stays arithmetic and is cleaned where it is observed; a variable that is never observed needs nothing.
//
//   f64 locals:   x := load       preserved only           -> reads preserved
//                 y := y + x      arithmetic only          -> cleaned at the store that shows it
//                 z := load | a*b both, stored later       -> a*b cleaned when assigned

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

/// The result, by variable. Slots of a frame or select begin at `Slots[instruction index]`.
[<NoComparison; NoEquality>]
type NanFacts = {
    /// Clean arithmetic values when they are assigned.
    CleanOnAssign: bool[]
    /// A read may give an uncleaned arithmetic NaN.
    ReadsDirty: bool[]
    Slots: Dictionary<int, int>
}

module NanEscape =
    // Abstract stack values below zero; zero and above are variables.
    [<Literal>]
    let private Clean = -1

    [<Literal>]
    let private Preserved = -2

    [<Literal>]
    let private Arithmetic = -3

    [<NoComparison; NoEquality>]
    type private Frame = {
        Op: Op
        Height: int
        Starts: int
        Ends: int
        StartSlots: int
        EndSlots: int
        /// Abstract values of an `if`'s parameters, for its else arm.
        Params: int[]
    }

    /// Float arithmetic whose NaN result is free in the specification: what is cleaned on escape.
    let isArithmetic (op: Op) =
        match op with
        | 0x8Dus
        | 0x8Eus
        | 0x8Fus
        | 0x90us
        | 0x91us
        | 0x92us
        | 0x93us
        | 0x94us
        | 0x95us
        | 0x96us
        | 0x97us
        | 0x9Bus
        | 0x9Cus
        | 0x9Dus
        | 0x9Eus
        | 0x9Fus
        | 0xA0us
        | 0xA1us
        | 0xA2us
        | 0xA3us
        | 0xA4us
        | 0xA5us
        | 0xB6us
        | 0xBBus -> true
        | _ -> false

    /// abs, neg, copysign: they show their operands' signs and keep their bits.
    let isSignOp (op: Op) =
        match op with
        | 0x8Bus
        | 0x8Cus
        | 0x98us
        | 0x99us
        | 0x9Aus
        | 0xA6us -> true
        | _ -> false

    /// Comparisons and float-to-integer conversions see that a value is NaN, but not which one.
    let private isBlind (op: Op) =
        (op >= 0x5Bus && op <= 0x66us)
        || (op >= 0xA8us && op <= 0xABus)
        || (op >= 0xAEus && op <= 0xB1us)
        || (op >= 0xC00us && op <= 0xC07us)

    let private nothing = { CleanOnAssign = Array.empty; ReadsDirty = Array.empty; Slots = Dictionary() }

    let private analyse (valid: ValidModule) (f: PreparedFunc) : NanFacts =
        let m = valid.Module
        let hasA = ResizeArray<bool>()
        let hasP = ResizeArray<bool>()
        let observed = ResizeArray<bool>()
        let edges = ResizeArray<struct (int * int)>()
        let slots = Dictionary<int, int>()

        let fresh n =
            let first = hasA.Count

            for _ in 1..n do
                hasA.Add false
                hasP.Add false
                observed.Add false

            first

        fresh f.Locals.Length |> ignore

        for p in 0 .. f.Type.Params.Length - 1 do
            hasP[p] <- true

        let stack = ResizeArray<int>()
        let frames = Stack<Frame>()
        let push v = stack.Add v

        let pop () =
            let v = stack[stack.Count - 1]
            stack.RemoveAt(stack.Count - 1)
            v

        let observe v =
            if v >= 0 then
                observed[v] <- true

        let assign variable v =
            match v with
            | Arithmetic -> hasA[variable] <- true
            | Preserved -> hasP[variable] <- true
            | Clean -> ()
            | source -> edges.Add(struct (source, variable))

        let popObserved n =
            for _ in 1..n do
                observe (pop ())

        let cutTo height =
            if stack.Count > height then
                stack.RemoveRange(height, stack.Count - height)

        let branch depth =
            let frame = Seq.item depth frames
            let n = if frame.Op = Op.Loop then frame.Starts else frame.Ends
            let first = stack.Count - n

            for k in 0 .. n - 1 do
                if frame.Op = Op.Loop then assign (frame.StartSlots + k) stack[first + k]
                elif frame.EndSlots >= 0 then assign (frame.EndSlots + k) stack[first + k]
                else observe stack[first + k]

        // The values of an exception are the program's own bits: they were cleaned when it was thrown.
        let caught (c: Catch) =
            let frame = Seq.item c.Label frames
            let n = if frame.Op = Op.Loop then frame.Starts else frame.Ends
            let first = if frame.Op = Op.Loop then frame.StartSlots else frame.EndSlots

            if first >= 0 then
                for k in 0 .. n - 1 do
                    hasP[first + k] <- true

        frames.Push {
            Op = Op.Block
            Height = 0
            Starts = 0
            Ends = f.Type.Results.Length
            StartSlots = -1
            EndSlots = -1
            Params = Array.empty
        }

        let mutable dead = false

        for at in 0 .. f.Code.Length - 1 do
            let i = f.Code[at]

            match i.Op with
            | Op.Enter
            | Op.Charge
            | Op.Nop -> ()
            | Op.Unreachable -> dead <- true
            | Op.Block
            | Op.Loop
            | Op.TryTable
            | Op.If ->
                if i.Op = Op.If then
                    pop () |> ignore

                if i.Op = Op.TryTable then
                    for c in f.CatchTables[int i.Imm] do
                        caught c

                let struct (starts, ends) = Prepare.blockType m.Types f.BlockTypes i
                let starts, ends = starts.Length, ends.Length
                let height = stack.Count - starts
                let isLoop = i.Op = Op.Loop
                let first = fresh (ends + (if isLoop then starts else 0))
                slots[at] <- first

                let pars = Array.init starts (fun k -> stack[height + k])

                if isLoop then
                    for k in 0 .. starts - 1 do
                        assign (first + ends + k) pars[k]
                        stack[height + k] <- first + ends + k

                frames.Push {
                    Op = i.Op
                    Height = height
                    Starts = starts
                    Ends = ends
                    StartSlots = first + ends
                    EndSlots = first
                    Params = pars
                }
            | Op.Else ->
                let frame = frames.Peek()

                if not dead then
                    branch 0

                cutTo frame.Height
                stack.AddRange frame.Params
                dead <- false
            | Op.End ->
                if not dead then
                    let frame = frames.Peek()

                    if frame.Op = Op.Loop then
                        for k in 0 .. frame.Ends - 1 do
                            assign (frame.EndSlots + k) stack[stack.Count - frame.Ends + k]
                    else
                        branch 0

                let frame = frames.Pop()

                // An `if` without else passes its parameters through.
                if frame.Op = Op.If && frame.EndSlots >= 0 then
                    for k in 0 .. (min frame.Starts frame.Ends) - 1 do
                        assign (frame.EndSlots + k) frame.Params[k]

                cutTo frame.Height
                dead <- i.A = 0

                if not dead then
                    for k in 0 .. frame.Ends - 1 do
                        push (frame.EndSlots + k)
            | Op.Br ->
                branch i.A
                dead <- true
            | Op.BrIf ->
                pop () |> ignore
                branch i.A
            | Op.BrTable ->
                pop () |> ignore
                Array.iter branch f.LabelTables[i.A]
                dead <- true
            | Op.Return ->
                for k in 1 .. f.Type.Results.Length do
                    observe stack[stack.Count - k]

                dead <- true
            | Op.Call
            | Op.CallIndirect
            | Op.ReturnCall
            | Op.ReturnCallIndirect ->
                let t =
                    match i.Op with
                    | Op.Call
                    | Op.ReturnCall -> valid.FuncTypes[i.A]
                    | _ ->
                        pop () |> ignore

                        match m.Types[i.A].Composite with
                        | CompositeType.Func t -> t
                        | _ -> f.Type

                popObserved t.Params.Length

                match i.Op with
                | Op.ReturnCall
                | Op.ReturnCallIndirect -> dead <- true
                | _ -> t.Results |> Array.iter (fun _ -> push Preserved)
            | Op.Throw ->
                popObserved valid.TagTypes[i.A].Params.Length
                dead <- true
            | Op.ThrowRef -> dead <- true
            | Op.Drop -> pop () |> ignore
            | Op.Select
            | Op.SelectT ->
                pop () |> ignore
                let b = pop ()
                let a = pop ()
                let s = fresh 1
                slots[at] <- s
                assign s a
                assign s b
                push s
            | Op.LocalGet -> push (if f.Locals[i.A].IsFloat then i.A else Preserved)
            | Op.LocalSet -> assign i.A (pop ())
            | Op.LocalTee ->
                assign i.A (pop ())
                push (if f.Locals[i.A].IsFloat then i.A else Preserved)
            | Op.GlobalGet -> push Preserved
            | Op.GlobalSet -> popObserved 1
            // A number's bits are the same before and after cleaning: only a NaN constant is the program's own bits.
            | Op.F32Const -> push (if System.Single.IsNaN(System.BitConverter.Int32BitsToSingle(int i.Imm)) then Preserved else Clean)
            | Op.F64Const -> push (if System.Double.IsNaN(System.BitConverter.Int64BitsToDouble i.Imm) then Preserved else Clean)
            | Op.TableGet
            | Op.MemoryGrow
            | Op.RefIsNull ->
                pop () |> ignore
                push Preserved
            | Op.TableSet ->
                pop () |> ignore
                pop () |> ignore
            | Op.MemorySize
            | Op.TableSize
            | Op.RefNull
            | Op.RefFunc -> push Preserved
            | Op.TableGrow ->
                pop () |> ignore
                pop () |> ignore
                push Preserved
            | Op.MemoryInit
            | Op.MemoryCopy
            | Op.MemoryFill
            | Op.TableInit
            | Op.TableCopy
            | Op.TableFill -> popObserved 3
            | Op.DataDrop
            | Op.ElemDrop -> ()
            | op ->
                let info = Opcodes.info op

                if isArithmetic op || isBlind op then
                    for _ in info.Pops do
                        pop () |> ignore
                else
                    popObserved info.Pops.Length

                for _ in info.Pushes do
                    push (
                        if isArithmetic op then Arithmetic
                        elif op >= 0xB2us && op <= 0xBAus then Clean
                        else Preserved
                    )

        // Facts flow along copies until nothing changes: observation backwards, kinds forwards.
        let mutable changed = true

        while changed do
            changed <- false

            for struct (source, target) in edges do
                if observed[target] && not observed[source] then
                    observed[source] <- true
                    changed <- true

                if hasP[source] && not hasP[target] then
                    hasP[target] <- true
                    changed <- true

                if hasA[source] && not hasA[target] then
                    hasA[target] <- true
                    changed <- true

        let clean = Array.init hasA.Count (fun v -> observed[v] && hasP[v] && hasA[v])

        {
            CleanOnAssign = clean
            ReadsDirty = Array.init hasA.Count (fun v -> hasA[v] && not clean[v])
            Slots = slots
        }

    /// The facts of a function; empty arrays when it has no float arithmetic.
    let run (valid: ValidModule) (f: PreparedFunc) : NanFacts =
        if f.Code |> Array.exists (fun i -> isArithmetic i.Op) then analyse valid f else nothing
