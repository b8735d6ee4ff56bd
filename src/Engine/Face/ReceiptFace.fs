namespace Twofold

// Receipts, reports and replays as C# sees them.
// In: the F# results of a run. Out: sealed classes with plain properties; reading back throws FormatException with the place that is wrong.

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine

/// One line of a journal.
[<Sealed>]
type JournalLine internal (e: JournalEntry) =
    /// Its place in the journal.
    member _.Index = e.Index

    /// The host function that was called.
    member _.Call =
        match e.Effect with
        | Effect.Host(HostCall.Call(moduleName, name, _)) -> $"{moduleName}.{name}"
        | effect -> EffectJson.functionName (Effect.kind effect)

    /// The effect with its arguments, as one line of JSON.
    member _.EffectJson = Write.line (fun w -> EffectJson.write w e.Effect)

    /// The error's name when the call failed, otherwise null.
    member _.Error =
        match e.Reply with
        | JournalReply.Failed code -> HostErrorCode.name code
        | _ -> null

    /// Gas that was left after the call was paid for.
    member _.GasLeft = e.GasLeft

/// What a run did: every node computes the same bytes from the same request.
[<Sealed; AllowNullLiteral>]
type Receipt internal (r: Twofold.Engine.Receipt) =
    let digest = lazy (ReceiptBytes.digest r)

    static let orThrow (result: Result<Twofold.Engine.Receipt, string>) =
        match result with
        | Ok r -> Receipt r
        | Error why -> raise (FormatException why)

    member internal _.Inner = r
    /// SHA-256 of the canonical bytes, 0x and 64 hexadecimal digits.
    member _.Digest = digest.Value.Text
    /// SHA-256 of the request's canonical bytes.
    member _.RequestDigest = (ReceiptBytes.requestDigest r.Request).Text
    /// SHA-256 of the module.
    member _.ModuleHash = r.Request.ModuleHash.Text
    /// The entry that was called.
    member _.Entry = r.Request.Entry
    /// The profile's name.
    member _.Profile = r.Request.Profile
    /// How the run ended.
    member _.Outcome = Twofold.Outcome r.Outcome
    /// Gas used.
    member _.GasUsed = r.GasUsed
    /// What the guest set as its answer, or as its message when it failed.
    member _.GetReturnData() : byte[] = Array.copy r.ReturnData
    /// The return data as text when it is valid UTF-8 without control characters, else as 0x and hexadecimal digits.
    member _.ReturnDataText = Json.bytesText r.ReturnData

    /// The draft, or null when the run did not succeed.
    member _.Draft: Twofold.Draft =
        match r.Draft with
        | Some d -> Twofold.Draft d
        | None -> null

    /// Every effect in order.
    member _.Journal: IReadOnlyList<JournalLine> = r.Journal |> Seq.map JournalLine |> Arguments.list
    /// SHA-256 of the memories as the run left them.
    member _.MemoryDigest = r.MemoryDigest.Text
    /// SHA-256 of the numeric globals as the run left them.
    member _.GlobalsDigest = r.GlobalsDigest.Text
    /// The canonical bytes (docs/RECEIPT_FORMAT.md).
    member _.ToBytes() : byte[] = ReceiptBytes.encode r
    /// The readable form; it reads back to the same bytes.
    member _.ToJson() : string = ReceiptJson.toJson r

    /// A receipt from its canonical bytes. Throws FormatException when they are none.
    static member FromBytes(bytes: byte[]) : Receipt = ReceiptBytes.decode (Arguments.notNull (nameof bytes) bytes) |> orThrow

    /// A receipt from its readable form. Throws FormatException when it is none, or when its contents do not have the digest that it names.
    static member FromJson(json: string) : Receipt = ReceiptJson.ofJson (Arguments.notNull (nameof json) json) |> orThrow

    /// Two receipts are equal when their canonical bytes are.
    override _.Equals(other: obj) =
        match other with
        | :? Receipt as o -> digest.Value.Text = o.Digest
        | _ -> false

    override _.GetHashCode() = digest.Value.GetHashCode()

/// What came of a request.
type ReportStatus =
    /// The run ended by itself; there is a receipt.
    | Completed = 0
    /// The module or the request is not acceptable; nothing ran.
    | Rejected = 1
    /// Trouble of the host or of the engine; there is no receipt.
    | Faulted = 2

/// The kinds of fault.
type FaultKind =
    /// None.
    | None = 0
    /// The deadline passed.
    | Deadline = 1
    /// The caller cancelled.
    | Cancelled = 2
    /// The host had no memory left.
    | HostMemory = 3
    /// A host's port threw.
    | HostFunction = 4
    /// A bug of the engine.
    | Bug = 5
    /// No instance became free within the deadline: as many ran as may run at once.
    | PoolExhausted = 6

/// A line that the guest logged.
[<Sealed>]
type LogLine internal (level: int, text: string) =
    /// 0 debug, 1 info, 2 warning, 3 error; others are the guest's own.
    member _.Level = level
    /// The text.
    member _.Text = text

/// How one execution went here: the receipt, or why there is none, and facts about this run that no receipt holds.
[<Sealed>]
type ExecutionReport internal (result: Result<Twofold.Engine.ExecutionReport, Refusal>, recordingError: string) =
    let report =
        match result with
        | Ok r -> ValueSome r
        | Error _ -> ValueNone

    let fact fallback pick =
        match report with
        | ValueSome r -> pick r
        | ValueNone -> fallback

    /// What came of the request.
    member _.Status =
        match result with
        | Ok _ -> ReportStatus.Completed
        | Error(Refusal.Rejected _) -> ReportStatus.Rejected
        | Error(Refusal.Fault _) -> ReportStatus.Faulted

    /// The receipt. Throws InvalidOperationException with the reason when there is none.
    member this.Receipt: Receipt =
        match result with
        | Ok r -> Receipt r.Receipt
        | Error refusal -> raise (InvalidOperationException $"there is no receipt: {refusal}")

    /// The receipt, if there is one.
    member _.TryGetReceipt([<Out>] receipt: byref<Receipt>) : bool =
        match result with
        | Ok r ->
            receipt <- Receipt r.Receipt
            true
        | Error _ ->
            receipt <- null
            false

    /// Why the request was rejected, or null.
    member _.Rejection: Rejection =
        match result with
        | Error(Refusal.Rejected r) -> Rejection r
        | _ -> Unchecked.defaultof<Rejection>

    /// What kind of fault there was.
    member _.FaultKind =
        match result with
        | Error(Refusal.Fault f) ->
            match f with
            | EngineFault.Deadline _ -> FaultKind.Deadline
            | EngineFault.Cancelled -> FaultKind.Cancelled
            | EngineFault.HostMemory _ -> FaultKind.HostMemory
            | EngineFault.HostFunction _ -> FaultKind.HostFunction
            | EngineFault.PoolExhausted _ -> FaultKind.PoolExhausted
            | EngineFault.Bug _ -> FaultKind.Bug
        | _ -> FaultKind.None

    /// One line for people: the outcome with the trap's message, the rejection or the fault.
    member _.Message =
        match result with
        | Ok r -> r.Message
        | Error refusal -> refusal.ToString()

    /// Why the receipt is not in the engine's corpus (`EngineOptions.WithCorpus`); null when it is, when there is no receipt, or no corpus.
    member _.RecordingError = recordingError
    /// How long everything took; zero when there is no receipt.
    member _.Elapsed = fact TimeSpan.Zero _.Elapsed
    /// How long the guest and its host calls took.
    member _.RunTime = fact TimeSpan.Zero _.RunTime
    /// The module was loaded already.
    member _.CacheHit = fact false _.CacheHit
    /// The instance had been used before.
    member _.PoolHit = fact false _.PoolHit
    /// The wasm engine's name.
    member _.EngineName = fact "" _.Engine
    /// Bytes of all memories at the end: memories never shrink, so it is also the most that there were. 0 when there is no receipt.
    member _.MemoryBytes = fact 0L _.MemoryBytes
    /// What the guest wrote to standard output.
    member _.GetOutput() : byte[] = fact [||] _.Output
    /// What the guest wrote to standard error.
    member _.GetErrorOutput() : byte[] = fact [||] _.ErrorOutput
    /// The status that a WASI program ended with: 0 when it returned by itself; null when it did not end by itself, or did not run.
    member _.ExitStatus: Nullable<int> = fact None _.ExitStatus |> Option.toNullable
    /// What the guest logged, in order.
    member _.Log: IReadOnlyList<LogLine> = fact [] _.Log |> Seq.map LogLine |> Arguments.list
    override this.ToString() = this.Message

/// What a replay says.
type ReplayKind =
    /// Byte for byte the same receipt.
    | Identical = 0
    /// Something differs.
    | Differs = 1
    /// The replay could not be made.
    | CannotJudge = 2

/// What came of a replay.
[<Sealed>]
type ReplayResult internal (r: Twofold.Engine.ReplayResult) =
    let difference =
        match r with
        | Twofold.Engine.ReplayResult.Differs d -> Some d
        | _ -> None

    let part fallback pick =
        match difference with
        | Some d -> pick d
        | None -> fallback

    /// What the replay says.
    member _.Kind =
        match r with
        | Twofold.Engine.ReplayResult.Identical _ -> ReplayKind.Identical
        | Twofold.Engine.ReplayResult.Differs _ -> ReplayKind.Differs
        | Twofold.Engine.ReplayResult.CannotJudge _ -> ReplayKind.CannotJudge

    /// The component that differs first (`Effect`, `GasUsed`, `Draft`...), or null.
    member _.Component: string = part null (fun d -> string d.Component)
    /// The effect at which it differs, or -1.
    member _.Index = part -1 _.Index
    /// The receipt's side, or null.
    member _.Recorded: string = part null _.Recorded
    /// The replay's side, or null.
    member _.Replayed: string = part null _.Replayed

    /// One line for people.
    override _.ToString() =
        match r with
        | Twofold.Engine.ReplayResult.Identical digest -> $"identical: {digest}"
        | Twofold.Engine.ReplayResult.Differs d -> d.ToString()
        | Twofold.Engine.ReplayResult.CannotJudge why -> $"cannot judge: {why}"
