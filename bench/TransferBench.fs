namespace Twofold.Bench

// The main job: a sample token's Transfer through the whole pipeline, beside the same export called raw.
// In: a sample contract. Out: nanoseconds for a receipt, a replay, and the export alone with recorded answers of the host.

open System
open System.Collections.Generic
open Twofold.Wasm
open Twofold.Wasm.Validation
open Twofold.Engine
open Twofold.Determinism
open Twofold.Determinism.World

/// What a host call did: its result and the memory it changed.
[<NoComparison; NoEquality>]
type private HostAnswer = { Result: uint64; Writes: struct (uint32 * byte[]) list }

/// An engine that notes the host functions' answers while they are real, so that the export can be run again without a host.
type private Recorder() =
    let compiled: IWasmEngine = CompiledEngine()
    let answers = List<HostAnswer>()
    let mutable settings: InstanceSettings option = None
    let mutable valid: ValidModule option = None

    let record (f: HostFunction) =
        HostFunction(fun guest arguments ->
            let size = uint32 guest.MemorySize
            let before = guest.Slice(0u, size).ToArray()
            let result = f.Invoke(guest, arguments)
            let after = guest.Slice(0u, size)
            let writes = List<struct (uint32 * byte[])>()
            let mutable i = 0

            while i < before.Length do
                if before[i] <> after[i] then
                    let start = i

                    while i < before.Length && before[i] <> after[i] do
                        i <- i + 1

                    writes.Add(struct (uint32 start, after.Slice(start, i - start).ToArray()))
                else
                    i <- i + 1

            answers.Add { Result = result; Writes = List.ofSeq writes }
            result)

    member _.Answers = answers
    member _.Settings = settings.Value
    member _.Valid = valid.Value

    interface IWasmEngine with
        member _.Name = compiled.Name
        member _.Version = compiled.Version

        member _.Load v =
            valid <- Some v

            compiled.Load v
            |> Result.map (fun inner -> {
                new IWasmModule with
                    member _.Module = inner.Module

                    member _.Instantiate s =
                        settings <- Some s
                        inner.Instantiate { s with Functions = s.Functions |> List.map (fun f -> { f with Function = record f.Function }) }

                    member _.Dispose() = inner.Dispose()
            })

/// Figures of one contract, in nanoseconds.
type TransferFigures = { Contract: string; Execute: float; Replay: float; Raw: float; Gas: int64 }

module TransferBench =
    let private orFail what (r: Result<'a, 'e>) =
        match r with
        | Ok x -> x
        | Error e -> failwith $"{what}: {e}"

    let private furnished name =
        use e = new Executor(ExecutorOptions.For(CompiledEngine()))

        let step (snapshot, n) (caller, call) =
            let report = e.Execute(request name snapshot caller n call) |> orFail name
            apply report.Receipt.Draft.Value snapshot, n + 1

        [ owner, Initialize("Gold", "GLD"); owner, Mint(alice, 60UL); owner, Mint(alice, 40UL) ]
        |> List.fold step (empty, 1)
        |> fst

    /// The export alone: the host answers from the record.
    let private rawCall (transfer: ExecutionRequest) =
        let recorder = Recorder()
        use e = new Executor({ ExecutorOptions.For recorder with Pool = { PoolOptions.Default with IdlePerModule = 0 } })
        e.Execute transfer |> orFail "recording" |> ignore
        let answers = recorder.Answers.ToArray()
        let mutable next = 0

        let play =
            HostFunction(fun guest _ ->
                let a = answers[next]
                next <- next + 1

                for struct (at, bytes) in a.Writes do
                    bytes.AsSpan().CopyTo(guest.Slice(at, uint32 bytes.Length))

                a.Result)

        let settings = recorder.Settings
        use loaded = (CompiledEngine() :> IWasmEngine).Load recorder.Valid |> orFail "load"

        use instance =
            loaded.Instantiate { settings with Functions = settings.Functions |> List.map (fun f -> { f with Function = play }) }
            |> orFail "instantiate"

        let call = Instances.settings transfer.Entry [||]

        let once () =
            next <- 0
            instance.Reset()

            match (instance.Run call |> orFail "run").End with
            | RunEnd.Returned [| status |] when status.AsI32() = 0 && next = answers.Length -> ()
            | other -> failwith $"the raw call ended with {other} after {next} of {answers.Length} host calls"

        Measure.perOperation 2_000 (fun n ->
            for _ in 1..n do
                once ())

    let measure (name: string) : TransferFigures =
        let transfer = request name (furnished name) alice 9 (Transfer(bob, 5UL))
        use e = new Executor(ExecutorOptions.For(CompiledEngine()))
        let bytes = Repository.contract name
        let report = e.Execute transfer |> orFail name

        let execute =
            Measure.perOperation 1_000 (fun n ->
                for _ in 1..n do
                    e.Execute transfer |> orFail name |> ignore)

        let replay =
            Measure.perOperation 1_000 (fun n ->
                for _ in 1..n do
                    match e.Replay(report.Receipt, bytes) with
                    | ReplayResult.Identical _ -> ()
                    | other -> failwith $"{other}")

        { Contract = name; Execute = execute; Replay = replay; Raw = rawCall transfer; Gas = report.Receipt.GasUsed }
