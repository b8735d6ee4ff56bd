namespace Twofold.Wasm.Compiler

// Lowering: a prepared function becomes CIL (design section 7).
// In: a PreparedFunc and what is fixed for its module. Out: a CilFunc; pure but for the constant cells it asks for.
//
// Operands are expression trees, written to the CIL stack only when a statement needs them; the CIL stack is empty between statements.
// Nothing deferred can trap or have an effect: checks are written where the instruction stands, and what a later statement could change
// (locals, memory, globals) is first moved to a temporary.
//
//   signature      result f(native ctx, int32 units, params...)
//   prologue       units < frame -> stack exhausted; frame address < ctx.NativeLimit -> StackSlow; gas := store.Gas
//   charge n       gas -= n; gas < 0 -> out of gas; the first of a loop compares with ctx.Interrupt instead of 0
//   i32.load o     index > ctx.Last[o + 4] -> trap (cold), or for large o as LowerMemory says; ldind.i4 (base + index + o), deferred
//   call f         store.Gas := gas; code[f] or Resolve; calli; gas := store.Gas
//   cold blocks    store.Gas := gas; the trap's numbers; throw
//
// A method that a frame of the interpreter's goes on in (`loop`) has all of the function and another beginning:
//
//   signature      result f(native ctx, int32 units, native slots, int32 references)
//   prologue       units and the native stack were looked at; locals := the frame's; gas := store.Gas; br to the loop, which pays its charge

open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module Lower =
    let private instruction (e: Emitter) at (i: Instr) =
        match i.Op with
        | Op.Enter -> ()
        | Op.Charge ->
            if i.Imm <> 0L then
                e.Add(Cil.Ldloc e.GasSlot)
                e.Add(Cil.LdcI8 i.Imm)
                e.Op OpCodes.Sub
                e.Add(Cil.Stloc e.GasSlot)
                e.Add(Cil.Ldloc e.GasSlot)

                // An interrupt asks for more gas than there is: a loop needs no test of its own.
                if e.PollWithCharge then
                    e.PollWithCharge <- false
                    LowerControl.loadInterrupt e
                else
                    e.Add(Cil.LdcI8 0L)

                e.Branch OpCodes.Blt (e.ColdLabel OutOfGas)
        | Op.Unreachable ->
            e.Branch OpCodes.Br (e.ColdLabel(Simple TrapCode.Unreachable))
            e.BecomeDead()
        | Op.Block
        | Op.Loop
        | Op.TryTable
        | Op.If -> LowerControl.blockEntry e i at
        | Op.Throw -> LowerThrows.throw e i.A
        | Op.ThrowRef -> LowerThrows.throwRef e
        | Op.Else -> LowerControl.elseArm e
        | Op.End -> LowerControl.blockEnd e i
        | Op.Br -> LowerControl.goto e (e.FrameAt i.A)
        | Op.BrIf -> LowerControl.branchConditional e i.A
        | Op.BrTable -> LowerControl.branchTable e e.Func.LabelTables[i.A]
        | Op.Return -> LowerControl.goto e e.Frames[0]
        | Op.Call -> LowerCalls.direct e i.A false
        | Op.ReturnCall -> LowerCalls.direct e i.A true
        | Op.CallIndirect -> LowerCalls.indirect e i.A i.B false
        | Op.ReturnCallIndirect -> LowerCalls.indirect e i.A i.B true
        | Op.Drop -> e.GiveBack(e.Pop())
        | Op.Select
        | Op.SelectT -> LowerScalars.select e at
        | Op.LocalGet -> e.Stack.Add(e.LocalNode i.A)
        | Op.LocalSet -> LowerScalars.setLocal e i.A false
        | Op.LocalTee -> LowerScalars.setLocal e i.A true
        | Op.GlobalGet ->
            let t = e.Context.Valid.GlobalTypes[i.A]

            if t.Value.IsRef then
                LowerObjects.globalGet e i.A t
            else
                e.Push(Node(NodeKind.Global, cilType t.Value, Imm = int64 i.A, ReadsGlobal = t.Mutable))
        | Op.GlobalSet ->
            let v = e.Clean(e.Pop())
            let t = e.Context.Valid.GlobalTypes[i.A].Value

            if t.IsRef then
                LowerObjects.globalSet e i.A v
            else
                e.SpillGlobals()
                e.GlobalAddress i.A
                e.Emit v
                e.Stind v.Ty
        | Op.TableGet
        | Op.TableSet
        | Op.TableSize
        | Op.TableGrow
        | Op.TableFill
        | Op.TableCopy
        | Op.TableInit
        | Op.ElemDrop
        | Op.MemorySize
        | Op.MemoryGrow
        | Op.MemoryFill
        | Op.MemoryCopy
        | Op.MemoryInit
        | Op.DataDrop -> LowerBulk.instruction e i
        | o when LowerAtomics.isAtomic o -> LowerAtomics.instruction e i
        | Op.I32Const -> e.Stack.Add(e.Constant CilType.I4 (int64 (int i.Imm)))
        | Op.I64Const -> e.Stack.Add(e.Constant CilType.I8 i.Imm)
        | Op.F32Const -> e.Stack.Add(e.Constant CilType.R4 i.Imm)
        | Op.F64Const -> e.Stack.Add(e.Constant CilType.R8 i.Imm)
        | Op.RefNull -> e.Stack.Add(Node(NodeKind.Null, CilType.Obj))
        | Op.RefIsNull -> e.Push(e.Unary CilType.I4 Op.RefIsNull (e.Pop()))
        | Op.RefFunc ->
            e.Add(Cil.Ldarg 0)
            e.Add(Cil.LdcI4 i.A)
            e.CallRt "RefFunc"
            let slot = e.Alloc CilType.Obj
            e.Add(Cil.Stloc slot)
            e.Stack.Add(Node(NodeKind.Temp, CilType.Obj, Slot = slot, NonNull = true))
        | _ when LowerObjects.instruction e i -> ()
        | o when o >= 0x28us && o <= 0x35us ->
            let ty = cilType (Opcodes.info o).Pushes[0]
            e.Push(LowerMemory.access e o i.A (e.Pop()) i.Imm ty)
        | o when o >= 0x36us && o <= 0x3Eus ->
            let v = e.Clean(e.Pop())
            let index = e.Pop()
            let n = LowerMemory.access e o i.A index i.Imm v.Ty
            e.SpillMemory()
            e.EmitAddress n
            e.Emit v

            e.Op(
                match o with
                | 0x36us
                | 0x3Eus -> OpCodes.Stind_I4
                | 0x37us -> OpCodes.Stind_I8
                | 0x38us -> OpCodes.Stind_R4
                | 0x39us -> OpCodes.Stind_R8
                | 0x3Aus
                | 0x3Cus -> OpCodes.Stind_I1
                | _ -> OpCodes.Stind_I2
            )
        | o when o >= Op.V128Load && o < Op.Enter -> LowerVector.instruction e at i
        | o when (o >= 0x6Dus && o <= 0x70us) || (o >= 0x7Fus && o <= 0x82us) -> LowerScalars.divide e o
        | o when (o >= 0xA8us && o <= 0xABus) || (o >= 0xAEus && o <= 0xB1us) -> LowerScalars.truncate e o
        | o ->
            let info = Opcodes.info o
            let ty = cilType info.Pushes[0]
            // Sign operations and reinterpretations show bits; everything else that takes floats is arithmetic or blind to NaN bits.
            let shows = NanEscape.isSignOp o || o = 0xBCus || o = 0xBDus

            if info.Pops.Length = 1 then
                let a = e.Pop()
                e.Push(e.Unary ty o (if shows then e.Clean a else e.Unclean a))
            else
                let b = e.Pop()
                let a = e.Pop()
                e.Push(if shows then e.Binary ty o (e.Clean a) (e.Clean b) else e.Binary ty o (e.Unclean a) (e.Unclean b))

    let private coldBlock (e: Emitter) key =
        e.Mark e.Cold[key]

        match key with
        | OutOfGas ->
            e.Add(Cil.Ldarg 0)
            e.Add(Cil.Ldloc e.GasSlot)
            e.CallRt "OutOfGas"
        | NoStack ->
            e.Add(Cil.Ldarg 0)
            e.CallRt "StackExhausted"
        | Interrupt ->
            e.WriteGas()
            e.Add(Cil.Ldarg 0)
            e.CallRt "Interrupted"
        | Simple code ->
            e.WriteGas()
            e.Add(Cil.LdcI4(int code))
            e.CallRt "Trap"
        | MemoryAt(memory, offset, bytes, isTemp, local) ->
            e.WriteGas()
            e.Add(Cil.Ldarg 0)
            e.Add(Cil.LdcI4 memory)

            if isTemp then e.Add(Cil.Ldloc local) else e.LoadLocal local

            e.Op OpCodes.Conv_U8
            e.Add(Cil.LdcI8 offset)
            e.Add(Cil.LdcI4 bytes)
            e.CallRt "TrapMemory"
        | Indirect(table, slot) ->
            e.WriteGas()
            e.Add(Cil.Ldarg 0)
            e.Add(Cil.LdcI4 table)
            e.Add(Cil.Ldloc slot)
            e.Op OpCodes.Conv_U8
            e.CallRt "TrapIndirect"
        | Trunc slot ->
            e.WriteGas()
            e.Add(Cil.Ldloc slot)
            e.CallRt "TrapTrunc"
        | Named name -> e.WriteNamed name

        match key with
        | Named _ -> ()
        | _ -> e.Op OpCodes.Throw

    /// What the callees may use.
    let private unitsLeft (e: Emitter) =
        e.Add(Cil.Ldarg 1)
        e.Add(Cil.LdcI4 e.Func.FrameUnits)
        e.Op OpCodes.Sub
        e.Add(Cil.Stloc e.UnitsSlot)

    /// Store, gas, bases of memories.
    let private fromContext (e: Emitter) =
        e.Add(Cil.Ldarg 0)
        e.Op OpCodes.Ldind_I
        e.Add(Cil.Stloc e.StoreSlot)
        e.ReadGas()

        for struct (memory, slot) in e.BaseSlots do
            e.AtContext(e.Context.Layout.Memory memory)
            e.Op OpCodes.Ldind_I
            e.Add(Cil.Stloc slot)

    /// `places`: of each local in the interpreter's frame.
    let private loopPrologue (e: Emitter) (places: int[]) =
        if e.Func.Calls then
            unitsLeft e

        fromContext e

        // All of them now: the frame's place is anybody's after the first call.
        for i in 0 .. e.Func.Locals.Length - 1 do
            let ty = cilType e.Func.Locals[i]

            if ty = CilType.Obj then
                e.Add(Cil.Ldarg 0)
                e.Add(Cil.Ldarg 3)
                e.Add(Cil.LdcI4 places[i])
                e.Op OpCodes.Add
                e.Add(Cil.Call(Methods.interp "LocalReference"))
            else
                e.Add(Cil.Ldarg 2)
                e.Add(Cil.LdcI4 places[i])
                e.Op OpCodes.Add
                e.Ldind ty

            e.Add(Cil.Stloc e.WasmLocals[i])

        e.EntryLabel <- e.NewLabel()
        // What follows is reached through loops around this one alone: marks that it gets for more than that do no harm.
        e.Flow.Branch(e.EntryLabel, false)
        e.Add(Cil.Branch(OpCodes.Br, e.EntryLabel))

    let private prologue (e: Emitter) =
        e.Add(Cil.Ldarg 1)
        e.Add(Cil.LdcI4 e.Func.FrameUnits)
        e.Branch OpCodes.Blt (e.ColdLabel NoStack)

        if e.Func.Calls then
            let body = e.NewLabel()
            unitsLeft e
            e.Add(Cil.Ldloca e.ProbeSlot)
            e.Op OpCodes.Conv_U
            e.AtContext 8
            e.Op OpCodes.Ldind_I
            e.Branch OpCodes.Bge_Un body
            e.Add(Cil.Ldarg 0)
            e.CallRt "StackSlow"
            e.Branch OpCodes.Brfalse body
            // The whole call goes on on a fresh stack; the index tells the thunk whose.
            let thunk = e.Context.FreshStackThunk e.Func.Type

            for k in 0 .. e.Params + 1 do
                e.Add(Cil.Ldarg k)

            e.Add(Cil.LdcI4 e.Func.Index)
            e.Add(Cil.LdcI8(int64 thunk))
            e.Op OpCodes.Conv_I
            let s = signature e.Func.Type

            e.Add(Cil.Calli({ s with Params = Array.append s.Params [| CilType.I4 |] }, false))

            e.Op OpCodes.Ret
            e.Mark body

        fromContext e

        for i in e.Params .. e.Func.Locals.Length - 1 do
            match cilType e.Func.Locals[i] with
            | CilType.Obj -> e.Op OpCodes.Ldnull
            | ty -> e.Ldc ty 0L

            e.Add(Cil.Stloc e.WasmLocals[i])

    let private run (e: Emitter) (places: int[]) : CilFunc =
        let f = e.Func
        let fr = Frame(Op.Block, -1, 0, e.NewLabel())
        fr.ResultTypes <- typesOf f.Type.Results
        fr.Results <- fr.ResultTypes |> Array.map e.Alloc
        e.Frames.Add fr
        let whole = e.Entry < 0

        if whole then prologue e else loopPrologue e places

        for at in 0 .. f.Code.Length - 1 do
            instruction e at f.Code[at]

        let mutable k = 0

        // A cold block may ask for no other one, but the list is walked by index all the same.
        while k < e.ColdOrder.Count do
            coldBlock e e.ColdOrder[k]
            k <- k + 1

        {
            Name = $"wasm-function[{e.Context.Valid.ImportedFuncs + f.Index}]" + (if whole then "" else $" loop {e.Entry}")
            Sig = if whole then signature f.Type else loopSignature f.Type
            Locals = e.Locals.ToArray()
            Code = e.Code.ToArray()
            Labels = e.LabelCount
        }

    let private lowered (ctx: LowerContext) (f: PreparedFunc) (entry: int) (places: int[]) : CilFunc =
        let hasRotations = Rotations.any f
        let flow = MarkFlow(hasRotations, f.Locals.Length, f.Code.Length)

        let rec lower () =
            flow.Start()
            let lowered = run (Emitter(ctx, f, hasRotations, flow, entry)) places
            if flow.Again then lower () else lowered

        lower ()

    /// Lowers one function.
    let func (ctx: LowerContext) (f: PreparedFunc) : CilFunc = lowered ctx f -1 null

    /// Lowers the method that a frame of the interpreter's goes on in: at a loop, by the index of its instruction, that has no parameters and no operands
    /// below. `places` of the locals in the frame: bytes, or the number of a reference.
    let loop (ctx: LowerContext) (f: PreparedFunc) (entry: int) (places: int[]) : CilFunc = lowered ctx f entry places
