namespace Twofold.Bench

// `sandbox`: what a sandbox costs over the bare engine (start, run, memory), what WASI calls and skills cost, and real commands from bytes to exit beside
// V8's. In: the machine, the test data's commands. Out: lines of tables; a wrong answer is an error, not a figure.

open System
open System.Collections.Generic
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text
open System.Threading.Tasks
open Twofold
open Twofold.Wasm

module SandboxBench =
    let private number (digits: int) (x: float) = x.ToString("N" + string digits, CultureInfo.InvariantCulture)

    let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))

    let private answer = Text.Encoding.UTF8.GetBytes "(module (memory 1) (func (export \"answer\") (result i32) i32.const 42))"

    let private kernel name = Kernels.all |> List.find (fun k -> k.Name = name)

    let private settle () =
        // Aggressive: the collector gives back what it holds in reserve.
        for _ in 1..3 do
            GC.Collect(2, GCCollectionMode.Aggressive, true, true)
            GC.WaitForPendingFinalizers()

        Environment.WorkingSet

    let private median (f: unit -> float) (n: int) = Seq.init n (fun _ -> f ()) |> Array.ofSeq |> Measure.median

    let private wait (t: Task<'a>) = t.GetAwaiter().GetResult()

    let private orFail (r: SandboxResult) =
        if not r.Success then
            failwith r.Error

        r

    /// Milliseconds from bytes to the first answer, in a process that has done it before.
    let private starts () =
        let time (work: unit -> unit) =
            let start = Stopwatch.GetTimestamp()
            work ()
            Stopwatch.GetElapsedTime(start).TotalMilliseconds

        let bare () =
            time (fun () ->
                use store = new Store(StoreOptions().WithGas(Int64.MaxValue))
                let f = Linker().Instantiate(store, Module.Load answer).GetFunction<int> "answer"

                if f.Invoke() <> 42 then
                    failwith "not 42")

        let sandboxed () =
            time (fun () ->
                let sandbox = Sandbox.Create()
                sandbox.LoadAsync(answer).GetAwaiter().GetResult()
                let r = wait (sandbox.ExecuteAsync "answer") |> orFail

                if r.Get<int>() <> 42 then
                    failwith "not 42"

                sandbox.DisposeAsync().AsTask().Wait())

        for _ in 1..20 do
            bare () |> ignore
            sandboxed () |> ignore

        struct (median bare 51, median sandboxed 51)

    /// CPU milliseconds of a kernel that computes for some time, each time on a clean instance of a module that is loaded and compiled: on the bare engine and
    /// in a sandbox, in turn so that both see the same machine. RyuJIT puts the same code at another address each time, which alone moves a kernel by some percent: each side is made anew five times.
    let private runs (name: string) =
        let k = kernel name

        let rounds =
            List.init 5 (fun _ ->
                let loaded = Module.Load k.Path

                let bare () =
                    use store = new Store(StoreOptions().WithGas(Int64.MaxValue))
                    Linker().Instantiate(store, loaded).GetFunction<int, int64>("run").Invoke k.Argument

                Measure.warmUp 100.0 bare
                let sandbox = Sandbox.Create(SandboxOptions().WithMemoryLimit(512L <<< 20))
                sandbox.LoadAsync(File.ReadAllBytes k.Path).GetAwaiter().GetResult()
                let expected = bare ()

                let inside () =
                    let r = wait (sandbox.ExecuteAsync("run", Value.I32 k.Argument)) |> orFail

                    if r.Values[0].AsI64() <> expected then
                        failwith $"{name}: {r.Values[0]}, and {expected} on the bare engine"

                Measure.warmUp 100.0 inside

                let pairs =
                    List.init 9 (fun _ ->
                        let struct (bare, _) = Measure.onceCpu bare
                        let struct (boxed, _) = Measure.onceCpu inside
                        bare, boxed)

                sandbox.DisposeAsync().AsTask().Wait()
                pairs |> List.map fst |> List.min, pairs |> List.map snd |> List.min)

        struct (rounds |> List.map fst |> List.min, rounds |> List.map snd |> List.min)

    /// Kernels without imports, of different kinds.
    let private computing = [ "sha256"; "sort"; "fibonacci"; "nbody"; "hashmap"; "matmul"; "lz" ]

    /// Microseconds of CPU of one warm execution that does next to nothing: what each execution pays once.
    let private executions () =
        use store = new Store(StoreOptions().WithGas(Int64.MaxValue))
        let f = Linker().Instantiate(store, Module.Load answer).GetFunction<int> "answer"
        let sandbox = Sandbox.Create()
        sandbox.LoadAsync(answer).GetAwaiter().GetResult()

        let bare =
            Measure.cpuPerOperation 20_000 (fun n ->
                for _ in 1..n do
                    f.Invoke() |> ignore)

        let boxed =
            Measure.cpuPerOperation 500 (fun n ->
                for _ in 1..n do
                    wait (sandbox.ExecuteAsync "answer") |> orFail |> ignore)

        sandbox.DisposeAsync().AsTask().Wait()
        struct (bare / 1e3, boxed / 1e3)

    /// MiB of working set for one of many, each with one page of memory, and used once.
    let private sizes () =
        let count = 200

        let each (make: unit -> obj) =
            let before = settle ()
            let kept = Array.init count (fun _ -> make ())
            let grown = settle () - before
            GC.KeepAlive kept
            struct (kept, float grown / float count / 1048576.0)

        let struct (stores, bare) =
            each (fun () ->
                let store = new Store(StoreOptions().WithGas(Int64.MaxValue))
                (Linker().Instantiate(store, Module.Load answer).GetFunction<int> "answer").Invoke() |> ignore
                store)

        for s in stores do
            (s :?> IDisposable).Dispose()

        let struct (sandboxes, sandboxed) =
            each (fun () ->
                let sandbox = Sandbox.Create()
                sandbox.LoadAsync(answer).GetAwaiter().GetResult()
                wait (sandbox.ExecuteAsync "answer") |> orFail |> ignore
                sandbox)

        for s in sandboxes do
            (s :?> IAsyncDisposable).DisposeAsync().AsTask().Wait()

        struct (bare, sandboxed)

    let private report (r: ExecutionReport) =
        let mutable receipt = null

        if not (r.TryGetReceipt &receipt) || not receipt.Outcome.IsSuccess then
            failwith r.Message

        receipt

    /// Nanoseconds of one call, everything included that the engine does for it: gas, effect, journal.
    let private wasiCalls () =
        let count = 50_000

        let program (body: string) =
            $"""(module
                (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
                (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (data (i32.const 0) "\20\00\00\00\10\00\00\00")
                (data (i32.const 32) "0123456789abcde\n")
                (func (export "_start") (local $i i32)
                  (local.set $i (i32.const {count}))
                  (loop $again
                    {body}
                    (if (then unreachable))
                    (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))"""
            |> Encoding.UTF8.GetBytes

        use engine = new TwofoldEngine()

        let per body =
            let wasm = program body
            let run () = engine.Execute(ExecutionRequest.ForProgram(wasm, WasiOptions())) |> report

            Measure.warmUp 200.0 run

            let cpu () =
                let struct (ms, _) = Measure.onceCpu run
                ms

            (Seq.init 9 (fun _ -> cpu ()) |> Seq.min) * 1e6 / float count

        struct (per "(call $clock (i32.const 0) (i64.const 0) (i32.const 8))",
                per "(call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))")

    /// Memory of skills in a dictionary.
    type private Remembered() =
        let values = Dictionary<string, byte[]>()

        interface ISkillMemory with
            member _.GetAsync(_, key, _) =
                match values.TryGetValue(Convert.ToHexString key) with
                | true, value -> Task.FromResult(SkillReply.Of value)
                | _ -> Task.FromResult(SkillReply.Fail SkillErrorCode.NotFound)

            member _.SetAsync(_, key, value, _) =
                values[Convert.ToHexString key] <- value
                Task.FromResult SkillReply.Done

    /// Microseconds of CPU for a sample skill that writes a note and one that reads it.
    let private skills () =
        use engine = new TwofoldEngine(EngineOptions().WithSkillPorts(SkillPorts().WithMemory(Remembered())))
        let skill = Skill.Load(Path.Combine(root, "samples", "skills", "notes"))
        let run (input: string) () = engine.Execute(ExecutionRequest.ForSkill(skill, input)) |> report |> ignore
        let write = run """{"key": "milk", "text": "two bottles"}"""
        let read = run """{"key": "milk"}"""
        Measure.warmUp 200.0 write

        let per f =
            Measure.cpuPerOperation 500 (fun n ->
                for _ in 1..n do
                    f ())
            / 1e3

        let w = per write
        struct (w, per read)

    let private commands = lazy (Path.Combine(root, "..", "shared", "testdata", "cmds"))

    /// Seconds of a process, from its start to its end, and what it printed.
    let private start (file: string) (arguments: string list) (variables: (string * string) list) =
        let info = ProcessStartInfo(file, arguments, RedirectStandardOutput = true, RedirectStandardError = true)

        for name, value in variables do
            info.Environment[name] <- value

        let from = Stopwatch.GetTimestamp()
        use p = Process.Start info
        let errors = p.StandardError.ReadToEndAsync()
        let text = p.StandardOutput.ReadToEnd()
        p.WaitForExit()
        errors.Wait()
        struct (Stopwatch.GetElapsedTime(from).TotalSeconds, text)

    /// A command by ours and by V8: best of five, by wall time.
    let private wholeProcesses (command: string) =
        let best run =
            let all = List.init 5 (fun _ -> run ())
            all |> List.minBy (fun (struct (wall, _)) -> wall)

        let row (name: string) (ours: string list) (theirs: string list) (variables: (string * string) list) =
            let struct (wall, text) = best (fun () -> start command ([ "run" ] @ ours) [])
            let runner = Path.Combine(commands.Value, "wrun.mjs")
            let struct (theirWall, theirText) = best (fun () -> start "node" ("--no-warnings" :: runner :: theirs) variables)

            if text <> theirText || text = "" then
                failwith $"{name}: not what V8 prints"

            $"| {name} | {number 2 wall} s | {number 2 theirWall} s | {number 1 (wall / theirWall)} |"

        let file name = Path.Combine(commands.Value, name)
        let folder = commands.Value

        [
            row "Go, standard library (`go-std.wasm`)" [ file "go-std.wasm" ] [ file "go-std.wasm" ] []
            row "Lua (`lua-c22-legacy.wasm t.lua`)" [ file "lua-c22-legacy.wasm"; "--dir"; $"{folder}::/:ro"; "--"; "/t.lua" ] [
                file "lua-c22-legacy.wasm"
                "/t.lua"
            ] [ "ROOT", folder ]
        ]

    /// The section's lines.
    let lines () : string list =
        let struct (bareStart, start') = starts ()
        let ran = computing |> List.map (fun name -> name, runs name)
        let struct (bareExecution, execution) = executions ()
        let struct (bareSize, size) = sizes ()
        let struct (clock, write) = wasiCalls ()
        let struct (set', get) = skills ()
        let command = Path.Combine(root, "artifacts", "twofold", "twofold")

        [
            yield "| a sandbox over the bare engine | bare | sandbox | more | asked, at most a tenth of |"
            yield "|---|---|---|---|---|"
            yield
                $"| bytes to the first answer (module returns 42) | {number 2 bareStart} ms | {number 2 start'} ms | {number 2 (start' - bareStart)} ms | 10-50 ms |"
            let ratio (struct (bare, boxed)) = boxed / bare
            let all = Measure.geomean (ran |> List.map (snd >> ratio))

            yield
                $"| one warm execution of it | {number 2 bareExecution} us | {number 1 execution} us | {number 1 (execution - bareExecution)} us | |"

            yield $"| run time, {ran.Length} kernels (geometric mean) | | | {number 1 ((all - 1.0) * 100.0)}%% | 5-20%% |"

            for name, (struct (bare, boxed) as both) in ran do
                yield $"| run time, {name} | {number 2 bare} ms | {number 2 boxed} ms | {number 1 ((ratio both - 1.0) * 100.0)}%% | |"

            yield
                $"| working set of one, of 200 that ran once | {number 2 bareSize} MiB | {number 2 size} MiB | {number 2 (size - bareSize)} MiB | 5-10 MiB |"

            yield ""
            yield "| an idle instance, working set of one | pages declared | new | after a run and its reset | of |"
            yield "|---|---|---|---|---|"

            for i in IdleBench.all root commands.Value do
                yield $"| {i.What} | {i.Pages} | {number 0 i.Fresh} KiB | {number 0 i.AfterReset} KiB | {i.Count} |"

            yield ""
            yield "| on one core | | a second |"
            yield "|---|---|---|"
            yield $"| WASI call, `clock_time_get` | {number 0 clock} ns | {number 0 (1e9 / clock)} |"
            yield $"| WASI call, `fd_write` of 16 bytes | {number 0 write} ns | {number 0 (1e9 / write)} |"
            yield $"| skill `notes`, writing a note | {number 0 set'} us | {number 0 (1e6 / set')} |"
            yield $"| skill `notes`, reading it | {number 0 get} us | {number 0 (1e6 / get)} |"

            if File.Exists command && Directory.Exists commands.Value && V8.version.IsSome then
                yield ""
                yield "| a command, process from start to end, best of five | Twofold | V8 | ratio |"
                yield "|---|---|---|---|"
                yield! wholeProcesses command
            else
                yield ""
                yield "Commands skipped: they need `dotnet fsi build.fsx build`, the test data and node."
        ]
