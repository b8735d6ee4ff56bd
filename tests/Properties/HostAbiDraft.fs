/// Laws of drafts and of decide: value is conserved, limits hold, a guest reads its own writes, selection does not depend on order.
/// In: generated worlds. Out: a counterexample, with FsCheck's seed.
module Twofold.Properties.HostAbiDraft

open System
open NUnit.Framework
open FsCheck
open FsCheck.FSharp
open FsCheck.NUnit
open Twofold.HostAbi
open Twofold.Properties.HostAbiGen

let private key (s: string) = StateKey(Utf8.bytes s)
let private empty = Draft.initial context
let private noView = Snapshot.view Snapshot.empty

[<Property(Arbitrary = [| typeof<Generators> |])>]
let ``fold is evolve folded, over any events, and never throws`` (first: DraftEvent list) (second: DraftEvent list) =
    let once = Draft.fold empty (first @ second)
    let twice = second |> List.fold Draft.evolve (first |> List.fold Draft.evolve empty)
    Draft.conservation once |> ignore
    once = twice

[<Property(Arbitrary = [| typeof<Generators> |])>]
let ``events of different keys and families commute`` (event: DraftEvent) =
    let write = DraftEvent.StateWritten(key "nobody writes here", StateWrite.Put [| 1uy |])
    Draft.fold empty [ event; write ] = Draft.fold empty [ write; event ]

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 1000)>]
let ``value is conserved whatever a guest does`` (world: World) =
    let draft = play world

    match Draft.complete draft with
    | Ok complete ->
        complete.Status = DraftStatus.Complete
        // Only own tokens are minted.
        && complete.Minted
           |> Map.forall (fun token _ ->
               match token with
               | TokenId.Of(issuer, _) -> issuer = contract
               | TokenId.Native -> false)
    | Error wrong -> failwithf "%A" wrong

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 1000)>]
let ``inputs are outputs of the snapshot that the run may spend`` (world: World) =
    (play world).Inputs
    |> Map.forall (fun id u -> u.Id = id && List.contains u world.Utxos && Selection.access context u.Owner u.Lock = Access.Open)

/// The rule of the design, said again in other words: the oracle of Selection.access.
let private mayBeSpent (owner: Address) (lock: Lock) =
    let own = owner = caller || owner = contract

    match lock with
    | Lock.Contract c -> c = contract
    | Lock.Delegation(d, until) -> own || (d = contract && (until = 0UL || until >= 1000UL))
    | Lock.None -> own
    | Lock.Time t -> own && t <= 1000UL
    | Lock.Height h -> own && h <= 50UL
    | Lock.Threshold(n, who) -> own && (Set.intersect (set who) (set [ caller; contract ])).Count >= n

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 1000)>]
let ``a transfer moves exactly its amount or says why not`` (utxos: Utxo list) (PositiveInt n) (from: int) (toIndex: int) =
    let from = addresses[abs (from % addresses.Length)]
    let recipient = addresses[abs (toIndex % addresses.Length)]
    let amount = uint64 n
    let view = Snapshot.view (snapshot utxos)
    let mine = utxos |> List.filter (fun u -> u.Owner = from && u.Token = TokenId.Native)
    let sum us = us |> List.sumBy (fun (u: Utxo) -> bigint u.Amount)
    let open' = mine |> List.filter (fun u -> mayBeSpent u.Owner u.Lock)
    let enough = sum open' >= bigint amount

    match step view empty (Effect.Utxo(UtxoEffect.Transfer(from, recipient, amount, TokenId.Native))) with
    | Ok _, draft ->
        let inputs = draft.Inputs |> Map.toList |> List.map snd
        let outputs = draft.Outputs |> Map.toList |> List.map snd
        let change = outputs |> List.skip 1

        enough
        && outputs[0] = { Owner = recipient; Token = TokenId.Native; Amount = amount; Lock = Lock.None }
        && change.Length <= 1
        && change |> List.forall (fun c -> c.Owner = from)
        && sum inputs = bigint amount + (change |> List.sumBy (fun c -> bigint c.Amount))
        // No input could have been left out: the selection is not wasteful.
        && inputs |> List.forall (fun u -> sum inputs - bigint u.Amount < bigint amount)
    | Error code, _ ->
        not enough
        && (if from <> caller && from <> contract && open'.IsEmpty then
                code = HostErrorCode.Unauthorized
            else
                List.contains code [ HostErrorCode.InsufficientBalance; HostErrorCode.Locked; HostErrorCode.Unauthorized ])

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``the order in which a view lists outputs decides nothing`` (world: World) (seed: int) =
    let shuffled = world.Utxos |> List.sortBy (fun u -> HashCode.Combine(seed, u.Id.Index))
    let twice = shuffled @ world.Utxos
    let draft = play world

    draft = play { world with Utxos = shuffled }
    && draft = play { world with Utxos = List.rev world.Utxos }
    // A view that lists outputs twice makes no value.
    && draft = play { world with Utxos = twice }

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``a guest reads its own writes`` (world: World) (value: byte[]) =
    let view = Snapshot.view (snapshot world.Utxos)
    let draft = play world

    // "k" is in no snapshot, "total" is: a deleted key must not shine through from there.
    [ key "k"; key "total" ]
    |> List.forall (fun key ->
        let ask draft effect = fst (step view draft (Effect.State effect))

        let _, written = step view draft (Effect.State(StateEffect.Set(key, value)))
        let _, deleted = step view written (Effect.State(StateEffect.Delete key))

        ask written (StateEffect.Get key) = Ok(Reply.Bytes value)
        && ask written (StateEffect.Length key) = Ok(Reply.Length(uint32 value.Length))
        && ask written (StateEffect.Exists key) = Ok(Reply.Flag true)
        && ask deleted (StateEffect.Get key) = Error HostErrorCode.NotFound
        && ask deleted (StateEffect.Exists key) = Ok(Reply.Flag false)
        && ask deleted (StateEffect.Delete key) = Error HostErrorCode.NotFound)

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``balances follow transfers within the run`` (world: World) (PositiveInt amount) =
    let view = Snapshot.view (snapshot world.Utxos)
    let draft = play world

    let balance draft who =
        match step view draft (Effect.Utxo(UtxoEffect.Balance(who, TokenId.Native))) with
        | Ok(Reply.Number n), _ -> Some n
        | _ -> None

    match step view draft (Effect.Utxo(UtxoEffect.Transfer(caller, address 4, uint64 amount, TokenId.Native))) with
    | Ok _, after ->
        match balance draft caller, balance after caller, balance draft (address 4), balance after (address 4) with
        | Some a, Some b, Some c, Some d -> a - b = uint64 amount && d - c = uint64 amount
        | _ -> true // a sum above 64 bits has no balance
    | Error _, _ -> true

[<Property(Arbitrary = [| typeof<Generators> |], MaxTest = 500)>]
let ``a failed effect changes nothing and a batch is all or nothing`` (world: World) (outputs: AssetOutput list) =
    let view = Snapshot.view (snapshot world.Utxos)
    let draft = play world

    let oneByOne =
        outputs
        |> List.fold
            (fun draft o ->
                draft
                |> Option.bind (fun draft ->
                    match step view draft (Effect.Output(OutputEffect.CreateLocked o)) with
                    | Ok _, next -> Some next
                    | Error _, _ -> None))
            (Some draft)

    match step view draft (Effect.Output(OutputEffect.Batch outputs)), oneByOne with
    | (Ok(Reply.Count n), next), Some expected -> int n = outputs.Length && next = expected
    | (Error _, next), None -> next = draft
    | _ -> false

[<Property(Arbitrary = [| typeof<Generators> |])>]
let ``the random stream is one stream however it is asked for`` (parts: byte list) =
    let view = noView

    let drawn, _ =
        parts
        |> List.fold
            (fun (bytes, draft) n ->
                match step view draft (Effect.Context(ContextEffect.Random(uint32 n))) with
                | Ok(Reply.Bytes more), next -> Array.append bytes more, next
                | answer, _ -> failwithf "%A" answer)
            ([||], empty)

    drawn = Random.bytes [| 7uy |] context.TransactionId 0UL (parts |> List.sumBy int)

let private check expected (effect: Effect) =
    match step noView empty effect with
    | answer, _ -> Assert.That((answer = expected), $"expected %A{expected}, found %A{answer}")

[<Test>]
let ``the first block of the random stream is the documented hash`` () =
    let message =
        Array.concat [ "twofold.random.1"B; [| 1uy; 0uy; 0uy; 0uy; 7uy |]; context.TransactionId.Bytes; Array.zeroCreate 8 ]

    check (Ok(Reply.Bytes(Security.Cryptography.SHA256.HashData message))) (Effect.Context(ContextEffect.Random 32u))

[<Test>]
let ``limits hold to the byte, each with its code`` () =
    let limits = HostLimits.Contract
    let bytes n = Array.zeroCreate<byte> n
    let set k v = Effect.State(StateEffect.Set(StateKey(bytes k), bytes v))
    check (Ok Reply.Done) (set limits.KeyBytes limits.ValueBytes)
    check (Error HostErrorCode.KeyTooLong) (set (limits.KeyBytes + 1) 0)
    check (Error HostErrorCode.ValueTooLong) (set 1 (limits.ValueBytes + 1))
    check (Error HostErrorCode.InvalidParameter) (set 0 1)
    check (Ok Reply.Done) (Effect.Event(EventEffect.Emit("é", bytes (limits.EventBytes - 2))))
    check (Error HostErrorCode.EventTooLong) (Effect.Event(EventEffect.Emit("é", bytes (limits.EventBytes - 1))))
    check (Ok Reply.Done) (Effect.Output(OutputEffect.ReturnData(bytes limits.ReturnDataBytes)))
    check (Error HostErrorCode.ReturnDataTooLong) (Effect.Output(OutputEffect.ReturnData(bytes (limits.ReturnDataBytes + 1))))
    check (Error HostErrorCode.InvalidParameter) (Effect.Context(ContextEffect.Random(uint32 limits.RandomBytes + 1u)))

    let outputs n =
        Effect.Output(OutputEffect.Batch(List.replicate n { Owner = caller; Token = ownToken "COIN"; Amount = 1UL; Lock = Lock.None }))

    check (Ok(Reply.Count(uint32 limits.BatchOutputs))) (outputs limits.BatchOutputs)
    check (Error HostErrorCode.TooManyOutputs) (outputs (limits.BatchOutputs + 1))

[<Test>]
let ``minting beyond 64 bits is an overflow`` () =
    let mint = Effect.Output(OutputEffect.Create(caller, UInt64.MaxValue, ownToken "COIN"))
    let first, draft = step noView empty mint
    Assert.That((first = Ok(Reply.Handle 1u)))
    Assert.That((fst (step noView draft mint) = Error HostErrorCode.Overflow))
    // Another own token has a total of its own, and a transfer of all of it is no overflow.
    let all = Effect.Utxo(UtxoEffect.Transfer(caller, contract, UInt64.MaxValue, ownToken "COIN"))
    Assert.That((fst (step noView draft all) = Ok Reply.Done))

[<Test>]
let ``change of an escrow stays in escrow`` () =
    let escrow = {
        Utxo.Id = { Transaction = hash 1; Index = 0u }
        Owner = address 3
        Token = TokenId.Native
        Amount = 10UL
        Lock = Lock.Contract contract
    }

    let view = Snapshot.view (snapshot [ escrow ])
    let pay = Effect.Utxo(UtxoEffect.Transfer(address 3, address 4, 4UL, TokenId.Native))
    let answer, draft = step view empty pay
    Assert.That((answer = Ok Reply.Done))
    let change = draft.Outputs[1u]
    Assert.That((change.Owner = address 3 && change.Amount = 6UL && change.Lock = Lock.Contract contract))

[<Test>]
let ``the zero address burns what is transferred to it and owns nothing`` () =
    let _, minted = step noView empty (Effect.Output(OutputEffect.Create(caller, 10UL, ownToken "COIN")))
    let burn = Effect.Utxo(UtxoEffect.Transfer(caller, Address.zero, 4UL, ownToken "COIN"))
    let answer, draft = step noView minted burn
    Assert.That((answer = Ok Reply.Done))
    Assert.That((draft.Burned = Map [ ownToken "COIN", 4UL ]))
    Assert.That((Draft.conservation draft).IsEmpty)
    check (Error HostErrorCode.InvalidAddress) (Effect.Output(OutputEffect.Create(Address.zero, 1UL, ownToken "COIN")))

[<Test>]
let ``declared claims answer and can be read again`` () =
    check (Error HostErrorCode.NoReply) (Effect.External ExternalEffect.ReadReply)
    check (Error HostErrorCode.ClaimNotDeclared) (Effect.External(ExternalEffect.DeclareState [| 2uy |]))
    let answer, draft = step noView empty (Effect.External(ExternalEffect.DeclareState [| 1uy |]))
    Assert.That((answer = Ok(Reply.Bytes [| 9uy; 9uy |])))
    Assert.That((fst (step noView draft (Effect.External ExternalEffect.ReadReply)) = answer))

[<Test>]
let ``the generators reach every effect's success and every refusal that decide has`` () =
    let generated = Gen.sampleWithSize 60 400 (Generators.World().Generator)
    let answers = System.Collections.Generic.HashSet<struct (EffectKind * HostErrorCode option)>()

    for world in generated do
        let view = Snapshot.view (snapshot world.Utxos)

        world.Effects
        |> List.fold
            (fun draft effect ->
                let answer, next = step view draft effect

                let code =
                    match answer with
                    | Ok _ -> None
                    | Error code -> Some code

                answers.Add(struct (Effect.kind effect, code)) |> ignore
                next)
            (Draft.initial context)
        |> ignore

    for row in AbiTable.env do
        match row.Action with
        | RowAction.Yields kind -> Assert.That(answers.Contains(struct (kind, None)), $"{row.Name} never succeeded")
        | _ -> ()

    let spending = [ HostErrorCode.InvalidAmount; HostErrorCode.InsufficientBalance; HostErrorCode.Locked; HostErrorCode.Unauthorized ]

    for code in spending do
        Assert.That(answers.Contains(struct (EffectKind.Transfer, Some code)), $"no transfer was {code}")

    Assert.That(answers.Contains(struct (EffectKind.CreateOutput, Some HostErrorCode.Overflow)), "no overflow")
    Assert.That(answers.Contains(struct (EffectKind.Balance, Some HostErrorCode.Overflow)), "no balance overflowed")

[<Test>]
let ``locks open as the reference page says, to the second and the block`` () =
    // The request: caller, contract, time 1000, height 50. Columns: lock, for the caller's own output, for another owner's.
    let other = address 3

    let threshold n members =
        match Lock.tryThreshold n members with
        | ValueSome lock -> lock
        | ValueNone -> failwith "threshold"

    for lock, own, others in
        [
            Lock.None, Access.Open, Access.Denied
            Lock.Time 1000UL, Access.Open, Access.Denied
            Lock.Time 1001UL, Access.NotYet, Access.Denied
            Lock.Height 50UL, Access.Open, Access.Denied
            Lock.Height 51UL, Access.NotYet, Access.Denied
            threshold 1 [ caller; other ], Access.Open, Access.Denied
            threshold 2 [ caller; contract; other ], Access.Open, Access.Denied
            threshold 2 [ caller; other ], Access.Denied, Access.Denied
            threshold 1 [ other ], Access.Denied, Access.Denied
            Lock.Delegation(contract, 0UL), Access.Open, Access.Open
            Lock.Delegation(contract, 1000UL), Access.Open, Access.Open
            Lock.Delegation(contract, 999UL), Access.Open, Access.Denied
            Lock.Delegation(caller, 0UL), Access.Open, Access.Denied
            Lock.Contract contract, Access.Open, Access.Open
            Lock.Contract other, Access.Denied, Access.Denied
            Lock.Contract caller, Access.Denied, Access.Denied
        ] do
        Assert.That((Selection.access context caller lock = own), $"own: %A{lock}")
        Assert.That((Selection.access context contract lock = own), $"the contract's: %A{lock}")
        Assert.That((Selection.access context other lock = others), $"another's: %A{lock}")
