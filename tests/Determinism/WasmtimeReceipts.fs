module Twofold.Determinism.WasmtimeReceipts

// Wasmtime as the engine of the pipeline: the compiler's receipts, byte for byte, however it is made.
// In: generated requests over the sample contracts. Out: laws; all are skipped where libwasmtime is absent.

open NUnit.Framework
open FsCheck.FSharp
open Twofold.Wasm
open Twofold.Engine
open Twofold.Tests
open Twofold.Wasmtime
open Twofold.Determinism.World
open Twofold.Determinism.Harness
open Twofold.Determinism.Generated

/// Ways to make the engine; all give the same receipts.
let private ways: (string * (WasmtimeOptions -> WasmtimeOptions) * PoolOptions) list = [
    "plain", id, { PoolOptions.Default with ProveResets = true }
    "fresh", id, { PoolOptions.Default with IdlePerModule = 0 }
    "the library's switch for NaN", (fun o -> o.WithNan WasmtimeNan.Switch), PoolOptions.Default
    "the library's pool", (fun o -> o.WithPooledInstances 32), PoolOptions.Default
]

let private executors =
    lazy
        (ways
         |> List.choose (fun (name, change, pool) ->
             WasmtimeForTests.tryEngine name change
             |> Option.map (fun engine -> name, new Executor({ ExecutorOptions.For engine with Pool = pool }))))

let private present () =
    if executors.Value.IsEmpty then
        Assert.Ignore WasmtimeForTests.absent

    executors.Value

let private compare what (expected: ExecutionReport) (found: ExecutionReport) =
    if ReceiptBytes.encode expected.Receipt <> ReceiptBytes.encode found.Receipt then
        Assert.Fail
            $"{what}: {found.Message}, gas {found.Receipt.GasUsed}; the compiler: {expected.Message}, gas {expected.Receipt.GasUsed}"

[<Test>]
let ``the compiler and Wasmtime give the same receipts, and replay each other's`` () =
    let executors = present ()

    for request in Gen.sample 150 requests do
        let compiled = report shared request

        for name, e in executors do
            compare name compiled (report e request)

        replay (snd executors.Head) compiled.Receipt (moduleBytes request)

let private names = Repository.contracts |> List.map fst |> Array.ofList

let private sweep (name: string) (limits: int -> RequestLimits) (most: int) (steps: int) =
    let whole = request name (Tokens.furnished name) alice 9 (Transfer(bob, 5UL))

    for limit in 1 .. max 1 (most / steps) .. most do
        let limited = { whole with Limits = limits limit }
        let compiled = report shared limited

        for way, e in present () do
            compare $"{way}, limit {limit} of {most}" compiled (report e limited)

[<TestCaseSource(nameof names)>]
let ``they agree wherever gas ends`` (name: string) =
    present () |> ignore
    let whole = request name (Tokens.furnished name) alice 9 (Transfer(bob, 5UL))
    let gas = int (report shared whole).Receipt.GasUsed
    sweep name (fun limit -> { RequestLimits.None with Gas = Some(int64 limit) }) gas 150

[<TestCaseSource(nameof names)>]
let ``they agree wherever the stack ends`` (name: string) =
    sweep name (fun limit -> { RequestLimits.None with StackUnits = Some limit }) 600 60
