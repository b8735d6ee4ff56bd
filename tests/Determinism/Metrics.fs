module Twofold.Determinism.Metrics

// What a host sees of an engine through System.Diagnostics: every instrument, its unit, its tags, and the activities.
// In: runs of every kind. Out: measurements, caught by a listener of this test's own meter factory, so that other tests do not disturb.

open System
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open System.IO
open System.Text
open NUnit.Framework
open Twofold.Wasm
open Twofold.Engine
open Twofold.Determinism.Limits

/// A factory as a container has one, for one test.
type private Factory() =
    let meters = List<Meter>()
    member _.Owns(meter: Meter) = lock meters (fun () -> meters.Contains meter)

    interface IMeterFactory with
        member _.Create options =
            let meter = new Meter(options)
            lock meters (fun () -> meters.Add meter)
            meter

        member _.Dispose() = lock meters (fun () -> meters |> Seq.iter _.Dispose())

type private Seen = { Name: string; Value: float; Tags: Map<string, string> }

/// Everything that is measured by the factory's meters.
type private Listener(factory: Factory) as this =
    let seen = List<Seen>()
    let published = Dictionary<string, Instrument>()
    let listener = new MeterListener()

    let record (instrument: Instrument) (value: float) (tags: ReadOnlySpan<KeyValuePair<string, obj>>) =
        let pairs = tags.ToArray() |> Array.map (fun t -> t.Key, string t.Value)
        lock seen (fun () -> seen.Add { Name = instrument.Name; Value = value; Tags = Map.ofArray pairs })

    do this.Start()

    member private _.Start() =
        listener.InstrumentPublished <-
            fun instrument l ->
                if factory.Owns instrument.Meter then
                    lock published (fun () -> published[instrument.Name] <- instrument)
                    l.EnableMeasurementEvents instrument

        listener.SetMeasurementEventCallback<float>(fun i v tags _ -> record i v tags)
        listener.SetMeasurementEventCallback<int64>(fun i v tags _ -> record i (float v) tags)
        listener.Start()

    member _.Published = lock published (fun () -> List.ofSeq published.Values)

    /// Everything so far under a name, after the observed ones were asked.
    member _.Of(name: string) : Seen list =
        listener.RecordObservableInstruments()
        lock seen (fun () -> seen |> Seq.filter (fun s -> s.Name = name) |> List.ofSeq)

    interface IDisposable with
        member _.Dispose() = listener.Dispose()

let private text =
    """(module
        (memory 2)
        (func (export "fine") (result i32) i32.const 0)
        (func (export "no") (result i32) i32.const 3)
        (func (export "trap") (result i32) unreachable)
        (func (export "loop") (result i32) (loop $l (br $l)) unreachable))"""

let private call entry = contract (Encoding.UTF8.GetBytes text) entry

let private measured (options: ExecutorOptions -> ExecutorOptions) (work: Executor -> unit) (check: Executor -> Listener -> unit) =
    use factory = new Factory()
    use listener = new Listener(factory)
    use e = new Executor(options { ExecutorOptions.For(CompiledEngine()) with Meters = factory })
    work e
    check e listener

let private total (seen: Seen list) = seen |> List.sumBy _.Value

let private tagged name (seen: Seen list) = seen |> List.map (fun s -> s.Tags[name])

[<Test>]
let ``executions are counted by how they ended, with gas`` () =
    measured
        id
        (fun e ->
            for entry in [ "fine"; "fine"; "no"; "trap"; "loop"; "missing" ] do
                e.Execute { call entry with Limits = { RequestLimits.None with Gas = Some 100_000L } } |> ignore)
        (fun _ l ->
            let runs = l.Of "twofold.execution.duration"

            Assert.That(
                (tagged "twofold.outcome" runs = [ "returned"; "returned"; "failed"; "trapped"; "out_of_gas"; "rejected" ]),
                $"%A{runs}"
            )

            Assert.That(runs |> List.forall (fun r -> r.Value > 0.0 && r.Value < 60.0))
            Assert.That((tagged "twofold.engine" runs |> List.distinct) = [ "compiled" ])
            Assert.That((tagged "twofold.profile" runs |> List.distinct) = [ "contract" ])
            let gas = l.Of "twofold.execution.gas"
            Assert.That(gas.Length, Is.EqualTo 5)
            Assert.That((List.last gas).Value, Is.EqualTo 100_000.0))

[<Test>]
let ``faults say what they were`` () =
    measured
        id
        (fun e ->
            let profile = { Profile.contract with Deadline = TimeSpan.FromMilliseconds 20.0 }
            let profile = { profile with Policy = { profile.Policy with Gas = Profile.UnlimitedGas } }
            e.Execute { call "loop" with Profile = profile } |> ignore
            use cancelled = new Threading.CancellationTokenSource()
            cancelled.Cancel()
            e.Execute({ call "loop" with Profile = profile }, cancelled.Token) |> ignore)
        (fun _ l ->
            Assert.That((l.Of "twofold.execution.faults" |> tagged "error.type" = [ "deadline"; "cancelled" ]))
            Assert.That(l.Of "twofold.instance.discarded" |> total, Is.EqualTo 2.0))

[<Test>]
let ``cache and pool show what they hold`` () =
    measured
        (fun o -> { o with CachedModules = 1 })
        (fun e ->
            for _ in 1..3 do
                e.Execute(call "fine") |> ignore)
        (fun e l ->
            Assert.That((l.Of "twofold.cache.lookups" |> tagged "twofold.cache.result" = [ "miss"; "hit"; "hit" ]))
            Assert.That((l.Of "twofold.module.load.duration" |> tagged "twofold.outcome" = [ "loaded" ]))

            Assert.That(
                (l.Of "twofold.instance.acquire.duration" |> tagged "twofold.instance.pooled" |> List.map _.ToLowerInvariant()) = [
                    "false"
                    "true"
                    "true"
                ]
            )

            Assert.That(l.Of "twofold.instance.created" |> total, Is.EqualTo 1.0)
            Assert.That((l.Of "twofold.instance.reset.duration").Length, Is.EqualTo 3)
            Assert.That((l.Of "twofold.instance.reset.pages" |> List.map _.Value) = [ 2.0; 2.0; 2.0 ])
            Assert.That((List.last (l.Of "twofold.instance.idle")).Value, Is.EqualTo 1.0)
            Assert.That((List.last (l.Of "twofold.instance.in_use")).Value, Is.EqualTo 0.0)
            Assert.That((List.last (l.Of "twofold.cache.modules")).Value, Is.EqualTo 1.0)
            let size = (List.last (l.Of "twofold.cache.size")).Value
            Assert.That(size, Is.GreaterThan 60.0)
            // Another module takes the place of the first.
            let other = "(module (func (export \"fine\") (result i32) i32.const 0))"
            e.Execute(contract (Encoding.UTF8.GetBytes other) "fine") |> ignore
            Assert.That(l.Of "twofold.cache.evictions" |> total, Is.EqualTo 1.0)
            Assert.That((List.last (l.Of "twofold.cache.size")).Value, Is.LessThan size))

[<Test>]
let ``replays say what came of them`` () =
    measured
        id
        (fun e ->
            let bytes = Encoding.UTF8.GetBytes text
            let receipt = (Harness.report e (call "fine")).Receipt
            e.Replay(receipt, bytes) |> ignore
            e.Replay({ receipt with GasUsed = receipt.GasUsed + 1L }, bytes) |> ignore
            e.Replay(receipt, Encoding.UTF8.GetBytes "(module)") |> ignore)
        (fun _ l ->
            let expected = [ "identical"; "differs"; "cannot_judge" ]
            Assert.That((l.Of "twofold.replay.duration" |> tagged "twofold.replay.result" = expected)))

[<Test>]
let ``an activity surrounds each execution, and one each load`` () =
    let seen = List<Activity>()

    use listener =
        new ActivityListener(
            ShouldListenTo = (fun s -> s.Name = "Twofold"),
            Sample = (fun _ -> ActivitySamplingResult.AllData),
            ActivityStopped = (fun a -> lock seen (fun () -> seen.Add a))
        )

    ActivitySource.AddActivityListener listener
    // Other tests run at the same time: ours are those under this activity.
    use root = (new Activity("test")).Start()

    measured
        id
        (fun e ->
            e.Execute(call "fine") |> ignore
            e.Execute(call "missing") |> ignore)
        (fun _ _ -> ())

    let ours = lock seen (fun () -> seen |> Seq.filter (fun a -> a.TraceId = root.TraceId) |> List.ofSeq)
    Assert.That((ours |> List.map _.OperationName) = [ "twofold.load"; "twofold.execute"; "twofold.execute" ])
    let load, run, refused = ours[0], ours[1], ours[2]
    Assert.That(load.ParentSpanId, Is.EqualTo run.SpanId)
    Assert.That(run.GetTagItem "twofold.outcome", Is.EqualTo "returned")
    Assert.That(run.GetTagItem "twofold.entry", Is.EqualTo "fine")
    Assert.That((run.GetTagItem "twofold.gas" :?> int64), Is.GreaterThan 0L)
    Assert.That(run.Status, Is.EqualTo ActivityStatusCode.Unset)
    Assert.That(refused.GetTagItem "twofold.outcome", Is.EqualTo "rejected")
    Assert.That(refused.Status, Is.EqualTo ActivityStatusCode.Error)
    Assert.That(refused.StatusDescription, Does.Contain "missing")

[<Test>]
let ``measuring changes no receipt`` () =
    let plain = Harness.report Harness.fresh (call "fine")

    measured
        id
        (fun e ->
            use listener =
                new ActivityListener(ShouldListenTo = (fun s -> s.Name = "Twofold"), Sample = (fun _ -> ActivitySamplingResult.AllData))

            ActivitySource.AddActivityListener listener
            Assert.That((Harness.report e (call "fine")).ReceiptDigest = plain.ReceiptDigest))
        (fun _ _ -> ())

[<Test>]
let ``the page lists every instrument with its unit`` () =
    measured id ignore (fun _ l ->
        let page = File.ReadAllText(Path.Combine(Repository.root, "docs", "OBSERVABILITY.md"))
        Assert.That(l.Published.Length, Is.GreaterThan 15)

        for instrument in l.Published do
            Assert.That(page, Does.Contain $"| `{instrument.Name}` | {instrument.Unit} |", instrument.Name))
