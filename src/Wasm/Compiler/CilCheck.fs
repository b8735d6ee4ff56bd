namespace Twofold.Wasm.Compiler

// Proves a lowered function: types on the CIL stack, an empty stack at every label and branch, no local read before it was written
// (locals are not zeroed, so such a read would show the host's stack to the guest, and differ by run).
// In: a CilFunc. Out: the first problem, or none. Debug builds check every function they compile; tests check whole corpora.

open System
open System.Collections
open System.Reflection
open System.Reflection.Emit
open System.Runtime.Intrinsics

module CilCheck =
    exception private Problem of string

    let private fail text = raise (Problem text)

    let private ofClr (t: Type) =
        if t = typeof<Void> then CilType.Void
        elif t = typeof<int64> || t = typeof<uint64> then CilType.I8
        elif t = typeof<float32> then CilType.R4
        elif t = typeof<double> then CilType.R8
        elif t = typeof<nativeint> || t = typeof<unativeint> || t.IsPointer then CilType.Native
        elif t.IsGenericType && t.GetGenericTypeDefinition() = typedefof<Vector128<_>> then CilType.V128
        elif t.IsValueType then CilType.I4
        else CilType.Obj

    let private isInt t = t = CilType.I4 || t = CilType.I8 || t = CilType.Native
    let private isNumber t = t <> CilType.Obj && t <> CilType.Void && t <> CilType.V128

    /// A native integer takes an int32 as its other operand (ECMA-335, table III.2).
    let private arithmetic a b =
        if a = b then
            a
        elif a = CilType.Native && b = CilType.I4 || a = CilType.I4 && b = CilType.Native then
            CilType.Native
        else
            fail $"operands {a} and {b}"

    let private conversions =
        dict [
            OpCodes.Conv_I1.Value, CilType.I4
            OpCodes.Conv_I2.Value, CilType.I4
            OpCodes.Conv_I4.Value, CilType.I4
            OpCodes.Conv_U1.Value, CilType.I4
            OpCodes.Conv_U2.Value, CilType.I4
            OpCodes.Conv_U4.Value, CilType.I4
            OpCodes.Conv_I8.Value, CilType.I8
            OpCodes.Conv_U8.Value, CilType.I8
            OpCodes.Conv_R4.Value, CilType.R4
            OpCodes.Conv_R8.Value, CilType.R8
            OpCodes.Conv_I.Value, CilType.Native
            OpCodes.Conv_U.Value, CilType.Native
        ]

    let private loads =
        dict [
            OpCodes.Ldind_I1.Value, CilType.I4
            OpCodes.Ldind_U1.Value, CilType.I4
            OpCodes.Ldind_I2.Value, CilType.I4
            OpCodes.Ldind_U2.Value, CilType.I4
            OpCodes.Ldind_I4.Value, CilType.I4
            OpCodes.Ldind_U4.Value, CilType.I4
            OpCodes.Ldind_I8.Value, CilType.I8
            OpCodes.Ldind_R4.Value, CilType.R4
            OpCodes.Ldind_R8.Value, CilType.R8
            OpCodes.Ldind_I.Value, CilType.Native
            OpCodes.Ldind_Ref.Value, CilType.Obj
        ]

    let private stores =
        dict [
            OpCodes.Stind_I1.Value, [ CilType.I4; CilType.I8 ]
            OpCodes.Stind_I2.Value, [ CilType.I4; CilType.I8 ]
            OpCodes.Stind_I4.Value, [ CilType.I4; CilType.I8 ]
            OpCodes.Stind_I8.Value, [ CilType.I8 ]
            OpCodes.Stind_R4.Value, [ CilType.R4 ]
            OpCodes.Stind_R8.Value, [ CilType.R8 ]
            OpCodes.Stind_I.Value, [ CilType.Native ]
            OpCodes.Stind_Ref.Value, [ CilType.Obj ]
        ]

    let private binary =
        [
            OpCodes.Add
            OpCodes.Sub
            OpCodes.Mul
            OpCodes.Div
            OpCodes.Div_Un
            OpCodes.Rem
            OpCodes.Rem_Un
            OpCodes.And
            OpCodes.Or
            OpCodes.Xor
        ]
        |> List.map _.Value
        |> set

    let private shifts = [ OpCodes.Shl; OpCodes.Shr; OpCodes.Shr_Un ] |> List.map _.Value |> set
    let private unary = [ OpCodes.Neg; OpCodes.Not ] |> List.map _.Value |> set
    let private compares = [ OpCodes.Ceq; OpCodes.Clt; OpCodes.Clt_Un; OpCodes.Cgt; OpCodes.Cgt_Un ] |> List.map _.Value |> set
    let private tests = [ OpCodes.Brtrue; OpCodes.Brfalse ] |> List.map _.Value |> set

    /// The walk over one function.
    let private walk (f: CilFunc) =
        let stack = Collections.Generic.Stack<CilType>()
        let push t = stack.Push t
        let pop () = if stack.Count = 0 then fail "an empty stack" else stack.Pop()

        let popAs wanted =
            let t = pop ()

            if t <> wanted then
                fail $"{wanted} expected, {t} found"

        let call (parameters: CilType[]) result =
            for p in Array.rev parameters do
                popAs p

            if result <> CilType.Void then
                push result

        // Which locals are surely written when a label is reached; null while no way to it is known.
        let atLabel: BitArray[] = Array.zeroCreate f.Labels
        let mutable written = BitArray f.Locals.Length
        let mutable reachable = true
        let mutable changed = false

        let flowTo label =
            if stack.Count <> 0 then
                fail $"{stack.Count} values on the stack at a branch"

            match atLabel[label] with
            | null ->
                atLabel[label] <- BitArray written
                changed <- true
            | known ->
                let both = (BitArray known).And written

                if (BitArray both).Xor(known).HasAnySet() then
                    atLabel[label] <- both
                    changed <- true

        let leave () =
            reachable <- false
            stack.Clear()

        let plain (o: OpCode) =
            let v = o.Value

            if conversions.ContainsKey v then
                if not (isNumber (pop ())) then
                    fail "a conversion of a reference"

                push conversions[v]
            elif loads.ContainsKey v then
                popAs CilType.Native
                push loads[v]
            elif stores.ContainsKey v then
                let t = pop ()

                if not (List.contains t stores[v]) then
                    fail $"{t} stored"

                popAs CilType.Native
            elif binary.Contains v then
                let b = pop ()
                push (arithmetic (pop ()) b)
            elif unary.Contains v then
                push (pop ())
            elif shifts.Contains v then
                popAs CilType.I4
                let a = pop ()

                if not (isInt a) then
                    fail "a shift of no integer"

                push a
            elif compares.Contains v then
                let b = pop ()
                let a = pop ()

                if a <> b then
                    fail $"{a} compared with {b}"

                push CilType.I4
            elif v = OpCodes.Ldnull.Value then
                push CilType.Obj
            elif v = OpCodes.Pop.Value then
                pop () |> ignore
            elif v = OpCodes.Dup.Value then
                push (stack.Peek())
            elif v = OpCodes.Ldlen.Value then
                popAs CilType.Obj
                push CilType.Native
            elif v = OpCodes.Volatile.Value || v = OpCodes.Readonly.Value || v = OpCodes.Nop.Value then
                ()
            elif v = OpCodes.Throw.Value then
                popAs CilType.Obj
                leave ()
            elif v = OpCodes.Ret.Value then
                if f.Sig.Result <> CilType.Void then
                    popAs f.Sig.Result

                if stack.Count <> 0 then
                    fail "values left at a return"

                leave ()
            else
                fail $"no rule for {o.Name}"

        let instruction (c: Cil) =
            match c with
            | Cil.Label l ->
                if reachable then
                    flowTo l

                match atLabel[l] with
                | null -> ()
                | known ->
                    written <- BitArray known
                    reachable <- true
            | _ when not reachable -> ()
            | Cil.Ldarg i -> push f.Sig.Params[i]
            | Cil.Starg i -> popAs f.Sig.Params[i]
            | Cil.Ldloc i ->
                if not written[i] then
                    fail $"local {i} is read before it is written"

                push f.Locals[i]
            | Cil.Ldloca _ -> push CilType.Native
            | Cil.Stloc i ->
                popAs f.Locals[i]
                written[i] <- true
            | Cil.LdcI4 _ -> push CilType.I4
            | Cil.LdcI8 _ -> push CilType.I8
            | Cil.LdcR4 _ -> push CilType.R4
            | Cil.LdcR8 _ -> push CilType.R8
            | Cil.Op o -> plain o
            | Cil.LoadVector ->
                popAs CilType.Native
                push CilType.V128
            | Cil.StoreVector ->
                popAs CilType.V128
                popAs CilType.Native
            | Cil.Branch(o, l) ->
                if o.Value = OpCodes.Br.Value then
                    flowTo l
                    leave ()
                elif tests.Contains o.Value then
                    pop () |> ignore
                    flowTo l
                else
                    let b = pop ()
                    let a = pop ()

                    if a <> b then
                        fail $"{a} compared with {b}"

                    flowTo l
            | Cil.Switch ls ->
                popAs CilType.I4
                Array.iter flowTo ls
            | Cil.Call m ->
                let own = m.GetParameters() |> Array.map (fun p -> ofClr p.ParameterType)
                call own (ofClr (m: MethodInfo).ReturnType)
            | Cil.Newobj c ->
                let own = c.GetParameters() |> Array.map (fun p -> ofClr p.ParameterType)
                call own CilType.Obj
            | Cil.Field(o, field) ->
                let own = ofClr field.FieldType

                if o.Value = OpCodes.Stfld.Value then
                    popAs own
                    popAs CilType.Obj
                else
                    popAs CilType.Obj
                    push own
            | Cil.Elem(o, t) ->
                if o.Value = OpCodes.Stelem.Value then
                    popAs (ofClr t)

                popAs CilType.I4

                if o.Value = OpCodes.Newarr.Value then
                    push CilType.Obj
                else
                    popAs CilType.Obj

                    // The address of an item is a place to store to, as native addresses are.
                    if o.Value = OpCodes.Ldelema.Value then
                        push CilType.Native
                    elif o.Value = OpCodes.Ldelem.Value then
                        push (ofClr t)
            | Cil.CallSelf _ -> call f.Sig.Params f.Sig.Result
            | Cil.Calli(s, _) ->
                popAs CilType.Native
                call s.Params s.Result

        // Loops reach labels from below: again until no label learns anything new.
        let mutable again = true

        while again do
            changed <- false
            written <- BitArray f.Locals.Length
            reachable <- true
            stack.Clear()

            f.Code
            |> Array.iteri (fun at c ->
                try
                    instruction c
                with Problem text ->
                    fail $"{f.Name}, instruction {at} ({c}): {text}")

            if reachable then
                fail $"{f.Name}: the end is reached without a return"

            again <- changed

    /// The first problem of a lowered function, or null.
    let problem (f: CilFunc) : string =
        try
            walk f
            null
        with Problem text ->
            text
