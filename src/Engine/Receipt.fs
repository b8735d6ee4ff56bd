namespace Twofold.Engine

// The receipt: what every node computes identically from the same request; and the report, which says how this run went here.
// In: the end of the pipeline. Out: canonical bytes (ReceiptBytes), JSON (ReceiptJson), replay, the layer that commits drafts.

open System
open Twofold.Wasm
open Twofold.HostAbi

/// Versions of what a receipt depends on and no engine may differ in.
type Versions = {
    /// The gas schedule of wasm operators.
    Schedule: int
    /// The prices of host calls.
    Prices: int
    /// Names, signatures and meanings of host functions.
    Abi: int
} with

    static member Current = {
        Schedule = Twofold.Wasm.Preparation.GasSchedule.version
        Prices = Twofold.HostAbi.Schedule.version
        Abi = Twofold.HostAbi.Schedule.abiVersion
    }

/// What was written to one stream.
type StreamDigest = { Length: int64; Hash: Hash32 }

/// What was written to standard output and standard error.
type OutputDigests = { Output: StreamDigest; Error: StreamDigest }

/// What a run did. Message texts are not in it: codes and numbers are.
[<NoComparison>]
type Receipt = {
    Request: RecordedRequest
    Versions: Versions
    Outcome: Outcome
    /// What the guest set; after a failure it is the message.
    ReturnData: byte[]
    GasUsed: int64
    /// The complete draft; none unless the run succeeded.
    Draft: Draft option
    Journal: JournalEntry list
    Reads: Reads
    /// SHA-256 over all memories and over all numeric globals, as the run left them (IWasmEngine.StateDigests).
    MemoryDigest: Hash32
    GlobalsDigest: Hash32
    /// What a WASI program wrote; none when it called no WASI function.
    Output: OutputDigests option
}

/// What is true of this run and not of its result.
type ExecutionReport = {
    Receipt: Receipt
    /// SHA-256 of the receipt's canonical bytes.
    ReceiptDigest: Hash32
    /// Text for people: the trap's sentence with the guest's own message, the status's name.
    Message: string
    Elapsed: TimeSpan
    /// Of which in the guest and its host calls.
    RunTime: TimeSpan
    /// The module was loaded already.
    CacheHit: bool
    /// The instance was used before.
    PoolHit: bool
    Engine: string
    EngineVersion: string
    Runtime: string
    /// Bytes of all memories at the end: they never shrink, so it is also the most that there were.
    MemoryBytes: int64
    /// What the guest logged, in order.
    Log: (int * string) list
    /// What the guest wrote to standard output and to standard error.
    Output: byte[]
    ErrorOutput: byte[]
    /// The status that a program ended with: 0 when it returned by itself; none when it did not end by itself.
    ExitStatus: int option
}

/// Why there is no receipt.
[<RequireQualifiedAccess>]
type Refusal =
    /// The module or the request is not acceptable; nothing ran.
    | Rejected of Rejected
    /// Trouble of the host or of ours; nothing is known about the guest.
    | Fault of EngineFault

    override this.ToString() =
        match this with
        | Rejected r -> r.ToString()
        | Fault f -> f.ToString()
