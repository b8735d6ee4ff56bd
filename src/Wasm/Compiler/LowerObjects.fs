namespace Twofold.Wasm.Compiler

// Typed function references and GC objects: calls through references, structs, arrays, i31. Casts and branches are in LowerCasts.
// In: operands. Out: field and element accesses as plain loads and stores; null, bounds and cast tests where the instruction stands.
//
//     struct.new      store.GcUsed + bytes > store.GcLimit -> trap (cold); newobj; type and fields stored
//     struct.get      null -> trap (cold); ldfld, deferred
//     array.get       null -> trap; items := ldfld; index >= items.Length -> trap; ldelem, deferred

open System
open System.Reflection
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open ObjectCode
open LowerCasts

module internal LowerObjects =
    // ---- globals of references

    let globalGet (e: Emitter) index (t: GlobalType) =
        let n =
            e.Custom CilType.Obj null null null (fun () ->
                cell e InstanceBlock.RefGlobalsOffset index
                field e OpCodes.Ldfld cellField)

        n.ReadsGlobal <- t.Mutable
        n.NonNull <- isNonNull t.Value
        e.Push n

    let globalSet (e: Emitter) index (v: Node) =
        e.SpillGlobals()
        cell e InstanceBlock.RefGlobalsOffset index
        e.Emit v
        field e OpCodes.Stfld cellField

    // ---- structs

    let private structNew (e: Emitter) index (fields: FieldType[]) withValues =
        let c = e.Context.Classes.Of index
        reserve e (GasSchedule.structBytes fields)
        let slot = e.Alloc CilType.Obj
        e.Add(Cil.Newobj c.Constructor)
        e.Add(Cil.Stloc slot)
        e.Add(Cil.Ldloc slot)
        loadType e index
        field e OpCodes.Stfld typeField

        if withValues then
            let first = e.Stack.Count - fields.Length

            for k in 0 .. fields.Length - 1 do
                let v = e.Clean e.Stack[first + k]

                if not (isZero v) then
                    e.Add(Cil.Ldloc slot)
                    e.Emit v
                    field e OpCodes.Stfld c.Fields[k]

            e.Stack.RemoveRange(first, fields.Length)

        pushObject e slot

    /// A packed integer as the instruction wants it.
    let private unpack (e: Emitter) (s: StorageType) signed =
        match s with
        | StorageType.I8 when signed -> e.Op OpCodes.Conv_I1
        | StorageType.I16 when not signed -> e.Op OpCodes.Conv_U2
        | _ -> ()

    let private structGet (e: Emitter) index k signed =
        let c = e.Context.Classes.Of index
        let f = (InstrTypes.fieldsOf e.Module.Types index)[k]
        let v = InstrTypes.unpacked f.Storage
        let o = require e (e.Pop())

        let n =
            e.Custom (cilType v) o null null (fun () ->
                field e OpCodes.Ldfld c.Fields[k]
                unpack e f.Storage signed)

        n.ReadsMemory <- n.ReadsMemory || f.Mutable
        n.NonNull <- isNonNull v
        e.Push n

    let private structSet (e: Emitter) index k =
        let c = e.Context.Classes.Of index
        let v = e.Clean(e.Pop())
        let o = require e (e.Pop())
        e.SpillMemory()
        e.Emit o
        e.Emit v
        field e OpCodes.Stfld c.Fields[k]

    // ---- arrays

    let private generic name (element: FieldType) = (method' name).MakeGenericMethod(Storage.clrType element.Storage)

    /// The array's items and an index that lies inside, in temporaries.
    let private locate (e: Emitter) (element: FieldType) (array: Node) (index: Node) : struct (int * int) =
        let items = e.Alloc CilType.Obj
        let at = e.Alloc CilType.I4

        if array.NonNull then
            e.Emit array
        else
            let array = require e array
            e.Emit array

        field e OpCodes.Ldfld (fieldOf (Storage.arrayClass element) "Items")
        e.Add(Cil.Stloc items)
        e.Emit index
        e.Add(Cil.Stloc at)

        let length () =
            e.Add(Cil.Ldloc items)
            e.Op OpCodes.Ldlen
            e.Op OpCodes.Conv_I4

        let trap =
            e.ColdNamed $"element {items} {at}" (fun () ->
                e.WriteGas()
                e.Add(Cil.Ldloc at)
                length ()
                call e trapElement
                e.Op OpCodes.Throw)

        e.Add(Cil.Ldloc at)
        length ()
        e.Branch OpCodes.Bge_Un trap
        struct (items, at)

    let private arrayGet (e: Emitter) index signed =
        let element = InstrTypes.elementOf e.Module.Types index
        let v = InstrTypes.unpacked element.Storage
        let at = e.Pop()
        let array = e.Pop()
        let struct (items, at) = locate e element array at

        let n =
            e.Custom (cilType v) (e.Temp CilType.Obj items) (e.Temp CilType.I4 at) null (fun () ->
                e.Add(Cil.Elem(OpCodes.Ldelem, Storage.clrType element.Storage))
                unpack e element.Storage signed)

        n.ReadsMemory <- n.ReadsMemory || element.Mutable
        n.NonNull <- isNonNull v
        e.Push n

    /// The value written by `value` becomes an item.
    let private storeItem (e: Emitter) (t: Type) (items: int) (at: unit -> unit) (value: unit -> unit) =
        e.Add(Cil.Ldloc items)
        at ()

        if t = typeof<obj> then
            // The array is exactly one of objects: no test of covariance.
            e.Op OpCodes.Readonly
            e.Add(Cil.Elem(OpCodes.Ldelema, t))
            value ()
            e.Op OpCodes.Stind_Ref
        else
            value ()
            e.Add(Cil.Elem(OpCodes.Stelem, t))

    let private arraySet (e: Emitter) index =
        let element = InstrTypes.elementOf e.Module.Types index
        let v = e.Clean(e.Pop())
        let at = e.Pop()
        let array = e.Pop()
        let struct (items, at) = locate e element array at
        e.SpillMemory()
        storeItem e (Storage.clrType element.Storage) items (fun () -> e.Add(Cil.Ldloc at)) (fun () -> e.Emit v)
        e.Release CilType.Obj items
        e.Release CilType.I4 at

    let private arrayNewFixed (e: Emitter) index count =
        let element = InstrTypes.elementOf e.Module.Types index
        let t = Storage.clrType element.Storage
        reserve e (GasSchedule.arrayBytes element (uint32 count))
        let items = e.Alloc CilType.Obj
        e.Add(Cil.LdcI4 count)
        e.Add(Cil.Elem(OpCodes.Newarr, t))
        e.Add(Cil.Stloc items)
        let first = e.Stack.Count - count

        for k in 0 .. count - 1 do
            let v = e.Clean e.Stack[first + k]

            if not (isZero v) then
                storeItem e t items (fun () -> e.Add(Cil.LdcI4 k)) (fun () -> e.Emit v)

        e.Stack.RemoveRange(first, count)
        e.Add(Cil.Ldloc items)
        loadType e index

        let constructor = (Storage.arrayClass element).GetConstructors any |> Array.exactlyOne
        e.Add(Cil.Newobj constructor)
        e.Add(Cil.Stloc items)
        pushObject e items

    /// A helper that takes gas or may trap.
    let private helper (e: Emitter) (m: MethodInfo) before operands result =
        LowerCalls.helperOf e m (before |> List.map (LowerCalls.number e)) operands result

    let private newArray (e: Emitter) m before operands =
        helper e m before operands (ValueSome CilType.Obj)
        nonNull e.Stack[e.Stack.Count - 1] |> ignore

    // ---- calls

    let private callRef (e: Emitter) typeIndex tail =
        let t =
            match e.Module.Types[typeIndex].Composite with
            | CompositeType.Func t -> t
            | _ -> invalidOp "validated"

        let known = e.Stack[e.Stack.Count - 1].NonNull
        let f = e.Alloc CilType.Obj
        e.Emit(e.Pop())
        e.Add(Cil.Stloc f)

        if not known then
            e.Add(Cil.Ldloc f)
            e.Branch OpCodes.Brfalse (nullTrap e)

        LowerCalls.prepareCall e t.Params.Length

        let code =
            LowerCalls.resolve
                e
                (fun () ->
                    e.Add(Cil.Ldloc f)
                    field e OpCodes.Ldfld codeField)
                (fun () ->
                    e.Add(Cil.Ldloc f)
                    call e resolveFunction)

        LowerCalls.rememberCaller e
        e.Add(Cil.Ldloc f)
        field e OpCodes.Ldfld contextField
        LowerCalls.units e tail
        LowerCalls.emitArguments e t.Params.Length
        e.Add(Cil.Ldloc code)
        e.Release CilType.Native code
        e.Release CilType.Obj f
        e.Add(Cil.Calli(signature t, tail))
        LowerCalls.finishCall e t tail e.Context.Throws.Value.Indirect

    /// Lowers an instruction of this family; false for others.
    let instruction (e: Emitter) (i: Instr) : bool =
        let element index = InstrTypes.elementOf e.Module.Types index

        match i.Op with
        | Op.CallRef -> callRef e i.A false
        | Op.ReturnCallRef -> callRef e i.A true
        | Op.RefAsNonNull -> e.Stack.Add(nonNull (require e (e.Pop())))
        | Op.BrOnNull -> branchOnNull e i.A
        | Op.BrOnNonNull -> branchOnNonNull e i.A
        | Op.BrOnCast -> branchOnCast e i false
        | Op.BrOnCastFail -> branchOnCast e i true
        | Op.RefEq ->
            let b = e.Pop()
            let a = e.Pop()
            e.Push(e.Custom CilType.I4 a b null (fun () -> call e same))
        | Op.RefTest -> refTest e false (HeapType i.A)
        | Op.RefTestNull -> refTest e true (HeapType i.A)
        | Op.RefCast -> refCast e false (HeapType i.A)
        | Op.RefCastNull -> refCast e true (HeapType i.A)
        | Op.AnyConvertExtern -> e.Push(e.Custom CilType.Obj (e.Pop()) null null (fun () -> call e anyOfExtern))
        | Op.ExternConvertAny -> e.Push(e.Custom CilType.Obj (e.Pop()) null null (fun () -> call e externOfAny))
        | Op.RefI31 -> e.Push(nonNull (e.Custom CilType.Obj (e.Pop()) null null (fun () -> call e i31)))
        | Op.I31GetS ->
            let v = require e (e.Pop())
            e.Push(e.Custom CilType.I4 v null null (fun () -> field e OpCodes.Ldfld numberField))
        | Op.I31GetU ->
            let v = require e (e.Pop())

            e.Push(
                e.Custom CilType.I4 v null null (fun () ->
                    field e OpCodes.Ldfld numberField
                    e.Add(Cil.LdcI4 0x7FFFFFFF)
                    e.Op OpCodes.And)
            )
        | Op.StructNew -> structNew e i.A (InstrTypes.fieldsOf e.Module.Types i.A) true
        | Op.StructNewDefault -> structNew e i.A (InstrTypes.fieldsOf e.Module.Types i.A) false
        | Op.StructGet
        | Op.StructGetU -> structGet e i.A i.B false
        | Op.StructGetS -> structGet e i.A i.B true
        | Op.StructSet -> structSet e i.A i.B
        | Op.ArrayNew -> newArray e (generic "ArrayNew" (element i.A)) [ i.A ] 2
        | Op.ArrayNewDefault -> newArray e (generic "ArrayNewDefault" (element i.A)) [ i.A ] 1
        | Op.ArrayNewFixed -> arrayNewFixed e i.A i.B
        | Op.ArrayNewData -> newArray e (generic "ArrayNewData" (element i.A)) [ i.A; i.B ] 2
        | Op.ArrayNewElem -> newArray e (method' "ArrayNewElem") [ i.A; i.B ] 2
        | Op.ArrayGet
        | Op.ArrayGetU -> arrayGet e i.A false
        | Op.ArrayGetS -> arrayGet e i.A true
        | Op.ArraySet -> arraySet e i.A
        | Op.ArrayLen ->
            let v = require e (e.Pop())
            e.Push(e.Custom CilType.I4 v null null (fun () -> field e OpCodes.Ldfld countField))
        | Op.ArrayFill -> helper e (generic "ArrayFill" (element i.A)) [] 4 ValueNone
        | Op.ArrayCopy -> helper e (generic "ArrayCopy" (element i.A)) [] 5 ValueNone
        | Op.ArrayInitData -> helper e (generic "ArrayInitData" (element i.A)) [ i.B ] 4 ValueNone
        | Op.ArrayInitElem -> helper e (method' "ArrayInitElem") [ i.B ] 4 ValueNone
        | _ -> ()

        match i.Op with
        | Op.CallRef
        | Op.ReturnCallRef
        | Op.RefAsNonNull
        | Op.BrOnNull
        | Op.BrOnNonNull
        | Op.RefEq -> true
        | o -> o >= Op.StructNew && o <= Op.I31GetU
