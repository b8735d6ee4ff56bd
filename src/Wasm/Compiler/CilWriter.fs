namespace Twofold.Wasm.Compiler

// The CIL of one function while it grows: instructions, locals that are used again, labels, cold blocks that are asked for once per key.
// In: instructions in order. Out: the arrays of a CilFunc. Knows nothing of operands and frames.

open System
open System.Collections.Generic
open System.Reflection
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Binary

type internal CilWriter(ctx: LowerContext, size: int, flow: MarkFlow) =
    let code = ResizeArray<Cil>(size: int)
    let locals = ResizeArray<CilType>()
    let free = Array.init 8 (fun _ -> Stack<int>())
    let cold = Dictionary<ColdKey, int>()
    let coldLabels = HashSet<int>()
    let coldOrder = ResizeArray<ColdKey>()
    let named = Dictionary<string, unit -> unit>()
    let mutable labels = 0

    member _.Context = ctx
    member _.Flow = flow
    member _.Code = code
    member _.Locals = locals
    member _.LabelCount = labels
    /// Cold blocks in the order they were first asked for, and their labels.
    member _.ColdOrder = coldOrder
    member _.Cold = cold

    member e.Declare t =
        locals.Add t
        locals.Count - 1

    member e.Add(c: Cil) = code.Add c

    member e.Op(o: OpCode) = code.Add(Cil.Op o)

    member e.NewLabel() =
        labels <- labels + 1
        labels - 1

    member e.Mark(l: int) =
        flow.Label l
        code.Add(Cil.Label l)

    member e.Branch (o: OpCode) (l: int) =
        if not (coldLabels.Contains l) then
            flow.Branch(l, (o = OpCodes.Br))

        code.Add(Cil.Branch(o, l))

    member e.ColdLabel key =
        match cold.TryGetValue key with
        | true, l -> l
        | _ ->
            let l = e.NewLabel()
            cold[key] <- l
            coldLabels.Add l |> ignore
            coldOrder.Add key
            l

    /// The label of a cold block that a family writes itself, once per key: gas is in its local, and the block must leave (throw, return or branch away).
    member e.ColdNamed (key: string) (write: unit -> unit) =
        named.TryAdd(key, write) |> ignore
        e.ColdLabel(Named key)

    member e.WriteNamed(key: string) = named[key]()

    /// A CIL local for use until it is released.
    member e.Alloc(t: CilType) =
        let pool = free[int t]
        if pool.Count > 0 then pool.Pop() else e.Declare t

    member e.Release (t: CilType) (slot: int) = free[int t].Push slot

    member e.AtContext(offset: int) =
        e.Add(Cil.Ldarg 0)

        if offset <> 0 then
            e.Add(Cil.LdcI4 offset)
            e.Op OpCodes.Add

    member e.CallRt(name: string) = e.Add(Cil.Call(Methods.Rt name))

    member e.CallNum(name: string) = e.Add(Cil.Call(Methods.Num name))

    member e.Ldc (ty: CilType) (bits: int64) =
        match ty with
        | CilType.I4 -> e.Add(Cil.LdcI4(int bits))
        | CilType.I8 -> e.Add(Cil.LdcI8 bits)
        | CilType.V128 -> e.LdcVector bits 0L
        | CilType.R4 ->
            if Single.IsNaN(BitConverter.Int32BitsToSingle(int bits)) then
                e.Add(Cil.LdcI8(int64 (ctx.ConstCell(bits &&& 0xFFFFFFFFL))))
                e.Op OpCodes.Conv_I
                e.Op OpCodes.Ldind_R4
            else
                e.Add(Cil.LdcR4(int bits))
        | _ ->
            if Double.IsNaN(BitConverter.Int64BitsToDouble bits) then
                e.Add(Cil.LdcI8(int64 (ctx.ConstCell bits)))
                e.Op OpCodes.Conv_I
                e.Op OpCodes.Ldind_R8
            else
                e.Add(Cil.LdcR8 bits)

    member e.LdcVector (low: int64) (high: int64) =
        if low = 0L && high = 0L then
            e.Add(Cil.Call VectorCode.zero)
        else
            e.Add(Cil.LdcI8 low)
            e.Add(Cil.LdcI8 high)
            e.Add(Cil.Call VectorCode.ofHalves)
            e.Add(Cil.Call(VectorCode.cast typeof<int64> typeof<byte>))

    /// A vector on the CIL stack as one of other lanes: no instruction for the processor. A cast and its opposite are none at all.
    member e.Cast(m: MethodInfo) =
        let types = m.GetGenericArguments()

        match code[code.Count - 1] with
        | Cil.Call last when VectorCode.isCast last && last.GetGenericArguments()[0] = types[1] && last.GetGenericArguments()[1] = types[0] ->
            code.RemoveAt(code.Count - 1)
        | _ -> e.Add(Cil.Call m)

    member e.Not32() =
        e.Add(Cil.LdcI4 0)
        e.Op OpCodes.Ceq

    member e.NativeConst(v: int64) =
        if v >= 0L && v <= 0x7FFFFFFFL then
            e.Add(Cil.LdcI4(int v))
            e.Op OpCodes.Conv_I
        else
            e.Add(Cil.LdcI8 v)
            e.Op OpCodes.Conv_I

    member e.Ldind(ty: CilType) =
        match ty with
        | CilType.I4 -> e.Op OpCodes.Ldind_I4
        | CilType.I8 -> e.Op OpCodes.Ldind_I8
        | CilType.R4 -> e.Op OpCodes.Ldind_R4
        | CilType.R8 -> e.Op OpCodes.Ldind_R8
        | CilType.V128 -> e.Add Cil.LoadVector
        | _ -> e.Op OpCodes.Ldind_I

    member e.Stind(ty: CilType) =
        match ty with
        | CilType.I4 -> e.Op OpCodes.Stind_I4
        | CilType.I8 -> e.Op OpCodes.Stind_I8
        | CilType.R4 -> e.Op OpCodes.Stind_R4
        | CilType.R8 -> e.Op OpCodes.Stind_R8
        | CilType.V128 -> e.Add Cil.StoreVector
        | _ -> e.Op OpCodes.Stind_I

    /// Integer bits as a float, by way of memory: RyuJIT (of .NET 10.0) folds a bit cast of a narrow load into a load of the float's whole
    /// width, which reads bytes beyond the access that was checked.
    member e.ReinterpretBits from into =
        let slot = e.Alloc from
        e.Add(Cil.Stloc slot)
        e.AtContext InstanceBlock.ScratchOffset
        e.Add(Cil.Ldloc slot)
        e.Op OpCodes.Volatile
        e.Stind from
        e.AtContext InstanceBlock.ScratchOffset
        e.Op OpCodes.Volatile
        e.Ldind into
        e.Release from slot

    member e.Hide(ty: CilType) =
        if ty = CilType.I4 || ty = CilType.I8 then
            let slot = e.Alloc ty
            e.Add(Cil.Stloc slot)
            e.AtContext InstanceBlock.ScratchOffset
            e.Add(Cil.Ldloc slot)
            e.Op OpCodes.Volatile
            e.Stind ty
            e.AtContext InstanceBlock.ScratchOffset
            e.Op OpCodes.Volatile
            e.Ldind ty
            e.Release ty slot
