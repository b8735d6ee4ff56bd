namespace Twofold

// How runs end and what they want to happen, as C# sees it: sealed classes with a Kind.
// In: the F# outcome and draft of a receipt. Out: plain properties; bytes are copies.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine

// The F# union and its module under names that C# never sees.
type internal Ended = Twofold.Engine.Outcome

module internal EndedText =
    let describe (o: Ended) = Outcome.describe o

/// How a run ended. The numbers are those of receipts.
type OutcomeKind =
    /// The entry returned; a contract with status 0.
    | Returned = 0
    /// A contract returned another status.
    | Failed = 1
    /// The guest trapped.
    | Trapped = 2
    /// The guest threw an exception that it did not catch.
    | Uncaught = 3
    /// Gas ran out.
    | OutOfGas = 4
    /// The logical stack ran out.
    | StackExhausted = 5

/// How a run ended: identical on every machine.
[<Sealed>]
type Outcome internal (o: Ended) =
    /// Which way.
    member _.Kind =
        match o with
        | Ended.Returned _ -> OutcomeKind.Returned
        | Ended.Failed _ -> OutcomeKind.Failed
        | Ended.Trapped _ -> OutcomeKind.Trapped
        | Ended.Uncaught _ -> OutcomeKind.Uncaught
        | Ended.OutOfGas -> OutcomeKind.OutOfGas
        | Ended.StackExhausted -> OutcomeKind.StackExhausted

    /// Whether the draft is kept.
    member _.IsSuccess = o.Succeeded

    /// The contract's status: 0 when it succeeded, -1 when it did not return.
    member _.Status =
        match o with
        | Ended.Returned _ -> 0
        | Ended.Failed status -> status
        | _ -> -1

    /// The values that were returned, or that the uncaught exception carried; a reference only says whether it is null.
    member _.Values: IReadOnlyList<Value> =
        match o with
        | Ended.Uncaught(_, _, values)
        | Ended.Returned values ->
            values
            |> Seq.map (fun v ->
                if v.Kind >= ValueKind.FuncRef then
                    Value.Ref(v.Kind, (if v.Low = 0UL then null else box v.Kind))
                else
                    Value.FromBits(v.Kind, v.Low, v.High))
            |> Arguments.list
        | _ -> Arguments.list []

    /// The index of the uncaught exception's tag in the module, or -1.
    member _.ExceptionTag =
        match o with
        | Ended.Uncaught(tag, _, _) -> tag
        | _ -> -1

    /// The name under which the module exports that tag, or null.
    member _.ExceptionName =
        match o with
        | Ended.Uncaught(_, Some name, _) -> name
        | _ -> null

    /// The trap's code, or 0.
    member _.TrapCode: TrapCode =
        match o with
        | Ended.Trapped(code, _, _, _) -> enum<TrapCode> code
        | _ -> enum<TrapCode> 0

    /// The trap's three numbers (address, length, size; see TrapCode), or none.
    member _.TrapNumbers: IReadOnlyList<uint64> =
        match o with
        | Ended.Trapped(_, a, b, c) -> Arguments.list [ a; b; c ]
        | _ -> Arguments.list []

    /// One line for people.
    override _.ToString() = EndedText.describe o

/// An output that a draft creates.
[<Sealed>]
type DraftOutput internal (index: uint32, o: AssetOutput) =
    /// Its index in the transaction.
    member _.Index = index
    /// The owner's address.
    member _.Owner = o.Owner.Text
    /// The token's id; empty for the native coin.
    member _.Token = o.Token.Text
    /// How much.
    member _.Amount = o.Amount
    /// The lock's canonical bytes; one zero byte for none.
    member _.GetLock() : byte[] = Lock.encode o.Lock

/// An amount of a token that was minted or burned.
[<Sealed>]
type TokenAmount internal (token: TokenId, amount: uint64) =
    /// The token's id.
    member _.Token = token.Text
    /// How much.
    member _.Amount = amount

/// A write to the contract's state.
[<Sealed>]
type DraftWrite internal (key: StateKey, write: Twofold.HostAbi.StateWrite) =
    /// The key.
    member _.GetKey() : byte[] = Array.copy key.Bytes
    /// Whether the key is removed.
    member _.IsDelete = (write = Twofold.HostAbi.StateWrite.Delete)

    /// The new value, or null when the key is removed.
    member _.GetValue() : byte[] =
        match write with
        | Twofold.HostAbi.StateWrite.Put value -> Array.copy value
        | Twofold.HostAbi.StateWrite.Delete -> null

/// An event that a draft tells.
[<Sealed>]
type DraftEventInfo internal (e: EmittedEvent) =
    /// Its name.
    member _.Name = e.Name
    /// Its data.
    member _.GetData() : byte[] = Array.copy e.Data
    /// The data as text when it is valid UTF-8 without control characters, else as 0x and hexadecimal digits.
    member _.DataText = Json.bytesText e.Data

/// A version of an off-chain state that a draft records.
[<Sealed>]
type DraftStateOutput internal (o: StateOutput) =
    /// The state's id.
    member _.GetId() : byte[] = Array.copy o.Id
    /// The version.
    member _.Version = o.Version
    /// The hash of the state.
    member _.Hash = o.Hash.Text
    /// The data.
    member _.GetData() : byte[] = Array.copy o.Data
    /// The proof.
    member _.GetProof() : byte[] = Array.copy o.Proof

/// A resource that a draft publishes.
[<Sealed>]
type DraftResourceOutput internal (o: ResourceOutput) =
    /// 1 a module, 2 a model, 3 a document.
    member _.Kind = o.Kind.Number
    /// The resource's hash.
    member _.Hash = o.Hash.Text
    /// What is said about it.
    member _.GetMetadata() : byte[] = Array.copy o.Metadata

/// A transaction as a successful run wants it, for the layer that signs and commits.
[<Sealed; AllowNullLiteral>]
type Draft internal (d: Twofold.HostAbi.Draft) =
    let amounts (sums: Map<TokenId, uint64>) = Map.toSeq sums |> Seq.map TokenAmount |> Arguments.list
    /// The transaction's id.
    member _.TransactionId = d.TransactionId.Text
    /// Who called.
    member _.Caller = d.Caller.Text
    /// The contract.
    member _.Contract = d.Contract.Text
    /// Outputs that are consumed.
    member _.Inputs: IReadOnlyList<UnspentOutput> = d.Inputs.Values |> Seq.map UnspentOutput |> Arguments.list
    /// Outputs that are created.
    member _.Outputs: IReadOnlyList<DraftOutput> = Map.toSeq d.Outputs |> Seq.map DraftOutput |> Arguments.list
    /// State outputs.
    member _.StateOutputs: IReadOnlyList<DraftStateOutput> = d.StateOutputs.Items |> Seq.map DraftStateOutput |> Arguments.list

    /// Resource outputs.
    member _.ResourceOutputs: IReadOnlyList<DraftResourceOutput> =
        d.ResourceOutputs.Items |> Seq.map DraftResourceOutput |> Arguments.list

    /// What was minted, by token.
    member _.Minted: IReadOnlyList<TokenAmount> = amounts d.Minted
    /// What was burned, by token.
    member _.Burned: IReadOnlyList<TokenAmount> = amounts d.Burned
    /// Writes to the contract's state, ordered by key.
    member _.Writes: IReadOnlyList<DraftWrite> = Map.toSeq d.Writes |> Seq.map DraftWrite |> Arguments.list
    /// Events in order.
    member _.Events: IReadOnlyList<DraftEventInfo> = d.Events.Items |> Seq.map DraftEventInfo |> Arguments.list
    /// The return data.
    member _.GetReturnData() : byte[] = Array.copy d.ReturnData
    /// The draft as JSON.
    member _.ToJson() : string = Json.toText (fun w -> DraftJson.write w d)
