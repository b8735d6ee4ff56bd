namespace Twofold.Engine

// A skill: a manifest with the module that it names, checked against each other before anything runs.
// In: a manifest and a module's bytes. Out: a Skill, or every reason why not; requests that run it.

open System
open FsToolkit.ErrorHandling
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi

/// A manifest and its module. Only Skill.check makes one.
[<Sealed>]
type Skill internal (manifest: SkillManifest, bytes: byte[], shape: SkillShape) =
    member _.Manifest = manifest
    /// The module, in the binary format.
    member internal _.Bytes = bytes
    member _.ModuleBytes = Array.copy bytes
    /// How its entry takes its input.
    member _.Shape = shape

module Skill =
    /// The skill profile with a manifest's numbers.
    let profile (m: SkillManifest) : Profile =
        let p = Profile.skill

        {
            p with
                Policy = {
                    p.Policy with
                        Gas = m.Limits.Gas
                        Wasm = { p.Policy.Wasm with MemoryBytes = m.Limits.MemoryBytes; StackUnits = m.Limits.StackUnits }
                        Run = { p.Policy.Run with Call = { p.Policy.Run.Call with ReturnDataBytes = m.Limits.OutputBytes } }
                }
                Deadline = m.Limits.Deadline
        }

    /// What a request says of a skill.
    let grant (m: SkillManifest) : SkillGrant = { Name = m.Name; Version = m.Version; Permissions = m.Permissions }

    /// The world that a manifest gives; none when it says nothing of one, which is an empty world too.
    let private world (m: SkillManifest) : WasiWorld option =
        if m.World = SkillWorld.empty then None else Some(SkillWorld.toWasi m.Name m.World)

    let private entryType (m: ValidModule) (entry: string) =
        match m.Module.Exports |> Array.tryFind (fun e -> e.Name = entry && e.Kind = ExternKind.Func) with
        | Some e -> Ok m.FuncTypes[e.Index]
        | None ->
            let names =
                m.Module.Exports
                |> Seq.filter (fun e -> e.Kind = ExternKind.Func)
                |> Seq.truncate 8
                |> Seq.map _.Name
                |> String.concat ", "

            let expected = if names = "" then "a module with exports" else $"one of {names}"
            Error(Refuse.field "entry" "there is no such export" expected $"'{entry}'")

    let private single (result: Result<'T, Rejected>) = Result.mapError List.singleton result

    /// The skill that a manifest and its module's file make, or every reason why they make none. Nothing of the guest runs.
    let check (manifest: SkillManifest) (file: byte[]) : Result<Skill, Rejected list> =
        let found = Hash32.sha256 (ReadOnlySpan file)
        let p = profile manifest

        if found <> manifest.Sha256 then
            Error [ Refuse.field "sha256" "the module is not the one that the manifest names" manifest.Sha256.Text found.Text ]
        else
            result {
                let! bytes = Text.Wat.toBinary p.Policy.Wasm p.Policy.Features file |> single
                let! decoded = Decode.run p.Policy.Wasm p.Policy.Features bytes |> single
                let! valid = Validate.run p.Policy.Wasm p.Policy.Features decoded |> single

                match world manifest |> Option.map (WasiWorld.check p.Policy.Run.FileBytes) with
                | Some(Error(field, why)) -> return! Error [ Refuse.field $"wasi {field}" why "a world that can be made" "" ]
                | _ -> ()

                match Linking.check p.Policy valid @ Linking.checkGrant (Some(grant manifest)) valid with
                | [] -> ()
                | refused -> return! Error refused

                let! t = entryType valid manifest.Entry |> single
                let! calls = SkillCalls.find valid manifest.Entry t [||] |> single
                return Skill(manifest, bytes, calls.HowCalled)
            }

    /// The request that runs a skill on an input.
    let request (skill: Skill) (input: byte[]) : ExecutionRequest =
        let m = skill.Manifest

        {
            Request.contract skill.Bytes m.Entry Address.zero Address.zero Snapshot.empty with
                Convention = Convention.Skill input
                Profile = profile m
                Skill = Some(grant m)
                Wasi = world m
        }

    /// A skill from its folder, or from its manifest's file.
    let load (path: string) : Result<Skill, string> =
        let file = if IO.Directory.Exists path then IO.Path.Combine(path, SkillManifest.FileName) else path

        result {
            let! json = Files.read file
            let! manifest = SkillManifest.parse json |> Result.mapError (fun e -> $"{file}: {e}")
            let! wasm = Files.read (IO.Path.Combine(IO.Path.GetDirectoryName(IO.Path.GetFullPath file), manifest.Module))

            return! check manifest wasm |> Result.mapError (fun refused -> $"{file}: " + (refused |> List.map string |> String.concat "; "))
        }
