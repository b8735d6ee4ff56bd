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

    /// The registered function that answers an import, if the request grants one.
    let private registered (grants: ImportGrants option) (import: Import) =
        grants
        |> Option.bind (fun g -> if g.Allows(import.Module, import.Name) then g.TryFunction(import.Module, import.Name) else None)

    let private allows (policy: Policy) (grants: ImportGrants option) moduleName name =
        List.contains moduleName policy.ImportModules || grants |> Option.exists _.Allows(moduleName, name)

    let private checkImport (policy: Policy) (grants: ImportGrants option) (m: Module) (import: Import) : Rejected option =
        let refuse message expected found =
            Some { Refuse.link $"import {import.Module}.{import.Name}" message expected found with Offset = import.Offset }

        if not (allows policy grants import.Module import.Name) then
            let patterns = grants |> Option.map (fun g -> g.Allowed |> List.map _.Text) |> Option.defaultValue []

            let allowed =
                match policy.ImportModules @ patterns with
                | [] -> "no imports"
                | names -> "imports from " + String.concat ", " names

            if grants.IsNone then
                refuse "the profile does not allow imports from this module" allowed $"'{import.Module}'"
            else
                refuse "the import is not allowed" allowed $"'{import.Module}.{import.Name}'"
        else
            match registered grants import, AbiTable.tryFind import.Module import.Name with
            | Some f, _ ->
                match import.Type with
                | ExternType.Func i when functionType m i = Some f.Type -> None
                | other -> refuse "the import has another type than the registered function" $"a function {f.Type}" (describe m other)
            | None, ValueNone ->
                let expected =
                    if grants.IsNone then
                        "a name of docs/HOST_ABI.md"
                    else
                        "a registered function, or a name of docs/HOST_ABI.md"

                refuse "there is no such host function" expected $"'{import.Name}', {describe m import.Type}"
            | None, ValueSome row ->
                match switchedOff policy.Switches row, row.Action, import.Type with
                | Some why, _, _ -> refuse why "" ""
                | None, RowAction.Memory, ExternType.Memory _ -> None
                | None, RowAction.Memory, other -> refuse "the import has another type" "a memory" (describe m other)
                | None, _, ExternType.Func i when functionType m i = Some(Dispatch.functionType row) -> None
                | None, _, other -> refuse "the import has another type" $"a function {Dispatch.functionType row}" (describe m other)

    /// Every import that the policy refuses, in the module's order.
    let checkGranted (policy: Policy) (grants: ImportGrants option) (m: ValidModule) : Rejected list =
        m.Module.Imports |> Seq.choose (checkImport policy grants m.Module) |> List.ofSeq

    /// The same without grants of a request.
    let check (policy: Policy) (m: ValidModule) : Rejected list = checkGranted policy None m

    // What is no skill has nothing of `cis`; WASI is not a matter of permissions then.
    let private noSkill: SkillGrant = { Name = ""; Version = ""; Permissions = [ Permission.Wasi ] }

    /// Every import that a skill's permissions do not cover, in the module's order. Asked for each run: instances are shared by grants.
    let checkGrant (grant: SkillGrant option) (m: ValidModule) : Rejected list =
        let grant = grant |> Option.defaultValue noSkill

        [
            for import in m.Module.Imports do
                match grant.Lacks(import.Module, import.Name) with
                | Some needed -> {
                    Refuse.link
                        $"import {import.Module}.{import.Name}"
                        "the skill's permissions do not cover this import"
                        $"the permission {needed}"
                        (match grant.Permissions |> List.map _.Text with
                         | [] -> "no permissions"
                         | texts -> String.concat ", " texts) with
                        Offset = import.Offset
                  }
                | None -> ()
        ]

    /// An instance serves runs with any stack limit: that is a run's own (RunSettings), so it is left at what the module was loaded with.
    let private instanceLimits (policy: Policy) (load: WasmLimits) = { policy.Wasm with StackUnits = load.StackUnits }

    /// What makes instances interchangeable under a policy.
    let internal poolKey (policy: Policy) (grants: ImportGrants option) (load: WasmLimits) (lane: int) : PoolKey = {
        Limits = instanceLimits policy load
        ReentryDepth = policy.Run.ReentryDepth
        Imports = policy.ImportModules
        Grants = grants
        Switches = policy.Switches
        Lane = lane
    }

    /// What instances are made with under a policy.
    let internal settings (policy: Policy) (grants: ImportGrants option) (load: WasmLimits) : InstanceSettings = {
        Functions =
            // Registered ones first: the first of a name is taken.
            let own =
                grants
                |> Option.map (fun g -> g.Functions |> List.filter (fun f -> g.Allows(f.Module, f.Name)) |> List.map Dispatch.registered)

            let rows =
                Dispatch.functions
                |> List.filter (fun (row, _) -> allows policy grants row.Module row.Name && (switchedOff policy.Switches row).IsNone)
                |> List.map snd

            Option.defaultValue [] own @ rows
        Memory = if allows policy grants "env" "memory" then Some("env", "memory") else None
        Limits = instanceLimits policy load
        ReentryDepth = policy.Run.ReentryDepth
    }
