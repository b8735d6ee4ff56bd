namespace Twofold.Bench

// V8's figures, by node: whole medians from bench/kernels/run-node.mjs, or single runs that take turns with ours.
// In: a kernel. Out: figures; None when there is no node on the path.

open System
open System.ComponentModel
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json

/// A figure of the runner: milliseconds for run_ms, nanoseconds for call_ns.
type V8Figure = { Metric: string; Value: float; Result: string }

module V8 =
    let internal start (arguments: string list) : Process option =
        try
            Some(Process.Start(ProcessStartInfo("node", arguments, RedirectStandardOutput = true, RedirectStandardInput = true)))
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

/// A node process that runs a kernel once whenever it is asked.
type V8Turns private (node: Process) =
    let answer () : struct (float * string) =
        match node.StandardOutput.ReadLine() with
        | null -> failwith "node ended early"
        | line ->
            let parts = line.Split ' '
            struct (Double.Parse(parts[0], CultureInfo.InvariantCulture), parts[1])

    static member TryStart() : V8Turns option =
        V8.start [ Path.Combine(__SOURCE_DIRECTORY__, "v8-turns.mjs") ] |> Option.map (fun p -> new V8Turns(p))

    member _.Load(kernel: Kernel) : unit =
        node.StandardInput.WriteLine $"{kernel.Path} {kernel.Argument}"
        answer () |> ignore

    /// CPU milliseconds and the answer as an unsigned decimal.
    member _.Run() : struct (float * string) =
        node.StandardInput.WriteLine()
        answer ()

    interface IDisposable with
        member _.Dispose() =
            node.StandardInput.Close()
            node.WaitForExit()
            node.Dispose()
