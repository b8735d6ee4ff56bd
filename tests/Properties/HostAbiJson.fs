/// Laws of the readable form: what is written comes back as the same value and the same text, and no text makes the readers throw.
/// In: generated values and damaged JSON. Out: a counterexample.
module Twofold.Properties.HostAbiJson

open System
open System.Text.Json
open NUnit.Framework
open FsCheck
open FsCheck.FSharp
open FsCheck.NUnit
open Twofold.HostAbi
open Twofold.Properties.HostAbiGen

let private draftText draft = Json.toText (fun w -> DraftJson.write w draft)

let private effectText effect = Json.toText (fun w -> EffectJson.write w effect)

let private answerText answer = Json.toText (fun w -> AnswerJson.write w answer)

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``drafts come back from JSON, to the same digest and text`` (events: DraftEvent list) =
    let draft = Draft.fold (Draft.initial context) events
    let text = draftText draft

    match Json.ofText DraftJson.read text with
    | Ok back -> Encoding.digest Encoding.writeDraft back = Encoding.digest Encoding.writeDraft draft && draftText back = text
    | Error e -> failwith e

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 1000)>]
let ``effects come back from JSON`` (effect: Effect) = Json.ofText EffectJson.read (effectText effect) = Ok effect

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 300)>]
let ``answers come back from JSON`` (world: World) =
    let view = Snapshot.view (snapshot world.Utxos)

    world.Effects
    |> List.forall (fun effect ->
        let answer, _ = step view (Draft.initial context) effect
        Json.ofText AnswerJson.read (answerText answer) = Ok answer)

[<Property(MaxTest = 1000)>]
let ``any bytes come back from how they look`` (bytes: byte[]) = Json.tryBytes (Json.bytesText bytes) = ValueSome bytes

[<Test>]
let ``bytes that look like something else come back`` () =
    for bytes in [ "0x"B; "0xzz"B; "0x12"B; ""B; "a\nb"B; [| 0uy |]; [| 0xffuy |]; [| 0xEDuy; 0xA0uy; 0x80uy |] ] do
        Assert.That((Json.tryBytes (Json.bytesText bytes) = ValueSome bytes), Json.bytesText bytes)

    Assert.That(Json.bytesText "Transfer"B, Is.EqualTo "Transfer")

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 1000)>]
let ``damaged JSON is an error, never an exception``
    (events: DraftEvent list)
    (effect: Effect)
    (at: int)
    (NonNull insert: NonNull<string>)
    =
    for text in [ draftText (Draft.fold (Draft.initial context) events); effectText effect ] do
        let at = abs (at % text.Length)

        for damaged in [ text.Insert(at, insert); text.Remove at; text.Replace('"', '1'); text.Replace("[", "{").Replace("]", "}") ] do
            Json.ofText DraftJson.read damaged |> ignore
            Json.ofText EffectJson.read damaged |> ignore
            Json.ofText AnswerJson.read damaged |> ignore

[<Test>]
let ``a wrong value is named by its path`` () =
    let text = (draftText (Draft.initial context)).Replace("\"caller\": \"0x", "\"caller\": \"0y")

    match Json.ofText DraftJson.read text with
    | Error e -> Assert.That(e, Is.EqualTo "$.caller: expected an address")
    | Ok _ -> Assert.Fail "an address that is none"

    for text in
        [
            "1"
            "[]"
            "{}"
            "null"
            "{\"call\": \"\\ud800\"}"
            "{\"call\": \"state_get\", \"key\": 5}"
            "{\"error\": \"\\ud800\"}"
            "{\"\\ud800\": 1}"
        ] do
        Assert.That((Json.ofText EffectJson.read text).IsError, text)
        Assert.That((Json.ofText DraftJson.read text).IsError, text)
        Assert.That((Json.ofText AnswerJson.read text).IsError, text)
