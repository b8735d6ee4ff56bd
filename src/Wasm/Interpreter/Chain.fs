namespace Twofold.Wasm.Interpreter

// Handlers of the interpreter's chain: the steps of InterpSteps, each with a jump to the next word's handler.
// In: an operation's number. Out: its handler's address, or 0 for those that are the loop's alone.
//
//   handler(ip, fp, ctx, gas, run, table):  if step(...) then ip += 16; tail call table[ip->Op](ip, fp, ctx, gas, run, table)  else leave(...)

open System
open System.Collections.Generic
open System.Reflection
open System.Reflection.Emit
open System.Runtime.CompilerServices
open Twofold.Wasm
open Twofold.Wasm.Compiler

module internal Chain =
    // ip, fp, ctx, gas, run, table: as many as x64 has registers for outside Windows.
    let private parameters = [|
        typeof<nativeint>
        typeof<nativeint>
        typeof<nativeint>
        typeof<int64>
        typeof<nativeint>
        typeof<nativeint>
    |]

    /// Branches and calls of the loop before handlers are compiled: a few milliseconds, which is a part of what compiling them takes.
    let private cold = 200_000

    // Handlers live as long as the process.
    let private kept = List<DynamicMethod>()

    let private all = BindingFlags.Static ||| BindingFlags.Public

    let private passArguments (il: ILGenerator) =
        for k in 0..5 do
            il.Emit(OpCodes.Ldarg_S, byte k)

    let private call (il: ILGenerator) (m: MethodInfo) =
        for p in m.GetParameters() do
            let byReference = p.ParameterType.IsByRef

            let index =
                match p.Name with
                | "w"
                | "ip" -> 0
                | "fp" -> 1
                | "ctx" -> 2
                | "gas" -> 3
                | "s" -> 4
                | other -> invalidOp $"a step has no parameter {other}"

            // The run is behind an address already.
            il.Emit((if byReference && index <> 4 then OpCodes.Ldarga_S else OpCodes.Ldarg_S), byte index)

        il.Emit(OpCodes.Call, m)

    let private next (il: ILGenerator) =
        passArguments il
        il.Emit(OpCodes.Ldarg_S, 5uy)
        il.Emit OpCodes.Ldarg_0
        il.Emit OpCodes.Ldind_U2
        il.Emit OpCodes.Conv_U
        il.Emit OpCodes.Ldc_I4_8
        il.Emit OpCodes.Conv_U
        il.Emit OpCodes.Mul
        il.Emit OpCodes.Add
        il.Emit OpCodes.Ldind_I
        il.Emit OpCodes.Tailcall
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof<Void>, parameters, null)
        il.Emit OpCodes.Ret

    let private compile (name: string) (body: ILGenerator -> unit) : nativeint =
        let m = Emit.newMethod name typeof<Void> parameters
        body (m.GetILGenerator())
        lock kept (fun () -> kept.Add m)
        Emit.entryPoint m

    let private leave (il: ILGenerator) =
        call il (typeof<InterpSteps>.GetMethod("Leave", all))
        il.Emit OpCodes.Ret

    /// Steps one after the other, each with its own way back to the loop.
    let private steps (methods: MethodInfo list) (il: ILGenerator) =
        let out = il.DefineLabel()
        let mutable leaves = false

        for m in methods do
            call il m

            if m.ReturnType = typeof<bool> then
                leaves <- true
                il.Emit(OpCodes.Brfalse, out)

            // Others have gone on by themselves.
            if not (m.GetParameters() |> Array.exists (fun p -> p.Name = "ip")) then
                il.Emit OpCodes.Ldarg_0
                il.Emit(OpCodes.Ldc_I4, 16)
                il.Emit OpCodes.Conv_I
                il.Emit OpCodes.Add
                il.Emit(OpCodes.Starg_S, 0uy)

        next il

        if leaves then
            il.MarkLabel out
            leave il

    let private handler (number: int) : nativeint =
        if number = int IOp.Count then
            compile "interpreter-leave" leave
        else
            let methods =
                Fuse.operations number
                |> List.map (fun struct (op, x) ->
                    if x < 0 then
                        typeof<InterpSteps>.GetMethod(string op, all)
                    else
                        typeof<InterpVecSteps>.GetMethod($"V%03X{x}", all))

            if methods.IsEmpty || List.exists isNull methods then
                0n
            else
                compile $"interpreter-{number}" (steps methods)

    /// The interpreter may make a chain from now on, if this runtime compiles at all.
    let configure () =
        let cold = if RuntimeFeature.IsDynamicCodeCompiled then cold else 0
        InterpChain.Configure(Func<_, _> handler, Fuse.firsts, cold)

    /// Makes the chain now, for tests and benchmarks.
    let start () =
        configure ()
        InterpChain.Start()
