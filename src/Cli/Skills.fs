namespace Twofold.Cli

// `twofold skill`: install, list, remove, run, check, new.
// In: parsed arguments. Out: an ending. A run prints its result and nothing else, so that it can be piped.

open System
open System.IO
open System.Threading
open FsToolkit.ErrorHandling
open Argu
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Extensions.Skills

module Skills =
    let private usage result = Result.mapError Stop.Usage result

    /// `--home`, TWOFOLD_HOME, or a folder of the user's own data.
    let private home (given: string option) : Result<string, string> =
        match given, Environment.GetEnvironmentVariable "TWOFOLD_HOME" with
        | Some path, _ -> Ok(Path.GetFullPath path)
        | None, path when not (String.IsNullOrEmpty path) -> Ok(Path.GetFullPath path)
        | _ ->
            match Environment.GetFolderPath Environment.SpecialFolder.LocalApplicationData with
            | "" -> Error "there is no folder for the user's data here: give --home or set TWOFOLD_HOME"
            | data -> Ok(Path.Combine(data, "twofold"))

    let private registry given = home given |> Result.map SkillRegistry

    let private shape (s: Skill) =
        match s.Shape with
        | SkillShape.Counted -> "(ptr, len) -> i64"
        | SkillShape.Terminated -> "(ptr) -> ptr, zero-terminated"
        | SkillShape.Plain -> "() -> number or nothing"

    let private permissions (m: SkillManifest) =
        match m.Permissions with
        | [] -> "none"
        | all -> all |> List.map _.Text |> String.concat ", "

    let private describe (s: Skill) : string =
        let m = s.Manifest
        let l = m.Limits
        let gas = if l.Gas = Profile.UnlimitedGas then "no limit" else Show.count l.Gas

        String.Join(
            Environment.NewLine,
            [
                $"skill        {m.Name} {m.Version}"
                if m.Description <> "" then
                    $"             {Show.plain m.Description}"
                $"module       {m.Sha256}"
                $"entry        {Show.plain m.Entry} {shape s}"
                $"permissions  {Show.plain (permissions m)}"
                $"limits       memory {Show.count l.MemoryBytes} bytes, gas {gas}, {l.Deadline.TotalSeconds} s, result {Show.count (int64 l.OutputBytes)} bytes"
            ]
        )

    let private skillJson (w: Text.Json.Utf8JsonWriter) (s: Skill) =
        let m = s.Manifest
        w.WriteString("name", m.Name)
        w.WriteString("version", m.Version)
        w.WriteString("description", m.Description)
        w.WriteString("sha256", m.Sha256.Text)
        w.WriteString("entry", m.Entry)
        w.WriteStartArray "permissions"

        for p in m.Permissions do
            w.WriteStringValue p.Text

        w.WriteEndArray()

    let private ended json (result: Result<Skill, string>) : Ending =
        match result with
        | Ok s when json ->
            Ending.ok (
                Show.json (fun w ->
                    w.WriteNumber("exitCode", Exit.Success)
                    skillJson w s)
            )
        | Ok s -> Ending.ok (describe s)
        | Error why -> Execute.stopped json (Stop.Usage why)

    let private install (a: ParseResults<SkillInstallArgs>) =
        result {
            let! registry = registry (a.TryGetResult SkillInstallArgs.Home)
            return! registry.Install(a.GetResult SkillInstallArgs.Source, a.Contains SkillInstallArgs.Replace)
        }
        |> ended (a.Contains SkillInstallArgs.Json)

    let private list (a: ParseResults<SkillListArgs>) : Ending =
        let json = a.Contains SkillListArgs.Json

        match registry (a.TryGetResult SkillListArgs.Home) with
        | Error why -> Execute.stopped json (Stop.Usage why)
        | Ok registry when json ->
            Ending.ok (
                Show.json (fun w ->
                    w.WriteNumber("exitCode", Exit.Success)
                    w.WriteStartArray "skills"

                    for installed in registry.All() do
                        w.WriteStartObject()

                        match installed.Skill with
                        | Ok s -> skillJson w s
                        | Error why ->
                            w.WriteString("name", installed.Name)
                            w.WriteString("error", why)

                        w.WriteEndObject()

                    w.WriteEndArray())
            )
        | Ok registry ->
            match registry.All() with
            | [] -> Ending.ok $"no skills are installed in {registry.Folder}"
            | all ->
                let line (i: InstalledSkill) =
                    match i.Skill with
                    | Ok s -> $"{i.Name} {s.Manifest.Version}  {Show.plain s.Manifest.Description} [{Show.plain (permissions s.Manifest)}]"
                    | Error why -> $"{i.Name}  cannot be used: {Show.plain why}"

                Ending.ok (String.Join(Environment.NewLine, all |> List.map line))

    let private remove (a: ParseResults<SkillRemoveArgs>) : Ending =
        let name = a.GetResult SkillRemoveArgs.Name

        match registry (a.TryGetResult SkillRemoveArgs.Home) |> Result.bind (fun r -> r.Remove name) with
        | Ok() -> Ending.ok $"removed {name}"
        | Error why -> Ending.rejected why

    /// Writes the hash of the module that is there into the manifest.
    let private update (path: string) : Result<unit, string> =
        result {
            let file = if Directory.Exists path then Path.Combine(path, SkillManifest.FileName) else path
            let! json = Inputs.bytes file
            let! manifest = SkillManifest.parse json |> Result.mapError (fun e -> $"{file}: {e}")
            let! wasm = Inputs.bytes (Path.Combine(Path.GetDirectoryName(Path.GetFullPath file), manifest.Module))
            let text = Text.Encoding.UTF8.GetString json
            // Of the text only the hash changes: the manifest stays as its author wrote it.
            let old = Text.RegularExpressions.Regex "(\"sha256\"\\s*:\\s*\")(0x)?[0-9a-fA-F]{64}(\")"
            let hash = (Hash32.sha256 (ReadOnlySpan wasm)).Text.Substring 2

            if old.Count text <> 1 then
                return! Error $"{file}: there is no one place for the hash"

            return! Inputs.write file (old.Replace(text, "${1}" + hash + "${3}"))
        }

    let private check (a: ParseResults<SkillCheckArgs>) : Ending =
        let path = a.GetResult SkillCheckArgs.Path

        (if a.Contains SkillCheckArgs.Update then update path else Ok())
        |> Result.bind (fun () -> Skill.load path)
        |> ended (a.Contains SkillCheckArgs.Json)

    let private make (a: ParseResults<SkillNewArgs>) : Ending =
        let made =
            result {
                let name = a.GetResult SkillNewArgs.Name
                let folder = defaultArg (a.TryGetResult SkillNewArgs.Output) name

                if not (SkillManifest.isName name) then
                    return! Error $"'{name}' is no skill's name: 1 to 64 of a-z, 0-9, '-', '_' and '.'"

                if Directory.Exists folder && Seq.isEmpty (Directory.EnumerateFileSystemEntries folder) |> not then
                    return! Error $"{folder} is there already, and not empty"

                let! files = SkillTemplates.files name (defaultArg (a.TryGetResult SkillNewArgs.Language) "as")
                Directory.CreateDirectory folder |> ignore

                for path, text in files do
                    do! Inputs.write (Path.Combine(folder, path)) text

                return folder
            }

        match made with
        | Ok folder -> Ending.ok $"made {folder}; its README.md says how to build it"
        | Error why -> Ending.rejected why

    // ---- run

    let private input (given: string option) : Result<byte[], string> =
        match given with
        | None -> Ok "{}"B
        | Some "-" ->
            use stream = Console.OpenStandardInput()
            use into = new MemoryStream()
            stream.CopyTo into
            Ok(into.ToArray())
        | Some path when path.StartsWith '@' -> Inputs.bytes (path.Substring 1) |> Result.mapError (fun e -> $"--input: {e}")
        | Some text -> Ok(Utf8.bytes text)

    /// A path is a skill that need not be installed.
    let private find (home: string) (name: string) =
        if name.Contains '/' || name.Contains '\\' || name = "." then
            Skill.load name
        else
            (SkillRegistry home).Find name

    let private runSkill (token: CancellationToken) (a: ParseResults<SkillRunArgs>) : Result<Ending, Stop> =
        result {
            let json = a.Contains SkillRunArgs.Json
            let! home = home (a.TryGetResult SkillRunArgs.Home) |> usage
            let! skill = find home (a.GetResult SkillRunArgs.Name) |> usage
            let! bytes = input (a.TryGetResult SkillRunArgs.Input) |> usage

            use! services =
                try
                    Ok(SkillServices.FromEnvironment(Path.Combine(home, "memory.db")))
                with :? FormatException as e ->
                    Error(Stop.Usage e.Message)

            let request = Skill.request skill bytes
            let! profile = Inputs.deadline (a.TryGetResult SkillRunArgs.Timeout) request.Profile |> usage
            let request = { request with Profile = profile }

            let ending (_: string list) (report: ExecutionReport) =
                let code = Execute.code report.Receipt.Outcome

                let result = if code = Exit.Success then Show.result report.Receipt.ReturnData else ""

                {
                    Code = code
                    Output = if json then Show.reportJson code report else result
                    Error =
                        // The skill's own streams; its result is ours.
                        String.Join(
                            Environment.NewLine,
                            [
                                if not json then
                                    for stream in [ report.Output; report.ErrorOutput ] do
                                        if stream.Length > 0 then
                                            (Show.result stream).TrimEnd('\r', '\n')

                                    if code <> Exit.Success then
                                        report.Message
                            ]
                        )
                }

            return!
                Execute.finishOn
                    (fun options -> { options with Skills = services.Ports.Provider })
                    ending
                    (a.TryGetResult SkillRunArgs.Engine)
                    { File = a.TryGetResult SkillRunArgs.Receipt; Corpus = a.TryGetResult SkillRunArgs.Record }
                    token
                    request
        }

    let run (token: CancellationToken) (a: ParseResults<SkillArgs>) : Ending =
        match a.TryGetSubCommand() with
        | Some(SkillArgs.Install a) -> install a
        | Some(SkillArgs.List a) -> list a
        | Some(SkillArgs.Remove a) -> remove a
        | Some(SkillArgs.Check a) -> check a
        | Some(SkillArgs.New a) -> make a
        | Some(SkillArgs.Run a) -> runSkill token a |> Result.defaultWith (Execute.stopped (a.Contains SkillRunArgs.Json))
        | None -> Ending.rejected "which command? `twofold skill --help` shows them"
