namespace Twofold

// The world as C# hosts give it: a snapshot value, or an interface of their own over a store.
// In: strings and bytes. Out: the IStateView that runs read.

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open Twofold.HostAbi
open Twofold.Engine

/// An unspent output.
[<Sealed>]
type UnspentOutput internal (u: Utxo) =
    /// An output without a lock.
    new(transactionId: string, index: uint32, owner: string, token: string, amount: uint64) =
        UnspentOutput {
            Id = { Transaction = Arguments.hash (nameof transactionId) transactionId; Index = index }
            Owner = Arguments.address (nameof owner) owner
            Token = Arguments.token (nameof token) token
            Amount = amount
            Lock = Lock.None
        }

    member internal _.Inner = u
    /// The transaction that made it.
    member _.TransactionId = u.Id.Transaction.Text
    /// Its index there.
    member _.Index = u.Id.Index
    /// The owner's address.
    member _.Owner = u.Owner.Text
    /// The token's id; empty for the native coin.
    member _.Token = u.Token.Text
    /// How much.
    member _.Amount = u.Amount
    /// The lock's canonical bytes (docs/HOST_ABI.md); one zero byte for none.
    member _.GetLock() : byte[] = Lock.encode u.Lock

    /// The same with a lock, given by its canonical bytes.
    member _.WithLock(lock: byte[]) : UnspentOutput =
        match Lock.decode (Arguments.notNull (nameof lock) lock) with
        | Ok lock -> UnspentOutput { u with Lock = lock }
        | Error why -> raise (ArgumentException(why, nameof lock))

/// What a run may read, over a host's own store. Asked during a run, from that run's thread; answers must not change while the run lasts.
[<AllowNullLiteral>]
type IStateReader =
    /// The unspent outputs of an owner in a token, in any order.
    abstract GetOutputs: owner: string * token: string -> IReadOnlyList<UnspentOutput>
    /// The value under a key of a contract's state, or null.
    abstract GetState: contract: string * key: byte[] -> byte[]
    /// The hash of a block, 32 bytes, or null.
    abstract GetBlockHash: height: uint64 -> byte[]

module internal StateReader =
    /// The state of requests that bring none: empty, unless the engine has a reader.
    let none: IStateView = Twofold.HostAbi.Snapshot.view Twofold.HostAbi.Snapshot.empty

    /// The F# view of a C# reader.
    let view (reader: IStateReader) : IStateView = {
        new IStateView with
            member _.Utxos(owner, token) =
                let found = reader.GetOutputs(owner.Text, token.Text)
                let items = if isNull found then [||] else found |> Seq.map _.Inner |> Array.ofSeq
                items :> IReadOnlyList<Utxo>

            member _.State(contract, key) =
                match reader.GetState(contract.Text, key.Bytes) with
                | null -> ValueNone
                | value -> ValueSome value

            member _.BlockHash height =
                match reader.GetBlockHash height with
                | null -> ValueNone
                | bytes -> Hash32.tryOfBytes (ReadOnlySpan bytes)
    }

/// The world as a value: unspent outputs, contracts' state, the block. Immutable.
[<Sealed>]
type Snapshot internal (s: Twofold.HostAbi.Snapshot) =
    member internal _.Inner = s
    /// Nothing, in a block of height 0 at time 0.
    static member Empty = Snapshot Twofold.HostAbi.Snapshot.empty

    /// A snapshot from JSON (docs/RECEIPT_FORMAT.md). Throws FormatException with the place that is wrong.
    static member FromJson(json: string) : Snapshot =
        match SnapshotJson.ofJson (Arguments.notNull (nameof json) json) with
        | Ok s -> Snapshot s
        | Error why -> raise (FormatException why)

    /// The snapshot as JSON.
    member _.ToJson() : string = SnapshotJson.toJson s

    /// The same with one unspent output more.
    member _.WithOutput(output: UnspentOutput) : Snapshot =
        Snapshot { s with Utxos = s.Utxos @ [ (Arguments.notNull (nameof output) output).Inner ] }

    /// The same with a value under a key of a contract's state.
    member _.WithState(contract: string, key: byte[], value: byte[]) : Snapshot =
        let contract = Arguments.address (nameof contract) contract
        let key = StateKey(Arguments.bytes (nameof key) key)
        Snapshot(Twofold.HostAbi.Snapshot.withState contract key (Arguments.bytes (nameof value) value) s)

    /// The same in another block.
    member _.WithBlock(height: uint64, timestamp: uint64) : Snapshot =
        Snapshot { s with Block = { s.Block with Height = height; Timestamp = timestamp } }

    /// The same with the hash of a block.
    member _.WithBlockHash(height: uint64, hash: string) : Snapshot =
        let hashes = Map.add height (Arguments.hash (nameof hash) hash) s.Block.Hashes
        Snapshot { s with Block = { s.Block with Hashes = hashes } }

    /// The height of the block.
    member _.BlockHeight = s.Block.Height
    /// The time of the block, Unix seconds.
    member _.Timestamp = s.Block.Timestamp
    /// The unspent outputs.
    member _.Outputs: IReadOnlyList<UnspentOutput> = s.Utxos |> Seq.map UnspentOutput |> Arguments.list

    /// The value under a key of a contract's state.
    member _.TryGetState(contract: string, key: byte[], [<Out>] value: byref<byte[]>) : bool =
        let own = s.State |> Map.tryFind (Arguments.address (nameof contract) contract)

        match own |> Option.bind (Map.tryFind (StateKey(Arguments.notNull (nameof key) key))) with
        | Some found ->
            value <- Array.copy found
            true
        | None ->
            value <- null
            false

/// Answers claims about the outside world that a request does not declare itself; the journal keeps the answers.
[<AllowNullLiteral>]
type IExternalSource =
    /// The value of a claim, or null when it is not known. Called from any thread; an exception ends the run as a fault.
    abstract DeclareState: contract: string * claim: byte[] -> byte[]
