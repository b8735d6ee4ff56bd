namespace Twofold.Cli

// The engines that the command knows, by name.
// In: a name of `--engine` or `--engines`. Out: an IWasmEngine, or why it is not there.

open System
open FsToolkit.ErrorHandling
open Twofold.Wasm

module Engines =
    /// In the order in which audits use them. Making one says why when the machine does not have it.
    let private known: (string * (unit -> Result<IWasmEngine, string>)) list = [
        "compiled", (fun () -> Ok(CompiledEngine() :> IWasmEngine))
        "interpreter", (fun () -> Ok(InterpretedEngine() :> IWasmEngine))
    ]

    let names = known |> List.map fst

    let find (option: string) (name: string) : Result<IWasmEngine, string> =
        match known |> List.tryFind (fun (n, _) -> n = name) with
        | Some(_, make) -> make () |> Result.mapError (fun why -> $"{option}: {name}: {why}")
        | None ->
            let all = String.concat ", " names
            Error $"{option}: there is no engine '{name}'; there are {all}"

    /// What `--engine` asks for; the compiler when nobody says anything.
    let chosen (name: string option) : Result<IWasmEngine, string> = find "--engine" (defaultArg name "compiled")

    /// The same for scripts, whose modules import from each other: only our own engines' instances can do that.
    let kind (name: string option) : Result<EngineKind, string> =
        match defaultArg name "compiled" with
        | "compiled" -> Ok EngineKind.Compiled
        | "interpreter" -> Ok EngineKind.Interpreter
        | other -> Error $"--engine: scripts run on compiled or interpreter, not on '{other}'"

    /// Every engine with what came of making it.
    let all () : (string * Result<IWasmEngine, string>) list = known |> List.map (fun (name, make) -> name, make ())

    /// The engine that knows where its runs stopped.
    let locator () : IWasmEngine option =
        match known |> List.tryFind (fun (name, _) -> name = "interpreter") with
        | Some(_, make) -> make () |> Result.toOption
        | None -> None

    /// `a,b`.
    let list (option: string) (given: string) : Result<IWasmEngine list, string> =
        given.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
        |> List.ofArray
        |> List.distinct
        |> List.traverseResultM (find option)
        |> Result.bind (fun engines -> if engines.IsEmpty then Error $"{option}: name an engine" else Ok engines)
