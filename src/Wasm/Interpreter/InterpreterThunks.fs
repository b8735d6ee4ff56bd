namespace Twofold.Wasm.Interpreter

// The small methods between the interpreter and compiled code or typed host functions, one per signature: out of the loop and into it.
// In: function types. Out: delegates and entry points; nothing here is needed by a guest whose host functions take words or values.

open System
open System.Collections.Concurrent
open System.Reflection
open System.Reflection.Emit
open Twofold.Wasm
open Twofold.Wasm.Compiler

/// Which function an entry point of compiled code's calling convention enters.
[<RequireQualifiedAccess>]
type internal Entered =
    /// The callee's instance's, by index.
    | Function of index: int
    /// The same; as soon as the cell holds machine code it is called instead.
    | Tiered of index: int * cell: nativeint
    /// The one that StoreBlock.Entering names.
    | Next

module internal InterpreterThunks =
    let private any = BindingFlags.Static ||| BindingFlags.Instance ||| BindingFlags.Public ||| BindingFlags.NonPublic

    let private calls name =
        match typeof<InterpCalls>.GetMethod(name, any) with
        | null -> invalidOp $"InterpCalls.{name} is missing"
        | m -> m

    let private places (types: ValType[]) =
        let mutable slot = 0
        let mutable ref = 0

        types
        |> Array.map (fun t ->
            let at = struct (slot, ref)
            if t.IsRef then ref <- ref + 1 else slot <- slot + Words.Bytes t
            at)

    /// The address of a word of the frame whose start the argument or local loads.
    let private at (il: ILGenerator) (load: unit -> unit) (offset: int) =
        load ()

        if offset <> 0 then
            il.Emit(OpCodes.Ldc_I4, offset)
            il.Emit OpCodes.Add

    let private leaveBody (il: ILGenerator) (t: FuncType) (frame: bool) =
        let slots () = Emit.ldarg il 4

        let reference k =
            Emit.ldarg il 5

            if k <> 0 then
                il.Emit(OpCodes.Ldc_I4, k)
                il.Emit OpCodes.Add

        Emit.ldarg il 2
        Emit.ldarg il 3

        if frame then
            Emit.ldarg il 4
            Emit.ldarg il 5
        else
            Array.iter2
                (fun (p: ValType) (struct (slot, ref)) ->
                    if p.IsRef then
                        Emit.ldarg il 0
                        reference ref
                        il.Emit(OpCodes.Call, calls "GetReference")
                    else
                        at il slots slot
                        Emit.ldind il (Signatures.cilType p))
                t.Params
                (places t.Params)

        Emit.ldarg il 1
        Emit.calli il (if frame then Signatures.loopSignature t else Signatures.signature t)
        let ended = il.DefineLabel()

        if t.Results.Length > 0 then
            let first = il.DeclareLocal(Emit.clrType (Signatures.cilType t.Results[0]))
            il.Emit(OpCodes.Stloc, first)
            // With an exception on its way there are no results.
            Emit.ldarg il 2
            il.Emit OpCodes.Ldind_I
            il.Emit(OpCodes.Ldc_I4, StoreBlock.PendingOffset)
            il.Emit OpCodes.Add
            il.Emit OpCodes.Ldind_I
            il.Emit(OpCodes.Brtrue, ended)

            let destinations = places t.Results

            for k in 0 .. t.Results.Length - 1 do
                let r = t.Results[k]
                let struct (slot, ref) = destinations[k]
                let c = Signatures.cilType r

                let value () =
                    if k = 0 then
                        il.Emit(OpCodes.Ldloc, first)
                    elif r.IsRef then
                        Emit.ldarg il 2
                        il.Emit(OpCodes.Ldc_I4, k)
                        il.Emit(OpCodes.Call, typeof<Rt>.GetMethod("TakeRefResult", any))
                    else
                        Emit.resultAt il 2 k
                        Emit.ldind il c

                if r.IsRef then
                    Emit.ldarg il 0
                    reference ref
                    value ()
                    il.Emit(OpCodes.Call, calls "SetReference")
                else
                    at il slots slot
                    value ()
                    Emit.stind il c

        il.MarkLabel ended
        il.Emit OpCodes.Ret

    let private made = ConcurrentDictionary<struct (FuncType * bool), Lazy<DynamicMethod>>()
    let private delegates = ConcurrentDictionary<FuncType, Lazy<InterpLeave>>()

    /// (stack, code, context, units, slots, refs): a call of an entry point with the frame's arguments, or with the frame itself (Signatures.loopSignature).
    let private leaving (t: FuncType) (frame: bool) : DynamicMethod =
        made
            .GetOrAdd(
                struct (t, frame),
                fun _ ->
                    lazy
                        (let m =
                            Emit.newMethod "wasm-interpreter-leave" typeof<Void> [|
                                typeof<InterpStack>
                                typeof<nativeint>
                                typeof<nativeint>
                                typeof<int>
                                typeof<nativeint>
                                typeof<int>
                            |]

                         leaveBody (m.GetILGenerator()) t frame
                         m)
            )
            .Value

    let leave (t: FuncType) : Lazy<InterpLeave> =
        delegates.GetOrAdd(t, (fun t -> lazy ((leaving t false).CreateDelegate typeof<InterpLeave> :?> InterpLeave)))

    /// The same as an address, for a function or for a loop of one.
    let leaveAddress (t: FuncType) (frame: bool) : nativeint = Emit.entryPoint (leaving t frame)

    /// An entry point of compiled code's calling convention for a function of the interpreter's.
    let entry (t: FuncType) (entered: Entered) : DynamicMethod =
        let s = Signatures.signature t
        let m = Emit.newMethod "wasm-interpreter-entry" (Emit.clrType s.Result) (Array.map Emit.clrType s.Params)
        let il = m.GetILGenerator()
        let frame = il.DeclareLocal typeof<nativeint>
        let slots () = il.Emit(OpCodes.Ldloc, frame)

        match entered with
        | Entered.Tiered(_, cell) ->
            let interpreted = il.DefineLabel()

            let machine () =
                il.Emit(OpCodes.Ldc_I8, int64 cell)
                il.Emit OpCodes.Conv_I
                il.Emit OpCodes.Volatile
                il.Emit OpCodes.Ldind_I

            machine ()
            il.Emit(OpCodes.Brfalse, interpreted)

            for k in 0 .. s.Params.Length - 1 do
                Emit.ldarg il k

            // Written once, never taken back.
            machine ()
            Emit.calli il s
            il.Emit OpCodes.Ret
            il.MarkLabel interpreted
        | _ -> ()

        Emit.ldarg il 0
        il.Emit(OpCodes.Call, calls "EntrySlots")
        il.Emit(OpCodes.Stloc, frame)

        places t.Params
        |> Array.iteri (fun k (struct (slot, ref)) ->
            if t.Params[k].IsRef then
                Emit.ldarg il 0
                il.Emit(OpCodes.Ldc_I4, ref)
                Emit.ldarg il (k + 2)
                il.Emit(OpCodes.Call, calls "EntryReference")
            else
                at il slots slot
                Emit.ldarg il (k + 2)
                Emit.stind il (Signatures.cilType t.Params[k]))

        Emit.ldarg il 0
        Emit.ldarg il 1

        match entered with
        | Entered.Function index
        | Entered.Tiered(index, _) ->
            il.Emit(OpCodes.Ldc_I4, index)
            il.Emit(OpCodes.Call, calls "EntryRun")
        | Entered.Next ->
            Emit.ldarg il 0
            il.Emit OpCodes.Ldind_I
            il.Emit(OpCodes.Ldc_I4, StoreBlock.EnteringOffset)
            il.Emit OpCodes.Add
            il.Emit OpCodes.Ldind_I
            il.Emit(OpCodes.Call, calls "EntryRunNext")

        let destinations = places t.Results

        let load k =
            let struct (slot, ref) = destinations[k]

            if t.Results[k].IsRef then
                Emit.ldarg il 0
                il.Emit(OpCodes.Ldc_I4, ref)
                il.Emit(OpCodes.Call, calls "EntryResult")
            else
                at il slots slot
                Emit.ldind il (Signatures.cilType t.Results[k])

        for k in 1 .. t.Results.Length - 1 do
            if t.Results[k].IsRef then
                Emit.ldarg il 0
                il.Emit(OpCodes.Ldc_I4, k)
                load k
                il.Emit(OpCodes.Call, typeof<Rt>.GetMethod("SetRefResult", any))
            else
                Emit.resultAt il 0 k
                load k
                Emit.stind il (Signatures.cilType t.Results[k])

        if t.Results.Length > 0 then
            load 0

        il.Emit OpCodes.Ret
        m

    let private shared = ConcurrentDictionary<FuncType, Lazy<struct (DynamicMethod * nativeint)>>()

    /// The entry point for every function of a type, for a call that comes right after StoreBlock.Entering was written.
    let next (t: FuncType) : nativeint =
        let struct (_, entry) =
            shared
                .GetOrAdd(
                    t,
                    fun t ->
                        lazy
                            (let m = entry t Entered.Next
                             struct (m, Emit.entryPoint m))
                )
                .Value

        entry

    /// How the interpreter calls a function.
    let describe (f: Function) : InterpSignature =
        let t = References.erased f
        InterpSignature(Array.map Thunks.kindOf t.Params, Array.map Thunks.kindOf t.Results, leave t)
