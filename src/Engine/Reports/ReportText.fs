namespace Twofold.Engine.Audit

// Words and numbers that all forms of a report share: what each class of divergence means, what to do, and text of guests made harmless.
// In: values of an audit. Out: text; the same in every culture.

open System
open System.Globalization
open System.Text
open Twofold.Engine

module ReportText =
    let private culture = CultureInfo.InvariantCulture

    /// What could forge a line of ours, move a terminal's cursor, or turn text around.
    let internal movesText (c: char) =
        match Char.GetUnicodeCategory c with
        | UnicodeCategory.Control
        | UnicodeCategory.Format
        | UnicodeCategory.LineSeparator
        | UnicodeCategory.ParagraphSeparator
        | UnicodeCategory.Surrogate -> true
        | _ -> false

    /// Text with some of its characters spelt out, `\uXXXX`.
    let internal spellOut (isUnsafe: char -> bool) (text: string) : string =
        if Seq.exists isUnsafe text then
            let b = StringBuilder(text.Length + 16)

            for c in text do
                if isUnsafe c then
                    b.Append("\\u").Append((int c).ToString("x4", culture)) |> ignore
                else
                    b.Append c |> ignore

            b.ToString()
        else
            text

    let private isUnprintable (c: char) = movesText c || Char.GetUnicodeCategory c = UnicodeCategory.OtherNotAssigned || c >= '\uFFFE'

    /// Text from anywhere with what cannot be printed, moves a cursor or turns text around spelt out. Characters beyond the basic plane come in
    /// pairs of surrogates and are spelt out with them; XML's forbidden characters are among these.
    let plain (text: string) : string = if isNull text then "" else spellOut isUnprintable text

    /// The same, and not more of it than a page can take; `--report x.json` has all of it.
    let short (text: string) : string =
        let most = 4000

        if isNull text || text.Length <= most then
            plain text
        else
            $"{plain (text.Substring(0, most))}... ({text.Length} characters)"

    let count (n: int64) : string = n.ToString("#,0", culture)

    /// Seconds with a point, as machines read them.
    let seconds (t: TimeSpan) : string = t.TotalSeconds.ToString("0.000", culture)

    /// A duration for people.
    let duration (t: TimeSpan) : string =
        if t.TotalMilliseconds < 1.0 then (t.TotalMicroseconds).ToString("0", culture) + " µs"
        elif t.TotalSeconds < 1.0 then t.TotalMilliseconds.ToString("0.0", culture) + " ms"
        elif t.TotalSeconds < 120.0 then t.TotalSeconds.ToString("0.0", culture) + " s"
        else t.TotalMinutes.ToString("0.0", culture) + " min"

    let time (t: DateTimeOffset) : string = t.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss 'UTC'", culture)

    /// ISO 8601, as machines read it.
    let timestamp (t: DateTimeOffset) : string = t.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", culture)

    let hex (n: uint64) : string = "0x" + n.ToString("x", culture)
    let hexBytes (bytes: byte[]) : string = String.Join(' ', bytes |> Array.map (fun b -> b.ToString("x2", culture)))

    /// What a class of divergence means to somebody who sees it for the first time.
    let meaning (c: DivergenceClass) : string =
        match c with
        | DivergenceClass.NaN ->
            "The two runs computed the same floating-point results, but a 'not a number' has other bits in one of them, and the program has let those bits be seen."
        | DivergenceClass.Growth -> "A memory or table could grow in one run and not in the other, although both asked for the same."
        | DivergenceClass.Stack -> "One run ran out of stack where the other had some left, although both made the same calls."
        | DivergenceClass.Gas -> "Both runs did the same, but were charged differently for it."
        | DivergenceClass.HostAnswer -> "The program asked the host the same question in both runs and was given two answers."
        | DivergenceClass.ResetLeak ->
            "An instance that had run before was not as clean as a new one: something of an earlier run was still in it when this run began."
        | DivergenceClass.Engine -> "The two engines executed the same instructions and came to different results."

    /// What to do about it.
    let advice (c: DivergenceClass) : string =
        match c with
        | DivergenceClass.NaN ->
            "Look at the instruction at the place given: an engine that does not make NaNs canonical there has a bug. Do not change the contract: its receipts are the evidence."
        | DivergenceClass.Growth ->
            "Check how much memory the machine had, and whether the engine decides growth by the module's limits and the request's alone. Run the command below on a machine with more memory."
        | DivergenceClass.Stack ->
            "The native stack must never decide. Run the command below with the engine that ended early; report it as a bug of that engine."
        | DivergenceClass.Gas ->
            "Compare the gas schedule's version in the receipt with this one's; when they are the same, report the block at the place given as a bug of the engine that disagrees with the receipt."
        | DivergenceClass.HostAnswer ->
            "Look at the host function named: its answer depends on something that is not in the request (a clock, a thread, a culture, a counter, the order of a dictionary). Declare it as an effect from outside, or make it a function of the request."
        | DivergenceClass.ResetLeak ->
            "Until it is mended, run with no idle instances (EngineOptions.WithIdleInstances(0)); receipts made with fresh instances are right. The state that differs says what was not reset."
        | DivergenceClass.Engine ->
            "The block at the place given, the command below and the module are a complete report of a bug. Until it is mended, trust what the majority of the engines and the receipt say."

    /// No replay agrees with the receipt, and nothing more is known than that.
    let private isAlone (f: Finding) = f.Reference.IsNone && (f.Class = DivergenceClass.Engine || f.Class = DivergenceClass.Gas)

    /// What a finding means: its class, unless no replay here agrees with the receipt.
    let meaningOf (f: Finding) : string =
        if isAlone f then
            "The replays compared here agree with each other and not with the receipt: whatever made it did something else at this place."
        else
            meaning f.Class

    /// What to do about a finding.
    let adviceOf (f: Finding) : string =
        if isAlone f then
            "Find out what made the receipt: another version of the engine, an engine that is not here, or somebody who wrote the file. If it was this version, the block at the place given, the command below and the module are a complete report of a bug."
        else
            advice f.Class

    /// `f3 'transfer' at offset 0x1a2 (token.rs:17)`.
    let block (b: CodeBlock) : string =
        let name = if b.Name = "" then $"function {b.Function}" else $"function {b.Function} '{plain b.Name}'"

        let source =
            match b.Source with
            | Some line -> $" ({plain line.File}:{line.Line})"
            | None -> ""

        $"{name}, byte {hex (uint64 b.Offset)} of the module{source}, gas {count b.GasBefore} to {count b.GasAfter}"

    /// What differs in the state: where, the expected side, the side found.
    let state (d: StateDifference) : struct (string * string * string) =
        match d with
        | StateDifference.MemorySize(memory, expected, found) ->
            struct ($"size of memory {memory}", $"{count (int64 expected)} bytes", $"{count (int64 found)} bytes")
        | StateDifference.MemoryBytes(memory, page, address, expected, found) ->
            struct ($"memory {memory}, page {page}, from address {hex address}", hexBytes expected, hexBytes found)
        | StateDifference.Global(index, name, expected, found) ->
            let name = if name = "" then "" else $" '{plain name}'"
            struct ($"global {index}{name}", short expected, short found)
        | StateDifference.TableSize(table, expected, found) ->
            struct ($"size of table {table}", $"{count (int64 expected)} entries", $"{count (int64 found)} entries")
        | StateDifference.TableEntry(table, index, expected, found) -> struct ($"table {table}, entry {index}", short expected, short found)
        | StateDifference.Segment(kind, index, expected, found) -> struct ($"{plain kind} segment {index}", short expected, short found)
        | StateDifference.Object(path, expected, found) -> struct ($"object {plain path}", short expected, short found)

    let private side (s: EffectSide option) =
        match s with
        | Some s -> $"{short s.Effect} answered {short s.Reply}, gas left {count s.GasLeft}"
        | None -> "the run had ended"

    /// A finding as lines of text, for reports that are text.
    let finding (f: Finding) : string list = [
        $"class: {f.Class}. {meaningOf f}"
        if f.Evidence <> "" then
            $"evidence: {plain f.Evidence}"
        $"first difference: {short (f.First.ToString())}"
        match f.Effect with
        | Some e ->
            $"effect {e.Index}, expected: {side e.Expected}"
            $"effect {e.Index}, found: {side e.Found}"
        | None -> ()
        match f.LastEqual with
        | Some l ->
            $"last equal state: after effect {l.Effect}, gas used {count l.GasUsed}, draft {l.Draft}, memory {l.Memory}, globals {l.Globals}"
        | None -> ()
        match f.Block with
        | Some b -> $"block: {block b}"
        | None -> ()
        for d in f.State do
            let struct (place, expected, found) = state d
            $"{place}: expected {expected}; found {found}"
        for v in f.Variants do
            $"seen in: {v}"
        match f.Reference with
        | Some v -> $"compared with: {v}"
        | None -> ()
        if f.Note <> "" then
            $"not found out: {plain f.Note}"
        $"what to do: {adviceOf f}"
        $"again: {plain f.Reproduce}"
    ]

    /// A verdict in one word or two.
    let verdict (v: Verdict) : string =
        match v with
        | Verdict.Identical _ -> "identical"
        | Verdict.Diverges _ -> "diverges"
        | Verdict.CannotJudge _ -> "cannot judge"

    /// The whole audit's.
    let word (s: AuditSummary) : string =
        match s.ExitCode with
        | 0 -> "identical"
        | 1 -> "diverges"
        | _ -> "cannot judge"
