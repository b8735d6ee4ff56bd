namespace Twofold.Engine

// Which imports a module gets under a policy, and why it does not get others.
// In: a valid module and a policy. Out: the host functions for its instances, or every import that is refused (`twofold inspect` shows them all).

open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi

module Linking =
    /// Why a row is off although its module is allowed.
    let private switchedOff (switches: Switches) (row: AbiRow) =
        if row.NeedsRandom && switches.RandomOff then
            Some "randomness is switched off"
        else
            match row.Action with
            | RowAction.Allocate
            | RowAction.Free when not switches.Allocator -> Some "the host's allocator is switched off"
            | _ -> None

    /// The type of an imported function.
    let private functionType (m: Module) (typeIndex: int) =
        match m.Types[typeIndex].Composite with
        | CompositeType.Func t -> Some t
        | _ -> None

    let private describe (m: Module) (t: ExternType) =
        match t with
        | ExternType.Func i ->
            match functionType m i with
            | Some f -> $"a function {f}"
            | None -> "a function"
        | ExternType.Memory _ -> "a memory"
        | ExternType.Table _ -> "a table"
        | ExternType.Global _ -> "a global"
        | ExternType.Tag _ -> "a tag"

    let private checkImport (policy: Policy) (m: Module) (import: Import) : Rejected option =
        let refuse message expected found =
            Some { Refuse.link $"import {import.Module}.{import.Name}" message expected found with Offset = import.Offset }

        if not (List.contains import.Module policy.ImportModules) then
            let allowed =
                match policy.ImportModules with
                | [] -> "no imports"
                | names -> "imports from " + String.concat ", " names

            refuse "the profile does not allow imports from this module" allowed $"'{import.Module}'"
        else
            match AbiTable.tryFind import.Module import.Name with
            | ValueNone -> refuse "there is no such host function" "a name of docs/HOST_ABI.md" $"'{import.Name}'"
            | ValueSome row ->
                match switchedOff policy.Switches row, row.Action, import.Type with
                | Some why, _, _ -> refuse why "" ""
                | None, RowAction.Memory, ExternType.Memory _ -> None
                | None, RowAction.Memory, other -> refuse "the import has another type" "a memory" (describe m other)
                | None, _, ExternType.Func i when functionType m i = Some(Dispatch.functionType row) -> None
                | None, _, other -> refuse "the import has another type" $"a function {Dispatch.functionType row}" (describe m other)

    /// Every import that the policy refuses, in the module's order.
    let check (policy: Policy) (m: ValidModule) : Rejected list = m.Module.Imports |> Seq.choose (checkImport policy m.Module) |> List.ofSeq

    /// An instance serves runs with any stack limit: that is a run's own (RunSettings), so it is left at what the module was loaded with.
    let private instanceLimits (policy: Policy) (load: WasmLimits) = { policy.Wasm with StackUnits = load.StackUnits }

    /// What makes instances interchangeable under a policy.
    let internal poolKey (policy: Policy) (load: WasmLimits) (lane: int) : PoolKey = {
        Limits = instanceLimits policy load
        ReentryDepth = policy.Run.ReentryDepth
        Imports = policy.ImportModules
        Switches = policy.Switches
        Lane = lane
    }

    /// What instances are made with under a policy.
    let internal settings (policy: Policy) (load: WasmLimits) : InstanceSettings = {
        Functions =
            Dispatch.functions
            |> List.filter (fun (row, _) -> List.contains row.Module policy.ImportModules && (switchedOff policy.Switches row).IsNone)
            |> List.map snd
        Memory = if List.contains "env" policy.ImportModules then Some("env", "memory") else None
        Limits = instanceLimits policy load
        ReentryDepth = policy.Run.ReentryDepth
    }
