namespace Twofold.Wasm.Compiler

// A module in both tiers: functions are interpreted when they are first called, and compiled when they have got hot.
// In: a ValidModule, when to switch. Out: InterpFuncs whose words count, and machine code in CompiledCode's table as it comes.
//
//   calls     a function's first word counts down; at the end it asks for the function. Once that is compiled the word leads into it, compiled callers
//             find it in the table, and thunks that were given out before look there first
//   loops     the word after a loop's charge counts iterations; at the end it asks for a method that begins at that loop (Lower.loop), and once there is one
//             the frame goes on in it: operands lie below no such loop, so that locals are all that there is to take over
//   tail calls  between interpreted and compiled code would leave native frames behind: a function that makes any is compiled at its first call
//
// Gas, units, exceptions and traps are the same on both sides, so the moment of a switch shows in nothing but time.

open System
open System.Collections.Generic
open System.Reflection.Emit
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open Twofold.Wasm.Interpreter

/// When a module's functions go over to compiled code.
[<NoEquality; NoComparison>]
type internal TierPolicy = {
    /// Its name among policies.
    Tier: string
    /// Calls of a function (by its index) until it is asked for.
    Calls: int -> int
    /// Iterations of a loop (by the function's index and the loop's number) until it is asked for.
    Iterations: int -> int -> int
    /// On the guest's thread at that very moment, so that a test finds the same again; otherwise in the background.
    AtOnce: bool
    /// Who executes words.
    Mode: InterpMode
}

module internal TierPolicy =
    /// Reasoned from what compiling costs, and tried on commands: docs/RATIONALE.md, "Why interpret first, not compile at the first call?".
    let usual = {
        Tier = "hot"
        Calls = fun _ -> 400
        Iterations = fun _ _ -> 2_000
        AtOnce = false
        Mode = InterpMode.Background
    }

    /// After so many calls and iterations, at once: for tests.
    let after calls iterations mode = {
        Tier = $"after {calls} calls, {iterations} iterations, {mode}"
        Calls = fun _ -> calls
        Iterations = fun _ _ -> iterations
        AtOnce = true
        Mode = mode
    }

    /// The moments that tests force, of those that a run may meet by chance: never a function but each loop, everything at once, and between.
    let forced =
        lazy
            [
                after Int32.MaxValue 0 InterpMode.Chain
                after 0 0 InterpMode.Loop
                after 1 2 InterpMode.Loop
                after 2 1 InterpMode.Chain
            ]

    /// Each function and loop at a moment of its own, by a seed: for tests.
    let random (seed: int) (most: int) mode =
        let draw (a: int) (b: int) =
            let mutable h = uint32 seed * 0x9E3779B1u + uint32 a * 0x85EBCA77u + uint32 (b + 1) * 0xC2B2AE3Du
            h <- (h ^^^ (h >>> 15)) * 0x2C1B3C6Du
            h <- (h ^^^ (h >>> 12)) * 0x297A2D39u
            int ((h ^^^ (h >>> 15)) % uint32 (most + 1))

        {
            Tier = $"by seed {seed}, {mode}"
            Calls = fun index -> draw index -1
            Iterations = draw
            AtOnce = true
            Mode = mode
        }

/// One variant of a module's code, as CompiledCode's.
type internal TieredCode(valid: ValidModule, nan: NanPolicy, isOpen: bool, policy: TierPolicy) as this =
    inherit CompiledCode(valid, nan, isOpen)

    static do
        InterpCalls.Describe <- Func<_, _>(InterpreterThunks.describe)
        Chain.configure ()

    let count = valid.Module.Functions.Length
    let weak = lazy WeakReference<CodeSource>(this)
    let thunks: DynamicMethod[] = Array.zeroCreate count
    let thunkEntries: nativeint[] = Array.zeroCreate count
    let next: nativeint[] = Array.zeroCreate count
    /// More instructions than these take RyuJIT long.
    static let giant = 5_000

    // By function's index and loop's number: loops that were compiled, wishes that were put off.
    let loopsDone = HashSet<struct (int * int)>()
    let deferred = HashSet<struct (int * int)>()
    // Giants with a loop that is compiled.
    let giants: bool[] = Array.zeroCreate count

    let other = lazy (TieredCode(valid, nan, true, policy))

    /// Loops get their entries in the order of their numbers; a translation that begins again finds them there.
    let heat index =
        let entries = List<nativeint>()

        HeatPlan(
            policy.Calls index,
            policy.Iterations index,
            fun loop charge ->
                while entries.Count <= loop do
                    entries.Add(this.Interpreter.Allocate sizeof<LoopEntry>)

                LoopEntry.Begin(entries[loop], charge)
                entries[loop]
        )

    let interpreter = TranslatedCode(valid, Layout.ofModule valid, base.Classes, heat)

    do
        if policy.Mode = InterpMode.Chain then
            InterpChain.Start()

    static let tailCalls (f: PreparedFunc) =
        f.Code
        |> Array.exists (fun i ->
            match i.Op with
            | Op.ReturnCall
            | Op.ReturnCallIndirect
            | Op.ReturnCallRef -> true
            | _ -> false)

    let leave index frame = InterpreterThunks.leaveAddress (this.Erased index) frame

    /// A failure leaves the function where it is: in the interpreter.
    let attempt (compile: unit -> unit) =
        try
            compile ()
        with e when not (e :? ThreadInterruptedException) ->
            TieredCode.Failed e

    /// Some events later there is another wish.
    let again index loop (times: int) =
        let struct (word, events) =
            if loop < 0 then
                struct (0, policy.Calls index)
            else
                let struct (_, word) = interpreter.Loops(index)[loop]
                struct (word, policy.Iterations index loop)

        InterpFunc.Cool(interpreter.Func index, word, times * max 1 (min 1_000_000 events))

    /// The last thing that could not be compiled: for tests.
    static member val Failure: exn = null with get, set
    static member internal Failed e = TieredCode.Failure <- e

    member internal _.Interpreter: TranslatedCode = interpreter

    override _.Open = other.Value
    override _.Mode = policy.Mode
    override _.Info index = interpreter.Info index
    override _.Interpreted index = interpreter.Func index
    override _.Struct index = interpreter.Struct index

    override this.Translate index =
        if not (interpreter.IsPublished index) then
            let prepared = Prepare.func valid index
            let mutable native = 0n

            if tailCalls prepared then
                attempt (fun () -> native <- this.CompileNow index)

            interpreter.Publish(index, prepared, native, (if native = 0n then 0n else leave index false))

    override this.Hot(index, loop) =
        if policy.AtOnce then
            attempt (fun () -> this.Compile(index, loop))
        elif not (CompileQueue.Add(weak.Value, index, loop)) then
            again index loop 1

    /// Compiles a function, or the method that begins at one of its loops, and lets the interpreter go on in it. A loop whose function is compiled meanwhile
    /// has mostly run its last time in the interpreter, and a giant whose loop is compiled spends little there: the other of the two is put off once.
    override this.Compile(index, loop) =
        let isHalfDone = if loop < 0 then giants[index] else this.Compiled index <> 0n

        if not policy.AtOnce && isHalfDone && lock deferred (fun () -> deferred.Add(struct (index, loop))) then
            again index loop 16
        elif loop < 0 then
            let native = this.CompileNow index
            InterpFunc.Join(interpreter.Func index, native, leave index false)
            InterpFunc.Switch(interpreter.Func index)
        else
            lock loopsDone (fun () ->
                if loopsDone.Add(struct (index, loop)) then
                    let prepared = Prepare.func valid index
                    let struct (at, word) = interpreter.Loops(index)[loop]
                    let struct (method, frameBytes) = this.CompileLoop(prepared, at, Words.Places prepared.Locals)

                    if method <> 0n then
                        InterpFunc.Switch(interpreter.Func index, word, method, leave index true, frameBytes)

                        // What loops long and is called again is worth having from its beginning.
                        if prepared.Code.Length > giant then
                            giants[index] <- true
                        elif not policy.AtOnce then
                            InterpFunc.Cool(interpreter.Func index, 0, 1))

    /// Only typed delegates of hosts ask.
    override this.Resolve index =
        match this.Compiled index with
        | 0n ->
            lock thunks (fun () ->
                if thunkEntries[index] = 0n then
                    let m = InterpreterThunks.entry (this.Erased index) (Entered.Tiered(index, this.Table + nativeint (8 * index)))
                    thunkEntries[index] <- Emit.entryPoint m
                    thunks[index] <- m

                thunkEntries[index])
        | entry -> entry

    override this.ResolveCall(context, index, lasting: byref<bool>) =
        match this.Compiled index with
        | 0n ->
            lasting <- false

            if next[index] = 0n then
                next[index] <- InterpreterThunks.next (this.Erased index)

            StoreBlock.Enters(context, interpreter.Func index)
            next[index]
        | entry ->
            lasting <- true
            entry
