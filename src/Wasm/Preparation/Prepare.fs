namespace Twofold.Wasm.Preparation

// Prepare: one pure pass over a validated body, for all engines (design 4.1-4.3). It drops what can never run, measures the frame,
// and inserts `enter n` (logical stack) and `charge n` (gas of the basic block that follows).
// In: a ValidModule and a function. Out: a PreparedFunc; every engine executes its instructions and nothing else.
//
// A block of gas begins at the start of the function, after `loop`, `if`, `else`, `br_if`, after the `end` of an `if`,
// and after the `end` of a `block` that a reachable branch targets. This table is part of schedule 1:
//
//   (func (param i32) (result i32)      enter 18; charge 5
//     local.get 0                       1
//     if (result i32)                   2      then: charge 1
//       i32.const 1                     1
//     else                                     else: charge 2
//       local.get 0  i32.eqz            1 + 1
//     end)                                     after: charge 0 (left out)

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

/// A function as engines execute it: reachable instructions only, with `enter` and `charge` inserted.
/// `End` carries A = 1 when what follows it can be reached. `Charge` with Imm = 0 means nothing to pay.
[<NoComparison; NoEquality>]
type PreparedFunc = {
    /// Among the defined functions.
    Index: int
    Type: FuncType
    /// Parameters first.
    Locals: ValType[]
    Code: Instr[]
    LabelTables: int[][]
    CatchTables: Catch[][]
    /// Units of the logical stack: 16 + locals + maximum operand height; a v128 counts 2.
    FrameUnits: int
    /// It calls something (tail calls included), so that it can be part of a recursion.
    Calls: bool
}

module Prepare =
    /// A control frame of the pass.
    [<NoComparison; NoEquality>]
    type private Frame = {
        Op: Op
        /// Types the frame's start and end put on the stack.
        Starts: ValType[]
        Ends: ValType[]
        /// Operand height (values, units) below the frame's parameters.
        Height: int
        mutable Targeted: bool
        mutable HasElse: bool
        /// The end of the then arm was reached (only meaningful after `else`).
        mutable ThenEnds: bool
    }

    let private width (t: ValType) = if t.IsVec then 2 else 1

    /// Units of a frame before its operands (design 4.3).
    [<Literal>]
    let private FrameBase = 16

    /// Parameter and result types of a block, loop or if.
    let blockType (types: SubType[]) (i: Instr) : struct (ValType[] * ValType[]) =
        match i.A with
        | -1 -> struct (Array.empty, Array.empty)
        | -2 -> struct (Array.empty, [| ValType i.B |])
        | t ->
            match types[t].Composite with
            | CompositeType.Func f -> struct (f.Params, f.Results)
            | _ -> struct (Array.empty, Array.empty)

    let private funcType (types: SubType[]) index =
        match types[index].Composite with
        | CompositeType.Func f -> f
        | _ -> invalidOp "validation lets only function types through here"

    /// Prepares one defined function.
    let func (valid: ValidModule) (index: int) : PreparedFunc =
        let m = valid.Module
        let body = valid.Body index
        let ftype = valid.FuncTypes[valid.ImportedFuncs + index]
        let out = ResizeArray<Instr>(body.Code.Length + 16)
        let frames = Stack<Frame>()
        // Operand types: what `drop` and `select` take is only known from the stack.
        let stack = ResizeArray<ValType>()
        let mutable units = 0
        let mutable highest = 0
        let mutable charge = -1
        let mutable cost = 0L
        let mutable calls = false
        // Nesting depth of blocks inside unreachable code; -1 while reachable.
        let mutable dead = -1

        let push (t: ValType) =
            stack.Add t
            units <- units + width t
            highest <- max highest units

        let pop () =
            let t = stack[stack.Count - 1]
            stack.RemoveAt(stack.Count - 1)
            units <- units - width t
            t

        let popN n =
            for _ in 1..n do
                pop () |> ignore

        let cutTo height =
            while stack.Count > height do
                pop () |> ignore

        let closeBlock () =
            if charge >= 0 then
                out[charge] <- { out[charge] with Imm = cost }

            charge <- -1
            cost <- 0L

        let openBlock offset =
            closeBlock ()
            charge <- out.Count

            out.Add { Op = Op.Charge; A = 0; B = 0; Imm = 0L; Offset = offset }

        let enter op struct (starts: ValType[], ends: ValType[]) =
            frames.Push {
                Op = op
                Starts = starts
                Ends = ends
                Height = stack.Count - starts.Length
                Targeted = false
                HasElse = false
                ThenEnds = false
            }

        let target depth =
            let mutable e = frames.GetEnumerator()

            for _ in 0..depth do
                e.MoveNext() |> ignore

            e.Current.Targeted <- true

        let becomeDead () =
            closeBlock ()
            dead <- 0

        let call (t: FuncType) =
            calls <- true
            popN t.Params.Length
            Array.iter push t.Results

        enter Op.Block (struct (Array.empty, ftype.Results))

        out.Add { Op = Op.Enter; A = 0; B = 0; Imm = 0L; Offset = if body.Code.Length > 0 then body.Code[0].Offset else 0 }

        openBlock out[0].Offset

        let finish (i: Instr) =
            // The end of a frame: is what follows reachable, and does a new block of gas begin there?
            let f = frames.Pop()
            let falls = dead < 0

            let reachable =
                match f.Op with
                | Op.Loop -> falls
                | Op.If -> falls || f.Targeted || f.ThenEnds || not f.HasElse
                | _ -> falls || f.Targeted

            out.Add { i with A = (if reachable then 1 else 0) }
            cutTo f.Height

            if reachable then
                dead <- -1
                Array.iter push f.Ends

                if frames.Count > 0 && (f.Op = Op.If || (f.Op = Op.Block && f.Targeted)) then
                    openBlock i.Offset
            else
                closeBlock ()
                dead <- 0

        for i in body.Code do
            if dead >= 0 then
                match i.Op with
                | Op.Block
                | Op.Loop
                | Op.If -> dead <- dead + 1
                | Op.End when dead > 0 -> dead <- dead - 1
                | Op.Else when dead = 0 ->
                    let f = frames.Peek()
                    f.HasElse <- true
                    out.Add i
                    cutTo f.Height
                    Array.iter push f.Starts
                    dead <- -1
                    openBlock i.Offset
                | Op.End -> finish i
                | _ -> ()
            else
                cost <- cost + GasSchedule.price (Opcodes.info i.Op).Gas

                match i.Op with
                | Op.Nop -> ()
                | Op.Unreachable ->
                    out.Add i
                    becomeDead ()
                | Op.Block ->
                    out.Add i
                    enter Op.Block (blockType m.Types i)
                | Op.Loop ->
                    out.Add i
                    enter Op.Loop (blockType m.Types i)
                    openBlock i.Offset
                | Op.If ->
                    out.Add i
                    pop () |> ignore
                    enter Op.If (blockType m.Types i)
                    openBlock i.Offset
                | Op.Else ->
                    let f = frames.Peek()
                    f.HasElse <- true
                    f.ThenEnds <- true
                    out.Add i
                    cutTo f.Height
                    Array.iter push f.Starts
                    openBlock i.Offset
                | Op.End -> finish i
                | Op.Br ->
                    out.Add i
                    target i.A
                    becomeDead ()
                | Op.BrIf ->
                    out.Add i
                    pop () |> ignore
                    target i.A
                    openBlock i.Offset
                | Op.BrTable ->
                    out.Add i
                    pop () |> ignore
                    Array.iter target body.LabelTables[i.A]
                    becomeDead ()
                | Op.Return ->
                    out.Add i
                    becomeDead ()
                | Op.Call ->
                    out.Add i
                    call valid.FuncTypes[i.A]
                | Op.CallIndirect ->
                    out.Add i
                    pop () |> ignore
                    call (funcType m.Types i.A)
                | Op.ReturnCall
                | Op.ReturnCallIndirect ->
                    out.Add i
                    calls <- true
                    becomeDead ()
                | Op.Drop ->
                    out.Add i
                    pop () |> ignore
                | Op.Select
                | Op.SelectT ->
                    out.Add i
                    pop () |> ignore
                    let b = pop ()
                    pop () |> ignore
                    push b
                | _ ->
                    out.Add i
                    let top = if stack.Count > 0 then stack[stack.Count - 1] else ValType.Bottom
                    let struct (pops, pushes) = InstrTypes.effect valid body.Locals top i
                    popN pops
                    Array.iter push pushes

        closeBlock ()
        let locals = body.Locals |> Array.sumBy width
        let frame = FrameBase + locals + highest
        out[0] <- { out[0] with A = frame }

        {
            Index = index
            Type = ftype
            Locals = body.Locals
            Code = out.ToArray()
            LabelTables = body.LabelTables
            CatchTables = body.CatchTables
            FrameUnits = frame
            Calls = calls
        }
