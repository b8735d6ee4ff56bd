/// Laws of every engine on generated guests: it shows what the oracle shows, under any gas limit and any stack limit.
/// In: recipes. Out: the shortest recipe that breaks a law, with both observations. TWOFOLD_CASES sets how many are tried,
/// TWOFOLD_SEED=seed,gamma tries those of an earlier failure again.
module Twofold.Properties.OracleLaws

open System
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open Twofold.Wasm
open Twofold.Properties.Generators
open Twofold.Properties.OracleRuns
open Twofold.Properties.OracleLinked

let private cases fewer =
    match Environment.GetEnvironmentVariable "TWOFOLD_CASES" with
    | null
    | "" -> fewer
    | n -> int n

let private holdsFor arbitrary fewer (law: 'a -> unit) =
    let config = Config.QuickThrowOnFailure.WithMaxTest(cases fewer)

    // A failure prints its seed; TWOFOLD_SEED=seed,gamma runs the same cases again.
    let config =
        match Environment.GetEnvironmentVariable "TWOFOLD_SEED" with
        | null
        | "" -> config
        | text ->
            let parts = text.Split ','
            config.WithReplay(Some { Rnd = Rnd(uint64 parts[0], uint64 parts[1]); Size = None })

    Check.One(config, Prop.forAll arbitrary law)

let private holds fewer (law: Recipe -> unit) = holdsFor recipes fewer law

/// Enough for every generated loop, little enough that endless recursion ends soon.
let private plenty = 30_000L

let private stack = limits.StackUnits

let private subject engine recipe =
    let guest = build recipe
    new Subject(engine, validate guest.Bytes, "f0", guest.Arguments)

/// Limits that are spread over a run: all of them for a short one. The recipe decides, so that a failure replays.
let private spread (recipe: Recipe) (used: int64) (count: int) : int64 list =
    if used <= int64 count then
        [ 0L .. used ]
    else
        let random = Random(recipe.Functions |> Array.sumBy Array.length)
        [ used - 1L; used ] @ [ for _ in 1..count -> random.NextInt64 used ]

let private same (what: string) (expected: Observation) (found: Observation) =
    if expected <> found then
        failwith $"{what}\n  oracle: %A{expected}\n  engine: %A{found}"

[<Test>]
let ``a run with exactly the gas it used ends alike, with less it runs out and has used all`` () =
    holds 150 (fun recipe ->
        use oracle = subject oracle recipe
        let whole = oracle.Run(plenty, stack)

        if whole.End <> "out of gas" then
            same "the gas it used is enough" whole { oracle.Run(whole.Gas, stack) with Calls = whole.Calls }

            for limit in spread recipe (whole.Gas - 1L) 10 do
                let cut = oracle.Run(limit, stack)

                if cut.End <> "out of gas" || cut.Gas <> limit then
                    failwith $"with {limit} of {whole.Gas}: {cut.End}, {cut.Gas} used")

[<Test>]
let ``more stack than enough changes nothing`` () =
    holds 100 (fun recipe ->
        use oracle = subject oracle recipe
        let whole = oracle.Run(plenty, stack)

        for units in [ 40; 100; 400; 3000 ] do
            let cut = oracle.Run(plenty, units)

            if cut.End <> "stack exhausted" then
                same $"{units} units were enough" whole cut)

[<Test>]
let ``every engine shows what the oracle shows, wherever gas ends`` () =
    holds 150 (fun recipe ->
        use oracle = subject oracle recipe
        let whole = oracle.Run(plenty, stack)

        for engine in engines do
            use other = subject engine recipe
            same engine.Name whole (other.Run(plenty, stack))

            for limit in spread recipe whole.Gas 12 do
                same $"{engine.Name}, gas {limit}" (oracle.Run(limit, stack)) (other.Run(limit, stack)))

[<Test>]
let ``every engine shows what the oracle shows, wherever the stack ends`` () =
    holds 100 (fun recipe ->
        use oracle = subject oracle recipe

        for engine in engines do
            use other = subject engine recipe

            for units in [ 17; 30; 50; 80; 130; 210; 340; 1000; 5000; 50_000 ] do
                same $"{engine.Name}, {units} units" (oracle.Run(plenty, units)) (other.Run(plenty, units)))

[<Test>]
let ``runs in which the host makes the calls show what the oracle shows, wherever gas and stack end`` () =
    // Skills and reactors run so. The instrumented engines of these tests call entries only.
    let callers =
        engines
        |> List.filter (fun e -> not (Twofold.Instrumented.InstrumentedEngines.all |> List.exists (fun i -> Object.ReferenceEquals(i, e))))

    holds 100 (fun recipe ->
        use oracle = subject oracle recipe
        let whole = oracle.RunCalls(plenty, stack)

        for engine in callers do
            use other = subject engine recipe
            same engine.Name whole (other.RunCalls(plenty, stack))

            for limit in spread recipe whole.Gas 8 do
                same $"{engine.Name}, gas {limit}" (oracle.RunCalls(limit, stack)) (other.RunCalls(limit, stack))

            for units in [ 17; 50; 130; 1000 ] do
                same $"{engine.Name}, {units} units" (oracle.RunCalls(plenty, units)) (other.RunCalls(plenty, units))

            // The same instance afterwards: nothing of such a run is left in it.
            same $"{engine.Name}, its entry" (oracle.Run(plenty, stack)) (other.Run(plenty, stack)))

[<Test>]
let ``giant functions show the same on every engine`` () =
    holdsFor giantRecipes 10 (fun recipe ->
        use oracle = subject oracle recipe
        let whole = oracle.Run(10L * plenty, stack)

        for engine in engines do
            use other = subject engine recipe
            same engine.Name whole (other.Run(10L * plenty, stack))

            for limit in spread recipe whole.Gas 6 do
                same $"{engine.Name}, gas {limit}" (oracle.Run(limit, stack)) (other.Run(limit, stack)))

[<Test>]
let ``two guests that share memory, table, globals and functions show the same on every engine`` () =
    holdsFor linkedRecipes 80 (fun (under, over) ->
        let first, second = buildLinked under over

        let pair = {
            Under = validate first.Bytes
            Over = validate second.Bytes
            First = first.Arguments
            Second = second.Arguments
        }

        let whole = LinkedRuns.oracle pair plenty stack

        let others = [
            "compiled", LinkedRuns.compiled
            "instrumented", LinkedRuns.instrumented Twofold.Wasm.Instrument.InstrumentOptions.Default
        ]

        for name, run in others do
            same name whole (run pair plenty stack)

            for limit in spread over whole.Gas 8 do
                same $"{name}, gas {limit}" (LinkedRuns.oracle pair limit stack) (run pair limit stack)

            for units in [ 60; 200; 1000 ] do
                same $"{name}, {units} units" (LinkedRuns.oracle pair plenty units) (run pair plenty units))

[<Test>]
let ``instances of one module that run at the same time show what the oracle shows`` () =
    holds 60 (fun recipe ->
        use oracle = subject oracle recipe
        let whole = oracle.Run(plenty, stack)
        let guest = build recipe

        for engine in engines do
            // Loaded once: the threads compile its functions, each when it first needs them, all at once.
            match engine.Load(validate guest.Bytes) with
            | Error rejected -> failwith $"{engine.Name}: {rejected}"
            | Ok loaded ->
                use loaded = loaded
                use start = new Threading.Barrier 4

                let run () =
                    use other = new Subject(engine, loaded, false, "f0", guest.Arguments)
                    start.SignalAndWait()
                    other.Run(plenty, stack)

                let runs = [ for _ in 1..4 -> Threading.Tasks.Task.Factory.StartNew(run, Threading.Tasks.TaskCreationOptions.LongRunning) ]

                for run in runs do
                    same engine.Name whole run.Result)

/// On a thread with little native stack, so that frames have to move to fresh stacks early.
let private onSmallStack (work: unit -> 'a) : 'a =
    let mutable result = Error null

    let run () =
        try
            result <- Ok(work ())
        with e ->
            result <- Error e

    let thread = Threading.Thread(run, 512 * 1024)
    thread.Start()
    thread.Join()

    match result with
    | Ok value -> value
    | Error e -> raise e

[<Test>]
let ``recursion without end ends at the same frame on every engine, however deep the native stack would be`` () =
    let millions = 4_000_000L

    let endless =
        recipes
        |> Arb.filter (fun recipe ->
            use oracle = subject oracle recipe
            oracle.Run(plenty, stack).End = "out of gas")

    holdsFor endless 12 (fun recipe ->
        use oracle = subject oracle recipe
        let whole = oracle.Run(millions, stack)

        for engine in engines do
            use other = subject engine recipe
            same engine.Name whole (onSmallStack (fun () -> other.Run(millions, stack)))
            same $"{engine.Name}, half the stack" (oracle.Run(millions, stack / 2)) (other.Run(millions, stack / 2)))
