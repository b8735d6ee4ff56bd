namespace Twofold.Engine

// What is asked of the engine, and what of it a receipt keeps.
// In: a host's ExecutionRequest. Out: a ValidRequest (its fields are usable and it asks for no more than its profile allows), or a refusal by field.

open System
open FsToolkit.ErrorHandling
open Twofold.Wasm
open Twofold.HostAbi

/// Where a module comes from.
[<RequireQualifiedAccess>]
type ModuleSource =
    /// In the binary format, or as text (WAT) in UTF-8.
    | Bytes of byte[]
    /// A module that the host's store knows by a contract's address and a version.
    | Stored of address: Address * version: uint64

/// How the entry is called; the caller chooses.
[<RequireQualifiedAccess>]
type Convention =
    /// The entry takes nothing and returns one i32, a status.
    | Contract
    /// Any export, with these arguments: one u64 of bits for each parameter.
    | Raw of arguments: uint64 list
    /// A skill: the input goes into the guest's memory and the result comes out of it (Skills/SkillCalls.fs); the result is the return data.
    | Skill of input: byte[]

/// What a request lowers of its profile's numbers.
type RequestLimits = {
    Gas: int64 option
    MemoryBytes: int64 option
    TableEntries: int64 option
    StackUnits: int option
} with

    static member None = { Gas = None; MemoryBytes = None; TableEntries = None; StackUnits = None }

/// One execution. Never a private key.
[<NoComparison; NoEquality>]
type ExecutionRequest = {
    Module: ModuleSource
    Entry: string
    Convention: Convention
    Parameters: byte[]
    Caller: Address
    Contract: Address
    TransactionId: Hash32
    Block: BlockInfo
    /// The seed of get_random; none: there is no randomness.
    RandomSeed: byte[] option
    Claims: DeclaredClaim list
    /// What is unspent and what is stored; read during the run only.
    Snapshot: IStateView
    Profile: Profile
    Limits: RequestLimits
    /// None: the profile's.
    Switches: Switches option
    /// Which skill this is and what it may do; none: it may use nothing of `cis`.
    Skill: SkillGrant option
    /// What a WASI program finds; none: it gets an empty world if it asks.
    Wasi: WasiWorld option
    /// Answers for the host's directories and streams that the world grants; null: nothing of the host is granted.
    WasiHost: IWasiHostSource
    /// What it may import beside the profile's modules; none: nothing.
    Imports: ImportGrants option
    /// Who answers the functions that it grants; null: nobody. Not in the receipt: what they answered is.
    Functions: IHostFunctions
}

/// The request as a receipt keeps it: all of it but the module's bytes and the snapshot.
[<NoComparison>]
type RecordedRequest = {
    ModuleHash: Hash32
    /// Address and version, when the request named the module so.
    Stored: (Address * uint64) option
    Entry: string
    Convention: Convention
    Parameters: byte[]
    Caller: Address
    Contract: Address
    TransactionId: Hash32
    Block: BlockInfo
    RandomSeed: byte[] option
    Claims: DeclaredClaim list
    /// The profile's name, and the numbers that were in force: the profile's, lowered by the request.
    Profile: string
    Policy: Policy
    Skill: SkillGrant option
    Wasi: WasiWorld option
    /// What was granted of imports beside the policy's modules.
    Imports: ImportGrants option
}

/// A request that was checked, with its module's bytes at hand. Only Request.validate makes one.
[<NoComparison; NoEquality>]
type ValidRequest = private {
    Request: RecordedRequest
    ModuleBytes: byte[]
    State: IStateView
    HostFunctions: IHostFunctions
    /// What the module is decoded and validated against: the profile's own numbers, so that lowering one for a run compiles nothing again.
    ModuleLimits: WasmLimits
    TimeLimit: TimeSpan
    Host: IWasiHostSource
} with

    member r.Recorded = r.Request
    member r.Bytes = r.ModuleBytes
    member r.Snapshot = r.State
    member r.Functions = r.HostFunctions
    member r.LoadLimits = r.ModuleLimits
    member r.Deadline = r.TimeLimit
    member r.WasiHost = r.Host

/// Modules that hosts keep by address and version.
[<AllowNullLiteral>]
type IModuleStore =
    abstract TryLoad: address: Address * version: uint64 -> byte[] voption

module Request =
    /// A contract call with everything else at its plainest: no parameters, no randomness, the contract profile.
    let contract (bytes: byte[]) entry caller contractAddress (snapshot: Snapshot) : ExecutionRequest = {
        Module = ModuleSource.Bytes bytes
        Entry = entry
        Convention = Convention.Contract
        Parameters = [||]
        Caller = caller
        Contract = contractAddress
        TransactionId = Hash32.zero
        Block = snapshot.Block
        RandomSeed = None
        Claims = []
        Snapshot = Snapshot.view snapshot
        Profile = Profile.contract
        Limits = RequestLimits.None
        Switches = None
        Skill = None
        Wasi = None
        WasiHost = null
        Imports = None
        Functions = null
    }

    /// A seed is hashed with a counter; more than this says nothing more.
    [<Literal>]
    let MaxSeedBytes = 1024

    /// Export names are module text; this bounds what a receipt repeats.
    [<Literal>]
    let MaxEntryBytes = 1024

    let private inRange name (value: int64) (least: int64) (most: int64) =
        if value < least || value > most then
            let bound = if most = Int64.MaxValue then $"at least {least}" else $"{least} to {most}"
            Error(Refuse.field name $"{name} is out of range" bound (string value))
        else
            Ok()

    let private lower name (wanted: int64 option) (least: int64) (allowed: int64) =
        match wanted with
        | None -> Ok allowed
        | Some n when n > allowed ->
            Error(Refuse.field name "a request may only lower its profile's limits" $"at most {allowed}" (string n))
        | Some n -> inRange name n least allowed |> Result.map (fun () -> n)

    let private policy (r: ExecutionRequest) =
        result {
            let p = r.Profile.Policy
            let! gas = lower "gas limit" r.Limits.Gas 0L p.Gas
            let! memory = lower "memory limit" r.Limits.MemoryBytes 0L p.Wasm.MemoryBytes
            let! entries = lower "table limit" r.Limits.TableEntries 0L p.Wasm.TableEntries
            let! stack = lower "stack limit" (Option.map int64 r.Limits.StackUnits) 1L (int64 p.Wasm.StackUnits)

            return {
                p with
                    Gas = gas
                    Wasm = { p.Wasm with MemoryBytes = memory; TableEntries = entries; StackUnits = int stack }
                    Switches = r.Switches |> Option.defaultValue p.Switches
            }
        }

    let private size name (bytes: byte[]) (most: int) =
        if isNull bytes then
            Error(Refuse.field name $"{name} is missing" "bytes, empty ones perhaps" "nothing")
        elif bytes.Length > most then
            Error(Refuse.field name $"{name} is too long" $"at most {most} bytes" $"{bytes.Length}")
        else
            Ok()

    /// Claims travel in the receipt like parameters, and have the same limit, all of them together.
    let private claims (most: int) (declared: DeclaredClaim list) =
        if declared |> List.exists (fun c -> isNull c.Claim || isNull c.Value || isNull c.Evidence) then
            Error(Refuse.field "claims" "a claim is incomplete" "claim, value and evidence, empty ones perhaps" "nothing")
        else
            let total = declared |> List.sumBy (fun c -> int64 c.Claim.Length + int64 c.Value.Length + int64 c.Evidence.Length)

            if total > int64 most then
                Error(Refuse.field "claims" "the claims are too long" $"at most {most} bytes together" $"{total}")
            else
                Ok()

    /// What an argument or a variable counts beside its bytes.
    [<Literal>]
    let private TextOverhead = 8L

    /// Arguments and environment travel in the receipt like parameters, and have the same limit.
    let private textWeight (world: WasiWorld) =
        let text (t: string) = int64 (Text.Encoding.UTF8.GetByteCount t)
        let args = world.Args |> List.sumBy (fun a -> TextOverhead + text a)
        args + (world.Env |> List.sumBy (fun (name, value) -> TextOverhead + text name + text value))

    let private wasi (policy: Policy) (r: ExecutionRequest) =
        match r.Wasi with
        | None -> Ok()
        | Some world ->
            let asksHost = world.Input = WasiInput.Host || world.Preopens |> List.exists (fun p -> p.Content = WasiDirectory.Host)

            match WasiWorld.check policy.Run.FileBytes world, world.Input with
            | Error(field, why), _ -> Error(Refuse.field $"wasi {field}" why "a world that can be made" "")
            | Ok(), WasiInput.Bytes input when int64 input.Length > policy.Run.FileBytes ->
                Error(Refuse.field "wasi stdin" "standard input is too long" $"at most {policy.Run.FileBytes} bytes" $"{input.Length}")
            | Ok(), _ when textWeight world > int64 policy.Run.ParameterBytes ->
                Error(
                    Refuse.field
                        "wasi args"
                        "arguments and environment are too long"
                        $"at most {policy.Run.ParameterBytes} bytes together, and {TextOverhead} for each"
                        $"{textWeight world}"
                )
            | Ok(), _ when asksHost && isNull r.WasiHost ->
                Error(Refuse.field "wasi" "a directory or stream of the host is granted, and nobody answers for it" "a WASI host" "nothing")
            | Ok(), _ -> Ok()

    let private imports (granted: ImportGrants option) =
        match granted |> Option.map _.Functions with
        | None -> Ok()
        | Some functions ->
            match functions |> List.tryPick (fun f -> ImportGrants.check f |> Option.map (fun why -> f, why)) with
            | Some(f, why) -> Error(Refuse.field "imports" why "a signature such as (i32, i64) -> i32" $"{f.Module}.{f.Name} {f.Type}")
            | None ->
                match functions |> List.countBy (fun f -> struct (f.Module, f.Name)) |> List.tryFind (fun (_, n) -> n > 1) with
                | Some(struct (m, n), _) -> Error(Refuse.field "imports" "a function is granted twice" "each function once" $"{m}.{n}")
                | None -> Ok()

    let private resolve (store: IModuleStore) (source: ModuleSource) =
        match source with
        | ModuleSource.Bytes null -> Error(Refuse.field "module" "there is no module" "bytes" "nothing")
        | ModuleSource.Bytes bytes -> Ok(bytes, None)
        | ModuleSource.Stored(address, version) when isNull store ->
            Error(Refuse.field "module" "this engine has no module store" "a module's bytes" $"{address} version {version}")
        | ModuleSource.Stored(address, version) ->
            match store.TryLoad(address, version) with
            | ValueSome bytes -> Ok(bytes, Some(address, version))
            | ValueNone -> Error(Refuse.field "module" "the module store does not have it" "a stored module" $"{address} version {version}")

    /// A checked request, or the first field that is wrong.
    let validate (store: IModuleStore) (r: ExecutionRequest) : Result<ValidRequest, Rejected> =
        result {
            let! policy = policy r
            do! size "parameters" r.Parameters policy.Run.ParameterBytes

            match r.RandomSeed with
            | Some seed -> do! size "random seed" seed MaxSeedBytes
            | None -> ()

            do! claims policy.Run.ParameterBytes r.Claims

            match r.Convention with
            | Convention.Skill input -> do! size "input" input policy.Run.ParameterBytes
            | _ -> ()

            do! imports r.Imports
            do! size "entry" (if isNull r.Entry then null else Utf8.bytes r.Entry) MaxEntryBytes

            do! wasi policy r

            if isNull (box r.Snapshot) then
                return! Error(Refuse.field "snapshot" "there is no snapshot" "a view of the state" "nothing")

            let! given, stored = resolve store r.Module
            // The module's hash is that of its binary form, whichever form was given.
            let! bytes = Text.Wat.toBinary r.Profile.Policy.Wasm policy.Features given

            if bytes.Length > r.Profile.Policy.Wasm.ModuleBytes then
                return! Error(Rejected.limit -1 "the module is too large" r.Profile.Policy.Wasm.ModuleBytes bytes.Length)

            return {
                Request = {
                    ModuleHash = Hash32.sha256 (ReadOnlySpan bytes)
                    Stored = stored
                    Entry = r.Entry
                    Convention = r.Convention
                    Parameters = r.Parameters
                    Caller = r.Caller
                    Contract = r.Contract
                    TransactionId = r.TransactionId
                    Block = r.Block
                    RandomSeed = r.RandomSeed
                    Claims = r.Claims
                    Profile = r.Profile.Name
                    Policy = policy
                    Skill = r.Skill
                    Wasi = r.Wasi
                    Imports = r.Imports
                }
                ModuleBytes = bytes
                State = r.Snapshot
                HostFunctions = r.Functions
                ModuleLimits = r.Profile.Policy.Wasm
                TimeLimit = r.Profile.Deadline
                Host = r.WasiHost
            }
        }

    /// A request as its receipt has it, with the module brought back and what it read as its snapshot: it was accepted once already.
    let internal recorded (request: RecordedRequest) (bytes: byte[]) (view: IStateView) (deadline: TimeSpan) : ValidRequest = {
        Request = request
        ModuleBytes = bytes
        State = view
        HostFunctions = null
        ModuleLimits = request.Policy.Wasm
        TimeLimit = deadline
        Host = null
    }

    /// What guests see of a request.
    let internal callContext (r: RecordedRequest) : CallContext = {
        TransactionId = r.TransactionId
        Caller = r.Caller
        Contract = r.Contract
        Params = r.Parameters
        Block = r.Block
        RandomSeed = r.RandomSeed
        Claims = r.Claims
        Limits = r.Policy.Run.Call
        Skill = r.Skill
    }
