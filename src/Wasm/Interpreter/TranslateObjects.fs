namespace Twofold.Wasm.Interpreter

// Typed function references and GC objects in the interpreter's code; InterpGc.cs executes them.
// In: operands. Out: two words an instruction; casts that branch are a test and a branch.

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation

module internal TranslateObjects =
    let storage (s: StorageType) : GcStorage =
        match s with
        | StorageType.I8 -> GcStorage.I8
        | StorageType.I16 -> GcStorage.I16
        | StorageType.Value t ->
            match t.Code with
            | 0x7F -> GcStorage.I32
            | 0x7E -> GcStorage.I64
            | 0x7D -> GcStorage.F32
            | 0x7C -> GcStorage.F64
            | 0x7B -> GcStorage.V128
            | _ -> GcStorage.Reference

    /// References are all alike here.
    let private reference = ValType.Ref(true, HeapType.Any)

    let private gc (t: Translation) (op: GcOp) a b c = t.W.Write(IOp.Gc, int op, a, b, c) |> ignore

    /// The second word.
    let private also (t: Translation) a b c = t.W.Emit(IOp.Exit, a, b, c)

    /// The second word of a test of types.
    let private testFor (t: Translation) nullable (heap: HeapType) =
        let kind, id, depth =
            if heap.IsConcrete then
                let canonical = t.Valid.Types.Canonical heap.Index

                if canonical.Kind = HeapType.Func then
                    InterpGc.IsFunction, canonical.Id, 0
                else
                    InterpGc.IsObject, canonical.Id, canonical.Display.Length - 1
            elif heap = HeapType.Eq then
                InterpGc.IsEq, 0, 0
            elif heap = HeapType.I31 then
                InterpGc.IsI31, 0, 0
            elif heap = HeapType.Struct then
                InterpGc.IsStruct, 0, 0
            elif heap = HeapType.Array then
                InterpGc.IsArray, 0, 0
            elif heap = HeapType.None || heap = HeapType.NoFunc || heap = HeapType.NoExtern || heap = HeapType.NoExn then
                InterpGc.IsNone, 0, 0
            else
                InterpGc.IsAny, 0, 0

        t.W.Write(IOp.Exit, (if nullable then 1 else 0), kind, id, depth) |> ignore

    let private refTest (t: Translation) nullable heap =
        let w = t.W
        let o = w.FromRef(w.Pop())
        gc t GcOp.RefTest w.Slot o 0
        testFor t nullable heap
        w.Push ValType.I32

    let private refCast (t: Translation) nullable heap =
        let w = t.W
        let o = w.FromRef(w.Pop())
        gc t GcOp.RefCast w.Ref o 0
        testFor t nullable heap
        w.Push reference

    // ---- branches

    let private branchOnNull (t: Translation) depth =
        let w = t.W
        let o = w.Pop()
        TranslateControl.branchIf t { Op = IOp.BrNull; A = w.FromRef o; B = 0 } depth

        if o.Place = Place.Local then w.PushLocal(int o.Value) else w.Push o.Type

    let private branchOnNonNull (t: Translation) depth =
        let w = t.W
        w.SettleTop 1
        TranslateControl.branchIf t { Op = IOp.BrNonNull; A = w.Stack[w.Stack.Count - 1].Ref; B = 0 } depth
        w.Pop() |> ignore

    let private branchOnCast (t: Translation) (i: Instr) onFail =
        let w = t.W
        w.SettleTop 1
        gc t GcOp.RefTest w.Scratch w.Stack[w.Stack.Count - 1].Ref 0
        testFor t (i.B &&& 2 <> 0) (HeapType(int (i.Imm >>> 32)))
        TranslateControl.branchIf t { Op = (if onFail then IOp.BrZ else IOp.BrNz); A = w.Scratch; B = 0 } i.A

    // ---- structs

    let private structNew (t: Translation) (i: Instr) withValues =
        let w = t.W
        let count = if withValues then (InstrTypes.fieldsOf t.Module.Types i.A).Length else 0
        w.SettleTop count
        let struct (slot, ref) = w.First count
        w.PopN count
        gc t (if withValues then GcOp.StructNew else GcOp.StructNewDefault) w.Ref slot ref
        also t i.A 0 0
        w.Push reference

    let private structGet (t: Translation) (i: Instr) signed =
        let w = t.W
        let field = (InstrTypes.fieldsOf t.Module.Types i.A)[i.B]
        let result = InstrTypes.unpacked field.Storage
        let o = w.FromRef(w.Pop())
        gc t GcOp.StructGet (w.Next result) o (t.Struct i.A).Offsets[i.B]
        also t (int (storage field.Storage)) (if signed then 1 else 0) 0
        w.Push result

    let private structSet (t: Translation) (i: Instr) =
        let w = t.W
        let field = (InstrTypes.fieldsOf t.Module.Types i.A)[i.B]
        let v = w.Place(w.Pop())
        let o = w.FromRef(w.Pop())
        gc t GcOp.StructSet v o (t.Struct i.A).Offsets[i.B]
        also t (int (storage field.Storage)) 0 0

    // ---- arrays

    let private arrayNew (t: Translation) (i: Instr) withValue =
        let w = t.W
        let element = InstrTypes.elementOf t.Module.Types i.A
        let count = w.Pop()
        let value = if withValue then ValueSome(w.Pop()) else ValueNone

        let v =
            match value with
            | ValueSome v -> w.Place v
            | ValueNone -> 0

        let n = w.From count
        gc t (if withValue then GcOp.ArrayNew else GcOp.ArrayNewDefault) w.Ref v n
        also t i.A (int (storage element.Storage)) 0
        w.Push reference

    let private arrayNewFixed (t: Translation) (i: Instr) =
        let w = t.W
        let element = InstrTypes.elementOf t.Module.Types i.A
        w.SettleTop i.B
        let struct (slot, ref) = w.First i.B
        w.PopN i.B
        gc t GcOp.ArrayNewFixed w.Ref slot ref
        also t i.A (int (storage element.Storage)) i.B
        w.Push reference

    let private arrayNewSegment (t: Translation) (i: Instr) op =
        let w = t.W
        let element = InstrTypes.elementOf t.Module.Types i.A
        let count = w.From(w.Pop())
        let from = w.From(w.Pop())
        gc t op w.Ref from count
        also t i.A (int (storage element.Storage)) i.B
        w.Push reference

    let private arrayGet (t: Translation) (i: Instr) signed =
        let w = t.W
        let element = InstrTypes.elementOf t.Module.Types i.A
        let result = InstrTypes.unpacked element.Storage
        let index = w.From(w.Pop())
        let array = w.FromRef(w.Pop())
        gc t GcOp.ArrayGet (w.Next result) array index
        also t (int (storage element.Storage)) (if signed then 1 else 0) 0
        w.Push result

    let private arraySet (t: Translation) (i: Instr) =
        let w = t.W
        let element = InstrTypes.elementOf t.Module.Types i.A
        let value = w.Place(w.Pop())
        let index = w.From(w.Pop())
        let array = w.FromRef(w.Pop())
        gc t GcOp.ArraySet value array index
        also t (int (storage element.Storage)) 0 0

    let private arrayFill (t: Translation) (i: Instr) =
        let w = t.W
        let element = InstrTypes.elementOf t.Module.Types i.A
        let count = w.From(w.Pop())
        let value = w.Place(w.Pop())
        let at = w.From(w.Pop())
        let array = w.FromRef(w.Pop())
        gc t GcOp.ArrayFill value array at
        also t count (int (storage element.Storage)) 0

    let private arrayCopy (t: Translation) (i: Instr) =
        let w = t.W
        let element = InstrTypes.elementOf t.Module.Types i.A
        let count = w.From(w.Pop())
        let from = w.From(w.Pop())
        let source = w.FromRef(w.Pop())
        let into = w.From(w.Pop())
        let target = w.FromRef(w.Pop())
        gc t GcOp.ArrayCopy target into source
        also t from count (int (storage element.Storage))

    let private arrayInit (t: Translation) (i: Instr) op =
        let w = t.W
        let element = InstrTypes.elementOf t.Module.Types i.A
        let count = w.From(w.Pop())
        let from = w.From(w.Pop())
        let into = w.From(w.Pop())
        let array = w.FromRef(w.Pop())
        gc t op array into from
        also t count i.B (int (storage element.Storage))

    /// One operand, one result.
    let private convert (t: Translation) op (result: ValType) =
        let w = t.W
        let o = w.Place(w.Pop())
        gc t op (w.Next result) o 0
        also t 0 0 0
        w.Push result

    /// Translates an instruction of this family; false for others.
    let instruction (t: Translation) (i: Instr) : bool =
        let known =
            match i.Op with
            | Op.RefAsNonNull
            | Op.BrOnNull
            | Op.BrOnNonNull
            | Op.RefEq -> true
            | o -> o >= Op.StructNew && o <= Op.I31GetU

        if known then
            match i.Op with
            | Op.RefAsNonNull -> convert t GcOp.RefAsNonNull reference
            | Op.BrOnNull -> branchOnNull t i.A
            | Op.BrOnNonNull -> branchOnNonNull t i.A
            | Op.BrOnCast -> branchOnCast t i false
            | Op.BrOnCastFail -> branchOnCast t i true
            | Op.RefEq ->
                let w = t.W
                let b = w.FromRef(w.Pop())
                let a = w.FromRef(w.Pop())
                gc t GcOp.RefEq w.Slot a b
                also t 0 0 0
                w.Push ValType.I32
            | Op.RefTest -> refTest t false (HeapType i.A)
            | Op.RefTestNull -> refTest t true (HeapType i.A)
            | Op.RefCast -> refCast t false (HeapType i.A)
            | Op.RefCastNull -> refCast t true (HeapType i.A)
            | Op.AnyConvertExtern -> convert t GcOp.AnyConvertExtern reference
            | Op.ExternConvertAny -> convert t GcOp.ExternConvertAny reference
            | Op.RefI31 -> convert t GcOp.RefI31 reference
            | Op.I31GetS -> convert t GcOp.I31GetS ValType.I32
            | Op.I31GetU -> convert t GcOp.I31GetU ValType.I32
            | Op.StructNew -> structNew t i true
            | Op.StructNewDefault -> structNew t i false
            | Op.StructGet
            | Op.StructGetU -> structGet t i false
            | Op.StructGetS -> structGet t i true
            | Op.StructSet -> structSet t i
            | Op.ArrayNew -> arrayNew t i true
            | Op.ArrayNewDefault -> arrayNew t i false
            | Op.ArrayNewFixed -> arrayNewFixed t i
            | Op.ArrayNewData -> arrayNewSegment t i GcOp.ArrayNewData
            | Op.ArrayNewElem -> arrayNewSegment t i GcOp.ArrayNewElem
            | Op.ArrayGet
            | Op.ArrayGetU -> arrayGet t i false
            | Op.ArrayGetS -> arrayGet t i true
            | Op.ArraySet -> arraySet t i
            | Op.ArrayLen -> convert t GcOp.ArrayLen ValType.I32
            | Op.ArrayFill -> arrayFill t i
            | Op.ArrayCopy -> arrayCopy t i
            | Op.ArrayInitData -> arrayInit t i GcOp.ArrayInitData
            | _ -> arrayInit t i GcOp.ArrayInitElem

        known
