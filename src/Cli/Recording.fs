namespace Twofold.Cli

// `twofold record`: executes requests and keeps their receipts in a corpus, or takes receipts that were made elsewhere.
// In: parsed arguments. Out: an ending: 0 all were kept, 2 something was refused or is damaged, 5 an engine fault; what could be kept was.

open System
open System.Text
open System.Text.Json
open System.Threading
open FsToolkit.ErrorHandling
open Argu
open Twofold.HostAbi
open Twofold.Engine

module Recording =
    /// What came of one request or one receipt.
    type private Line = {
        Name: string
        /// The receipt's digest, whether it is new, and how the run ended; or the exit code and why there is none.
        Result: Result<struct (Hash32 * bool * string), struct (int * string)>
    }

    /// The texts of the JSON values that follow each other in a file, those of arrays one by one.
    let private values (path: string) (bytes: byte[]) : Result<string list, string> =
        try
            let found = Collections.Generic.List<string>()
            let mutable reader = Utf8JsonReader(ReadOnlySpan bytes, JsonReaderOptions(AllowMultipleValues = true, MaxDepth = 64))

            while reader.Read() do
                use value = JsonDocument.ParseValue(&reader)

                match value.RootElement.ValueKind with
                | JsonValueKind.Array -> found.AddRange(value.RootElement.EnumerateArray() |> Seq.map _.GetRawText())
                | _ -> found.Add(value.RootElement.GetRawText())

            Ok(List.ofSeq found)
        with :? JsonException as e ->
            Error $"{path}: not JSON: {e.Message}"

    let private requests (wasm: byte[]) (snapshot: Snapshot) (path: string) : Result<(string * ExecutionRequest) list, string> =
        result {
            let! bytes = Inputs.bytes path
            // A byte order mark is no JSON.
            let bytes = if bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) then bytes[3..] else bytes
            let! texts = values path bytes

            return!
                texts
                |> List.indexed
                |> List.traverseResultM (fun (i, json) ->
                    let name = $"{path}, request {i + 1}"

                    RequestJson.ofRequestFile wasm snapshot json
                    |> Result.map (fun request -> name, request)
                    |> Result.mapError (fun e -> $"{name}: {e}"))
        }

    let private execute (corpus: CorpusWriter) (executor: Executor) (token: CancellationToken) (name: string, request: ExecutionRequest) =
        let result =
            match executor.Execute(request, token), request.Module with
            | Error refusal, _ ->
                Error(
                    struct ((match refusal with
                             | Refusal.Rejected _ -> Exit.Rejected
                             | Refusal.Fault _ -> Exit.Fault),
                            refusal.ToString())
                )
            | Ok report, ModuleSource.Bytes wasm ->
                corpus.Append(report.Receipt, wasm)
                |> Result.map (fun isNew -> struct (report.ReceiptDigest, isNew, Show.outcome report.Receipt report.Message))
                |> Result.mapError (fun e -> struct (Exit.Fault, e))
            | Ok _, ModuleSource.Stored _ -> Error(struct (Exit.Rejected, "a request file does not name stored modules"))

        { Name = $"{name}: {request.Entry}"; Result = result }

    let private take (corpus: CorpusWriter) (entry: Result<CorpusEntry, Damage>) =
        match entry with
        | Error damage -> { Name = damage.Place; Result = Error(struct (Exit.Rejected, damage.Reason)) }
        | Ok entry ->
            let result =
                entry.LoadModule()
                |> Result.mapError _.ToString()
                |> Result.bind (fun wasm -> corpus.Append(entry.Receipt, wasm))
                |> Result.map (fun isNew -> struct (entry.Digest, isNew, Outcome.describe entry.Receipt.Outcome))
                |> Result.mapError (fun e -> struct (Exit.Rejected, e))

            { Name = entry.Name; Result = result }

    let private code (lines: Line list) =
        lines
        |> List.map (fun line ->
            match line.Result with
            | Ok _ -> Exit.Success
            | Error(struct (code, _)) -> code)
        |> List.append [ Exit.Success ]
        |> List.max

    let private text (folder: string) (lines: Line list) : string =
        let fresh =
            lines
            |> List.filter (fun l ->
                match l.Result with
                | Ok(struct (_, isNew, _)) -> isNew
                | Error _ -> false)
            |> List.length

        let known = (lines |> List.filter _.Result.IsOk |> List.length) - fresh

        let line l =
            match l.Result with
            | Ok(struct (digest, isNew, ending)) ->
                let again = if isNew then "" else " (was there already)"
                $"{Show.plain l.Name}: {Show.plain ending}, {digest}{again}"
            | Error(struct (_, why)) -> $"{Show.plain l.Name}: not recorded: {Show.plain why}"

        String.Join(
            Environment.NewLine,
            [
                yield! lines |> List.map line
                $"recorded {fresh} new in {Show.plain folder}, {known} were there already, {lines.Length - fresh - known} could not be recorded"
            ]
        )

    let private json (folder: string) (lines: Line list) : string =
        Show.json (fun w ->
            w.WriteNumber("exitCode", code lines)
            w.WriteString("corpus", folder)
            w.WriteStartArray "results"

            for l in lines do
                w.WriteStartObject()
                w.WriteString("name", l.Name)

                match l.Result with
                | Ok(struct (digest, isNew, ending)) ->
                    w.WriteString("receiptDigest", digest.Text)
                    w.WriteBoolean("new", isNew)
                    w.WriteString("outcome", ending)
                | Error(struct (_, why)) -> w.WriteString("error", why)

                w.WriteEndObject()

            w.WriteEndArray())

    let private record (token: CancellationToken) (a: ParseResults<RecordArgs>) : Result<string * Line list, string> =
        result {
            let folder = a.GetResult RecordArgs.Corpus
            let files, sources = a.GetResults RecordArgs.Requests, a.GetResults RecordArgs.Add

            if files.IsEmpty && sources.IsEmpty then
                return! Error "record needs --requests FILE (with --module), or --add PATH; `exec` and `run` record with --record"

            let! snapshot =
                a.TryGetResult RecordArgs.State |> Option.traverseResult (Inputs.snapshot >> Result.mapError (fun e -> $"--state: {e}"))

            let! asked =
                if files.IsEmpty then
                    Ok []
                else
                    match a.TryGetResult RecordArgs.Module with
                    | None -> Error "--requests needs --module, the module that the requests are for"
                    | Some path ->
                        Inputs.moduleBytes path
                        |> Result.mapError (fun e -> $"--module: {e}")
                        |> Result.bind (fun wasm -> files |> List.traverseResultM (requests wasm (defaultArg snapshot Snapshot.empty)))
                        |> Result.map List.concat

            let modules = Option.toList (a.TryGetResult RecordArgs.Module)

            let! found =
                sources |> List.traverseResultM (fun path -> Corpus.read path modules |> Result.mapError (fun e -> $"--add: {e}"))

            let! engine = Engines.chosen (a.TryGetResult RecordArgs.Engine)
            // Nothing is made before everything could be read.
            let! corpus = CorpusWriter.Open folder
            use executor = new Executor(ExecutorOptions.For engine)
            let executed = asked |> List.map (execute corpus executor token)
            let taken = found |> Seq.concat |> Seq.map (take corpus) |> List.ofSeq
            return folder, executed @ taken
        }

    let run (token: CancellationToken) (a: ParseResults<RecordArgs>) : Ending =
        let asJson = a.Contains RecordArgs.Json

        match record token a with
        | Error text -> Execute.stopped asJson (Stop.Usage text)
        | Ok(folder, lines) ->
            let code = code lines

            {
                Code = code
                Output = if asJson then json folder lines else text folder lines
                Error = if code = Exit.Success then "" else $"not everything could be recorded in {folder}"
            }
