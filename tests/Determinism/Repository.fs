module Twofold.Determinism.Repository

// Where the repository's files are, whatever folder the tests run in.
// In: the place of this assembly. Out: paths and sample modules.

open System
open System.IO

/// The folder that holds global.json.
let root =
    let rec up (folder: DirectoryInfo) =
        if isNull folder then failwith "the tests run outside the repository"
        elif File.Exists(Path.Combine(folder.FullName, "global.json")) then folder.FullName
        else up folder.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

let path (parts: string list) = Path.Combine(Array.ofList (root :: parts))

/// Every sample contract: name and bytes.
let contracts =
    Directory.GetFiles(path [ "samples"; "contracts"; "wasm" ], "*.wasm")
    |> Array.sort
    |> Array.map (fun file -> Path.GetFileNameWithoutExtension file, File.ReadAllBytes file)
    |> List.ofArray

let contract name = contracts |> List.find (fun (n, _) -> n = name) |> snd

/// Golden files are written anew when this is set.
let rewrite = Environment.GetEnvironmentVariable "TWOFOLD_REWRITE" = "1"
