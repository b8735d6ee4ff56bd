namespace Twofold.Bench

// Timing by stopwatch: warm up, then the median of a few runs, because kernels take milliseconds and machines are shared.
// In: an action. Out: milliseconds or nanoseconds, and the last answer.

open System
open System.Diagnostics

module Measure =
    let median (xs: float[]) = (Array.sort xs)[xs.Length / 2]

    let geomean (xs: float list) = exp (xs |> List.averageBy log)

    let once (f: unit -> 'a) : struct (float * 'a) =
        let start = Stopwatch.GetTimestamp()
        let answer = f ()
        struct (Stopwatch.GetElapsedTime(start).TotalMilliseconds, answer)

    /// In CPU milliseconds of this process, which has one busy thread while kernels run.
    let onceCpu (f: unit -> 'a) : struct (float * 'a) =
        let start = Environment.CpuUsage.TotalTime
        let answer = f ()
        struct ((Environment.CpuUsage.TotalTime - start).TotalMilliseconds, answer)

    /// Runs for at least `warm` milliseconds and three times, as V8's runner does.
    let warmUp (warm: float) (f: unit -> 'a) =
        let mutable spent = 0.0
        let mutable runs = 0

        while spent < warm || runs < 3 do
            let struct (t, _) = once f
            spent <- spent + t
            runs <- runs + 1

    /// The median of `n` runs in milliseconds, and the last answer.
    let medianOf (n: int) (f: unit -> 'a) : struct (float * 'a) =
        let times = Array.zeroCreate n
        let mutable answer = Unchecked.defaultof<'a>

        for k in 0 .. n - 1 do
            let struct (t, a) = once f
            times[k] <- t
            answer <- a

        struct (median times, answer)

    /// Nanoseconds of one operation: the median of nine batches of `count`, after a tenth of a second to warm up.
    let perOperation (count: int) (batch: int -> 'a) : float =
        warmUp 100.0 (fun () -> batch count)
        let struct (ms, _) = medianOf 9 (fun () -> batch count)
        ms * 1e6 / float count

    /// The same in CPU time, best of nine: for machines that are busy with other things.
    let cpuPerOperation (count: int) (batch: int -> 'a) : float =
        warmUp 100.0 (fun () -> batch count)

        Seq.init 9 (fun _ ->
            let struct (ms, _) = onceCpu (fun () -> batch count)
            ms)
        |> Seq.min
        |> fun ms -> ms * 1e6 / float count
