namespace Twofold.Bench

// `decode`: what it takes to load real modules: decode, validate, compile to CIL, RyuJIT; memory for each compiled function; a big module's start when it is compiled lazily.
// In: the modules of `real` in the test data. Out: the table `decode` of docs/PERFORMANCE.md. RyuJIT's own clock tells its time from ours.

open System
open System.Diagnostics
open System.IO
open System.Runtime
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Preparation
open Twofold.Wasm.Compiler

/// Seconds and bytes of one module.
type Loading = {
    File: string
    Bytes: int
    CodeBytes: int
    Functions: int
    Decode: float
    Validate: float
    /// Prepare and lower, no code made.
    Lower: float
    Emit: float
    /// RyuJIT's share.
    Jit: float
    /// Kept, so that memory can be looked at with all code there.
    Code: obj
}

module LoadBench =
    let private folder () =
        let found =
            match Environment.GetEnvironmentVariable "TWOFOLD_TESTDATA" with
            | null
            | "" -> Path.GetFullPath(Path.Combine(Kernels.folder, "..", "..", "..", "shared", "testdata"))
            | dir -> dir

        Path.Combine(found, "real")

    let private limits = WasmLimits.Host
    let private features = Features.Default

    /// Best of several: other work on a machine only ever slows a run down.
    let private best (bytes: int) (f: unit -> 'a) : float * 'a =
        let mutable least = infinity
        let mutable answer = Unchecked.defaultof<'a>

        for _ in 1 .. (if bytes > 4_000_000 then 5 else 20) do
            let struct (t, a) = Measure.once f
            least <- min least t
            answer <- a

        least / 1e3, answer

    let private settled () =
        GC.Collect()
        GC.WaitForPendingFinalizers()
        GC.Collect()
        Environment.WorkingSet

    let private orFail (r: Result<'a, Rejected>) : 'a =
        match r with
        | Ok a -> a
        | Error e -> failwith (string e)

    let private measure (file: string) : Result<Loading, Rejected> =
        let bytes = File.ReadAllBytes file

        match Decode.run limits features bytes |> Result.bind (Validate.run limits features) with
        | Error e -> Error e
        | Ok _ ->
            let decode, m = best bytes.Length (fun () -> Decode.run limits features bytes |> orFail)
            let validate, valid = best bytes.Length (fun () -> Validate.run limits features m |> orFail)
            let code = CompiledCode valid
            let count = m.Code.Length
            // Once for warmth: short functions only.
            for i in 0 .. min 50 (count - 1) do
                code.Lowered i |> ignore

            let struct (lower, _) =
                Measure.once (fun () ->
                    for i in 0 .. count - 1 do
                        code.Lowered i |> ignore)

            let jitBefore = JitInfo.GetCompilationTime()
            let struct (all, _) = Measure.once (fun () -> code.CompileAll())
            let jit = (JitInfo.GetCompilationTime() - jitBefore).TotalSeconds

            Ok {
                File = Path.GetFileName file
                Bytes = bytes.Length
                CodeBytes = m.Code |> Array.sumBy _.Length
                Functions = count
                Decode = decode
                Validate = validate
                Lower = lower / 1e3
                Emit = max 0.0 (all / 1e3 - lower / 1e3 - jit)
                Jit = jit
                Code = code
            }

    /// Load, instantiate with host functions that answer zero, one call of a function of its own: what is compiled by then.
    let private lazyStart (file: string) : string =
        let bytes = File.ReadAllBytes file
        let methods = JitInfo.GetCompiledMethodCount()
        let struct (load, loaded) = Measure.once (fun () -> Module.Load(bytes, ModuleOptions().WithLimits limits))
        let linker = Linker()
        let valid = Decode.run limits features bytes |> Result.bind (Validate.run limits features) |> orFail

        for i in valid.Module.Imports do
            match i.Type with
            | ExternType.Func t ->
                let t = valid.FuncType t

                let zeros =
                    t.Results
                    |> Array.map (fun r ->
                        match r with
                        | r when r = ValType.I64 -> Value.I64 0L
                        | r when r = ValType.F64 -> Value.FromBits(ValueKind.F64, 0UL)
                        | r when r = ValType.F32 -> Value.FromBits(ValueKind.F32, 0UL)
                        | _ -> Value.I32 0)

                linker.Define(i.Module, i.Name, t, HostCallback(fun _ _ -> zeros)) |> ignore
            | _ -> ()

        use store = new Store(StoreOptions().WithGas 50_000_000L)
        let struct (instantiate, instance) = Measure.once (fun () -> linker.Instantiate(store, loaded))

        let struct (call, _) =
            Measure.once (fun () ->
                try
                    instance.Call("run", Value.I32 0, Value.I32 0) |> ignore
                with
                | :? TrapException
                | :? OutOfGasException -> ())

        let compiled = JitInfo.GetCompiledMethodCount() - methods

        $"{Path.GetFileName file}, lazily: load %.0f{load} ms, instantiate %.1f{instantiate} ms, its `run` until it traps or 50 million gas are gone %.0f{call} ms; about {compiled} methods compiled, ours and .NET's, of {valid.Module.Code.Length} functions"

    let private table (rows: Loading list) : string list =
        let mbs (bytes: int) (seconds: float) = if seconds <= 0.0 then "-" else $"%.1f{float bytes / 1e6 / seconds}"

        let row name (r: Loading) =
            $"| {name} | %.2f{float r.Bytes / 1e6} | {r.Functions} | {mbs r.Bytes r.Decode} | {mbs r.Bytes (r.Decode + r.Validate)} | {mbs r.CodeBytes r.Lower} | {mbs r.CodeBytes r.Jit} | {mbs r.CodeBytes (r.Lower + r.Emit + r.Jit)} |"

        let count (f: Loading -> int) = List.sumBy f rows
        let seconds (f: Loading -> float) = List.sumBy f rows

        let total = {
            File = ""
            Bytes = count _.Bytes
            CodeBytes = count _.CodeBytes
            Functions = count _.Functions
            Decode = seconds _.Decode
            Validate = seconds _.Validate
            Lower = seconds _.Lower
            Emit = seconds _.Emit
            Jit = seconds _.Jit
            Code = null
        }

        [
            "| module | MB | functions | decode MB/s | decode + validate MB/s | wasm to CIL MB/s | RyuJIT MB/s | compile in all MB/s |"
            "|---|---|---|---|---|---|---|---|"
            for r in rows do
                row r.File r
            row "**all**" total
        ]

    let lines () : string list =
        let folder = folder ()

        if not (Directory.Exists folder) then
            failwith $"no modules: {folder} does not exist; set TWOFOLD_TESTDATA"

        let files = Directory.GetFiles(folder, "*.wasm") |> Array.sort |> List.ofArray
        // Start first: nothing of the module is compiled yet.
        let start = files |> List.filter (fun f -> Path.GetFileName f = "esbuild.wasm") |> List.map lazyStart

        let before = settled ()

        let rows =
            files
            |> List.choose (fun f ->
                match measure f with
                | Ok r ->
                    eprintfn "%s" r.File
                    Some r
                | Error e ->
                    eprintfn "%s: %s" f (string e)
                    None)

        // Module by module the process shrinks and grows for other reasons; over all, with the code of all kept, it tells something.
        let grown = settled () - before
        let functions, bytes = List.sumBy _.Functions rows, List.sumBy _.Bytes rows
        GC.KeepAlive rows

        let memory =
            $"Memory, with all {functions} functions compiled and kept: the process grew by %.0f{float grown / 1e6} MB, the modules' own %.0f{float bytes / 1e6} MB among them: %.1f{float (grown - int64 bytes) / 1024.0 / float functions} KiB a function"

        table rows @ [ ""; memory; "" ] @ start
