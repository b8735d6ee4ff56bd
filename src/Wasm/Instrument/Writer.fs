namespace Twofold.Wasm.Instrument

// One body being written: instructions, locals of our own, gas and stack units, cold blocks. The other writers of this folder use it.
// In: the plan, the function's own locals. Out: a Body.
//
//   block $c1  block $c0                  cold blocks: where a run ends; as many as the body turned out to need
//     block $body (result ...)
//       ...  br_if $c0 ...
//     end
//     gas written back   return
//   end $c0   reason, numbers, gas written back, unreachable
//   end $c1   ...
//
// Labels of the module keep their depths: $body stands where the function's own label stood.

open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Binary

/// Opcodes that are written here by name.
module internal Num =
    [<Literal>]
    let I32Eqz = 0x45us

    [<Literal>]
    let I32Eq = 0x46us

    [<Literal>]
    let I32LtS = 0x48us

    [<Literal>]
    let I32GeU = 0x4Fus

    [<Literal>]
    let I64Eqz = 0x50us

    [<Literal>]
    let I64Eq = 0x51us

    [<Literal>]
    let I64Ne = 0x52us

    [<Literal>]
    let I64LtS = 0x53us

    [<Literal>]
    let I64LtU = 0x54us

    [<Literal>]
    let I64GtS = 0x55us

    [<Literal>]
    let I64GtU = 0x56us

    [<Literal>]
    let I64LeU = 0x58us

    [<Literal>]
    let I64GeU = 0x5Aus

    [<Literal>]
    let I32And = 0x71us

    [<Literal>]
    let I32Or = 0x72us

    [<Literal>]
    let I64And = 0x83us

    [<Literal>]
    let I64Shl = 0x86us

    [<Literal>]
    let I64ShrU = 0x88us

    [<Literal>]
    let Wrap = 0xA7us

    [<Literal>]
    let ExtendU = 0xADus

/// Why a cold block is gone to.
[<RequireQualifiedAccess; Struct>]
type internal Cold =
    | OutOfGas
    | StackExhausted
    /// An access of so many bytes of a memory; where it ends is in the local `AccessEnd`.
    | Memory of memory: int * bytes: int

[<Sealed>]
type internal Writer(plan: Plan, functionType: FuncType, own: ValType[]) =
    let code = List<Instr>()
    let locals = List<ValType>(own)
    let temps = Dictionary<struct (int * int), int>()
    let colds = List<Cold>()
    let coldIndex = Dictionary<Cold, int>()
    let lengths = Dictionary<int, int>()
    let catches = List<Catch[]>()
    // Labels that are open inside $body.
    let mutable depth = 0
    // The global's gas may be old.
    let mutable dirty = false
    let mutable offset = 0

    let newLocal t =
        locals.Add t
        locals.Count - 1

    let gas = newLocal ValType.I64
    let units = newLocal ValType.I32
    let slow = plan.Options.Slow

    member _.Plan = plan
    member _.Locals = own
    member _.Depth = depth

    /// For instructions that are written from now on: byte offset of what they are written for.
    member _.Offset
        with get () = offset
        and set v = offset <- v

    // ---- instructions

    member _.Add(i: Instr) = code.Add i

    member _.Put(op, a, b, imm) = code.Add { Op = op; A = a; B = b; Imm = imm; Offset = offset }

    member w.Op(op) = w.Put(op, 0, 0, 0L)
    member w.Op(op, a) = w.Put(op, a, 0, 0L)
    member w.I32(n: int) = w.Put(Op.I32Const, 0, 0, int64 n)
    member w.I64(n: int64) = w.Put(Op.I64Const, 0, 0, n)
    member w.Get(local: int) = w.Op(Op.LocalGet, local)
    member w.Set(local: int) = w.Op(Op.LocalSet, local)
    member w.Tee(local: int) = w.Op(Op.LocalTee, local)
    member w.GetStore(g: StoreGlobal) = w.Op(Op.GlobalGet, plan.Store g)
    member w.SetStore(g: StoreGlobal) = w.Op(Op.GlobalSet, plan.Store g)

    /// A local of our own for use within one instruction of the module.
    member _.Temp(t: ValType, slot: int) =
        let t = if t.IsRef then ValType.Ref(true, t.Heap) else t
        let key = struct (t.Code, slot)

        match temps.TryGetValue key with
        | true, l -> l
        | _ ->
            let l = newLocal t
            temps[key] <- l
            l

    /// Back from a temporary, which is always nullable.
    member w.GetAs(t: ValType, local: int) =
        w.Get local

        if t.IsRef && not t.IsNullable then
            w.Op Op.RefAsNonNull

    member _.Units = units

    // ---- labels

    /// A label of the module opens or closes.
    member _.Open() = depth <- depth + 1
    member _.Close() = depth <- depth - 1

    member w.BlockType(parameters: ValType[], results: ValType[]) : struct (int * int) =
        match parameters, results with
        | [||], [||] -> struct (-1, 0)
        | [||], [| t |] -> struct (-2, t.Code)
        | _ -> struct (plan.FuncType(parameters, results), 0)

    member w.Block(op: Op, parameters, results) =
        let struct (a, b) = w.BlockType(parameters, results)
        w.Put(op, a, b, 0L)
        depth <- depth + 1

    member w.If() = w.Block(Op.If, [||], [||])
    member w.Else() = w.Op Op.Else

    member w.End() =
        w.Op(Op.End, 1)
        depth <- depth - 1

    /// A try_table of ours with one clause.
    member w.TryTable(parameters, results, clause: Catch) =
        let struct (a, b) = w.BlockType(parameters, results)
        w.Put(Op.TryTable, a, b, int64 catches.Count)
        catches.Add [| clause |]
        depth <- depth + 1

    /// A try_table of the module.
    member w.TryTable(i: Instr, clauses: Catch[]) =
        w.Add { i with Imm = int64 catches.Count }
        catches.Add clauses
        depth <- depth + 1

    member w.BranchCold(op: Op, kind: Cold) =
        let k =
            match coldIndex.TryGetValue kind with
            | true, k -> k
            | _ ->
                colds.Add kind
                coldIndex[kind] <- colds.Count - 1
                colds.Count - 1

        w.Op(op, depth + 1 + k)

    member w.Return() = w.Op(Op.Br, depth)

    // ---- gas

    /// Code that can be reached on several ways follows: what the gas' global holds is not known.
    member _.Merge() = dirty <- not slow

    /// The gas into its global, where it is not there yet: before all that may leave or look.
    member w.Sync() =
        if dirty then
            w.Get gas
            w.SetStore StoreGlobal.Gas
            dirty <- false

    member private w.WriteGas() =
        if not slow then
            w.Get gas
            w.SetStore StoreGlobal.Gas

    member w.LoadGas() =
        if not slow then
            w.GetStore StoreGlobal.Gas
            w.Set gas

        dirty <- false

    member private w.Take(price: unit -> unit) =
        if slow then
            w.GetStore StoreGlobal.Gas
            price ()
            w.Op Op.I64Sub
            w.SetStore StoreGlobal.Gas
            w.GetStore StoreGlobal.Gas
        else
            w.Get gas
            price ()
            w.Op Op.I64Sub
            w.Tee gas
            dirty <- true

        w.I64 0L
        w.Op Num.I64LtS
        w.BranchCold(Op.BrIf, Cold.OutOfGas)

    member w.Charge(price: int64) =
        if price > 0L then
            w.Take(fun () -> w.I64 price)

    /// A price, not negative, in a local.
    member w.ChargeLocal(price: int) = w.Take(fun () -> w.Get price)

    // ---- ends of a run

    /// Within an `if`: ends the run in a trap with its numbers.
    member w.Fail(reason: int, a: unit -> unit, b: unit -> unit, c: unit -> unit) =
        w.WriteGas()
        w.I32 reason
        a ()
        b ()
        c ()
        w.Op(Op.Call, plan.Fail)
        w.Op Op.Unreachable

    /// Takes a condition: ends the run when it holds.
    member w.FailIf(reason: int, a, b, c) =
        w.If()
        w.Fail(reason, a, b, c)
        w.End()

    member w.Zero() = w.I64 0L

    // ---- the logical stack

    /// At the start of a body; the units that are left are in `Units` afterwards.
    member w.Enter(frame: int) =
        w.GetStore StoreGlobal.Stack
        w.I32 frame
        w.Op Op.I32Sub
        w.Tee units
        w.I32 0
        w.Op Num.I32LtS
        w.BranchCold(Op.BrIf, Cold.StackExhausted)

    /// Before a call: the callee's units. A tail call passes on what this function was given.
    member w.PassUnits(frame: int, tail: bool) =
        w.Get units

        if tail then
            w.I32 frame
            w.Op Op.I32Add

        w.SetStore StoreGlobal.Stack

    // ---- sizes of memories

    /// Memories whose size is kept in a local in this body.
    member _.KeepLength(memory: int) =
        if not slow && plan.ConstantBytes memory < 0L && not (lengths.ContainsKey memory) then
            lengths[memory] <- newLocal ValType.I64

    /// Sizes again, after whatever may have changed them.
    member w.LoadLengths() =
        for entry in lengths do
            w.AskLength entry.Key
            w.Set entry.Value

    /// A memory's size in bytes as an i64, from the engine.
    member w.AskLength(memory: int) =
        w.Op(Op.MemorySize, memory)

        if not plan.Valid.MemoryTypes[memory].Is64 then
            w.Op Num.ExtendU

        w.I64 16L
        w.Op Num.I64Shl

    /// A memory's size in bytes as an i64.
    member w.Length(memory: int) =
        match plan.ConstantBytes memory, lengths.TryGetValue memory with
        | bytes, _ when bytes >= 0L -> w.I64 bytes
        | _, (true, local) -> w.Get local
        | _ -> w.AskLength memory

    // ---- the whole

    /// Where an access ended that is out of bounds.
    member w.AccessEnd = w.Temp(ValType.I64, -1)

    member private w.ColdCode(kind: Cold) =
        match kind with
        | Cold.OutOfGas ->
            if slow then w.GetStore StoreGlobal.Gas else w.Get gas
            w.SetStore StoreGlobal.A
            w.I64 0L
            w.SetStore StoreGlobal.Gas
            w.I32 Reason.OutOfGas
            w.SetStore StoreGlobal.Reason
            w.Op Op.Unreachable
        // Nothing was charged yet.
        | Cold.StackExhausted ->
            w.I32 Reason.StackExhausted
            w.SetStore StoreGlobal.Reason
            w.Op Op.Unreachable
        | Cold.Memory(memory, bytes) ->
            w.Fail(
                int TrapCode.MemoryOutOfBounds,
                (fun () ->
                    w.Get w.AccessEnd
                    w.I64(int64 bytes)
                    w.Op Op.I64Sub),
                (fun () -> w.I64(int64 bytes)),
                (fun () -> w.AskLength memory)
            )

    /// The body; `results` are on the stack where it ends.
    member w.Finish(labelTables: int[][]) : Body =
        w.Op Op.End
        w.Merge()
        w.Sync()

        if colds.Count > 0 then
            w.Op Op.Return

        let mutable k = 0

        while k < colds.Count do
            w.Op Op.End
            w.ColdCode colds[k]
            k <- k + 1

        w.Op Op.End
        let struct (a, b) = w.BlockType([||], functionType.Results)
        let block a b : Instr = { Op = Op.Block; A = a; B = b; Imm = 0L; Offset = 0 }

        let all = Array.zeroCreate (colds.Count + 1 + code.Count)

        for k in 0 .. colds.Count - 1 do
            all[k] <- block -1 0

        all[colds.Count] <- block a b
        code.CopyTo(all, colds.Count + 1)

        { Locals = locals.ToArray(); Code = all; LabelTables = labelTables; CatchTables = catches.ToArray() }
