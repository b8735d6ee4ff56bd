namespace Twofold.Engine.Audit

// An audit as one JSON document (docs/REPORTS.md describes it). Receipts stand in it in the order of the audit, however many there are.
// In: an audit's receipts and its summary. Out: JSON.

open System
open System.IO
open System.Text.Json
open Twofold.Engine

module ReportJson =
    /// The document's version: a change that a reader must know of makes it 2.
    [<Literal>]
    let Version = 1

    let private variant (w: Utf8JsonWriter) (v: Variant) =
        w.WriteString("engine", v.Engine)
        w.WriteString("instance", v.Instance.ToString())
        w.WriteString("module", v.Module.ToString())

    let private milliseconds (w: Utf8JsonWriter) (t: TimeSpan) = w.WriteNumber("elapsedMilliseconds", Math.Round(t.TotalMilliseconds, 3))

    let private side (w: Utf8JsonWriter) (name: string) (s: EffectSide option) =
        match s with
        | None -> w.WriteNull name
        | Some s ->
            Write.object w name (fun () ->
                w.WriteString("effect", s.Effect)
                w.WriteString("reply", s.Reply)
                Write.i64 w "gasLeft" s.GasLeft)

    let private difference (w: Utf8JsonWriter) (d: Divergence) =
        Write.object w "first" (fun () ->
            w.WriteString("component", string d.Component)
            w.WriteNumber("index", d.Index)
            w.WriteString("recorded", d.Recorded)
            w.WriteString("replayed", d.Replayed))

    let private state (w: Utf8JsonWriter) (d: StateDifference) =
        let kind (name: string) = w.WriteString("kind", name)

        let both (expected: string) (found: string) =
            w.WriteString("expected", expected)
            w.WriteString("found", found)

        let sizes (expected: uint64) (found: uint64) =
            Write.u64 w "expected" expected
            Write.u64 w "found" found

        match d with
        | StateDifference.MemorySize(memory, expected, found) ->
            kind "memory size"
            w.WriteNumber("memory", memory)
            sizes expected found
        | StateDifference.MemoryBytes(memory, page, address, expected, found) ->
            kind "memory"
            w.WriteNumber("memory", memory)
            Write.u64 w "page" page
            Write.u64 w "address" address
            both ("0x" + Convert.ToHexStringLower expected) ("0x" + Convert.ToHexStringLower found)
        | StateDifference.Global(index, name, expected, found) ->
            kind "global"
            w.WriteNumber("index", index)
            w.WriteString("name", name)
            both expected found
        | StateDifference.TableSize(table, expected, found) ->
            kind "table size"
            w.WriteNumber("table", table)
            sizes expected found
        | StateDifference.TableEntry(table, index, expected, found) ->
            kind "table"
            w.WriteNumber("table", table)
            Write.u64 w "index" index
            both expected found
        | StateDifference.Segment(segment, index, expected, found) ->
            kind "segment"
            w.WriteString("of", segment)
            w.WriteNumber("index", index)
            both expected found
        | StateDifference.Object(path, expected, found) ->
            kind "object"
            w.WriteString("path", path)
            both expected found

    let private block (w: Utf8JsonWriter) (b: CodeBlock) =
        Write.object w "block" (fun () ->
            w.WriteNumber("function", b.Function)
            w.WriteString("name", b.Name)
            w.WriteNumber("offset", b.Offset)

            b.Source
            |> Option.iter (fun line ->
                w.WriteString("file", line.File)
                w.WriteNumber("line", line.Line))

            Write.i64 w "gasBefore" b.GasBefore
            Write.i64 w "gasAfter" b.GasAfter)

    let private finding (w: Utf8JsonWriter) (f: Finding) =
        w.WriteString("class", f.Class.ToString())
        w.WriteString("evidence", f.Evidence)
        difference w f.First

        f.Effect
        |> Option.iter (fun e ->
            Write.object w "effect" (fun () ->
                w.WriteNumber("index", e.Index)
                side w "expected" e.Expected
                side w "found" e.Found))

        f.LastEqual
        |> Option.iter (fun l ->
            Write.object w "lastEqual" (fun () ->
                w.WriteNumber("effect", l.Effect)
                Write.i64 w "gasUsed" l.GasUsed
                Write.hash w "draft" l.Draft
                Write.hash w "memory" l.Memory
                Write.hash w "globals" l.Globals))

        f.Block |> Option.iter (block w)
        Write.array w "state" f.State (fun d -> Write.item w (fun () -> state w d))

        let run (v: Variant) =
            variant w v
            w.WriteNumber("run", v.Run)

        Write.array w "variants" f.Variants (fun v -> Write.item w (fun () -> run v))
        f.Reference |> Option.iter (fun v -> Write.object w "reference" (fun () -> run v))
        w.WriteString("note", f.Note)
        w.WriteString("reproduce", f.Reproduce)

    let private replay (w: Utf8JsonWriter) (r: VariantReplay) =
        variant w r.Variant
        w.WriteNumber("run", r.Variant.Run)

        match r.Result with
        | ReplayResult.Identical _ -> w.WriteString("result", "identical")
        | ReplayResult.Differs d ->
            w.WriteString("result", "differs")
            difference w d
        | ReplayResult.CannotJudge reason ->
            w.WriteString("result", "cannot judge")
            w.WriteString("reason", reason)

        milliseconds w r.Elapsed

    /// One receipt's result, as the properties of the object that is open.
    let receipt (w: Utf8JsonWriter) (r: AuditedReceipt) : unit =
        w.WriteString("name", r.Name)
        r.Digest |> Option.iter (Write.hash w "digest")
        r.ModuleHash |> Option.iter (Write.hash w "module")
        w.WriteString("entry", r.Entry)
        w.WriteString("verdict", ReportText.verdict r.Verdict)
        milliseconds w r.Elapsed

        match r.Verdict with
        | Verdict.Identical _ -> ()
        | Verdict.CannotJudge reason -> w.WriteString("reason", reason)
        | Verdict.Diverges findings -> Write.array w "findings" findings (fun f -> Write.item w (fun () -> finding w f))

        Write.array w "replays" r.Replays (fun r -> Write.item w (fun () -> replay w r))

    /// The sums, as the properties of the object that is open.
    let summary (w: Utf8JsonWriter) (s: AuditSummary) : unit =
        w.WriteNumber("twofoldAudit", Version)
        w.WriteNumber("exitCode", s.ExitCode)
        w.WriteString("verdict", ReportText.word s)
        w.WriteString("sentence", s.Sentence)
        w.WriteString("subject", s.Subject)
        w.WriteString("started", ReportText.timestamp s.Started)
        milliseconds w s.Elapsed
        w.WriteBoolean("complete", s.Complete)
        w.WriteNumber("receipts", s.Receipts)
        w.WriteNumber("identical", s.Identical)
        w.WriteNumber("diverging", s.Diverging)
        w.WriteNumber("notJudged", s.NotJudged)
        w.WriteString("machine", s.Machine)

        Write.array w "engines" s.Engines (fun e ->
            Write.item w (fun () ->
                w.WriteString("name", e.Name)
                w.WriteString("version", e.Version)

                if e.Unavailable <> "" then
                    w.WriteString("unavailable", e.Unavailable)))

        Write.array w "variants" s.Variants (fun t ->
            Write.item w (fun () ->
                variant w t.Variant
                w.WriteNumber("replays", t.Replays)
                w.WriteNumber("identical", t.Identical)
                w.WriteNumber("diverging", t.Diverging)
                w.WriteNumber("notJudged", t.NotJudged)
                milliseconds w t.Elapsed))

    let private objectOf (body: Utf8JsonWriter -> unit) = Write.line (fun w -> Write.item w (fun () -> body w))

    /// A document in a file. The summary comes first, then `results`, one receipt a line.
    let internal sink (path: string) : IAuditSink * IDisposable =
        let spool = new Spool(path)
        let mutable first = true

        let sink = {
            new IAuditSink with
                member _.Add r =
                    spool.Writer.Write(if first then "\n" else ",\n")
                    first <- false
                    spool.Writer.Write(objectOf (fun w -> receipt w r))

                member _.End s =
                    let head (w: TextWriter) =
                        // The summary's object stays open for `results`.
                        w.Write((Write.toText (fun w -> summary w s)).TrimEnd().TrimEnd('}').TrimEnd())
                        w.Write ",\n  \"results\": ["

                    spool.Finish(head, (fun w -> w.Write "\n  ]\n}\n"))
        }

        sink, spool
