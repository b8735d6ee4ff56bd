namespace Twofold.Wasm.Interpreter

// A module's code for the interpreter: functions are translated when they are first called, and freed with the module.
// In: a ValidModule. Out: InterpFuncs in a native table; entry points for those who call from compiled code; positions of ends.

open System
open System.Collections.Generic
open System.Reflection.Emit
open System.Runtime.InteropServices
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

type internal InterpretedCode(valid: ValidModule, mode: InterpMode) as this =
    inherit ModuleCode(valid)

    static do
        InterpCalls.Describe <- Func<_, _>(InterpreterThunks.describe)
        Chain.configure ()

    let count = valid.Module.Functions.Length
    let gate = obj ()
    let infos: InterpInfo[] = Array.zeroCreate count
    let methods: DynamicMethod[] = Array.zeroCreate count
    let allocated = List<nativeint>()
    let classes = StructClasses valid.Module.Types
    let structs: InterpStruct[] = Array.zeroCreate valid.Module.Types.Length

    let structOf index =
        match Volatile.Read &structs[index] with
        | null ->
            let made = Fields.structOf (classes.Of index) (InstrTypes.fieldsOf valid.Module.Types index)
            Volatile.Write(&structs[index], made)
            made
        | known -> known

    let zeroed n =
        NativeMemory.AllocZeroed(unativeint n) |> NativeInterop.NativePtr.ofVoidPtr<byte> |> NativeInterop.NativePtr.toNativeInt

    let funcs = zeroed (max 1 count * sizeof<InterpFunc>)
    let table = zeroed (8 * max 1 count)
    let funcAt index = funcs + nativeint (index * sizeof<InterpFunc>)

    do
        this.Table <- table

        if mode = InterpMode.Chain then
            InterpChain.Start()

        for k in 0 .. count - 1 do
            Marshal.WriteInt32(funcAt k + Marshal.OffsetOf<InterpFunc> "Index", k)

    let erased index =
        let t = valid.FuncTypes[valid.ImportedFuncs + index]
        let canonical = Array.map (fun (v: ValType) -> valid.Types.Canonical v)
        References.erase { Params = canonical t.Params; Results = canonical t.Results }

    let known index =
        Volatile.Read(NativeInterop.NativePtr.toByRef (NativeInterop.NativePtr.ofNativeInt<nativeint>(table + nativeint (8 * index))))

    /// The place in the module that a state of the loop stands for.
    let position (struct (func: nativeint, ip: nativeint)) : CodePosition voption =
        let at = func - funcs

        // Frames of other modules, and ends before any function ran, have no place in this one.
        if at < 0n || at >= nativeint (count * sizeof<InterpFunc>) then
            ValueNone
        else
            let index = int at / sizeof<InterpFunc>

            ValueSome {
                Function = valid.ImportedFuncs + index
                Offset = infos[index].Offsets[int ((ip - Marshal.ReadIntPtr func) / 16n)]
            }

    /// The words of a function: for tests and for people who want to see them.
    member _.Translated index = Translate.func valid this.Layout (Prepare.func valid index) funcAt structOf

    override this.Translate index =
        lock gate (fun () ->
            if isNull infos[index] then
                let prepared = Prepare.func valid index
                let made = Translate.func valid this.Layout prepared funcAt structOf
                infos[index] <- made.Info

                allocated.Add(
                    InterpFunc.Publish(
                        funcAt index,
                        made.Words,
                        prepared.FrameUnits,
                        made.ParamBytes,
                        made.LocalBytes,
                        made.FrameBytes,
                        made.RefParams,
                        made.RefSlots
                    )
                ))

    new(valid) = InterpretedCode(valid, InterpMode.Warm)

    override _.Mode = mode
    override _.Info index = infos[index]
    override _.Interpreted index = funcAt index
    // Whoever calls from compiled code looks for exceptions.
    override _.MayThrow = true
    override _.For _ = this
    override _.StructClass index = classes.Of index
    override _.Struct index = structOf index

    override this.CompileAll() =
        for k in 0 .. count - 1 do
            this.Translate k

    /// Only compiled code and typed delegates of hosts ask.
    override _.Resolve index =
        match known index with
        | 0n ->
            lock gate (fun () ->
                match known index with
                | 0n ->
                    let m = InterpreterThunks.entry (erased index) index
                    let entry = Emit.entryPoint m
                    methods[index] <- m

                    Volatile.Write(
                        NativeInterop.NativePtr.toByRef (NativeInterop.NativePtr.ofNativeInt<nativeint>(table + nativeint (8 * index))),
                        entry
                    )

                    entry
                | entry -> entry)
        | entry -> entry

    override _.Where(store, ending) =
        match store.Interp with
        | null -> ValueNone
        | stack ->
            let state =
                match ending with
                | RunEnd.Uncaught _ -> ValueSome stack.Thrown
                | RunEnd.Returned _
                | RunEnd.Fault _ -> ValueNone
                | _ -> ValueSome stack.End

            match state with
            | ValueSome s -> position s
            | ValueNone -> ValueNone

    override _.Callers store =
        match store.Interp with
        | null -> [||]
        | stack ->
            stack.EndCallers()
            |> Array.choose (fun s ->
                match position s with
                | ValueSome p -> Some p
                | ValueNone -> None)

    override _.Finalize() =
        // Whoever can still run this code holds this object.
        for p in allocated do
            NativeMemory.AlignedFree(NativeInterop.NativePtr.toVoidPtr (NativeInterop.NativePtr.ofNativeInt<byte> p))

        NativeMemory.Free(NativeInterop.NativePtr.toVoidPtr (NativeInterop.NativePtr.ofNativeInt<byte> funcs))
        NativeMemory.Free(NativeInterop.NativePtr.toVoidPtr (NativeInterop.NativePtr.ofNativeInt<byte> table))
