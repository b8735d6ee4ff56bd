namespace Twofold.HostAbi

// The draft of a transaction: what a run wants to happen. Filled event by event, taken out complete at the end, dropped when the run fails.
// In: DraftEvents that decide returned. Out: a value for the receipt and for the layer that signs and commits.

/// A write to one key of the contract's state.
[<RequireQualifiedAccess>]
type StateWrite =
    | Put of byte[]
    | Delete

/// An event for the outside.
type EmittedEvent = { Name: string; Data: byte[] }

/// How far a draft is.
[<RequireQualifiedAccess>]
type DraftStatus =
    /// The run is still filling it.
    | Preprocessing
    /// The run succeeded and the sums are right.
    | Complete

/// What decide has to remember during a run. Not content: never encoded, and empty in a complete draft.
type Scratch = {
    /// Bytes taken from the random stream so far.
    RandomDrawn: uint64
    /// The last reply from outside, for read_reply.
    LastReply: byte[] option
}

/// A transaction in the making.
type Draft = {
    Status: DraftStatus
    TransactionId: Hash32
    Caller: Address
    Contract: Address
    /// Outputs consumed, by identity.
    Inputs: Map<OutPoint, Utxo>
    /// Outputs created, by index. An index is never used twice: outputs that the same run spends again leave a gap.
    Outputs: Map<uint32, AssetOutput>
    /// The index of the next output.
    NextOutput: uint32
    StateOutputs: Sequence<StateOutput>
    ResourceOutputs: Sequence<ResourceOutput>
    Minted: Map<TokenId, uint64>
    Burned: Map<TokenId, uint64>
    /// Writes to the contract's own state, the last one of each key.
    Writes: Map<StateKey, StateWrite>
    Events: Sequence<EmittedEvent>
    ReturnData: byte[]
    Scratch: Scratch
}

/// One change of a draft.
[<RequireQualifiedAccess>]
type DraftEvent =
    | InputSpent of Utxo
    | OutputAdded of index: uint32 * output: AssetOutput
    /// An output that this run created earlier is spent again by itself: it never comes into being.
    | OutputTaken of index: uint32
    | Minted of token: TokenId * amount: uint64
    | Burned of token: TokenId * amount: uint64
    | StateWritten of key: StateKey * write: StateWrite
    | StateOutputAdded of StateOutput
    | ResourceOutputAdded of ResourceOutput
    | EventEmitted of EmittedEvent
    | ReturnDataSet of byte[]
    | RandomDrawn of bytes: uint32
    | ReplyKept of byte[]

/// The sums of one token that ought to agree: outputs + burned = inputs + minted.
type Imbalance = { Token: TokenId; Inputs: bigint; Minted: bigint; Outputs: bigint; Burned: bigint }

/// Making and folding drafts.
module Draft =
    let private nothing = { RandomDrawn = 0UL; LastReply = None }

    /// The draft before the run.
    let initial (ctx: CallContext) : Draft = {
        Status = DraftStatus.Preprocessing
        TransactionId = ctx.TransactionId
        Caller = ctx.Caller
        Contract = ctx.Contract
        Inputs = Map.empty
        Outputs = Map.empty
        NextOutput = 0u
        StateOutputs = Sequence.empty
        ResourceOutputs = Sequence.empty
        Minted = Map.empty
        Burned = Map.empty
        Writes = Map.empty
        Events = Sequence.empty
        ReturnData = [||]
        Scratch = nothing
    }

    // decide has checked the sum already; saturating keeps evolve total on events from anywhere.
    let private addAmount token amount (sums: Map<TokenId, uint64>) =
        let before = sums |> Map.tryFind token |> Option.defaultValue 0UL

        let sum = if amount > System.UInt64.MaxValue - before then System.UInt64.MaxValue else before + amount

        Map.add token sum sums

    /// The draft after one event. Total: any event, in any order.
    let evolve (draft: Draft) (event: DraftEvent) : Draft =
        match event with
        | DraftEvent.InputSpent utxo -> { draft with Inputs = Map.add utxo.Id utxo draft.Inputs }
        | DraftEvent.OutputAdded(index, output) -> {
            draft with
                Outputs = Map.add index output draft.Outputs
                NextOutput = max draft.NextOutput (if index = System.UInt32.MaxValue then index else index + 1u)
          }
        | DraftEvent.OutputTaken index -> { draft with Outputs = Map.remove index draft.Outputs }
        | DraftEvent.Minted(token, amount) -> { draft with Minted = addAmount token amount draft.Minted }
        | DraftEvent.Burned(token, amount) -> { draft with Burned = addAmount token amount draft.Burned }
        | DraftEvent.StateWritten(key, write) -> { draft with Writes = Map.add key write draft.Writes }
        | DraftEvent.StateOutputAdded output -> { draft with StateOutputs = Sequence.add output draft.StateOutputs }
        | DraftEvent.ResourceOutputAdded output -> { draft with ResourceOutputs = Sequence.add output draft.ResourceOutputs }
        | DraftEvent.EventEmitted event -> { draft with Events = Sequence.add event draft.Events }
        | DraftEvent.ReturnDataSet data -> { draft with ReturnData = data }
        | DraftEvent.RandomDrawn bytes -> {
            draft with
                Scratch = { draft.Scratch with RandomDrawn = draft.Scratch.RandomDrawn + uint64 bytes }
          }
        | DraftEvent.ReplyKept reply -> { draft with Scratch = { draft.Scratch with LastReply = Some reply } }

    /// The draft after some events.
    let fold (draft: Draft) (events: DraftEvent seq) : Draft = Seq.fold evolve draft events

    /// The tokens whose sums do not agree; none in a draft that decide filled.
    let conservation (draft: Draft) : Imbalance list =
        let sums (amounts: (TokenId * uint64) seq) =
            let totals = System.Collections.Generic.Dictionary<TokenId, bigint>()

            for token, amount in amounts do
                totals[token] <-
                    bigint amount
                    + (match totals.TryGetValue token with
                       | true, sum -> sum
                       | _ -> 0I)

            totals

        let inputs = sums (seq { for KeyValue(_, u) in draft.Inputs -> u.Token, u.Amount })
        let outputs = sums (seq { for KeyValue(_, o) in draft.Outputs -> o.Token, o.Amount })
        let minted = sums (Map.toSeq draft.Minted)
        let burned = sums (Map.toSeq draft.Burned)

        let at token (totals: System.Collections.Generic.Dictionary<TokenId, bigint>) =
            match totals.TryGetValue token with
            | true, sum -> sum
            | _ -> 0I

        [
            for token in Seq.concat [ inputs.Keys; outputs.Keys; minted.Keys; burned.Keys ] |> Seq.distinct |> Seq.sort do
                let sums = {
                    Token = token
                    Inputs = at token inputs
                    Minted = at token minted
                    Outputs = at token outputs
                    Burned = at token burned
                }

                if sums.Outputs + sums.Burned <> sums.Inputs + sums.Minted then
                    sums
        ]

    /// The draft as it leaves a run that succeeded, or the tokens whose sums are wrong (which is a bug of ours, never a guest's doing).
    let complete (draft: Draft) : Result<Draft, Imbalance list> =
        match conservation draft with
        | [] -> Ok { draft with Status = DraftStatus.Complete; Scratch = nothing }
        | wrong -> Error wrong
