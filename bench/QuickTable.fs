namespace Twofold.Bench

// `kernels`: the table that whoever tunes the compiler looks at, in about a minute.
// In: kernel names, or none for all. Out: ours, V8's, ratio and geomean, and the interpreter's on stdout; an answer that differs from V8's is an error.
//
// Ours and V8's runs alternate, CPU time is counted, and the best of each stands: other work on the machine only ever slows a run down.

/// One kernel's figures, in milliseconds.
type Row = {
    Name: string
    Ours: float
    /// The same on the interpreter.
    Interpreted: float
    V8: float option
    Gas: int64
}

module QuickTable =
    [<Literal>]
    let private Runs = 15

    let private line (r: Row) =
        match r.V8 with
        | Some v ->
            printfn "%-12s %9.2f %9.2f %7.2f %9.1f %7.1f %16d" r.Name r.Ours v (r.Ours / v) r.Interpreted (r.Interpreted / r.Ours) r.Gas
        | None -> printfn "%-12s %9.2f %9s %7s %9.1f %7.1f %16d" r.Name r.Ours "-" "-" r.Interpreted (r.Interpreted / r.Ours) r.Gas

    /// Runs of the interpreter: they are long.
    [<Literal>]
    let private Interpretations = 3

    /// Best CPU milliseconds on the interpreter, whose answer and gas must be the compiler's.
    let private interpret (k: Kernel) (expected: struct (string * int64)) : float =
        use ours = new OurKernel(k, true)
        let mutable best = infinity

        for _ in 1..Interpretations do
            let struct (ms, found) = Measure.onceCpu ours.Run
            best <- min best ms

            if found <> expected then
                failwith $"{k.Name}: the compiler gives %A{expected}, the interpreter %A{found}"

        best

    /// Best CPU milliseconds of ours, of V8's, and the gas of a run. Raises when the answers differ.
    let private measure (v8: V8Turns option) (k: Kernel) : Row =
        use ours = new OurKernel(k)
        v8 |> Option.iter (fun v -> v.Load k)
        Measure.warmUp 200.0 ours.Run
        let mutable best = infinity
        let mutable bestV8 = infinity
        let mutable gasUsed = 0L
        let mutable ourAnswer = ""

        for _ in 1..Runs do
            let struct (ms, struct (answer, gas)) = Measure.onceCpu ours.Run
            best <- min best ms
            gasUsed <- gas
            ourAnswer <- answer

            match v8 with
            | Some v ->
                let struct (ms, expected) = v.Run()
                bestV8 <- min bestV8 ms

                if answer <> expected then
                    failwith $"{k.Name}: we answer {answer}, V8 {expected}"
            | None -> ()

        {
            Name = k.Name
            Ours = best
            Interpreted = interpret k (struct (ourAnswer, gasUsed))
            V8 = (if v8.IsSome then Some bestV8 else None)
            Gas = gasUsed
        }

    let private each (kernels: Kernel list) (show: Row -> unit) : Row list =
        use v8 = V8Turns.TryStart() |> Option.toObj

        [
            for k in kernels do
                let row = measure (Option.ofObj v8) k
                show row
                row
        ]

    let measureAll (kernels: Kernel list) : Row list = each kernels ignore

    let run (names: string list) : int =
        match Kernels.named names with
        | Error e ->
            eprintfn "%s" e
            2
        | Ok kernels ->
            printfn "%-12s %9s %9s %7s %9s %7s %16s" "kernel" "ours ms" "V8 ms" "ratio" "interp ms" "/ ours" "gas"
            let rows = each kernels line
            let ratios = rows |> List.choose (fun r -> r.V8 |> Option.map (fun v -> r.Ours / v))
            printfn "interpreted / compiled: %.1f" (Measure.geomean (rows |> List.map (fun r -> r.Interpreted / r.Ours)))

            match V8.version with
            | Some version when not ratios.IsEmpty ->
                printfn "%-12s %9s %9s %7.3f   (node %s)" "geomean" "" "" (Measure.geomean ratios) version
            | _ -> printfn "V8 skipped: no node on the path"

            0
