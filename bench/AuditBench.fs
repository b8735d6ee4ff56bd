namespace Twofold.Bench

// `audit`: what an audit costs. Replays a second on one core under each engine beside plain execution, and how time and memory grow with the corpus.
// In: how many receipts at most. Out: tables; every receipt must be identical, otherwise there is no figure.

open System
open System.Collections.Generic
open System.Diagnostics
open System.Globalization
open System.IO
open System.Threading
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Engine.Audit
open Twofold.Determinism
open Twofold.Determinism.World

module AuditBench =
    let private orFail what (r: Result<'a, 'e>) =
        match r with
        | Ok x -> x
        | Error e -> failwith $"{what}: {e}"

    let private number (x: float) = x.ToString("#,0", CultureInfo.InvariantCulture)

    /// The token corpus: transfers of every sample, each with a transaction of its own.
    let private requests =
        lazy
            (use e = new Executor(ExecutorOptions.For(CompiledEngine()))

             let worlds =
                 Repository.contracts
                 |> List.map (fun (name, _) ->
                     let step (snapshot, n) (caller, call) =
                         let report = e.Execute(request name snapshot caller n call) |> orFail name
                         apply report.Receipt.Draft.Value snapshot, n + 1

                     let snapshot, _ =
                         [ owner, Initialize("Gold", "GLD"); owner, Mint(alice, 60UL); owner, Mint(alice, 40UL) ]
                         |> List.fold step (empty, 1)

                     name, snapshot)
                 |> Array.ofList

             fun (n: int) ->
                 let name, snapshot = worlds[n % worlds.Length]
                 request name snapshot alice (n + 10) (Transfer(bob, uint64 (1 + n % 90))))

    /// A corpus of this many receipts in a new folder.
    let private record (count: int) : string =
        let folder = Directory.CreateTempSubdirectory("twofold-bench-").FullName
        use e = new Executor(ExecutorOptions.For(CompiledEngine()))
        let writer = CorpusWriter.Open(Path.Combine(folder, "corpus"), false) |> orFail "corpus"

        for batch in Seq.init count id |> Seq.chunkBySize 1000 do
            batch
            |> Seq.map (fun n ->
                let request = requests.Value n
                let receipt = (e.Execute request |> orFail "execute").Receipt

                match request.Module with
                | ModuleSource.Bytes bytes -> receipt, bytes
                | ModuleSource.Stored _ -> failwith "unreachable")
            |> writer.AppendAll
            |> orFail "append"
            |> ignore

        Path.Combine(folder, "corpus")

    let private inputs (corpus: string) (count: int) : AuditInput seq =
        Corpus.items corpus []
        |> orFail corpus
        |> Seq.truncate count
        |> Seq.map (fun item ->
            let item = orFail corpus item

            {
                Name = item.Name
                CommandLine = ""
                Load =
                    fun () ->
                        item.Load()
                        |> Result.bind (fun entry -> entry.LoadModule() |> Result.map (fun wasm -> struct (entry.Receipt, wasm)))
                        |> Result.mapError string
            })

    /// The most memory that the process held while receipts passed by, in MiB.
    [<Sealed>]
    type private Watcher() =
        let mutable most = 0L
        let mutable seen = 0
        member _.Most = float most / 1048576.0

        interface IAuditSink with
            member _.Add _ =
                seen <- seen + 1

                if seen % 64 = 1 then
                    most <- max most Environment.WorkingSet

            member _.End _ = most <- max most Environment.WorkingSet

    let private audit (o: AuditOptions) (watcher: Watcher) (corpus: string) (count: int) : AuditSummary =
        let summary = Auditor.run o [] [ watcher ] CancellationToken.None (inputs corpus count)

        if summary.ExitCode <> 0 || summary.Receipts <> int64 count then
            failwith $"{summary.Sentence}: no figure is made of that"

        summary

    /// Replays a second of one variant, from an audit that makes no others, on one thread.
    let private rate (engine: IWasmEngine) instance modul corpus count =
        let o = { AuditOptions.For [ engine ] with Instances = [ instance ]; Modules = [ modul ]; Threads = 1 }

        // Warms the auditor's own code; each audit has a cache of its own, so a figure contains loading every module once.
        audit o (Watcher()) corpus (min count 64) |> ignore
        let summary = audit o (Watcher()) corpus count
        float count / summary.Elapsed.TotalSeconds

    /// Executions a second on one thread, pooled: the rate to compare with.
    let private plain (engine: IWasmEngine) (count: int) =
        use e = new Executor(ExecutorOptions.For engine)
        let all = Array.init count requests.Value

        for r in all |> Seq.truncate 64 do
            e.Execute r |> orFail "execute" |> ignore

        let watch = Stopwatch.StartNew()

        for r in all do
            e.Execute r |> orFail "execute" |> ignore

        float count / watch.Elapsed.TotalSeconds

    let private engines () : IWasmEngine list =
        [ CompiledEngine(); InterpretedEngine() ]
        @ (Twofold.Tests.WasmtimeForTests.tryPlain () |> Option.map (fun e -> e :> IWasmEngine) |> Option.toList)

    let private rates corpus (count: int) = [
        "| engine | executions/s, pooled | replays/s: pooled, cached | fresh, cached | pooled, cold | fresh, cold | replay / execution, pooled |"
        "|---|---|---|---|---|---|---|"
        for engine in engines () do
            let executions = plain engine count
            let pooled = rate engine InstanceKind.Pooled ModuleKind.Cached corpus count
            let fresh = rate engine InstanceKind.Fresh ModuleKind.Cached corpus count
            let coldPooled = rate engine InstanceKind.Pooled ModuleKind.Cold corpus (min count 64)
            let coldFresh = rate engine InstanceKind.Fresh ModuleKind.Cold corpus (min count 64)
            let ratio = (executions / pooled).ToString("F2", CultureInfo.InvariantCulture)

            $"| {engine.Name} | {number executions} | {number pooled} | {number fresh} | {number coldPooled} | {number coldFresh} | {ratio} |"
    ]

    let private growth corpus (most: int) = [
        "| receipts | replays | seconds | receipts/s | most memory held, MiB |"
        "|---|---|---|---|---|"
        for count in [ 1; 10; 100; 1_000; 10_000; 100_000 ] |> List.filter (fun n -> n <= most) do
            let o = { AuditOptions.For [ CompiledEngine() ] with Modules = [ ModuleKind.Cached ] }
            GC.Collect()
            let watcher = Watcher()
            let summary = audit o watcher corpus count
            let seconds = summary.Elapsed.TotalSeconds
            let replays = summary.Variants |> List.sumBy _.Replays
            let shown = seconds.ToString("F2", CultureInfo.InvariantCulture)

            $"| {number (float count)} | {number (float replays)} | {shown} | {number (float count / seconds)} | {number watcher.Most} |"
    ]

    /// Both tables.
    let lines (most: int) : string list =
        let corpus = record most

        try
            rates corpus (min most 20_000)
            @ [ ""; $"Growing corpora, compiled engine, fresh and pooled, cached, on {Environment.ProcessorCount} threads:"; "" ]
            @ growth corpus most
        finally
            Directory.Delete(Path.GetDirectoryName corpus, true)
