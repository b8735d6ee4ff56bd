module Twofold.Determinism.Hammer

// Cache and pool under eight threads: nothing is compiled twice, nothing is used by two at once, nothing is lost.
// In: many requests at the same time, with evictions and clears between them. Out: counters that add up, receipts that agree.

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism.World
open Twofold.Determinism.Harness

let private inParallel (count: int) (work: int -> unit) =
    Parallel.For(0, count, ParallelOptions(MaxDegreeOfParallelism = 8), work) |> ignore

/// Counts loads and live instances, and notices an instance that runs twice at once.
type private Counting() =
    let inner = newEngine ()
    let mutable loads = 0
    let mutable live = 0
    let mutable overlaps = 0
    member _.Loads = loads
    member _.Live = live
    member _.Overlaps = overlaps

    member private _.Instance(made: IWasmInstance) : IWasmInstance =
        Interlocked.Increment &live |> ignore
        let mutable running = 0

        let exclusive work =
            if Interlocked.Exchange(&running, 1) = 1 then
                Interlocked.Increment &overlaps |> ignore

            let result = work ()
            Interlocked.Exchange(&running, 0) |> ignore
            result

        {
            new IWasmInstance with
                member _.Run s = exclusive (fun () -> made.Run s)
                member _.RunCalls(s, calls) = exclusive (fun () -> made.RunCalls(s, calls))
                member _.Digests() = exclusive made.Digests
                member _.ResetDigest() = exclusive made.ResetDigest
                member _.Where() = made.Where()
                member _.Reset() = exclusive made.Reset

                member _.Dispose() =
                    Interlocked.Decrement &live |> ignore
                    made.Dispose()
        }

    interface IWasmEngine with
        member _.Name = inner.Name
        member _.Version = inner.Version

        member this.Load valid =
            Interlocked.Increment &loads |> ignore
            // A slow load, so that others arrive while it lasts.
            Thread.Sleep 20

            inner.Load valid
            |> Result.map (fun m -> {
                new IWasmModule with
                    member _.Module = m.Module
                    member _.Instantiate s = m.Instantiate s |> Result.map this.Instance
                    member _.Dispose() = m.Dispose()
            })

let private names = Repository.contracts |> List.map fst |> Array.ofList

let private requests =
    lazy (names |> Array.map (fun name -> request name (Tokens.furnished name) alice 9 (Transfer(bob, 5UL))))

[<Test>]
let ``eight threads that ask for one module load it once`` () =
    let counting = Counting()
    use e = new Executor(ExecutorOptions.For counting)
    use start = new Barrier 8
    let digests = ConcurrentBag<Hash32>()

    let threads = [
        for _ in 1..8 ->
            Thread(fun () ->
                start.SignalAndWait()

                for _ in 1..25 do
                    digests.Add (report e requests.Value[0]).ReceiptDigest)
    ]

    threads |> List.iter _.Start()
    threads |> List.iter _.Join()
    Assert.That(counting.Loads, Is.EqualTo 1)
    Assert.That(digests.Count, Is.EqualTo 200)
    Assert.That((Seq.distinct digests |> Seq.length), Is.EqualTo 1)
    Assert.That(counting.Overlaps, Is.EqualTo 0)
    Assert.That(e.PoolCounters.Leased, Is.EqualTo 0)
    Assert.That(counting.Live, Is.EqualTo e.PoolCounters.Idle)
    e.Clear()
    Assert.That(counting.Live, Is.EqualTo 0, "clearing leaves no instance")

[<Test>]
let ``runs, evictions and clears at once lose nothing and agree`` () =
    let counting = Counting()

    use e =
        new Executor(
            {
                ExecutorOptions.For counting with
                    CachedModules = 3
                    Pool = { PoolOptions.Default with IdlePerModule = 2; ProveResets = true }
            }
        )

    let expected = requests.Value |> Array.map (fun r -> (report fresh r).ReceiptDigest)
    let wrong = ConcurrentBag<string>()

    inParallel 2000 (fun i ->
        match i % 97 with
        | 13 -> e.ClearPools()
        | 29 -> e.Evict(Hash32.sha256 (ReadOnlySpan(moduleBytes requests.Value[i % names.Length]))) |> ignore
        | 71 -> e.Clear()
        | _ ->
            let k = i % names.Length

            match e.Execute requests.Value[k] with
            | Ok r when r.ReceiptDigest = expected[k] -> ()
            | Ok r -> wrong.Add $"{names[k]}: {r.Message}"
            | Error refusal -> wrong.Add $"{names[k]}: {refusal}")

    Assert.That(wrong, Is.Empty)
    Assert.That(counting.Overlaps, Is.EqualTo 0)
    Assert.That(e.PoolCounters.Leased, Is.EqualTo 0)
    Assert.That(e.CacheCounters.Modules, Is.LessThanOrEqualTo 3)
    e.Clear()
    Assert.That(counting.Live, Is.EqualTo 0, "no instance is left behind")

[<Test>]
let ``a refused module is refused to everybody and not kept`` () =
    let counting = Counting()
    use e = new Executor(ExecutorOptions.For counting)
    let bad = Limits.raw [| 0uy; 1uy; 2uy |] "run" []
    let refusals = ConcurrentBag<bool>()

    inParallel 64 (fun _ ->
        refusals.Add(
            match e.Execute bad with
            | Error(Refusal.Rejected r) -> r.Kind = RejectKind.Malformed
            | _ -> false
        ))

    Assert.That(Seq.forall id refusals)
    Assert.That(e.CacheCounters.Modules, Is.EqualTo 0)

[<Test>]
let ``one module under other settings never shares an instance`` () =
    use e = executor { PoolOptions.Default with ProveResets = true }
    let plain = requests.Value[0]
    let low = { plain with Limits = { RequestLimits.None with MemoryBytes = Some(16L * 65536L) } }
    report e plain |> ignore
    Assert.That((report e plain).PoolHit)
    let first = report e low
    Assert.That(first.CacheHit, "it is not compiled again")
    Assert.That(first.PoolHit, Is.False)
    Assert.That((report e low).PoolHit)

[<Test>]
let ``requests with odd limits do not starve the pool of the usual ones`` () =
    use e = executor { PoolOptions.Default with IdlePerModule = 2; ProveResets = false }
    let plain = requests.Value[0]

    for pages in 20L .. 60L do
        report e { plain with Limits = { RequestLimits.None with MemoryBytes = Some(pages * 65536L) } } |> ignore

    report e plain |> ignore
    Assert.That((report e plain).PoolHit)
    Assert.That(e.PoolCounters.Idle, Is.EqualTo 2)

    // A stack limit is the run's own: it needs no instance of its own.
    Assert.That((report e { plain with Limits = { RequestLimits.None with StackUnits = Some 5_000 } }).PoolHit)
