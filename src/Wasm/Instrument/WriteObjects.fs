namespace Twofold.Wasm.Instrument

// GC objects: the bytes that count against the store's limit, prices by length, elements' bounds with their numbers; null and casts are the engine's own traps.
// In: the instruction, its operands on the stack. Out: the same with our semantics, in the order of Runtime/GcRt.cs: price, traps, limit.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module internal WriteObjects =
    [<Literal>]
    let private ArrayLimit = 0x40000000L

    let private elementOf (w: Writer) index = InstrTypes.elementOf w.Plan.Valid.Module.Types index

    /// Counts an object whose size is known from its type.
    let reserve (w: Writer) (bytes: uint64) =
        let sum = w.Temp(ValType.I64, 8)
        w.GetStore StoreGlobal.Objects
        w.I64(int64 bytes)
        w.Op Op.I64Add
        w.Tee sum
        w.GetStore StoreGlobal.ObjectsLimit
        w.Op Num.I64GtS

        w.FailIf(
            int TrapCode.AllocationLimit,
            (fun () -> w.I64(int64 bytes)),
            (fun () -> w.GetStore StoreGlobal.Objects),
            (fun () -> w.GetStore StoreGlobal.ObjectsLimit)
        )

        w.Get sum
        w.SetStore StoreGlobal.Objects

    /// Counts an array of so many bytes, which are in a local.
    let private reserveArray (w: Writer) (bytes: int) =
        let sum = w.Temp(ValType.I64, 8)
        w.GetStore StoreGlobal.Objects
        w.Get bytes
        w.Op Op.I64Add
        w.Tee sum
        w.GetStore StoreGlobal.ObjectsLimit
        w.Op Num.I64GtS
        w.Get bytes
        w.I64 ArrayLimit
        w.Op Num.I64GtS
        w.Op Num.I32Or

        w.FailIf(
            int TrapCode.AllocationLimit,
            (fun () -> w.Get bytes),
            (fun () -> w.GetStore StoreGlobal.Objects),
            (fun () ->
                w.I64 ArrayLimit
                w.GetStore StoreGlobal.ObjectsLimit
                w.Get bytes
                w.I64 ArrayLimit
                w.Op Num.I64GtS
                w.Op Op.Select)
        )

        w.Get sum
        w.SetStore StoreGlobal.Objects

    let private sized (w: Writer) (element: FieldType) (count: int) slot =
        let local = w.Temp(ValType.I64, slot)
        w.Get count
        w.I64(int64 (GasSchedule.storageBytes element.Storage))
        w.Op Op.I64Mul
        w.Set local
        local

    /// An array's bytes, 24 + elements rounded up to 8, paid for; in a local.
    let private payArray (w: Writer) (element: FieldType) (count: int) =
        let bytes = w.Temp(ValType.I64, 7)
        w.Get count
        w.I64(int64 (GasSchedule.storageBytes element.Storage))
        w.Op Op.I64Mul
        w.I64 31L
        w.Op Op.I64Add
        w.I64 -8L
        w.Op Num.I64And
        w.Set bytes
        WriteBulk.chargeBytes w bytes
        bytes

    /// array.new and array.new_default: the length is on top of the stack.
    let newArray (w: Writer) (i: Instr) =
        let count = WriteBulk.setWide w false 3
        let bytes = payArray w (elementOf w i.A) count
        reserveArray w bytes
        WriteBulk.getNarrow w false count
        w.Add i

    let private newFromSegment (w: Writer) (i: Instr) =
        let element = elementOf w i.A
        let count = WriteBulk.setWide w false 3
        let source = WriteBulk.setWide w false 2
        let bytes = payArray w element count

        if i.Op = Op.ArrayNewData then
            let length = sized w element count 6
            WriteBulk.check w TrapCode.MemoryOutOfBounds source length (fun () -> WriteBulk.segmentLength w (w.Plan.DataLength i.B))
        else
            WriteBulk.check w TrapCode.TableOutOfBounds source count (fun () -> WriteBulk.segmentLength w (w.Plan.ElemLength i.B))

        reserveArray w bytes
        WriteBulk.getNarrow w false source
        WriteBulk.getNarrow w false count
        w.Add i

    let private arrayRef index = ValType.Ref(true, HeapType.Concrete index)

    /// The length of an array that may be null: then the engine traps.
    let private arrayLength (w: Writer) (array: int) =
        w.Get array
        w.Op Op.ArrayLen
        w.Op Num.ExtendU

    let private element (w: Writer) (i: Instr) withValue =
        let t = InstrTypes.unpacked (elementOf w i.A).Storage
        let value = if withValue then w.Temp(t, 2) else -1

        if withValue then
            w.Set value

        let index = w.Temp(ValType.I32, 0)
        w.Set index
        let array = w.Temp(arrayRef i.A, 0)
        w.Set array
        w.Sync()
        w.Get index
        w.Get array
        w.Op Op.ArrayLen
        w.Op Num.I32GeU

        w.FailIf(
            int TrapCode.ArrayOutOfBounds,
            (fun () ->
                w.Get index
                w.Op Num.ExtendU),
            (fun () -> w.I64 1L),
            (fun () -> arrayLength w array)
        )

        w.Get array
        w.Get index

        if withValue then
            w.GetAs(t, value)

        w.Add i

    /// Ends the run in the engine's own trap when the array is null.
    let private require (w: Writer) (array: int) =
        w.Sync()
        w.Get array
        w.Op Op.ArrayLen
        w.Op Op.Drop

    let private arrayFill (w: Writer) (i: Instr) =
        let e = elementOf w i.A
        let t = InstrTypes.unpacked e.Storage
        let count = WriteBulk.setWide w false 3
        let value = w.Temp(t, 2)
        w.Set value
        let at = WriteBulk.setWide w false 1
        let array = w.Temp(arrayRef i.A, 0)
        w.Set array
        WriteBulk.chargeBytes w (sized w e count 6)
        require w array
        WriteBulk.check w TrapCode.ArrayOutOfBounds at count (fun () -> arrayLength w array)
        w.Get array
        WriteBulk.getNarrow w false at
        w.GetAs(t, value)
        WriteBulk.getNarrow w false count
        w.Add i

    let private arrayCopy (w: Writer) (i: Instr) =
        let count = WriteBulk.setWide w false 3
        let from = WriteBulk.setWide w false 2
        let source = w.Temp(arrayRef i.B, 1)
        w.Set source
        let at = WriteBulk.setWide w false 1
        let target = w.Temp(arrayRef i.A, 0)
        w.Set target
        WriteBulk.chargeBytes w (sized w (elementOf w i.A) count 6)
        require w target
        require w source
        WriteBulk.check w TrapCode.ArrayOutOfBounds at count (fun () -> arrayLength w target)
        WriteBulk.check w TrapCode.ArrayOutOfBounds from count (fun () -> arrayLength w source)
        w.Get target
        WriteBulk.getNarrow w false at
        w.Get source
        WriteBulk.getNarrow w false from
        WriteBulk.getNarrow w false count
        w.Add i

    let private arrayInit (w: Writer) (i: Instr) =
        let e = elementOf w i.A
        let count = WriteBulk.setWide w false 3
        let from = WriteBulk.setWide w false 2
        let at = WriteBulk.setWide w false 1
        let array = w.Temp(arrayRef i.A, 0)
        w.Set array
        let length = sized w e count 6
        WriteBulk.chargeBytes w length
        require w array
        WriteBulk.check w TrapCode.ArrayOutOfBounds at count (fun () -> arrayLength w array)

        if i.Op = Op.ArrayInitData then
            WriteBulk.check w TrapCode.MemoryOutOfBounds from length (fun () -> WriteBulk.segmentLength w (w.Plan.DataLength i.B))
        else
            WriteBulk.check w TrapCode.TableOutOfBounds from count (fun () -> WriteBulk.segmentLength w (w.Plan.ElemLength i.B))

        w.Get array
        WriteBulk.getNarrow w false at
        WriteBulk.getNarrow w false from
        WriteBulk.getNarrow w false count
        w.Add i

    /// What an instruction of a constant expression counts for, too. False for others than these.
    let makes (w: Writer) (i: Instr) : bool =
        match i.Op with
        | Op.StructNew
        | Op.StructNewDefault ->
            reserve w (GasSchedule.structBytes (InstrTypes.fieldsOf w.Plan.Valid.Module.Types i.A))
            w.Add i
            true
        | Op.ArrayNewFixed ->
            reserve w (GasSchedule.arrayBytes (elementOf w i.A) (uint32 i.B))
            w.Add i
            true
        | Op.ArrayNew
        | Op.ArrayNewDefault ->
            newArray w i
            true
        | _ -> false

    /// Writes an instruction of this family; false for others.
    let instruction (w: Writer) (i: Instr) : bool =
        match i.Op with
        | Op.ArrayNewData
        | Op.ArrayNewElem ->
            newFromSegment w i
            true
        | Op.ArrayGet
        | Op.ArrayGetS
        | Op.ArrayGetU ->
            element w i false
            true
        | Op.ArraySet ->
            element w i true
            true
        | Op.ArrayFill ->
            arrayFill w i
            true
        | Op.ArrayCopy ->
            arrayCopy w i
            true
        | Op.ArrayInitData
        | Op.ArrayInitElem ->
            arrayInit w i
            true
        | _ -> makes w i
