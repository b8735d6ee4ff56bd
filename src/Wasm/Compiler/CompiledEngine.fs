namespace Twofold.Wasm

// Our two engines behind IWasmEngine.
// In: valid modules. Out: modules ready to run; OwnInstance.fs runs them.

open System.Runtime.InteropServices
open Twofold.Wasm.Compiler
open Twofold.Wasm.Interpreter

/// When functions are compiled.
type CompileWhen =
    /// A function is interpreted first, and compiled in the background once it is called often or loops long.
    | Hot = 0
    /// At its first call, while the guest waits.
    | FirstCall = 1

module internal CompileWhen =
    let policy (compile: CompileWhen) : TierPolicy voption =
        if compile = CompileWhen.FirstCall then ValueNone else ValueSome TierPolicy.usual

/// Our compiler: WebAssembly to CIL, RyuJIT to machine code, function by function as they are called or as they get hot.
/// `eagerNan` makes NaN canonical after each arithmetic instruction instead of where their bits are seen: slow, the same results, for tests.
type CompiledEngine internal (nan: NanPolicy, tiers: TierPolicy voption) =
    internal new(nan: NanPolicy) = CompiledEngine(nan, ValueNone)
    internal new(tiers: TierPolicy) = CompiledEngine(NanPolicy.OnEscape, ValueSome tiers)
    new(eagerNan: bool) = CompiledEngine(if eagerNan then NanPolicy.Eager else NanPolicy.OnEscape)

    new(compile: CompileWhen) = CompiledEngine(NanPolicy.OnEscape, CompileWhen.policy compile)

    /// Functions are compiled when they are first called.
    new() = CompiledEngine CompileWhen.FirstCall

    /// Changes whenever generated code can change.
    static member CompilerVersion = "2"

    interface IWasmEngine with
        member _.Name = "compiled"
        // A module in both tiers is another thing to keep than one that is compiled at once.
        member _.Version =
            let tier =
                match tiers with
                | ValueSome policy -> $" {policy.Tier}"
                | ValueNone -> ""

            $"{CompiledEngine.CompilerVersion}{tier}/{RuntimeInformation.FrameworkDescription}"

        member _.Load valid =
            let code: ModuleCode =
                match tiers with
                | ValueSome policy -> TieredCode(valid, nan, false, policy)
                | ValueNone -> CompiledCode(valid, nan)

            Ok(new OwnModule(code) :> IWasmModule)

/// Our interpreter: starts at once, compiles nothing of the guest, slower in the long run. The same results, gas and ends as the compiler's.
type InterpretedEngine internal (mode: InterpMode) =
    new() = InterpretedEngine InterpMode.Warm

    /// Changes whenever translated code can change.
    static member InterpreterVersion = "2"

    interface IWasmEngine with
        member _.Name = "interpreter"
        member _.Version = $"{InterpretedEngine.InterpreterVersion}/{RuntimeInformation.FrameworkDescription}"
        member _.Load valid = Ok(new OwnModule(InterpretedCode(valid, mode)) :> IWasmModule)
