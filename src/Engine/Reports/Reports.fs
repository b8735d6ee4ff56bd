namespace Twofold.Engine.Audit

// Reports in files: the form is told by the file's name.
// In: a path. Out: a sink for an audit, and what to dispose of when the audit is over, finished or not.

open System
open System.IO
open Twofold.Engine

/// A report that is being written. Dispose it when the audit is over: without End, nothing of it stays.
[<Sealed>]
type ReportFile internal (path: string, sink: IAuditSink, rest: IDisposable) =
    /// The file.
    member _.Path = path

    interface IAuditSink with
        member _.Add receipt = sink.Add receipt
        member _.End summary = sink.End summary

    interface IDisposable with
        member _.Dispose() = rest.Dispose()

module Reports =
    /// File names that a report may end in, with what they mean.
    let forms = [ ".html", "a page for people"; ".json", "one JSON document"; ".xml", "JUnit, for CI servers" ]

    /// Begins a report; an error: the name says no form, or the file cannot be made.
    let create (path: string) : Result<ReportFile, string> =
        let make (sink: string -> IAuditSink * IDisposable) =
            Files.attempt path (fun () ->
                if Directory.Exists path then
                    Error $"{path}: this is a folder"
                else
                    let sink, rest = sink path
                    Ok(new ReportFile(path, sink, rest)))
            |> Result.bind id

        match (Path.GetExtension path).ToLowerInvariant() with
        | ".html"
        | ".htm" -> make ReportHtml.sink
        | ".json" -> make ReportJson.sink
        | ".xml" -> make ReportJUnit.sink
        | other ->
            let known = forms |> List.map fst |> String.concat ", "
            Error $"{path}: a report's name ends in {known}, not in '{other}'"
