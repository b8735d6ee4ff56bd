namespace Twofold.Engine

// The part of the snapshot that a run read: it travels in the receipt, so that a receipt and its module are enough to replay.
// In: a host's IStateView. Out: a view that remembers what was asked (and asks only once), and a view that answers from such a memory.

open System
open System.Collections.Generic
open Twofold.HostAbi

/// What was read, with what came back; in canonical order.
type Reads = {
    /// Unspent outputs by owner and token, ordered by identity.
    Utxos: Map<Address * TokenId, Utxo list>
    /// Values by contract and key; none: there was none.
    State: Map<Address * StateKey, byte[] option>
    BlockHashes: Map<uint64, Hash32 option>
} with

    static member Empty = { Utxos = Map.empty; State = Map.empty; BlockHashes = Map.empty }

/// A read that a receipt does not hold: the run under replay asked for something that the recorded one did not.
exception internal UnrecordedRead of what: string

/// Remembers the reads of one run. A view that answers differently the second time cannot disturb the run: it is asked once.
[<Sealed>]
type internal RecordingView(inner: IStateView) =
    let mutable reads = Reads.Empty

    // Spending the same output twice, or somebody else's, must not depend on a host's store being right.
    let checkOutputs owner token (found: Utxo list) =
        for u in found do
            if u.Owner <> owner || u.Token <> token then
                invalidOp $"the state view was asked for outputs of {owner} in '{token}' and gave one of {u.Owner} in '{u.Token}'"

        for a, b in List.pairwise found do
            if a.Id = b.Id then
                invalidOp $"the state view gave output {a.Id.Index} of {a.Id.Transaction} twice"

    member _.Reads = reads

    interface IStateView with
        member _.Utxos(owner, token) =
            match Map.tryFind (owner, token) reads.Utxos with
            | Some known -> List.toArray known
            | None ->
                let found = inner.Utxos(owner, token) |> Seq.sortBy _.Id |> List.ofSeq
                checkOutputs owner token found
                reads <- { reads with Utxos = Map.add (owner, token) found reads.Utxos }
                List.toArray found

        member _.State(contract, key) =
            match Map.tryFind (contract, key) reads.State with
            | Some known -> known |> Option.toValueOption
            | None ->
                let found = inner.State(contract, key)
                reads <- { reads with State = Map.add (contract, key) (Option.ofValueOption found) reads.State }
                found

        member _.BlockHash height =
            match Map.tryFind height reads.BlockHashes with
            | Some known -> known |> Option.toValueOption
            | None ->
                let found = inner.BlockHash height
                reads <- { reads with BlockHashes = Map.add height (Option.ofValueOption found) reads.BlockHashes }
                found

/// Answers from recorded reads only; the first read that is not among them is remembered and stops the run.
[<Sealed>]
type internal RecordedView(reads: Reads) =
    let mutable missing: string = null

    let found what (answer: 'T option) =
        match answer with
        | Some value -> value
        | None ->
            if isNull missing then
                missing <- what

            raise (UnrecordedRead what)

    /// What was asked for and is not recorded; null if nothing.
    member _.Missing = missing

    interface IStateView with
        member _.Utxos(owner, token) =
            Map.tryFind (owner, token) reads.Utxos |> found $"the outputs of {owner} in '{token}'" |> List.toArray :> IReadOnlyList<Utxo>

        member _.State(contract, key) =
            Map.tryFind (contract, key) reads.State |> found $"state {key} of {contract}" |> Option.toValueOption

        member _.BlockHash height = Map.tryFind height reads.BlockHashes |> found $"the hash of block {height}" |> Option.toValueOption
