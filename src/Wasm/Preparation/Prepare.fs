namespace Twofold.Wasm.Preparation

// Prepare: one pure pass over a validated body, for all engines (design 4.1-4.3). It drops what can never run, measures the frame,
// and inserts `enter n` (logical stack) and `charge n` (gas of the basic block that follows).
// In: a ValidModule and a function. Out: a PreparedFunc; every engine executes its instructions and nothing else.
//
// A block of gas begins at the start of the function, after `loop`, `if`, `else`, `br_if`, `br_on_*`, after the `end` of an `if`,
// and after the `end` of a `block` or `try_table` that a reachable branch or catch clause targets. Legacy `try` becomes `try_table` here (Legacy.fs);
// its blocks begin after `catch`, `catch_all`, and the `end` or `delegate` of a `try`; what is written for it beside its own instructions costs nothing.
// This table is part of the schedule:
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
    /// Parameters first; after the function's own, hidden ones that keep caught exceptions (legacy `rethrow`).
    Locals: ValType[]
    Code: Instr[]
    LabelTables: int[][]
    CatchTables: Catch[][]
    /// Parameters and results of the blocks that Prepare wrote itself: those with A = -3, by B.
    BlockTypes: struct (ValType[] * ValType[])[]
    /// Units of the logical stack: 16 + locals + maximum operand height; a v128 counts 2. What Prepare adds for legacy exceptions counts nothing.
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
        /// Its label's number among all that are open in the code that comes out.
        Label: int
        /// For `try` and `try_table` in a function with legacy exceptions, else null.
        Legacy: LegacyBlock
        mutable Targeted: bool
        mutable HasElse: bool
        /// The end of the then arm, of a `try`'s body or of one of its handlers was reached.
        mutable ArmEnds: bool
        /// Handlers of a legacy `try` that were begun.
        mutable Clauses: int
    }

    let private width (t: ValType) = if t.IsVec then 2 else 1

    /// Units of a frame before its operands (design 4.3).
    [<Literal>]
    let private FrameBase = 16

    let private exnRef = ValType.Ref(true, HeapType.Exn)

    /// Parameter and result types of a block, loop, if or try_table. `own` are PreparedFunc.BlockTypes.
    let blockType (types: SubType[]) (own: struct (ValType[] * ValType[])[]) (i: Instr) : struct (ValType[] * ValType[]) =
        match i.A with
        | -1 -> struct (Array.empty, Array.empty)
        | -2 -> struct (Array.empty, [| ValType i.B |])
        | -3 -> own[i.B]
        | t ->
            match types[t].Composite with
            | CompositeType.Func f -> struct (f.Params, f.Results)
            | _ -> struct (Array.empty, Array.empty)

    let private funcType (types: SubType[]) index =
        match types[index].Composite with
        | CompositeType.Func f -> f
        | _ -> invalidOp "validation lets only function types through here"

    /// What an object's size adds to the price of the instruction that makes it, where the size is known from the type.
    let private objectPrice (valid: ValidModule) (i: Instr) =
        let types = valid.Module.Types

        match i.Op with
        | Op.StructNew
        | Op.StructNewDefault -> GasSchedule.allocation (GasSchedule.structBytes (InstrTypes.fieldsOf types i.A))
        | Op.ArrayNewFixed -> GasSchedule.allocation (GasSchedule.arrayBytes (InstrTypes.elementOf types i.A) (uint32 i.B))
        | Op.Throw -> GasSchedule.allocation (GasSchedule.exceptionBytes valid.TagTypes[i.A].Params)
        | _ -> 0L

    /// One body on its way through the pass.
    [<Sealed>]
    type private Pass(valid: ValidModule, index: int) =
        let m = valid.Module
        let body = valid.Body index
        let ftype = valid.FuncTypes[valid.ImportedFuncs + index]

        let legacy: LegacyPlan voption =
            if body.Code |> Array.exists (fun i -> i.Op = Op.Try) then
                ValueSome(Legacy.plan body)
            else
                ValueNone

        let out = ResizeArray<Instr>(body.Code.Length + 16)
        let frames = ResizeArray<Frame>()
        // Operand types: what `drop` and `select` take is only known from the stack.
        let stack = ResizeArray<ValType>()
        let labelTables = ResizeArray<int[]>(if legacy.IsSome then [||] else body.LabelTables)
        let catchTables = ResizeArray<Catch[]>(if legacy.IsSome then [||] else body.CatchTables)
        let blockTypes = ResizeArray<struct (ValType[] * ValType[])>()
        let mutable units = 0
        let mutable highest = 0
        let mutable charge = -1
        let mutable cost = 0L
        let mutable calls = false
        // Nesting depth of blocks inside unreachable code; -1 while reachable.
        let mutable dead = -1
        // Labels that are open in the code that comes out.
        let mutable labels = 0

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

        let write op a b imm offset = out.Add { Op = op; A = a; B = b; Imm = imm; Offset = offset }

        let closeBlock () =
            if charge >= 0 then
                out[charge] <- { out[charge] with Imm = cost }

            charge <- -1
            cost <- 0L

        let openBlock offset =
            closeBlock ()
            charge <- out.Count
            write Op.Charge 0 0 0L offset

        let becomeDead () =
            closeBlock ()
            dead <- 0

        let frameAt depth = frames[frames.Count - 1 - depth]

        /// The depth of a label in the code that comes out.
        let depthOf label = labels - 1 - label

        let target depth =
            let f = frameAt depth
            f.Targeted <- true
            depthOf f.Label

        let pushFrame op starts ends label legacy =
            frames.Add {
                Op = op
                Starts = starts
                Ends = ends
                Height = stack.Count - Array.length starts
                Label = label
                Legacy = legacy
                Targeted = false
                HasElse = false
                ArmEnds = false
                Clauses = 0
            }

        /// An opening instruction as it is.
        let enter (i: Instr) =
            out.Add i
            let struct (starts, ends) = blockType m.Types [||] i
            pushFrame i.Op starts ends labels null
            labels <- labels + 1

        /// A block of Prepare's own.
        let openLabel starts ends offset =
            write Op.Block -3 blockTypes.Count 0L offset
            blockTypes.Add(struct (starts, ends))
            labels <- labels + 1
            labels - 1

        let closeLabel reachable offset =
            write Op.End (if reachable then 1 else 0) 0 0L offset
            labels <- labels - 1

        let openLanding (block: LegacyBlock) starts offset =
            if not (isNull block) && block.Lands then
                block.Landing <- openLabel starts [| exnRef |] offset

        let closeLanding (block: LegacyBlock) offset =
            closeLabel true offset
            write Op.ThrowRef 0 0 0L offset
            block.Landing <- -1

        let call (t: FuncType) =
            calls <- true
            popN t.Params.Length
            Array.iter push t.Results

        // ---- try_table and throwing

        let tryTable at (i: Instr) =
            let clauses = body.CatchTables[int i.Imm]
            cost <- cost + GasSchedule.catches clauses.Length
            let mapped = clauses |> Array.map (fun c -> { c with Label = target c.Label })
            let mutable own = i

            if legacy.IsSome then
                own <- { i with Imm = int64 catchTables.Count }
                catchTables.Add mapped

            out.Add own
            let struct (starts, ends) = blockType m.Types [||] i
            let block = if legacy.IsSome then legacy.Value.Blocks[at] else null
            pushFrame Op.TryTable starts ends labels block
            labels <- labels + 1
            openLanding block starts i.Offset

        // ---- legacy: see the picture in Legacy.fs

        let tryBlock at (i: Instr) =
            let block = legacy.Value.Blocks[at]
            let struct (starts, ends) = blockType m.Types [||] i

            if not (isNull block.DelegateTo) then
                cost <- cost + GasSchedule.catches 1
                let clause = { Kind = 3; Tag = -1; Label = depthOf block.DelegateTo.Landing }
                out.Add { i with Op = Op.TryTable; Imm = int64 catchTables.Count }
                catchTables.Add [| clause |]
                pushFrame Op.Try starts ends labels block
                labels <- labels + 1
            else
                let count = block.Clauses.Count
                cost <- cost + GasSchedule.catches count
                out.Add { i with Op = Op.Block }
                pushFrame Op.Try starts ends labels block
                labels <- labels + 1

                if count > 0 then
                    for k in count - 1 .. -1 .. 0 do
                        let tag = block.Clauses[k]
                        let values = if tag < 0 then [||] else valid.TagTypes[tag].Params
                        openLabel starts (if block.Slot < 0 then values else Array.append values [| exnRef |]) i.Offset |> ignore

                    out.Add { i with Op = Op.TryTable; Imm = int64 catchTables.Count }
                    labels <- labels + 1

                    catchTables.Add(
                        Array.init count (fun k ->
                            let kind = (if block.Clauses[k] < 0 then 2 else 0) + (if block.Slot < 0 then 0 else 1)
                            { Kind = kind; Tag = block.Clauses[k]; Label = k })
                    )

                    openLanding block starts i.Offset

        /// `catch` or `catch_all`: the body or the handler before it ends, a handler begins.
        let handler (i: Instr) =
            let f = frames[frames.Count - 1]
            let falls = dead < 0

            if falls then
                f.ArmEnds <- true

            let leave () =
                if falls then
                    write Op.Br (depthOf f.Label) 0 0L i.Offset

            if f.Clauses > 0 then
                leave ()
            elif f.Legacy.Lands then
                leave ()
                closeLanding f.Legacy i.Offset
                closeLabel false i.Offset
            else
                closeLabel falls i.Offset
                leave ()

            closeLabel true i.Offset
            cutTo f.Height

            if i.Op = Op.Catch then
                Array.iter push valid.TagTypes[i.A].Params

            if f.Legacy.Slot >= 0 then
                write Op.LocalSet (body.Locals.Length + f.Legacy.Slot) 0 0L i.Offset

            f.Clauses <- f.Clauses + 1
            dead <- -1
            openBlock i.Offset

        let elseArm (i: Instr) =
            let f = frames[frames.Count - 1]
            f.HasElse <- true
            f.ArmEnds <- dead < 0
            out.Add i
            cutTo f.Height
            Array.iter push f.Starts
            dead <- -1
            openBlock i.Offset

        /// The end of a frame: is what follows reachable, and does a new block of gas begin there?
        let finish (i: Instr) =
            let f = frames[frames.Count - 1]
            let falls = dead < 0

            if not (isNull f.Legacy) && f.Legacy.Landing >= 0 then
                if falls then
                    if frames.Count = 1 then
                        write Op.Return 0 0 0L i.Offset
                    else
                        write Op.Br (depthOf f.Label) 0 0L i.Offset

                closeLanding f.Legacy i.Offset

            frames.RemoveAt(frames.Count - 1)

            let reachable =
                match f.Op with
                | Op.Loop -> falls
                | Op.If -> falls || f.Targeted || f.ArmEnds || not f.HasElse
                | _ -> falls || f.Targeted || f.ArmEnds

            out.Add { i with Op = Op.End; A = (if reachable then 1 else 0) }
            labels <- labels - 1
            cutTo f.Height

            if reachable then
                dead <- -1
                Array.iter push f.Ends

                let begins =
                    match f.Op with
                    | Op.If
                    | Op.Try -> true
                    | Op.Block
                    | Op.TryTable -> f.Targeted
                    | _ -> false

                if frames.Count > 0 && begins then
                    openBlock i.Offset
            else
                closeBlock ()
                dead <- 0

        // ---- branches on references

        let branchOn (i: Instr) =
            let t = pop ()
            out.Add { i with A = target i.A }

            match i.Op with
            | Op.BrOnNull -> push (ValType.Ref(false, t.Heap))
            | Op.BrOnNonNull -> ()
            | _ ->
                let source = HeapType(int i.Imm)
                let goal = HeapType(int (i.Imm >>> 32))
                let sourceNull = i.B &&& 1 <> 0
                let goalNull = i.B &&& 2 <> 0
                // What is left when the cast failed, or when it did not.
                push (
                    if i.Op = Op.BrOnCast then
                        ValType.Ref(sourceNull && not goalNull, source)
                    else
                        ValType.Ref(goalNull, goal)
                )

            openBlock i.Offset

        let unreachable (i: Instr) =
            match i.Op with
            | Op.Block
            | Op.Loop
            | Op.If
            | Op.TryTable
            | Op.Try -> dead <- dead + 1
            | Op.End
            | Op.Delegate when dead > 0 -> dead <- dead - 1
            | Op.Else when dead = 0 -> elseArm i
            | Op.Catch
            | Op.CatchAll when dead = 0 -> handler i
            | Op.Delegate
            | Op.End -> finish i
            | _ -> ()

        let instruction at (i: Instr) =
            cost <- cost + GasSchedule.price (Opcodes.info i.Op).Gas + objectPrice valid i

            match i.Op with
            | Op.Nop -> ()
            | Op.Unreachable ->
                out.Add i
                becomeDead ()
            | Op.Block -> enter i
            | Op.Loop ->
                enter i
                openBlock i.Offset
            | Op.If ->
                pop () |> ignore
                enter i
                openBlock i.Offset
            | Op.Else -> elseArm i
            | Op.TryTable -> tryTable at i
            | Op.Try -> tryBlock at i
            | Op.Catch
            | Op.CatchAll -> handler i
            | Op.Delegate
            | Op.End -> finish i
            | Op.Throw
            | Op.ThrowRef ->
                out.Add i
                becomeDead ()
            | Op.Rethrow ->
                write Op.LocalGet (body.Locals.Length + (frameAt i.A).Legacy.Slot) 0 0L i.Offset
                write Op.ThrowRef 0 0 0L i.Offset
                becomeDead ()
            | Op.Br ->
                out.Add { i with A = target i.A }
                becomeDead ()
            | Op.BrIf ->
                pop () |> ignore
                out.Add { i with A = target i.A }
                openBlock i.Offset
            | Op.BrOnNull
            | Op.BrOnNonNull
            | Op.BrOnCast
            | Op.BrOnCastFail -> branchOn i
            | Op.BrTable ->
                pop () |> ignore

                if legacy.IsSome then
                    out.Add { i with A = labelTables.Count }
                    labelTables.Add(body.LabelTables[i.A] |> Array.map target)
                else
                    out.Add i

                    for depth in body.LabelTables[i.A] do
                        target depth |> ignore

                becomeDead ()
            | Op.Return ->
                out.Add i
                becomeDead ()
            | Op.Call ->
                out.Add i
                call valid.FuncTypes[i.A]
            | Op.CallIndirect
            | Op.CallRef ->
                out.Add i
                pop () |> ignore
                call (funcType m.Types i.A)
            | Op.ReturnCall
            | Op.ReturnCallRef
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

        member _.Run() : PreparedFunc =
            let start = if body.Code.Length > 0 then body.Code[0].Offset else 0
            let block = if legacy.IsSome then legacy.Value.Function else null
            pushFrame Op.Block [||] ftype.Results 0 block
            labels <- 1
            write Op.Enter 0 0 0L start
            openBlock start
            let locals = body.Locals |> Array.sumBy width
            cost <- GasSchedule.locals locals
            openLanding block [||] start

            for at in 0 .. body.Code.Length - 1 do
                if dead >= 0 then unreachable body.Code[at] else instruction at body.Code[at]

            closeBlock ()
            let frame = FrameBase + locals + highest
            out[0] <- { out[0] with A = frame }

            {
                Index = index
                Type = ftype
                Locals =
                    (if legacy.IsSome then
                         Array.append body.Locals (Array.create legacy.Value.Slots exnRef)
                     else
                         body.Locals)
                Code = out.ToArray()
                LabelTables = labelTables.ToArray()
                CatchTables = catchTables.ToArray()
                BlockTypes = blockTypes.ToArray()
                FrameUnits = frame
                Calls = calls
            }

    /// Prepares one defined function.
    let func (valid: ValidModule) (index: int) : PreparedFunc = Pass(valid, index).Run()
