namespace Twofold.Wasm.Compiler

// Calls: direct, imported, indirect, tail; and helpers of the runtime that take gas or may trap.
// In: arguments on the operand stack. Out: the results on it; gas handed over and taken back.

open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

module internal LowerCalls =
    /// Arguments onto the CIL stack; what stays below and could change under the call is moved away first.
    let prepareCall (e: Emitter) n =
        for k in 0 .. e.Stack.Count - n - 1 do
            if e.Stack[k].ReadsMemory || e.Stack[k].ReadsGlobal then
                e.Materialise k

        e.WriteGas()

    let emitArguments (e: Emitter) n =
        let first = e.Stack.Count - n

        for k in first .. e.Stack.Count - 1 do
            e.Emit(e.Clean e.Stack[k])

        e.Stack.RemoveRange(first, n)

    let takeResults (e: Emitter) (t: FuncType) throws =
        if t.Results.Length > 0 then
            let first = e.Alloc(cilType t.Results[0])
            e.Add(Cil.Stloc first)

            if throws then
                LowerThrows.test e

            e.AfterCall()
            let resultNode (r: ValType) slot = Node(NodeKind.Temp, cilType r, Slot = slot, NonNull = (r.IsRef && not r.IsNullable))
            e.Stack.Add(resultNode t.Results[0] first)

            for k in 1 .. t.Results.Length - 1 do
                let ty = cilType t.Results[k]
                let slot = e.Alloc ty

                if ty = CilType.Obj then
                    e.Add(Cil.Ldarg 0)
                    e.Add(Cil.LdcI4 k)
                    e.CallRt "TakeRefResult"
                else
                    e.Add(Cil.Ldloc e.StoreSlot)
                    e.Add(Cil.LdcI4(StoreBlock.ResultsOffset + 16 * k))
                    e.Op OpCodes.Add
                    e.Ldind ty

                e.Add(Cil.Stloc slot)
                e.Stack.Add(resultNode t.Results[k] slot)
        else
            if throws then
                LowerThrows.test e

            e.AfterCall()

    /// Code pointer into a temporary: known, from the table, or compiled now.
    let resolve (e: Emitter) load resolveSlow =
        let code = e.Alloc CilType.Native
        let ok = e.NewLabel()
        load ()
        e.Add(Cil.Stloc code)
        e.Add(Cil.Ldloc code)
        e.Branch OpCodes.Brtrue ok
        resolveSlow ()
        e.Add(Cil.Stloc code)
        e.Mark ok
        code

    let units (e: Emitter) tail = if tail then e.Add(Cil.Ldarg 1) else e.Add(Cil.Ldloc e.UnitsSlot)

    let rememberCaller (e: Emitter) =
        e.Add(Cil.Ldloc e.StoreSlot)
        e.Add(Cil.LdcI4 24)
        e.Op OpCodes.Add
        e.Add(Cil.Ldarg 0)
        e.Op OpCodes.Stind_I

    /// `throws`: an exception may be on its way. A tail call leaves it to the caller.
    let finishCall (e: Emitter) (t: FuncType) tail throws =
        if tail then
            e.Op OpCodes.Ret
            e.BecomeDead()
        else
            takeResults e t throws

    let direct (e: Emitter) index tail =
        let t = e.Context.Valid.FuncTypes[index]
        let s = signature t
        prepareCall e t.Params.Length

        if index < e.Context.Valid.ImportedFuncs then
            let entry = e.Context.Layout.Import index

            let code =
                resolve
                    e
                    (fun () ->
                        e.AtContext entry
                        e.Op OpCodes.Ldind_I)
                    (fun () ->
                        e.AtContext entry
                        e.CallRt "ResolveEntry")

            rememberCaller e
            e.AtContext(entry + 8)
            e.Op OpCodes.Ldind_I
            units e tail
            emitArguments e t.Params.Length
            e.Add(Cil.Ldloc code)
            e.Release CilType.Native code
            e.Add(Cil.Calli(s, tail))
        else
            let own = index - e.Context.Valid.ImportedFuncs

            // A large frame is entered through its gate only, and a method that begins at a loop is not the function.
            if own = e.Func.Index && e.Func.FrameUnits <= 2_000 && e.Entry < 0 then
                e.Add(Cil.Ldarg 0)
                units e tail
                emitArguments e t.Params.Length
                e.Add(Cil.CallSelf tail)
            else
                let known = e.Context.Known own

                let code =
                    if known <> 0n then
                        -1
                    else
                        resolve
                            e
                            (fun () ->
                                e.Add(Cil.LdcI8(int64 e.Context.CodeTable + 8L * int64 own))
                                e.Op OpCodes.Conv_I
                                e.Op OpCodes.Ldind_I)
                            (fun () ->
                                e.Add(Cil.Ldarg 0)
                                e.Add(Cil.LdcI4 own)
                                e.CallRt "Resolve")

                e.Add(Cil.Ldarg 0)
                units e tail
                emitArguments e t.Params.Length

                if code < 0 then
                    e.Add(Cil.LdcI8(int64 known))
                    e.Op OpCodes.Conv_I
                else
                    e.Add(Cil.Ldloc code)
                    e.Release CilType.Native code

                e.Add(Cil.Calli(s, tail))

        finishCall e t tail (e.Context.Throws.Value.May index)

    let indirect (e: Emitter) typeIndex table tail =
        let t =
            match e.Module.Types[typeIndex].Composite with
            | CompositeType.Func t -> t
            | _ -> invalidOp "validated"

        let indexType = if e.Context.Valid.TableTypes[table].Limits.Is64 then CilType.I8 else CilType.I4
        let index = e.Alloc indexType
        let entry = e.Alloc CilType.Native
        e.Emit(e.Pop())
        e.Add(Cil.Stloc index)
        let trap = e.ColdLabel(Indirect(table, index))
        e.Add(Cil.Ldloc index)
        e.Op OpCodes.Conv_U
        e.AtContext(e.Context.Layout.Table table + 8)
        e.Op OpCodes.Ldind_I
        e.Branch OpCodes.Bge_Un trap
        e.AtContext(e.Context.Layout.Table table)
        e.Op OpCodes.Ldind_I
        e.Add(Cil.Ldloc index)
        e.Op OpCodes.Conv_U
        e.Add(Cil.LdcI4 5)
        e.Op OpCodes.Shl
        e.Op OpCodes.Add
        e.Add(Cil.Stloc entry)
        e.Add(Cil.Ldloc entry)
        e.Add(Cil.LdcI4 16)
        e.Op OpCodes.Add
        e.Op OpCodes.Ldind_I4
        e.Add(Cil.LdcI4 e.Context.TypeIds[typeIndex])

        if e.Module.Types[typeIndex].Final then
            e.Branch OpCodes.Bne_Un trap
        else
            // Another type may lie below this one: looked up out of the way.
            let known = e.NewLabel()

            let slow =
                e.ColdNamed $"indirect {known}" (fun () ->
                    e.Add(Cil.Ldloc entry)
                    e.Add(Cil.LdcI4 16)
                    e.Op OpCodes.Add
                    e.Op OpCodes.Ldind_I4
                    e.Add(Cil.LdcI4 e.Context.TypeIds[typeIndex])
                    e.Add(Cil.Call(typeof<GcRt>.GetMethod("IsSubtype")))
                    // Nothing that the flow of marks follows has changed.
                    e.Add(Cil.Branch(OpCodes.Brtrue, known))
                    e.Add(Cil.Branch(OpCodes.Br, trap)))

            e.Branch OpCodes.Bne_Un slow
            e.Add(Cil.Label known)

        prepareCall e t.Params.Length

        let code =
            resolve
                e
                (fun () ->
                    e.Add(Cil.Ldloc entry)
                    e.Op OpCodes.Ldind_I)
                (fun () ->
                    e.Add(Cil.Ldloc entry)
                    e.CallRt "ResolveEntry")

        rememberCaller e
        e.Add(Cil.Ldloc entry)
        e.Add(Cil.LdcI4 8)
        e.Op OpCodes.Add
        e.Op OpCodes.Ldind_I
        units e tail
        emitArguments e t.Params.Length
        e.Add(Cil.Ldloc code)
        e.Release CilType.Native code
        e.Release CilType.Native entry
        e.Release indexType index
        e.Add(Cil.Calli(signature t, tail))
        finishCall e t tail e.Context.Throws.Value.Indirect

    /// A helper that takes gas or may trap: gas is in the store while it runs.
    let helperOf (e: Emitter) (m: System.Reflection.MethodInfo) (before: (unit -> unit) list) operands result =
        let args = Array.init operands (fun k -> e.Stack[e.Stack.Count - operands + k])

        for k in 0 .. e.Stack.Count - operands - 1 do
            if e.Stack[k].ReadsMemory || e.Stack[k].ReadsGlobal then
                e.Materialise k

        e.WriteGas()
        e.Add(Cil.Ldarg 0)

        for b in before do
            b ()

        for a in args do
            e.Emit(e.Clean a)

        e.Stack.RemoveRange(e.Stack.Count - operands, operands)
        e.Add(Cil.Call m)

        match result with
        | ValueSome ty ->
            let slot = e.Alloc ty
            e.Add(Cil.Stloc slot)
            e.AfterCall()
            e.Stack.Add(e.Temp ty slot)
        | ValueNone -> e.AfterCall()

    let helper (e: Emitter) name before operands result = helperOf e (Methods.Rt name) before operands result

    let number (e: Emitter) n () = e.Add(Cil.LdcI4 n)
