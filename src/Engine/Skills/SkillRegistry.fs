namespace Twofold.Engine

// Skills by name: a folder with one folder for each, which holds its manifest and its module.
// In: a folder that somebody made, a name. Out: installed skills; installing and removing happen whole or not at all.

open System
open System.IO
open FsToolkit.ErrorHandling
open Twofold.HostAbi

/// What is installed under a name, or why it cannot be used.
type InstalledSkill = { Name: string; Skill: Result<Skill, string> }

/// The skills of one home folder.
[<Sealed>]
type SkillRegistry(home: string) =
    let folder = Path.Combine(home, "skills")
    let at (name: string) = Path.Combine(folder, name)
    // Names of skills never begin with a dot.
    let temporary () = Path.Combine(folder, ".new-" + Guid.NewGuid().ToString "N")

    let named name = if SkillManifest.isName name then Ok name else Error $"'{name}' is no skill's name"

    let discard path =
        if Directory.Exists path then
            Files.attempt path (fun () -> Directory.Delete(path, true)) |> ignore

    /// The folder with the skills in it.
    member _.Folder = folder

    /// The skill that is installed under a name; its checksum and permissions are checked again.
    member _.Find(name: string) : Result<Skill, string> =
        result {
            let! name = named name

            if not (File.Exists(Path.Combine(at name, SkillManifest.FileName))) then
                return! Error $"no skill '{name}' is installed in {folder}"

            let! skill = Skill.load (at name)

            if skill.Manifest.Name <> name then
                return! Error $"{at name}: the manifest there is of '{skill.Manifest.Name}'"

            return skill
        }

    /// All of them, by name.
    member this.All() : InstalledSkill list =
        if not (Directory.Exists folder) then
            []
        else
            Directory.GetDirectories folder
            |> Seq.map Path.GetFileName
            |> Seq.filter SkillManifest.isName
            |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> Seq.map (fun name -> { Name = name; Skill = this.Find name })
            |> List.ofSeq

    /// Checks a skill and copies its manifest and module. One that has the name already is replaced only when asked.
    member _.Install(source: string, replace: bool) : Result<Skill, string> =
        result {
            let! skill = Skill.load source
            let m = skill.Manifest
            let target = at m.Name

            if Directory.Exists target && not replace then
                return! Error $"a skill '{m.Name}' is installed already (--replace puts this one in its place)"

            let made = temporary ()

            let! () =
                Files.attempt folder (fun () ->
                    Directory.CreateDirectory made |> ignore
                    // The module under a name of ours and in the form that runs: the installed manifest says its own hash.
                    let installed = { m with Module = "module.wasm"; Sha256 = Hash32.sha256 (ReadOnlySpan skill.Bytes) }
                    File.WriteAllBytes(Path.Combine(made, installed.Module), skill.Bytes)
                    File.WriteAllText(Path.Combine(made, SkillManifest.FileName), SkillManifest.toJson installed + "\n"))

            // What is put in place is what was checked.
            let! installed = Skill.load made |> Result.teeError (fun _ -> discard made)

            let old = temporary ()

            let! () =
                Files.attempt target (fun () ->
                    if Directory.Exists target then
                        Directory.Move(target, old)

                    try
                        Directory.Move(made, target)
                    with _ ->
                        if Directory.Exists old then
                            Directory.Move(old, target)

                        reraise ())
                |> Result.teeError (fun _ -> discard made)

            discard old
            return installed
        }

    /// Removes a skill; its memory stays with whoever keeps it.
    member _.Remove(name: string) : Result<unit, string> =
        result {
            let! name = named name
            let target = at name

            if not (Directory.Exists target) then
                return! Error $"no skill '{name}' is installed in {folder}"

            let old = temporary ()
            do! Files.attempt target (fun () -> Directory.Move(target, old))
            discard old
        }
