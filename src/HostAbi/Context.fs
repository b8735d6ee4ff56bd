namespace Twofold.HostAbi

// What a run knows about its request: who calls whom, in which transaction and block, with which parameters.
// In: made by the engine from an ExecutionRequest. Out: read by decide; it never changes during a run and never holds a private key.

/// A fact about the outside world that the request declares, with the evidence that its own layer checks.
type DeclaredClaim = {
    /// What a guest asks with, byte for byte.
    Claim: byte[]
    /// What it is answered.
    Value: byte[]
    /// Why it is so; carried along, not read by guests.
    Evidence: byte[]
}

/// Everything about the request that guests can see, and the limits of the run.
type CallContext = {
    TransactionId: Hash32
    Caller: Address
    Contract: Address
    /// The parameters, as the caller gives them.
    Params: byte[]
    Block: BlockInfo
    /// The seed of get_random; without one there is no randomness.
    RandomSeed: byte[] option
    Claims: DeclaredClaim list
    Limits: HostLimits
    /// Which skill this is and what it may do; none: it is no skill.
    Skill: SkillGrant option
}
