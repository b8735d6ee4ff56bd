namespace Twofold.Oracle

// The oracle behind the interface that all engines have, so that one differential harness runs both.
// In: as IWasmEngine says. Out: the same endings, gas and digests that any engine must give.

open System
open System.IO
open System.Buffers.Binary
open System.Diagnostics
open System.Security.Cryptography
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Oracle // last: our Memory, Table, Store.. before those of Twofold.Wasm

/// Digests of receipts, written for obviousness.
module Digest =
    /// docs/RECEIPT_FORMAT.md: sizes, runs of chunks that are not all zero, an end mark for each memory.
    let ofMemories (memories: byte[] seq) : byte[] =
        use bytes = new MemoryStream()
        use writer = new BinaryWriter(bytes)

        for memory in memories do
            writer.Write(uint64 memory.Length)
            let chunks = Array.chunkBySize 4096 memory
            let counts k = k >= 0 && k < chunks.Length && chunks[k].AsSpan().ContainsAnyExcept 0uy

            for first in 0 .. chunks.Length - 1 do
                if counts first && not (counts (first - 1)) then
                    let run = Seq.initInfinite (fun k -> first + k) |> Seq.takeWhile counts |> List.ofSeq
                    writer.Write(uint64 first)
                    writer.Write(uint64 run.Length)

                    for k in run do
                        writer.Write chunks[k]

            writer.Write UInt64.MaxValue

        SHA256.HashData(bytes.ToArray())

    let internal memory (instance: Instance) = instance.Memories |> Seq.map _.Bytes |> ofMemories

    let internal globals (instance: Instance) =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256

        for g in instance.Globals do
            if not g.Type.Value.IsRef then
                let bits = Array.zeroCreate<byte>(if g.Type.Value.IsVec then 16 else 8)
                BinaryPrimitives.WriteUInt64LittleEndian(Span(bits, 0, 8), g.Value.Bits)

                if g.Type.Value.IsVec then
                    BinaryPrimitives.WriteUInt64LittleEndian(Span(bits, 8, 8), g.Value.HighBits)

                hash.AppendData bits

        hash.GetHashAndReset()

/// An instance is made anew for every run, so that Reset has nothing to forget.
type private OracleRun(valid: ValidModule, settings: InstanceSettings) =
    let mutable last: Instance = null

    /// The functions and the memory that the settings supply.
    let resolve (store: Store) (moduleName: string) (name: string) : Extern option =
        let func =
            settings.Functions
            |> List.tryFind (fun f -> f.Module = moduleName && f.Name = name)
            |> Option.map (fun f -> Extern.Func(HostFunc($"{moduleName}.{name}", f.Type, f.Function)))

        let memory () =
            if settings.Memory <> Some(moduleName, name) then
                None
            else
                valid.Module.Imports
                |> Array.tryPick (fun i ->
                    match i.Type with
                    | ExternType.Memory t when i.Module = moduleName && i.Name = name -> Some t
                    | _ -> None)
                |> Option.bind (fun t -> store.TryNewMemory { t with Min = max 1UL t.Min })
                |> Option.map Extern.Memory

        func |> Option.orElseWith memory

    /// A name imported twice is one object.
    let resolver (store: Store) =
        let known = Collections.Generic.Dictionary<struct (string * string), Extern option>()

        fun m n ->
            match known.TryGetValue(struct (m, n)) with
            | true, e -> e
            | _ ->
                let e = resolve store m n
                known[struct (m, n)] <- e
                e

    let poll (run: RunSettings) =
        let clock = Stopwatch.StartNew()

        fun () ->
            if run.Cancellation.IsCancellationRequested then
                raise (FaultException EngineFault.Cancelled)

            if run.Deadline > TimeSpan.Zero && clock.Elapsed > run.Deadline then
                raise (FaultException(EngineFault.Deadline run.Deadline))

    let newStore (gas: int64) (units: int) =
        let store = Store(settings.Limits, gas, min units settings.Limits.StackUnits)
        store.ReentryDepth <- settings.ReentryDepth
        store

    /// Instantiates in a new store, and goes on unless that ended the run.
    let run (run: RunSettings) (goOn: Store -> Instance -> Result<RunEnd, Rejected>) : Result<RunResult, Rejected> =
        let store = newStore run.Gas run.StackUnits
        store.Data <- run.Data
        store.Poll <- poll run

        Oracle.prepare store valid (resolver store)
        |> Result.bind (fun instance ->
            last <- instance

            match Oracle.initialise store instance with
            | RunEnd.Returned _ -> goOn store instance
            | ended -> Ok ended)
        |> Result.map (fun ended -> { End = ended; GasUsed = store.GasUsed })

    /// Refusals that do not depend on a run.
    member _.Link() : Result<unit, Rejected> =
        let store = newStore 0L 0
        Oracle.prepare store valid (resolver store) |> Result.map ignore

    interface IWasmInstance with
        member _.Run settings =
            Oracle.signature valid settings.Entry
            |> Result.bind (Oracle.checkArguments valid.Module.Types settings.Entry settings.Arguments)
            |> Result.bind (fun () -> run settings (fun store instance -> Oracle.invoke store instance settings.Entry settings.Arguments))

        member _.RunCalls(settings, calls) =
            match run settings (fun store instance -> Ok(Oracle.callFromHost store instance calls)) with
            | Ok result -> result
            | Error rejected -> invalidOp (string rejected)

        member _.Digests() = {
            Memory = Digest.memory last
            Globals = Digest.globals last
            MemoryBytes = last.Memories |> Array.sumBy (fun m -> int64 m.Bytes.Length)
        }

        // Every run makes a new store: nothing is left to compare.
        member _.ResetDigest() = [||]
        member _.Where() = ValueNone
        member _.Reset() = last <- null
        member _.Dispose() = ()

type private OracleModule(valid: ValidModule) =
    interface IWasmModule with
        member _.Module = valid

        member _.Instantiate settings =
            let run = new OracleRun(valid, settings)
            run.Link() |> Result.map (fun () -> run :> IWasmInstance)

        member _.Dispose() = ()

/// The oracle as an engine.
type OracleEngine() =
    interface IWasmEngine with
        member _.Name = "oracle"
        member _.Version = "1"
        member _.Load valid = Ok(new OracleModule(valid) :> IWasmModule)
