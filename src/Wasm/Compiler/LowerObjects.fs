namespace Twofold.Wasm.Compiler

// Typed function references and GC objects: calls through references, structs, arrays, i31, casts.
// In: operands. Out: field and element accesses as plain loads and stores; null, bounds and cast tests where the instruction stands.
//
//     struct.new      store.GcUsed + bytes > store.GcLimit -> trap (cold); newobj; type and fields stored
//     struct.get      null -> trap (cold); ldfld, deferred
//     array.get       null -> trap; items := ldfld; index >= items.Length -> trap; ldelem, deferred
//     ref.cast $t     value.Type.D<depth of $t> <> id of $t -> trap: the display's entry is the type's own id exactly for $t and what lies below it

open System
open System.Reflection
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module internal LowerObjects =
    let private any = BindingFlags.Instance ||| BindingFlags.Static ||| BindingFlags.Public ||| BindingFlags.NonPublic

    let private fieldOf (t: Type) (name: string) =
        match t.GetField(name, any) with
        | null -> invalidOp $"{t.Name}.{name} is missing"
        | f -> f

    let private method' (name: string) =
        match typeof<GcRt>.GetMethod(name, any) with
        | null -> invalidOp $"GcRt.{name} is missing"
        | m -> m

    let private typeField = fieldOf typeof<GcObject> "Type"
    let private kindField = fieldOf typeof<GcType> "Kind"
    let private displayFields = Array.init GcType.InlineDepths (fun k -> fieldOf typeof<GcType> $"D{k}")
    let private countField = fieldOf typeof<GcArray> "Count"
    let private numberField = fieldOf typeof<GcI31> "Number"
    let private cellField = fieldOf typeof<RefCell> "Value"
    let private codeField = fieldOf typeof<Function> "EntryCode"
    let private contextField = fieldOf typeof<Function> "EntryContext"
    let private same = method' "Same"
    let private i31 = method' "I31"
    let private anyOfExtern = method' "AnyOfExtern"
    let private externOfAny = method' "ExternOfAny"
    let private isDeep = method' "IsDeep"
    let private isFunction = method' "IsFunction"
    let private isSubtype = method' "IsSubtype"
    let private trapElement = method' "TrapElement"
    let private trapAllocation = method' "TrapAllocation"
    let private resolveFunction = method' "ResolveFunction"

    let private call (e: Emitter) (m: MethodInfo) = e.Add(Cil.Call m)

    let private field (e: Emitter) (o: OpCode) (f: FieldInfo) = e.Add(Cil.Field(o, f))

    let private nullTrap (e: Emitter) = e.ColdLabel(Simple TrapCode.NullReference)

    /// The operand, readable more than once and not null from here on.
    let private require (e: Emitter) (n: Node) =
        if n.NonNull then
            e.Twice n
        else
            let n = e.Twice n
            e.Peek n
            e.Branch OpCodes.Brfalse (nullTrap e)
            n

    let private nonNull (n: Node) =
        n.NonNull <- true
        n

    let private isNonNull (t: ValType) = t.IsRef && not t.IsNullable

    /// The n-th cell of an array of references that the instance's block points to.
    let private cell (e: Emitter) (offset: int) (index: int) =
        e.AtContext offset
        e.Op OpCodes.Ldind_I

        if index > 0 then
            e.Add(Cil.LdcI4(8 * index))
            e.Op OpCodes.Add

        e.Op OpCodes.Ldind_Ref

    let private loadType (e: Emitter) index = cell e InstanceBlock.GcTypesOffset index

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

    // ---- the limit on allocated bytes

    let private reserve (e: Emitter) (bytes: uint64) =
        let used = e.Alloc CilType.I8

        let word offset =
            e.Add(Cil.Ldloc e.StoreSlot)
            e.Add(Cil.LdcI4(offset: int))
            e.Op OpCodes.Add

        let trap =
            e.ColdNamed $"allocate {bytes}" (fun () ->
                e.WriteGas()
                e.Add(Cil.Ldarg 0)
                e.Add(Cil.LdcI8(int64 bytes))
                call e trapAllocation
                e.Op OpCodes.Throw)

        // Limits are far from 2^63.
        word StoreBlock.GcUsedOffset
        e.Op OpCodes.Ldind_I8
        e.Add(Cil.LdcI8(int64 bytes))
        e.Op OpCodes.Add
        e.Add(Cil.Stloc used)
        e.Add(Cil.Ldloc used)
        word StoreBlock.GcLimitOffset
        e.Op OpCodes.Ldind_I8
        e.Branch OpCodes.Bgt_Un trap
        word StoreBlock.GcUsedOffset
        e.Add(Cil.Ldloc used)
        e.Op OpCodes.Stind_I8
        e.Release CilType.I8 used

    let private pushObject (e: Emitter) slot = e.Stack.Add(nonNull (e.Temp CilType.Obj slot))

    /// What a new object has without being told.
    let private isZero (n: Node) = n.Kind = NodeKind.Null || (n.Kind = NodeKind.Const && n.Imm = 0L)

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

    // ---- casts

    /// Falls through when the value is of the type, else goes to the label. The value is stable.
    let private unlessOf (e: Emitter) (v: Node) nullable (heap: HeapType) target =
        let matched = e.NewLabel()

        if not v.NonNull then
            e.Peek v
            e.Branch OpCodes.Brfalse (if nullable then matched else target)

        let kind (o: OpCode) (k: int) =
            e.Peek v
            field e OpCodes.Ldfld typeField
            field e OpCodes.Ldfld kindField
            e.Add(Cil.LdcI4 k)
            e.Branch o target

        if heap.IsConcrete then
            let types = e.Context.Valid.Types
            let canonical = types.Canonical heap.Index
            let depth = canonical.Display.Length - 1
            e.Peek v

            if canonical.Kind = HeapType.Func then
                e.Add(Cil.LdcI4 canonical.Id)
                call e isFunction
                e.Branch OpCodes.Brfalse target
            elif depth < GcType.InlineDepths then
                field e OpCodes.Ldfld typeField
                field e OpCodes.Ldfld displayFields[depth]
                e.Add(Cil.LdcI4 canonical.Id)
                e.Branch OpCodes.Bne_Un target
            else
                e.Add(Cil.LdcI4 depth)
                e.Add(Cil.LdcI4 canonical.Id)
                call e isDeep
                e.Branch OpCodes.Brfalse target
        elif heap = HeapType.Eq then
            kind OpCodes.Beq GcKind.External
        elif heap = HeapType.I31 then
            kind OpCodes.Bne_Un GcKind.I31
        elif heap = HeapType.Struct then
            kind OpCodes.Bne_Un GcKind.Struct
        elif heap = HeapType.Array then
            kind OpCodes.Bne_Un GcKind.Array
        elif heap = HeapType.None || heap = HeapType.NoFunc || heap = HeapType.NoExtern || heap = HeapType.NoExn then
            e.Branch OpCodes.Br target

        e.Mark matched

    let private refTest (e: Emitter) nullable heap =
        let v = e.Twice(e.Pop())
        let result = e.Alloc CilType.I4
        let no = e.NewLabel()
        e.Add(Cil.LdcI4 0)
        e.Add(Cil.Stloc result)
        unlessOf e v nullable heap no
        e.Add(Cil.LdcI4 1)
        e.Add(Cil.Stloc result)
        e.Mark no
        e.GiveBack v
        e.Stack.Add(e.Temp CilType.I4 result)

    let private refCast (e: Emitter) nullable heap =
        let v = e.Twice(e.Pop())
        unlessOf e v nullable heap (e.ColdLabel(Simple TrapCode.CastFailure))
        e.Stack.Add(if nullable then v else nonNull v)

    // ---- branches

    let private branchTo (e: Emitter) (fr: Frame) =
        LowerControl.copyTo e fr
        e.Branch OpCodes.Br fr.Br

    let private branchOnNull (e: Emitter) depth =
        let fr = e.FrameAt depth
        fr.Targeted <- true
        let v = e.Twice(e.Pop())

        if not v.NonNull then
            if LowerControl.arity e fr = 0 then
                e.Peek v
                e.Branch OpCodes.Brfalse fr.Br
            else
                LowerControl.keepTop e (LowerControl.arity e fr)
                let skip = e.NewLabel()
                e.Peek v
                e.Branch OpCodes.Brtrue skip
                branchTo e fr
                e.Mark skip

        e.Stack.Add(nonNull v)

    let private branchOnNonNull (e: Emitter) depth =
        let fr = e.FrameAt depth
        fr.Targeted <- true
        LowerControl.keepTop e (LowerControl.arity e fr)
        let v = e.Stack[e.Stack.Count - 1]
        let skip = e.NewLabel()
        e.Peek v
        e.Branch OpCodes.Brfalse skip
        branchTo e fr
        e.Mark skip
        e.GiveBack(e.Pop())

    let private branchOnCast (e: Emitter) (i: Instr) onFail =
        let fr = e.FrameAt i.A
        fr.Targeted <- true
        LowerControl.keepTop e (LowerControl.arity e fr)
        let v = e.Stack[e.Stack.Count - 1]
        let heap = HeapType(int (i.Imm >>> 32))
        let nullable = i.B &&& 2 <> 0
        let next = e.NewLabel()

        if onFail then
            let fail = e.NewLabel()
            unlessOf e v nullable heap fail
            e.Branch OpCodes.Br next
            e.Mark fail
            branchTo e fr
        else
            unlessOf e v nullable heap next
            branchTo e fr

        e.Mark next

        // What goes on after a failed test of a nullable type is not null, and after a passed one of a type without null.
        if onFail <> nullable then
            nonNull v |> ignore

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
