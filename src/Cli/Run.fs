namespace Twofold.Cli

// `twofold run`: a WASI program with arguments, or any export with numbers.
// In: parsed arguments, and those behind `--`. Out: an ending; a program's own output goes to the streams while it runs, its status is the exit code.

open System
open System.IO
open System.Threading
open FsToolkit.ErrorHandling
open Argu
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi
open Twofold.Engine

module Run =
    /// The module as the pipeline will see it, to choose an entry and to type arguments by.
    let private decode (policy: Policy) (bytes: byte[]) =
        Decode.run policy.Wasm policy.Features bytes
        |> Result.bind (Validate.run policy.Wasm policy.Features)
        |> Result.mapError (Refusal.Rejected >> Stop.Refused)

    let private func (m: ValidModule) name = m.Module.Exports |> Array.tryFind (fun e -> e.Name = name && e.Kind = ExternKind.Func)

    /// The arguments' bits, when there is such an export and they fit; a missing export is refused by the pipeline, in its words.
    let private arguments (m: ValidModule) (entry: string) (given: string list) =
        match func m entry with
        | Some e -> Values.arguments entry m.FuncTypes[e.Index] given |> Result.mapError Stop.Usage
        | None -> Ok []

    // ---- a program's world

    let private directory (given: string) : Result<WasiPreopen * string, string> =
        let cut (suffix: string) grant =
            if given.EndsWith(suffix, StringComparison.Ordinal) then
                Some(given.Substring(0, given.Length - suffix.Length), grant)
            else
                None

        let paths, grant =
            [ cut ":ro" WasiGrant.ReadOnly; cut ":rw" { WasiGrant.All with Create = false } ]
            |> List.tryPick id
            |> Option.defaultValue (given, WasiGrant.All)

        let host, guest =
            match paths.LastIndexOf("::", StringComparison.Ordinal) with
            | -1 -> paths, paths
            | at -> paths.Substring(0, at), paths.Substring(at + 2)

        if Directory.Exists host then
            Ok({ Guest = guest; Grant = grant; Content = WasiDirectory.Host }, Path.GetFullPath host)
        else
            Error $"--dir: there is no directory '{host}'; write HOST::GUEST, :ro behind it to read only"

    let private variable (given: string) : Result<string * string, string> =
        match given.IndexOf '=' with
        | at when at > 0 -> Ok(given.Substring(0, at), given.Substring(at + 1))
        | _ -> Error $"--env: '{given}' is not NAME=VALUE"

    /// `--file`: the files, as the directory `/` in memory; none: no such directory.
    let private files (given: string list) : Result<WasiPreopen list, string> =
        result {
            let! read =
                given
                |> List.traverseResultM (fun text ->
                    match text.IndexOf '=' with
                    | at when at > 0 ->
                        Inputs.bytes (text.Substring(at + 1))
                        |> Result.mapError (fun e -> $"--file: {e}")
                        |> Result.map (fun content -> List.ofArray (text.Substring(0, at).Trim('/').Split '/'), content)
                    | _ -> Error $"--file: '{text}' is not GUEST_PATH=FILE")

            return
                match read with
                | [] -> []
                | _ -> [ { Guest = "/"; Grant = WasiGrant.All; Content = WasiDirectory.Memory(WasiNode.ofFiles read) } ]
        }

    let private time (given: string) : Result<uint64, string> =
        let culture = Globalization.CultureInfo.InvariantCulture

        match UInt64.TryParse(given, Globalization.NumberStyles.None, culture) with
        | true, seconds when seconds < 10_000_000_000UL -> Ok(seconds * 1_000_000_000UL)
        | _ ->
            match DateTimeOffset.TryParse(given, culture, Globalization.DateTimeStyles.AssumeUniversal) with
            | true, t when t >= DateTimeOffset.UnixEpoch -> Ok(uint64 (t - DateTimeOffset.UnixEpoch).Ticks * 100UL)
            | _ -> Error $"--time: '{given}' is neither Unix seconds nor a date (2026-11-21T12:00:00Z)"

    /// `--stdin`: `-` is the command's own, `@FILE` a file's bytes, anything else is the text itself; none by default.
    let private input (given: string option) : Result<WasiInput, string> =
        match given with
        | None -> Ok(WasiInput.Bytes [||])
        | Some "-" -> Ok WasiInput.Host
        | Some text when text.StartsWith '@' ->
            Inputs.bytes (text.Substring 1) |> Result.mapError (fun e -> $"--stdin: {e}") |> Result.map WasiInput.Bytes
        | Some text -> Ok(WasiInput.Bytes(Utf8.bytes text))

    let private world (a: ParseResults<RunArgs>) (name: string) (args: string list) : Result<WasiWorld * WasiGrants, string> =
        result {
            let! env = a.GetResults RunArgs.Env |> List.traverseResultM variable
            let! directories = a.GetResults RunArgs.Dir |> List.traverseResultM directory
            let! files = files (a.GetResults RunArgs.File)
            let! seed = a.TryGetResult RunArgs.Seed |> Option.traverseResult (Inputs.hex "--seed")
            let! start = a.TryGetResult RunArgs.Time |> Option.traverseResult time
            let! input = input (a.TryGetResult RunArgs.Stdin)
            let asksHost = input = WasiInput.Host
            let passes = not (a.Contains RunArgs.Json)

            let world = {
                Args = name :: args
                Env = env
                Clocks = { WasiWorld.clocks with Start = defaultArg start WasiWorld.clocks.Start }
                Seed = defaultArg seed [||]
                Input = input
                Terminal = asksHost && not Console.IsInputRedirected && not Console.IsOutputRedirected
                Preopens = List.map fst directories @ files
            }

            return
                world,
                {
                    Directories = directories |> List.map (fun (p, path) -> p.Guest, path) |> Map.ofList
                    Input = if asksHost then Console.OpenStandardInput() else null
                    Output = if passes then Console.OpenStandardOutput() else null
                    ErrorOutput = if passes then Console.OpenStandardError() else null
                }
        }

    // ---- the run

    let private keep (a: ParseResults<RunArgs>) = { File = a.TryGetResult RunArgs.Receipt; Corpus = a.TryGetResult RunArgs.Record }

    let private request (a: ParseResults<RunArgs>) (behind: string list) =
        result {
            let usage result = Result.mapError Stop.Usage result

            let! path, given =
                match List.concat (a.GetResults RunArgs.Call) with
                | path :: given -> Ok(path, List.map CommandLine.unprotect given)
                | [] -> Error(Stop.Usage "run needs a module: `twofold run PROGRAM -- ARGS` or `twofold run MODULE --invoke NAME ARGS`")

            let! profile = a.TryGetResult RunArgs.Profile |> Option.traverseResult Inputs.profile |> usage

            let! profile =
                profile |> Option.defaultValue Profile.hostProfile |> Inputs.deadline (a.TryGetResult RunArgs.Timeout) |> usage

            let! bytes = Inputs.moduleBytes path |> usage
            let! m = decode profile.Policy bytes

            let! entry, bits, args =
                match a.TryGetResult RunArgs.Invoke with
                | Some entry -> arguments m entry given |> Result.map (fun bits -> entry, bits, behind)
                // A program; a module without one is what its `_initialize` does.
                | None when (func m "_start").IsNone && (func m "_initialize").IsSome -> Ok("_initialize", [], given @ behind)
                | None when (func m "_start").IsNone ->
                    Error(Stop.Usage $"{path} is no program: it exports neither _start nor _initialize; --invoke NAME calls an export")
                | None -> Ok("_start", [], given @ behind)

            let! world, grants = world a (Path.GetFileName path) args |> usage

            return {
                Request.contract bytes entry Address.zero Address.zero Snapshot.empty with
                    Convention = Convention.Raw bits
                    Profile = profile
                    Limits = { RequestLimits.None with Gas = a.TryGetResult RunArgs.Gas }
                    Wasi = Some world
                    WasiHost = WasiHosts.source grants
            }
        }

    /// What a program's caller sees: its status, or 128 and our code.
    let private programEnding (json: bool) (_kept: string list) (report: ExecutionReport) : Ending =
        let code =
            match report.ExitStatus with
            | Some status -> status
            | None -> Exit.OwnOfProgram + Execute.code report.Receipt.Outcome

        {
            Code = code
            Output = if json then Show.reportJson code report else ""
            Error = if json || report.ExitStatus.IsSome then "" else report.Message
        }

    let run (token: CancellationToken) (behind: string list) (a: ParseResults<RunArgs>) : Ending =
        let json = a.Contains RunArgs.Json
        let engine = a.TryGetResult RunArgs.Engine

        match a.TryGetResult RunArgs.Invoke with
        | Some _ -> request a behind |> Result.bind (Execute.finish engine json (keep a) token) |> Result.defaultWith (Execute.stopped json)
        | None ->
            let ending =
                request a behind
                |> Result.bind (Execute.finishWith (programEnding json) engine (keep a) token)
                |> Result.defaultWith (fun stop ->
                    let stopped = Execute.stopped json stop
                    { stopped with Code = Exit.OwnOfProgram + stopped.Code })

            ending
