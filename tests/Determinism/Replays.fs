module Twofold.Determinism.Replays

// Replay: from the receipt and the module alone, and the first difference is the one that is named.
// In: receipts of real runs, with one thing changed in each. Out: which component differs, where, both sides.

open System
open NUnit.Framework
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism.Assemble
open Twofold.Determinism.World
open Twofold.Determinism.Harness

let private name = "token-as"
let private bytes = Repository.contract name
let private sample = lazy ((report fresh (request name (Tokens.furnished name) alice 9 (Transfer(bob, 5UL)))).Receipt)

let private differs (receipt: Receipt) : Divergence =
    // Through its bytes, as a receipt would arrive.
    match ReceiptBytes.decode (ReceiptBytes.encode receipt) with
    | Error why -> failwith why
    | Ok receipt ->
        match shared.Replay(receipt, bytes) with
        | ReplayResult.Differs d -> d
        | other -> failwith $"{other}"

let private changeEntry index change =
    let journal = sample.Value.Journal |> List.mapi (fun i e -> if i = index then change e else e)
    { sample.Value with Journal = journal }

[<Test>]
let ``the first difference is named with its component and place`` () =
    let r = sample.Value

    let expect part (index: int) (receipt: Receipt) =
        let d = differs receipt
        Assert.That((d.Component = part), string d)
        Assert.That(d.Index, Is.EqualTo index, string d)
        Assert.That(d.Recorded, Is.Not.EqualTo d.Replayed)

    let zero = JournalReply.Digest Hash32.zero
    expect ReplayComponent.Reply 3 (changeEntry 3 (fun e -> { e with Reply = zero }))
    expect ReplayComponent.GasLeft 4 (changeEntry 4 (fun e -> { e with GasLeft = e.GasLeft - 1L }))
    expect ReplayComponent.Effect 2 (changeEntry 2 (fun e -> { e with Effect = Effect.Context ContextEffect.BlockHeight }))
    let last = r.Journal.Length - 1
    expect ReplayComponent.Effect last { r with Journal = List.truncate last r.Journal }
    expect ReplayComponent.Effect (last + 1) { r with Journal = r.Journal @ [ { r.Journal[last] with Index = last + 1 } ] }
    expect ReplayComponent.Outcome -1 { r with Outcome = Outcome.OutOfGas; Draft = None }
    expect ReplayComponent.GasUsed -1 { r with GasUsed = r.GasUsed + 1L }
    expect ReplayComponent.ReturnData -1 { r with ReturnData = [| 1uy |] }
    expect ReplayComponent.Draft -1 { r with Draft = Some { r.Draft.Value with Burned = Map [ TokenId.Native, 1UL ] } }
    expect ReplayComponent.MemoryDigest -1 { r with MemoryDigest = Hash32.zero }
    expect ReplayComponent.GlobalsDigest -1 { r with GlobalsDigest = Hash32.zero }
    let more = Map.add 5UL None r.Reads.BlockHashes
    expect ReplayComponent.Reads -1 { r with Reads = { r.Reads with BlockHashes = more } }

[<Test>]
let ``a read that the receipt does not hold is a difference, not a guess`` () =
    let d = differs { sample.Value with Reads = { sample.Value.Reads with Utxos = Map.empty } }
    Assert.That((d.Component = ReplayComponent.Reads), string d)
    Assert.That(d.Index, Is.GreaterThanOrEqualTo 0)

[<Test>]
let ``of two differences the earlier one is named`` () =
    let both = { changeEntry 5 (fun e -> { e with GasLeft = e.GasLeft + 1L }) with GasUsed = 1L }
    Assert.That((differs both).Index, Is.EqualTo 5)

[<Test>]
let ``another module and other versions cannot be judged`` () =
    let cannot receipt bytes =
        match shared.Replay(receipt, bytes) with
        | ReplayResult.CannotJudge why -> Assert.That(why, Is.Not.Empty)
        | other -> Assert.Fail $"{other}"

    cannot sample.Value (Repository.contract "token-c")
    cannot { sample.Value with Versions = { sample.Value.Versions with Schedule = 999 } } bytes

// ---- external effects

let private asking =
    // declare_external_state("price", out 100, room 4), read_reply(out 200, room 100), set_return_data(200, length); answers 0.
    let data = Text.Encoding.ASCII.GetBytes "price" |> List.ofArray

    let code =
        (constant 0 @ constant 5 @ constant 100 @ constant 4 @ call 0 @ drop)
        @ (constant 200 @ constant 200 @ constant 100 @ call 1 @ call 2 @ constant 0)

    guest [ def "run" [] [ i32 ] code ]
    |> fun g ->
        assemble {
            g with
                Data = data
                Imports = [
                    "env", "declare_external_state", [ i32; i32; i32; i32 ], [ i32 ]
                    "env", "read_reply", [ i32; i32 ], [ i32 ]
                    "env", "set_return_data", [ i32; i32 ], []
                ]
        }

let private counting (answers: int ref) = {
    new IExternalProvider with
        member _.DeclareState(_, claim) =
            answers.Value <- answers.Value + 1

            if Text.Encoding.ASCII.GetString claim = "price" then
                ValueSome { Value = Text.Encoding.ASCII.GetBytes "42.50 USD"; Evidence = [| 1uy |] }
            else
                ValueNone
}

[<Test>]
let ``an outside answer is journaled with its bytes, asked once, and replayed without the provider`` () =
    let answers = ref 0
    use e = new Executor({ ExecutorOptions.For(newEngine ()) with Provider = counting answers })
    let receipt = (report e (Limits.contract asking "run")).Receipt
    Assert.That(answers.Value, Is.EqualTo 1)
    Assert.That((receipt.ReturnData = "42.50 USD"B))

    match receipt.Journal[0].Reply with
    | JournalReply.Kept(Reply.Bytes value) -> Assert.That((value = "42.50 USD"B))
    | other -> Assert.Fail $"%A{other}"

    // Another engine, which nobody plugged a provider into; and through the readable form.
    match ReceiptJson.ofJson (ReceiptJson.toJson receipt) with
    | Ok back -> replay fresh back asking
    | Error why -> Assert.Fail why

    Assert.That(answers.Value, Is.EqualTo 1)

[<Test>]
let ``a claim that the request declares is answered from the request`` () =
    let answers = ref 0
    use e = new Executor({ ExecutorOptions.For(newEngine ()) with Provider = counting answers })
    let declared = { Claim = "price"B; Value = "41"B; Evidence = "signed"B }
    let receipt = (report e { Limits.contract asking "run" with Claims = [ declared ] }).Receipt
    Assert.That(answers.Value, Is.EqualTo 0)
    Assert.That((receipt.ReturnData = "41"B))
    replay fresh receipt asking

[<Test>]
let ``an unknown claim fails, and so it does in replay`` () =
    let r = everyWay (Limits.contract asking "run")
    Assert.That((r.Receipt.Journal[0].Reply = JournalReply.Failed HostErrorCode.ClaimNotDeclared))
    Assert.That((r.Receipt.Journal[1].Reply = JournalReply.Failed HostErrorCode.NoReply))

[<Test>]
let ``an outside answer that fills the journal is replayed like any other`` () =
    let heavy = {
        new IExternalProvider with
            member _.DeclareState(_, _) = ValueSome { Value = Array.zeroCreate 2000; Evidence = [||] }
    }

    let tight = {
        Profile.contract with
            Policy = { Profile.contract.Policy with Run = { Profile.contract.Policy.Run with JournalBytes = 1000L } }
    }

    use e = new Executor({ ExecutorOptions.For(newEngine ()) with Provider = heavy })
    let receipt = (report e { Limits.contract asking "run" with Profile = tight }).Receipt

    match receipt.Outcome with
    | Outcome.Trapped(HostTrap.JournalFull, 2000UL, _, 1000UL) -> ()
    | other -> Assert.Fail(Outcome.describe other)

    replay fresh receipt asking

[<Test>]
let ``a receipt from a stranger cannot hang a replay`` () =
    let endless = guest [ def "run" [] [ i32 ] (forever [] @ constant 0) ] |> assemble

    let receipt =
        (report fresh { Limits.contract endless "run" with Limits = { RequestLimits.None with Gas = Some 1_000L } }).Receipt

    let unlimited = { receipt.Request with Policy = { receipt.Request.Policy with Gas = Profile.UnlimitedGas } }
    use e = new Executor({ ExecutorOptions.For(newEngine ()) with ReplayDeadline = TimeSpan.FromMilliseconds 100.0 })

    match e.Replay({ receipt with Request = unlimited }, endless) with
    | ReplayResult.CannotJudge why -> Assert.That(why, Does.Contain "deadline")
    | other -> Assert.Fail $"{other}"
