namespace Twofold.Bench

// Our engines with everything that a contract pays for: gas, logical stack, canonical NaN, bounds checks, interrupts.
// In: a kernel. Out: an instance that stays warm between calls, as V8's does.

open System
open System.IO
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Compiler
open Twofold.Wasm.Interpreter

/// A kernel, loaded and linked.
type OurKernel(kernel: Kernel, interpreted: bool) =
    let limits = WasmLimits.Contract

    let valid =
        match Decode.run limits Features.Default (File.ReadAllBytes kernel.Path) |> Result.bind (Validate.run limits Features.Default) with
        | Ok valid -> valid
        | Error e -> failwith $"{kernel.Name}: {e}"

    let code: ModuleCode = if interpreted then InterpretedCode valid else CompiledCode valid
    let store = new StoreData(Int64.MaxValue, limits.StackUnits, limits.MemoryBytes, limits.TableEntries, 8, 4L <<< 30)

    let increment =
        let t = { Params = [| ValType.I64 |]; Results = [| ValType.I64 |] }
        Link.hostRaw store "env.host_inc" (CanonicalTypes.ofHost t) t (HostFunction(fun _ a -> a[0] + 1UL))

    let instance =
        match Link.resolve valid (fun _ -> ValueSome(Ok(Extern.Func increment))) |> Result.bind (Link.allocate store code) with
        | Ok i -> i
        | Error e -> failwith $"{kernel.Name}: {e}"

    let entry =
        match Link.findExport instance "run" with
        | ValueSome(Extern.Func f) -> f
        | _ -> failwith $"{kernel.Name}: no function run"

    do
        store.Rooted.Add code
        store.Begin(Int64.MaxValue / 2L, limits.StackUnits)
        Link.initialise instance (fun start -> Link.call start [||] |> ignore)

    new(kernel) = new OurKernel(kernel, false)

    /// A limit that no run reaches, but that is counted down all the same.
    member val Gas = Int64.MaxValue / 2L

    /// One warm run: the answer as an unsigned decimal, and the gas it used.
    member this.Run() : struct (string * int64) =
        store.Begin(this.Gas, limits.StackUnits)
        let result = (Link.call entry [| Value.I32 kernel.Argument |])[0]
        struct (string result.Bits, this.Gas - store.Gas)

    interface IDisposable with
        member _.Dispose() = store.Dispose()
