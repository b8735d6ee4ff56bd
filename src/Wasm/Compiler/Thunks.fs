namespace Twofold.Wasm.Compiler

// The small methods between worlds, one per signature: host to guest (boxed and typed), guest to host, and over to a fresh stack.
// In: function types and delegates. Out: delegates or entry points, cached for the process: signatures are few.

open System
open System.Collections.Concurrent
open System.Reflection
open System.Reflection.Emit
open System.Runtime.Intrinsics
open Twofold.Wasm

module Thunks =
    let private any = BindingFlags.Static ||| BindingFlags.Instance ||| BindingFlags.Public ||| BindingFlags.NonPublic
    let private valueType = typeof<Value>

    let private valueMethod (name: string) (args: Type[]) =
        match valueType.GetMethod(name, any, null, args, null) with
        | null -> invalidOp $"Value.{name} is missing"
        | m -> m

    let private getBits = valueMethod "get_Bits" [||]
    let private getReference = valueMethod "get_Reference" [||]
    let private fromBits = valueMethod "FromBits" [| typeof<ValueKind>; typeof<uint64>; typeof<uint64> |]
    let private getVector = valueMethod "AsV128" [||]
    let private fromVector = valueMethod "V128" [| typeof<Vector128<byte>> |]
    let private fromRef = valueMethod "Ref" [| typeof<ValueKind>; typeof<obj> |]

    let private bits (name: string) (arg: Type) = typeof<BitConverter>.GetMethod(name, [| arg |])
    let private singleOf = bits "Int32BitsToSingle" typeof<int>
    let private doubleOf = bits "Int64BitsToDouble" typeof<int64>
    let private ofSingle = bits "SingleToInt32Bits" typeof<float32>
    let private ofDouble = bits "DoubleToInt64Bits" typeof<double>

    /// The kind that a value type has for hosts; concrete heap types are canonical ids.
    let kindOf (t: ValType) : ValueKind =
        match t.Code with
        | 0x7F -> ValueKind.I32
        | 0x7E -> ValueKind.I64
        | 0x7D -> ValueKind.F32
        | 0x7C -> ValueKind.F64
        | 0x7B -> ValueKind.V128
        | _ ->
            match References.top t.Heap with
            | h when h = HeapType.Func -> ValueKind.FuncRef
            | h when h = HeapType.Extern -> ValueKind.ExternRef
            | h when h = HeapType.Exn -> ValueKind.ExnRef
            | _ -> ValueKind.AnyRef

    // u64 bits on the stack become a value of the type, and back.
    let private ofBits (il: ILGenerator) (t: CilType) =
        match t with
        | CilType.I4 -> il.Emit OpCodes.Conv_I4
        | CilType.R4 ->
            il.Emit OpCodes.Conv_I4
            il.Emit(OpCodes.Call, singleOf)
        | CilType.R8 -> il.Emit(OpCodes.Call, doubleOf)
        | _ -> ()

    let private toBits (il: ILGenerator) (t: CilType) =
        match t with
        | CilType.I4 -> il.Emit OpCodes.Conv_U8
        | CilType.R4 ->
            il.Emit(OpCodes.Call, ofSingle)
            il.Emit OpCodes.Conv_U8
        | CilType.R8 -> il.Emit(OpCodes.Call, ofDouble)
        | _ -> ()

    let private rt name = typeof<Rt>.GetMethod(name, any)

    let private isAny (t: ValType) = t.IsRef && kindOf t = ValueKind.AnyRef

    // Under `any` a host's object travels in a wrapper that no host sees.
    let private wrapAny (il: ILGenerator) (t: ValType) =
        if isAny t then
            il.Emit(OpCodes.Call, typeof<GcRt>.GetMethod("AnyOfExtern", any))

    let private unwrapAny (il: ILGenerator) (t: ValType) =
        if isAny t then
            il.Emit(OpCodes.Call, typeof<GcRt>.GetMethod("ExternOfAny", any))

    /// The value on the stack, of this type, becomes a Value.
    let private box (il: ILGenerator) (t: ValType) =
        let c = Signatures.cilType t
        let slot = il.DeclareLocal(Emit.clrType c)
        unwrapAny il t

        if c = CilType.V128 then
            il.Emit(OpCodes.Call, fromVector)
        else
            il.Emit(OpCodes.Stloc, slot)
            il.Emit(OpCodes.Ldc_I4, int (kindOf t))
            il.Emit(OpCodes.Ldloc, slot)

            if c = CilType.Obj then
                il.Emit(OpCodes.Call, fromRef)
            else
                toBits il c
                il.Emit OpCodes.Ldc_I4_0
                il.Emit OpCodes.Conv_U8
                il.Emit(OpCodes.Call, fromBits)

    /// What is in the Value whose address is on the stack.
    let private unboxed (il: ILGenerator) (t: ValType) =
        match Signatures.cilType t with
        | CilType.Obj ->
            il.Emit(OpCodes.Call, getReference)
            wrapAny il t
        | CilType.V128 -> il.Emit(OpCodes.Call, getVector)
        | c ->
            il.Emit(OpCodes.Call, getBits)
            ofBits il c

    let private cache<'k, 'v when 'k: equality> (make: 'k -> 'v) =
        let made = ConcurrentDictionary<'k, Lazy<'v>>()
        fun (k: 'k) -> made.GetOrAdd(k, (fun k -> lazy (make k))).Value

    /// Boxed call: (code, context, units, arguments, results).
    let entry: FuncType -> EntryThunk =
        cache (fun (t: FuncType) ->
            let m =
                Emit.newMethod "wasm-entry" typeof<Void> [|
                    typeof<nativeint>
                    typeof<nativeint>
                    typeof<int>
                    typeof<Value[]>
                    typeof<Value[]>
                |]

            let il = m.GetILGenerator()
            il.Emit OpCodes.Ldarg_1
            il.Emit OpCodes.Ldarg_2

            t.Params
            |> Array.iteri (fun i p ->
                il.Emit OpCodes.Ldarg_3
                il.Emit(OpCodes.Ldc_I4, i)
                il.Emit(OpCodes.Ldelema, valueType)

                unboxed il p)

            il.Emit OpCodes.Ldarg_0
            Emit.calli il (Signatures.signature t)
            let ended = il.DefineLabel()
            let slots = t.Results |> Array.map (fun r -> il.DeclareLocal(Emit.clrType (Signatures.cilType r)))

            if slots.Length > 0 then
                il.Emit(OpCodes.Stloc, slots[0])

            // With an exception on its way there are no results.
            il.Emit OpCodes.Ldarg_1
            il.Emit OpCodes.Ldind_I
            il.Emit(OpCodes.Ldc_I4, StoreBlock.PendingOffset)
            il.Emit OpCodes.Add
            il.Emit OpCodes.Ldind_I
            il.Emit(OpCodes.Brtrue, ended)

            t.Results
            |> Array.iteri (fun k r ->
                let c = Signatures.cilType r
                let slot = slots[k]

                if k > 0 then
                    if c = CilType.Obj then
                        // Only instances give several results; a host function has one at most.
                        il.Emit OpCodes.Ldarg_1
                        il.Emit(OpCodes.Ldc_I4, k)
                        il.Emit(OpCodes.Call, rt "TakeRefResult")
                    else
                        Emit.resultAt il 1 k
                        Emit.ldind il c

                    il.Emit(OpCodes.Stloc, slot)

                il.Emit(OpCodes.Ldarg, 4s)
                il.Emit(OpCodes.Ldc_I4, k)
                il.Emit(OpCodes.Ldloc, slot)
                box il r
                il.Emit(OpCodes.Stelem, valueType))

            il.MarkLabel ended
            il.Emit OpCodes.Ret
            m.CreateDelegate typeof<EntryThunk> :?> EntryThunk)

    /// The parameters, which stand after context and units, as an array of Values in a new local.
    let private boxParameters (il: ILGenerator) (t: FuncType) : LocalBuilder =
        let arguments = il.DeclareLocal typeof<Value[]>
        il.Emit(OpCodes.Ldc_I4, t.Params.Length)
        il.Emit(OpCodes.Newarr, valueType)
        il.Emit(OpCodes.Stloc, arguments)

        t.Params
        |> Array.iteri (fun i p ->
            il.Emit(OpCodes.Ldloc, arguments)
            il.Emit(OpCodes.Ldc_I4, i)
            Emit.ldarg il (i + 2)
            box il p
            il.Emit(OpCodes.Stelem, valueType))

        arguments

    /// A result out of an array of Values onto the CIL stack.
    let private unbox (il: ILGenerator) (t: FuncType) (results: LocalBuilder) (k: int) =
        il.Emit(OpCodes.Ldloc, results)
        il.Emit(OpCodes.Ldc_I4, k)
        il.Emit(OpCodes.Ldelema, valueType)

        unboxed il t.Results[k]

    /// Methods whose entry points are used must never be collected; signatures are few.
    let private kept = ConcurrentBag<DynamicMethod>()

    let private pinned (m: DynamicMethod) =
        kept.Add m
        Emit.entryPoint m


    /// (context, units, parameters..., function index) -> result: boxes everything and goes on on a fresh native stack.
    let freshStack: FuncType -> nativeint =
        cache (fun (t: FuncType) ->
            let s = Signatures.signature t
            let parameters = Array.append (Array.map Emit.clrType s.Params) [| typeof<int> |]
            let m = Emit.newMethod "wasm-fresh-stack" (Emit.clrType s.Result) parameters
            let il = m.GetILGenerator()
            let arguments = boxParameters il t
            let results = il.DeclareLocal typeof<Value[]>
            il.Emit(OpCodes.Ldc_I4, t.Results.Length)
            il.Emit(OpCodes.Newarr, valueType)
            il.Emit(OpCodes.Stloc, results)
            il.Emit OpCodes.Ldarg_0
            Emit.ldarg il (t.Params.Length + 2)
            il.Emit OpCodes.Ldarg_1
            il.Emit(OpCodes.Ldc_I4, ThunkTable.Add(entry t))
            il.Emit(OpCodes.Call, typeof<ThunkTable>.GetMethod("Get", any))
            il.Emit(OpCodes.Ldloc, arguments)
            il.Emit(OpCodes.Ldloc, results)
            il.Emit(OpCodes.Call, rt "CallOnFreshStack")

            // Numbers after the first are still where the callee left them; references the boxing took away.
            for k in 1 .. t.Results.Length - 1 do
                if Signatures.cilType t.Results[k] = CilType.Obj then
                    il.Emit OpCodes.Ldarg_0
                    il.Emit(OpCodes.Ldc_I4, k)
                    unbox il t results k
                    il.Emit(OpCodes.Call, rt "SetRefResult")

            if t.Results.Length > 0 then
                unbox il t results 0

            il.Emit OpCodes.Ret
            pinned m)

    /// A small method in front of a function with a very large frame: its own frame is small, so it can look at the stack before the large one
    /// exists. Same signature as the function's.
    let gate (t: FuncType) (index: int) (body: nativeint) (frameBytes: int) : DynamicMethod =
        let s = Signatures.signature t
        let m = Emit.newMethod "wasm-gate" (Emit.clrType s.Result) (Array.map Emit.clrType s.Params)
        let il = m.GetILGenerator()
        let probe = il.DeclareLocal typeof<int>
        let go = il.DefineLabel()
        il.Emit(OpCodes.Ldloca, probe)
        il.Emit OpCodes.Conv_U
        il.Emit(OpCodes.Ldc_I4, frameBytes)
        il.Emit OpCodes.Conv_I
        il.Emit OpCodes.Sub
        il.Emit OpCodes.Ldarg_0
        il.Emit(OpCodes.Ldc_I4, 8)
        il.Emit OpCodes.Add
        il.Emit OpCodes.Ldind_I
        il.Emit(OpCodes.Bge_Un, go)
        il.Emit OpCodes.Ldarg_0
        il.Emit(OpCodes.Ldc_I4, frameBytes)
        il.Emit(OpCodes.Call, rt "StackSlowFor")
        il.Emit(OpCodes.Brfalse, go)

        for k in 0 .. s.Params.Length - 1 do
            Emit.ldarg il k

        il.Emit(OpCodes.Ldc_I4, index)
        il.Emit(OpCodes.Ldc_I8, int64 (freshStack t))
        il.Emit OpCodes.Conv_I
        let withIndex = Array.append s.Params [| CilType.I4 |]
        Emit.calli il { s with Params = withIndex }
        il.Emit OpCodes.Ret
        il.MarkLabel go

        for k in 0 .. s.Params.Length - 1 do
            Emit.ldarg il k

        il.Emit(OpCodes.Ldc_I8, int64 body)
        il.Emit OpCodes.Conv_I
        Emit.calli il s
        il.Emit OpCodes.Ret
        m

    /// A HostFunction sees 64-bit words: numbers, and one result at most. A reference as a word would be a raw pointer.
    let fitsWords (t: FuncType) = t.Results.Length <= 1 && Seq.append t.Params t.Results |> Seq.forall _.IsNum

    /// Entry point under which a HostFunction is called by guests: (host block, units, parameters...) -> result.
    let hostRaw: FuncType -> nativeint =
        cache (fun (t: FuncType) ->
            if not (fitsWords t) then
                invalidOp "a host function over 64-bit words takes and gives only numbers, and one result at most"

            let s = Signatures.signature t
            let m = Emit.newMethod "wasm-host" (Emit.clrType s.Result) (Array.map Emit.clrType s.Params)
            let il = m.GetILGenerator()
            let buffer = il.DeclareLocal typeof<nativeint>
            il.Emit(OpCodes.Ldc_I4, 8 * max 1 t.Params.Length)
            il.Emit OpCodes.Conv_U
            il.Emit OpCodes.Localloc
            il.Emit(OpCodes.Stloc, buffer)

            t.Params
            |> Array.iteri (fun i p ->
                il.Emit(OpCodes.Ldloc, buffer)
                il.Emit(OpCodes.Ldc_I4, 8 * i)
                il.Emit OpCodes.Add
                Emit.ldarg il (i + 2)
                toBits il (Signatures.cilType p)
                il.Emit OpCodes.Stind_I8)

            il.Emit OpCodes.Ldarg_0
            il.Emit OpCodes.Ldarg_1
            il.Emit(OpCodes.Ldloc, buffer)
            il.Emit(OpCodes.Ldc_I4, t.Params.Length)
            il.Emit(OpCodes.Call, rt "CallHost")

            if t.Results.Length = 0 then il.Emit OpCodes.Pop else ofBits il (Signatures.cilType t.Results[0])

            il.Emit OpCodes.Ret
            pinned m)

    /// Entry point under which a delegate over Values (arguments in, results out) is called by guests: any signature.
    let hostBoxed: FuncType -> nativeint =
        cache (fun (t: FuncType) ->
            let s = Signatures.signature t
            let m = Emit.newMethod "wasm-host-boxed" (Emit.clrType s.Result) (Array.map Emit.clrType s.Params)
            let il = m.GetILGenerator()
            let arguments = boxParameters il t
            let results = il.DeclareLocal typeof<Value[]>
            il.Emit OpCodes.Ldarg_0
            il.Emit OpCodes.Ldarg_1
            il.Emit(OpCodes.Ldloc, arguments)
            il.Emit(OpCodes.Call, rt "CallHostBoxed")
            il.Emit(OpCodes.Stloc, results)

            for k in 1 .. t.Results.Length - 1 do
                let c = Signatures.cilType t.Results[k]

                if c = CilType.Obj then
                    il.Emit OpCodes.Ldarg_0
                    il.Emit(OpCodes.Ldc_I4, k)
                    unbox il t results k
                    il.Emit(OpCodes.Call, rt "SetRefResult")
                else
                    Emit.resultAt il 0 k
                    unbox il t results k
                    Emit.stind il c

            if t.Results.Length > 0 then
                unbox il t results 0

            il.Emit OpCodes.Ret
            pinned m)

    /// Entry point under which a typed delegate is called by guests without boxing: (host block, units, parameters...) -> result.
    /// The delegate's first parameter may be the Guest.
    let hostTyped (t: FuncType) (delegateType: Type) (withGuest: bool) : nativeint =
        let s = Signatures.signature t
        let m = Emit.newMethod "wasm-host-typed" (Emit.clrType s.Result) (Array.map Emit.clrType s.Params)
        let il = m.GetILGenerator()
        il.Emit OpCodes.Ldarg_0
        il.Emit OpCodes.Ldarg_1
        il.Emit(OpCodes.Call, rt "HostDelegate")

        if withGuest then
            il.Emit OpCodes.Ldarg_0
            il.Emit(OpCodes.Call, rt "HostGuest")

        for i in 0 .. t.Params.Length - 1 do
            Emit.ldarg il (i + 2)

        il.Emit(OpCodes.Callvirt, delegateType.GetMethod "Invoke")

        if s.Result = CilType.Obj then
            il.Emit OpCodes.Ldarg_0
            il.Emit(OpCodes.Call, rt "HostReference")

        il.Emit OpCodes.Ret
        pinned m

    let private hostTypedCache = ConcurrentDictionary<struct (FuncType * Type * bool), Lazy<nativeint>>()

    let hostTypedCached (t: FuncType) (delegateType: Type) (withGuest: bool) =
        hostTypedCache.GetOrAdd(struct (t, delegateType, withGuest), (fun struct (t, d, g) -> lazy (hostTyped t d g))).Value

    let private targetField name = typeof<CallTarget>.GetField(name, any)

    /// A typed delegate that calls a guest function: no boxing, one try/finally to restore the stack units.
    let typed (t: FuncType) (delegateType: Type) (target: CallTarget) : Delegate =
        let s = Signatures.signature t
        let clr = t.Params |> Array.map (Signatures.cilType >> Emit.clrType)
        let result = Emit.clrType s.Result
        // A reference goes out as what the delegate says: a method that gives an object is no Func<Function> or Func<GcObject>.
        let outward = if result = typeof<obj> then delegateType.GetMethod("Invoke").ReturnType else result
        let m = Emit.newMethod "wasm-call" outward (Array.append [| typeof<CallTarget> |] clr)
        let il = m.GetILGenerator()
        let store = il.DeclareLocal typeof<nativeint>
        let saved = il.DeclareLocal typeof<int>
        let value = if s.Result = CilType.Void then null else il.DeclareLocal result
        let units = typeof<StoreBlock>.GetField("Units", any)
        il.Emit OpCodes.Ldarg_0
        il.Emit(OpCodes.Call, rt "EnterTarget")
        il.Emit(OpCodes.Stloc, store)
        il.Emit(OpCodes.Ldloc, store)
        il.Emit(OpCodes.Ldfld, units)
        il.Emit(OpCodes.Stloc, saved)
        il.BeginExceptionBlock() |> ignore
        il.Emit OpCodes.Ldarg_0
        il.Emit(OpCodes.Ldfld, targetField "Context")
        il.Emit(OpCodes.Ldloc, saved)

        for i in 0 .. clr.Length - 1 do
            Emit.ldarg il (i + 1)

            if clr[i] = typeof<obj> then
                il.Emit OpCodes.Ldarg_0
                il.Emit(OpCodes.Call, rt "OwnReference")

        il.Emit OpCodes.Ldarg_0
        il.Emit(OpCodes.Ldfld, targetField "Code")
        Emit.calli il s

        if not (isNull value) then
            il.Emit(OpCodes.Stloc, value)

        if not (isNull target.Function.Source) && target.Function.Source.MayThrow then
            let ok = il.DefineLabel()
            il.Emit(OpCodes.Ldloc, store)
            il.Emit(OpCodes.Ldfld, typeof<StoreBlock>.GetField("Pending", any))
            il.Emit(OpCodes.Brfalse, ok)
            il.Emit(OpCodes.Ldloc, store)
            il.Emit(OpCodes.Call, rt "RaiseUncaught")
            il.MarkLabel ok

        il.BeginFinallyBlock()
        il.Emit(OpCodes.Ldloc, store)
        il.Emit(OpCodes.Ldloc, saved)
        il.Emit(OpCodes.Stfld, units)
        il.Emit OpCodes.Ldarg_0
        il.Emit(OpCodes.Call, typeof<GC>.GetMethod "KeepAlive")
        il.EndExceptionBlock()

        if not (isNull value) then
            il.Emit(OpCodes.Ldloc, value)

            if outward <> result then
                il.Emit(OpCodes.Castclass, outward)

        il.Emit OpCodes.Ret
        m.CreateDelegate(delegateType, target)
