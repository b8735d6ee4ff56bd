namespace Twofold.Wasm.Interpreter

// Where the fields of generated struct classes lie, so that the interpreter reads and writes them without generated code.
// In: a struct's class. Out: byte offsets from the start of an object's data, measured once on an object of the class.

open System
open System.Reflection
open System.Reflection.Emit
open System.Runtime.CompilerServices
open Twofold.Wasm
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

module internal Fields =
    let private offsetOf =
        typeof<InterpGc>.GetMethod("OffsetOf", BindingFlags.Static ||| BindingFlags.Public ||| BindingFlags.NonPublic)

    let private measure (c: StructClass) : int[] =
        let offsets = Array.zeroCreate<int> c.Fields.Length
        let m = Emit.newMethod "wasm-fields" typeof<Void> [| typeof<obj>; typeof<int[]> |]
        let il = m.GetILGenerator()

        c.Fields
        |> Array.iteri (fun k field ->
            il.Emit OpCodes.Ldarg_1
            il.Emit(OpCodes.Ldc_I4, k)
            il.Emit OpCodes.Ldarg_0
            il.Emit OpCodes.Ldarg_0
            il.Emit(OpCodes.Ldflda, field)
            il.Emit(OpCodes.Call, offsetOf)
            il.Emit OpCodes.Stelem_I4)

        il.Emit OpCodes.Ret
        let run = m.CreateDelegate typeof<Action<obj, int[]>> :?> Action<obj, int[]>
        run.Invoke(RuntimeHelpers.GetUninitializedObject c.Type, offsets)
        offsets

    let structOf (c: StructClass) (fields: FieldType[]) : InterpStruct =
        InterpStruct(
            c.Type,
            (if fields.Length = 0 then [||] else measure c),
            fields |> Array.map (fun f -> TranslateObjects.storage f.Storage),
            GasSchedule.structBytes fields
        )
