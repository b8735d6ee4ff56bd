/// Two guests in one store, the second over the first, on the oracle and on the compiled engine's public face.
/// In: a pair of modules, limits for the store. Out: an Observation: both entries called in turn, then the first one's again.
module Twofold.Properties.OracleLinked

open System
open System.Security.Cryptography
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Compiler
open Twofold.Wasm.Instrument
open Twofold.Wasm.Validation
open Twofold.Instrumented
open Twofold.Properties.Generators
open Twofold.Properties.OracleRuns

type Pair = { Under: ValidModule; Over: ValidModule; First: Value[]; Second: Value[] }

/// What an engine does, step by step; the first step that does not return is the last.
type private Steps = {
    InstantiateUnder: unit -> RunEnd
    InstantiateOver: unit -> RunEnd
    CallUnder: unit -> RunEnd
    CallOver: unit -> RunEnd
    GasUsed: unit -> int64
    /// Memory and the numeric globals of both; empty before there is an instance.
    Memory: unit -> byte[]
    Globals: unit -> string
}

let private observe (host: Host) (steps: Steps) : Observation =
    let run = [ steps.InstantiateUnder; steps.CallUnder; steps.InstantiateOver; steps.CallOver; steps.CallUnder ]

    let rec go (done': string list) steps =
        match steps with
        | [] -> done'
        | step :: rest ->
            match step () with
            | RunEnd.Returned _ as ended -> go (show ended :: done') rest
            | ended -> show ended :: done'

    let ends = go [] run |> List.rev

    {
        End = String.concat "; " ends
        Gas = steps.GasUsed()
        Calls = List.ofSeq host.Calls
        Memory = steps.Memory() |> SHA256.HashData |> Convert.ToHexString
        Globals = steps.Globals()
    }

/// Numbers by their bits; references only by whether there is one, because each engine has objects of its own.
let private shown (v: Value) =
    match v.Kind with
    | ValueKind.FuncRef
    | ValueKind.ExternRef
    | ValueKind.AnyRef
    | ValueKind.ExnRef -> (if isNull v.Reference then "null" else "reference")
    | _ -> string v

/// Names of the numeric globals that a module exports.
let private globalNames (valid: ValidModule) = [ for k in 0 .. valid.GlobalTypes.Length - 1 -> $"g{k}" ]

module LinkedRuns =
    let oracle (pair: Pair) (gas: int64) (units: int) : Observation =
        let store = Twofold.Oracle.Store(limits, gas, units)
        let host = Host()
        store.ReentryDepth <- 3
        store.Data <- host
        let instances: Twofold.Oracle.Instance[] = [| null; null |]

        let resolve (m: string) (n: string) =
            match m with
            | "env" ->
                GeneratedShapes.hostFunctions
                |> Array.tryFind (fun (name, _) -> name = n)
                |> Option.map (fun (name, t) ->
                    let call = HostFunction(fun guest arguments -> hostFunction name guest arguments)
                    Twofold.Oracle.Extern.Func(Twofold.Oracle.HostFunc(name, t, call)))
            | _ -> Twofold.Oracle.Oracle.export instances[0] n

        let instantiate k valid () =
            match Twofold.Oracle.Oracle.prepare store valid resolve with
            | Error rejected -> failwith $"oracle: {rejected}"
            | Ok instance ->
                match Twofold.Oracle.Oracle.initialise store instance with
                | RunEnd.Returned _ as ended ->
                    instances[k] <- instance
                    ended
                | ended -> ended

        let call k arguments () =
            match Twofold.Oracle.Oracle.invoke store instances[k] "f0" arguments with
            | Ok ended -> ended
            | Error rejected -> failwith $"oracle: {rejected}"

        observe host {
            InstantiateUnder = instantiate 0 pair.Under
            InstantiateOver = instantiate 1 pair.Over
            CallUnder = call 0 pair.First
            CallOver = call 1 pair.Second
            GasUsed = fun () -> store.GasUsed
            Memory = fun () -> if isNull instances[0] then [||] else instances[0].Memories[0].Bytes
            Globals =
                fun () ->
                    instances
                    |> Array.filter (isNull >> not)
                    |> Array.collect (fun i -> i.Globals |> Array.map (fun g -> shown g.Value))
                    |> String.concat " "
        }

    let compiled (pair: Pair) (gas: int64) (units: int) : Observation =
        let options =
            StoreOptions()
                .WithGas(gas)
                .WithStackUnits(units)
                .WithMemoryLimit(limits.MemoryBytes)
                .WithTableLimit(limits.TableEntries)
                .WithReentryDepth(3)

        use store = new Store(options)
        let host = Host()
        store.Data <- host
        let linker = Linker()
        let instances: Instance[] = [| null; null |]

        for name, t in GeneratedShapes.hostFunctions do
            let call =
                HostCallback(fun guest arguments ->
                    let bits = arguments |> Array.map (fun a -> a.Bits)
                    let result = hostFunction name guest (ReadOnlySpan bits)
                    t.Results |> Array.map (fun r -> Value.FromBits(Twofold.Oracle.Values.kind r, result)))

            linker.Define("env", name, t, call) |> ignore

        let ending (run: unit -> Value[]) =
            try
                RunEnd.Returned(run ())
            with
            | :? TrapException as t -> RunEnd.Trapped { Code = t.Code; A = t.A; B = t.B; C = t.C; Detail = t.Detail }
            | :? UncaughtException as u -> RunEnd.Uncaught { Tag = u.Tag.Index; Name = u.Tag.Name; Values = u.Exception.GetValues() }
            | :? OutOfGasException -> RunEnd.OutOfGas
            | :? StackExhaustedException -> RunEnd.StackExhausted

        let instantiate k (valid: ValidModule) () =
            ending (fun () ->
                let loaded = Module.Load(valid.Module.Bytes, ModuleOptions().WithLimits limits)
                instances[k] <- linker.Instantiate(store, loaded)

                if k = 0 then
                    linker.DefineInstance("under", instances[0]) |> ignore

                [||])

        let call k arguments () = ending (fun () -> instances[k].Call("f0", arguments))

        observe host {
            InstantiateUnder = instantiate 0 pair.Under
            InstantiateOver = instantiate 1 pair.Over
            CallUnder = call 0 pair.First
            CallOver = call 1 pair.Second
            GasUsed = fun () -> store.GasUsed
            Memory =
                fun () ->
                    match instances[0] with
                    | null -> [||]
                    | i ->
                        let m = i.GetMemory "m"
                        m.Span(0L, int m.Size).ToArray()
            Globals =
                fun () ->
                    Array.zip instances [| pair.Under; pair.Over |]
                    |> Array.filter (fun (i, _) -> not (isNull i))
                    |> Array.collect (fun (i, valid) ->
                        globalNames valid |> List.map (fun g -> shown (i.GetGlobal(g).Value)) |> Array.ofList)
                    |> String.concat " "
        }

    /// The same on instrumented modules in one store.
    let internal instrumented (options: InstrumentOptions) (pair: Pair) (gas: int64) (units: int) : Observation =
        use store = new InstrumentedStore(limits, gas, units, 3)
        let host = Host()
        store.Inner.Data <- host
        let instances: Live[] = [| Unchecked.defaultof<_>; Unchecked.defaultof<_> |]
        let made k = not (isNull (box instances[k]))

        let functions =
            GeneratedShapes.hostFunctions
            |> Array.map (fun (name, t) ->
                let call = HostFunction(fun guest arguments -> hostFunction name guest arguments)
                name, store.HostFunction($"env.{name}", CanonicalTypes.ofHost t, t, call))
            |> dict

        let find (i: Import) =
            match i.Module with
            | "env" -> ValueSome(Ok(Extern.Func functions[i.Name]))
            | _ -> instances[0].Find i.Name |> ValueOption.map Ok

        let instantiate k (valid: ValidModule) () =
            let prepared =
                match Prepared.Make(valid, { options with OthersMayThrow = true }) with
                | Ok p -> p
                | Error rejected -> failwith $"instrumented: {rejected}"

            match store.Instantiate(prepared, find) with
            | Error rejected -> failwith $"instrumented: {rejected}"
            | Ok live ->
                match store.Start live with
                | RunEnd.Returned _ as ended ->
                    instances[k] <- live
                    ended
                | ended -> ended

        let call k arguments () = store.Call(instances[k], "f0", arguments)

        observe host {
            InstantiateUnder = instantiate 0 pair.Under
            InstantiateOver = instantiate 1 pair.Over
            CallUnder = call 0 pair.First
            CallOver = call 1 pair.Second
            GasUsed = fun () -> store.GasUsed
            Memory =
                fun () ->
                    if made 0 then
                        let m = instances[0].Inner.Memories[0]
                        m.Span(0UL, uint32 m.Length).ToArray()
                    else
                        [||]
            Globals =
                fun () ->
                    Array.zip instances [| pair.Under; pair.Over |]
                    |> Array.filter (fun (i, _) -> not (isNull (box i)))
                    |> Array.collect (fun (i, valid) -> Array.init valid.GlobalTypes.Length (fun k -> shown (i.Value k)))
                    |> String.concat " "
        }
