/// Laws of the encodings: every value comes back, arbitrary bytes never throw, and each value has one form.
/// In: generated values and bytes. Out: a counterexample.
module Twofold.Properties.HostAbiEncoding

open System
open NUnit.Framework
open FsCheck
open FsCheck.FSharp
open FsCheck.NUnit
open Twofold.HostAbi
open Twofold.Properties.HostAbiGen

let private forgetful (draft: Draft) = { draft with Scratch = { RandomDrawn = 0UL; LastReply = None } }

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``drafts come back from their bytes`` (events: DraftEvent list) =
    let draft = Draft.fold (Draft.initial context) events
    Encoding.decodeDraft (Encoding.bytes Encoding.writeDraft draft) = Ok(forgetful draft)

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 1000)>]
let ``effects come back from their bytes`` (effect: Effect) = Encoding.decodeEffect (Encoding.bytes Encoding.writeEffect effect) = Ok effect

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``answers come back from their bytes`` (world: World) =
    let view = Snapshot.view (snapshot world.Utxos)

    world.Effects
    |> List.forall (fun effect ->
        let answer, _ = step view (Draft.initial context) effect
        Encoding.decodeAnswer (Encoding.bytes Encoding.writeAnswer answer) = Ok answer)

[<Test>]
let ``every error code comes back as an answer`` () =
    for code, _, _, _, _ in HostErrorCode.all do
        Assert.That((Encoding.decodeAnswer (Encoding.bytes Encoding.writeAnswer (Error code)) = Ok(Error code)))

/// Bytes that start like the real thing and then go wrong.
let private damaged (whole: byte[]) (at: int) (value: byte) (cut: int) =
    let copy = Array.copy whole

    if copy.Length > 0 then
        copy[abs (at % copy.Length)] <- value

    Array.truncate (copy.Length - abs (cut % 3)) copy

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 2000)>]
let ``damaged bytes never throw, and what still decodes is canonical``
    (events: DraftEvent list)
    (effect: Effect)
    (lock: Lock)
    (at: int)
    (value: byte)
    (cut: int)
    =
    let draft = Encoding.bytes Encoding.writeDraft (Draft.fold (Draft.initial context) events)
    let draft = damaged draft at value cut
    let effect = damaged (Encoding.bytes Encoding.writeEffect effect) at value cut
    let lock = damaged (Lock.encode lock) at value cut

    (match Encoding.decodeDraft draft with
     | Ok d -> Encoding.bytes Encoding.writeDraft d = draft
     | Error _ -> true)
    && (match Encoding.decodeEffect effect with
        | Ok e -> Encoding.bytes Encoding.writeEffect e = effect
        | Error _ -> true)
    && (match Lock.decode lock with
        | Ok l -> Lock.decode (Lock.encode l) = Ok l
        | Error _ -> true)

[<Property(MaxTest = 2000)>]
let ``arbitrary bytes never throw`` (bytes: byte[]) =
    Encoding.decodeDraft bytes |> ignore
    Encoding.decodeEffect bytes |> ignore
    Encoding.decodeAnswer bytes |> ignore
    Lock.decode bytes |> ignore
    Batch.decode bytes |> ignore
    TokenId.tryOfBytes (ReadOnlySpan bytes) |> ignore
    Address.tryOfBytes (ReadOnlySpan bytes) |> ignore

[<Test>]
let ``a count of four billion costs nothing`` () =
    let before = GC.GetAllocatedBytesForCurrentThread()
    Assert.That((Batch.decode [| 255uy; 255uy; 255uy; 255uy; 0uy |]).IsError)
    Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan 100_000L)

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``locks come back from their bytes, members in any order`` (lock: Lock) =
    let mixed =
        match lock with
        | Lock.Threshold(n, members) ->
            let w = WireWriter()
            w.U8 3uy
            w.U8(byte n)
            w.U8(byte members.Length)
            members |> List.rev |> List.iter w.Address
            w.ToArray()
        | other -> Lock.encode other

    Lock.decode (Lock.encode lock) = Ok lock && Lock.decode mixed = Ok lock

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``batches come back from their bytes`` (outputs: AssetOutput list) = Batch.decode (Batch.encode outputs) = Ok outputs

[<Test>]
let ``locks have the documented bytes`` () =
    let a = Text.Encoding.ASCII.GetBytes caller.Text
    let u64 (n: uint64) = BitConverter.GetBytes n

    for lock, bytes in
        [
            Lock.None, [| 0uy |]
            Lock.Time 258UL, Array.append [| 1uy |] (u64 258UL)
            Lock.Height 7UL, Array.append [| 2uy |] (u64 7UL)
            Lock.Threshold(1, [ caller ]), Array.append [| 3uy; 1uy; 1uy |] a
            Lock.Delegation(caller, 9UL), Array.concat [ [| 4uy |]; a; u64 9UL ]
            Lock.Contract caller, Array.append [| 5uy |] a
        ] do
        Assert.That((Lock.encode lock = bytes), $"%A{lock}")

[<Test>]
let ``locks that make no sense do not decode`` () =
    let a = caller.Bytes

    for bytes in
        [
            [||]
            [| 6uy |]
            [| 0uy; 0uy |]
            [| 1uy; 0uy |]
            Array.concat [ [| 3uy; 0uy; 1uy |]; a ]
            Array.concat [ [| 3uy; 2uy; 1uy |]; a ]
            Array.concat [ [| 3uy; 1uy; 2uy |]; a; a ]
            [| 3uy; 0uy; 0uy |]
            Array.append [| 5uy |] (Array.truncate 41 a)
        ] do
        Assert.That((Lock.decode bytes).IsError, $"%A{bytes}")

[<Test>]
let ``addresses are kept in lower case, other forms are refused`` () =
    let upper = "0x" + String('A', 40)

    match Address.tryParse upper with
    | ValueSome a -> Assert.That(a.Text, Is.EqualTo("0x" + String('a', 40)))
    | ValueNone -> Assert.Fail "upper-case digits are accepted"

    for text in [ ""; "0X" + String('a', 40); "0x" + String('a', 39); "0x" + String('g', 40); String('a', 42); null ] do
        Assert.That((Address.tryParse text).IsNone, text)

[<Test>]
let ``token ids are empty or a contract's address and a name`` () =
    for good in [ ""; caller.Text + ":A"; caller.Text + ":a:b"; caller.Text + ":" + String('n', 128) ] do
        match TokenId.tryParse good with
        | ValueSome t -> Assert.That(t.Text, Is.EqualTo good)
        | ValueNone -> Assert.Fail good

    for bad in
        [
            "GOLD"
            caller.Text
            caller.Text + ":"
            caller.Text + "/A"
            caller.Text + ":" + String('n', 129)
            caller.Text + ":" + String('\ud800', 1)
        ] do
        Assert.That((TokenId.tryParse bad).IsNone, bad)

[<Test>]
let ``the published bytes stay`` () =
    // Written down by hand from docs/RECEIPT_FORMAT.md. When one of these changes, the version byte must.
    let hex (parts: obj list) =
        let w = WireWriter()

        for part in parts do
            match part with
            | :? int as n -> w.U8(byte n)
            | :? uint32 as n -> w.U32 n
            | :? uint64 as n -> w.U64 n
            | :? string as s -> w.Raw(Text.Encoding.UTF8.GetBytes s)
            | :? (byte[]) as b -> w.Raw b
            | other -> failwith $"{other}"

        Convert.ToHexStringLower(w.ToArray())

    let a, c = caller.Text, contract.Text
    let own = (ownToken "COIN").Text

    for effect, expected in
        [
            Effect.Context ContextEffect.Caller, hex [ 0x45; 1; 0x12 ]
            Effect.State(StateEffect.Set(StateKey [| 5uy |], [||])), hex [ 0x45; 1; 0x22; 1u; 5; 0u ]
            Effect.Utxo(UtxoEffect.Transfer(caller, contract, 258UL, TokenId.Native)), hex [ 0x45; 1; 0x31; a; c; 258UL; 0u ]
            Effect.Output(OutputEffect.CreateLocked { Owner = caller; Token = ownToken "COIN"; Amount = 7UL; Lock = Lock.Height 9UL }),
            hex [ 0x45; 1; 0x41; a; 47u; own; 7UL; 2; 9UL ]
            Effect.Event(EventEffect.Log(-1, "é")), hex [ 0x45; 1; 0x51; 0xFFFFFFFFu; 2u; "é" ]
        ] do
        Assert.That(Convert.ToHexStringLower(Encoding.bytes Encoding.writeEffect effect), Is.EqualTo expected)

    let answer a = Convert.ToHexStringLower(Encoding.bytes Encoding.writeAnswer a)

    Assert.That(answer (Error HostErrorCode.Unauthorized), Is.EqualTo(hex [ 0x52; 1; 0; 10u ]))
    Assert.That(answer (Ok(Reply.Bytes [| 3uy |])), Is.EqualTo(hex [ 0x52; 1; 7; 1u; 3 ]))

    let utxo = {
        Utxo.Id = { Transaction = hash 1; Index = 2u }
        Owner = caller
        Token = TokenId.Native
        Amount = 10UL
        Lock = Lock.None
    }

    let draft =
        Draft.fold (Draft.initial context) [
            DraftEvent.InputSpent utxo
            DraftEvent.OutputAdded(0u, { Owner = contract; Token = TokenId.Native; Amount = 10UL; Lock = Lock.None })
            DraftEvent.Minted(ownToken "COIN", 4UL)
            DraftEvent.Burned(ownToken "COIN", 4UL)
            DraftEvent.StateWritten(StateKey [| 2uy |], StateWrite.Delete)
            DraftEvent.StateWritten(StateKey [| 1uy; 0uy |], StateWrite.Put [| 8uy |])
            DraftEvent.EventEmitted { Name = "e"; Data = [| 6uy |] }
            DraftEvent.ReturnDataSet [| 5uy |]
        ]

    let expected =
        hex [
            yield! [ box 0x44; 1; 0; context.TransactionId.Bytes; a; c ]
            yield! [ box 1u; (hash 1).Bytes; 2u; a; 0u; 10UL; 0 ]
            yield! [ box 1u; 0u; c; 0u; 10UL; 0; 1u ]
            yield! [ box 0u; 0u ]
            yield! [ box 1u; 47u; own; 4UL; 1u; 47u; own; 4UL ]
            yield! [ box 2u; 2u; 1; 0; 1; 1u; 8; 1u; 2; 0 ]
            yield! [ box 1u; 1u; "e"; 1u; 6 ]
            yield! [ box 1u; 5 ]
        ]

    Assert.That(Convert.ToHexStringLower(Encoding.bytes Encoding.writeDraft draft), Is.EqualTo expected)
