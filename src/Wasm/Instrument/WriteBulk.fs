namespace Twofold.Wasm.Instrument

// Instructions on whole memories and tables, and on single table entries: prices by operand, checks with numbers, verdicts on growth.
// In: the instruction, its operands on the stack. Out: the same with our semantics. Prices come first, then the checks in our order (Runtime/RtMemory.cs).
//
// Growth: delta <= greatest size - size, and delta <= what the store may still add (`pages`, `entries`): both by 64 bits without a sign. A growth that we
// allowed and the engine refuses is the host's fault: Reason.HostMemory.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Preparation

module internal WriteBulk =
    /// An operand of 64 bits, or of 32 extended, into a local.
    let setWide (w: Writer) is64 slot =
        if not is64 then
            w.Op Num.ExtendU

        let local = w.Temp(ValType.I64, slot)
        w.Set local
        local

    let getNarrow (w: Writer) is64 (local: int) =
        w.Get local

        if not is64 then
            w.Op Num.Wrap

    /// Ends the run unless at + count <= size. `size` puts an i64 on the stack.
    let check (w: Writer) (code: TrapCode) (at: int) (count: int) (size: unit -> unit) =
        w.Get count
        size ()
        w.Op Num.I64GtU
        w.Get at
        size ()
        w.Get count
        w.Op Op.I64Sub
        w.Op Num.I64GtU
        w.Op Num.I32Or
        w.FailIf(int code, (fun () -> w.Get at), (fun () -> w.Get count), size)

    /// One unit for every 8 bytes begun: (n >> 3) + (n & 7 != 0).
    let chargeBytes (w: Writer) (count: int) =
        let price = w.Temp(ValType.I64, 9)
        w.Get count
        w.I64 3L
        w.Op Num.I64ShrU
        w.Get count
        w.I64 7L
        w.Op Num.I64And
        w.I64 0L
        w.Op Num.I64Ne
        w.Op Num.ExtendU
        w.Op Op.I64Add
        w.Set price
        w.ChargeLocal price

    /// Two units an element, at most 2^63 - 1.
    let chargeElements (w: Writer) (count: int) =
        let price = w.Temp(ValType.I64, 9)
        w.I64 System.Int64.MaxValue
        w.Get count
        w.I64 1L
        w.Op Num.I64Shl
        w.Get count
        w.I64(1L <<< 62)
        w.Op Num.I64GeU
        w.Op Op.Select
        w.Set price
        w.ChargeLocal price

    let segmentLength (w: Writer) (l: SegmentLength) =
        match l with
        | Fixed n -> w.I64(int64 n)
        | Counted index -> w.Op(Op.GlobalGet, index)

    let private tableIs64 (w: Writer) table = w.Plan.Valid.TableTypes[table].Limits.Is64

    let tableSize (w: Writer) table =
        w.Op(Op.TableSize, table)

        if not (tableIs64 w table) then
            w.Op Num.ExtendU

    let private elementOf (w: Writer) table = w.Plan.Valid.TableTypes[table].Element

    // ---- growth

    /// The delta is in a local; leaves 1 when the verdict is yes.
    let private verdict (w: Writer) (delta: int) (most: unit -> unit) (size: unit -> unit) (budget: StoreGlobal) =
        w.Get delta
        most ()
        size ()
        w.Op Op.I64Sub
        w.Op Num.I64LeU
        w.Get delta
        w.GetStore budget
        w.Op Num.I64LeU
        w.Op Num.I32And

    let private spend (w: Writer) (delta: int) (budget: StoreGlobal) =
        w.GetStore budget
        w.Get delta
        w.Op Op.I64Sub
        w.SetStore budget

    /// The engine's own answer: -1 now is the host's fault.
    let private judge (w: Writer) is64 =
        let t = if is64 then ValType.I64 else ValType.I32
        let result = w.Temp(t, 0)
        w.Tee result
        if is64 then w.I64 -1L else w.I32 -1
        w.Op(if is64 then Num.I64Eq else Num.I32Eq)
        w.FailIf(Reason.HostMemory, w.Zero, w.Zero, w.Zero)
        w.Get result

    let private memoryGrow (w: Writer) memory =
        let t = w.Plan.Valid.MemoryTypes[memory]
        let result = if t.Is64 then ValType.I64 else ValType.I32
        let delta = setWide w t.Is64 1
        let price = w.Temp(ValType.I64, 9)

        let most () =
            if memory < w.Plan.Valid.ImportedMemories then
                w.Op(Op.GlobalGet, w.Plan.Max(StoreGlobal.MemoryMax, memory))
            else
                let addressable = if t.Is64 then 1UL <<< 48 else 65536UL
                w.I64(int64 (min addressable (ValueOption.defaultValue addressable t.Max)))

        let size () =
            w.Op(Op.MemorySize, memory)

            if not t.Is64 then
                w.Op Num.ExtendU

        if t.Shared then
            // Counted whole when it was made.
            w.Get delta
            most ()
            size ()
            w.Op Op.I64Sub
            w.Op Num.I64LeU
        else
            verdict w delta most size StoreGlobal.Pages

        w.Block(Op.If, [||], [| result |])
        w.Get delta
        w.I64 Twofold.Wasm.GasPrices.PerPage
        w.Op Op.I64Mul
        w.Set price
        w.ChargeLocal price

        if not t.Shared then
            spend w delta StoreGlobal.Pages

        getNarrow w t.Is64 delta
        w.Op(Op.MemoryGrow, memory)
        judge w t.Is64
        w.LoadLengths()
        w.Else()
        if t.Is64 then w.I64 -1L else w.I32 -1
        w.End()
        w.Merge()

    let private tableGrow (w: Writer) table =
        let t = w.Plan.Valid.TableTypes[table]
        let is64 = t.Limits.Is64
        let result = if is64 then ValType.I64 else ValType.I32
        let delta = setWide w is64 1

        let most () =
            if table < w.Plan.Valid.ImportedTables then
                w.Op(Op.GlobalGet, w.Plan.Max(StoreGlobal.TableMax, table))
            else
                let addressable = if is64 then System.UInt64.MaxValue else 0xFFFFFFFFUL
                w.I64(int64 (min addressable (ValueOption.defaultValue addressable t.Limits.Max)))

        verdict w delta most (fun () -> tableSize w table) StoreGlobal.Entries
        w.Block(Op.If, [| t.Element |], [| result |])
        w.ChargeLocal delta
        spend w delta StoreGlobal.Entries
        getNarrow w is64 delta
        w.Op(Op.TableGrow, table)
        judge w is64
        w.Else()
        w.Op Op.Drop
        if is64 then w.I64 -1L else w.I32 -1
        w.End()
        w.Merge()

    // ---- bulk

    let private memoryFill (w: Writer) (i: Instr) =
        let is64 = WriteMemory.is64 w i.A
        let count = setWide w is64 3
        let value = w.Temp(ValType.I32, 2)
        w.Set value
        let target = setWide w is64 1
        chargeBytes w count
        check w TrapCode.MemoryOutOfBounds target count (fun () -> w.AskLength i.A)
        getNarrow w is64 target
        w.Get value
        getNarrow w is64 count
        w.Add i

    let private memoryCopy (w: Writer) (i: Instr) =
        let to64, from64 = WriteMemory.is64 w i.A, WriteMemory.is64 w i.B
        let count = setWide w (to64 && from64) 3
        let source = setWide w from64 2
        let target = setWide w to64 1
        chargeBytes w count
        check w TrapCode.MemoryOutOfBounds source count (fun () -> w.AskLength i.B)
        check w TrapCode.MemoryOutOfBounds target count (fun () -> w.AskLength i.A)
        getNarrow w to64 target
        getNarrow w from64 source
        getNarrow w (to64 && from64) count
        w.Add i

    /// A: data segment, B: memory. What bounds and segment say; the operands are in the locals given.
    let memoryInit (w: Writer) (i: Instr) =
        let is64 = WriteMemory.is64 w i.B
        let count = setWide w false 3
        let source = setWide w false 2
        let target = setWide w is64 1
        chargeBytes w count
        check w TrapCode.MemoryOutOfBounds source count (fun () -> segmentLength w (w.Plan.DataLength i.A))
        check w TrapCode.MemoryOutOfBounds target count (fun () -> w.AskLength i.B)
        getNarrow w is64 target
        getNarrow w false source
        getNarrow w false count
        w.Add i

    let private tableGet (w: Writer) (i: Instr) =
        let is64 = tableIs64 w i.A
        let index = setWide w is64 1
        w.Get index
        tableSize w i.A
        w.Op Num.I64GeU
        w.FailIf(int TrapCode.TableOutOfBounds, (fun () -> w.Get index), (fun () -> w.I64 1L), (fun () -> tableSize w i.A))
        getNarrow w is64 index
        w.Add i

    let private tableSet (w: Writer) (i: Instr) =
        let is64 = tableIs64 w i.A
        let t = elementOf w i.A
        let value = w.Temp(t, 2)
        w.Set value
        let index = setWide w is64 1
        w.Get index
        tableSize w i.A
        w.Op Num.I64GeU
        w.FailIf(int TrapCode.TableOutOfBounds, (fun () -> w.Get index), (fun () -> w.I64 1L), (fun () -> tableSize w i.A))
        getNarrow w is64 index
        w.GetAs(t, value)
        w.Add i

    let private tableFill (w: Writer) (i: Instr) =
        let is64 = tableIs64 w i.A
        let t = elementOf w i.A
        let count = setWide w is64 3
        let value = w.Temp(t, 2)
        w.Set value
        let target = setWide w is64 1
        chargeElements w count
        check w TrapCode.TableOutOfBounds target count (fun () -> tableSize w i.A)
        getNarrow w is64 target
        w.GetAs(t, value)
        getNarrow w is64 count
        w.Add i

    let private tableCopy (w: Writer) (i: Instr) =
        let to64, from64 = tableIs64 w i.A, tableIs64 w i.B
        let count = setWide w (to64 && from64) 3
        let source = setWide w from64 2
        let target = setWide w to64 1
        chargeElements w count
        check w TrapCode.TableOutOfBounds source count (fun () -> tableSize w i.B)
        check w TrapCode.TableOutOfBounds target count (fun () -> tableSize w i.A)
        getNarrow w to64 target
        getNarrow w from64 source
        getNarrow w (to64 && from64) count
        w.Add i

    /// A: element segment, B: table.
    let private tableInit (w: Writer) (i: Instr) =
        let is64 = tableIs64 w i.B
        let count = setWide w false 3
        let source = setWide w false 2
        let target = setWide w is64 1
        chargeElements w count
        check w TrapCode.TableOutOfBounds source count (fun () -> segmentLength w (w.Plan.ElemLength i.A))
        check w TrapCode.TableOutOfBounds target count (fun () -> tableSize w i.B)
        getNarrow w is64 target
        getNarrow w false source
        getNarrow w false count
        w.Add i

    let private dropped (w: Writer) (i: Instr) (l: SegmentLength) =
        w.Add i

        match l with
        | Counted index ->
            w.I64 0L
            w.Op(Op.GlobalSet, index)
        | Fixed _ -> ()

    /// An active segment, at instantiation: its price was taken, the offset is on the stack.
    let activeElem (w: Writer) segment table length =
        let is64 = tableIs64 w table
        let target = setWide w is64 1
        let count = w.Temp(ValType.I64, 3)
        w.I64(int64 (length: int))
        w.Set count
        check w TrapCode.TableOutOfBounds target count (fun () -> tableSize w table)
        getNarrow w is64 target
        w.I32 0
        w.I32 length
        w.Put(Op.TableInit, segment, table, 0L)
        w.Op(Op.ElemDrop, segment)

    let activeData (w: Writer) segment memory length =
        let is64 = WriteMemory.is64 w memory
        let target = setWide w is64 1
        let count = w.Temp(ValType.I64, 3)
        w.I64(int64 (length: int))
        w.Set count
        check w TrapCode.MemoryOutOfBounds target count (fun () -> w.AskLength memory)
        getNarrow w is64 target
        w.I32 0
        w.I32 length
        w.Put(Op.MemoryInit, segment, memory, 0L)
        w.Op(Op.DataDrop, segment)

    /// Writes an instruction of this family; false for others.
    let instruction (w: Writer) (i: Instr) : bool =
        match i.Op with
        | Op.MemoryGrow ->
            memoryGrow w i.A
            true
        | Op.TableGrow ->
            tableGrow w i.A
            true
        | Op.MemoryFill ->
            memoryFill w i
            true
        | Op.MemoryCopy ->
            memoryCopy w i
            true
        | Op.MemoryInit ->
            memoryInit w i
            true
        | Op.DataDrop ->
            dropped w i (w.Plan.DataLength i.A)
            true
        | Op.TableGet ->
            tableGet w i
            true
        | Op.TableSet ->
            tableSet w i
            true
        | Op.TableFill ->
            tableFill w i
            true
        | Op.TableCopy ->
            tableCopy w i
            true
        | Op.TableInit ->
            tableInit w i
            true
        | Op.ElemDrop ->
            dropped w i (w.Plan.ElemLength i.A)
            true
        | _ -> false
