namespace Twofold.Engine.Audit

// An audit as JUnit XML, for CI servers: one test case for each receipt; a divergence is a failure, what cannot be judged an error.
// In: an audit's receipts and its summary. Out: XML that Jenkins' schema (junit-10) accepts; GitLab, GitHub's and Azure's readers take the same.

open System
open System.IO
open System.Text
open System.Xml
open Twofold.Engine

module ReportJUnit =
    let private settings =
        XmlWriterSettings(
            Indent = true,
            NewLineChars = "\n",
            OmitXmlDeclaration = true,
            ConformanceLevel = ConformanceLevel.Fragment,
            CloseOutput = false
        )

    let private attribute (w: XmlWriter) (name: string) (value: string) = w.WriteAttributeString(name, ReportText.plain value)

    /// Failures are read in CI's narrow boxes: the first sentence there, the rest in the text.
    let private failure (w: XmlWriter) (findings: Finding list) =
        w.WriteStartElement "failure"
        let first = List.tryHead findings
        attribute w "type" (first |> Option.map (fun f -> f.Class.ToString()) |> Option.defaultValue "engine")
        attribute w "message" (first |> Option.map (fun f -> f.First.ToString()) |> Option.defaultValue "diverges")
        let text = findings |> List.map (ReportText.finding >> String.concat "\n") |> String.concat "\n\n"
        w.WriteString("\n" + text + "\n")
        w.WriteEndElement()

    let private testCase (w: XmlWriter) (r: AuditedReceipt) =
        w.WriteStartElement "testcase"
        attribute w "name" (if r.Entry = "" then r.Name else $"{r.Entry} ({r.Name})")

        attribute
            w
            "classname"
            (match r.ModuleHash with
             | Some hash -> $"module {hash.Text.Substring(0, 18)}"
             | None -> "unreadable")

        attribute w "time" (ReportText.seconds r.Elapsed)

        match r.Verdict with
        | Verdict.Identical _ -> ()
        | Verdict.Diverges findings -> failure w findings
        | Verdict.CannotJudge reason ->
            w.WriteStartElement "error"
            attribute w "type" "cannot judge"
            attribute w "message" reason
            w.WriteEndElement()

        w.WriteEndElement()

    let private totals (w: XmlWriter) (s: AuditSummary) =
        attribute w "tests" (string s.Receipts)
        attribute w "failures" (string s.Diverging)
        attribute w "errors" (string s.NotJudged)
        attribute w "time" (ReportText.seconds s.Elapsed)

    let private properties (w: XmlWriter) (s: AuditSummary) =
        let property (name: string) (value: string) =
            w.WriteStartElement "property"
            attribute w "name" name
            attribute w "value" value
            w.WriteEndElement()

        w.WriteStartElement "properties"
        property "verdict" s.Sentence
        property "subject" s.Subject
        property "complete" (if s.Complete then "true" else "false")
        property "machine" s.Machine

        for e in s.Engines do
            property $"engine {e.Name}" (if e.Unavailable = "" then e.Version else $"not available: {e.Unavailable}")

        for t in s.Variants do
            property
                $"replays {t.Variant}"
                $"{t.Replays} replays, {t.Identical} identical, {t.Diverging} diverging, {t.NotJudged} not judged, {ReportText.seconds t.Elapsed} s"

        w.WriteEndElement()

    // The spooled middle is a fragment; the head is written with an open end, which an XmlWriter cannot do by itself.
    let private open' (w: TextWriter) (s: AuditSummary) =
        let text = StringBuilder()

        do
            use x = XmlWriter.Create(text, settings)
            x.WriteStartElement "testsuites"
            attribute x "name" "twofold audit"
            totals x s
            x.WriteStartElement "testsuite"
            attribute x "name" s.Subject
            totals x s
            attribute x "skipped" "0"
            attribute x "timestamp" (ReportText.timestamp s.Started)
            properties x s
            x.WriteEndElement()
            x.WriteEndElement()

        w.Write "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
        let text = text.ToString()
        w.Write(text.Substring(0, text.LastIndexOf("</testsuite>", StringComparison.Ordinal)).TrimEnd())

    let internal sink (path: string) : IAuditSink * IDisposable =
        let spool = new Spool(path)

        let sink = {
            new IAuditSink with
                member _.Add r =
                    spool.Writer.Write "\n"
                    use w = XmlWriter.Create(spool.Writer, settings)
                    testCase w r

                member _.End s = spool.Finish((fun w -> open' w s), (fun w -> w.Write "\n  </testsuite>\n</testsuites>\n"))
        }

        sink, spool
