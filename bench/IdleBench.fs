namespace Twofold.Bench

// What an instance costs the machine while it waits in a pool: instances of one module, each of which ran and was reset.
// In: modules of this repository and, where they are, of the test data. Out: KiB of working set of one.

open System
open System.IO
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Text
open Twofold.Wasm.Validation
open Twofold.Wasm.Compiler

/// One module's idle instances: pages of memory that it declares, and KiB of working set that one takes before it ran and after its run and reset.
type Idle = { What: string; Pages: int64; Count: int; Fresh: float; AfterReset: float }

module IdleBench =
    let private orFail (r: Result<'a, Rejected>) =
        match r with
        | Ok x -> x
        | Error e -> failwith (string e)

    let private settle () =
        // Aggressive: the collector gives back what it holds in reserve.
        for _ in 1..3 do
            GC.Collect(2, GCCollectionMode.Aggressive, true, true)
            GC.WaitForPendingFinalizers()

        Environment.WorkingSet

    // Every import answers 0: how far the guest gets does not matter, only that it touches its memory.
    let private settings (valid: ValidModule) : InstanceSettings = {
        Instances.bare WasmLimits.Host with
            Functions = [
                for i in valid.Module.Imports do
                    match i.Type with
                    | ExternType.Func t -> {
                        Module = i.Module
                        Name = i.Name
                        Type = valid.FuncType t
                        Function = HostFunction(fun _ _ -> 0UL)
                      }
                    | _ -> ()
            ]
            Memory = Some("env", "memory")
    }

    let measure (what: string) (wasm: byte[]) (entry: string) (count: int) : Idle =
        let valid =
            Decode.run WasmLimits.Host Features.Default wasm
            |> Result.bind (Validate.run WasmLimits.Host Features.Default)
            |> orFail

        use loaded = (CompiledEngine() :> IWasmEngine).Load valid |> orFail
        let settings = settings valid

        let runs = { Instances.settings entry [||] with Gas = 1_000_000L }

        let run (i: IWasmInstance) =
            i.Run runs |> orFail |> ignore
            i.Reset()

        // Code, stacks of threads and caches are there before anything is counted.
        using (loaded.Instantiate settings |> orFail) run
        let before = settle ()
        let instances = Array.init count (fun _ -> loaded.Instantiate settings |> orFail)
        let fresh = settle ()
        Array.iter run instances
        let after = settle ()

        for i in instances do
            i.Dispose()

        let each (bytes: int64) = float bytes / 1024.0 / float count

        {
            What = what
            Pages = valid.Module.Memories |> Array.sumBy (fun m -> int64 m.Min)
            Count = count
            Fresh = each (fresh - before)
            AfterReset = each (after - before)
        }

    /// The answer 42, a contract of the samples, and two programs where the test data is present.
    let all (root: string) (commands: string) : Idle list = [
        measure
            "a module that returns 42"
            (Wat.parse "(module (memory 1) (func (export \"answer\") (result i32) i32.const 42))" |> orFail)
            "answer"
            500

        measure
            "contract `token-as`"
            (File.ReadAllBytes(Path.Combine(root, "samples", "contracts", "wasm", "token-as.wasm")))
            "Transfer"
            500

        for name in [ "lua-c22-legacy"; "go-std" ] do
            let file = Path.Combine(commands, name + ".wasm")

            if File.Exists file then
                measure $"program `{name}`" (File.ReadAllBytes file) "_start" 100
    ]
