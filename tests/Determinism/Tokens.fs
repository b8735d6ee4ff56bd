module Twofold.Determinism.Tokens

// The sample tokens through the whole pipeline: statuses, drafts, rollback, and the same receipt however they are run.

open System
open System.Text
open NUnit.Framework
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism.World
open Twofold.Determinism.Harness

let private names = Repository.contracts |> List.map fst |> Array.ofList

/// A snapshot in which the token exists and Alice has 60 and 40.
let furnished name =
    let step (snapshot, n) (caller, call) =
        let r = report fresh (request name snapshot caller n call)
        Assert.That(status r, Is.EqualTo 0, $"{call}: {r.Message}")
        apply r.Receipt.Draft.Value snapshot, n + 1

    [ owner, Initialize("Gold", "GLD"); owner, Mint(alice, 60UL); owner, Mint(alice, 40UL) ]
    |> List.fold step (empty, 1)
    |> fst

let private gold =
    match TokenId.tryOf token "GLD" with
    | ValueSome t -> t
    | ValueNone -> failwith "not a token"

[<TestCaseSource(nameof names)>]
let ``a transfer spends, pays, gives change and tells`` (name: string) =
    let snapshot = furnished name
    let r = everyWay (request name snapshot alice 9 (Transfer(bob, 5UL)))
    Assert.That(status r, Is.EqualTo 0, r.Message)
    let draft = r.Receipt.Draft.Value
    let outputs = draft.Outputs.Values |> Seq.map (fun o -> o.Owner, o.Amount, o.Token) |> List.ofSeq
    Assert.That(draft.Inputs.Values |> Seq.sumBy (fun u -> u.Amount), Is.EqualTo 60UL)
    Assert.That(outputs, Is.EquivalentTo [ bob, 5UL, gold; alice, 55UL, gold ])
    Assert.That([ for e in draft.Events.Items -> e.Name ] = [ "Transfer" ])
    Assert.That(draft.Status, Is.EqualTo DraftStatus.Complete)

let private cases: (string * Address * Call * int) list = [
    "a second initialisation", owner, Initialize("Gold", "GLD"), 5
    "minting by a stranger", alice, Mint(alice, 5UL), 3
    "minting nothing", owner, Mint(alice, 0UL), 1
    "more than there is", alice, Transfer(bob, 101UL), 2
    "nothing", alice, Transfer(bob, 0UL), 1
    "somebody else's coins", bob, TransferFrom(alice, bob, 5UL), 3
    "no parameters", alice, Bytes("Transfer", [||]), 1
    "nonsense", alice, Bytes("Transfer", Encoding.UTF8.GetBytes "{\"to\": 5"), 1
]

[<TestCaseSource(nameof names)>]
let ``a refused call has its status and leaves nothing`` (name: string) =
    let snapshot = furnished name

    for what, caller, call, expected in cases do
        let r = everyWay (request name snapshot caller 9 call)
        Assert.That(status r, Is.EqualTo expected, $"{what}: {r.Message}")
        Assert.That(r.Receipt.Draft.IsNone, what)

[<TestCaseSource(nameof names)>]
let ``a balance comes back as return data`` (name: string) =
    let r = everyWay (request name (furnished name) bob 9 (GetBalance alice))
    Assert.That(status r, Is.EqualTo 0)

    let balance =
        if name.StartsWith("token-raw", StringComparison.Ordinal) then
            BitConverter.ToUInt64(r.Receipt.ReturnData, 0)
        else
            UInt64.Parse(Encoding.UTF8.GetString r.Receipt.ReturnData)

    Assert.That(balance, Is.EqualTo 100UL)

[<Test>]
let ``all eight samples are there`` () = Assert.That(names.Length, Is.EqualTo 8)
