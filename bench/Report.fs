namespace Twofold.Bench

// `report`: rewrites the tables of docs/PERFORMANCE.md between their markers; the text around them is written by people.
// In: the machine. Out: the file, and the same tables on stdout.

open System
open System.Globalization
open System.IO
open System.Runtime.InteropServices
open System.Runtime.Intrinsics.X86

module Report =
    let private file = Path.GetFullPath(Path.Combine(Kernels.folder, "..", "..", "docs", "PERFORMANCE.md"))

    let private number (digits: int) (x: float) = x.ToString("F" + string digits, CultureInfo.InvariantCulture)

    let private time (ns: float) =
        if ns < 1e3 then $"{number 1 ns} ns"
        elif ns < 1e6 then $"{number 2 (ns / 1e3)} us"
        else $"{number 2 (ns / 1e6)} ms"

    let private optional text (x: float option) = x |> Option.map text |> Option.defaultValue "-"

    let private processor () =
        try
            File.ReadLines "/proc/cpuinfo"
            |> Seq.tryFind (fun l -> l.StartsWith("model name", StringComparison.Ordinal))
            |> Option.map (fun l -> l.Substring(l.IndexOf ':' + 1).Trim())
        with :? IOException ->
            None
        |> Option.defaultValue (string RuntimeInformation.ProcessArchitecture)

    let private load () =
        try
            File.ReadAllText("/proc/loadavg").Split(' ')[0]
        with :? IOException ->
            "unknown"

    let private vectors () = if Avx512F.IsSupported then "with AVX-512" else "without AVX-512"

    let private now () = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)

    let private machine () = [
        "| | |"
        "|---|---|"
        $"| processor | {processor ()}, {Environment.ProcessorCount} cores, {vectors ()} |"
        $"| system | {RuntimeInformation.OSDescription} |"
        $"| runtime | {RuntimeInformation.FrameworkDescription} |"
        $"""| V8 | {V8.version |> Option.map (fun v -> "node " + v) |> Option.defaultValue "skipped: no node on the path"} |"""
        $"""| date | {DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC, load average {load ()} at the start |"""
        "| command | `dotnet fsi build.fsx bench report [MODULE to decode]` |"
    ]

    let private kernels () =
        let rows = QuickTable.measureAll Kernels.computing
        let ratios = rows |> List.choose (fun r -> r.V8 |> Option.map (fun v -> r.Ours / v))

        [
            "| kernel | Twofold ms | V8 ms | ratio | interpreted ms | interpreted / compiled | gas |"
            "|---|---|---|---|---|---|---|"
            for r in rows do
                $"| {r.Name} | {number 2 r.Ours} | {optional (number 2) r.V8} | {optional (fun v -> number 2 (r.Ours / v)) r.V8} | {number 0 r.Interpreted} | {number 1 (r.Interpreted / r.Ours)} | {r.Gas} |"
            if not ratios.IsEmpty then
                let interpreted = Measure.geomean (rows |> List.map (fun r -> r.Interpreted / r.Ours))
                $"| **geometric mean** | | | **{number 3 (Measure.geomean ratios)}** | | **{number 1 interpreted}** | |"

                let computing =
                    rows |> List.filter (fun r -> r.Name <> "hostloop") |> List.choose (fun r -> r.V8 |> Option.map (fun v -> r.Ours / v))

                $"| without hostloop | | | {number 3 (Measure.geomean computing)} | | | |"
        ]

    let private calls bigModule () =
        let loading, megabytes = CallBench.loading bigModule

        [
            "| | one operation | V8 |"
            "|---|---|---|"
            for f in CallBench.exportCalls () @ CallBench.hostCalls () @ CallBench.instances () @ CallBench.interrupts () @ loading do
                $"| {f.What} | {time f.Nanoseconds} | {optional time f.V8} |"
            $"| decode and validate | {number 0 megabytes} MB/s | |"
        ]

    let private transfers () = [
        "| contract | execute | receipts/s | replay | replays/s | export alone | execute / export | gas |"
        "|---|---|---|---|---|---|---|---|"
        for name in [ "token-raw-wat"; "token-raw-c"; "token-raw-rust"; "token-raw-as"; "token-c"; "token-as" ] do
            let t = TransferBench.measure name

            $"| {t.Contract} | {time t.Execute} | {number 0 (1e9 / t.Execute)} | {time t.Replay} | {number 0 (1e9 / t.Replay)} | {time t.Raw} | {number 2 (t.Execute / t.Raw)} | {t.Gas} |"
    ]

    /// Puts the lines between `<!-- name -->` and `<!-- /name -->`.
    let private replace (name: string) (lines: string list) (text: string) =
        let opening, closing = $"<!-- {name} -->", $"<!-- /{name} -->"
        let first = text.IndexOf(opening, StringComparison.Ordinal)
        let last = text.IndexOf(closing, StringComparison.Ordinal)

        if first < 0 || last < first then
            failwith $"{Path.GetFileName file} has no place for {name}"

        text.Substring(0, first + opening.Length) + "\n\n" + String.Join('\n', lines) + "\n\n" + text.Substring last

    let private rewrite (sections: (string * (unit -> string list)) list) : int =
        let mutable text = File.ReadAllText file

        for name, make in sections do
            let lines = make ()
            lines |> List.iter (printfn "%s")
            printfn ""
            text <- replace name lines text

        File.WriteAllText(file, text)
        0

    /// `decode` alone: loading real modules takes minutes and needs the test data.
    let runDecode () : int =
        rewrite [ "decode", (fun () -> LoadBench.lines () @ [ ""; $"{now ()} UTC, load average {load ()} at the end." ]) ]

    /// `audit` alone: it writes a corpus of that many receipts first.
    let runAudit (most: int) : int =
        rewrite [ "audit", (fun () -> AuditBench.lines most @ [ ""; $"{now ()} UTC, load average {load ()} at the end." ]) ]

    /// `sandbox` alone.
    let runSandbox () : int =
        rewrite [ "sandboxes", (fun () -> SandboxBench.lines () @ [ ""; $"{now ()} UTC, load average {load ()} at the end." ]) ]

    let run (bigModule: string option) : int =
        rewrite [ "machine", machine; "kernels", kernels; "calls", calls bigModule; "transfers", transfers ]
