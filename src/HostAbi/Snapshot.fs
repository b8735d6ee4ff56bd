namespace Twofold.HostAbi

// The world as a run sees it: unspent outputs, contracts' state, the block. Read only; nothing here is ever committed by the engine.
// In: a host's own IStateView, or a Snapshot (a value that a file can hold). Out: what decide reads.

open System.Collections.Generic

/// The identity of an output: the transaction that made it and its index there.
[<Struct>]
type OutPoint = { Transaction: Hash32; Index: uint32 }

/// An unspent output.
type Utxo = { Id: OutPoint; Owner: Address; Token: TokenId; Amount: uint64; Lock: Lock }

/// The block that a run is part of.
type BlockInfo = {
    Height: uint64
    /// Unix seconds.
    Timestamp: uint64
    /// Hashes of earlier blocks by height, as many as the caller gives.
    Hashes: Map<uint64, Hash32>
}

/// What a run may read. A view is asked during the run and must give the same answers throughout; it never sees writes.
type IStateView =
    /// The unspent outputs of an owner in a token, in any order.
    abstract Utxos: owner: Address * token: TokenId -> IReadOnlyList<Utxo>
    /// The value under a key of a contract's state, if there is one.
    abstract State: contract: Address * key: StateKey -> byte[] voption
    /// The hash of the block at a height, if it is known.
    abstract BlockHash: height: uint64 -> Hash32 voption

/// A view as a value: all that is unspent, all that contracts have stored, the block.
type Snapshot = { Utxos: Utxo list; State: Map<Address, Map<StateKey, byte[]>>; Block: BlockInfo }

/// Building and reading snapshots.
module Snapshot =
    /// Nothing, in a block of height 0 at time 0.
    let empty = { Utxos = []; State = Map.empty; Block = { Height = 0UL; Timestamp = 0UL; Hashes = Map.empty } }

    /// The same with one value more.
    let withState (contract: Address) (key: StateKey) (value: byte[]) (s: Snapshot) : Snapshot =
        let own = s.State |> Map.tryFind contract |> Option.defaultValue Map.empty

        { s with State = Map.add contract (Map.add key value own) s.State }

    let private noUtxos: IReadOnlyList<Utxo> = [||]

    /// A view of a snapshot, with an index over the outputs.
    let view (s: Snapshot) : IStateView =
        let index = Dictionary<struct (Address * TokenId), IReadOnlyList<Utxo>>()

        for (owner, token), utxos in s.Utxos |> List.groupBy (fun u -> u.Owner, u.Token) do
            index[struct (owner, token)] <- List.toArray utxos

        {
            new IStateView with
                member _.Utxos(owner, token) =
                    match index.TryGetValue(struct (owner, token)) with
                    | true, found -> found
                    | _ -> noUtxos

                member _.State(contract, key) =
                    match Map.tryFind contract s.State with
                    | Some own ->
                        match Map.tryFind key own with
                        | Some value -> ValueSome value
                        | None -> ValueNone
                    | None -> ValueNone

                member _.BlockHash height =
                    match Map.tryFind height s.Block.Hashes with
                    | Some hash -> ValueSome hash
                    | None -> ValueNone
        }
