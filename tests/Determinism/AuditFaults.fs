module Twofold.Determinism.AuditFaults

// Planted faults: engines and hosts that are wrong in one thing, and a guest that shows it.
// In: the compiled engine, small guests. Out: for each fault its name, how it is planted, a corpus, and what the audit must say.

open System
open System.Collections.Generic
open System.Globalization
open System.Threading
open Twofold.Wasm
open Twofold.Wasm.Binary
open Twofold.Wasm.Validation
open Twofold.Wasm.Text
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Engine.Audit

let ofText (text: string) =
    match Wat.parse text with
    | Ok bytes -> bytes
    | Error e -> failwith (string e)

/// What is wrong where.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type Plant =
    /// In an engine that is audited beside a right one.
    | Engine of IWasmEngine
    /// Between the recorded reads and the runs.
    | Host of (IStateView -> IStateView)

/// What the audit must find.
type Expected = {
    Class: DivergenceClass
    /// The function that the block must be in (by name), and what must stand in the block, as the text format says it; none: there is no one block.
    Block: (string * string) option
    /// The index of the effect that must be named first.
    Effect: int option
    /// What must be named among the differences of state: the beginning of StateDifference's text.
    State: string option
}

[<NoComparison; NoEquality>]
type Fault = {
    Name: string
    Plant: unit -> Plant
    /// The guest, with the request made of it.
    Guest: byte[]
    Expected: Expected
}

// ---- engines that are wrong

let engine (name: string) (inner: IWasmEngine) (load: ValidModule -> Result<IWasmModule, Rejected>) : IWasmEngine = {
    new IWasmEngine with
        member _.Name = name
        member _.Version = inner.Version + "/planted"
        member _.Load valid = load valid
}

/// An engine with wrappers around its instances; the wrapper knows whether the instance was reset before.
let wrapping (name: string) (wrap: IWasmModule -> InstanceSettings -> Result<IWasmInstance, Rejected>) : IWasmEngine =
    let inner = CompiledEngine() :> IWasmEngine

    engine name inner (fun valid ->
        inner.Load valid
        |> Result.map (fun m -> {
            new IWasmModule with
                member _.Module = m.Module
                member _.Instantiate s = wrap m s
                member _.Dispose() = m.Dispose()
        }))

/// An instance that passes everything on, with what audits look at.
let passing (inner: IWasmInstance) (run: RunSettings -> Result<RunResult, Rejected>) (reset: unit -> unit) : IWasmInstance =
    let inspect = inner :?> IInspectable

    {
        new IWasmInstance with
            member _.Run s = run s
            member _.RunCalls(s, calls) = inner.RunCalls(s, calls)
            member _.Digests() = inner.Digests()
            member _.ResetDigest() = inner.ResetDigest()
            member _.Where() = inner.Where()
            member _.Reset() = reset ()
            member _.Dispose() = inner.Dispose()
        interface IInspectable with
            member _.MemorySizes = inspect.MemorySizes
            member _.ReadMemory(memory, address, into) = inspect.ReadMemory(memory, address, into)
            member _.Global index = inspect.Global index
            member _.TableSizes = inspect.TableSizes
            member _.TableEntry(table, index) = inspect.TableEntry(table, index)
            member _.DataSizes = inspect.DataSizes
            member _.ElemSizes = inspect.ElemSizes
            member _.GasWanted = inspect.GasWanted
            member _.Callers = inspect.Callers
    }

/// An engine that compiles another module in place of each: the same but for the fault. Import and export lists are the same.
let replacing (right: byte[]) (wrong: byte[]) : IWasmEngine =
    let inner = CompiledEngine() :> IWasmEngine

    engine "planted" inner (fun valid ->
        if valid.Module.Bytes.AsSpan().SequenceEqual(ReadOnlySpan right) then
            Decode.run valid.Limits valid.Features wrong
            |> Result.bind (Validate.run valid.Limits valid.Features)
            |> Result.bind inner.Load
        else
            inner.Load valid)

/// Used instances (those that were reset) do `act` in the guest's first host call.
let leaking (act: Twofold.Wasm.Guest -> IWasmInstance -> unit) : IWasmEngine =
    wrapping "planted" (fun m s ->
        let mutable used = false
        let mutable acted = false
        let mutable inner: IWasmInstance = Unchecked.defaultof<_>

        let acting (f: HostImport) = {
            f with
                Function =
                    HostFunction(fun guest arguments ->
                        if used && not acted then
                            acted <- true
                            act guest inner

                        f.Function.Invoke(guest, arguments))
        }

        m.Instantiate { s with Functions = s.Functions |> List.map acting }
        |> Result.map (fun made ->
            inner <- made

            passing made made.Run (fun () ->
                made.Reset()
                used <- true
                acted <- false)))

/// Host functions of this name get another result, or see another memory, than the host meant.
let meddling (name: string) (before: Twofold.Wasm.Guest -> uint64[] -> unit) (after: uint64 -> uint64) : IWasmEngine =
    wrapping "planted" (fun m s ->
        let meddle (f: HostImport) =
            if f.Name = name then
                {
                    f with
                        Function =
                            HostFunction(fun guest arguments ->
                                before guest (arguments.ToArray())
                                after (f.Function.Invoke(guest, arguments)))
                }
            else
                f

        m.Instantiate { s with Functions = s.Functions |> List.map meddle })

// ---- guests

let private header =
    """(import "env" "get_timestamp" (func $time (result i64)))
  (import "env" "state_len" (func $state_len (param i32 i32) (result i32)))
  (import "env" "state_get" (func $state_get (param i32 i32 i32) (result i32)))
  (import "env" "emit_event" (func $event (param i32 i32 i32 i32)))
  (memory (export "memory") 1 8)
  (data (i32.const 0) "keyname")
  (data (i32.const 64) "\01\02\03\04\05\06\07\08")"""

/// A contract: `run` works, then tells what is in memory from 256 on in an event of 32 bytes, and returns 0.
let private contract (parts: string) (body: string) =
    ofText
        $"""(module
  {header}
  {parts}
  (func $tell (export "tell")
    (call $event (i32.const 3) (i32.const 4) (i32.const 256) (i32.const 32)))
  (func $quiet (param $n i32) (result i32)
    (loop $again
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))
    (local.get $n))
  (func $run (export "run") (result i32)
    (drop (call $time))
    (drop (call $quiet (i32.const 20)))
    {body}
    (drop (call $quiet (i32.const 20)))
    (call $tell)
    (i32.const 0)))"""

let request (guest: byte[]) : ExecutionRequest =
    let own = Map [ StateKey "key"B, "value"B ]

    {
        Request.contract guest "run" World.alice World.token { World.empty with State = Map [ World.token, own ] } with
            TransactionId = World.transaction 1
    }

let private expect kind block effect state = { Class = kind; Block = block; Effect = effect; State = state }

let private plantedEngine (make: unit -> IWasmEngine) () = Plant.Engine(make ())

// ---- state that leaks

let private looking = "(i32.store (i32.const 256) (i32.load8_u (i32.const 4096)))"

let private leaks =
    let leak name parts body act state = {
        Name = name
        Plant = plantedEngine (fun () -> leaking act)
        Guest = contract parts body
        Expected = expect DivergenceClass.ResetLeak (Some("run", "")) (Some 1) (Some state)
    }

    let data (instance: IWasmInstance) = Leaks.field "instance" instance |> fun f -> f.GetValue instance :?> InstanceData

    [
        leak "a page" "" looking (fun guest _ -> guest.Slice(4096u, 1u)[0] <- 7uy) "memory 0"
        leak
            "a global"
            "(global $g (mut i32) (i32.const 1))"
            "(i32.store (i32.const 256) (global.get $g))"
            (fun _ instance ->
                let find = Twofold.Wasm.Compiler.Link.globalAddress (data instance) 0
                Runtime.InteropServices.Marshal.WriteInt64(find, 2L))
            "global 0"
        leak
            "a table entry"
            "(table $t 2 funcref) (elem (i32.const 0) $seven) (type $f (func (result i32))) (func $seven (type $f) (i32.const 7))"
            "(i32.store (i32.const 256) (ref.is_null (table.get $t (i32.const 1))))"
            (fun _ instance ->
                let table = (data instance).Tables[0]
                table.Set(1UL, table.Get 0UL))
            "table 0"
        leak
            "a dropped data segment"
            "(data $d \"passive\")"
            "(memory.init $d (i32.const 256) (i32.const 0) (i32.const 3))"
            (fun _ instance -> (data instance).Datas[ 2 ] <- Unchecked.defaultof<DataRange>)
            "data segment 2"
        leak
            "a mutable object"
            "(type $cell (struct (field (mut i32)))) (global $c (ref $cell) (struct.new $cell (i32.const 1)))"
            "(i32.store (i32.const 256) (struct.get $cell 0 (global.get $c)))"
            (fun _ instance ->
                let cell = (data instance).RefGlobals[0].Value
                cell.GetType().GetField("f0").SetValue(cell, 2))
            "object global 0"
    ]

// ---- hosts that answer at will

/// A view whose state values are what `answer` says.
let private answering (answer: unit -> byte[]) (inner: IStateView) : IStateView = {
    new IStateView with
        member _.Utxos(owner, token) = inner.Utxos(owner, token)
        member _.BlockHash height = inner.BlockHash height

        member _.State(contract, key) =
            match inner.State(contract, key) with
            | ValueSome _ -> ValueSome(answer ())
            | ValueNone -> ValueNone
}

let private asking = contract "" "(drop (call $state_get (i32.const 0) (i32.const 3) (i32.const 256)))"

let private hosts =
    let host name answer = {
        Name = name
        Plant = fun () -> Plant.Host(answering answer)
        Guest = asking
        Expected = expect DivergenceClass.HostAnswer (Some("run", "call 2")) (Some 1) None
    }

    let mutable calls = 0
    let ascii (text: string) = Text.Encoding.ASCII.GetBytes text

    [
        host "a host answer that varies by call" (fun () -> BitConverter.GetBytes(Interlocked.Increment &calls))
        host "a host answer that varies by thread" (fun () -> BitConverter.GetBytes Environment.CurrentManagedThreadId)
        host "a host answer that varies by culture" (fun () ->
            ascii ((1234.5).ToString("N1", CultureInfo.CurrentCulture).Replace("\u00a0", "_")))
        host "a host answer that varies by the clock" (fun () -> BitConverter.GetBytes(Environment.TickCount64 / 500L))
    ]

/// The event's bytes in the order in which a dictionary of objects has them.
let private dictionaryOrder () : IWasmEngine =
    meddling
        "emit_event"
        (fun guest arguments ->
            let at, length = uint32 arguments[2], uint32 arguments[3]
            let items = guest.Slice(at, length).ToArray() |> Array.map box
            // An order that follows objects' hashes, as one gets by walking through a dictionary of objects.
            let ordered = items |> Array.sortBy Runtime.CompilerServices.RuntimeHelpers.GetHashCode |> Array.map unbox<byte>
            ordered.AsSpan().CopyTo(guest.Slice(at, length)))
        id

// ---- engines that execute wrongly

/// The guest with two bodies: what it says, and what the planted engine makes of it.
let private twoWays name parts (right: string) (wrongParts: string) (wrong: string) expected = {
    Name = name
    Plant = plantedEngine (fun () -> replacing (contract parts right) (contract wrongParts wrong))
    Guest = contract parts right
    Expected = expected
}

let private nan = {
    Name = "NaN canonicalisation off in one engine"
    Plant =
        plantedEngine (fun () ->
            let inner = CompiledEngine Twofold.Wasm.Compiler.NanPolicy.Never :> IWasmEngine
            engine "planted" inner inner.Load)
    Guest = contract "(global $zero (mut f64) (f64.const 0))" "(f64.store (i32.const 264) (f64.div (global.get $zero) (global.get $zero)))"
    Expected = expect DivergenceClass.NaN (Some("run", "f64.div")) (Some 1) (Some "memory 0")
}

let private gas =
    // i32.extend8_s changes nothing about a small number, and costs one.
    let part extra =
        $"(func $priced (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.add {extra} (i32.const 2))) (else (i32.const 9))))"

    let body = "(i32.store (i32.const 256) (call $priced (i32.const 5)))"

    twoWays
        "gas off by one in one instruction"
        (part "(i32.const 1)")
        body
        (part "(i32.extend8_s (i32.const 1))")
        body
        (expect DivergenceClass.Gas (Some("priced", "i32.const 1")) (Some 1) None)

let private growth =
    // The limits do not say no, and yet it fails: a host that was asked for memory and had none.
    let part pages = $"(func $grow (result i32) (memory.grow (i32.const {pages})))"
    let body = "(i32.store (i32.const 256) (call $grow))"

    twoWays
        "a growth that fails by host memory"
        (part 2)
        body
        (part 100)
        body
        (expect DivergenceClass.Growth (Some("grow", "memory.grow")) (Some 1) (Some "size of memory 0"))

let private stack =
    // Recursion of 200 frames; the planted engine's native stack holds but 100 of them.
    let part limit =
        $"(func $deep (param i32) (result i32)
           (if (i32.gt_s (local.get 0) (i32.const {limit})) (then (return (call $deep (local.get 0)))))
           (if (result i32) (i32.ge_s (local.get 0) (i32.const 200))
             (then (local.get 0))
             (else (call $deep (i32.add (local.get 0) (i32.const 1))))))"

    let body = "(i32.store (i32.const 256) (call $deep (i32.const 0)))"

    twoWays "a stack limit by native depth" (part 1000) body (part 100) body (expect DivergenceClass.Stack (Some("deep", "")) (Some 1) None)

let private bounds =
    let part address =
        $"(func $reach (param i32) (result i32)
           (if (i32.eq (local.get 0) (i32.const 3)) (then (drop (i32.load (i32.const {address})))))
           (i32.store (i32.const 256) (local.get 0))
           (if (i32.eq (local.get 0) (i32.const 3)) (then (drop (i32.load (i32.const 70000)))))
           (local.get 0))"

    let body = "(drop (call $reach (i32.const 1))) (drop (call $reach (i32.const 3)))"

    twoWays
        "a bounds check that traps one block early"
        (part 64)
        body
        (part 70000)
        body
        (expect DivergenceClass.Engine (Some("reach", "i32.const 64")) None None)

let all: Fault list = [
    nan
    for l in leaks do
        { l with Name = $"a pool that leaks {l.Name}" }
    yield! hosts
    {
        Name = "dictionary order leaking into an effect"
        Plant = plantedEngine dictionaryOrder
        Guest = contract "" "(memory.copy (i32.const 256) (i32.const 64) (i32.const 8))"
        Expected = expect DivergenceClass.HostAnswer (Some("tell", "call 3")) (Some 1) None
    }
    gas
    growth
    stack
    bounds
]
