module Twofold.Bench.Program

// The benchmarks' command line.
// In: a command. Out: tables; exit code 2 for a command that does not exist.

let private usage =
    "dotnet run -c Release --project bench/Bench.fsproj -- COMMAND

  kernels [NAME ...]   our time, V8's and their ratio for each kernel, in about a minute
  report [MODULE]      all figures; rewrites the tables of docs/PERFORMANCE.md, in about a minute. MODULE: what to decode and validate
  decode               what it takes to load and compile the real modules of the test data; rewrites their table, in some minutes
  audit [N]            replays a second beside executions, and corpora of 1 to N (100,000) receipts; rewrites their table, in some minutes
  sandbox              sandboxes over the bare engine, WASI calls, skills, whole commands beside V8; rewrites their table, in a minute
  exceptions           throwing and catching beside V8
  objects              making, reading and casting GC objects; calls through references
  wasmtime [NAME ...]  the kernels on Wasmtime through us and by its bare C API, beside our compiler (needs libwasmtime, its headers and clang)
  micro [ARGS]         the calls under BenchmarkDotNet, with its own arguments; without any, all of them"

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | "kernels" :: names -> QuickTable.run names
    | [ "report" ] -> Report.run None
    | [ "report"; bigModule ] when System.IO.File.Exists bigModule -> Report.run (Some bigModule)
    | [ "report"; missing ] ->
        eprintfn "no such file: %s" missing
        2
    | [ "decode" ] -> Report.runDecode ()
    | [ "audit" ] -> Report.runAudit 100_000
    | [ "audit"; most ] when most |> Seq.forall System.Char.IsAsciiDigit -> Report.runAudit (int most)
    | [ "sandbox" ] -> Report.runSandbox ()
    | [ "exceptions" ] -> Exceptions.run ()
    | [ "objects" ] -> Objects.run ()
    | "wasmtime" :: names -> WasmtimeBench.run names
    | "micro" :: rest ->
        Micro.Run(Array.ofList rest)
        0
    | [ "--help" ]
    | [] ->
        printfn "%s" usage
        0
    | other :: _ ->
        eprintfn "no such command: %s\n\n%s" other usage
        2
