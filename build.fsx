// Everything one does with this repository: `dotnet fsi build.fsx TARGET`. Needs the .NET SDK and nothing else.
// In: a target and its options. Out: artifacts/ (only `format` writes elsewhere), an exit code.
// A stage takes the values that prove that the stages before it succeeded, and returns its own.

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Xml.Linq

let root = __SOURCE_DIRECTORY__

let at (parts: string list) = Path.Combine(Array.ofList (root :: parts))

// ---- What stages prove

/// The solution is built in Release.
type Built = private | Built

/// The command is published, ready to run.
type Published = private { Command: string }

/// Every test project ran; what came of the tests.
type Tested = private { Passed: int; Failed: int; Skipped: int; Broken: string list }

/// The tools of dotnet-tools.json are there.
type Tooled = private | Tooled

/// A stage did not do its work; in words for people.
exception Stopped of string

// ---- Commands

// Nothing may stay behind when a target is done: no build nodes, no servers.
let private environment = [
    "MSBUILDDISABLENODEREUSE", "1"
    "DOTNET_CLI_USE_MSBUILD_SERVER", "0"
    "DOTNET_NOLOGO", "1"
    "DOTNET_CLI_TELEMETRY_OPTOUT", "1"
]

let private build = [ "-v"; "quiet"; "--nologo"; "-p:UseSharedCompilation=false" ]

/// Runs a command on this console; its exit code.
let exitCode (file: string) (args: string list) =
    let info = ProcessStartInfo(file, args, WorkingDirectory = root, UseShellExecute = false)

    for name, value in environment do
        info.Environment[name] <- value

    use p = Process.Start info
    p.WaitForExit()
    p.ExitCode

let run file args =
    match exitCode file args with
    | 0 -> ()
    | code ->
        let command = String.Join(' ', file :: args)
        raise (Stopped $"`{command}` ended with exit code {code}")

let private dotnet args = run "dotnet" args
let private say (text: string) = Console.WriteLine $"==> {text}"

// ---- Stages

/// Builds all projects.
let buildAll () : Built =
    say "building the solution"
    dotnet ([ "build"; "Twofold.slnx"; "-c"; "Release" ] @ build)
    Built

let private runtimeIdentifier =
    let os =
        if OperatingSystem.IsWindows() then "win"
        elif OperatingSystem.IsMacOS() then "osx"
        else "linux"

    $"{os}-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}"

/// Publishes the command, compiled ahead of time (ReadyToRun), to artifacts/twofold. Restoring for one platform would rewrite the lock files and
/// the solution's obj folders, so this stage has folders of its own and leaves the locks alone.
let publish () : Published =
    say "publishing the command to artifacts/twofold"
    let target = at [ "artifacts"; "twofold" ]
    let work = at [ "artifacts"; "publish" ]

    dotnet (
        [ "publish"; "src/Cli/Cli.fsproj"; "-c"; "Release"; "-r"; runtimeIdentifier; "--self-contained"; "false" ]
        @ [ "-p:PublishReadyToRun=true"; $"-p:PlatformLocks={work}/locks"; $"-p:ArtifactsPath={work}"; "-o"; target ]
        @ build
    )

    let command = Path.Combine(target, (if OperatingSystem.IsWindows() then "twofold.exe" else "twofold"))

    if File.Exists command then
        { Command = command }
    else
        raise (Stopped $"the publish left no {command}")

let private testProjects () =
    Directory.GetFiles(at [ "tests" ], "*.fsproj", SearchOption.AllDirectories)
    |> Seq.append (Directory.GetFiles(at [ "tests" ], "*.csproj", SearchOption.AllDirectories))
    |> Seq.filter (fun p -> (File.ReadAllText p).Contains "Microsoft.NET.Test.Sdk")
    |> Seq.sort
    |> List.ofSeq

let private results = at [ "artifacts"; "test-results" ]

/// What a TRX file says, test by test: passed, the failed ones with their messages, skipped.
let private read (trx: string) =
    let name n = XName.Get(n, "http://microsoft.com/schemas/VisualStudio/TeamTest/2010")

    let outcomes = [
        for r in XDocument.Load(trx).Descendants(name "UnitTestResult") ->
            let outcome =
                match r.Attribute(XName.Get "outcome") with
                | null -> "Failed"
                | outcome -> outcome.Value

            let message =
                match Seq.tryHead (r.Descendants(name "Message")) with
                | Some m -> m.Value.Trim()
                | None -> ""

            let test = r.Attribute(XName.Get "testName").Value
            outcome, $"{test}\n{message}"
    ]

    let skipped outcome = outcome = "NotExecuted" || outcome = "Inconclusive"

    let count wanted = outcomes |> List.filter (fst >> wanted) |> List.length

    let failures = outcomes |> List.filter (fun (o, _) -> o <> "Passed" && not (skipped o)) |> List.map snd

    count ((=) "Passed"), failures, count skipped

/// Runs every test project of the solution; a project that ran nothing or broke off counts as broken.
let test (Built) (filter: string list) : Tested =
    let one (total: Tested) (project: string) =
        let name = Path.GetFileNameWithoutExtension project
        say $"testing {name}"
        let trx = Path.Combine(results, name + ".trx")
        File.Delete trx

        let code =
            exitCode
                "dotnet"
                ([ "test"; project; "-c"; "Release"; "--no-build"; "--nologo"; "-v"; "quiet" ]
                 @ [ "--logger"; $"trx;LogFileName={name}.trx"; "--results-directory"; results ]
                 @ (match filter with
                    | [] -> []
                    | f :: _ -> [ "--filter"; f ]))

        let passed, failures, skipped = if File.Exists trx then read trx else 0, [], 0
        let failed = failures.Length

        for failure in failures do
            Console.Error.WriteLine $"failed: {failure}"

        let nothing = passed + failed + skipped = 0

        let broken =
            if nothing && filter <> [] && code = 0 then []
            elif nothing then [ $"{name}: no test ran (exit code {code})" ]
            elif code <> 0 && failed = 0 then [ $"{name}: the test run broke off with exit code {code}" ]
            else []

        {
            Passed = total.Passed + passed
            Failed = total.Failed + failed
            Skipped = total.Skipped + skipped
            Broken = total.Broken @ broken
        }

    Directory.CreateDirectory results |> ignore

    testProjects () |> List.fold one { Passed = 0; Failed = 0; Skipped = 0; Broken = [] }

/// At most two numbers.
let (|Numbers|_|) (rest: string list) = if rest.Length <= 2 && rest |> List.forall (Seq.forall Char.IsAsciiDigit) then Some rest else None

/// A campaign: a test of tests/Conformance with larger numbers, `[N] [SEED]` of the command line or the usual N and 1. Its summary is a file, because
/// test runners keep what tests print.
let campaign (name: string) (test: string) (usual: string) (given: string list) =
    let variable = "TWOFOLD_" + name.ToUpperInvariant()
    let count = List.tryItem 0 given |> Option.defaultValue usual
    let seed = List.tryItem 1 given |> Option.defaultValue "1"
    dotnet ([ "build"; "tests/Conformance"; "-c"; "Release" ] @ build)
    Environment.SetEnvironmentVariable(variable, count)
    Environment.SetEnvironmentVariable(variable + "_SEED", seed)
    Directory.CreateDirectory(at [ "artifacts"; name ]) |> ignore
    let summary = at [ "artifacts"; name; "summary.txt" ]
    File.Delete summary

    let code =
        exitCode "dotnet" [
            "test"
            "tests/Conformance"
            "-c"
            "Release"
            "--no-build"
            "--nologo"
            "--filter"
            $"FullyQualifiedName~Conformance.{test}"
        ]

    if File.Exists summary then
        Console.WriteLine((File.ReadAllText summary).Trim())
    else
        Console.Error.WriteLine $"the campaign broke off before its summary; see artifacts/{name}"

    code

/// Prints the counted line, last; the exit code. A project that broke off is a failure, and so is a run of nothing.
let report (tested: Tested) =
    for line in tested.Broken do
        Console.Error.WriteLine line

    let failed = tested.Failed + tested.Broken.Length
    let nothing = tested.Passed + failed = 0

    if nothing then
        Console.Error.WriteLine "no test ran"

    Console.WriteLine $"{tested.Passed} passed, {failed} failed, {tested.Skipped} skipped"
    if failed > 0 || nothing then 1 else 0

/// A token transfer on real input, and its replay from the receipt alone.
let demo (published: Published) =
    let alice = "0x" + String.replicate 20 "a1"
    let token = "0x" + String.replicate 20 "c0"
    let bob = "0x" + String.replicate 20 "b0"
    let receipt = Path.Combine("artifacts", "demo-receipt.json")
    let contract = "samples/contracts/wasm/token-as.wasm"
    let parameters = $$"""{"to": "{{bob}}", "amount": 70}"""

    let command args =
        let shown (arg: string) = if arg.Contains ' ' then $"'{arg}'" else arg

        let line = String.Join(' ', Seq.map shown args)
        Console.WriteLine $"\n$ twofold {line}"
        run published.Command args

    say "a token contract, compiled from AssemblyScript, transfers coins"

    command (
        [ "exec"; contract; "Transfer"; "--params"; parameters; "--caller"; alice; "--contract"; token ]
        @ [ "--state"; "samples/demo/snapshot.json"; "--receipt"; receipt ]
    )

    Console.WriteLine()
    say "the same run again, from the receipt and the module alone"
    command [ "replay"; receipt; "--module"; contract ]

/// The contract with a little of everything (tests/Cli/everything.wat) on another platform, against the digests that are written down. On another
/// processor than this one's it runs under qemu-user. What this machine cannot do is said, and is no failure.
let elsewhere (rid: string) (emulator: string) =
    say $"publishing the command for {rid}"
    let target = at [ "artifacts"; rid ]
    let work = at [ "artifacts"; rid + "-publish" ]
    let corpus = at [ "artifacts"; rid + "-corpus" ]

    for folder in [ target; corpus ] do
        if Directory.Exists folder then
            Directory.Delete(folder, true)

    let places = [
        "-p:SelfContained=true"
        "-p:DisableTransitiveFrameworkReferenceDownloads=true"
        $"-p:PlatformLocks={work}/locks"
        $"-p:ArtifactsPath={work}"
    ]

    let restored = exitCode "dotnet" ([ "restore"; "src/Cli/Cli.fsproj"; "-r"; rid; "-v"; "quiet" ] @ places)

    let native = rid.EndsWith("-" + RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(), StringComparison.Ordinal)
    // Where Debian's cross libraries (libc6-arm64-cross, libstdc++6-arm64-cross) put the loader.
    let system = "/usr/aarch64-linux-gnu"

    let isOnPath name =
        (Environment.GetEnvironmentVariable "PATH").Split ':'
        |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, name)))

    if restored <> 0 then
        say $"skipped: the runtime pack for {rid} does not restore here (NU1101 above)"
    elif not native && not (isOnPath emulator) then
        say $"skipped: there is no {emulator} to run it under"
    elif not native && not (Directory.Exists system) then
        say $"skipped: there is no {system} (Debian: libc6-arm64-cross, libstdc++6-arm64-cross)"
    else
        dotnet ([ "publish"; "src/Cli/Cli.fsproj"; "-c"; "Release"; "-r"; rid; "--no-restore"; "-o"; target ] @ places @ build)

        let command = Path.Combine(target, "twofold")

        let args =
            [ "record"; corpus; "--module"; "tests/Cli/everything.wat"; "--requests"; "tests/Cli/everything.json" ]
            @ [ "--state"; "samples/demo/snapshot.json" ]

        if native then run command args else run emulator ([ "-L"; system; command ] @ args)

        // The index has the digests in the order of the requests, after its header.
        let found = File.ReadAllLines(Path.Combine(corpus, "index")) |> Array.skip 1 |> Array.map (fun line -> (line.Split ' ')[0])
        let expected = File.ReadAllLines(at [ "tests"; "Cli"; "everything.digests" ]) |> Array.map (fun line -> (line.Split ' ')[1])

        if found = expected then
            say $"{rid}: all {found.Length} receipts are those that are written down"
        else
            raise (Stopped $"{rid}: other receipts than tests/Cli/everything.digests; audit {corpus} to see where they differ")

/// Installs what dotnet-tools.json names.
let tools () : Tooled =
    dotnet [ "tool"; "restore"; "-v"; "quiet" ]
    Tooled

let private sources () =
    let rec files (dir: string) = [
        for f in Directory.GetFiles dir do
            if f.EndsWith ".fs" || f.EndsWith ".fsx" || f.EndsWith ".fsi" then
                f
        for d in Directory.GetDirectories dir do
            if
                not (List.contains (Path.GetFileName d) [ "artifacts"; "bin"; "obj"; "node_modules" ])
                && not (Path.GetFileName(d).StartsWith '.')
            then
                yield! files d
    ]

    files root |> List.map (fun f -> Path.GetRelativePath(root, f)) |> List.sort

/// Formats all F# sources, or only says which are not formatted.
let format (Tooled) check =
    let files = sources ()
    say $"""{(if check then "checking" else "formatting")} {files.Length} files"""
    dotnet ([ "fantomas" ] @ (if check then [ "--check" ] else []) @ files)

/// Packs the libraries and the command.
let pack (Built) =
    let target = at [ "artifacts"; "packages" ]

    if Directory.Exists target then
        Directory.Delete(target, true)

    for project in
        [
            "src/Wasm/Runtime/Runtime.csproj"
            "src/Wasm/Wasm.fsproj"
            "src/HostAbi/HostAbi.fsproj"
            "src/Engine.fsproj"
            "src/Wasmtime/Wasmtime.csproj"
            "src/Hosting/Hosting.fsproj"
            "src/Cli/Cli.fsproj"
        ] do
        dotnet ([ "pack"; project; "-c"; "Release"; "--no-build"; "-o"; target ] @ build)

    for package in Directory.GetFiles target |> Seq.sort do
        say (Path.GetRelativePath(root, package))

// ---- Targets

let help =
    """dotnet fsi build.fsx TARGET

  build            build everything; leave the command ready to run at artifacts/twofold/twofold
  test [FILTER]    build, run all tests, print `N passed, N failed, N skipped` last; FILTER is one of `dotnet test --filter`
  demo             run the main job: a token contract transfers coins, then a replay from the receipt alone
  bench [ARGS]     measure; without ARGS the quick table of kernels. `bench report` rewrites the tables of docs/PERFORMANCE.md
  fuzz [N] [SEED]  decode, validate, print, parse and partly run N mutants of every module at hand (2,000,000); the summary is in artifacts/fuzz
  agree [N] [SEED] make N random modules (20,000) with Binaryen's wasm-opt and run them on every engine, gas and stack swept; summary in artifacts/agree
  commands         run the real WASI commands of the test data on every engine, the slowest too; some minutes
  tiers            run the suite and all traces at every forced moment of going over to compiled code; ten minutes more than `test` takes for them
  arm64            publish the command for linux-arm64 and compare its receipts with those written down, under qemu-user or on an arm64 machine
  format [--check] format the F# sources with Fantomas, or only check them
  pack             make the packages of the libraries and the command in artifacts/packages
  help             this text, as no target at all does (`dotnet fsi` keeps a bare --help for itself: write `-- --help`)

Start with `demo`. Everything is written to artifacts/; delete that folder to start afresh.
Tests of the official suites read their data from ../shared/testdata or TWOFOLD_TESTDATA; without it they are skipped and say so.
TWOFOLD_REWRITE=1 with `test` rewrites generated pages and golden files instead of comparing them."""

let dispatch args =
    match args with
    | []
    | [ "help" ]
    | [ "--help" ]
    | [ "-h" ] ->
        Console.WriteLine help
        0
    | [ "build" ] ->
        buildAll () |> ignore
        let published = publish ()
        say $"the command: {Path.GetRelativePath(root, published.Command)}"
        0
    | "test" :: filter when filter.Length <= 1 -> test (buildAll ()) filter |> report
    | [ "demo" ] ->
        demo (publish ())
        0
    | "bench" :: rest ->
        let args = if rest.IsEmpty then [ "kernels" ] else rest
        dotnet ([ "run"; "-c"; "Release"; "--project"; "bench/Bench.fsproj"; "--" ] @ args)
        0
    | "agree" :: Numbers rest -> campaign "agree" "Agree" "20000" rest
    | "fuzz" :: Numbers rest -> campaign "fuzz" "Mutants" "2000000" rest
    | [ "commands" ] ->
        Environment.SetEnvironmentVariable("TWOFOLD_COMMANDS", "all")
        test (buildAll ()) [ "FullyQualifiedName~WasiCommands" ] |> report
    | [ "tiers" ] ->
        Environment.SetEnvironmentVariable("TWOFOLD_TIERS", "all")
        test (buildAll ()) [ "FullyQualifiedName~Twofold.Conformance" ] |> report
    | [ "arm64" ] ->
        elsewhere "linux-arm64" "qemu-aarch64-static"
        0
    | [ "format" ] ->
        format (tools ()) false
        0
    | [ "format"; "--check" ] ->
        format (tools ()) true
        0
    | [ "pack" ] ->
        pack (buildAll ())
        0
    | other ->
        let text = String.Join(' ', other)

        Console.Error.WriteLine $"build.fsx: unknown target or option in '{text}'; `dotnet fsi build.fsx help` lists them"

        2

let code =
    try
        fsi.CommandLineArgs |> List.ofArray |> List.tail |> dispatch
    with Stopped why ->
        Console.Error.WriteLine $"build.fsx: {why}"
        1

exit code
