namespace Twofold.Bench

// `kernels`: the table that whoever tunes the compiler looks at, in about a minute.
// In: kernel names, or none for all. Out: ours, V8's, ratio and geomean on stdout; an answer that differs from V8's is an error.

open System

module QuickTable =
    let private line (name: string) (ours: float) (v8: float option) (gas: int64) =
        match v8 with
        | Some v -> printfn "%-12s %9.2f %9.2f %7.2f %16d" name ours v (ours / v) gas
        | None -> printfn "%-12s %9.2f %9s %7s %16d" name ours "-" "-" gas

    /// One kernel: our median, V8's, the gas. Raises when the answers differ.
    let measure (k: Kernel) : struct (float * float option * int64) =
        use ours = new OurKernel(k)
        Measure.warmUp 200.0 ours.Run
        let struct (ms, struct (answer, gas)) = Measure.medianOf 9 ours.Run

        match V8.run k.Name with
        | Some v8 when v8.Result <> answer -> failwith $"{k.Name}: we answer {answer}, V8 {v8.Result}"
        | v8 -> struct (ms, v8 |> Option.map _.Value, gas)

    let run (names: string list) : int =
        match Kernels.named names with
        | Error e ->
            eprintfn "%s" e
            2
        | Ok kernels ->
            printfn "%-12s %9s %9s %7s %16s" "kernel" "ours ms" "V8 ms" "ratio" "gas"

            let ratios = [
                for k in kernels do
                    let struct (ms, v8, gas) = measure k
                    line k.Name ms v8 gas

                    match v8 with
                    | Some v -> ms / v
                    | None -> ()
            ]

            match V8.version with
            | Some version when not ratios.IsEmpty ->
                printfn "%-12s %9s %9s %7.3f   (node %s)" "geomean" "" "" (Measure.geomean ratios) version
            | _ -> printfn "V8 skipped: no node on the path"

            0
