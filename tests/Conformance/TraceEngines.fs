namespace Twofold.Conformance

// The engines that traces of others are run on. An engine is added here and nowhere else.
// In: nothing. Out: each as a TraceEngine.

open System
open Twofold.Wasm
open Twofold.Wasm.Validation

module TraceEngines =
    let private refused (r: Rejected) : 'a = failwith $"refused: {r}"

    let private oracle =
        let instantiate (valid: ValidModule) (imports: TracedImport list) =
            // An element of the oracle's arrays takes some 30 bytes, whatever its type: what needs more is skipped by name (Skips.beyondOracle).
            let limits = { Verdict.limits with GcBytes = 16L * 1024L * 1024L }
            let store = Twofold.Oracle.Store(limits, Int64.MaxValue, limits.StackUnits)

            // The oracle's host functions are over bits, with one result at most; that is all that traces import.
            let hostFunction (i: TracedImport) =
                HostFunction(fun _ bits ->
                    let kinds = i.Type.Params |> Array.map Twofold.Oracle.Values.kind

                    match i.Call(Array.map2 (fun kind b -> Value.FromBits(kind, b)) kinds (bits.ToArray())) with
                    | [||] -> 0UL
                    | values -> values[0].Bits)

            let resolve m n =
                imports
                |> List.tryFind (fun i -> i.Module = m && i.Name = n)
                |> Option.map (fun i -> Twofold.Oracle.Extern.Func(Twofold.Oracle.HostFunc(n, i.Type, hostFunction i)))

            match Twofold.Oracle.Oracle.instantiate store valid resolve with
            | Error(Twofold.Oracle.NoInstance.Ended ended) -> Error ended
            | Error(Twofold.Oracle.NoInstance.Refused r) -> refused r
            | Ok instance ->
                let export = Twofold.Oracle.Oracle.export instance

                Ok {
                    Invoke =
                        fun name arguments ->
                            match Twofold.Oracle.Oracle.invoke store instance name arguments with
                            | Ok ended -> ended
                            | Error r -> refused r
                    Global =
                        fun name ->
                            match export name with
                            | Some(Twofold.Oracle.Extern.Global g) -> g.Value
                            | _ -> failwith $"no exported global {name}"
                    Memory =
                        fun name ->
                            match export name with
                            | Some(Twofold.Oracle.Extern.Memory m) -> m.Bytes
                            | _ -> failwith $"no exported memory {name}"
                    GasUsed = fun () -> store.GasUsed
                }

        { Name = "oracle"; Instantiate = instantiate }

    /// Our engines by their public face.
    let private own name (choose: ModuleOptions -> ModuleOptions) =
        let ending (run: unit -> Value[]) =
            try
                RunEnd.Returned(run ())
            with
            | :? TrapException as t -> RunEnd.Trapped { Code = t.Code; A = t.A; B = t.B; C = t.C; Detail = t.Detail }
            | :? UncaughtException as u -> RunEnd.Uncaught { Tag = u.Tag.Index; Name = u.Tag.Name; Values = u.Exception.GetValues() }
            | :? OutOfGasException -> RunEnd.OutOfGas
            | :? StackExhaustedException -> RunEnd.StackExhausted

        let instantiate (valid: ValidModule) (imports: TracedImport list) =
            let store = new Store()
            let linker = Linker()

            for i in imports do
                linker.Define(i.Module, i.Name, i.Type, HostCallback(fun _ arguments -> i.Call arguments)) |> ignore

            let loaded = Module.Load(valid.Module.Bytes, choose (ModuleOptions().WithLimits Verdict.limits))
            let mutable instance = null

            match
                ending (fun () ->
                    instance <- linker.Instantiate(store, loaded)
                    [||])
            with
            | RunEnd.Returned _ ->
                Ok {
                    Invoke = fun name arguments -> ending (fun () -> instance.Call(name, arguments))
                    Global = fun name -> instance.GetGlobal(name).Value
                    Memory =
                        fun name ->
                            let m = instance.GetMemory name
                            m.Span(0L, int m.Size).ToArray()
                    GasUsed = fun () -> store.GasUsed
                }
            | ended ->
                store.Dispose()
                Error ended

        { Name = name; Instantiate = instantiate }

    let private compiled = own "compiled" _.WithCompile(CompileWhen.FirstCall)

    let private tiered = Tiers.chosen |> List.map (fun policy -> own policy.Tier _.WithTiers(policy))

    let private interpreter =
        Twofold.Wasm.Interpreter.Chain.start ()
        own "interpreter" _.WithEngine(EngineKind.Interpreter)

    let all = [
        compiled
        yield! tiered
        interpreter
        oracle
        InstrumentedTraces.engine "instrumented" {
            Twofold.Wasm.Instrument.InstrumentOptions.Default with
                Nan = Twofold.Wasm.Instrument.NanMode.OnEscape
        }
        yield! WasmtimeTraces.all ()
    ]
