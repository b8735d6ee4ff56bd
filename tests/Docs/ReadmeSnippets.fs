module Twofold.Docs.Tests.ReadmeSnippets

// The F# of README.md, compiled and run by the docs tests; what stands between the marks is what README.md shows.

// <readme>
open System.IO
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine

let transfer (folder: string) =
    use executor = new Executor(ExecutorOptions.For(CompiledEngine()))
    let wasm = File.ReadAllBytes(Path.Combine(folder, "samples/contracts/wasm/token-as.wasm"))
    let address digits = (Address.tryParse ("0x" + String.replicate 20 digits)).Value

    match SnapshotJson.ofJson (File.ReadAllText(Path.Combine(folder, "samples/demo/snapshot.json"))) with
    | Error wrong -> [ wrong ]
    | Ok snapshot ->
        let parameters = Utf8.bytes $$"""{"to": "{{address "b0"}}", "amount": 70}"""
        let request = { Request.contract wasm "Transfer" (address "a1") (address "c0") snapshot with Parameters = parameters }

        match executor.Execute request with
        | Ok { Receipt = { Draft = Some draft } as receipt } -> [
            for o in draft.Outputs.Values do
                $"{o.Amount} to {o.Owner}"
            string (executor.Replay(receipt, wasm)) // Identical, with the receipt's digest
          ]
        | Ok report -> [ report.Message ]
        | Error refusal -> [ string refusal ]
// </readme>
