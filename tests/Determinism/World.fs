module Twofold.Determinism.World

// A little world: four addresses, a token contract, calls of its entries in either parameter form, and a ledger that applies drafts.
// In: what a test wants to happen. Out: requests, and snapshots after drafts were applied.

open System
open System.Buffers.Binary
open System.Text
open Twofold.HostAbi
open Twofold.Engine

let address (digit: char) =
    match Address.tryParse ("0x" + String(digit, 40)) with
    | ValueSome a -> a
    | ValueNone -> failwith "not an address"

let owner = address '1'
let alice = address 'a'
let bob = address 'b'
let token = address 'c'

let block: BlockInfo = {
    Height = 1000UL
    Timestamp = 1_760_000_000UL
    Hashes = Map [ 999UL, Hash32.sha256 (ReadOnlySpan [| 1uy |]) ]
}

let empty = { Snapshot.empty with Block = block }

let transaction (n: int) = Hash32.sha256 (ReadOnlySpan(BitConverter.GetBytes n))

/// One call of a token contract.
type Call =
    | Initialize of name: string * symbol: string
    | Mint of recipient: Address * amount: uint64
    | Transfer of recipient: Address * amount: uint64
    | TransferFrom of from: Address * recipient: Address * amount: uint64
    | GetBalance of owner: Address
    /// Any entry with any bytes.
    | Bytes of entry: string * parameters: byte[]

let entry call =
    match call with
    | Initialize _ -> "Initialize"
    | Mint _ -> "Mint"
    | Transfer _
    | TransferFrom _ -> "Transfer"
    | GetBalance _ -> "GetBalance"
    | Bytes(entry, _) -> entry

let private json (text: string) = Encoding.UTF8.GetBytes text

let private packed (parts: byte[] list) = Array.concat parts

let private u64 (n: uint64) =
    let b = Array.zeroCreate 8
    BinaryPrimitives.WriteUInt64LittleEndian(Span b, n)
    b

let private padded size (text: string) =
    let b = Array.zeroCreate<byte> size
    Encoding.UTF8.GetBytes(text).CopyTo(b, 0)
    b

/// Parameters as the contract wants them: JSON for `token`, packed for `token-raw`.
let parameters (contractName: string) (call: Call) : byte[] =
    let raw = contractName.StartsWith("token-raw", StringComparison.Ordinal)

    match call with
    | Bytes(_, bytes) -> bytes
    | Initialize(name, symbol) when raw -> packed [ padded 8 symbol; padded 32 name ]
    | Initialize(name, symbol) -> json $"""{{"name": "{name}", "symbol": "{symbol}"}}"""
    | Mint(recipient, amount)
    | Transfer(recipient, amount) when raw -> packed [ recipient.Bytes; u64 amount ]
    | Mint(recipient, amount)
    | Transfer(recipient, amount) -> json $"""{{"to": "{recipient}", "amount": {amount}}}"""
    | TransferFrom(from, recipient, amount) when raw -> packed [ recipient.Bytes; u64 amount; from.Bytes ]
    | TransferFrom(from, recipient, amount) -> json $"""{{"from": "{from}", "to": "{recipient}", "amount": {amount}}}"""
    | GetBalance who when raw -> who.Bytes
    | GetBalance who -> json $"""{{"of": "{who}"}}"""

/// A request for a call of a sample contract.
let request (contractName: string) (snapshot: Snapshot) (caller: Address) (n: int) (call: Call) : ExecutionRequest = {
    Request.contract (Repository.contract contractName) (entry call) caller token snapshot with
        Parameters = parameters contractName call
        TransactionId = transaction n
}

/// The snapshot after a draft was committed.
let apply (draft: Draft) (s: Snapshot) : Snapshot =
    let spent = s.Utxos |> List.filter (fun u -> not (draft.Inputs.ContainsKey u.Id))

    let created: Utxo list =
        Map.toList draft.Outputs
        |> List.map (fun (index, o) -> {
            Id = { Transaction = draft.TransactionId; Index = index }
            Owner = o.Owner
            Token = o.Token
            Amount = o.Amount
            Lock = o.Lock
        })

    let own = s.State |> Map.tryFind draft.Contract |> Option.defaultValue Map.empty

    let written =
        draft.Writes
        |> Map.fold
            (fun state key write ->
                match write with
                | StateWrite.Put value -> Map.add key value state
                | StateWrite.Delete -> Map.remove key state)
            own

    { s with Utxos = spent @ created; State = Map.add draft.Contract written s.State }
