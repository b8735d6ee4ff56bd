module Twofold.Determinism.Harness

// The one harness that runs the invariants on every case: twice, fresh and pooled, cold and cached, in parallel, replayed; all receipts
// must be the same bytes. In: a request. Out: the receipt, or a failed test that says which way of running differs.

open System.Threading.Tasks
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine

let newEngine () : IWasmEngine = CompiledEngine CompileWhen.FirstCall

let executor (pool: PoolOptions) = new Executor({ ExecutorOptions.For(newEngine ()) with Pool = pool })

/// Shared by all tests: its instances have been used by everything before.
let shared = executor { PoolOptions.Default with ProveResets = true }

/// Never uses an instance twice.
let fresh = executor { PoolOptions.Default with IdlePerModule = 0 }

let report (e: Executor) (request: ExecutionRequest) : ExecutionReport =
    match e.Execute request with
    | Ok report -> report
    | Error refusal ->
        Assert.Fail $"no receipt: {refusal}"
        failwith "unreachable"

let rejected (e: Executor) (request: ExecutionRequest) : Rejected =
    match e.Execute request with
    | Error(Refusal.Rejected r) -> r
    | Error other ->
        Assert.Fail $"not a rejection: {other}"
        failwith "unreachable"
    | Ok report ->
        Assert.Fail $"not rejected: {report.Message}"
        failwith "unreachable"

let private bytes (r: ExecutionReport) = ReceiptBytes.encode r.Receipt

let private same what (expected: ExecutionReport) (actual: ExecutionReport) =
    if bytes expected <> bytes actual then
        let a, b = ReceiptJson.toJson expected.Receipt, ReceiptJson.toJson actual.Receipt
        let lines (s: string) = s.Split '\n'
        let differing = Seq.zip (lines a) (lines b) |> Seq.filter (fun (x, y) -> x <> y) |> Seq.truncate 5
        Assert.Fail $"{what} gives another receipt: %A{List.ofSeq differing}"

let replay (e: Executor) (receipt: Receipt) (moduleBytes: byte[]) =
    match e.Replay(receipt, moduleBytes) with
    | ReplayResult.Identical _ -> ()
    | other -> Assert.Fail $"the replay: {other}"

let moduleBytes (r: ExecutionRequest) =
    match r.Module with
    | ModuleSource.Bytes b -> b
    | ModuleSource.Stored _ -> failwith "a stored module"

/// Runs the request in every way and gives the one receipt that all agree on.
let everyWay (request: ExecutionRequest) : ExecutionReport =
    let first = report fresh request
    same "a second fresh instance" first (report fresh request)
    same "a pooled instance" first (report shared request)
    same "the same instance again" first (report shared request)

    use cold = executor PoolOptions.Default
    same "a new engine" first (report cold request)

    let parallelReports = Array.zeroCreate 4
    Parallel.For(0, 4, (fun i -> parallelReports[i] <- report shared request)) |> ignore
    parallelReports |> Array.iter (same "a parallel run" first)

    replay fresh first.Receipt (moduleBytes request)
    replay shared first.Receipt (moduleBytes request)
    first

/// The token's outcome as a status.
let status (r: ExecutionReport) =
    match r.Receipt.Outcome with
    | Outcome.Returned _ -> 0
    | Outcome.Failed status -> status
    | other -> failwith $"{Outcome.describe other}"
