module Twofold.Bench.Program

// The benchmarks' command line.
// In: a command. Out: tables; exit code 2 for a command that does not exist.

let private usage =
    "dotnet run -c Release --project bench/Bench.fsproj -- COMMAND

  kernels [NAME ...]   our time, V8's and their ratio for each kernel, in about a minute"

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | "kernels" :: names -> QuickTable.run names
    | [ "--help" ]
    | [] ->
        printfn "%s" usage
        0
    | other :: _ ->
        eprintfn "no such command: %s\n\n%s" other usage
        2
