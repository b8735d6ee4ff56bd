module Twofold.Determinism.Generated

// Generated requests over all sample contracts, traps and out-of-gas included: every way of running one gives the same receipt.
// In: FsCheck's generators. Out: laws; gas limits are swept so that runs end in every block.

open System
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open FsCheck.NUnit
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism.World
open Twofold.Determinism.Harness

let names = Repository.contracts |> List.map fst |> Array.ofList

/// Snapshots with a token in them, made once.
let private furnished = names |> Array.map (fun n -> n, lazy (Tokens.furnished n)) |> Map.ofArray

let private people = Gen.elements [ owner; alice; bob; token; Address.zero ]

let private amounts =
    Gen.oneof [ Gen.choose (0, 130) |> Gen.map uint64; Gen.elements [ UInt64.MaxValue; UInt64.MaxValue - 1UL; 1UL <<< 63 ] ]

let private calls: Gen<Call> =
    let bytes =
        Gen.oneof [
            Gen.arrayOf (Gen.choose (0, 255) |> Gen.map byte)
            // Almost right: valid parameters with one byte changed.
            Gen.map3
                (fun recipient (amount: uint64) (at, b) ->
                    let good = parameters "token" (Transfer(recipient, amount))
                    good[at % good.Length] <- byte (b: int)
                    good)
                people
                amounts
                (Gen.zip (Gen.choose (0, 1000)) (Gen.choose (0, 255)))
        ]

    Gen.oneof [
        Gen.map2 (fun p a -> Mint(p, a)) people amounts
        Gen.map2 (fun p a -> Transfer(p, a)) people amounts
        Gen.map3 (fun f p a -> TransferFrom(f, p, a)) people people amounts
        Gen.map GetBalance people
        Gen.constant (Initialize("Gold", "GLD"))
        Gen.map2 (fun e b -> Bytes(e, b)) (Gen.elements [ "Initialize"; "Mint"; "Transfer"; "GetBalance" ]) bytes
    ]

/// A request with everything chosen: contract, caller, call, gas, stack, whether the token exists.
let requests: Gen<ExecutionRequest> =
    gen {
        let! name = Gen.elements names
        let! exists = Gen.frequency [ 4, Gen.constant true; 1, Gen.constant false ]
        let! caller = people
        let! call = calls
        let! gas = Gen.frequency [ 2, Gen.constant None; 3, Gen.choose (0, 40_000) |> Gen.map (int64 >> Some) ]
        let! stack = Gen.frequency [ 4, Gen.constant None; 1, Gen.choose (1, 400) |> Gen.map Some ]
        let! n = Gen.choose (10, 1_000_000)
        let snapshot = if exists then furnished[name].Value else empty
        let request = request name snapshot caller n call
        return { request with Limits = { RequestLimits.None with Gas = gas; StackUnits = stack } }
    }

/// How a request is shown when a law fails.
type Shown = { Request: ExecutionRequest; Text: string }

type Requests =
    static member Request() : Arbitrary<Shown> =
        requests
        |> Gen.map (fun r -> {
            Request = r
            Text = $"{r.Entry} {Json.bytesText r.Parameters} by {r.Caller}, gas {r.Limits.Gas}, stack {r.Limits.StackUnits}"
        })
        |> Arb.fromGen

[<Property(Arbitrary = [| typeof<Requests> |], MaxTest = 150)>]
let ``the same request gives the same receipt fresh, pooled, twice, in parallel and replayed`` (shown: Shown) =
    everyWay shown.Request |> ignore

[<Property(Arbitrary = [| typeof<Requests> |], MaxTest = 300)>]
let ``a receipt reads back from bytes and from JSON as the same bytes`` (shown: Shown) =
    let receipt = (report shared shown.Request).Receipt
    let bytes = ReceiptBytes.encode receipt

    match ReceiptBytes.decode bytes, ReceiptJson.ofJson (ReceiptJson.toJson receipt) with
    | Ok a, Ok b -> ReceiptBytes.encode a = bytes && ReceiptBytes.encode b = bytes
    | a, b -> failwith $"%A{a |> Result.map ignore} %A{b |> Result.map ignore}"

[<Property(Arbitrary = [| typeof<Requests> |], MaxTest = 300)>]
let ``writes are kept exactly when the run succeeds, and the draft adds up`` (shown: Shown) =
    let receipt = (report shared shown.Request).Receipt

    match receipt.Draft with
    | Some draft -> receipt.Outcome.Succeeded && (Draft.conservation draft).IsEmpty
    | None -> not receipt.Outcome.Succeeded

/// A receipt without its gas limit, gas left and gas used: what a run does when gas is no matter.
let private withoutGas (r: Receipt) = r.Outcome, r.ReturnData, r.Draft, r.MemoryDigest, r.GlobalsDigest

[<TestCaseSource(nameof names)>]
let ``runs that end in any block agree in every way`` (name: string) =
    let base' = request name furnished[name].Value alice 9 (Transfer(bob, 5UL))
    let whole = (report fresh base').Receipt
    let gas = int whole.GasUsed

    for limit in 0 .. max 1 (gas / 500) .. gas - 1 do
        let limited = { base' with Limits = { RequestLimits.None with Gas = Some(int64 limit) } }
        let a = report fresh limited
        let b = report shared limited
        Assert.That((a.Receipt.Outcome = Outcome.OutOfGas), $"{limit} of {gas}")
        Assert.That(a.Receipt.GasUsed, Is.EqualTo limit)
        Assert.That((a.ReceiptDigest = b.ReceiptDigest), $"fresh and pooled differ at {limit} of {gas}")
        replay shared a.Receipt (moduleBytes limited)

    let exact = report shared { base' with Limits = { RequestLimits.None with Gas = Some whole.GasUsed } }
    Assert.That((withoutGas exact.Receipt = withoutGas whole), "exactly enough gas is enough")
