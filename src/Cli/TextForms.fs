module Twofold.Cli.TextForms

// `twofold wat`: a module from one form to the other, binary to text or text to binary.
// In: a .wasm or .wat file. Out: the text on standard output or in a file; the binary always in a file.

open System.IO
open Argu
open FsToolkit.ErrorHandling
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Text
open Twofold.Wasm.Validation

let private limits = WasmLimits.Host

/// Only what is valid is translated: a text form of a broken module would hide what is broken.
let private checkedModule (path: string) (bytes: byte[]) : Result<Module, string> =
    Decode.run limits Features.Default bytes
    |> Result.bind (fun m -> Validate.run limits Features.Default m |> Result.map (fun _ -> m))
    |> Result.mapError (fun e -> $"{path}: {e}")

let run (a: ParseResults<WatArgs>) : Ending =
    let path = a.GetResult WatArgs.File
    let output = a.TryGetResult WatArgs.Output

    result {
        let! given = Inputs.bytes path
        let isText = Wat.isText given
        let! bytes = if isText then Inputs.moduleBytes path else Ok given
        let! m = checkedModule path bytes

        if isText then
            let target = output |> Option.defaultValue (Path.ChangeExtension(path, ".wasm"))

            if output.IsNone && Path.GetFullPath target = Path.GetFullPath path then
                return! Error $"{path} is text: say with --output where the binary goes"

            do! Inputs.writeBytes target bytes
            return Ending.ok $"{target}: {bytes.Length} bytes"
        else
            let! text = Printer.run limits Features.Default m |> Result.mapError (fun e -> $"{path}: {e}")

            match output with
            | Some target ->
                do! Inputs.write target text
                return Ending.ok $"{target}: {text.Length} characters"
            | None -> return Ending.ok (text.TrimEnd '\n')
    }
    |> Result.defaultWith Ending.rejected
