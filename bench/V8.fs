namespace Twofold.Bench

// V8's figures, by node and bench/kernels/run-node.mjs, taken between our own runs so that both see the same machine.
// In: a kernel. Out: what the runner printed; None when there is no node on the path.

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Text.Json

/// A figure of the runner: milliseconds for run_ms, nanoseconds for call_ns.
type V8Figure = { Metric: string; Value: float; Result: string }

module V8 =
    let private start (arguments: string list) : Process option =
        try
            let info = ProcessStartInfo("node", arguments, RedirectStandardOutput = true)
            Some(Process.Start info)
        with :? Win32Exception ->
            None

    let private read (arguments: string list) : string option =
        start arguments
        |> Option.map (fun p ->
            use p = p
            let text = p.StandardOutput.ReadToEnd()
            p.WaitForExit()

            if p.ExitCode <> 0 then
                failwith $"node ended with {p.ExitCode}"

            text)

    /// `node --version`, when node is there.
    let version: string option = read [ "--version" ] |> Option.map _.Trim()

    let figures (kernel: string) : V8Figure list option =
        read [ Path.Combine(Kernels.folder, "run-node.mjs"); kernel ]
        |> Option.map (fun text -> [
            for line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                use json = JsonDocument.Parse line
                let e = json.RootElement

                {
                    Metric = e.GetProperty("metric").GetString()
                    Value = e.GetProperty("value").GetDouble()
                    Result = e.GetProperty("result").GetString()
                }
        ])

    let run (kernel: string) : V8Figure option = figures kernel |> Option.bind (List.tryFind (fun f -> f.Metric = "run_ms"))
