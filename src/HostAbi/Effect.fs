namespace Twofold.HostAbi

// What a guest asked for, as a value: one case per host function that does anything, with decoded arguments instead of pointers.
// In: made by Call.decode. Out: judged by decide, journaled by the engine; Reply is what goes back.

/// An output of an amount of a token.
type AssetOutput = { Owner: Address; Token: TokenId; Amount: uint64; Lock: Lock }

/// A version of some off-chain state, with the proof that its own layer checks.
type StateOutput = { Id: byte[]; Version: uint64; Hash: Hash32; Data: byte[]; Proof: byte[] }

/// What a resource is.
[<RequireQualifiedAccess>]
type ResourceKind =
    | Wasm
    | Onnx
    | Document

    /// The number guests use.
    member k.Number =
        match k with
        | Wasm -> 1
        | Onnx -> 2
        | Document -> 3

    /// The kind with a number.
    static member TryOfNumber(n: int) : ResourceKind voption =
        match n with
        | 1 -> ValueSome Wasm
        | 2 -> ValueSome Onnx
        | 3 -> ValueSome Document
        | _ -> ValueNone

/// A module, model or document that is published by its hash.
type ResourceOutput = { Kind: ResourceKind; Hash: Hash32; Metadata: byte[] }

/// Questions about the request.
[<RequireQualifiedAccess>]
type ContextEffect =
    | CurrentTransaction
    | TransactionId
    | Caller
    | ContractAddress
    | ParamsLength
    | Params
    | BlockHeight
    | Timestamp
    | BlockHash of height: uint64
    | Random of length: uint32

/// The contract's own keys and values.
[<RequireQualifiedAccess>]
type StateEffect =
    | Length of key: StateKey
    | Get of key: StateKey
    | Set of key: StateKey * value: byte[]
    | Exists of key: StateKey
    | Delete of key: StateKey

/// Value that exists already.
[<RequireQualifiedAccess>]
type UtxoEffect =
    | Balance of owner: Address * token: TokenId
    | Transfer of from: Address * recipient: Address * amount: uint64 * token: TokenId

/// What the transaction is to contain.
[<RequireQualifiedAccess>]
type OutputEffect =
    | Create of owner: Address * amount: uint64 * token: TokenId
    | CreateLocked of output: AssetOutput
    | Batch of outputs: AssetOutput list
    | AppendState of StateOutput
    | AppendResource of ResourceOutput
    | ReturnData of data: byte[]

/// What is told to the outside.
[<RequireQualifiedAccess>]
type EventEffect =
    | Emit of name: string * data: byte[]
    | Log of level: int * text: string

/// What is asked of the outside.
[<RequireQualifiedAccess>]
type ExternalEffect =
    | DeclareState of claim: byte[]
    | ReadReply

/// Anything a guest can ask for that is not only memory of its own.
[<RequireQualifiedAccess; NoComparison>]
type Effect =
    | Context of ContextEffect
    | State of StateEffect
    | Utxo of UtxoEffect
    | Output of OutputEffect
    | Event of EventEffect
    | External of ExternalEffect
    | Skill of SkillEffect
    /// A function of WASI preview1 (Wasi/WasiEffect.fs).
    | Wasi of WasiEffect
    /// A call of a function that the host registered itself.
    | Host of HostCall

/// An effect without its arguments: what a row of the table yields. Its number stands for it in encodings, fixed for ever.
[<RequireQualifiedAccess>]
type EffectKind =
    | CurrentTransaction
    | TransactionId
    | Caller
    | ContractAddress
    | ParamsLength
    | Params
    | BlockHeight
    | Timestamp
    | BlockHash
    | Random
    | StateLength
    | StateGet
    | StateSet
    | StateExists
    | StateDelete
    | Balance
    | Transfer
    | CreateOutput
    | CreateLockedOutput
    | BatchOutputs
    | AppendState
    | AppendResource
    | ReturnData
    | EmitEvent
    | Log
    | DeclareState
    | ReadReply
    | AiPrompt
    | MemoryGet
    | MemorySet
    | HttpRequest
    | HttpRequestFull
    | ReadSkillReply
    | Wasi of WasiFunction
    | HostCall
    | HostResume

    /// The number in encodings: family in the high digit, case in the low one.
    member k.Number: byte =
        match k with
        | CurrentTransaction -> 0x10uy
        | TransactionId -> 0x11uy
        | Caller -> 0x12uy
        | ContractAddress -> 0x13uy
        | ParamsLength -> 0x14uy
        | Params -> 0x15uy
        | BlockHeight -> 0x16uy
        | Timestamp -> 0x17uy
        | BlockHash -> 0x18uy
        | Random -> 0x19uy
        | StateLength -> 0x20uy
        | StateGet -> 0x21uy
        | StateSet -> 0x22uy
        | StateExists -> 0x23uy
        | StateDelete -> 0x24uy
        | Balance -> 0x30uy
        | Transfer -> 0x31uy
        | CreateOutput -> 0x40uy
        | CreateLockedOutput -> 0x41uy
        | BatchOutputs -> 0x42uy
        | AppendState -> 0x43uy
        | AppendResource -> 0x44uy
        | ReturnData -> 0x45uy
        | EmitEvent -> 0x50uy
        | Log -> 0x51uy
        | DeclareState -> 0x60uy
        | ReadReply -> 0x61uy
        | AiPrompt -> 0x70uy
        | MemoryGet -> 0x71uy
        | MemorySet -> 0x72uy
        | HttpRequest -> 0x73uy
        | HttpRequestFull -> 0x74uy
        | ReadSkillReply -> 0x75uy
        | Wasi f -> f.Number
        | HostCall -> 0x80uy
        | HostResume -> 0x81uy

/// Looking at effects.
module Effect =
    /// Which kind an effect is of.
    let kind (effect: Effect) : EffectKind =
        match effect with
        | Effect.Context e ->
            match e with
            | ContextEffect.CurrentTransaction -> EffectKind.CurrentTransaction
            | ContextEffect.TransactionId -> EffectKind.TransactionId
            | ContextEffect.Caller -> EffectKind.Caller
            | ContextEffect.ContractAddress -> EffectKind.ContractAddress
            | ContextEffect.ParamsLength -> EffectKind.ParamsLength
            | ContextEffect.Params -> EffectKind.Params
            | ContextEffect.BlockHeight -> EffectKind.BlockHeight
            | ContextEffect.Timestamp -> EffectKind.Timestamp
            | ContextEffect.BlockHash _ -> EffectKind.BlockHash
            | ContextEffect.Random _ -> EffectKind.Random
        | Effect.State e ->
            match e with
            | StateEffect.Length _ -> EffectKind.StateLength
            | StateEffect.Get _ -> EffectKind.StateGet
            | StateEffect.Set _ -> EffectKind.StateSet
            | StateEffect.Exists _ -> EffectKind.StateExists
            | StateEffect.Delete _ -> EffectKind.StateDelete
        | Effect.Utxo e ->
            match e with
            | UtxoEffect.Balance _ -> EffectKind.Balance
            | UtxoEffect.Transfer _ -> EffectKind.Transfer
        | Effect.Output e ->
            match e with
            | OutputEffect.Create _ -> EffectKind.CreateOutput
            | OutputEffect.CreateLocked _ -> EffectKind.CreateLockedOutput
            | OutputEffect.Batch _ -> EffectKind.BatchOutputs
            | OutputEffect.AppendState _ -> EffectKind.AppendState
            | OutputEffect.AppendResource _ -> EffectKind.AppendResource
            | OutputEffect.ReturnData _ -> EffectKind.ReturnData
        | Effect.Event e ->
            match e with
            | EventEffect.Emit _ -> EffectKind.EmitEvent
            | EventEffect.Log _ -> EffectKind.Log
        | Effect.External e ->
            match e with
            | ExternalEffect.DeclareState _ -> EffectKind.DeclareState
            | ExternalEffect.ReadReply -> EffectKind.ReadReply
        | Effect.Skill e ->
            match e with
            | SkillEffect.AiPrompt _ -> EffectKind.AiPrompt
            | SkillEffect.MemoryGet _ -> EffectKind.MemoryGet
            | SkillEffect.MemorySet _ -> EffectKind.MemorySet
            | SkillEffect.HttpRequest _ -> EffectKind.HttpRequest
            | SkillEffect.HttpRequestFull _ -> EffectKind.HttpRequestFull
            | SkillEffect.ReadReply -> EffectKind.ReadSkillReply
        | Effect.Wasi e -> EffectKind.Wasi(WasiEffect.func e)
        | Effect.Host(HostCall.Call _) -> EffectKind.HostCall
        | Effect.Host(HostCall.Resume _) -> EffectKind.HostResume

    /// Whether the answer comes from outside the request and its snapshot: its bytes belong into the journal, and replay takes them from there.
    let isExternal (effect: Effect) : bool =
        match effect with
        | Effect.External(ExternalEffect.DeclareState _)
        | Effect.Host _ -> true
        | Effect.Skill SkillEffect.ReadReply -> false
        | Effect.Skill _ -> true
        | _ -> false

/// What a host call that succeeded answers.
[<RequireQualifiedAccess>]
type Reply =
    /// Done: 1 where the function has a result.
    | Done
    /// A height, a time, a balance.
    | Number of uint64
    /// Yes is 1, no is 0.
    | Flag of bool
    /// A number above 0 that names what was made.
    | Handle of uint32
    /// How many were made.
    | Count of uint32
    /// How long something is.
    | Length of uint32
    /// Bytes for guest memory; the result is their number.
    | Bytes of byte[]
    /// The function's result itself, where a table's functions answer with codes (negative ones in `cis`).
    | Code of int
    /// What a WASI function answers: an errno, 0 for success, and what the journal keeps of the rest (docs/WASI.md, "Receipts").
    | Wasi of errno: uint16 * kept: byte[]
    /// What a registered function did; its result is among it.
    | Host of HostAnswer

/// Looking at replies.
module Reply =
    /// The function's result, as 64 bits; an i32 function answers the low half.
    let result (reply: Reply) : uint64 =
        match reply with
        | Reply.Done -> 1UL
        | Reply.Number n -> n
        | Reply.Flag yes -> if yes then 1UL else 0UL
        | Reply.Handle n
        | Reply.Count n
        | Reply.Length n -> uint64 n
        | Reply.Bytes bytes -> uint64 bytes.Length
        | Reply.Code n -> uint64 (uint32 n)
        | Reply.Wasi(errno, _) -> uint64 errno
        | Reply.Host { Next = HostNext.Returned bits } -> bits
        | Reply.Host _ -> 0UL
