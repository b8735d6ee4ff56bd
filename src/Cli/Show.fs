namespace Twofold.Cli

// Reports for people: outcome, gas, the draft with its change, events.
// In: a report. Out: lines of text; `--json` shows the same facts in full.

open System
open System.Globalization
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Engine.Audit

module Show =
    let private culture = CultureInfo.InvariantCulture
    let count (n: int64) = n.ToString("#,0", culture)
    let private amount (n: uint64) = n.ToString("#,0", culture)

    /// A guest's text in one line that a terminal can only print.
    let plain (text: string) = ReportText.spellOut ReportText.movesText text

    /// Harmless text as it is, other bytes in hexadecimal; not more than a line or two.
    let bytes (data: byte[]) =
        let text =
            match Utf8.tryText (ReadOnlySpan data) with
            | ValueSome t when not (Seq.exists ReportText.movesText t) -> t
            | _ -> Hex.text (ReadOnlySpan data)

        if text.Length <= 200 then text else text.Substring(0, 200) + $"... ({count data.LongLength} bytes)"

    /// A result, whole: its text if that is harmless (lines and tabs are), else hexadecimal.
    let result (data: byte[]) =
        let moves (c: char) = c <> '\n' && c <> '\r' && c <> '\t' && ReportText.movesText c

        match Utf8.tryText (ReadOnlySpan data) with
        | ValueSome t when not (Seq.exists moves t) -> t
        | _ -> Hex.text (ReadOnlySpan data)

    let private token (t: TokenId) =
        match t with
        | TokenId.Native -> "native coin"
        | TokenId.Of(_, name) -> plain name

    let private lock (l: Lock) =
        match l with
        | Lock.None -> ""
        | Lock.Time opens -> $", locked until time {opens}"
        | Lock.Height opens -> $", locked until height {opens}"
        | Lock.Threshold(required, members) -> $", locked to {required} of {members.Length} members"
        | Lock.Delegation(delegatee, until) -> $", delegated to {delegatee}" + (if until = 0UL then "" else $" until time {until}")
        | Lock.Contract contract -> $", locked to contract {contract}"

    /// What is given back: an output to one whose inputs of that token were spent.
    let private isChange (draft: Draft) (o: AssetOutput) =
        draft.Inputs.Values |> Seq.exists (fun u -> u.Owner = o.Owner && u.Token = o.Token)

    let private section name (lines: string list) = if lines.IsEmpty then [] else $"  {name}" :: (lines |> List.map (fun l -> "    " + l))

    let private width (numbers: uint64 seq) = numbers |> Seq.map (fun n -> (amount n).Length) |> Seq.append [ 1 ] |> Seq.max

    /// A draft, part by part; empty parts are left out.
    let draft (d: Draft) : string list =
        let inputs = List.ofSeq d.Inputs.Values
        let outputs = List.ofSeq d.Outputs.Values
        let w = width (Seq.append (inputs |> Seq.map _.Amount) (outputs |> Seq.map _.Amount))
        let sum (t: TokenId, n: uint64) = $"{amount n} {token t}"

        [
            yield!
                section "inputs" [
                    for u in inputs ->
                        $"{(amount u.Amount).PadLeft w} {token u.Token} of {u.Owner}{lock u.Lock}, from {u.Id.Transaction.Text.Substring(0, 10)}...:{u.Id.Index}"
                ]
            yield!
                section "outputs" [
                    for o in outputs ->
                        $"{(amount o.Amount).PadLeft w} {token o.Token} to {o.Owner}{lock o.Lock}"
                        + (if isChange d o then " (change)" else "")
                ]
            yield! section "minted" (d.Minted |> Map.toList |> List.map sum)
            yield! section "burned" (d.Burned |> Map.toList |> List.map sum)
            yield!
                section "writes" [
                    for KeyValue(key, write) in d.Writes ->
                        match write with
                        | StateWrite.Put value -> $"{bytes key.Bytes} = {bytes value}"
                        | StateWrite.Delete -> $"{bytes key.Bytes} deleted"
                ]
            yield! section "events" [ for e in d.Events.Items -> $"{plain e.Name} {bytes e.Data}" ]
            yield! section "state outputs" [ for o in d.StateOutputs.Items -> $"{bytes o.Id} version {o.Version}, hash {o.Hash}" ]
            yield!
                section "resource outputs" [ for o in d.ResourceOutputs.Items -> $"{o.Kind.ToString().ToLowerInvariant()}, hash {o.Hash}" ]
        ]

    let private limit (gas: int64) = if gas = Profile.UnlimitedGas then "" else $" of {count gas}"

    /// How a run ended, in its convention's words.
    let outcome (receipt: Receipt) (message: string) =
        match receipt.Outcome, receipt.Request.Convention with
        | Outcome.Returned _, Convention.Contract -> "succeeded (status 0)"
        | _ -> plain message

    /// The report of a contract call or of any export's.
    let report (r: ExecutionReport) (kept: string list) : string =
        let receipt = r.Receipt

        String.Join(
            Environment.NewLine,
            [
                $"outcome    {outcome receipt r.Message}"
                $"gas        {count receipt.GasUsed}{limit receipt.Request.Policy.Gas}"
                if receipt.ReturnData.Length > 0 then
                    $"returned   {bytes receipt.ReturnData}"
                match receipt.Draft with
                | Some d ->
                    match draft d with
                    | [] -> "draft      empty"
                    | lines ->
                        "draft"
                        yield! lines
                | None -> "draft      dropped: nothing changes"
                for level, text in r.Log do
                    $"log {level}      {plain text}"
                $"journal    {receipt.Journal.Length} effects"
                $"receipt    {r.ReceiptDigest}"
                for line in kept do
                    $"           {line}"
            ]
        )

    /// One JSON document.
    let json (body: Utf8JsonWriter -> unit) : string =
        use stream = new MemoryStream()

        do
            use w =
                new Utf8JsonWriter(stream, JsonWriterOptions(Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping))

            w.WriteStartObject()
            body w
            w.WriteEndObject()

        Encoding.UTF8.GetString(stream.ToArray())

    let reportJson (code: int) (r: ExecutionReport) : string =
        json (fun w ->
            w.WriteNumber("exitCode", code)
            w.WriteString("message", r.Message)
            w.WriteString("receiptDigest", r.ReceiptDigest.Text)
            w.WriteNumber("elapsedMilliseconds", Math.Round(r.Elapsed.TotalMilliseconds, 3))
            w.WriteNumber("runMilliseconds", Math.Round(r.RunTime.TotalMilliseconds, 3))
            w.WriteString("engine", $"{r.Engine} {r.EngineVersion}")
            w.WriteString("runtime", r.Runtime)
            w.WriteStartArray "log"

            for level, text in r.Log do
                w.WriteStartObject()
                w.WriteNumber("level", level)
                w.WriteString("text", text)
                w.WriteEndObject()

            w.WriteEndArray()

            if r.Receipt.Output.IsSome then
                r.ExitStatus |> Option.iter (fun status -> w.WriteNumber("exitStatus", status))
                Json.writeBytes w "output" r.Output
                Json.writeBytes w "errorOutput" r.ErrorOutput

            w.WritePropertyName "receipt"
            w.WriteRawValue(ReceiptJson.toJson r.Receipt))

    let private word (r: Rejected) =
        match r.Kind with
        | RejectKind.Malformed -> "malformed"
        | RejectKind.Invalid -> "invalid"
        | RejectKind.Feature _ -> "feature"
        | RejectKind.Limit -> "limit"
        | RejectKind.Link -> "link"
        | RejectKind.Component -> "component"
        | RejectKind.Request -> "request"

    /// A refusal's parts, as properties of the object that is open.
    let rejection (w: Utf8JsonWriter) (r: Rejected) =
        w.WriteString("kind", word r)
        w.WriteString("message", r.Message)
        w.WriteString("where", r.Where)

        if r.Offset >= 0 then
            w.WriteNumber("offset", r.Offset)

        w.WriteString("expected", r.Expected)
        w.WriteString("found", r.Found)
