namespace Twofold.Wasm.Compiler

// CIL to machine code: one DynamicMethod a function, compiled by RyuJIT at full optimisation at once, collectable with its module.
// In: a CilFunc. Out: a DynamicMethod and its entry point. The one place that talks to ILGenerator for guest code.

open System
open System.Reflection
open System.Reflection.Emit
open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open Twofold.Wasm

module Emit =
    let clrType (t: CilType) =
        match t with
        | CilType.I4 -> typeof<int>
        | CilType.I8 -> typeof<int64>
        | CilType.R4 -> typeof<float32>
        | CilType.R8 -> typeof<double>
        | CilType.Native -> typeof<nativeint>
        | CilType.Obj -> typeof<obj>
        | CilType.V128 -> typeof<Vector128<byte>>
        | _ -> typeof<Void>

    let private home = typeof<Rt>.Module

    let private descriptorOf =
        let get = typeof<DynamicMethod>.GetMethod("GetMethodDescriptor", BindingFlags.Instance ||| BindingFlags.NonPublic)

        fun (m: DynamicMethod) -> get.Invoke(m, null) :?> RuntimeMethodHandle

    /// Compiles a finished method and gives its entry point; the method must be kept alive as long as that is used.
    let entryPoint (m: DynamicMethod) : nativeint =
        let handle = descriptorOf m
        RuntimeHelpers.PrepareMethod handle
        handle.GetFunctionPointer()

    /// A method in the runtime's own module, which may see its internals.
    let newMethod (name: string) (result: Type) (parameters: Type[]) =
        DynamicMethod(name, result, parameters, home, true, InitLocals = false)

    let calli (il: ILGenerator) (s: CilSig) =
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, clrType s.Result, Array.map clrType s.Params, null)

    let ldarg (il: ILGenerator) (i: int) =
        match i with
        | 0 -> il.Emit OpCodes.Ldarg_0
        | 1 -> il.Emit OpCodes.Ldarg_1
        | 2 -> il.Emit OpCodes.Ldarg_2
        | 3 -> il.Emit OpCodes.Ldarg_3
        | i when i < 256 -> il.Emit(OpCodes.Ldarg_S, byte i)
        | i -> il.Emit(OpCodes.Ldarg, int16 i)

    let loadVector (il: ILGenerator) =
        il.Emit(OpCodes.Unaligned, 1uy)
        il.Emit(OpCodes.Ldobj, typeof<Vector128<byte>>)

    let storeVector (il: ILGenerator) =
        il.Emit(OpCodes.Unaligned, 1uy)
        il.Emit(OpCodes.Stobj, typeof<Vector128<byte>>)

    let internal ldind (il: ILGenerator) (t: CilType) =
        match t with
        | CilType.I4 -> il.Emit OpCodes.Ldind_I4
        | CilType.I8 -> il.Emit OpCodes.Ldind_I8
        | CilType.R4 -> il.Emit OpCodes.Ldind_R4
        | CilType.R8 -> il.Emit OpCodes.Ldind_R8
        | _ -> loadVector il

    let internal stind (il: ILGenerator) (t: CilType) =
        match t with
        | CilType.I4 -> il.Emit OpCodes.Stind_I4
        | CilType.I8 -> il.Emit OpCodes.Stind_I8
        | CilType.R4 -> il.Emit OpCodes.Stind_R4
        | CilType.R8 -> il.Emit OpCodes.Stind_R8
        | _ -> storeVector il

    /// The address of the store's area for results after the first; the argument with this number is the context.
    let internal resultAt (il: ILGenerator) (context: int) k =
        ldarg il context
        il.Emit OpCodes.Ldind_I
        il.Emit(OpCodes.Ldc_I4, StoreBlock.ResultsOffset + 16 * k)
        il.Emit OpCodes.Add

    let private instruction (il: ILGenerator) (self: DynamicMethod) (locals: LocalBuilder[]) (labels: Label[]) (c: Cil) =
        match c with
        | Cil.Ldarg i -> ldarg il i
        | Cil.Starg i -> if i < 256 then il.Emit(OpCodes.Starg_S, byte i) else il.Emit(OpCodes.Starg, int16 i)
        | Cil.Ldloc i -> il.Emit(OpCodes.Ldloc, locals[i])
        | Cil.Ldloca i -> il.Emit(OpCodes.Ldloca, locals[i])
        | Cil.Stloc i -> il.Emit(OpCodes.Stloc, locals[i])
        | Cil.LdcI4 v -> il.Emit(OpCodes.Ldc_I4, v)
        | Cil.LdcI8 v -> il.Emit(OpCodes.Ldc_I8, v)
        | Cil.LdcR4 b -> il.Emit(OpCodes.Ldc_R4, BitConverter.Int32BitsToSingle b)
        | Cil.LdcR8 b -> il.Emit(OpCodes.Ldc_R8, BitConverter.Int64BitsToDouble b)
        | Cil.Op o -> il.Emit o
        | Cil.LoadVector -> loadVector il
        | Cil.StoreVector -> storeVector il
        | Cil.Label l -> il.MarkLabel labels[l]
        | Cil.Branch(o, l) -> il.Emit(o, labels[l])
        | Cil.Switch ls -> il.Emit(OpCodes.Switch, Array.map (fun l -> labels[l]) ls)
        | Cil.Call m -> il.Emit(OpCodes.Call, m)
        | Cil.Field(o, f) -> il.Emit(o, f)
        | Cil.Elem(o, t) -> il.Emit(o, t)
        | Cil.Newobj c -> il.Emit(OpCodes.Newobj, c)
        | Cil.CallSelf tail ->
            if tail then
                il.Emit OpCodes.Tailcall

            il.Emit(OpCodes.Call, self)
        | Cil.Calli(s, tail) ->
            if tail then
                il.Emit OpCodes.Tailcall

            calli il s

    /// The method of a lowered function, not compiled yet.
    let define (f: CilFunc) : DynamicMethod =
        let m = newMethod f.Name (clrType f.Sig.Result) (Array.map clrType f.Sig.Params)
        let il = m.GetILGenerator(64 + 4 * f.Code.Length)
        let locals = f.Locals |> Array.map (fun t -> il.DeclareLocal(clrType t))
        let labels = Array.init f.Labels (fun _ -> il.DefineLabel())

        for c in f.Code do
            instruction il m locals labels c

        m
