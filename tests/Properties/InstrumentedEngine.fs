namespace Twofold.Instrumented

// Instrumented modules behind IWasmEngine, so that every law about engines is a law about the encoding.
// In: as IWasmEngine says. Out: the same; a store and an instance are made anew for every run, as a native engine's host does it.

open System
open System.Buffers.Binary
open System.Runtime.InteropServices
open System.Security.Cryptography
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Compiler
open Twofold.Wasm.Instrument

type private InstrumentedInstance(prepared: Prepared, settings: InstanceSettings) =
    let mutable store: InstrumentedStore = Unchecked.defaultof<_>
    let mutable live: Live = Unchecked.defaultof<_>

    let find (s: InstrumentedStore) =
        Link.supplied prepared.Valid settings s.NewMemory (fun _ name id f -> Ok(s.HostFunction(name, id, f.Type, f.Function)))

    let fresh gas units =
        if not (isNull (box store)) then
            (store :> IDisposable).Dispose()

        store <- new InstrumentedStore(settings.Limits, gas, units, settings.ReentryDepth)

        match store.Instantiate(prepared, find store) with
        | Error e -> Error e
        | Ok i ->
            live <- i
            Ok()

    member _.Link() = fresh Int64.MaxValue 0

    interface IWasmInstance with
        member _.Run run =
            match fresh run.Gas run.StackUnits with
            | Error e -> Error e
            | Ok() ->
                store.Inner.Data <- run.Data

                let ended =
                    match store.Start live with
                    | RunEnd.Returned _ -> store.Call(live, run.Entry, run.Arguments)
                    | ended -> ended

                Ok { End = ended; GasUsed = store.GasUsed }

        member _.RunCalls(_, _) = raise (NotSupportedException "this engine calls entries only")

        member _.Digests() =
            let memories =
                prepared.Written.Memories
                |> Array.map (fun name ->
                    match live.Find name with
                    | ValueSome(Extern.Memory m) -> m
                    | _ -> failwith $"no exported memory {name}")

            use digest = new MemoryDigest()

            for m in memories do
                digest.Memory(m.Base, m.Length)

            use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
            let word = Array.zeroCreate<byte> 8

            let add (n: int64) =
                BinaryPrimitives.WriteInt64LittleEndian(Span word, n)
                hash.AppendData word

            let types = prepared.Valid.GlobalTypes

            // The run may have ended before all of the module's own globals counted as written.
            let written =
                match live.Find prepared.Written.Written with
                | ValueSome(Extern.Global g) -> int (Marshal.ReadInt64 g.Address)
                | _ -> failwith "the count of globals is not exported"

            for g in 0 .. types.Length - 1 do
                if not types[g].Value.IsRef then
                    let cell = live.Global(g).Address
                    let zero = g >= prepared.Valid.ImportedGlobals + written
                    add (if zero then 0L else Marshal.ReadInt64 cell)

                    if types[g].Value.IsVec then
                        add (if zero then 0L else Marshal.ReadInt64(cell + 8n))

            {
                Memory = digest.Done()
                Globals = hash.GetHashAndReset()
                MemoryBytes = memories |> Array.sumBy (fun m -> int64 m.Length)
            }

        member _.ResetDigest() = [||]
        member _.Where() = ValueNone
        member _.Reset() = ()

        member _.Dispose() =
            if not (isNull (box store)) then
                (store :> IDisposable).Dispose()

type private InstrumentedLoaded(prepared: Prepared) =
    interface IWasmModule with
        member _.Module = prepared.Valid

        member _.Instantiate settings =
            let instance = new InstrumentedInstance(prepared, settings)
            instance.Link() |> Result.map (fun () -> instance :> IWasmInstance)

        member _.Dispose() = ()

/// The encoding as an engine.
type internal InstrumentedEngine(name: string, options: InstrumentOptions) =
    interface IWasmEngine with
        member _.Name = name
        member _.Version = string Instrument.version
        member _.Load valid = Prepared.Make(valid, options) |> Result.map (fun p -> new InstrumentedLoaded(p) :> IWasmModule)

/// The ways to write a module that must not differ.
module internal InstrumentedEngines =
    let plain = { InstrumentOptions.Default with Nan = NanMode.Native }

    let all: IWasmEngine list = [
        InstrumentedEngine("instrumented", plain)
        InstrumentedEngine("instrumented, NaNs on escape", { plain with Nan = NanMode.OnEscape })
        InstrumentedEngine("instrumented slowly", { plain with Slow = true; Nan = NanMode.Each })
    ]
