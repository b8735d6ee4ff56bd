namespace Twofold.Conformance

// The engines that the suite runs on, by name. An engine is added here and nowhere else.
// In: nothing. Out: a fresh host for each file.

open Twofold.Wasm
open Twofold.Wasm.Scripts

module Hosts =
    let all: (string * (unit -> ISuiteHost)) list = [
        let options () = ModuleOptions().WithFeatures(Twofold.Wasm.Features.Executable).WithLimits Verdict.limits
        "compiled", (fun () -> new EngineHost((options ()).WithCompile CompileWhen.FirstCall) :> ISuiteHost)

        for policy in Tiers.chosen do
            policy.Tier, (fun () -> new EngineHost((options ()).WithTiers policy) :> ISuiteHost)

        "interpreter",
        (fun () ->
            // Its loop alone is compared with this by other tests: laws over generated modules, mutants, random modules.
            Twofold.Wasm.Interpreter.Chain.start ()
            new EngineHost(Verdict.limits, EngineKind.Interpreter) :> ISuiteHost)

        "oracle", (fun () -> new OracleHost() :> ISuiteHost)

        "instrumented",
        (fun () -> new InstrumentedHost({ Twofold.Wasm.Instrument.InstrumentOptions.Default with OthersMayThrow = true }) :> ISuiteHost)
        // Where libwasmtime is.
        for name, engine in WasmtimeTraces.engines () do
            name, (fun () -> new Twofold.Wasmtime.WasmtimeScriptHost(engine, Verdict.limits) :> ISuiteHost)
    ]
