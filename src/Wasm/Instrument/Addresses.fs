namespace Twofold.Wasm.Instrument

// Which accesses of memory need no check: a constant address inside the first pages, and an address in a local that was checked before, for as many bytes,
// with nothing in between but straight code that leaves the local alone. A memory never shrinks, so what was inside stays inside, over calls too;
// no check moves, some are left out.
// In: a prepared function. Out: by instruction, whether its bounds are known.
//
//   local.get $p  i64.load offset=8      checked: $p + 16
//   local.get $p  ...  i64.store offset=8      known
//   i32.const 0  i64.load offset=66800         known, if the memory begins with two pages

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module internal Addresses =
    // What is on the operand stack: the value that a local has now, a constant, or anything.
    [<Struct; NoComparison; NoEquality>]
    type private Origin =
        | Anything
        | Local of local: int
        | Constant of bits: int64

    [<Struct; NoComparison; NoEquality>]
    type private Frame = { Height: int; Starts: int; Ends: int }

    let private isAccess (op: Op) = op < Op.Enter && (let imm = (Opcodes.info op).Imm in imm = Imm.MemArg || imm = Imm.MemArgLane)

    let private leastBytes (valid: ValidModule) memory =
        let pages = valid.MemoryTypes[memory].Min
        if pages > 65536UL then 0UL else pages * 65536UL

    let run (valid: ValidModule) (f: PreparedFunc) : HashSet<int> =
        let known = HashSet<int>()
        let m = valid.Module
        let stack = List<Origin>()
        let frames = Stack<Frame>()
        // By memory and local: bytes from its value on that are inside.
        let reached = Dictionary<struct (int * int), uint64>()

        let popN n = stack.RemoveRange(stack.Count - n, n)

        let pushN n =
            for _ in 1..n do
                stack.Add Anything

        let cutTo height =
            if stack.Count > height then
                stack.RemoveRange(height, stack.Count - height)

        let set local =
            for k in 0 .. stack.Count - 1 do
                match stack[k] with
                | Local l when l = local -> stack[k] <- Anything
                | _ -> ()

            for memory in 0 .. valid.MemoryTypes.Length - 1 do
                reached.Remove(struct (memory, local)) |> ignore

        let access at (i: Instr) (origin: Origin) =
            let bytes = uint64 (Opcodes.info i.Op).AccessBytes
            let reach = uint64 i.Imm + bytes

            if reach > bytes - 1UL then
                match origin with
                | Constant bits ->
                    let index = if valid.MemoryTypes[i.A].Is64 then uint64 bits else uint64 (uint32 bits)
                    let least = leastBytes valid i.A

                    if index <= least && reach <= least - index then
                        known.Add at |> ignore
                | Local local ->
                    let key = struct (i.A, local)

                    match reached.TryGetValue key with
                    | true, before when reach <= before -> known.Add at |> ignore
                    | _ -> reached[key] <- reach
                | Anything -> ()

        for at in 0 .. f.Code.Length - 1 do
            let i = f.Code[at]

            match i.Op with
            | Op.Enter
            | Op.Charge
            | Op.Nop -> ()
            | Op.Block
            | Op.Loop
            | Op.TryTable
            | Op.If ->
                if i.Op = Op.If then
                    popN 1

                let struct (starts, ends) = Prepare.blockType m.Types f.BlockTypes i
                let height = stack.Count - starts.Length

                // An else arm begins with the same operands, of which nothing is remembered.
                cutTo height
                pushN starts.Length

                frames.Push { Height = height; Starts = starts.Length; Ends = ends.Length }

                if i.Op = Op.Loop then
                    // What lies below may be another local's value in the next turn.
                    for k in 0 .. stack.Count - 1 do
                        match stack[k] with
                        | Local _ -> stack[k] <- Anything
                        | _ -> ()

                    reached.Clear()
            | Op.Else ->
                let frame = frames.Peek()
                cutTo frame.Height
                pushN frame.Starts
                reached.Clear()
            | Op.End ->
                if frames.Count > 0 then
                    let frame = frames.Pop()
                    cutTo frame.Height
                    pushN frame.Ends

                reached.Clear()
            | Op.Unreachable
            | Op.Br
            | Op.BrTable
            | Op.Return
            | Op.ReturnCall
            | Op.ReturnCallRef
            | Op.ReturnCallIndirect
            | Op.Throw
            | Op.ThrowRef -> ()
            | Op.BrIf -> popN 1
            | Op.BrOnNull
            | Op.BrOnCast
            | Op.BrOnCastFail -> ()
            | Op.BrOnNonNull -> popN 1
            | Op.Call ->
                let t = valid.FuncTypes[i.A]
                popN t.Params.Length
                pushN t.Results.Length
            | Op.CallIndirect
            | Op.CallRef ->
                match m.Types[i.A].Composite with
                | CompositeType.Func t ->
                    popN (t.Params.Length + 1)
                    pushN t.Results.Length
                | _ -> ()
            | Op.Drop -> popN 1
            | Op.Select
            | Op.SelectT ->
                popN 3
                pushN 1
            | Op.LocalGet -> stack.Add(Local i.A)
            | Op.LocalSet ->
                popN 1
                set i.A
            | Op.LocalTee ->
                popN 1
                set i.A
                stack.Add(Local i.A)
            | Op.I32Const
            | Op.I64Const -> stack.Add(Constant i.Imm)
            | op ->
                let struct (pops, pushes) = InstrTypes.effect valid f.Locals ValType.Bottom i

                if isAccess op then
                    let address = stack[stack.Count - pops]
                    access at i address

                popN pops
                pushN pushes.Length

        known
