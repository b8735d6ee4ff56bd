module Twofold.Security.Program

// The process that the tests of secrecy start: `probe FOLDER` runs every reader and leaves what it saw in the folder.

[<EntryPoint>]
let main args =
    match args with
    | [| "probe"; folder |] -> Prober.run folder
    | _ ->
        eprintfn "usage: probe FOLDER"
        2
