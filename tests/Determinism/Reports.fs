module Twofold.Determinism.ReportLaws

// Reports of audits: each form says everything, whatever a guest wrote into it; the page is looked at in a real browser.
// In: audits made by hand, with hostile texts in every place that a guest can write to. Out: files that are parsed again.

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.IO.Compression
open System.Text.Json
open System.Text.RegularExpressions
open System.Xml.Linq
open NUnit.Framework
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Engine.Audit

/// Markup, quotes, a control character, a bidirectional override, half a surrogate pair, XML's end of CDATA.
let private hostile =
    "</code></pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&]]>\u0000\u001b[2J\u202e"
    // Half a surrogate pair: where a text was cut. A literal cannot hold one.
    + string (char 0xD800)
    + " end"

let private hash (n: int) = Hash32.sha256 (ReadOnlySpan(BitConverter.GetBytes n))

let private variant engine instance source run : Variant = { Engine = engine; Instance = instance; Module = source; Run = run }

let private everyWay run = [
    for engine in [ "compiled"; "interpreter" ] do
        for instance in [ InstanceKind.Fresh; InstanceKind.Pooled ] do
            for source in [ ModuleKind.Cold; ModuleKind.Cached ] -> variant engine instance source run
]

let private divergence: Divergence = { Component = ReplayComponent.Reply; Index = 3; Recorded = $"\"{hostile}\""; Replayed = "\"8\"" }

let private finding (c: DivergenceClass) : Finding = {
    Class = c
    Evidence = "the fresh instance agrees with the receipt, the used one does not; " + hostile
    Variants = [ variant "interpreter" InstanceKind.Pooled ModuleKind.Cold 1 ]
    Reference = Some(variant "interpreter" InstanceKind.Fresh ModuleKind.Cold 1)
    First = divergence
    Effect = Some { Index = 3; Expected = Some { Effect = hostile; Reply = "\"7\""; GasLeft = 99_000L }; Found = None }
    LastEqual = Some { Effect = 2; GasUsed = 1_234L; Draft = hash 1; Memory = hash 2; Globals = hash 3 }
    Block =
        Some {
            Function = 12
            Name = "transfer" + hostile
            Offset = 0x1a2
            Source = Some { File = "token.rs" + hostile; Line = 17 }
            GasBefore = 1_200L
            GasAfter = 1_240L
        }
    State = [
        StateDifference.MemoryBytes(0, 1UL, 0x10010UL, [| 1uy; 2uy; 3uy |], [| 1uy; 9uy; 3uy |])
        StateDifference.Global(2, hostile, "i32 7", "i32 8")
        StateDifference.TableEntry(0, 5UL, "function 3", "null")
        StateDifference.Segment("data", 1, "dropped", "there")
        StateDifference.Object(hostile, "i31 1", "i31 2")
        StateDifference.MemorySize(0, 65536UL, 131072UL)
        StateDifference.TableSize(0, 1UL, 2UL)
    ]
    Note = "the module has no name section"
    Reproduce = "twofold audit corpus --only 0xab --engines interpreter --instances pooled --runs 1"
}

let private replays result : VariantReplay list =
    everyWay 1 |> List.map (fun v -> { Variant = v; Result = result v; Elapsed = TimeSpan.FromMilliseconds 1.5 })

let private receipt name verdict result : AuditedReceipt = {
    Name = name
    Digest = Some(hash 7)
    ModuleHash = Some(hash 8)
    Entry = "Transfer" + hostile
    Verdict = verdict
    Replays = replays result
    Elapsed = TimeSpan.FromMilliseconds 12.0
}

let private identical name = receipt name (Verdict.Identical(hash 7)) (fun _ -> ReplayResult.Identical(hash 7))

let private classes = [
    DivergenceClass.NaN
    DivergenceClass.Growth
    DivergenceClass.Stack
    DivergenceClass.Gas
    DivergenceClass.HostAnswer
    DivergenceClass.ResetLeak
    DivergenceClass.Engine
]

let private bad =
    receipt ("receipts/ab/" + hostile) (Verdict.Diverges(classes |> List.map finding)) (fun v ->
        if v.Instance = InstanceKind.Pooled && v.Engine = "interpreter" then
            ReplayResult.Differs divergence
        else
            ReplayResult.Identical(hash 7))

let private unjudged = {
    receipt "half.json" (Verdict.CannotJudge("not a receipt: " + hostile)) (fun _ -> ReplayResult.CannotJudge "x") with
        Digest = None
        ModuleHash = None
        Entry = ""
        Replays = []
}

let private summary receipts diverging notJudged : AuditSummary = {
    Subject = "corpus" + (if diverging > 0L then hostile else "")
    Started = DateTimeOffset(2026, 11, 21, 18, 0, 0, TimeSpan.Zero)
    Elapsed = TimeSpan.FromSeconds 12.5
    Receipts = receipts
    Identical = receipts - diverging - notJudged
    Diverging = diverging
    NotJudged = notJudged
    Engines = [
        { Name = "compiled"; Version = "1"; Unavailable = "" }
        { Name = "interpreter"; Version = "1"; Unavailable = "" }
        { Name = "wasmtime"; Version = ""; Unavailable = "the library was not found; " + hostile }
    ]
    Variants = [
        for v in everyWay 0 ->
            {
                Variant = v
                Replays = receipts
                Identical = receipts - diverging
                Diverging = diverging
                NotJudged = 0L
                Elapsed = TimeSpan.FromSeconds 1.0
            }
    ]
    Complete = true
    Machine = ".NET 10, Linux, x64"
}

let private whole = [ identical "receipts/01"; bad; unjudged ], summary 3L 1L 1L
let private clean = [ identical "receipts/01"; identical "receipts/02" ], summary 2L 0L 0L

let private inFolder (work: string -> unit) =
    let folder = Directory.CreateTempSubdirectory("twofold-report-").FullName

    try
        work folder
    finally
        Directory.Delete(folder, true)

let private create path =
    match Reports.create path with
    | Ok report -> report
    | Error why -> failwith why

let private writeTo path (receipts: AuditedReceipt list, summary: AuditSummary) =
    use report = create path
    let sink = report :> IAuditSink
    receipts |> List.iter sink.Add
    sink.End summary

let private written extension audit : string =
    let mutable text = ""

    inFolder (fun folder ->
        let path = Path.Combine(folder, "new", "report" + extension)
        writeTo path audit
        Assert.That(Directory.GetFiles(Path.GetDirectoryName path), Has.Length.EqualTo 1, "nothing but the report stays")
        text <- File.ReadAllText path)

    text

// ---- JSON

[<Test>]
let ``the JSON has every part, unchanged`` () =
    use json = JsonDocument.Parse(written ".json" whole)
    let root = json.RootElement
    let text (e: JsonElement) (name: string) = e.GetProperty(name).GetString()
    Assert.That(root.GetProperty("twofoldAudit").GetInt32(), Is.EqualTo 1)
    Assert.That(root.GetProperty("exitCode").GetInt32(), Is.EqualTo 1)
    Assert.That(text root "verdict", Is.EqualTo "diverges")
    Assert.That(root.GetProperty("engines").GetArrayLength(), Is.EqualTo 3)
    Assert.That(root.GetProperty("variants").GetArrayLength(), Is.EqualTo 8)
    let results = root.GetProperty "results"
    Assert.That(results.GetArrayLength(), Is.EqualTo 3)
    Assert.That([ for r in results.EnumerateArray() -> text r "verdict" ] = [ "identical"; "diverges"; "cannot judge" ])
    let findings = results[1].GetProperty "findings"
    Assert.That([ for f in findings.EnumerateArray() -> text f "class" ] = (classes |> List.map string))
    let first = findings[0]
    Assert.That(text (first.GetProperty "first") "component", Is.EqualTo "Reply")
    // Half a surrogate pair cannot be UTF-8; everything else arrives as the guest wrote it.
    Assert.That(text (first.GetProperty("effect").GetProperty "expected") "effect", Is.EqualTo(hostile.Replace(char 0xD800, '\ufffd')))
    Assert.That(first.GetProperty("effect").GetProperty("found").ValueKind, Is.EqualTo JsonValueKind.Null)
    Assert.That(first.GetProperty("block").GetProperty("line").GetInt32(), Is.EqualTo 17)
    Assert.That(first.GetProperty("state").GetArrayLength(), Is.EqualTo 7)
    Assert.That(text (first.GetProperty("state").[0]) "found", Is.EqualTo "0x010903")
    Assert.That(results[1].GetProperty("replays").GetArrayLength(), Is.EqualTo 8)

[<Test>]
let ``an audit of nothing is a document too`` () =
    let nothing = [], summary 0L 0L 0L
    use json = JsonDocument.Parse(written ".json" nothing)
    Assert.That(json.RootElement.GetProperty("exitCode").GetInt32(), Is.EqualTo 2)
    Assert.That(json.RootElement.GetProperty("results").GetArrayLength(), Is.EqualTo 0)
    XDocument.Parse(written ".xml" nothing) |> ignore
    Assert.That(written ".html" nothing, Does.Contain "no receipt to audit")

// ---- JUnit

/// What readers of JUnit agree on: the elements, in what they may stand, the attributes they have (! must) and text only in the last ones.
let private shape: Map<string, string list * string list> =
    Map [
        "testsuites", ([ "testsuite" ], [ "name"; "tests"; "failures"; "errors"; "time" ])
        "testsuite", ([ "properties"; "testcase" ], [ "!name"; "!tests"; "!failures"; "!errors"; "skipped"; "time"; "timestamp" ])
        "properties", ([ "property" ], [])
        "property", ([], [ "!name"; "!value" ])
        "testcase", ([ "failure"; "error" ], [ "!name"; "!classname"; "time" ])
        "failure", ([], [ "type"; "message" ])
        "error", ([], [ "type"; "message" ])
    ]

let rec private checkShape (e: XElement) =
    let children, attributes = shape[e.Name.LocalName]

    for a in e.Attributes() do
        Assert.That(attributes |> List.exists (fun n -> n.TrimStart '!' = a.Name.LocalName), $"{e.Name} has {a.Name}")

    for name in attributes do
        if name.StartsWith '!' then
            Assert.That(e.Attribute(XName.Get(name.Substring 1)), Is.Not.Null, $"{e.Name} without {name}")

    for child in e.Elements() do
        Assert.That(List.contains child.Name.LocalName children, $"{child.Name} in {e.Name}")
        checkShape child

    for time in e.Attributes(XName.Get "time") do
        Assert.That(Regex.IsMatch(time.Value, @"^\d+\.\d{3}$"), time.Value)

[<Test>]
let ``the JUnit form is what CI servers read`` () =
    let document = XDocument.Parse(written ".xml" whole)
    checkShape document.Root
    let suite = document.Root.Element(XName.Get "testsuite")
    let cases = suite.Elements(XName.Get "testcase") |> List.ofSeq
    let value (e: XElement) (name: string) = e.Attribute(XName.Get name).Value
    Assert.That(cases.Length, Is.EqualTo 3)
    Assert.That(value suite "tests", Is.EqualTo "3")
    Assert.That(value suite "failures", Is.EqualTo "1")
    Assert.That(value suite "errors", Is.EqualTo "1")
    let failure = cases[1].Element(XName.Get "failure")
    Assert.That(value failure "type", Is.EqualTo "NaN")
    Assert.That(failure.Value, Does.Contain "byte 0x1a2 of the module")
    Assert.That(failure.Value, Does.Contain "twofold audit corpus --only 0xab")
    Assert.That(failure.Value, Does.Contain "\\u202e\\ud800")
    Assert.That(cases[2].Element(XName.Get "error"), Is.Not.Null)
    checkShape (XDocument.Parse(written ".xml" clean)).Root

// ---- HTML

let private voids = set [ "meta"; "br"; "img"; "link"; "hr"; "input" ]

/// Every element that is opened is closed, in order; the elements that there are.
let private elements (html: string) : string list =
    let html = Regex.Replace(html, "<style>.*?</style>", "", RegexOptions.Singleline)
    let stack = Stack<string>()

    [
        for m in Regex.Matches(html, @"<(/?)([a-zA-Z!][a-zA-Z0-9]*)([^<>]*)>") do
            let name = m.Groups[2].Value.ToLowerInvariant()

            if name <> "!doctype" then
                if m.Groups[1].Value = "/" then
                    Assert.That(stack.Count > 0 && stack.Pop() = name, $"</{name}> at {m.Index}")
                else
                    name

                    if not (voids.Contains name) then
                        stack.Push name

        Assert.That(stack, Is.Empty)
    ]

[<Test>]
let ``the page is whole, and no guest writes markup into it`` () =
    for audit in [ whole; clean ] do
        let html = written ".html" audit
        let used = elements html |> Set.ofList
        Assert.That(Set.isEmpty (Set.intersect used (set [ "script"; "img"; "link"; "iframe"; "object"; "input" ])), $"%A{used}")
        Assert.That(Regex.IsMatch(html, @"\son\w+\s*=\s*[""']"), Is.False, "an event handler")
        Assert.That(Regex.IsMatch(html, @"(https?:|url\(|@import|src=[""'])"), Is.False, "something from elsewhere")

    let html = written ".html" whole

    for part in
        [
            "&lt;script&gt;"
            "\\u202e"
            "token.rs"
            "0x1a2"
            "1 of 3 receipts diverge"
            "<mark>09</mark>"
            "twofold audit corpus --only 0xab"
            "not used: the library was not found"
            "half.json"
        ] do
        Assert.That(html, Does.Contain part)

    for c in classes do
        Assert.That(html, Does.Contain(Net.WebUtility.HtmlEncode(ReportText.advice c)))

    Assert.That(written ".html" clean, Does.Contain "All 2 receipts are identical in every replay.")

[<Test>]
let ``a receipt that no replay agrees with is told apart from engines that differ`` () =
    let alone = { finding DivergenceClass.Engine with Reference = None }
    let receipt = { bad with Verdict = Verdict.Diverges [ alone ] }

    for form in [ ".html"; ".xml" ] do
        let text = written form ([ receipt ], summary 1L 1L 0L)
        Assert.That(text, Does.Contain "Find out what made the receipt", form)
        Assert.That(text, Does.Not.Contain "The two engines executed", form)

[<Test>]
let ``very many receipts make a page of bounded size and a document of all`` () =
    inFolder (fun folder ->
        let html, json, xml = Path.Combine(folder, "a.html"), Path.Combine(folder, "a.json"), Path.Combine(folder, "a.xml")
        let count = 5_000

        do
            use a = create html
            use b = create json
            use c = create xml

            for sink in [ a :> IAuditSink; b; c ] do
                for i in 1..count do
                    sink.Add(if i % 10 = 0 then { bad with Name = string i } else identical (string i))

                sink.End(summary (int64 count) (int64 (count / 10)) 0L)

        let text = File.ReadAllText html
        Assert.That(text, Does.Contain "300 more are not shown here")
        Assert.That(text, Does.Contain "3,500 more are not shown here")
        use document = JsonDocument.Parse(File.ReadAllText json)
        Assert.That(document.RootElement.GetProperty("results").GetArrayLength(), Is.EqualTo count)
        Assert.That(XDocument.Load(xml).Descendants(XName.Get "testcase") |> Seq.length, Is.EqualTo count))

[<Test>]
let ``an audit that is given up leaves no report`` () =
    inFolder (fun folder ->
        for extension in [ ".html"; ".json"; ".xml" ] do
            do
                use report = create (Path.Combine(folder, "a" + extension))
                (report :> IAuditSink).Add bad

            Assert.That(Directory.GetFiles folder, Is.Empty, extension)

        for name, said in [ "a.pdf", ".html, .json, .xml"; "plain", "ends in" ] do
            match Reports.create (Path.Combine(folder, name)) with
            | Ok _ -> Assert.Fail name
            | Error why -> Assert.That(why, Does.Contain said))

[<Test>]
let ``numbers in reports do not follow the culture`` () =
    let before = Globalization.CultureInfo.CurrentCulture

    try
        let odd = Globalization.CultureInfo.InvariantCulture.Clone() :?> Globalization.CultureInfo
        odd.NumberFormat.NumberDecimalSeparator <- ","
        odd.NumberFormat.NumberGroupSeparator <- "."
        odd.NumberFormat.NegativeSign <- "~"
        let plain = [ for form in [ ".html"; ".json"; ".xml" ] -> written form whole ]
        Globalization.CultureInfo.CurrentCulture <- odd
        Assert.That([ for form in [ ".html"; ".json"; ".xml" ] -> written form whole ] = plain)
    finally
        Globalization.CultureInfo.CurrentCulture <- before

// ---- a browser

let private chromium =
    [ "/usr/bin/chromium"; "/usr/bin/chromium-browser"; "/usr/bin/google-chrome" ] |> List.tryFind File.Exists

let private browse (folder: string) (args: string list) : string =
    let common = [
        "--headless"
        "--no-sandbox"
        "--disable-gpu"
        "--disable-dev-shm-usage"
        "--no-first-run"
        $"--user-data-dir={folder}/profile"
    ]

    let info =
        ProcessStartInfo(
            chromium.Value,
            common @ args,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false
        )

    use p = Process.Start info
    let errors = p.StandardError.ReadToEndAsync()
    let output = p.StandardOutput.ReadToEndAsync()

    if not (p.WaitForExit 60_000) then
        p.Kill true
        Assert.Fail("the browser did not end: " + errors.Result)

    output.Result

/// The bytes of a picture's rows, still filtered: all we ask is whether there is something on it.
let private pixels (png: byte[]) : byte[] =
    use data = new MemoryStream()
    let mutable at = 8

    while at + 8 < png.Length do
        let length = Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(png, at, 4))

        if Text.Encoding.ASCII.GetString(png, at + 4, 4) = "IDAT" then
            data.Write(png, at + 8, length)

        at <- at + 12 + length

    data.Position <- 0L
    use inflated = new ZLibStream(data, CompressionMode.Decompress)
    use rows = new MemoryStream()
    inflated.CopyTo rows
    rows.ToArray()

[<Test>]
let ``a browser shows the page`` () =
    if chromium.IsNone then
        Assert.Ignore "no chromium on this machine: the page is not looked at"

    inFolder (fun folder ->
        let page = Path.Combine(folder, "report.html")
        writeTo page whole
        let dom = browse folder [ "--dump-dom"; $"file://{page}" ]
        Assert.That(dom, Does.Contain "1 of 3 receipts diverge")
        // A guest's text is text: the browser made no element of it, and ran nothing.
        Assert.That(dom, Does.Not.Contain "<script")
        Assert.That(dom, Does.Not.Contain "<img")
        Assert.That(dom, Does.Contain "&lt;script&gt;alert(1)")
        let picture = Path.Combine(folder, "report.png")
        browse folder [ $"--screenshot={picture}"; "--window-size=1100,3000"; "--hide-scrollbars"; $"file://{page}" ] |> ignore
        let bytes = File.ReadAllBytes picture
        Assert.That(bytes.Length, Is.GreaterThan 50_000)
        Assert.That(Array.distinct (pixels bytes), Has.Length.GreaterThan 100))
