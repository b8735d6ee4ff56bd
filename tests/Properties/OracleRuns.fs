/// One run of a generated guest on any engine, and everything that can be seen of it.
/// In: an engine, a guest, limits. Out: an Observation; two engines agree when their observations are equal.
module Twofold.Properties.OracleRuns

open System
open System.Collections.Generic
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Properties.Generators

/// The engines that must agree with the oracle.
let engines: IWasmEngine list = [
    CompiledEngine CompileWhen.FirstCall
    for policy in Twofold.Wasm.Compiler.TierPolicy.forced.Value do
        CompiledEngine policy
    CompiledEngine(Twofold.Wasm.Compiler.TierPolicy.after 7 7 InterpMode.Loop)
    for seed in 1..3 do
        CompiledEngine(Twofold.Wasm.Compiler.TierPolicy.random seed 9 InterpMode.Chain)
    InterpretedEngine InterpMode.Chain
    InterpretedEngine InterpMode.Loop
    yield! Twofold.Instrumented.InstrumentedEngines.all
    // Where libwasmtime is.
    yield! Twofold.Tests.WasmtimeForTests.tryPlain () |> Option.toList |> List.map (fun e -> e :> IWasmEngine)
]

let oracle: IWasmEngine = Twofold.Oracle.OracleEngine()

/// Room for the generated modules' two tables; otherwise the contract profile's numbers.
let limits = { WasmLimits.Contract with Tables = 2; Memories = 3 }

/// All that a run shows.
type Observation = {
    End: string
    Gas: int64
    /// Host calls in order: name, arguments' bits, gas left.
    Calls: string list
    Memory: string
    Globals: string
}

/// What the host keeps during a run.
type Host() =
    member val Calls = List<string>()
    member val Next = 0UL with get, set

let hostFunction (name: string) (guest: Twofold.Wasm.Guest) (arguments: ReadOnlySpan<uint64>) : uint64 =
    let host = guest.Data :?> Host
    let bits = arguments.ToArray()
    let shown = bits |> Array.map (fun b -> b.ToString "x") |> String.concat " "
    host.Calls.Add $"{name} {shown} gas {guest.GasLeft}"

    match name with
    | "next_i32" ->
        host.Next <- host.Next + 1UL
        host.Next
    | "next_f32" ->
        host.Next <- host.Next + 1UL
        uint64 GeneratedShapes.interestingF32[int host.Next % GeneratedShapes.interestingF32.Length]
    | "next_f64" ->
        host.Next <- host.Next + 1UL
        GeneratedShapes.interestingF64[int host.Next % GeneratedShapes.interestingF64.Length]
    | "grow" -> uint64 (uint32 (guest.GrowMemory 1u))
    | "callback" ->
        let results = guest.Call("back")
        host.Calls.Add $"back gave {results[0]} gas {guest.GasLeft}"
        results[0].Bits
    | "peek" ->
        guest.Charge(int64 (uint32 bits[1]))
        let mutable sum = 0u

        for b in guest.Slice(uint32 bits[0], uint32 bits[1]) do
            sum <- sum + uint32 b

        uint64 sum
    | _ -> 0UL

let private settings = {
    Functions = [
        for name, t in GeneratedShapes.hostFunctions ->
            {
                Module = "env"
                Name = name
                Type = t
                Function = HostFunction(fun guest arguments -> hostFunction name guest arguments)
            }
    ]
    Memory = Some("env", "memory")
    Limits = limits
    ReentryDepth = 3
}

/// The valid module, or the refusal as a failure: generated modules are valid.
let validate (bytes: byte[]) : ValidModule =
    match Decode.run limits GeneratedShapes.features bytes |> Result.bind (Validate.run limits GeneratedShapes.features) with
    | Ok valid -> valid
    | Error rejected -> failwith $"a generated module was refused: {rejected}"

let private orFail (what: string) (result: Result<'a, Rejected>) : 'a =
    match result with
    | Ok x -> x
    | Error rejected -> failwith $"{what}: {rejected}"

let show (ended: RunEnd) =
    match ended with
    | RunEnd.Returned values -> "returned " + (values |> Array.map string |> String.concat " ")
    | RunEnd.Trapped t -> $"trapped {t.Code} {t.A} {t.B} {t.C} {t.Detail}"
    | RunEnd.Uncaught u -> $"uncaught {u.Tag} " + (u.Values |> Array.map string |> String.concat " ")
    | RunEnd.OutOfGas -> "out of gas"
    | RunEnd.StackExhausted -> "stack exhausted"
    | RunEnd.Fault fault -> $"fault {fault}"

/// An instance ready for any number of runs.
type Subject(engine: IWasmEngine, loaded: IWasmModule, ownsModule: bool, entry: string, arguments: Value[]) =
    let instance = loaded.Instantiate settings |> orFail $"{engine.Name} does not instantiate"

    new(engine: IWasmEngine, valid: ValidModule, entry, arguments) =
        new Subject(engine, engine.Load valid |> orFail $"{engine.Name} does not load", true, entry, arguments)

    member private _.Observe(gas: int64, stackUnits: int, run: RunSettings -> RunResult) : Observation =
        let host = Host()

        let result =
            run {
                Entry = entry
                Arguments = arguments
                Gas = gas
                StackUnits = stackUnits
                Data = host
                Deadline = TimeSpan.Zero
                Cancellation = CancellationToken.None
            }

        let digests = instance.Digests()
        instance.Reset()

        {
            End = show result.End
            Gas = result.GasUsed
            Calls = List.ofSeq host.Calls
            Memory = Convert.ToHexString digests.Memory
            Globals = Convert.ToHexString digests.Globals
        }

    member this.Run(gas: int64, stackUnits: int) : Observation =
        this.Observe(gas, stackUnits, (fun s -> instance.Run s |> orFail $"{engine.Name} does not run"))

    /// The host calls the entry, what host functions call back, and the entry again: one run, on one gas limit.
    member this.RunCalls(gas: int64, stackUnits: int) : Observation =
        let calls (guest: Twofold.Wasm.Guest) =
            let host = guest.Data :?> Host

            let call (export: string) (given: Value[]) =
                let results = guest.Call(export, given)
                let shown = results |> Array.map string |> String.concat " "
                host.Calls.Add $"{export} gave {shown} gas {guest.GasLeft}"
                results

            let first = call entry arguments
            guest.Charge 7L
            call "back" [||] |> ignore
            Array.append first (call entry arguments)

        this.Observe(gas, stackUnits, (fun s -> instance.RunCalls(s, calls)))

    interface IDisposable with
        member _.Dispose() =
            instance.Dispose()

            if ownsModule then
                loaded.Dispose()
