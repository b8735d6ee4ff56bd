namespace Twofold.Engine.Audit

// An audit as a page for people who have never seen the tool: one file, no network, no script. Everything that came from a guest is escaped.
// In: an audit's receipts and its summary. Out: HTML. Of very many receipts only the first ones are shown, and the page says so.

open System
open System.Collections.Generic
open System.Net
open System.Text
open Twofold.HostAbi
open Twofold.Engine

module ReportHtml =
    /// Receipts that diverge, or cannot be judged, or are identical, that one page shows of each kind.
    [<Literal>]
    let private Diverging = 200

    [<Literal>]
    let private Others = 1000

    let private esc (text: string) : string = WebUtility.HtmlEncode(ReportText.short text)
    let private tag (name: string) (inner: string) = $"<{name}>{inner}</{name}>"
    let private code (text: string) = tag "code" (esc text)
    let private para (text: string) = tag "p" (esc text)

    let private header (names: string list) =
        let cells = names |> List.map (fun n -> $"<th scope=\"col\">{esc n}</th>") |> String.concat ""
        $"<thead><tr>{cells}</tr></thead>"

    /// A table of cells that are HTML already.
    let private table (caption: string) (names: string list) (rows: string list list) =
        let caption = if caption = "" then "" else tag "caption" (esc caption)

        let row (cells: string list) =
            match cells with
            | first :: rest -> $"<tr><th scope=\"row\">{first}</th>" + (rest |> List.map (tag "td") |> String.concat "") + "</tr>"
            | [] -> ""

        let body = rows |> List.map row |> String.concat "\n"
        $"<div class=\"wide\"><table>{caption}{header names}<tbody>\n{body}\n</tbody></table></div>\n"

    let private facts (pairs: (string * string) list) =
        let pair (name, html) = $"<dt>{esc name}</dt><dd>{html}</dd>"
        let inner = pairs |> List.map pair |> String.concat "\n"
        $"<dl>\n{inner}\n</dl>\n"

    // ---- the matrix

    let private columns = [
        InstanceKind.Fresh, ModuleKind.Cold, "new instance, module loaded for it"
        InstanceKind.Fresh, ModuleKind.Cached, "new instance, module from the cache"
        InstanceKind.Pooled, ModuleKind.Cold, "used instance, module loaded for it"
        InstanceKind.Pooled, ModuleKind.Cached, "used instance, module from the cache"
    ]

    /// One row an engine, one column a way of getting the instance; columns that nothing ran in are left out.
    let private matrix (caption: string) (cells: (Variant * string) list) =
        let engines = cells |> List.map (fun (v, _) -> v.Engine) |> List.distinct

        let used = columns |> List.filter (fun (i, m, _) -> cells |> List.exists (fun (v, _) -> v.Instance = i && v.Module = m))

        let cell engine (i, m, _) =
            match cells |> List.filter (fun (v, _) -> v.Engine = engine && v.Instance = i && v.Module = m) with
            | [] -> "<span class=\"soft\">not run</span>"
            | found -> found |> List.map snd |> List.distinct |> String.concat "<br>"

        let rows = engines |> List.map (fun e -> code e :: (used |> List.map (cell e)))
        table caption ("engine" :: (used |> List.map (fun (_, _, name) -> name))) rows

    let private totalCell (t: VariantTotals) =
        let each =
            if t.Replays = 0L then
                ""
            else
                $"<small>{ReportText.count t.Replays} replays, {esc (ReportText.duration (t.Elapsed / float t.Replays))} each</small>"

        let words = [
            if t.Diverging > 0L then
                $"<span class=\"bad\">✗ {ReportText.count t.Diverging} differ</span>"
            if t.NotJudged > 0L then
                $"<span class=\"unsure\">? {ReportText.count t.NotJudged} not judged</span>"
            if t.Identical > 0L && t.Identical = t.Replays then
                "<span class=\"good\">✓ all identical</span>"
            elif t.Identical > 0L then
                $"<span class=\"good\">✓ {ReportText.count t.Identical} identical</span>"
        ]

        String.Join("<br>", words) + each

    let private replayCell (r: VariantReplay) =
        match r.Result with
        | ReplayResult.Identical _ -> "<span class=\"good\">✓ identical</span>"
        | ReplayResult.Differs d -> $"<span class=\"bad\">✗ differs</span><small>{esc (string d.Component)}</small>"
        | ReplayResult.CannotJudge reason -> $"<span class=\"unsure\">? not judged</span><small>{esc reason}</small>"

    // ---- findings

    /// Bytes with those marked that the other side does not have at the same place.
    let private markedBytes (mine: byte[]) (other: byte[]) =
        let one i (b: byte) =
            let text = b.ToString("x2", Globalization.CultureInfo.InvariantCulture)
            if i < other.Length && other[i] = b then text else tag "mark" text

        let bytes = String.Join(' ', mine |> Array.mapi one)
        $"<code>{bytes}</code>"

    let private stateRow (d: StateDifference) : string list =
        let struct (place, expected, found) = ReportText.state d

        match d with
        | StateDifference.MemoryBytes(_, _, _, e, f) -> [ esc place; markedBytes e f; markedBytes f e ]
        | _ -> [ esc place; code expected; code found ]

    let private sideCells (s: EffectSide option) =
        match s with
        | Some s -> [ code s.Effect; code s.Reply; ReportText.count s.GasLeft ]
        | None -> [ "<span class=\"soft\">the run had ended before</span>"; ""; "" ]

    let private variants (list: Variant list) = list |> List.map (fun v -> esc (v.ToString())) |> String.concat "<br>"

    let private finding (b: StringBuilder) (f: Finding) =
        let add (html: string) = b.Append(html) |> ignore
        add "<section class=\"finding\">\n"
        add $"<h3>Class: {esc (f.Class.ToString())}</h3>\n"
        add (para (ReportText.meaningOf f))
        add $"<p><strong>What to do.</strong> {esc (ReportText.adviceOf f)}</p>\n"

        add (
            facts [
                "evidence", esc f.Evidence
                "seen in", variants f.Variants
                match f.Reference with
                | Some v -> "compared with", esc (v.ToString())
                | None -> "compared with", "the recorded receipt"
            ]
        )

        let at = if f.First.Index >= 0 then $", at effect {f.First.Index}" else ""
        let first = esc (string f.First.Component) + at

        add (
            table "The first part of the receipt that differs." [ "part"; "recorded"; "this replay" ] [
                [ first; code f.First.Recorded; code f.First.Replayed ]
            ]
        )

        match f.Effect with
        | Some e ->
            let rows = [ "expected" :: sideCells e.Expected; "found" :: sideCells e.Found ]

            add (
                table
                    $"Effect {e.Index} (counted from 0): the first request to the host that is not the same, or was not answered or charged the same."
                    [ "side"; "what the program asked"; "what it was answered"; "gas left" ]
                    rows
            )
        | None -> ()

        match f.Block with
        | Some block ->
            let name = if block.Name = "" then "it has no name" else ReportText.plain block.Name

            add "<h4>Where in the program</h4>\n"

            add (
                facts [
                    "function", $"{block.Function}, {code name}"
                    "byte of the module", code (ReportText.hex (uint64 block.Offset))
                    "source line",
                    (match block.Source with
                     | Some line -> code $"{line.File}:{line.Line}"
                     | None -> "<span class=\"soft\">the module has no debug information for this place</span>")
                    "gas", $"{ReportText.count block.GasBefore} before this block, {ReportText.count block.GasAfter} after it"
                ]
            )
        | None -> ()

        match f.State with
        | [] -> ()
        | differences ->
            add (
                table
                    "What differs first in the state after that block."
                    [ "place"; "expected"; "found" ]
                    (differences |> List.map stateRow)
            )

        match f.LastEqual with
        | Some l ->
            add "<details><summary>The last moment at which both sides were the same</summary>\n"

            add (
                facts [
                    "after effect", (if l.Effect < 0 then "none: before the first" else string l.Effect)
                    "gas used", ReportText.count l.GasUsed
                    "draft, SHA-256", code l.Draft.Text
                    "memories, SHA-256", code l.Memory.Text
                    "globals, SHA-256", code l.Globals.Text
                ]
            )

            add "</details>\n"
        | None -> ()

        if f.Note <> "" then
            add $"<p class=\"soft\">Not found out: {esc f.Note}</p>\n"

        add $"<h4>To see it again</h4>\n<pre>{esc f.Reproduce}</pre>\n</section>\n"

    let private identity (r: AuditedReceipt) =
        facts [
            match r.Digest with
            | Some d -> "receipt, SHA-256", code d.Text
            | None -> ()
            match r.ModuleHash with
            | Some h -> "module, SHA-256", code h.Text
            | None -> ()
            if r.Entry <> "" then
                "function called", code r.Entry
        ]

    let private divergence (number: int) (r: AuditedReceipt) (findings: Finding list) : string =
        let b = StringBuilder()
        let add (html: string) = b.Append(html) |> ignore
        add $"<article id=\"divergence-{number}\">\n<h3>{number}. {code r.Name}</h3>\n"
        add (identity r)
        add (matrix "How each replay of this receipt came out." (r.Replays |> List.map (fun x -> x.Variant, replayCell x)))
        findings |> List.iter (finding b)
        add "</article>\n"
        b.ToString()

    // ---- the page

    let private verdictClass (s: AuditSummary) =
        match s.ExitCode with
        | 0 -> "good"
        | 1 -> "bad"
        | _ -> "unsure"

    let private explanation (s: AuditSummary) =
        match s.ExitCode with
        | 0 -> "Every recorded run was executed again in every way listed below, and each gave the same receipt, byte for byte."
        | 1 -> "At least one recorded run, executed again, gave another receipt. The first difference of each is located below."
        | _ -> "Nothing was found to differ, but not everything could be checked, so this is no proof. The reasons are below."

    let private engine (e: AuditedEngine) =
        if e.Unavailable = "" then
            [ code e.Name; esc e.Version; "took part" ]
        else
            [ code e.Name; esc e.Version; $"<span class=\"unsure\">not used: {esc e.Unavailable}</span>" ]

    let private more (total: int64) (shown: int) =
        if total > int64 shown then
            $"<p class=\"soft\">{ReportText.count (total - int64 shown)} more are not shown here; a report as .json has all of them.</p>\n"
        else
            ""

    let private words =
        [
            "receipt",
            "what a run did, in a fixed form: the request, every request to the host with its answer, the result, gas, and digests of memory. Every machine must compute the same bytes."
            "replay",
            "the run made again from the receipt and the module alone. What the host answered from outside comes from the receipt."
            "effect", "one request of the program to its host, such as reading state or creating an output."
            "gas",
            "units of work, counted on the program's instructions by a published schedule, so that they do not depend on the machine."
            "block", "instructions that are always executed together; the smallest piece of a program that a difference is traced to."
            "engine",
            "what executes the program: our compiler, our interpreter, Wasmtime. They share how a program is read, checked and priced; each executes its instructions in its own way."
            "new and used instance",
            "an instance is a program with its memory. A used one has run before and was reset; it must behave like a new one."
        ]
        |> List.map (fun (word, meaning) -> word, esc meaning)

    /// The page. Lists are HTML already; the numbers beside them say how many there were.
    let private page (s: AuditSummary) (divergences: string seq) (unjudged: string seq) (identical: string seq) =
        let b = StringBuilder()
        let add (html: string) = b.Append(html) |> ignore
        let verdict = verdictClass s
        add "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        add "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"

        add
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"generator\" content=\"twofold audit\">\n"

        add $"<title>Audit of {esc s.Subject}: {esc (ReportText.word s)}</title>\n<style>{ReportStyle.css}</style>\n</head>\n<body>\n"
        add $"<h1>Audit of {code s.Subject}</h1>\n"

        let capital =
            if s.Sentence = "" then
                ""
            else
                s.Sentence.Substring(0, 1).ToUpperInvariant() + s.Sentence.Substring 1

        add $"<div class=\"verdict {verdict}\" role=\"status\">{esc capital}.<p>{esc (explanation s)}</p></div>\n"

        add "<h2>What was done</h2>\n"

        add (
            para
                "Recorded runs of WebAssembly programs were executed again by several engines, in new instances and in used ones, and each result was compared with the recorded receipt. A deterministic system gives the same bytes every time."
        )

        add (
            facts [
                "receipts",
                $"{ReportText.count s.Receipts}: {ReportText.count s.Identical} identical, {ReportText.count s.Diverging} diverging, {ReportText.count s.NotJudged} not judged"
                "started", esc (ReportText.time s.Started)
                "took", esc (ReportText.duration s.Elapsed)
                "machine", esc s.Machine
                "exit code", $"{s.ExitCode} (0 all identical, 1 a divergence, 2 not everything could be judged)"
            ]
        )

        add (table "Engines" [ "engine"; "version"; "part in this audit" ] (s.Engines |> List.map engine))
        add "<h2>Results in every way of running</h2>\n"
        add (matrix "Each cell: how the replays of all receipts came out." (s.Variants |> List.map (fun t -> t.Variant, totalCell t)))

        if s.Diverging > 0L then
            add "<h2 id=\"divergences\">Divergences</h2>\n"
            Seq.iter add divergences
            add (more s.Diverging (Seq.length divergences))

        if s.NotJudged > 0L then
            add "<h2 id=\"not-judged\">Receipts that could not be judged</h2>\n<ul>\n"
            Seq.iter add unjudged
            add "</ul>\n"
            add (more s.NotJudged (Seq.length unjudged))

        if s.Identical > 0L then
            add $"<h2>Identical receipts</h2>\n<details><summary>{ReportText.count s.Identical} receipts</summary>\n<ul>\n"
            Seq.iter add identical
            add "</ul>\n"
            add (more s.Identical (Seq.length identical))
            add "</details>\n"

        add "<h2>Words</h2>\n"
        add (facts words)

        add
            "<p class=\"soft\">Made by <code>twofold audit</code>. This file is complete in itself: it loads nothing and runs nothing.</p>\n</body>\n</html>\n"

        b.ToString()

    let internal sink (path: string) : IAuditSink * IDisposable =
        let full = System.IO.Path.GetFullPath path
        let divergences, unjudged, identical = List<string>(), List<string>(), List<string>()

        let sink = {
            new IAuditSink with
                member _.Add r =
                    match r.Verdict with
                    | Verdict.Diverges findings ->
                        if divergences.Count < Diverging then
                            divergences.Add(divergence (divergences.Count + 1) r findings)
                    | Verdict.CannotJudge reason ->
                        if unjudged.Count < Others then
                            unjudged.Add $"<li>{code r.Name}: {esc reason}</li>\n"
                    | Verdict.Identical digest ->
                        if identical.Count < Others then
                            identical.Add $"<li>{code r.Name} {esc r.Entry} <span class=\"soft\">{code digest.Text}</span></li>\n"

                member _.End s =
                    let folder = System.IO.Path.GetDirectoryName full
                    System.IO.Directory.CreateDirectory folder |> ignore
                    Files.writeWhole folder true full (UTF8Encoding(false).GetBytes(page s divergences unjudged identical))
        }

        sink,
        {
            new IDisposable with
                member _.Dispose() = ()
        }
