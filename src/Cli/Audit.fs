namespace Twofold.Cli

// `twofold audit`: recorded receipts replayed in every way; where two runs part is said.
// In: parsed arguments. Out: an ending: all identical (0), a divergence (1), not everything could be judged (2); reports in files.

open System
open System.IO
open System.Threading
open FsToolkit.ErrorHandling
open Argu
open Spectre.Console
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Engine.Audit

module Audit =
    // ---- what to audit

    let private load (item: CorpusItem) () : Result<struct (Receipt * byte[]), string> =
        result {
            let! entry = item.Load()
            let! wasm = entry.LoadModule()
            return struct (entry.Receipt, wasm)
        }
        |> Result.mapError (fun (damage: Damage) -> damage.Reason)

    let private isChosen (only: string list) (name: string) =
        let wanted (o: string) =
            o = name
            // A digest, or its beginning, as reports print it; files of a corpus are named by it.
            || (let digits = if o.StartsWith "0x" then o.Substring 2 else o
                digits.Length >= 8 && (Path.GetFileName name).StartsWith(digits, StringComparison.Ordinal))

        only.IsEmpty || List.exists wanted only

    let private inputs (path: string) (modules: string list) : Result<AuditInput seq, string> =
        let given = modules |> List.map (fun m -> $" --module {Auditor.argument m}") |> String.concat ""

        let input (item: Result<CorpusItem, Damage>) : AuditInput =
            match item with
            | Error damage -> { Name = damage.Place; CommandLine = Auditor.argument path + given; Load = fun () -> Error damage.Reason }
            | Ok item ->
                let only = if File.Exists path then "" else $" --only {Auditor.argument item.Name}"
                { Name = item.Name; CommandLine = $"{Auditor.argument path}{only}{given}"; Load = load item }

        Corpus.items path modules |> Result.map (Seq.map input)

    /// The source map beside one of the modules that were named. A module's word names the file, so it may only be a plain name.
    let private sourceMap (modules: string list) (url: string) : byte[] =
        let isPlain = url <> "" && url.IndexOfAny [| '/'; '\\'; ':' |] < 0 && url <> ".."

        if not isPlain then
            null
        else
            modules
            |> List.tryPick (fun m ->
                let folder = if Directory.Exists m then m else Path.GetDirectoryName(Path.GetFullPath m)
                let file = Path.Combine(folder, url)
                if File.Exists file then Inputs.bytes file |> Result.toOption else None)
            |> Option.toObj

    // ---- how

    let private choices (option: string) (all: (string * 'T) list) (given: string option) : Result<'T list, string> =
        match given with
        | None -> Ok(List.map snd all)
        | Some text ->
            text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
            |> List.ofArray
            |> List.distinct
            |> List.traverseResultM (fun word ->
                match all |> List.tryFind (fun (name, _) -> name = word) with
                | Some(_, value) -> Ok value
                | None ->
                    let names = all |> List.map fst |> String.concat ", "
                    Error $"{option}: there is no '{word}'; there are {names}")
            |> Result.bind (fun chosen -> if chosen.IsEmpty then Error $"{option}: name one at least" else Ok chosen)

    let private number (option: string) (least: int) (most: int) (given: int option) (otherwise: int) =
        match given with
        | None -> Ok otherwise
        | Some n when n >= least && n <= most -> Ok n
        | Some n -> Error $"{option}: {n} is not a number from {least} to {most}"

    let private options (path: string) (a: ParseResults<AuditArgs>) : Result<AuditOptions, string> =
        result {
            let! engines, unavailable =
                match a.TryGetResult AuditArgs.Engines with
                | Some given -> Engines.list "--engines" given |> Result.map (fun engines -> engines, [])
                | None ->
                    let all = Engines.all ()

                    let missing =
                        all
                        |> List.choose (fun (name, made) ->
                            match made with
                            | Ok _ -> None
                            | Error why -> Some { Name = name; Version = ""; Unavailable = why })

                    Ok(all |> List.choose (snd >> Result.toOption), missing)

            let! instances =
                choices "--instances" [ "fresh", InstanceKind.Fresh; "pooled", InstanceKind.Pooled ] (a.TryGetResult AuditArgs.Instances)

            let! modules = choices "--load" [ "cached", ModuleKind.Cached; "cold", ModuleKind.Cold ] (a.TryGetResult AuditArgs.Load)
            let! runs = number "--runs" 1 1000 (a.TryGetResult AuditArgs.Runs) 1
            let! threads = number "--threads" 1 1024 (a.TryGetResult AuditArgs.Threads) Environment.ProcessorCount
            let! stopAfter = number "--stop-after" 0 Int32.MaxValue (a.TryGetResult AuditArgs.Stop_After) 100

            let! deadline =
                match a.TryGetResult AuditArgs.Timeout with
                | None -> Ok(TimeSpan.FromMinutes 5.0)
                | Some s when Double.IsFinite s && s >= 0.0 && s <= 1e6 -> Ok(TimeSpan.FromSeconds s)
                | Some s -> Error $"--timeout: {s} is not a number of seconds from 0 to 1000000"

            return {
                AuditOptions.For engines with
                    Subject = path
                    Unavailable = unavailable
                    Locator = Engines.locator ()
                    Instances = instances
                    Modules = modules
                    Runs = runs
                    Threads = threads
                    Deadline = deadline
                    StopAfter = stopAfter
                    SourceMap = sourceMap (path :: a.GetResults AuditArgs.Module)
            }
        }

    // ---- while it goes

    /// What is printed at the end: the first findings, and what could not be judged.
    [<Sealed>]
    type private Collector() =
        let lines = ResizeArray<string>()
        let mutable shown = 0
        let mutable hidden = 0

        [<Literal>]
        let Most = 20

        member _.Lines = lines
        member _.Hidden = hidden

        interface IAuditSink with
            member _.Add receipt =
                let show (what: string) (more: string list) =
                    if shown < Most then
                        shown <- shown + 1
                        lines.Add $"{Show.plain receipt.Name}: {what}"
                        lines.AddRange(more |> List.map (fun l -> "    " + l))
                    else
                        hidden <- hidden + 1

                match receipt.Verdict with
                | Verdict.Identical _ -> ()
                | Verdict.CannotJudge reason -> show $"cannot judge: {Show.plain reason}" []
                | Verdict.Diverges findings -> show "diverges" (findings |> List.collect ReportText.finding)

            member _.End _ = ()

    /// A bar on standard error, when somebody looks.
    let private withProgress (total: int64) (work: IAuditSink list -> 'T) : 'T =
        if Console.IsErrorRedirected then
            work []
        else
            let console = AnsiConsole.Create(AnsiConsoleSettings(Out = AnsiConsoleOutput Console.Error))

            console
                .Progress()
                .AutoClear(true)
                .Columns(TaskDescriptionColumn(), ProgressBarColumn(), PercentageColumn(), RemainingTimeColumn(), SpinnerColumn())
                .Start(fun context ->
                    let task = context.AddTask("receipts", maxValue = float (max 1L total))

                    let sink = {
                        new IAuditSink with
                            member _.Add _ = task.Increment 1.0
                            member _.End _ = ()
                    }

                    work [ sink ])

    let private table (s: AuditSummary) : string list =
        let rows = [
            [ "variant"; "replays"; "identical"; "differ"; "not judged"; "time" ]
            for v in s.Variants do
                [
                    string v.Variant
                    Show.count v.Replays
                    Show.count v.Identical
                    Show.count v.Diverging
                    Show.count v.NotJudged
                    ReportText.duration v.Elapsed
                ]
        ]

        let widths = List.transpose rows |> List.map (fun column -> column |> List.map String.length |> List.max)

        [
            for row in rows ->
                List.zip row widths
                |> List.mapi (fun i (text, width) -> if i = 0 then text.PadRight width else text.PadLeft width)
                |> String.concat "  "
        ]

    let private text (s: AuditSummary) (seen: Collector) : string =
        let engines =
            s.Engines
            |> List.map (fun e -> if e.Unavailable = "" then $"{e.Name} {e.Version}" else $"{e.Name} (not there: {e.Unavailable})")
            |> String.concat "; "

        [
            yield! seen.Lines
            if seen.Hidden > 0 then
                $"and {seen.Hidden} more; --report has them all"
            $"engines: {engines}"
            yield! table s
            $"{s.Sentence} ({ReportText.duration s.Elapsed})"
        ]
        |> String.concat Environment.NewLine

    let private audit (token: CancellationToken) (a: ParseResults<AuditArgs>) : Result<Ending, string> =
        result {
            let path = a.GetResult AuditArgs.Path
            let asJson = a.Contains AuditArgs.Json
            let modules = a.GetResults AuditArgs.Module
            let only = a.GetResults AuditArgs.Only
            let! options = options path a
            let! all = inputs path modules
            let chosen = all |> Seq.filter (fun i -> isChosen only i.Name)
            let after = a.GetResults AuditArgs.After

            let before = if after.IsEmpty then [] else all |> Seq.filter (fun i -> isChosen after i.Name) |> List.ofSeq

            if before.Length < after.Length then
                return! Error "--after: there is no such receipt here"

            // Standard output's JSON is the report's.
            let json =
                if asJson then
                    Some(Path.Combine(Path.GetTempPath(), $"twofold-audit-{Guid.NewGuid():N}.json"))
                else
                    None

            let! reports = a.GetResults AuditArgs.Report @ Option.toList json |> List.traverseResultM Reports.create

            let seen = Collector()

            let summary =
                try
                    let total = if only.IsEmpty then Corpus.count path else int64 only.Length

                    withProgress total (fun progress ->
                        let sinks = (reports |> List.map (fun r -> r :> IAuditSink)) @ (seen :> IAuditSink) :: progress
                        Auditor.run options before sinks token chosen)
                finally
                    for report in reports do
                        (report :> IDisposable).Dispose()

            let output =
                match json with
                | Some file ->
                    let text = File.ReadAllText file
                    File.Delete file
                    text
                | None -> text summary seen

            return {
                Code = summary.ExitCode
                Output = output
                Error = if summary.ExitCode = 0 || asJson then "" else summary.Sentence
            }
        }

    let run (token: CancellationToken) (a: ParseResults<AuditArgs>) : Ending =
        match audit token a with
        | Ok ending -> ending
        | Error message -> Execute.stopped (a.Contains AuditArgs.Json) (Stop.Usage message)
