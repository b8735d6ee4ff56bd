namespace Twofold.Cli

// The engines that the command knows, by name.
// In: a name of `--engine` or `--engines`. Out: an IWasmEngine, or why it is not there.

open System
open FsToolkit.ErrorHandling
open Twofold.Wasm
open Twofold.Wasm.Scripts
open Twofold.Wasmtime

module Engines =
    /// One for the process: so is its library.
    let private wasmtime: Lazy<Result<WasmtimeEngine, string>> =
        lazy
            (try
                Ok(new WasmtimeEngine())
             with :? WasmtimeUnavailableException as e ->
                 Error e.Message)

    /// In the order in which audits use them. Making one says why when the machine does not have it. Audits mean the compiler when they say so: every
    /// function at its first call, and none interpreted.
    let private known: (string * (unit -> Result<IWasmEngine, string>)) list = [
        "compiled", (fun () -> Ok(CompiledEngine CompileWhen.FirstCall :> IWasmEngine))
        "interpreter", (fun () -> Ok(InterpretedEngine() :> IWasmEngine))
        "wasmtime", (fun () -> wasmtime.Value |> Result.map (fun e -> e :> IWasmEngine))
    ]

    let names = known |> List.map fst

    let find (option: string) (name: string) : Result<IWasmEngine, string> =
        match known |> List.tryFind (fun (n, _) -> n = name) with
        | Some(_, make) -> make () |> Result.mapError (fun why -> $"{option}: {name}: {why}")
        | None ->
            let all = String.concat ", " names
            Error $"{option}: there is no engine '{name}'; there are {all}"

    /// What `--engine` asks for; the compiler when nobody says anything, which compiles what gets hot: a command runs once.
    let chosen (name: string option) : Result<IWasmEngine, string> =
        match defaultArg name "compiled" with
        | "compiled" -> Ok(CompiledEngine CompileWhen.Hot)
        | other -> find "--engine" other

    /// The same for scripts, whose modules import from each other: what makes a host for each script.
    let scripts (name: string option) : Result<WasmLimits -> IScriptHost, string> =
        match defaultArg name "compiled" with
        | "compiled" -> Ok(fun limits -> new EngineHost(limits, EngineKind.Compiled) :> IScriptHost)
        | "interpreter" -> Ok(fun limits -> new EngineHost(limits, EngineKind.Interpreter) :> IScriptHost)
        | "wasmtime" ->
            wasmtime.Value
            |> Result.map (fun e -> fun limits -> new WasmtimeScriptHost(e, limits) :> IScriptHost)
            |> Result.mapError (fun why -> $"--engine: wasmtime: {why}")
        | other -> find "--engine" other |> Result.bind (fun _ -> Error $"--engine: no scripts run on '{other}'")

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
