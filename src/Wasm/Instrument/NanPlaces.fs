namespace Twofold.Wasm.Instrument

// Where a body has to make NaNs canonical so that none that arithmetic made is ever seen: NanEscape says which variables hold such, this pass finds the
// instruction that gives each value that is shown. A value on the operand stack has one giver, and cleaning it there is always right: only values that
// arithmetic made are ever cleaned.
// In: a prepared function. Out: by instruction, which of its results to clean right behind it.
//
//   local.get $a  local.get $b  f64.mul      nothing, if what follows is arithmetic
//   f64.store                                 the product is shown: cleaned behind f64.mul
//   local.get $sum  call $print               $sum holds arithmetic only: cleaned behind local.get

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

/// A result to clean: how many other results lie above it, and what it is.
[<Struct; NoComparison>]
type internal NanPlace = { Above: int; Lanes: NanLanes; Type: ValType }

module internal NanPlaces =
    [<NoComparison; NoEquality>]
    type private Frame = {
        Op: Op
        Height: int
        Starts: int
        Ends: int
        Slots: int
        Params: struct (int * ValType)[]
        EndTypes: ValType[]
    }

    let private none = Dictionary<int, List<NanPlace>>()

    /// After each instruction that may make a NaN: the slow twin.
    let each (f: PreparedFunc) : Dictionary<int, List<NanPlace>> =
        let places = Dictionary<int, List<NanPlace>>()

        f.Code
        |> Array.iteri (fun at i ->
            match NanEscape.arithmetic i.Op with
            | NanLanes.None -> ()
            | lanes -> places[at] <- List [ { Above = 0; Lanes = lanes; Type = (Opcodes.info i.Op).Pushes[0] } ])

        places

    let private find (valid: ValidModule) (f: PreparedFunc) (facts: NanFacts) =
        let m = valid.Module
        // Values that may be dirty, by number: giver, place, lanes, whether it is cleaned. On the stack -1 is any other value.
        let givers = List<struct (int * NanPlace)>()
        let shown = List<bool>()
        let stack = List<struct (int * ValType)>()
        let frames = Stack<Frame>()
        let push v t = stack.Add(struct (v, t))

        let popTyped () =
            let v = stack[stack.Count - 1]
            stack.RemoveAt(stack.Count - 1)
            v

        let pop () =
            let struct (v, _) = popTyped ()
            v

        let value k =
            let struct (v, _) = stack[k]
            v

        let give at above lanes t =
            if lanes = NanLanes.None then
                -1
            else
                givers.Add(struct (at, { Above = above; Lanes = lanes; Type = t }))
                shown.Add false
                givers.Count - 1

        let observe v =
            if v >= 0 then
                shown[v] <- true

        let popObserved n =
            for _ in 1..n do
                observe (pop ())

        /// An instruction that sees lanes of one width only, and not which NaN they hold.
        let read lanes v =
            if v >= 0 then
                let struct (_, place) = givers[v]

                if place.Lanes <> lanes then
                    observe v

        let assign variable v =
            if facts.CleanOnAssign[variable] then
                observe v

        let cutTo height =
            if stack.Count > height then
                stack.RemoveRange(height, stack.Count - height)

        let branch depth =
            let frame = Seq.item depth frames
            let n = if frame.Op = Op.Loop then frame.Starts else frame.Ends
            let first = stack.Count - n

            for k in 0 .. n - 1 do
                if frame.Op = Op.Loop then assign (frame.Slots + frame.Ends + k) (value (first + k))
                elif frame.Slots >= 0 then assign (frame.Slots + k) (value (first + k))
                else observe (value (first + k))

        frames.Push {
            Op = Op.Block
            Height = 0
            Starts = 0
            Ends = f.Type.Results.Length
            Slots = -1
            Params = Array.empty
            EndTypes = f.Type.Results
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

                let struct (starts, ends) = Prepare.blockType m.Types f.BlockTypes i
                let endTypes = ends
                let starts, ends = starts.Length, ends.Length
                let height = stack.Count - starts
                let first = facts.Slots[at]
                let pars = Array.init starts (fun k -> stack[height + k])

                if i.Op = Op.Loop then
                    for k in 0 .. starts - 1 do
                        let struct (v, t) = pars[k]
                        assign (first + ends + k) v
                        stack[height + k] <- struct (give at (starts - 1 - k) facts.ReadsDirty[first + ends + k] t, t)

                frames.Push {
                    Op = i.Op
                    Height = height
                    Starts = starts
                    Ends = ends
                    Slots = first
                    Params = pars
                    EndTypes = endTypes
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
                            assign (frame.Slots + k) (value (stack.Count - frame.Ends + k))
                    else
                        branch 0

                let frame = frames.Pop()

                if frame.Op = Op.If then
                    for k in 0 .. (min frame.Starts frame.Ends) - 1 do
                        let struct (v, _) = frame.Params[k]
                        assign (frame.Slots + k) v

                cutTo frame.Height
                dead <- i.A = 0

                if not dead && frame.Slots >= 0 then
                    for k in 0 .. frame.Ends - 1 do
                        let t = frame.EndTypes[k]
                        push (give at (frame.Ends - 1 - k) facts.ReadsDirty[frame.Slots + k] t) t
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
                popObserved f.Type.Results.Length
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
                | _ -> t.Results |> Array.iter (push -1)
            | Op.Throw ->
                popObserved valid.TagTypes[i.A].Params.Length
                dead <- true
            | Op.ThrowRef -> dead <- true
            | Op.BrOnNull ->
                pop () |> ignore
                branch i.A
                push -1 ValType.Bottom
            | Op.BrOnNonNull ->
                branch i.A
                pop () |> ignore
            | Op.BrOnCast
            | Op.BrOnCastFail -> branch i.A
            | Op.Drop -> pop () |> ignore
            | Op.Select
            | Op.SelectT ->
                pop () |> ignore
                let slot = facts.Slots[at]
                let struct (b, t) = popTyped ()
                assign slot b
                assign slot (pop ())
                push (give at 0 facts.ReadsDirty[slot] t) t
            | Op.LocalGet -> push (give at 0 facts.ReadsDirty[i.A] f.Locals[i.A]) f.Locals[i.A]
            | Op.LocalSet -> assign i.A (pop ())
            | Op.LocalTee ->
                assign i.A (pop ())
                push (give at 0 facts.ReadsDirty[i.A] f.Locals[i.A]) f.Locals[i.A]
            | op ->
                let struct (pops, pushes) = InstrTypes.effect valid f.Locals ValType.Bottom i

                match NanEscape.blindTo op with
                | NanLanes.None -> popObserved pops
                | lanes ->
                    for _ in 1..pops do
                        read lanes (pop ())

                for t in pushes do
                    push (give at 0 (NanEscape.arithmetic op) t) t

        let places = Dictionary<int, List<NanPlace>>()

        for v in 0 .. givers.Count - 1 do
            if shown[v] then
                let struct (at, place) = givers[v]

                match places.TryGetValue at with
                | true, known -> known.Add place
                | _ -> places[at] <- List [ place ]

        places

    /// What has to be cleaned so that nothing of arithmetic's NaNs is seen.
    let onEscape (valid: ValidModule) (f: PreparedFunc) : Dictionary<int, List<NanPlace>> =
        // A function without locals and blocks has no variables, and may still show what it computes.
        if f.Code |> Array.exists (fun i -> NanEscape.isArithmetic i.Op) then
            find valid f (NanEscape.run valid f)
        else
            none

    let nothing = none
