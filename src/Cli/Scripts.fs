module Twofold.Cli.Scripts

// `twofold wast`: scripts of the official suite's format, run on one of our engines.
// In: files, folders, zip files. Out: a line for each script and for each failure, counts in all; 1 when a command failed.

open System
open System.IO
open System.IO.Compression
open Argu
open FsToolkit.ErrorHandling
open Twofold.Wasm
open Twofold.Wasm.Scripts

/// A script by the name it is shown with, read when its turn comes.
type private Source = { Name: string; Read: unit -> byte[] }

let private isScript (name: string) = name.EndsWith(".wast", StringComparison.OrdinalIgnoreCase)

let private attempt (path: string) (work: unit -> 'T) : Result<'T, string> =
    try
        Ok(work ())
    with
    | :? IOException
    | :? UnauthorizedAccessException
    | :? InvalidDataException as e -> Error $"{path}: {e.Message}"

let private ofZip (path: string) : Source list =
    use zip = ZipFile.OpenRead path

    let entry (name: string) () =
        use zip = ZipFile.OpenRead path
        use stream = zip.GetEntry(name).Open()
        use bytes = new MemoryStream()
        stream.CopyTo bytes
        bytes.ToArray()

    [
        for e in zip.Entries do
            if isScript e.FullName then
                { Name = $"{path}/{e.FullName}"; Read = entry e.FullName }
    ]

/// The scripts that a path stands for, in the order of their names.
let private sources (path: string) : Result<Source list, string> =
    let ordered = List.sortWith (fun a b -> String.CompareOrdinal(a.Name, b.Name))
    let file (f: string) = { Name = f; Read = fun () -> File.ReadAllBytes f }

    let found =
        if Directory.Exists path then
            attempt path (fun () ->
                Directory.GetFiles(path, "*", SearchOption.AllDirectories)
                |> List.ofArray
                |> List.filter isScript
                |> List.map file
                |> ordered)
        elif path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) && File.Exists path then
            attempt path (fun () -> ofZip path |> ordered)
        elif File.Exists path then
            Ok [ file path ]
        else
            Error $"{path}: there is no such file"

    found |> Result.bind (fun list -> if list.IsEmpty then Error $"{path}: there is no script (.wast) in it" else Ok list)

let private runOne (settings: ScriptSettings) (hostOf: WasmLimits -> IScriptHost) (s: Source) : Result<string * ScriptTally, string> =
    attempt s.Name s.Read
    |> Result.map (fun script ->
        match ScriptSkips.ofScript s.Name with
        | ValueSome reason -> s.Name, ScriptRunner.skip reason script
        | ValueNone ->
            use host = hostOf settings.Limits
            s.Name, ScriptRunner.run settings script host)

let private counts passed failed skipped = $"{passed} passed, {failed} failed, {skipped} skipped"

let private reasons (all: (string * ScriptTally) list) : (string * int) list =
    all
    |> List.collect (fun (_, t) -> [ for KeyValue(reason, n) in t.Skips -> reason, n ])
    |> List.groupBy fst
    |> List.map (fun (reason, ns) -> reason, List.sumBy snd ns)
    |> List.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))

let private total (count: ScriptTally -> int) (all: (string * ScriptTally) list) = all |> List.sumBy (snd >> count)

let private text (all: (string * ScriptTally) list) : string =
    String.Join(
        "\n",
        [
            for name, t in all do
                Show.plain $"{name}: {t}"

                for f in t.Failures do
                    let message = f.Message.ReplaceLineEndings " "
                    Show.plain $"  {name}:{f.Line}: {message}"

            let skips = reasons all

            if not skips.IsEmpty then
                "skipped:"

                for reason, n in skips do
                    Show.plain $"  {n}: {reason}"

            let files = if all.Length = 1 then "1 script" else $"{all.Length} scripts"
            $"{files}: {counts (total _.Passed all) (total _.Failed all) (total _.Skipped all)}"
        ]
    )

let private json (code: int) (all: (string * ScriptTally) list) : string =
    Show.json (fun w ->
        let numbers passed failed skipped =
            w.WriteNumber("passed", (passed: int))
            w.WriteNumber("failed", (failed: int))
            w.WriteNumber("skipped", (skipped: int))

        w.WriteNumber("exitCode", code)
        numbers (total _.Passed all) (total _.Failed all) (total _.Skipped all)
        w.WriteStartArray "scripts"

        for name, t in all do
            w.WriteStartObject()
            w.WriteString("file", name)
            numbers t.Passed t.Failed t.Skipped
            w.WriteStartArray "failures"

            for f in t.Failures do
                w.WriteStartObject()
                w.WriteNumber("line", f.Line)
                w.WriteString("message", f.Message)
                w.WriteEndObject()

            w.WriteEndArray()
            w.WriteStartArray "skips"

            for KeyValue(reason, n) in t.Skips do
                w.WriteStartObject()
                w.WriteString("reason", reason)
                w.WriteNumber("commands", n)
                w.WriteEndObject()

            w.WriteEndArray()
            w.WriteEndObject()

        w.WriteEndArray())

let run (a: ParseResults<WastArgs>) : Ending =
    let settings = { ScriptSettings.Default with CompareMessages = not (a.Contains WastArgs.Any_Message) }

    Engines.scripts (a.TryGetResult WastArgs.Engine)
    |> Result.bind (fun engine ->
        a.GetResults WastArgs.Files
        |> List.concat
        |> List.traverseResultM sources
        |> Result.bind (List.concat >> List.traverseResultM (runOne settings engine)))
    |> Result.map (fun all ->
        let code = if total _.Failed all > 0 then Exit.Failed else Exit.Success
        { Code = code; Output = (if a.Contains WastArgs.Json then json code all else text all); Error = "" })
    |> Result.defaultWith Ending.rejected
