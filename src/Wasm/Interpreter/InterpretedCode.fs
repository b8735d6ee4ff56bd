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
    let methods: DynamicMethod[] = Array.zeroCreate count
    let classes = StructClasses valid.Module.Types

    let table =
        NativeMemory.AllocZeroed(unativeint (8 * max 1 count))
        |> NativeInterop.NativePtr.ofVoidPtr<byte>
        |> NativeInterop.NativePtr.toNativeInt

    let code = TranslatedCode(valid, Layout.ofModule valid, classes, (fun _ -> null))

    do
        this.Table <- table

        if mode = InterpMode.Chain then
            InterpChain.Start()

    let known index =
        Volatile.Read(NativeInterop.NativePtr.toByRef (NativeInterop.NativePtr.ofNativeInt<nativeint>(table + nativeint (8 * index))))

    /// The words of a function: for tests and for people who want to see them.
    member _.Translated index = code.Words(index, Prepare.func valid index)

    override _.Translate index =
        if not (code.IsPublished index) then
            code.Publish(index, Prepare.func valid index, 0n, 0n)

    new(valid) = InterpretedCode(valid, InterpMode.Warm)

    override _.Mode = mode
    override _.Info index = code.Info index
    override _.Interpreted index = code.Func index
    // Whoever calls from compiled code looks for exceptions.
    override _.MayThrow = true
    override _.For _ = this
    override _.StructClass index = classes.Of index
    override _.Struct index = code.Struct index

    override this.CompileAll() =
        for k in 0 .. count - 1 do
            this.Translate k

    /// Only compiled code and typed delegates of hosts ask.
    override this.Resolve index =
        match known index with
        | 0n ->
            lock gate (fun () ->
                match known index with
                | 0n ->
                    let m = InterpreterThunks.entry (this.Erased index) (Entered.Function index)
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
            | ValueSome s -> code.Position s
            | ValueNone -> ValueNone

    override _.Callers store =
        match store.Interp with
        | null -> [||]
        | stack ->
            stack.EndCallers()
            |> Array.choose (fun s ->
                match code.Position s with
                | ValueSome p -> Some p
                | ValueNone -> None)

    override _.Finalize() =
        // Whoever can still run this code holds this object.
        NativeMemory.Free(NativeInterop.NativePtr.toVoidPtr (NativeInterop.NativePtr.ofNativeInt<byte> table))
