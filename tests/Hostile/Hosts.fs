/// Attacks on hosts: calls to and fro, plugins that call plugins, executions that start executions, allocators that lie, input that never comes.
/// In: sandboxes and plugins with functions that forward what guests want. Out: attacks.
module Twofold.Hostile.Hosts

open System
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks
open NUnit.Framework
open Twofold
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Hostile.Attack

let private family = "Hosts"

let private result (t: Task<'T>) : 'T = t.GetAwaiter().GetResult()

let private tell (r: SandboxResult) =
    match r.End with
    | SandboxEnd.Returned -> $"returns {r.Values[0].AsI32()}"
    | SandboxEnd.Trapped -> r.Error
    | other -> (string other).ToLowerInvariant()

/// The same on every engine; nothing runs on afterwards.
let private onEngines (name: string) (work: IWasmEngine -> string) : string =
    let ends = Everywhere.pooled |> List.map (fun (engine, e) -> engine, work e.Options.Engine)
    let _, first = ends.Head

    for engine, other in ends do
        Assert.That(other, Is.EqualTo first, $"{name}, {engine}")

    first

let private attack name stops ends work = { Family = family; Name = name; Stops = stops; Ends = ends; Run = fun () -> onEngines name work }

/// Executes `run` in a sandbox that is made so; then everything ends that was started.
let private sandboxed (change: (unit -> Sandbox) -> SandboxOptions -> SandboxOptions) (wat: string) (engine: IWasmEngine) : string =
    let mutable made: Sandbox = null
    let own () = made

    made <- Sandbox.Create(change own (SandboxOptions().WithEngine(engine).WithDeadline(TimeSpan.FromSeconds 20.0)))
    made.LoadAsync(Everywhere.wasm wat) |> _.GetAwaiter().GetResult()
    let r = result (made.ExecuteAsync("run", Value.I32 0))
    let clock = Stopwatch.StartNew()

    while made.Running > 0 && clock.Elapsed < TimeSpan.FromSeconds 30.0 do
        Thread.Sleep 5

    Assert.That(made.Running, Is.Zero, "executions go on after the one that started them")
    made.DisposeAsync().AsTask().GetAwaiter().GetResult()
    tell r

/// `run` adds one and asks the host.
let private asks =
    """(module (import "host" "ask" (func $ask (param i32) (result i32))) (memory (export "memory") 1)
         (func (export "run") (param i32) (result i32) (call $ask (i32.add (local.get 0) (i32.const 1)))))"""

/// An alloc that asks for room in turn, and one that gives the same place always.
let private lying (alloc: string) =
    $"""(module (import "host" "text" (func $text (result i64))) (memory (export "memory") 1)
         (func (export "alloc") (param i32) (result i32) {alloc})
         (func (export "run") (param i32) (result i32) (i32.wrap_i64 (call $text))))"""

let private withText (_: unit -> Sandbox) (o: SandboxOptions) =
    o.WithHostFunction("host", "text", Func<HostCaller, int64>(fun c -> c.Return "a text"))

let private isRejected (e: PluginException) = e.Result.End = SandboxEnd.Rejected

/// Plugins in a ring: each asks the host to call the next. How many calls there were when one was refused.
let private ring (count: int) (engine: IWasmEngine) : string =
    let mutable plugins: Plugin[] = [||]

    let ask =
        Func<int, int>(fun n ->
            try
                (plugins[n % count].Bind<Func<int, int>> "run").Invoke n
            with :? PluginException as e when isRejected e ->
                n)

    let options = SandboxOptions().WithEngine(engine).WithMaxConcurrency(2).WithHostFunction("host", "ask", ask)
    let host = new PluginHost(options)
    plugins <- [| for i in 1..count -> result (host.LoadAsync($"p{i}", Everywhere.wasm asks)) |]
    let r = (plugins[0].Bind<Func<int, int>> "run").Invoke 0
    host.DisposeAsync().AsTask().GetAwaiter().GetResult()
    $"returns {r}"

/// Executions that each start more of their own sandbox and wait for them: for ever, unless all of them return.
let private forks (count: int) =
    sandboxed
        (fun own o ->
            let ask =
                Func<HostCaller, int, Task<int>>(fun caller n ->
                    task {
                        let! all = Task.WhenAll [ for _ in 1..count -> own().ExecuteAsync("run", Value.I32 n) ]

                        if all |> Array.exists (fun r -> not r.Success) then
                            do! Task.Delay(Timeout.Infinite, caller.CancellationToken)

                        return n
                    })

            o.WithHostFunction("host", "ask", ask).WithMaxConcurrency(3).WithDeadline(TimeSpan.FromMilliseconds 300.0))
        asks

// ---- standard input

/// Gives a byte each time, for ever; or never anything.
type private Drip(endless: bool) =
    inherit Stream()
    let over = new ManualResetEventSlim()
    override _.CanRead = true
    override _.CanWrite = false
    override _.CanSeek = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Flush() = ()
    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Write(_: byte[], _: int, _: int) = raise (NotSupportedException())

    override _.Read(into: byte[], at: int, _: int) =
        if endless then
            into[at] <- 7uy
            1
        else
            over.Wait()
            0

    override _.Dispose(_: bool) = over.Set()

let private reads =
    Everywhere.wasm
        $"""(module {Sweep.imports AbiTable.wasi} (memory (export "memory") 1) (data (i32.const 0) "\00\04\00\00\00\04\00\00")
            (func (export "run") (result i32)
              (loop $l
                (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)) (then (return (i32.const -1))))
                (br_if $l (i32.load (i32.const 16)))) (i32.const 0)))"""

let private reading (stream: Stream) profile = {
    request profile unlimited reads with
        Wasi = Some { WasiWorld.empty with Input = WasiInput.Host }
        WasiHost = WasiHosts.source { WasiGrants.None with Input = stream }
}

// ---- directories of the host

let private opens (name: string) =
    Everywhere.wasm
        $"""(module {Sweep.imports AbiTable.wasi} (memory (export "memory") 1) (data (i32.const 0) "{name}")
            (func (export "run") (result i32)
              (call $path_open (i32.const 3) (i32.const 1) (i32.const 0) (i32.const {name.Length}) (i32.const 0)
                (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 4096))))"""

let private inHostDirectory name stops ends (file: string) (make: string -> unit) = {
    Family = family
    Name = name
    Stops = stops
    Ends = ends
    Run =
        fun () ->
            if not (OperatingSystem.IsLinux()) then
                Assert.Ignore "directories of the host are granted on Linux"

            let top = Directory.CreateTempSubdirectory "twofold-hostile-"

            try
                make top.FullName

                let world = {
                    WasiWorld.empty with
                        Preopens = [ { Guest = "/"; Grant = WasiGrant.ReadOnly; Content = WasiDirectory.Host } ]
                }

                let request = {
                    request cell unlimited (opens file) with
                        Wasi = Some world
                        WasiHost = WasiHosts.source { WasiGrants.None with Directories = Map [ "/", top.FullName ] }
                }

                Everywhere.ending (Everywhere.attack name request)
            finally
                top.Delete true
}

// ---- much at a time

/// Modules that each hold all the memory and all the table entries that they may, at the same time and then idle.
let private crowd (count: int) () : string =
    let modules = [|
        for i in 1..count ->
            Everywhere.wasm
                $"""(module (memory 1024) (table 1000000 funcref)
                    (func (export "run") (result i32) (memory.fill (i32.const 0) (i32.const {i}) (i32.const 0x4000000)) (i32.const 0)))"""
    |]

    let bytes () =
        GC.Collect()
        GC.WaitForPendingFinalizers()
        GC.Collect()
        use p = Process.GetCurrentProcess()
        p.WorkingSet64

    use executor = new Executor(ExecutorOptions.For(CompiledEngine()))
    let before = bytes ()
    let reports = Array.map (fun wasm -> executor.Execute(request roomy unlimited wasm)) modules
    let idle = bytes () - before
    executor.Clear()
    let after = bytes () - before
    TestContext.Progress.WriteLine $"{count} idle instances: {idle >>> 20} MiB more; cleared: {after >>> 20} MiB"
    // Memories give their pages back when they are reset; tables keep their entries.
    Assert.That(idle, Is.LessThan(int64 count * (128L <<< 20)), "bytes of idle instances")
    Assert.That(after, Is.LessThan(256L <<< 20), "bytes when everything was dropped")
    reports |> Array.map Everywhere.ending |> Array.distinct |> String.concat ", "

let attacks: Attack list = [
    {
        Family = family
        Name = "ten modules, each with 64 MiB of memory written and a million table entries, kept idle"
        Stops = "a reset gives memory back; `Clear` and the cache's bound give back the rest"
        Ends = "returns 0"
        Run = crowd 10
    }
    attack
        "guest and host that call each other"
        "the depth of calls back: 8"
        "trapped: re-entered 8 times"
        (sandboxed
            (fun _ o -> o.WithHostFunction("host", "ask", Func<HostCaller, int, int>(fun c n -> (c.Call("run", Value.I32 n)[0]).AsI32())))
            asks)
    attack
        "an `alloc` that asks the host, which calls `alloc`"
        "the same"
        "trapped: re-entered 8 times"
        (sandboxed withText (lying "(i32.wrap_i64 (call $text))"))
    attack
        "an `alloc` that gives a place outside memory"
        "the check of ranges"
        "trapped: host function given 6 byte(s) at address 4294967295, memory size 65536"
        (sandboxed withText (lying "(i32.const -1)"))
    attack "an `alloc` without end" "the deadline" "timeout"
    <| sandboxed (fun own o -> (withText own o).WithDeadline(TimeSpan.FromMilliseconds 200.0)) (lying "(loop $l (br $l)) (unreachable)")
    attack "a plugin that calls itself through the host" "executions nest 8 deep; those on one thread share a turn" "returns 8" (ring 1)
    attack "three plugins that call each other in a ring" "the same" "returns 8" (ring 3)
    attack "executions that each start another and wait for it" "turns; the first one's deadline ends all of them" "timeout" (forks 1)
    attack "executions that each start two more" "the same" "timeout" (forks 2)
    byRequest family "standard input that gives a byte at a time, for ever" "the journal's limit" "trap 64 JournalFull" (fun () ->
        reading (new Drip(true)) cell)
    {
        byTime family "standard input that never answers" (fun () -> reads) with
            Run =
                fun () ->
                    use silence = new Drip(false)
                    Everywhere.ending (Everywhere.agree "silence" -1 (reading silence timed))
    }
    inHostDirectory "links to each other in a granted directory" "the host's own limit on links" $"returns {Errno.Loop}" "a" (fun top ->
        File.CreateSymbolicLink(Path.Combine(top, "a"), "b") |> ignore
        File.CreateSymbolicLink(Path.Combine(top, "b"), "a") |> ignore)
    inHostDirectory "a link out of a granted directory" "no path leaves what was granted" $"returns {Errno.Perm}" "a" (fun top ->
        File.CreateSymbolicLink(Path.Combine(top, "a"), "/etc/passwd") |> ignore)
    inHostDirectory
        "a pipe in a granted directory"
        "only files and directories are opened, and opening never waits"
        $"returns {Errno.Notsup}"
        "pipe"
        (fun top ->
            use p = Process.Start("mkfifo", Path.Combine(top, "pipe"))
            p.WaitForExit())
]
