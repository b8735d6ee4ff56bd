module Twofold.Determinism.Receipts

// The forms of receipts, snapshots and requests: what is written reads back, what was changed is found, what is wrong is said.
// In: receipts of real runs, mutated. Out: errors with places; never an exception.

open System
open System.Text.Json.Nodes
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open FsCheck.NUnit
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism.World
open Twofold.Determinism.Harness

let private sample =
    lazy
        (let name = "token-as"
         report fresh (request name (Tokens.furnished name) alice 9 (Transfer(bob, 5UL))))

[<Test>]
let ``a receipt says everything a replay needs`` () =
    let r = sample.Value.Receipt
    let json = JsonNode.Parse(ReceiptJson.toJson r)
    let keys = [ for p in json.AsObject() -> p.Key ]

    for key in [ "digest"; "outcome"; "gasUsed"; "draft"; "journal"; "reads"; "memoryDigest"; "globalsDigest"; "versions"; "request" ] do
        Assert.That(List.contains key keys, key)

    Assert.That((ReceiptBytes.digest r = sample.Value.ReceiptDigest))

/// Every value in a document that can be changed, with another value in its place.
let private mutations (json: string) : string list =
    let count = ref 0

    let rec change (node: JsonNode) (target: int) : JsonNode =
        match node with
        | :? JsonObject as o ->
            let copy = JsonObject()

            for p in o do
                copy.Add(p.Key, (if isNull p.Value then null else change p.Value target))

            copy
        | :? JsonArray as a ->
            let copy = JsonArray()

            for item in a do
                copy.Add(change item target)

            copy
        | leaf ->
            count.Value <- count.Value + 1

            if count.Value - 1 <> target then
                leaf.DeepClone()
            else
                match leaf.GetValueKind() with
                | Text.Json.JsonValueKind.Number -> JsonValue.Create(leaf.GetValue<int64>() + 1L)
                | Text.Json.JsonValueKind.True -> JsonValue.Create false
                | Text.Json.JsonValueKind.False -> JsonValue.Create true
                | _ ->
                    let text = leaf.GetValue<string>()

                    match UInt64.TryParse text with
                    | true, n -> JsonValue.Create(string (n + 1UL))
                    | _ when text.StartsWith "0x" && text.Length > 2 ->
                        let last = if text[text.Length - 1] = '0' then "1" else "0"
                        JsonValue.Create(text.Substring(0, text.Length - 1) + last)
                    | _ -> JsonValue.Create(text + "x")

    let root = JsonNode.Parse json
    change root -1 |> ignore
    let leaves = count.Value

    [
        for i in 0 .. leaves - 1 do
            count.Value <- 0
            (change root i).ToJsonString()
    ]

[<Test>]
let ``any change of a receipt's JSON is refused`` () =
    let json = ReceiptJson.toJson sample.Value.Receipt

    for changed in mutations json do
        match ReceiptJson.ofJson changed with
        | Error why -> Assert.That(why, Is.Not.Empty)
        | Ok _ -> Assert.Fail $"a changed receipt was accepted: {changed}"

[<Property(MaxTest = 2000)>]
let ``decoding bytes never throws and accepts only what it would write`` (at: int) (value: byte) (cut: int) =
    let bytes = ReceiptBytes.encode sample.Value.Receipt
    let mutated = Array.copy bytes
    mutated[abs (at % mutated.Length)] <- value
    let mutated = if cut % 3 = 0 then Array.truncate (abs (cut % mutated.Length)) mutated else mutated

    match ReceiptBytes.decode mutated with
    | Ok receipt -> ReceiptBytes.encode receipt = mutated
    | Error why -> why <> ""

[<Property(MaxTest = 1000)>]
let ``decoding any bytes never throws`` (bytes: byte[]) =
    match ReceiptBytes.decode (Array.append "TFRC\001\000"B bytes) with
    | Ok _ -> false
    | Error why -> why <> ""

let private places: (string * string * string) list = [
    "not JSON", "{", "JSON"
    "a misspelt name", """{"utxo": []}""", "'utxo' is not known"
    "an amount below zero",
    """{"utxos": [{"transaction": "0x0000000000000000000000000000000000000000000000000000000000000000", "index": 0, "owner": "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "token": "", "amount": "-1"}]}""",
    "utxos[0].amount"
    "a short address", """{"state": {"0x12": {}}}""", "0x12"
    "odd digits", """{"state": {"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": {"a": "0x1"}}}""", ".a"
    "a height that is none", """{"block": {"height": "1", "timestamp": "1", "hashes": {"x": "0x00"}}}""", "'x' is not a block height"
    "half a surrogate pair", "{\"state\": {\"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": {\"a\": \"\\ud800\"}}}", ""
]

[<Test>]
let ``a snapshot that is wrong says where`` () =
    for what, json, part in places do
        match SnapshotJson.ofJson json with
        | Error why -> Assert.That(why, Does.Contain part, what)
        | Ok _ -> Assert.Fail $"{what} was accepted"

[<Test>]
let ``a snapshot reads back`` () =
    let snapshot = Tokens.furnished "token-raw-c"

    match SnapshotJson.ofJson (SnapshotJson.toJson snapshot) with
    | Ok back -> Assert.That((back = snapshot))
    | Error why -> Assert.Fail why

[<Test>]
let ``a request file gives the request that it says`` () =
    let snapshot = Tokens.furnished "token-as"

    let json =
        """{"entry": "Transfer", "caller": "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "contract": "0xcccccccccccccccccccccccccccccccccccccccc",
            "parameters": "{\"to\": \"0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\", \"amount\": 5}", "limits": {"gas": "1000000"}}"""

    match RequestJson.ofRequestFile (Repository.contract "token-as") snapshot json with
    | Ok request -> Assert.That(status (everyWay request), Is.EqualTo 0)
    | Error why -> Assert.Fail why

    match RequestJson.ofRequestFile [||] snapshot """{"entry": "Transfer", "coller": "0x"}""" with
    | Error why -> Assert.That(why, Does.Contain "coller")
    | Ok _ -> Assert.Fail "accepted"

[<Test>]
let ``every profile's policy reads back`` () =
    for profile in Profile.all do
        let recorded = { sample.Value.Receipt.Request with Policy = profile.Policy; Profile = profile.Name }

        match RequestJson.ofJson (RequestJson.toJson recorded) with
        | Ok back -> Assert.That((ReceiptBytes.request back = ReceiptBytes.request recorded), profile.Name)
        | Error why -> Assert.Fail $"{profile.Name}: {why}"

/// Outcomes of all kinds with all values.
let private outcomes: Gen<Outcome> =
    let u64 = ArbMap.defaults |> ArbMap.generate<uint64>

    let value =
        Gen.map3
            (fun (kind: ValueKind) low high ->
                match kind with
                | ValueKind.I32
                | ValueKind.F32 -> { Kind = kind; Low = uint64 (uint32 low); High = 0UL }
                | ValueKind.V128 -> { Kind = kind; Low = low; High = high }
                | ValueKind.I64
                | ValueKind.F64 -> { Kind = kind; Low = low; High = 0UL }
                | _ -> { Kind = kind; Low = low &&& 1UL; High = 0UL })
            (Gen.elements (Enum.GetValues<ValueKind>()))
            u64
            u64

    Gen.oneof [
        Gen.map Outcome.Returned (Gen.listOf value)
        Gen.map Outcome.Failed (ArbMap.defaults |> ArbMap.generate<int>)
        Gen.map3 (fun code a (b, c) -> Outcome.Trapped(code, a, b, c)) (Gen.choose (1, 100)) u64 (Gen.zip u64 u64)
        Gen.map3
            (fun tag name values -> Outcome.Uncaught(tag, name, values))
            (Gen.choose (0, Int32.MaxValue))
            (Gen.elements [ None; Some ""; Some "tag"; Some "\u00e9\n\"" ])
            (Gen.listOf value)
        Gen.constant Outcome.OutOfGas
        Gen.constant Outcome.StackExhausted
    ]

type Outcomes =
    static member Outcome() = Arb.fromGen outcomes

[<Property(Arbitrary = [| typeof<Outcomes> |], MaxTest = 500)>]
let ``every outcome reads back`` (outcome: Outcome) =
    let receipt = { sample.Value.Receipt with Outcome = outcome }

    match ReceiptBytes.decode (ReceiptBytes.encode receipt), ReceiptJson.ofJson (ReceiptJson.toJson receipt) with
    | Ok a, Ok b -> a.Outcome = outcome && b.Outcome = outcome
    | _ -> false
