namespace Twofold.Wasm.Compiler

// Exceptions (core specification 4.6.8, "throw_ref"): thrown without .NET's, so that locals stay in registers and tail calls stay legal.
// In: throw, throw_ref, the clauses of try_tables, calls that may throw. Out: jumps; cold blocks that look for a handler.
//
//   throw x        values -> the store's result area; store.Gas := gas; Rt.Throw; goto handlers
//   call f         ...; calli; result -> temporary; store.Pending <> 0 -> unwound
//   unwound        gas := store.Gas - 10; gas < 0 -> out of gas; goto handlers         (cold, one for each try_table that calls stand in)
//   handlers       for each clause: store.Pending = ctx.Tag[x] -> take the exception, values -> the label's slots, goto label
//                  goto the handlers of the try_table around it; around all: store.Gas := gas; return anything
//
// A clause is a branch to a label outside its try_table: the operands below that label were moved to temporaries when its block was entered.

open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal LowerThrows =
    let private current (e: Emitter) = e.Frames[e.Frames.Count - 1].Try

    let private loadPending (e: Emitter) =
        e.Add(Cil.Ldloc e.StoreSlot)
        e.Add(Cil.LdcI4 StoreBlock.PendingOffset)
        e.Op OpCodes.Add
        e.Op OpCodes.Ldind_I

    /// A branch to a cold block that goes on in the function: what is known about locals goes with it.
    let private follow (e: Emitter) (o: OpCode) label =
        e.Flow.Branch(label, (o = OpCodes.Br))
        e.Branch o label

    let private take (e: Emitter) (c: Catch) (target: Frame) =
        let slots, types =
            if target.Op = Op.Loop then
                target.LoopParams, target.LoopTypes
            else
                target.Results, target.ResultTypes

        let withRef = c.Kind &&& 1 = 1
        let values = if withRef then slots.Length - 1 else slots.Length
        e.Add(Cil.Ldarg 0)
        e.CallRt(if values > 0 then "CatchValues" else "CatchAny")

        if withRef then e.Add(Cil.Stloc slots[values]) else e.Op OpCodes.Pop

        for k in 0 .. values - 1 do
            if types[k] = CilType.Obj then
                e.Add(Cil.Ldarg 0)
                e.Add(Cil.LdcI4 k)
                e.CallRt "TakeRefResult"
            else
                e.Add(Cil.Ldloc e.StoreSlot)
                e.Add(Cil.LdcI4(StoreBlock.ResultsOffset + 16 * k))
                e.Op OpCodes.Add
                e.Ldind types[k]

            e.Add(Cil.Stloc slots[k])

        e.Branch OpCodes.Br target.Br

    /// Where an exception goes on that is thrown inside this try_table; null: outside of all.
    let rec private handlers (e: Emitter) (fr: Frame) : int =
        if isNull fr then
            e.ColdNamed "leave" (fun () ->
                e.WriteGas()

                match (signature e.Func.Type).Result with
                | CilType.Void -> ()
                | CilType.Obj -> e.Op OpCodes.Ldnull
                | ty -> e.Ldc ty 0L

                e.Op OpCodes.Ret)
        else
            e.ColdNamed $"handlers {fr.At}" (fun () ->
                let mutable all = false

                for struct (c, target) in fr.Clauses do
                    if not all then
                        if c.Kind < 2 then
                            let next = e.NewLabel()
                            loadPending e
                            e.AtContext(e.Context.Layout.Tag c.Tag)
                            e.Op OpCodes.Ldind_I
                            e.Branch OpCodes.Bne_Un next
                            take e c target
                            e.Mark next
                        else
                            take e c target
                            all <- true

                if not all then
                    follow e OpCodes.Br (handlers e fr.Outer))

    let private unwound (e: Emitter) (fr: Frame) : int =
        e.ColdNamed $"unwound {(if isNull fr then -1 else fr.At)}" (fun () ->
            e.ReadGas()
            e.Add(Cil.Ldloc e.GasSlot)
            e.Add(Cil.LdcI8 Twofold.Wasm.Preparation.GasSchedule.unwoundFrame)
            e.Op OpCodes.Sub
            e.Add(Cil.Stloc e.GasSlot)
            e.Add(Cil.Ldloc e.GasSlot)
            e.Add(Cil.LdcI8 0L)
            e.Branch OpCodes.Blt (e.ColdLabel OutOfGas)
            follow e OpCodes.Br (handlers e fr))

    /// Right after a call that may throw, its first result being in a temporary.
    let test (e: Emitter) =
        let fr = current e
        loadPending e
        follow e OpCodes.Brtrue (unwound e fr)

    /// Entering a try_table: which frames its clauses name. Before it becomes the innermost frame itself.
    let enter (e: Emitter) (fr: Frame) (clauses: Catch[]) =
        fr.Outer <- current e
        fr.Try <- fr

        fr.Clauses <-
            clauses
            |> Array.map (fun c ->
                let target = e.FrameAt c.Label
                target.Targeted <- true
                struct (c, target))

    let throw (e: Emitter) tag =
        let t = e.Context.Valid.TagTypes[tag]
        let first = e.Stack.Count - t.Params.Length

        for k in 0 .. t.Params.Length - 1 do
            let n = e.Clean e.Stack[first + k]

            if n.Ty = CilType.Obj then
                e.Add(Cil.Ldarg 0)
                e.Add(Cil.LdcI4 k)
                e.Emit n
                e.CallRt "SetRefResult"
            else
                e.Add(Cil.Ldloc e.StoreSlot)
                e.Add(Cil.LdcI4(StoreBlock.ResultsOffset + 16 * k))
                e.Op OpCodes.Add
                e.Emit n
                e.Stind n.Ty

        e.Stack.RemoveRange(first, t.Params.Length)
        e.WriteGas()
        e.Add(Cil.Ldarg 0)
        e.Add(Cil.LdcI4 tag)
        e.CallRt "Throw"
        follow e OpCodes.Br (handlers e (current e))
        e.BecomeDead()

    let throwRef (e: Emitter) =
        e.WriteGas()
        e.Add(Cil.Ldarg 0)
        e.Emit(e.Pop())
        e.CallRt "ThrowRef"
        follow e OpCodes.Br (handlers e (current e))
        e.BecomeDead()
