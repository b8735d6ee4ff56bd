module Twofold.Determinism.EngineVsEngine

// Two engines that share no code beyond decoding and validation, one pipeline: the same receipt, byte for byte.
// In: generated requests over the sample contracts. Out: laws; a receipt made by the compiler is replayed by the tree-walker of tests/Oracle.

open NUnit.Framework
open FsCheck.NUnit
open Twofold.Engine
open Twofold.Determinism.World
open Twofold.Determinism.Harness
open Twofold.Determinism.Generated

let private oracle = new Executor(ExecutorOptions.For(Twofold.Oracle.OracleEngine()))

[<Property(Arbitrary = [| typeof<Requests> |], MaxTest = 200)>]
let ``the compiler and the oracle give the same receipt`` (shown: Shown) =
    let compiled = report shared shown.Request
    let walked = report oracle shown.Request

    if ReceiptBytes.encode compiled.Receipt <> ReceiptBytes.encode walked.Receipt then
        Assert.Fail $"{compiled.Message}, gas {compiled.Receipt.GasUsed}; the oracle: {walked.Message}, gas {walked.Receipt.GasUsed}"

    replay oracle compiled.Receipt (moduleBytes shown.Request)

let private hot =
    new Executor(
        ExecutorOptions.For(
            Twofold.Wasm.CompiledEngine(Twofold.Wasm.Compiler.TierPolicy.random 1 6 Twofold.Wasm.InterpMode.Chain)
            :> Twofold.Wasm.IWasmEngine
        )
    )

[<Property(Arbitrary = [| typeof<Requests> |], MaxTest = 100)>]
let ``compiling at first calls and compiling what gets hot give the same receipt`` (shown: Shown) =
    let compiled = report shared shown.Request
    let tiered = report hot shown.Request

    if ReceiptBytes.encode compiled.Receipt <> ReceiptBytes.encode tiered.Receipt then
        Assert.Fail $"{compiled.Message}, gas {compiled.Receipt.GasUsed}; in tiers: {tiered.Message}, gas {tiered.Receipt.GasUsed}"

let private interpreter = new Executor(ExecutorOptions.For(Twofold.Wasm.InterpretedEngine()))

[<Property(Arbitrary = [| typeof<Requests> |], MaxTest = 100)>]
let ``the compiler and the interpreter give the same receipt`` (shown: Shown) =
    let compiled = report shared shown.Request
    let interpreted = report interpreter shown.Request

    if ReceiptBytes.encode compiled.Receipt <> ReceiptBytes.encode interpreted.Receipt then
        Assert.Fail
            $"{compiled.Message}, gas {compiled.Receipt.GasUsed}; the interpreter: {interpreted.Message}, gas {interpreted.Receipt.GasUsed}"

    replay interpreter compiled.Receipt (moduleBytes shown.Request)

let private names = Repository.contracts |> List.map fst |> Array.ofList

[<TestCaseSource(nameof names)>]
let ``they agree wherever gas ends`` (name: string) =
    let whole = request name (Tokens.furnished name) alice 9 (Transfer(bob, 5UL))
    let gas = int (report shared whole).Receipt.GasUsed

    for limit in 0 .. max 1 (gas / 60) .. gas do
        let limited = { whole with Limits = { RequestLimits.None with Gas = Some(int64 limit) } }
        Assert.That(((report shared limited).ReceiptDigest = (report oracle limited).ReceiptDigest), $"gas {limit} of {gas}")
