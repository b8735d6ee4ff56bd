namespace Twofold.Wasm.Instrument

// Calls and throws: gas and units handed over, gas and sizes taken back; the price of unwinding.
// In: the instruction, its operands on the stack. Out: the same with our accounting.
//
// A call that may throw stands in a try_table of its own, inside the function's own handlers:
//
//   block $on (result r*)
//     block $left (param p*) (result exnref)
//       try_table (param p*) (result r*) (catch_all_ref $left)  call f  end
//       br $on
//     end
//     gas and sizes read again, 10 charged, gas written back, throw_ref
//   end

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation

module internal WriteCalls =
    let private exnRef = ValType.Ref(true, HeapType.Exn)

    let private readBack (w: Writer) =
        w.LoadGas()
        w.LoadLengths()

    /// `operand`: what the instruction takes beside the parameters, on top of them.
    let private call (w: Writer) (i: Instr) (t: FuncType) (operand: ValType voption) throws frame tail =
        w.Sync()
        w.PassUnits(frame, tail)

        if tail then
            w.Add i
        elif throws then
            let operands =
                match operand with
                | ValueSome o -> Array.append t.Params [| o |]
                | ValueNone -> t.Params

            w.Block(Op.Block, operands, t.Results)
            w.Block(Op.Block, operands, [| exnRef |])
            w.TryTable(operands, t.Results, { Kind = 3; Tag = -1; Label = 0 })
            w.Add i
            w.End()
            w.Op(Op.Br, 1)
            w.End()
            readBack w
            w.Charge GasSchedule.unwoundFrame
            w.Sync()
            w.Op Op.ThrowRef
            w.End()
            // On this way the callee's gas has not been read yet.
            readBack w
        else
            w.Add i
            readBack w

    let private typeOf (w: Writer) index =
        match w.Plan.Valid.Module.Types[index].Composite with
        | CompositeType.Func t -> t
        | _ -> invalidOp "validated"

    let private indirect (w: Writer) (i: Instr) frame tail =
        let is64 = w.Plan.Valid.TableTypes[i.B].Limits.Is64
        let index = WriteBulk.setWide w is64 1
        w.Get index
        WriteBulk.tableSize w i.B
        w.Op Num.I64GeU
        w.FailIf(int TrapCode.UndefinedElement, (fun () -> w.Get index), (fun () -> w.I64 1L), (fun () -> WriteBulk.tableSize w i.B))
        // A null or mistyped element is the engine's own trap; its index is noted for it.
        w.Get index
        w.SetStore StoreGlobal.A
        WriteBulk.getNarrow w is64 index
        let operand = if is64 then ValType.I64 else ValType.I32
        call w i (typeOf w i.A) (ValueSome operand) w.Plan.Throws.Indirect frame tail

    /// Writes an instruction of this family; false for others.
    let instruction (w: Writer) (frame: int) (i: Instr) : bool =
        match i.Op with
        | Op.Call
        | Op.ReturnCall ->
            let tail = i.Op = Op.ReturnCall
            call w i w.Plan.Valid.FuncTypes[i.A] ValueNone (w.Plan.Throws.May i.A) frame tail
            true
        | Op.CallIndirect
        | Op.ReturnCallIndirect ->
            indirect w i frame (i.Op = Op.ReturnCallIndirect)
            true
        | Op.CallRef
        | Op.ReturnCallRef ->
            let operand = ValType.Ref(true, HeapType.Concrete i.A)
            call w i (typeOf w i.A) (ValueSome operand) w.Plan.Throws.Indirect frame (i.Op = Op.ReturnCallRef)
            true
        | Op.Throw ->
            WriteObjects.reserve w (GasSchedule.exceptionBytes w.Plan.Valid.TagTypes[i.A].Params)
            w.Sync()
            w.Add i
            true
        | Op.ThrowRef ->
            w.Sync()
            w.Add i
            true
        | _ -> false
