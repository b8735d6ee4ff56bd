/// Generators for the host ABI's values: small worlds in which addresses, tokens and keys meet often.
/// In: FsCheck's seed. Out: values; `World` is a request, a snapshot and a list of effects for it.
module Twofold.Properties.HostAbiGen

open System
open FsCheck.FSharp
open Twofold.HostAbi

let address n =
    let raw = Array.zeroCreate<byte> 20
    raw[19] <- byte n
    raw[0] <- 0xABuy
    Address.ofRaw (ReadOnlySpan raw)

let hash (n: int) = Hash32.sha256 (ReadOnlySpan(BitConverter.GetBytes n))

let caller = address 1
let contract = address 2
let addresses = [ caller; contract; address 3; address 4 ]

let ownToken name =
    match TokenId.tryOf contract name with
    | ValueSome t -> t
    | ValueNone -> failwith "token"

let foreignToken =
    match TokenId.tryOf (address 3) "GOLD" with
    | ValueSome t -> t
    | ValueNone -> failwith "token"

let tokens = [ TokenId.Native; ownToken "COIN"; ownToken "é:x"; foreignToken ]

let genAddress = Gen.elements addresses
let genToken = Gen.elements tokens
let genBytes = Gen.choose (0, 255) |> Gen.map byte |> Gen.listOf |> Gen.map List.toArray
let genHash = Gen.choose (0, 50) |> Gen.map hash
let genText = Gen.elements [ ""; "a"; "Transfer"; "ü\u0000🦉"; "0x12"; "line\nbreak"; "\"quoted\"" ]

/// Small amounts mostly, sometimes those at the edge of 64 bits.
let genAmount =
    Gen.frequency [
        8, Gen.choose (1, 100) |> Gen.map uint64
        1, Gen.constant 0UL
        1, Gen.choose (0, 3) |> Gen.map (fun d -> UInt64.MaxValue - uint64 d)
    ]

let genU64 =
    Gen.oneof [ genAmount; Gen.two (Gen.choose (0, Int32.MaxValue)) |> Gen.map (fun (a, b) -> (uint64 a <<< 33) ||| uint64 b) ]

let genLock =
    Gen.frequency [
        6, Gen.constant Lock.None
        1, Gen.choose (990, 1010) |> Gen.map (uint64 >> Lock.Time)
        1, Gen.choose (45, 55) |> Gen.map (uint64 >> Lock.Height)
        1,
        gen {
            let! members = Gen.nonEmptyListOf genAddress |> Gen.map List.distinct
            let! required = Gen.choose (1, members.Length)

            return
                match Lock.tryThreshold required members with
                | ValueSome lock -> lock
                | ValueNone -> Lock.None
        }
        1, Gen.map2 (fun a u -> Lock.Delegation(a, u)) genAddress (Gen.elements [ 0UL; 999UL; 1000UL; 1001UL ])
        1, genAddress |> Gen.map Lock.Contract
    ]

let genOutput =
    gen {
        let! owner = genAddress
        let! token = genToken
        let! amount = genAmount
        let! lock = genLock

        return { AssetOutput.Owner = owner; Token = token; Amount = amount; Lock = lock }
    }

/// Unspent outputs with distinct identities.
let genUtxos: FsCheck.Gen<Utxo list> =
    Gen.listOf genOutput
    |> Gen.map (
        List.mapi (fun i o -> {
            Utxo.Id = { Transaction = hash (i * 7 % 11); Index = uint32 i }
            Owner = o.Owner
            Token = o.Token
            Amount = o.Amount
            Lock = o.Lock
        })
    )

let genKey = Gen.elements [ "a"; "b"; "ab"; "total"; "\u00ff" ] |> Gen.map (fun k -> StateKey(Utf8.bytes k))

let genStateOutput =
    gen {
        let! id = Gen.choose (1, 3) |> Gen.map (fun n -> [| byte n |])
        let! version = Gen.choose (0, 2)
        let! digest = genHash
        let! data = genBytes
        let! proof = genBytes

        return { StateOutput.Id = id; Version = uint64 version; Hash = digest; Data = data; Proof = proof }
    }

let genResource =
    gen {
        let! kind = Gen.elements [ ResourceKind.Wasm; ResourceKind.Onnx; ResourceKind.Document ]
        let! digest = genHash
        let! metadata = genBytes

        return { ResourceOutput.Kind = kind; Hash = digest; Metadata = metadata }
    }

/// Permitted ones, others, and malformed ones.
let genSkillEffect: FsCheck.Gen<SkillEffect> =
    let key = Gen.elements [ "notes/a"; "notes/"; "other"; "" ] |> Gen.map Utf8.bytes
    let url = Gen.elements [ "https://api.example.com/v1"; "http://127.0.0.1/"; "nonsense" ] |> Gen.map Utf8.bytes

    let full =
        Gen.elements [ """{"url": "https://api.example.com/", "headers": {"accept": "*/*"}}"""; "{}"; "[1]" ]
        |> Gen.map Utf8.bytes

    Gen.oneof [
        Gen.elements [ "hello"; "ü"; "" ] |> Gen.map (Utf8.bytes >> SkillEffect.AiPrompt)
        genBytes |> Gen.map SkillEffect.AiPrompt
        key |> Gen.map SkillEffect.MemoryGet
        Gen.map2 (fun k v -> SkillEffect.MemorySet(k, v)) key genBytes
        Gen.map2 (fun u b -> SkillEffect.HttpRequest(u, b)) url genBytes
        full |> Gen.map SkillEffect.HttpRequestFull
        Gen.constant SkillEffect.ReadReply
    ]

let genEffect: FsCheck.Gen<Effect> =
    let context = Gen.map Effect.Context
    let state = Gen.map Effect.State
    let output = Gen.map Effect.Output

    Gen.frequency [
        2,
        Gen.elements [
            ContextEffect.CurrentTransaction
            ContextEffect.TransactionId
            ContextEffect.Caller
            ContextEffect.ContractAddress
            ContextEffect.ParamsLength
            ContextEffect.Params
            ContextEffect.BlockHeight
            ContextEffect.Timestamp
        ]
        |> context
        1, Gen.choose (45, 52) |> Gen.map (uint64 >> ContextEffect.BlockHash) |> context
        1, Gen.choose (0, 100) |> Gen.map (uint32 >> ContextEffect.Random) |> context
        1, genKey |> Gen.map StateEffect.Length |> state
        1, genKey |> Gen.map StateEffect.Get |> state
        1, genKey |> Gen.map StateEffect.Exists |> state
        1, genKey |> Gen.map StateEffect.Delete |> state
        2, Gen.map2 (fun k v -> StateEffect.Set(k, v)) genKey genBytes |> state
        1, Gen.map2 (fun a t -> Effect.Utxo(UtxoEffect.Balance(a, t))) genAddress genToken
        8,
        Gen.map4
            (fun f r a t -> Effect.Utxo(UtxoEffect.Transfer(f, r, a, t)))
            genAddress
            (Gen.frequency [ 6, genAddress; 1, Gen.constant Address.zero ])
            genAmount
            genToken
        3, Gen.map3 (fun o a t -> OutputEffect.Create(o, a, t)) genAddress genAmount genToken |> output
        3, genOutput |> Gen.map OutputEffect.CreateLocked |> output
        2, Gen.listOf genOutput |> Gen.map OutputEffect.Batch |> output
        1, genStateOutput |> Gen.map OutputEffect.AppendState |> output
        1, genResource |> Gen.map OutputEffect.AppendResource |> output
        1, genBytes |> Gen.map OutputEffect.ReturnData |> output
        1, Gen.map2 (fun n d -> Effect.Event(EventEffect.Emit(n, d))) genText genBytes
        1, Gen.map2 (fun l t -> Effect.Event(EventEffect.Log(l, t))) (Gen.choose (-2, 4)) genText
        1, Gen.elements [ [| 1uy |]; [| 2uy |] ] |> Gen.map (fun c -> Effect.External(ExternalEffect.DeclareState c))
        1, Gen.constant (Effect.External ExternalEffect.ReadReply)
        2, genSkillEffect |> Gen.map Effect.Skill
    ]

let genDraftEvent: FsCheck.Gen<DraftEvent> =
    Gen.oneof [
        genUtxos
        |> Gen.map (fun us ->
            match us with
            | u :: _ -> DraftEvent.InputSpent u
            | [] -> DraftEvent.OutputTaken 0u)
        Gen.map2 (fun i o -> DraftEvent.OutputAdded(i, o)) (Gen.elements [ 0u; 1u; 2u; UInt32.MaxValue - 1u; UInt32.MaxValue ]) genOutput
        Gen.choose (0, 3) |> Gen.map (uint32 >> DraftEvent.OutputTaken)
        Gen.map2 (fun t a -> DraftEvent.Minted(t, a)) genToken genU64
        Gen.map2 (fun t a -> DraftEvent.Burned(t, a)) genToken genU64
        Gen.map2 (fun k v -> DraftEvent.StateWritten(k, StateWrite.Put v)) genKey genBytes
        genKey |> Gen.map (fun k -> DraftEvent.StateWritten(k, StateWrite.Delete))
        genStateOutput |> Gen.map DraftEvent.StateOutputAdded
        genResource |> Gen.map DraftEvent.ResourceOutputAdded
        Gen.map2 (fun n d -> DraftEvent.EventEmitted { Name = n; Data = d }) genText genBytes
        genBytes |> Gen.map DraftEvent.ReturnDataSet
        Gen.choose (0, 100) |> Gen.map (uint32 >> DraftEvent.RandomDrawn)
        genBytes |> Gen.map DraftEvent.ReplyKept
    ]

/// The request that all generated runs share.
let context: CallContext = {
    TransactionId = hash 1000
    Caller = caller
    Contract = contract
    Params = [| 1uy; 2uy; 3uy |]
    Block = { Height = 50UL; Timestamp = 1000UL; Hashes = Map [ 49UL, hash 49; 48UL, hash 48 ] }
    RandomSeed = Some [| 7uy |]
    Claims = [ { Claim = [| 1uy |]; Value = [| 9uy; 9uy |]; Evidence = [||] } ]
    Limits = HostLimits.Contract
    Skill = None
}

/// A snapshot and what a guest does with it.
type World = { Utxos: Utxo list; Effects: Effect list }

let snapshot (utxos: Utxo list) : Snapshot = {
    Utxos = utxos
    State = Map [ contract, Map [ StateKey(Utf8.bytes "a"), [| 5uy |]; StateKey(Utf8.bytes "total"), [||] ] ]
    Block = context.Block
}

/// One effect: what it answers, and the draft after it (the same when it fails).
let step (view: IStateView) (draft: Draft) (effect: Effect) =
    match Decide.run context view draft effect with
    | Ok(reply, events) -> Ok reply, Draft.fold draft events
    | Error code -> Error code, draft

/// The draft after all effects of a world.
let play (world: World) =
    let view = Snapshot.view (snapshot world.Utxos)
    world.Effects |> List.fold (fun draft effect -> snd (step view draft effect)) (Draft.initial context)

/// FsCheck finds the generators here.
type Generators =
    static member Lock() = Arb.fromGen genLock
    static member Effect() = Arb.fromGen genEffect
    static member DraftEvent() = Arb.fromGen genDraftEvent
    static member Utxos() = Arb.fromGen genUtxos
    static member AssetOutput() = Arb.fromGen genOutput

    static member World() =
        let make = Gen.map2 (fun u e -> { Utxos = u; Effects = e }) genUtxos (Gen.listOf genEffect)

        let shrink w =
            seq {
                for i in 0 .. w.Effects.Length - 1 do
                    { w with Effects = List.removeAt i w.Effects }

                for i in 0 .. w.Utxos.Length - 1 do
                    { w with Utxos = List.removeAt i w.Utxos }
            }

        Arb.fromGenShrink (make, shrink)
