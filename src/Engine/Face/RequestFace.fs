namespace Twofold

// What C# hosts ask for: profiles and requests, immutable, changed by WithX.
// In: strings, bytes, numbers; wrong ones are ArgumentExceptions. Out: the F# ExecutionRequest.

open System
open System.Collections.Generic
open System.Text
open Twofold.HostAbi

/// What a kind of guest may do. Start from one of the four and change what differs.
[<Sealed>]
type ExecutionProfile internal (p: Twofold.Engine.Profile) =
    let withPolicy change = ExecutionProfile { p with Policy = change p.Policy }

    let withSwitches change = withPolicy (fun policy -> { policy with Switches = change policy.Switches })

    member internal _.Inner = p
    /// Contracts: `env` only, 100,000,000 gas, 512 MiB.
    static member Contract = ExecutionProfile Twofold.Engine.Profile.contract
    /// Skills: `env`, `cis` and WASI, gas unlimited, 512 MiB.
    static member Skill = ExecutionProfile Twofold.Engine.Profile.skill
    /// Untrusted code: no imports unless allowed, 64 MiB.
    static member Sandbox = ExecutionProfile Twofold.Engine.Profile.sandbox
    /// The host's own modules: large limits, no deadline.
    static member Host = ExecutionProfile Twofold.Engine.Profile.hostProfile
    /// The profile's name; part of receipts.
    member _.Name = p.Name
    /// Gas for a run; Int64.MaxValue is unlimited.
    member _.Gas = p.Policy.Gas
    /// Bytes of memory.
    member _.MemoryLimit = p.Policy.Wasm.MemoryBytes
    /// Bytes of a module.
    member _.ModuleSizeLimit = p.Policy.Wasm.ModuleBytes
    /// Units of the logical stack.
    member _.StackLimit = p.Policy.Wasm.StackUnits
    /// The wall-clock safety net; zero is none.
    member _.Deadline = p.Deadline
    /// Module names a guest may import from.
    member _.ImportModules: IReadOnlyList<string> = Arguments.list p.Policy.ImportModules
    /// Whether imports that give random numbers are refused.
    member _.RandomOff = p.Policy.Switches.RandomOff
    /// Whether the host supplies malloc, alloc and free.
    member _.Allocator = p.Policy.Switches.Allocator

    /// The same under another name.
    member _.WithName(name: string) = ExecutionProfile { p with Name = Arguments.notNull (nameof name) name }

    /// The same with other gas.
    member _.WithGas(gas: int64) = withPolicy (fun policy -> { policy with Gas = Arguments.atLeast (nameof gas) 0L gas })

    /// The same with another memory limit.
    member _.WithMemoryLimit(bytes: int64) =
        let bytes = Arguments.atLeast (nameof bytes) 0L bytes
        withPolicy (fun policy -> { policy with Wasm = { policy.Wasm with MemoryBytes = bytes } })

    /// The same with another limit on modules.
    member _.WithModuleSizeLimit(bytes: int) =
        let bytes = int (Arguments.atLeast (nameof bytes) 8L (int64 bytes))
        withPolicy (fun policy -> { policy with Wasm = { policy.Wasm with ModuleBytes = bytes } })

    /// The same with another limit on the logical stack.
    member _.WithStackLimit(units: int) =
        let units = int (Arguments.atLeast (nameof units) 1L (int64 units))
        withPolicy (fun policy -> { policy with Wasm = { policy.Wasm with StackUnits = units } })

    /// The same with another deadline; zero is none.
    member _.WithDeadline(deadline: TimeSpan) =
        if deadline < TimeSpan.Zero then
            raise (ArgumentOutOfRangeException(nameof deadline, deadline, "not negative"))

        ExecutionProfile { p with Deadline = deadline }

    /// The same with other modules to import from.
    member _.WithImportModules([<ParamArray>] names: string[]) =
        let names = Arguments.notNull (nameof names) names |> List.ofArray
        withPolicy (fun policy -> { policy with ImportModules = names })

    /// The same with randomness refused or not.
    member _.WithRandomOff(off: bool) = withSwitches (fun s -> { s with RandomOff = off })

    /// The same with the host's allocator or without.
    member _.WithAllocator(on: bool) = withSwitches (fun s -> { s with Allocator = on })

/// One execution. Immutable; never holds a private key.
[<Sealed>]
type ExecutionRequest internal (r: Twofold.Engine.ExecutionRequest, profile: ExecutionProfile) =
    let changed change = ExecutionRequest(change r, profile)

    let limited change = changed (fun r -> { r with Limits = change r.Limits })

    static let create (wasm: byte[]) (entry: string) (caller: Address) (contract: Address) =
        let snapshot = Twofold.HostAbi.Snapshot.empty
        let request = Twofold.Engine.Request.contract wasm entry caller contract snapshot
        ExecutionRequest({ request with Snapshot = StateReader.none }, ExecutionProfile.Contract)

    member internal _.Inner = { r with Profile = profile.Inner }

    /// A contract call: the entry takes nothing and returns a status. The contract profile, an empty snapshot, no parameters.
    /// The module is binary or text (WAT in UTF-8), told apart by content; its hash is that of the binary form.
    static member ForContract(wasm: byte[], entry: string, caller: string, contract: string) : ExecutionRequest =
        create
            (Arguments.bytes (nameof wasm) wasm)
            (Arguments.notNull (nameof entry) entry)
            (Arguments.address (nameof caller) caller)
            (Arguments.address (nameof contract) contract)

    /// A call of any export with these arguments: one u64 of bits for each parameter. The sandbox profile; caller and contract are the zero address.
    static member ForExport(wasm: byte[], entry: string, [<ParamArray>] arguments: uint64[]) : ExecutionRequest =
        let made = create (Arguments.bytes (nameof wasm) wasm) (Arguments.notNull (nameof entry) entry) Address.zero Address.zero

        let arguments = Arguments.notNull (nameof arguments) arguments |> List.ofArray

        ExecutionRequest({ made.Inner with Convention = Twofold.Engine.Convention.Raw arguments }, ExecutionProfile.Sandbox)

    /// A WASI program (`_start`) under the host profile, in a world: docs/WASI.md.
    static member ForProgram(wasm: byte[], world: WasiOptions) : ExecutionRequest =
        let made = create (Arguments.bytes (nameof wasm) wasm) "_start" Address.zero Address.zero
        let raw = { made.Inner with Convention = Twofold.Engine.Convention.Raw [] }
        ExecutionRequest(raw, ExecutionProfile.Host).WithWasi world

    /// The same in a WASI world; the profile must allow imports from `wasi_snapshot_preview1`.
    member _.WithWasi(world: WasiOptions) =
        let world = Arguments.notNull (nameof world) world
        changed (fun r -> { r with Wasi = Some world.World; WasiHost = world.Source })

    /// A run of a skill on an input (JSON by convention), under its manifest's limits and permissions. The result is the receipt's return data.
    static member ForSkill(skill: Twofold.Skill, input: byte[]) : ExecutionRequest =
        let skill = (Arguments.notNull (nameof skill) skill).Inner
        let r = Twofold.Engine.Skill.request skill (Arguments.bytes (nameof input) input)
        ExecutionRequest({ r with Snapshot = StateReader.none }, ExecutionProfile r.Profile)

    /// The same on a text's UTF-8.
    static member ForSkill(skill: Twofold.Skill, input: string) : ExecutionRequest =
        ExecutionRequest.ForSkill(skill, Encoding.UTF8.GetBytes(Arguments.notNull (nameof input) input))

    /// The entry's name.
    member _.Entry = r.Entry
    /// The gas that it has: the profile's, or less.
    member _.GasLimit = min profile.Gas (Option.defaultValue Int64.MaxValue r.Limits.Gas)
    /// The memory that it may have, in bytes: the profile's, or less.
    member _.MemoryLimit = min profile.MemoryLimit (Option.defaultValue Int64.MaxValue r.Limits.MemoryBytes)
    /// The profile.
    member _.Profile = profile
    /// The parameters.
    member _.GetParameters() : byte[] = Array.copy r.Parameters

    /// The same with these parameters.
    member _.WithParameters(parameters: byte[]) =
        let parameters = Arguments.bytes (nameof parameters) parameters
        changed (fun r -> { r with Parameters = parameters })

    /// The same with the UTF-8 of a text as parameters.
    member this.WithParameters(text: string) = this.WithParameters(Encoding.UTF8.GetBytes(Arguments.notNull (nameof text) text))

    /// The same by another caller on another contract.
    member _.WithAddresses(caller: string, contract: string) =
        let caller = Arguments.address (nameof caller) caller
        let contract = Arguments.address (nameof contract) contract
        changed (fun r -> { r with Caller = caller; Contract = contract })

    /// The same in another transaction.
    member _.WithTransactionId(id: string) =
        let id = Arguments.hash (nameof id) id
        changed (fun r -> { r with TransactionId = id })

    /// The same on a snapshot, in its block.
    member _.WithSnapshot(snapshot: Twofold.Snapshot) =
        let s = (Arguments.notNull (nameof snapshot) snapshot).Inner
        changed (fun r -> { r with Snapshot = Twofold.HostAbi.Snapshot.view s; Block = s.Block })

    /// The same on a host's own store.
    member _.WithState(reader: IStateReader) =
        let view = StateReader.view (Arguments.notNull (nameof reader) reader)
        changed (fun r -> { r with Snapshot = view })

    /// The same in another block.
    member _.WithBlock(height: uint64, timestamp: uint64) =
        changed (fun r -> { r with Block = { r.Block with Height = height; Timestamp = timestamp } })

    /// The same with a seed for get_random.
    member _.WithRandomSeed(seed: byte[]) =
        let seed = Arguments.bytes (nameof seed) seed
        changed (fun r -> { r with RandomSeed = Some seed })

    /// The same with one declared claim more.
    member _.WithClaim(claim: byte[], value: byte[], evidence: byte[]) =
        let declared = {
            Claim = Arguments.bytes (nameof claim) claim
            Value = Arguments.bytes (nameof value) value
            Evidence = Arguments.bytes (nameof evidence) evidence
        }

        changed (fun r -> { r with Claims = r.Claims @ [ declared ] })

    /// The same under a profile.
    member _.WithProfile(profile: ExecutionProfile) = ExecutionRequest(r, Arguments.notNull (nameof profile) profile)

    /// The same with less gas than the profile gives. More is rejected when the request is executed.
    member _.WithGas(gas: int64) = limited (fun l -> { l with Gas = Some gas })

    /// The same with less memory than the profile gives.
    member _.WithMemoryLimit(bytes: int64) = limited (fun l -> { l with MemoryBytes = Some bytes })

    /// The same with less stack than the profile gives.
    member _.WithStackLimit(units: int) = limited (fun l -> { l with StackUnits = Some units })
