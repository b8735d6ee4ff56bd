namespace Twofold.HostAbi

// Every number that bounds what one host call or one draft may hold, each with its reason.
// In: a profile or request picks a set. Out: decide refuses what exceeds it, with a code of its own.

/// Limits on host calls; all inclusive.
type HostLimits = {
    /// Bytes of a state key or state id: keys are indexed, so they stay small against values (64 KiB).
    KeyBytes: int
    /// Bytes of a state value, of a state output's data or proof, and of resource metadata (128 KiB).
    ValueBytes: int
    /// Bytes of an event's name and data together, and of a log line (64 KiB).
    EventBytes: int
    /// Bytes of return data: one answer to one caller (1 MiB).
    ReturnDataBytes: int
    /// Bytes of one get_random call; more is more calls, each paid for.
    RandomBytes: int
    /// Outputs that one batch may create: bounds the work of one host call.
    BatchOutputs: int
    /// Outputs of each sort in a draft: bounds what a ledger must commit in one transaction.
    Outputs: int
    /// Outputs that a draft may consume, for the same reason.
    Inputs: int
} with

    /// The contract profile's numbers.
    static member Contract = {
        KeyBytes = 64 * 1024
        ValueBytes = 128 * 1024
        EventBytes = 64 * 1024
        ReturnDataBytes = 1024 * 1024
        RandomBytes = 64 * 1024
        BatchOutputs = 1_000
        Outputs = 10_000
        Inputs = 10_000
    }
