namespace Twofold.Conformance

// The campaign: mutants of every module and text at hand are decoded, validated, printed, parsed; some of the accepted ones are compiled and run against the oracle.
// In: TWOFOLD_FUZZ (how many), TWOFOLD_FUZZ_SEED, TWOFOLD_FUZZ_FROM (first number). Out: artifacts/fuzz: a summary, each input that failed, the number at hand.
// `dotnet fsi build.fsx fuzz [N]` runs it with 2,000,000.

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text
open System.Threading
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Text
open Twofold.Wasm.Validation
open Twofold.Conformance
open Twofold.Conformance.Mutate

/// What is mutated.
[<NoComparison; NoEquality>]
type private Corpus = {
    /// Valid modules of at most 20,000 bytes.
    Valid: Item[]
    /// Small ones that are refused: what the suite calls malformed or invalid, and other people's mutants.
    Odd: Item[]
    Large: Item[]
    Texts: byte[][]
    Scripts: byte[][]
} with

    member c.Modules = c.Valid.Length + c.Odd.Length + c.Large.Length

module private Corpus =
    let private files folder =
        let path = Path.Combine(Repository.root, folder)
        Directory.GetFiles(path, "*.wasm") |> Array.sort |> Array.map (fun f -> Path.GetFileName f, File.ReadAllBytes f)

    let private data () : (string * byte[])[] =
        match TestData.tryFolder () with
        | None -> [||]
        | Some root -> [|
            for zip in [ "spec.zip"; "smith.zip"; "fuzz.zip"; "cosmwasm.zip" ] do
                let archive = TestData.archive zip

                for n in archive.Names |> Array.filter (fun n -> n.EndsWith ".wasm") |> Array.sort do
                    $"{zip}/{n}", archive.Read n
            for folder in [ "real"; "cmds"; "guests" ] do
                for f in Directory.GetFiles(Path.Combine(root, folder), "*.wasm") |> Array.sort do
                    $"{folder}/{Path.GetFileName f}", File.ReadAllBytes f
          |]

    let private printed (item: Item) =
        match Decode.run WasmLimits.Host Features.All item.Bytes |> Result.bind (Printer.run WasmLimits.Host Features.All) with
        | Ok text -> Some(Encoding.UTF8.GetBytes text)
        | Error _ -> None

    let load () : Corpus =
        let all =
            Array.concat [ files "samples/contracts/wasm"; files "bench/kernels/wasm"; data () ]
            |> Array.filter (fun (_, b) -> b.Length > 8)

        let valid, odd =
            all
            |> Array.filter (fun (_, b) -> b.Length <= 20_000)
            |> Array.map (fun (n, b) -> item n b)
            |> Array.partition (fun i ->
                (Decode.run WasmLimits.Host Features.All i.Bytes |> Result.bind (Validate.run WasmLimits.Host Features.All)).IsOk)

        let scripts =
            match TestData.tryFolder () with
            | None -> [||]
            | Some _ ->
                let zip = TestData.archive "wast.zip"
                zip.Names |> Array.filter (fun n -> n.EndsWith ".wast") |> Array.sort |> Array.map zip.Read

        {
            Valid = valid
            Odd = odd
            // esbuild takes a tenth of a second each time.
            Large = all |> Array.filter (fun (_, b) -> b.Length > 20_000 && b.Length < 3_000_000) |> Array.map (fun (n, b) -> item n b)
            Texts = valid |> Array.filter (fun i -> i.Bytes.Length < 2_000) |> Array.choose printed |> Array.filter (fun t -> t.Length > 10)
            Scripts = scripts |> Array.filter (fun s -> s.Length < 12_000)
        }

/// Counts of the summary.
type private Counts() =
    member val Binary = 0 with get, set
    member val Accepted = 0 with get, set
    member val Printed = 0 with get, set
    /// Characters of what was printed first.
    member val Chars = 0L with get, set
    member val Texts = 0 with get, set
    member val TextsAccepted = 0 with get, set
    member val Compiled = 0 with get, set
    member val Runs = 0 with get, set
    member val Slowest = 0L with get, set
    member val MostBytes = 0L with get, set

    override c.ToString() =
        $"{c.Binary} mutants of modules, {c.Accepted} of them valid, {c.Printed} of these printed and parsed again; "
        + $"{c.Texts} mutants of texts, {c.TextsAccepted} of them read; {c.Compiled} modules compiled, {c.Runs} calls compared with the oracle; "
        + $"slowest input {c.Slowest} ms, most allocated {c.MostBytes / 1024L} KiB"

/// What a mutant is put through. A failure is a message; exceptions are caught by the caller.
type private Trial(counts: Counts) =
    /// Small enough that a mutant's wishes for memory are refused and not granted.
    let limits = { WasmLimits.Host with MemoryBytes = 16L * 1024L * 1024L; TableEntries = 100_000L }

    let oracle: IWasmEngine = Twofold.Oracle.OracleEngine()

    let engines: (string * IWasmEngine) list = [
        "compiled", CompiledEngine CompileWhen.FirstCall
        for policy in Twofold.Wasm.Compiler.TierPolicy.forced.Value do
            policy.Tier, CompiledEngine policy
        "interpreted", InterpretedEngine InterpMode.Chain
        "interpreted by the loop", InterpretedEngine InterpMode.Loop
    ]

    let check features bytes = Decode.run limits features bytes |> Result.bind (Validate.run limits features)

    let shown (r: Result<RunResult, Rejected>) (instance: IWasmInstance) =
        match r with
        | Error e -> $"refused {e.Kind}"
        | Ok r ->
            let ended =
                match r.End with
                | RunEnd.Returned values ->
                    "returned "
                    + (values |> Array.map (fun v -> if v.Kind >= ValueKind.FuncRef then "ref" else string v) |> String.concat " ")
                | RunEnd.Trapped t -> $"trapped {t.Code} {t.A} {t.B} {t.C}"
                | other -> string other

            let digests = instance.Digests()
            $"{ended}, gas {r.GasUsed}, memory {Convert.ToHexString digests.Memory}, globals {Convert.ToHexString digests.Globals}"

    let call (instance: IWasmInstance) (valid: ValidModule) (export: Export) =
        let result =
            instance.Run {
                Entry = export.Name
                Arguments = valid.FuncTypes[export.Index].Params |> Array.map Twofold.Oracle.Values.zero
                Gas = 20_000L
                StackUnits = 3_000
                Data = null
                Deadline = TimeSpan.Zero
                Cancellation = CancellationToken.None
            }

        let text = shown result instance
        instance.Reset()

        match result with
        | Ok { End = RunEnd.Fault f } -> Error $"a fault: {f}"
        | _ -> Ok text

    /// Every function proved, then up to eight exports called on all engines.
    let execute (valid: ValidModule) : string option =
        match CilProof.problems "" valid with
        | _, problem :: _ -> Some $"bad CIL: {problem}"
        | _, [] ->
            counts.Compiled <- counts.Compiled + 1

            let load (e: IWasmEngine) = e.Load valid |> Result.bind _.Instantiate(Supplied.settings limits valid)
            let expected = load oracle
            let made = engines |> List.map (fun (name, e) -> name, load e)

            match expected with
            | Error refused ->
                made
                |> List.tryPick (fun (name, m) ->
                    match m with
                    | Error r when r.Kind = refused.Kind -> None
                    | other -> Some $"refused by the oracle, {refused}; {name}: %A{other}")
            | Ok oracle ->
                let exports =
                    valid.Module.Exports
                    |> Array.filter (fun e -> e.Kind = ExternKind.Func && e.Index >= valid.ImportedFuncs)
                    // Called with zeros and nulls: a reference that cannot be null has no such argument.
                    |> Array.filter (fun e -> valid.FuncTypes[e.Index].Params |> Array.forall _.IsDefaultable)
                    |> Array.truncate 8

                let difference (e: Export) =
                    counts.Runs <- counts.Runs + 1

                    match call oracle valid e with
                    | Error fault -> Some $"export {e.Name}: the oracle: {fault}"
                    | Ok expected ->
                        made
                        |> List.tryPick (fun (name, m) ->
                            match m |> Result.mapError string |> Result.bind (fun i -> call i valid e) with
                            | Ok found when found = expected -> None
                            | Ok found -> Some $"export {e.Name}: the oracle {expected}; {name} {found}"
                            | Error wrong -> Some $"export {e.Name}: {name}: {wrong}")

                let found = exports |> Array.tryPick difference
                oracle.Dispose()

                for _, m in made do
                    m |> Result.iter _.Dispose()

                found

    /// What an encoding says, names aside: a name may be given to another of two functions that share it.
    let withoutNames (bytes: byte[]) = (item "" bytes).Sections |> Array.filter (fun (id, _) -> id <> 0)

    /// Printed, parsed, printed, parsed: the second encoding is the first.
    let roundTrip (valid: ValidModule) : string option =
        match Printer.run limits Features.All valid.Module with
        | Error e when e.Kind.IsFeature -> None
        | Error e -> Some $"does not print: {e}"
        | Ok text ->
            counts.Chars <- counts.Chars + int64 text.Length

            match Wat.parse text with
            | Error e when e.Kind.IsFeature -> None
            | Error e -> Some $"its text does not parse: {e}"
            | Ok bytes ->
                match check Features.All bytes with
                | Error e -> Some $"its text is refused: {e}"
                | Ok again ->
                    counts.Printed <- counts.Printed + 1

                    match Printer.run limits Features.All again.Module |> Result.bind Wat.parse with
                    | Ok second when withoutNames second = withoutNames bytes -> None
                    | Ok _ -> Some "printed differently the second time"
                    | Error e -> Some $"does not print and parse again: {e}"

    member _.Binary(bytes: byte[], alsoRun: bool) : string option =
        counts.Binary <- counts.Binary + 1

        match check Features.All bytes with
        | Error _ -> None
        | Ok valid ->
            counts.Accepted <- counts.Accepted + 1
            let code = valid.Module.Code |> Array.sumBy _.Length

            let executed () =
                if alsoRun && code <= 3_000 then
                    match check Features.Default bytes with
                    | Ok valid -> execute valid
                    | Error e when e.Kind.IsFeature -> None
                    | Error e -> Some $"valid with all features, refused without: {e}"
                else
                    None

            (if bytes.Length < 20_000 then roundTrip valid else None) |> Option.orElseWith executed

    member _.Text(bytes: byte[]) : string option =
        counts.Texts <- counts.Texts + 1

        match Wat.parseBytes bytes with
        | Error _ -> None
        | Ok encoded ->
            counts.TextsAccepted <- counts.TextsAccepted + 1
            // What the parser writes must decode, or be refused by a rule or a feature: never malformed.
            match check Features.All encoded with
            | Error e when e.Kind.IsMalformed && not (e.Message.Contains "too many locals") -> Some $"encoded to {e}"
            | _ -> None

    member _.Script(bytes: byte[]) : string option =
        counts.Texts <- counts.Texts + 1

        match Script.parse bytes with
        | Error _ -> None
        | Ok items ->
            counts.TextsAccepted <- counts.TextsAccepted + 1

            for item in items do
                match item.Command with
                | ScriptCommand.Module(_, m)
                | ScriptCommand.ModuleDefinition(_, m) -> Script.bytes m |> Result.bind (check Features.All) |> ignore
                | _ -> ()

            None

[<TestFixture; NonParallelizable>]
type Mutants() =
    let number name (otherwise: uint64) =
        match UInt64.TryParse(Environment.GetEnvironmentVariable name) with
        | true, n -> n
        | _ -> otherwise

    let folder = Path.Combine(Repository.root, "artifacts", "fuzz")

    /// Bytes that an input may make the decoder, the validator, the printer and the parser allocate together; a count of locals is longer in text than in binary.
    let allowed (input: int) (printed: int64) = 8_000_000L + 2_000L * int64 input + 100L * printed

    /// Mutants that once failed, by hand: what the campaign finds stays found.
    [<Test>]
    member _.``a memory that is imported several times is one memory``() =
        let text =
            """(module
                 (import "spectest" "memory" (memory 1 2))
                 (import "spectest" "memory" (memory $m 1 2))
                 (func (export "load") (param i32) (result i32) (i32.load $m (local.get 0)))
                 (data $m (i32.const 0) "\10"))"""

        match Wat.parse text with
        | Error e -> Assert.Fail(string e)
        | Ok bytes -> Assert.That(Trial(Counts()).Binary(bytes, true), Is.EqualTo None)

    [<Test>]
    member _.``no mutant throws, hangs, or is understood in two ways``() =
        let count = int (number "TWOFOLD_FUZZ" 20_000UL)
        let seed = number "TWOFOLD_FUZZ_SEED" 1UL
        let from = int (number "TWOFOLD_FUZZ_FROM" 0UL)
        Directory.CreateDirectory folder |> ignore
        let corpus = Corpus.load ()
        let counts = Counts()
        let trial = Trial counts
        let failures = ResizeArray<string>()
        let started = Stopwatch.StartNew()
        // Written before each input, so that a process that dies says where.
        use at = new FileStream(Path.Combine(folder, "at.txt"), FileMode.Create, FileAccess.Write, FileShare.Read, 1)
        let mutable current = from
        let mutable since = Stopwatch.GetTimestamp()

        use _watchdog =
            new Timer(
                (fun _ ->
                    if (Stopwatch.GetElapsedTime(Volatile.Read &since)).TotalSeconds > 120.0 then
                        Environment.FailFast $"fuzz: input {Volatile.Read &current} of seed {seed} hangs"),
                null,
                5_000,
                5_000
            )

        for n in from .. from + count - 1 do
            current <- n
            Volatile.Write(&since, Stopwatch.GetTimestamp())
            at.Position <- 0L
            at.Write(ReadOnlySpan(Encoding.ASCII.GetBytes $"seed {seed} number {n}\n"))
            let d = Dice(seed * 0x1000000000UL + uint64 n)

            let input, judge =
                match d.Below 20 with
                | 0
                | 1 when corpus.Texts.Length > 0 ->
                    let text = text d corpus.Texts (d.Of corpus.Texts)
                    text, (fun () -> trial.Text text)
                | 2 when corpus.Scripts.Length > 0 ->
                    let text = text d corpus.Scripts (d.Of corpus.Scripts)
                    text, (fun () -> trial.Script text)
                | _ ->
                    let large = corpus.Large.Length > 0 && d.Below 1000 = 0

                    let chosen =
                        if large then d.Of corpus.Large
                        elif corpus.Odd.Length > 0 && d.Below 4 = 0 then d.Of corpus.Odd
                        else d.Of corpus.Valid

                    let bytes = binary d corpus.Valid chosen
                    let alsoRun = d.Below 10 = 0
                    bytes, (fun () -> trial.Binary(bytes, alsoRun))

            let attempt () =
                let compiled = counts.Compiled
                let printed = counts.Chars
                let before = GC.GetAllocatedBytesForCurrentThread()
                let clock = Stopwatch.StartNew()

                let failure =
                    try
                        judge ()
                    with e ->
                        Some(string e)

                let bytes = GC.GetAllocatedBytesForCurrentThread() - before

                let beyond = bytes > allowed input.Length (counts.Chars - printed)

                if counts.Compiled > compiled then
                    failure, 0L, false, clock.ElapsedMilliseconds
                else
                    failure, bytes, beyond, clock.ElapsedMilliseconds

            let failure, bytes, beyond, milliseconds = attempt ()

            // A machine with other work may stop us for a second; an input that takes one does so twice.
            let milliseconds =
                if milliseconds > 1_000L then
                    let _, _, _, again = attempt ()
                    min milliseconds again
                else
                    milliseconds

            counts.Slowest <- max counts.Slowest milliseconds
            counts.MostBytes <- max counts.MostBytes bytes

            let failure =
                if failure.IsSome then failure
                elif milliseconds > 1_000L then Some $"takes {milliseconds} ms"
                elif beyond then Some $"allocates {bytes} bytes for an input of {input.Length}"
                else None

            match failure with
            | Some message ->
                if failures.Count < 100 then
                    File.WriteAllBytes(Path.Combine(folder, $"{seed}-{n}.bin"), input)
                    failures.Add $"number {n}: {message}"
                    File.WriteAllLines(Path.Combine(folder, "failures.txt"), failures)
            | None -> ()

        let summary =
            $"seed {seed}, {count} inputs from number {from}, {corpus.Modules} modules and "
            + $"{corpus.Texts.Length + corpus.Scripts.Length} texts in the corpus, {started.Elapsed.TotalSeconds:F0} s: {counts}; {failures.Count} failures"

        File.WriteAllText(Path.Combine(folder, "summary.txt"), summary + "\n")
        TestContext.Progress.WriteLine summary
        Assert.That(failures, Is.Empty)
