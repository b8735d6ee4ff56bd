namespace Twofold.Conformance

// Real programs from `cmds`: databases, interpreters, compressors, a Go and a Kotlin program. What they write and their status are those recorded of
// the native tools, on every engine; their receipts are one, replay, and audit clean. In: modules with inputs. Out: one test for each program.

open System
open System.IO
open System.IO.Compression
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Engine.Audit
open Twofold.Tests

[<TestFixture; Parallelizable(ParallelScope.All)>]
type WasiCommands() =
    static let file (name: string) = File.ReadAllBytes(TestData.path (Path.Combine("cmds", name)))

    static let input name = WasiInput.Bytes(file name)

    /// A directory in memory with one file.
    static let holding name = [ { Guest = "/"; Grant = WasiGrant.All; Content = WasiDirectory.Memory [ name, WasiNode.File(file name) ] } ]

    static let lua (engine: string) =
        engine,
        "_start",
        (fun () -> { WasiWorld.empty with Args = [ "lua"; "t.lua"; "x" ]; Preopens = holding "t.lua" }),
        (fun (r: ExecutionReport) -> WasiPrograms.same r.Output (file "t.lua.expected")),
        0

    static let unpacked (bytes: byte[]) =
        use packed = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress)
        use plain = new MemoryStream()
        packed.CopyTo plain
        plain.ToArray()

    /// Module, entry, world, what is expected of its output, status.
    static let programs = [
        "sqlite3",
        "_start",
        (fun () -> { WasiWorld.empty with Args = [ "sqlite3" ]; Input = input "t.sql" }),
        (fun (r: ExecutionReport) -> WasiPrograms.same r.Output (file "t.sql.expected")),
        0
        lua "lua-c19-legacy"
        lua "lua-c22-legacy"
        lua "lua-c22-new"
        "minigzip",
        "_start",
        (fun () -> { WasiWorld.empty with Args = [ "minigzip" ]; Input = input "t.sql" }),
        (fun r -> WasiPrograms.same (unpacked r.Output) (file "t.sql")),
        0
        "go-std",
        "_start",
        (fun () -> { WasiWorld.empty with Args = [ "go-std" ] }),
        (fun r -> WasiPrograms.same r.Output (file "go-std.expected")),
        3
        "kotlin-gc", "_initialize", (fun () -> WasiWorld.empty), (fun r -> WasiPrograms.same r.Output (file "kotlin-gc.expected")), 0
    ]

    /// Not in every test run: Wasmtime takes two minutes and 3 GB to compile Go's runtime and library when they are instrumented.
    /// `dotnet fsi build.fsx commands` runs it all; docs/WASI.md has what came of it.
    static let isSlow (name: string) (engine: string) =
        name = "go-std" && engine = "wasmtime" && Environment.GetEnvironmentVariable "TWOFOLD_COMMANDS" <> "all"

    static member Names = programs |> List.map (fun (name, _, _, _, _) -> name)

    [<TestCaseSource(nameof WasiCommands.Names)>]
    member _.``a command gives the recorded output on every engine, with one receipt``(name: string) =
        let _, entry, world, expected, status = programs |> List.find (fun (n, _, _, _, _) -> n = name)
        let wasm = file (name + ".wasm")
        let request = WasiPrograms.request wasm entry (world ())
        let mutable first: Hash32 voption = ValueNone
        let mutable engines = 0

        for engine in WasiPrograms.names do
            let isAbsent = engine = "wasmtime" && (WasmtimeForTests.tryPlain ()).IsNone

            if not isAbsent && not (isSlow name engine) then
                let report = WasiPrograms.run (WasiPrograms.executor engine) request
                Assert.That(report.ExitStatus, Is.EqualTo(Some status), $"{engine}: {report.Message}")
                expected report
                engines <- engines + 1

                match first with
                | ValueNone ->
                    first <- ValueSome report.ReceiptDigest
                    // The receipt as a file has it, replayed without anything but the module.
                    match ReceiptBytes.decode (ReceiptBytes.encode report.Receipt) with
                    | Ok receipt -> WasiPrograms.replays (WasiPrograms.executor engine) { report with Receipt = receipt } wasm
                    | Error why -> Assert.Fail why
                | ValueSome digest -> Assert.That(report.ReceiptDigest, Is.EqualTo digest, engine)

        Assert.That(engines, Is.GreaterThan 0)

    /// bzip2 both ways: what it makes is what it takes, and used instances give what new ones give.
    [<Test>]
    member _.``bzip2 packs and unpacks, in new and in used instances``() =
        let wasm = file "bzip2.wasm"
        let executor = WasiPrograms.executor "compiled"

        let bzip2 args input =
            let world = { WasiWorld.empty with Args = "bzip2" :: args; Input = WasiInput.Bytes input }
            WasiPrograms.run executor (WasiPrograms.request wasm "_start" world)

        let packed = bzip2 [ "-c" ] (file "t.sql")
        WasiPrograms.same (packed.Output[0..2]) ("BZh"B)
        let plain = bzip2 [ "-dc" ] packed.Output
        WasiPrograms.same plain.Output (file "t.sql")
        Assert.That(plain.PoolHit)
        let again = bzip2 [ "-c" ] (file "t.sql")
        Assert.That(again.PoolHit)
        Assert.That(again.ReceiptDigest, Is.EqualTo packed.ReceiptDigest)

    /// A file system that is written to a lot: a database in a file, and its receipt audited in every way.
    [<Test>]
    member _.``a database in a file in memory, audited in every way``() =
        let wasm = file "sqlite3.wasm"

        let sql =
            "create table t(a integer primary key, b text); with recursive n(i) as (select 1 union all select i+1 from n where i<2000) "
            + "insert into t select i, printf('k%05d', i) from n; update t set b = b || 'x' where a%7=0; select count(*), sum(length(b)) from t;"

        let world = {
            WasiWorld.empty with
                // WASI has no locks, and this build was not told so.
                Args = [ "sqlite3"; "-vfs"; "unix-none"; "/data.db" ]
                Input = WasiInput.Bytes(Utf8.bytes sql)
                Preopens = [ { Guest = "/"; Grant = WasiGrant.All; Content = WasiDirectory.Memory [] } ]
        }

        let request = WasiPrograms.request wasm "_start" world
        let report = WasiPrograms.run (WasiPrograms.executor "compiled") request
        Assert.That(WasiPrograms.text report.Output, Is.EqualTo "2000|12285\n", WasiPrograms.text report.ErrorOutput)

        let wrote =
            report.Receipt.Journal
            |> List.filter (fun e ->
                match e.Effect with
                | Effect.Wasi(WasiEffect.FdWrite(fd, _)) when fd > 2u -> true
                | _ -> false)

        Assert.That(wrote.Length, Is.GreaterThan 20)

        let others: IWasmEngine list = [
            InterpretedEngine()
            match WasmtimeForTests.tryPlain () with
            | Some e -> e
            | None -> ()
        ]

        let input: AuditInput = { Name = "database.json"; CommandLine = ""; Load = fun () -> Ok(struct (report.Receipt, wasm)) }

        // New and used instances of every engine; the compiler's two ways have one name, and one audit each.
        let engines: IWasmEngine list list = [ CompiledEngine CompileWhen.FirstCall :: others; [ CompiledEngine CompileWhen.Hot ] ]

        for engines in engines do
            let options = { AuditOptions.For engines with Modules = [ ModuleKind.Cached ]; Threads = 2 }
            let summary = Auditor.run options [] [] CancellationToken.None [ input ]
            Assert.That(summary.ExitCode, Is.EqualTo 0, summary.Sentence)
            Assert.That(summary.Variants |> Seq.sumBy _.Replays, Is.EqualTo(int64 (2 * engines.Length)))

    /// A reactor: its exports find it initialised, in every run anew.
    [<Test>]
    member _.``an export of a reactor is called after _initialize, on the same gas``() =
        let wat =
            "(module (global $g (mut i32) (i32.const 0)) (func (export \"_initialize\") (global.set $g (i32.add (global.get $g) (i32.const 40)))) "
            + "(func (export \"more\") (param i32) (result i32) (i32.add (global.get $g) (local.get 0))))"

        let request = { WasiPrograms.request (Utf8.bytes wat) "more" WasiWorld.empty with Convention = Convention.Raw [ 2UL ] }

        let outcome (request: ExecutionRequest) engine =
            let executor = WasiPrograms.executor engine
            WasiPrograms.run executor request |> ignore
            let report = WasiPrograms.run executor request
            WasiPrograms.replays executor report (Utf8.bytes wat)
            report

        let engines = WasiPrograms.names |> List.filter (fun e -> e <> "wasmtime" || (WasmtimeForTests.tryPlain ()).IsSome)

        for engine in engines do
            let report = outcome request engine

            match report.Receipt.Outcome with
            | Outcome.Returned [ value ] -> Assert.That(value.Low, Is.EqualTo 42UL, engine)
            | other -> Assert.Fail $"{engine}: {Outcome.describe other}"

            Assert.That((report.ReceiptDigest = (outcome request "compiled").ReceiptDigest), engine)

            // Gas that is enough for the initialiser only.
            let short = { request with Limits = { RequestLimits.None with Gas = Some(report.Receipt.GasUsed - 1L) } }
            Assert.That(((outcome short engine).Receipt.Outcome = Outcome.OutOfGas), engine)
            // Without a world it is an export like any other.
            let plain = { request with Wasi = None }

            match (outcome plain engine).Receipt.Outcome with
            | Outcome.Returned [ value ] -> Assert.That(value.Low, Is.EqualTo 2UL, engine)
            | other -> Assert.Fail $"{engine}: {Outcome.describe other}"

    /// What these programs found: a constant was put where the second term of the address still lay.
    [<Test>]
    member _.``a constant stored at a sum of a local and a loaded term``() =
        let wat =
            "(module (memory 1) (func (export \"run\") (param i32 i32) (result i32) (local i32) "
            + "(local.set 2 (i32.add (local.get 0) (i32.const 0))) (i32.store offset=8 (local.get 2) (i32.const 1000)) "
            + "(i32.store8 (i32.add (local.get 1) (i32.load offset=8 (local.get 2))) (i32.const 31)) "
            + "(i32.store16 offset=2 (i32.add (i32.load offset=8 (local.get 2)) (local.get 1)) (i32.const 32)) (i32.load (i32.const 1000))))"

        for engine in WasiPrograms.names |> List.except [ "wasmtime" ] do
            let request = { WasiPrograms.request (Utf8.bytes wat) "run" WasiWorld.empty with Convention = Convention.Raw [ 64UL; 0UL ] }

            match (WasiPrograms.run (WasiPrograms.executor engine) request).Receipt.Outcome with
            | Outcome.Returned [ value ] -> Assert.That(value.Low, Is.EqualTo(0x20001FUL), engine)
            | other -> Assert.Fail $"{engine}: {Outcome.describe other}"
