namespace Twofold.Wasm

// Our two engines behind IWasmEngine.
// In: valid modules. Out: modules ready to run; OwnInstance.fs runs them.

open System.Runtime.InteropServices
open Twofold.Wasm.Compiler
open Twofold.Wasm.Interpreter

/// Our compiler: WebAssembly to CIL, RyuJIT to machine code, function by function as they are called.
/// `eagerNan` makes NaN canonical after each arithmetic instruction instead of where their bits are seen: slow, the same results, for tests.
type CompiledEngine internal (nan: NanPolicy) =
    new(eagerNan: bool) = CompiledEngine(if eagerNan then NanPolicy.Eager else NanPolicy.OnEscape)
    new() = CompiledEngine false

    /// Changes whenever generated code can change.
    static member CompilerVersion = "1"

    interface IWasmEngine with
        member _.Name = "compiled"
        member _.Version = $"{CompiledEngine.CompilerVersion}/{RuntimeInformation.FrameworkDescription}"
        member _.Load valid = Ok(new OwnModule(CompiledCode(valid, nan)) :> IWasmModule)

/// Our interpreter: starts at once, compiles nothing of the guest, slower in the long run. The same results, gas and ends as the compiler's.
type InterpretedEngine internal (mode: InterpMode) =
    new() = InterpretedEngine InterpMode.Warm

    /// Changes whenever translated code can change.
    static member InterpreterVersion = "2"

    interface IWasmEngine with
        member _.Name = "interpreter"
        member _.Version = $"{InterpretedEngine.InterpreterVersion}/{RuntimeInformation.FrameworkDescription}"
        member _.Load valid = Ok(new OwnModule(InterpretedCode(valid, mode)) :> IWasmModule)
