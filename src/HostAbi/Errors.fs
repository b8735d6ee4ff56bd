namespace Twofold.HostAbi

// What can be wrong: the statuses a contract answers with, and the reasons get_last_error() gives. Numbers are fixed for ever; new ones are appended.
// In: a refusal by decide, by the decoding of arguments or by the allocator. Out: numbers for guests and receipts, text for people and docs.

/// What a contract's entry answers. Other numbers are the contract's own.
[<RequireQualifiedAccess>]
type ContractStatus =
    | Success
    | InvalidParameters
    | InsufficientBalance
    | Unauthorized
    | NotFound
    | AlreadyExists
    | ExecutionFailed

/// The numbers and names of statuses.
module ContractStatus =
    /// Every status with its number, C name and meaning.
    let all = [
        ContractStatus.Success, 0, "SUCCESS", "The call did what it was asked to do; the draft is kept."
        ContractStatus.InvalidParameters, 1, "INVALID_PARAMETERS", "The parameters are missing, malformed or out of range."
        ContractStatus.InsufficientBalance, 2, "INSUFFICIENT_BALANCE", "There is not enough to spend, or it is still locked."
        ContractStatus.Unauthorized, 3, "UNAUTHORIZED", "The caller may not do this."
        ContractStatus.NotFound, 4, "NOT_FOUND", "What was asked for does not exist."
        ContractStatus.AlreadyExists, 5, "ALREADY_EXISTS", "What was to be made is already there."
        ContractStatus.ExecutionFailed, 6, "EXECUTION_FAILED", "Anything else."
    ]

    /// The number of a status.
    let number (status: ContractStatus) : int = all |> List.pick (fun (s, n, _, _) -> if s = status then Some n else None)

    /// The status with a number, if it is one of the seven.
    let tryOfNumber (n: int) : ContractStatus voption =
        match all |> List.tryFind (fun (_, m, _, _) -> m = n) with
        | Some(s, _, _, _) -> ValueSome s
        | None -> ValueNone

/// Why a host call failed.
[<RequireQualifiedAccess>]
type HostErrorCode =
    | InvalidParameter
    | InvalidAddress
    | InvalidToken
    | InvalidAmount
    | InvalidUtf8
    | InvalidLock
    | InvalidBatch
    | NotFound
    | AlreadyExists
    | Unauthorized
    | InsufficientBalance
    | Locked
    | Overflow
    | KeyTooLong
    | ValueTooLong
    | EventTooLong
    | ReturnDataTooLong
    | TooManyInputs
    | TooManyOutputs
    | RandomUnavailable
    | ClaimNotDeclared
    | NoReply
    | OutOfMemory
    | InvalidPointer

/// The numbers and names of host errors.
module HostErrorCode =
    /// Every code with its number, C name, meaning and the status a contract would usually answer with.
    let all = [
        HostErrorCode.InvalidParameter,
        1,
        "INVALID_PARAMETER",
        "An argument is out of its range (an empty key, an unknown resource kind, too many random bytes).",
        ContractStatus.InvalidParameters
        HostErrorCode.InvalidAddress,
        2,
        "INVALID_ADDRESS",
        "Not `0x` and 40 hexadecimal digits, or the zero address where somebody must own.",
        ContractStatus.InvalidParameters
        HostErrorCode.InvalidToken,
        3,
        "INVALID_TOKEN",
        "Neither empty nor `<contract address>:<name>` with a name of 1 to 128 bytes.",
        ContractStatus.InvalidParameters
        HostErrorCode.InvalidAmount, 4, "INVALID_AMOUNT", "An amount of zero.", ContractStatus.InvalidParameters
        HostErrorCode.InvalidUtf8,
        5,
        "INVALID_UTF8",
        "An event's name or a log line that is not valid UTF-8.",
        ContractStatus.InvalidParameters
        HostErrorCode.InvalidLock, 6, "INVALID_LOCK", "A lock that does not decode.", ContractStatus.InvalidParameters
        HostErrorCode.InvalidBatch, 7, "INVALID_BATCH", "A batch that does not decode.", ContractStatus.InvalidParameters
        HostErrorCode.NotFound, 8, "NOT_FOUND", "No such state key or block.", ContractStatus.NotFound
        HostErrorCode.AlreadyExists,
        9,
        "ALREADY_EXISTS",
        "This run has already appended that state version or resource.",
        ContractStatus.AlreadyExists
        HostErrorCode.Unauthorized, 10, "UNAUTHORIZED", "The run may not spend what belongs to this address.", ContractStatus.Unauthorized
        HostErrorCode.InsufficientBalance,
        11,
        "INSUFFICIENT_BALANCE",
        "The outputs that the run may spend do not cover the amount.",
        ContractStatus.InsufficientBalance
        HostErrorCode.Locked, 12, "LOCKED", "They would, but a time or height lock is not open yet.", ContractStatus.InsufficientBalance
        HostErrorCode.Overflow, 13, "OVERFLOW", "A sum does not fit 64 bits.", ContractStatus.ExecutionFailed
        HostErrorCode.KeyTooLong, 14, "KEY_TOO_LONG", "A state key or a state id above the limit.", ContractStatus.InvalidParameters
        HostErrorCode.ValueTooLong,
        15,
        "VALUE_TOO_LONG",
        "A state value, state data, proof or metadata above the limit.",
        ContractStatus.InvalidParameters
        HostErrorCode.EventTooLong,
        16,
        "EVENT_TOO_LONG",
        "An event (name and data together) or a log line above the limit.",
        ContractStatus.InvalidParameters
        HostErrorCode.ReturnDataTooLong,
        17,
        "RETURN_DATA_TOO_LONG",
        "Return data above the limit; what was set before stays.",
        ContractStatus.ExecutionFailed
        HostErrorCode.TooManyInputs,
        18,
        "TOO_MANY_INPUTS",
        "The draft would consume more outputs than the limit.",
        ContractStatus.ExecutionFailed
        HostErrorCode.TooManyOutputs,
        19,
        "TOO_MANY_OUTPUTS",
        "The batch or the draft would create more outputs than the limit.",
        ContractStatus.ExecutionFailed
        HostErrorCode.RandomUnavailable, 20, "RANDOM_UNAVAILABLE", "The request carries no random seed.", ContractStatus.ExecutionFailed
        HostErrorCode.ClaimNotDeclared, 21, "CLAIM_NOT_DECLARED", "The request does not declare this claim.", ContractStatus.NotFound
        HostErrorCode.NoReply, 22, "NO_REPLY", "There has been no external reply to read again.", ContractStatus.ExecutionFailed
        HostErrorCode.OutOfMemory, 23, "OUT_OF_MEMORY", "The allocator cannot grow the memory any further.", ContractStatus.ExecutionFailed
        HostErrorCode.InvalidPointer,
        24,
        "INVALID_POINTER",
        "free() of something that the allocator did not give or was given back already.",
        ContractStatus.ExecutionFailed
    ]

    /// The number of a code; never 0, which means that the last call succeeded.
    let number (code: HostErrorCode) : int = all |> List.pick (fun (c, n, _, _, _) -> if c = code then Some n else None)

    /// The code with a number.
    let tryOfNumber (n: int) : HostErrorCode voption =
        match all |> List.tryFind (fun (_, m, _, _, _) -> m = n) with
        | Some(c, _, _, _, _) -> ValueSome c
        | None -> ValueNone

    /// The name a code has in C and in messages.
    let name (code: HostErrorCode) : string = all |> List.pick (fun (c, _, s, _, _) -> if c = code then Some s else None)

    /// The status that a contract would usually answer with after this failure.
    let status (code: HostErrorCode) : ContractStatus = all |> List.pick (fun (c, _, _, _, s) -> if c = code then Some s else None)
