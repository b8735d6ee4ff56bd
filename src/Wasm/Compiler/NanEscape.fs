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
// Vectors have the dirt of one shape, f32x4 or f64x2, and are observed by every use of another shape: by integer, bitwise and lane-moving
// instructions. Where dirt of both shapes meets in one variable, it is cleaned when assigned, each in its own shape.
//
//   f64 locals:   x := load       preserved only           -> reads preserved
//                 y := y + x      arithmetic only          -> cleaned at the store that shows it
//                 z := load | a*b both, stored later       -> a*b cleaned when assigned

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

/// Whose NaN a value may hold that arithmetic made, and so how it is cleaned: a scalar's by its type, a vector's as lanes of one of the two shapes.
type NanLanes =
    | None = 0
    | F32 = 1
    | F64 = 2

/// The result, by variable. Slots of a frame, select or lane replacement begin at `Slots[instruction index]`.
[<NoComparison; NoEquality>]
type NanFacts = {
    /// Clean arithmetic values when they are assigned.
    CleanOnAssign: bool[]
    /// A read may give an uncleaned arithmetic NaN.
    ReadsDirty: NanLanes[]
    Slots: Dictionary<int, int>
}

module NanEscape =
    // Abstract stack values: a variable, or below zero what is known of a value that is none, as -1 - facts.
    /// Arithmetic of f32 or f32x4 may have made a NaN in it.
    [<Literal>]
    let private A32 = 1

    [<Literal>]
    let private A64 = 2

    /// Cleaning it as f32 (f32x4) could change bits that are the program's own.
    [<Literal>]
    let private P32 = 4

    [<Literal>]
    let private P64 = 8

    [<Literal>]
    let private Clean = -1

    [<Literal>]
    let private Preserved = -13

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

    /// Lanes that arithmetic computes, whose NaN results are free in the specification: what is cleaned on escape.
    let arithmetic (op: Op) : NanLanes =
        if op >= 0x8Dus && op <= 0x97us || op = 0xB6us then
            NanLanes.F32
        elif op >= 0x9Bus && op <= 0xA5us || op = 0xBBus then
            NanLanes.F64
        elif op < 0xD000us then
            NanLanes.None
        else
            match int op - 0xD000 with
            // demote; ceil floor trunc nearest; sqrt add sub mul div min max; madd nmadd min max
            | 0x5E -> NanLanes.F32
            | k when k >= 0x67 && k <= 0x6A || k >= 0xE3 && k <= 0xE9 -> NanLanes.F32
            | 0x105
            | 0x106
            | 0x10D
            | 0x10E -> NanLanes.F32
            | 0x5F
            | 0x74
            | 0x75
            | 0x7A
            | 0x94 -> NanLanes.F64
            | k when k >= 0xEF && k <= 0xF5 -> NanLanes.F64
            | 0x107
            | 0x108
            | 0x10F
            | 0x110 -> NanLanes.F64
            | _ -> NanLanes.None

    let isArithmetic (op: Op) = arithmetic op <> NanLanes.None

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

    /// Lanes in which an instruction sees its operands without showing which NaN they hold: arithmetic, comparisons, conversions to integers.
    let blindTo (op: Op) : NanLanes =
        match int op with
        // demote and promote take the other width.
        | 0xB6
        | 0xD05E -> NanLanes.F64
        | 0xBB
        | 0xD05F -> NanLanes.F32
        | k when k >= 0x5B && k <= 0x60 || k = 0xA8 || k = 0xA9 || k = 0xAE || k = 0xAF -> NanLanes.F32
        | k when k >= 0x61 && k <= 0x66 || k = 0xAA || k = 0xAB || k = 0xB0 || k = 0xB1 -> NanLanes.F64
        | 0xC00
        | 0xC01
        | 0xC04
        | 0xC05 -> NanLanes.F32
        | 0xC02
        | 0xC03
        | 0xC06
        | 0xC07 -> NanLanes.F64
        | k when k >= 0xD041 && k <= 0xD046 || k = 0xD0F8 || k = 0xD0F9 || k = 0xD101 || k = 0xD102 -> NanLanes.F32
        | k when k >= 0xD047 && k <= 0xD04C || k = 0xD0FC || k = 0xD0FD || k = 0xD103 || k = 0xD104 -> NanLanes.F64
        | _ -> arithmetic op

    // extract_lane hands a lane over, dirty as it is; splat and replace_lane put a scalar into lanes.
    [<Literal>]
    let F32x4Splat = 0xD013us

    [<Literal>]
    let F64x2Splat = 0xD014us

    [<Literal>]
    let F32x4ExtractLane = 0xD01Fus

    [<Literal>]
    let F32x4ReplaceLane = 0xD020us

    [<Literal>]
    let F64x2ExtractLane = 0xD021us

    [<Literal>]
    let F64x2ReplaceLane = 0xD022us

    /// What is known of a vector constant: cleaning changes it only where a lane is a NaN.
    let private ofConstant (i: Instr) =
        let single (bits: int64) = System.Single.IsNaN(System.BitConverter.Int32BitsToSingle(int bits))
        let double (bits: int64) = System.Double.IsNaN(System.BitConverter.Int64BitsToDouble bits)
        let high = i.High
        let p32 = single i.Imm || single (i.Imm >>> 32) || single high || single (high >>> 32)
        let p64 = double i.Imm || double high
        -1 - ((if p32 then P32 else 0) ||| (if p64 then P64 else 0))

    /// No facts: nothing is dirty.
    let nothing = { CleanOnAssign = Array.empty; ReadsDirty = Array.empty; Slots = Dictionary() }

    /// Values of these types may hold a NaN.
    let private canHold (t: ValType) = t.IsFloat || t.IsVec

    let private analyse (valid: ValidModule) (f: PreparedFunc) : NanFacts =
        let m = valid.Module
        // By variable: the four facts, whether all its bits are seen, and the lanes in which it is read without being seen.
        let facts = ResizeArray<int>()
        let observed = ResizeArray<bool>()
        let readAs = ResizeArray<int>()
        // Source, target, lanes: a copy, or (lanes <> 0) lanes of that width handed over.
        let edges = ResizeArray<struct (int * int * int)>()
        let slots = Dictionary<int, int>()

        let fresh n =
            let first = facts.Count

            for _ in 1..n do
                facts.Add 0
                observed.Add false
                readAs.Add 0

            first

        fresh f.Locals.Length |> ignore

        for p in 0 .. f.Type.Params.Length - 1 do
            facts[p] <- P32 ||| P64

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
            if v < 0 then
                facts[variable] <- facts[variable] ||| (-1 - v)
            else
                edges.Add(struct (v, variable, 0))

        /// Facts of a value of which lanes of one width are taken: dirt of the other width is cleaned on the way.
        let taken lanes known =
            let other = if lanes = A32 then A64 else A32

            (known &&& (if lanes = A32 then A32 ||| P32 else A64 ||| P64))
            ||| (if known &&& other <> 0 then (if lanes = A32 then P32 else P64) else 0)

        /// Reads a value as lanes of one width.
        let read lanes v =
            if v >= 0 then
                readAs[v] <- readAs[v] ||| lanes

        /// Hands lanes of one width over to a variable.
        let hand lanes v variable =
            read lanes v

            if v < 0 then
                facts[variable] <- facts[variable] ||| taken lanes (-1 - v)
            else
                edges.Add(struct (v, variable, lanes))

        /// A new variable for lanes that are handed over, on the stack: facts of its own, and one source or two.
        let lanesOf lanes own a (b: int voption) =
            let s = fresh 1
            facts[s] <- own
            hand lanes a s
            ValueOption.iter (fun b -> hand lanes b s) b
            push s

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
                    facts[first + k] <- facts[first + k] ||| P32 ||| P64

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
            | Op.CallRef
            | Op.ReturnCall
            | Op.ReturnCallRef
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
                | Op.ReturnCallRef
                | Op.ReturnCallIndirect -> dead <- true
                | _ -> t.Results |> Array.iter (fun _ -> push Preserved)
            | Op.Throw ->
                popObserved valid.TagTypes[i.A].Params.Length
                dead <- true
            | Op.ThrowRef -> dead <- true
            | Op.BrOnNull ->
                pop () |> ignore
                branch i.A
                push Preserved
            | Op.BrOnNonNull ->
                branch i.A
                pop () |> ignore
            | Op.BrOnCast
            | Op.BrOnCastFail -> branch i.A
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
            | Op.LocalGet -> push (if canHold f.Locals[i.A] then i.A else Preserved)
            | Op.LocalSet -> assign i.A (pop ())
            | Op.LocalTee ->
                assign i.A (pop ())
                push (if canHold f.Locals[i.A] then i.A else Preserved)
            // A number's bits are the same before and after cleaning: only a NaN constant is the program's own bits.
            | Op.F32Const -> push (if System.Single.IsNaN(System.BitConverter.Int32BitsToSingle(int i.Imm)) then Preserved else Clean)
            | Op.F64Const -> push (if System.Double.IsNaN(System.BitConverter.Int64BitsToDouble i.Imm) then Preserved else Clean)
            | Op.V128Const -> push (ofConstant i)
            | F32x4ExtractLane -> lanesOf A32 0 (pop ()) ValueNone
            | F64x2ExtractLane -> lanesOf A64 0 (pop ()) ValueNone
            // What is put into lanes of one width is no arithmetic of the other.
            | F32x4Splat -> lanesOf A32 P64 (pop ()) ValueNone
            | F64x2Splat -> lanesOf A64 P32 (pop ()) ValueNone
            | F32x4ReplaceLane
            | F64x2ReplaceLane ->
                let x = pop ()
                let v = pop ()
                slots[at] <- facts.Count
                if i.Op = F32x4ReplaceLane then lanesOf A32 P64 v (ValueSome x) else lanesOf A64 P32 v (ValueSome x)
            | op ->
                let struct (pops, pushes) = InstrTypes.effect valid f.Locals ValType.Bottom i

                match blindTo op with
                | NanLanes.None -> popObserved pops
                | lanes ->
                    for _ in 1..pops do
                        read (if lanes = NanLanes.F32 then A32 else A64) (pop ())

                for _ in pushes do
                    push (
                        match arithmetic op with
                        | NanLanes.F32 -> -1 - A32
                        | NanLanes.F64 -> -1 - A64
                        | _ ->
                            match int op with
                            // Numbers in lanes of one width, which may look like anything in the other.
                            | 0xD0FA
                            | 0xD0FB -> -1 - P64
                            | 0xD0FE
                            | 0xD0FF -> -1 - P32
                            | k when k >= 0xB2 && k <= 0xBA -> Clean
                            | _ -> Preserved
                    )

        let has v fact = facts[v] &&& fact <> 0

        /// Its bits are seen, or lanes of the other width are.
        let isSeen v = observed[v] || (has v A32 && readAs[v] &&& A64 <> 0) || (has v A64 && readAs[v] &&& A32 <> 0)

        // Facts flow along copies until nothing changes: observation backwards, kinds forwards.
        let mutable changed = true

        let join (array: ResizeArray<int>) v more =
            if array[v] ||| more <> array[v] then
                array[v] <- array[v] ||| more
                changed <- true

        while changed do
            changed <- false

            for struct (source, target, lanes) in edges do
                if isSeen target && not observed[source] then
                    observed[source] <- true
                    changed <- true

                if lanes = 0 then
                    join readAs source readAs[target]
                    join facts target facts[source]
                else
                    join facts target (taken lanes facts[source])

        let isMixed v = (has v A32 && has v P32) || (has v A64 && has v P64)
        let clean = Array.init facts.Count (fun v -> (isSeen v && isMixed v) || (has v A32 && has v A64))

        {
            CleanOnAssign = clean
            ReadsDirty =
                Array.init facts.Count (fun v ->
                    if clean[v] then NanLanes.None
                    elif has v A32 then NanLanes.F32
                    elif has v A64 then NanLanes.F64
                    else NanLanes.None)
            Slots = slots
        }

    /// The facts of a function; empty arrays when it has no float arithmetic.
    let run (valid: ValidModule) (f: PreparedFunc) : NanFacts =
        if f.Code |> Array.exists (fun i -> isArithmetic i.Op) then analyse valid f else nothing
