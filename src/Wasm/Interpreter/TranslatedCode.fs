namespace Twofold.Wasm.Interpreter

// The interpreter's side of a module: functions are translated when they are first called, and freed with their owner.
// In: a ValidModule, prepared functions. Out: InterpFuncs in a native table at places that never change; what is known of each beside its code.

open System.Collections.Generic
open System.Runtime.InteropServices
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

/// `heat` gives what counts a function's calls and loops; null where the interpreter is alone.
type internal TranslatedCode(valid: ValidModule, layout: Layout, classes: StructClasses, heat: int -> HeatPlan) =
    let count = valid.Module.Functions.Length
    let gate = obj ()
    let infos: InterpInfo[] = Array.zeroCreate count
    let loops: struct (int * int)[][] = Array.zeroCreate count
    let allocated = List<nativeint>()
    let structs: InterpStruct[] = Array.zeroCreate valid.Module.Types.Length

    let structOf index =
        match Volatile.Read &structs[index] with
        | null ->
            let made = Fields.structOf (classes.Of index) (InstrTypes.fieldsOf valid.Module.Types index)
            Volatile.Write(&structs[index], made)
            made
        | known -> known

    let funcs =
        NativeMemory.AllocZeroed(unativeint (max 1 count * sizeof<InterpFunc>))
        |> NativeInterop.NativePtr.ofVoidPtr<byte>
        |> NativeInterop.NativePtr.toNativeInt

    let funcAt index = funcs + nativeint (index * sizeof<InterpFunc>)

    do
        for k in 0 .. count - 1 do
            Marshal.WriteInt32(funcAt k + Marshal.OffsetOf<InterpFunc> "Index", k)

    /// The InterpFunc of a defined function.
    member _.Func index = funcAt index

    member _.Struct index = structOf index

    /// Null while it is not translated. It is there before the code is.
    member _.Info index = Volatile.Read &infos[index]

    /// Whether the function may be called: its code is the last thing that is written.
    member _.IsPublished index =
        Volatile.Read(NativeInterop.NativePtr.toByRef (NativeInterop.NativePtr.ofNativeInt<nativeint>(funcAt index))) <> 0n

    /// Loops of a translated function that can be left, by number: indices of their instructions and of the words that count them.
    member _.Loops index = loops[index]

    /// The words of a prepared function, for `Publish` or to look at.
    member _.Words(index: int, prepared: PreparedFunc) : Translated = Translate.func valid layout prepared funcAt structOf (heat index)

    /// Gives the function its code, once: others may call it at once. `native`, if there is one, is what it goes on in from its first word.
    member t.Publish(index: int, prepared: PreparedFunc, native: nativeint, leave: nativeint) =
        lock gate (fun () ->
            if isNull infos[index] then
                let made = t.Words(index, prepared)
                loops[index] <- made.Loops
                Volatile.Write(&infos[index], made.Info)

                if native <> 0n then
                    InterpFunc.Join(funcAt index, native, leave)
                    made.Words[0].Op <- uint16 IOp.Native

                allocated.Add(
                    InterpFunc.Publish(
                        funcAt index,
                        made.Words,
                        prepared.FrameUnits,
                        made.ParamBytes,
                        made.LocalBytes,
                        made.FrameBytes,
                        made.RefParams,
                        made.RefSlots,
                        made.RefResults
                    )
                ))

    /// Native memory that lives as long as the code does.
    member _.Allocate(bytes: int) : nativeint =
        lock gate (fun () ->
            let p =
                NativeMemory.AlignedAlloc(unativeint bytes, 16un)
                |> NativeInterop.NativePtr.ofVoidPtr<byte>
                |> NativeInterop.NativePtr.toNativeInt

            NativeMemory.Clear(NativeInterop.NativePtr.toVoidPtr (NativeInterop.NativePtr.ofNativeInt<byte> p), unativeint bytes)
            allocated.Add p
            p)

    /// The place in the module that a state of the loop stands for.
    member _.Position(struct (func: nativeint, ip: nativeint)) : CodePosition voption =
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

    override _.Finalize() =
        // Whoever can still run this code holds its owner, and the owner this object.
        for p in allocated do
            NativeMemory.AlignedFree(NativeInterop.NativePtr.toVoidPtr (NativeInterop.NativePtr.ofNativeInt<byte> p))

        NativeMemory.Free(NativeInterop.NativePtr.toVoidPtr (NativeInterop.NativePtr.ofNativeInt<byte> funcs))
