namespace Twofold.Cli

// `twofold run`: any export, with arguments typed by its parameters.
// In: parsed arguments. Out: an ending; the results stand on the first line of the output.

open System.Threading
open FsToolkit.ErrorHandling
open Argu
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.HostAbi
open Twofold.Engine

module Run =
    /// The arguments' bits, when there is such an export and they fit; a missing export is refused by the pipeline, in its words.
    let private arguments (policy: Policy) (bytes: byte[]) (entry: string) (given: string list) =
        result {
            let! m =
                Decode.run policy.Wasm policy.Features bytes
                |> Result.bind (Validate.run policy.Wasm policy.Features)
                |> Result.mapError (Refusal.Rejected >> Stop.Refused)

            match m.Module.Exports |> Array.tryFind (fun e -> e.Name = entry && e.Kind = ExternKind.Func) with
            | Some e -> return! Values.arguments entry m.FuncTypes[e.Index] given |> Result.mapError Stop.Usage
            | None -> return []
        }

    let private request (a: ParseResults<RunArgs>) =
        result {
            let entry = a.GetResult RunArgs.Invoke
            let usage result = Result.mapError Stop.Usage result

            let! path, given =
                match List.concat (a.GetResults RunArgs.Call) with
                | path :: given -> Ok(path, List.map CommandLine.unprotect given)
                | [] -> Error(Stop.Usage "run needs a module: `twofold run MODULE --invoke NAME ARGS`")

            let! profile = a.TryGetResult RunArgs.Profile |> Option.traverseResult Inputs.profile |> usage

            let! profile =
                profile |> Option.defaultValue Profile.hostProfile |> Inputs.deadline (a.TryGetResult RunArgs.Timeout) |> usage

            let! bytes = Inputs.moduleBytes path |> usage
            let! arguments = arguments profile.Policy bytes entry given

            return {
                Request.contract bytes entry Address.zero Address.zero Snapshot.empty with
                    Convention = Convention.Raw arguments
                    Profile = profile
                    Limits = { RequestLimits.None with Gas = a.TryGetResult RunArgs.Gas }
            }
        }

    let run (token: CancellationToken) (a: ParseResults<RunArgs>) : Ending =
        let json = a.Contains RunArgs.Json

        request a
        |> Result.bind (
            Execute.finish
                (a.TryGetResult RunArgs.Engine)
                json
                { File = a.TryGetResult RunArgs.Receipt; Corpus = a.TryGetResult RunArgs.Record }
                token
        )
        |> Result.defaultWith (Execute.stopped json)
