namespace Twofold.Wasm.Compiler

// Parts of code that every instruction on references shares: fields and helpers of the runtime, the null test, cells of types, the limit on bytes.
// In: operands of an emitter. Out: CIL, or nodes that make it later.

open System
open System.Reflection
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation

module internal ObjectCode =
    let any = BindingFlags.Instance ||| BindingFlags.Static ||| BindingFlags.Public ||| BindingFlags.NonPublic

    let fieldOf (t: Type) (name: string) =
        match t.GetField(name, any) with
        | null -> invalidOp $"{t.Name}.{name} is missing"
        | f -> f

    let method' (name: string) =
        match typeof<GcRt>.GetMethod(name, any) with
        | null -> invalidOp $"GcRt.{name} is missing"
        | m -> m

    let typeField = fieldOf typeof<GcObject> "Type"
    let kindField = fieldOf typeof<GcType> "Kind"
    let displayFields = Array.init GcType.InlineDepths (fun k -> fieldOf typeof<GcType> $"D{k}")
    let countField = fieldOf typeof<GcArray> "Count"
    let numberField = fieldOf typeof<GcI31> "Number"
    let cellField = fieldOf typeof<RefCell> "Value"
    let codeField = fieldOf typeof<Function> "EntryCode"
    let contextField = fieldOf typeof<Function> "EntryContext"
    let same = method' "Same"
    let i31 = method' "I31"
    let anyOfExtern = method' "AnyOfExtern"
    let externOfAny = method' "ExternOfAny"
    let isDeep = method' "IsDeep"
    let isFunction = method' "IsFunction"
    let isSubtype = method' "IsSubtype"
    let trapElement = method' "TrapElement"
    let trapAllocation = method' "TrapAllocation"
    let resolveFunction = method' "ResolveFunction"

    let call (e: Emitter) (m: MethodInfo) = e.Add(Cil.Call m)

    let field (e: Emitter) (o: OpCode) (f: FieldInfo) = e.Add(Cil.Field(o, f))

    let nullTrap (e: Emitter) = e.ColdLabel(Simple TrapCode.NullReference)

    /// The operand, readable more than once and not null from here on.
    let require (e: Emitter) (n: Node) =
        if n.NonNull then
            e.Twice n
        else
            let n = e.Twice n
            e.Peek n
            e.Branch OpCodes.Brfalse (nullTrap e)
            n

    let nonNull (n: Node) =
        n.NonNull <- true
        n

    let isNonNull (t: ValType) = t.IsRef && not t.IsNullable

    /// The n-th cell of an array of references that the instance's block points to.
    let cell (e: Emitter) (offset: int) (index: int) =
        e.AtContext offset
        e.Op OpCodes.Ldind_I

        if index > 0 then
            e.Add(Cil.LdcI4(8 * index))
            e.Op OpCodes.Add

        e.Op OpCodes.Ldind_Ref

    let loadType (e: Emitter) index = cell e InstanceBlock.GcTypesOffset index

    // ---- the limit on allocated bytes

    let reserve (e: Emitter) (bytes: uint64) =
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

    let pushObject (e: Emitter) slot = e.Stack.Add(nonNull (e.Temp CilType.Obj slot))

    /// What a new object has without being told.
    let isZero (n: Node) = n.Kind = NodeKind.Null || (n.Kind = NodeKind.Const && n.Imm = 0L)
