namespace Twofold.Conformance

// The official tests of WASI preview1 (wasi.zip): each program in a fresh world, by every engine; what it writes and its status are as its
// specification says, and its receipt replays. In: the archive. Out: one test for each program and engine.

open System
open System.Collections.Generic
open System.Text
open System.Text.Json
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Compiler
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Tests

/// Programs for tests: a world, a request, an executor for each engine.
module WasiPrograms =
    let names = [ "compiled"; "tiered"; "interpreter"; "wasmtime" ]

    let private executors = Collections.Concurrent.ConcurrentDictionary<string, Lazy<Executor option>>()

    let private make (name: string) : Executor option =
        let engine: IWasmEngine option =
            match name with
            | "compiled" -> Some(CompiledEngine CompileWhen.FirstCall)
            | "tiered" -> Some(CompiledEngine(TierPolicy.random 2 20 InterpMode.Chain))
            | "interpreter" -> Some(InterpretedEngine())
            | _ -> WasmtimeForTests.tryPlain () |> Option.map (fun e -> e :> IWasmEngine)

        engine |> Option.map (fun e -> new Executor(ExecutorOptions.For e))

    /// The executor of an engine, one for the process; the test is ignored where the engine is absent.
    let executor (name: string) : Executor =
        match (executors.GetOrAdd(name, fun n -> lazy (make n))).Value with
        | Some e -> e
        | None ->
            Assert.Ignore WasmtimeForTests.absent
            invalidOp "ignored"

    let request (wasm: byte[]) (entry: string) (world: WasiWorld) : ExecutionRequest = {
        Request.contract wasm entry Address.zero Address.zero Snapshot.empty with
            Convention = Convention.Raw []
            Profile = Profile.hostProfile
            Wasi = Some world
    }

    let run (executor: Executor) (request: ExecutionRequest) : ExecutionReport =
        match executor.Execute request with
        | Ok report -> report
        | Error refusal -> failwith $"{refusal}"

    let text (bytes: byte[]) = Encoding.UTF8.GetString bytes

    let same (seen: byte[]) (expected: byte[]) =
        Assert.That(seen.AsSpan().SequenceEqual(expected.AsSpan()), $"seen: {text seen}\nexpected: {text expected}")

    let replays (executor: Executor) (report: ExecutionReport) (wasm: byte[]) =
        match executor.Replay(report.Receipt, wasm) with
        | ReplayResult.Identical digest -> Assert.That(digest, Is.EqualTo report.ReceiptDigest)
        | other -> Assert.Fail $"the replay: {other}"

[<TestFixture; Parallelizable(ParallelScope.All)>]
type WasiSuite() =
    static let languages = [ "c"; "assemblyscript"; "rust" ]

    /// Programs that say what they do, of which their specifications say nothing: only their status is compared.
    static let talkative = [ "rust/path_open_preopen"; "rust/poll_oneoff_stdio" ]

    static let archive = lazy (TestData.archive "wasi.zip")

    /// A folder of the archive as entries of a directory in memory.
    static let rec entries (files: (string * byte[]) list) : (string * WasiNode) list =
        files
        |> List.groupBy (fun (path, _) -> path.Split('/')[0])
        |> List.map (fun (name, inside) ->
            match inside with
            | [ path, content ] when path = name -> name, WasiNode.File content
            | _ ->
                name, WasiNode.Directory(inside |> List.map (fun (path, content) -> path.Substring(name.Length + 1), content) |> entries))
        |> List.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))

    static let tree (folder: string) =
        archive.Value.Names
        |> Array.filter (fun n -> n.StartsWith(folder + "/", StringComparison.Ordinal))
        |> Array.map (fun n -> n.Substring(folder.Length + 1), archive.Value.Read n)
        |> List.ofArray
        |> entries

    static member Cases: IEnumerable<TestCaseData> =
        match TestData.tryFolder () with
        | Some folder when IO.File.Exists(IO.Path.Combine(folder, "wasi.zip")) ->
            seq {
                for name in archive.Value.Names |> Array.sort do
                    if name.EndsWith ".wasm" && languages |> List.exists (fun l -> name.StartsWith(l + "/")) then
                        for engine in WasiPrograms.names do
                            TestCaseData(name.Replace(".wasm", ""), engine)
            }
        | _ -> seq { TestCaseData("absent", "") }

    [<TestCaseSource(nameof WasiSuite.Cases)>]
    member _.``a program of the suite``(name: string, engine: string) =
        if name = "absent" then
            Assert.Ignore TestData.absent

        let executor = WasiPrograms.executor engine
        let wasm = archive.Value.Read(name + ".wasm")

        use spec =
            let file = name + ".json"

            JsonDocument.Parse(
                if archive.Value.Names |> Array.contains file then
                    WasiPrograms.text (archive.Value.Read file)
                else
                    "{}"
            )

        let property (key: string) (read: JsonElement -> 'T) (fallback: 'T) =
            match spec.RootElement.TryGetProperty key with
            | true, v when v.ValueKind <> JsonValueKind.Null -> read v
            | _ -> fallback

        let args = property "args" (fun v -> [ for a in v.EnumerateArray() -> a.GetString() ]) []
        let root = property "root" _.GetString() ""

        let world = {
            WasiWorld.empty with
                Args = name.Split('/')[1] + ".wasm" :: args
                Env = property "env" (fun v -> [ for p in v.EnumerateObject() -> p.Name, p.Value.GetString() ]) []
                Preopens =
                    if root = "" then
                        []
                    else
                        [ { Guest = "/"; Grant = WasiGrant.All; Content = WasiDirectory.Memory(tree (name.Split('/')[0] + "/" + root)) } ]
        }

        let report = WasiPrograms.run executor (WasiPrograms.request wasm "_start" world)
        let seen = $"{report.Message}\n{WasiPrograms.text report.Output}{WasiPrograms.text report.ErrorOutput}"
        Assert.That(report.ExitStatus, Is.EqualTo(Some(property "exit_code" _.GetInt32() 0)), seen)

        if not (List.contains name talkative) then
            Assert.That(WasiPrograms.text report.Output, Is.EqualTo(property "stdout" _.GetString() ""))

        WasiPrograms.replays executor report wasm
