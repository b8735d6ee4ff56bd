module Twofold.Determinism.SandboxHostCalls

// Functions that a host registers: every call is journaled step by step, and replays take the same steps without the function.
// In: a guest that imports ten functions, closures that do every sort of thing with it. Out: one receipt on every engine, wherever gas, journal or memory end.

open System
open System.Text
open System.Threading
open NUnit.Framework
open Twofold
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Engine.Audit
open Twofold.Tests
open Twofold.Determinism.Harness

let private guest =
    Encoding.UTF8.GetBytes
        """(module
  (import "env" "add" (func $add (param i32 i32) (result i32)))
  (import "env" "mix" (func $mix (param i64 f32 f64) (result f64)))
  (import "env" "shout" (func $shout (param i32 i32)))
  (import "env" "greet" (func $greet (param i32) (result i64)))
  (import "env" "dive" (func $dive (param i32) (result i32)))
  (import "env" "peek" (func $peek (param i32 i32) (result i32)))
  (import "env" "poke" (func $poke (param i32 i32)))
  (import "env" "odd" (func $odd (param i32) (result i32)))
  (memory (export "memory") 1 4)
  (global $next (mut i32) (i32.const 1024))
  (data (i32.const 16) "hello")
  (func (export "alloc") (param i32) (result i32)
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get 0))))
  (func (export "down") (param i32) (result i32) (call $dive (local.get 0)))
  (func (export "boom") (param i32) (result i32) unreachable)
  (func (export "pair") (param i32 f64) (result i64 f32) (i64.const 7) (f32.demote_f64 (local.get 1)))
  (func (export "all") (result i32)
    (local $greeting i64)
    (drop (call $mix (i64.const -1) (f32.const 1.5) (f64.const 2.5)))
    (call $shout (i32.const 16) (i32.const 5))
    (local.set $greeting (call $greet (i32.const 3)))
    (i32.add
      (call $add (i32.const 40) (i32.const 2))
      (i32.load8_u (i32.wrap_i64 (i64.shr_u (local.get $greeting) (i64.const 32))))))
  (func (export "dive") (param i32) (result i32) (call $dive (local.get 0)))
  (func (export "peek") (param i32 i32) (result i32) (call $peek (local.get 0) (local.get 1)))
  (func (export "poke") (param i32 i32) (call $poke (local.get 0) (local.get 1)))
  (func (export "odd") (param i32) (result i32) (call $odd (local.get 0))))"""

let private i32, i64, f32, f64 = ValType.I32, ValType.I64, ValType.F32, ValType.F64

let private signature name pars results : HostSignature = {
    Module = "env"
    Name = name
    Type = { Params = Array.ofList pars; Results = Array.ofList results }
}

let private signatures = [
    signature "add" [ i32; i32 ] [ i32 ]
    signature "mix" [ i64; f32; f64 ] [ f64 ]
    signature "shout" [ i32; i32 ] []
    signature "greet" [ i32 ] [ i64 ]
    signature "dive" [ i32 ] [ i32 ]
    signature "peek" [ i32; i32 ] [ i32 ]
    signature "poke" [ i32; i32 ] []
    signature "odd" [ i32 ] [ i32 ]
]

let private swallow (action: unit -> unit) =
    try
        action ()
    with _ ->
        ()

/// What the functions do; `calls` counts what was asked of them.
type private Functions() =
    let mutable calls = 0
    member _.Calls = calls

    interface IHostFunctions with
        member _.Perform(s, arguments, caller) =
            Interlocked.Increment &calls |> ignore
            let arg i = uint32 (List.item i arguments)

            match s.Name with
            | "add" -> uint64 (arg 0 + arg 1)
            | "mix" ->
                let d = BitConverter.UInt64BitsToDouble(List.item 2 arguments)
                let f = BitConverter.UInt32BitsToSingle(arg 1)
                BitConverter.DoubleToUInt64Bits(d + float f + float (int64 (List.item 0 arguments)))
            | "shout" ->
                let text = caller.Edit(arg 0, arg 1)

                for i in 0 .. text.Length - 1 do
                    text[i] <- byte (Char.ToUpperInvariant(char text[i]))

                caller.Charge 7L
                0UL
            | "greet" ->
                let text = Encoding.UTF8.GetBytes(String.replicate (int (arg 0)) "ho ")
                let at = (caller.Enter("alloc", [| Value.I32 text.Length |])[0]).AsI32()
                caller.Write(uint32 at, text)
                caller.Enter("pair", [| Value.I32 1; Value.F64 0.5 |]) |> ignore
                (uint64 at <<< 32) ||| uint64 text.Length
            | "dive" -> (caller.Enter("down", [| Value.I32(int (arg 0)) |])[0]).Bits
            | "peek" -> uint64 (caller.Read(arg 0, arg 1).Length)
            | "poke" ->
                caller.Write(arg 0, Array.replicate (int (arg 1)) 9uy)
                0UL
            | "odd" ->
                match arg 0 with
                | 0u -> raise (GuestTrapException("no, thank you", 5UL))
                | 1u -> failwith "the database is down"
                | 2u ->
                    swallow (fun () -> caller.Read(65530u, 10u) |> ignore)
                    1UL
                | 3u ->
                    swallow (fun () -> caller.Enter("boom", [| Value.I32 1 |]) |> ignore)
                    1UL
                | 4u -> raise (TrapException(TrapCode.Unreachable))
                | 5u ->
                    // Two buffers, a read across one of them, a write into the other.
                    let a, b = caller.Edit(100u, 8u), caller.Edit(120u, 8u)
                    a[0] <- 1uy
                    let seen = caller.Read(96u, 8u)
                    b[7] <- 2uy
                    caller.Write(124u, [| 3uy; 3uy |])
                    a[7] <- seen[4] + b[4] + b[5]
                    uint64 b[7]
                | 6u ->
                    caller.Edit(100u, 8u) |> ignore
                    caller.Edit(104u, 8u) |> ignore
                    0UL
                | 7u ->
                    let buffer = caller.Edit(100u, 8u)
                    caller.Enter("alloc", [| Value.I32 1 |]) |> ignore
                    buffer[0] <- 1uy
                    0UL
                | 8u -> uint64 (caller.Enter("nobody", [||]).Length)
                | 9u -> uint64 (caller.Enter("alloc", [| Value.I64 1L |]).Length)
                | 10u -> uint64 (caller.Read(0u, 5000u).Length)
                | n -> failwith $"odd {n}"
            | other -> failwith other

let private grants = { Allowed = [ (ImportPattern.TryParse "env.*").Value ]; Functions = signatures }

let private request (entry: string) (arguments: int list) : ExecutionRequest = {
    Request.contract guest entry World.alice World.token World.empty with
        Convention = Convention.Raw(arguments |> List.map (uint32 >> uint64))
        Profile = Profile.sandbox
        Imports = Some grants
        Functions = Functions()
        Limits = { RequestLimits.None with Gas = Some 1_000_000L }
}

/// The engines beside the compiler, each with an executor.
let engines =
    lazy
        ([
            "interpreter", InterpretedEngine() :> IWasmEngine
            match WasmtimeForTests.tryPlain () with
            | Some e -> "wasmtime", e :> IWasmEngine
            | None -> ()
         ]
         |> List.map (fun (name, e) -> name, new Executor(ExecutorOptions.For e)))

/// Every way of running on the compiler, then the other engines, and each replays the receipt.
let onEveryEngine (guest: byte[]) (r: ExecutionRequest) : ExecutionReport =
    let first = everyWay r

    for name, e in engines.Value do
        let other = report e r
        Assert.That(other.ReceiptDigest, Is.EqualTo first.ReceiptDigest, name)
        replay e first.Receipt guest

    first

let private onAll = onEveryEngine guest

[<Test>]
let ``a run with every sort of call has one receipt, and replays without the functions`` () =
    let r = onAll (request "all" [])
    Assert.That((r.Receipt.Outcome = Outcome.Returned [ { Kind = ValueKind.I32; Low = uint64 (42 + int 'h'); High = 0UL } ]), r.Message)
    let json = ReceiptJson.toJson r.Receipt
    Assert.That(json, Does.Contain "\"name\": \"shout\"")
    Assert.That(json, Does.Contain "HELLO")
    Assert.That(json, Does.Contain "ho ho ho ")
    Assert.That(json, Does.Contain "\"entered\": \"alloc\"")
    // mix, shout, greet and its two calls back, add.
    Assert.That(r.Receipt.Journal.Length, Is.EqualTo 6)

    let bytes = ReceiptBytes.encode r.Receipt

    for read in [ ReceiptJson.ofJson json; ReceiptBytes.decode bytes ] do
        match read with
        | Ok back -> Assert.That((ReceiptBytes.encode back = bytes))
        | Error why -> Assert.Fail why

[<Test>]
let ``a replay asks no function`` () =
    let functions = Functions()
    let r = report shared { request "all" [] with Functions = functions }
    let calls = functions.Calls
    replay shared r.Receipt guest
    Assert.That(functions.Calls, Is.EqualTo calls)
    Assert.That(calls, Is.EqualTo 4)

[<Test>]
let ``wherever gas ends, all engines and replays agree`` () =
    let whole = report shared (request "all" [])
    let used = int whole.Receipt.GasUsed
    let mutable outOfGas = 0

    for gas in 0..3..used do
        let limited = { request "all" [] with Limits = { RequestLimits.None with Gas = Some(int64 gas) } }
        let r = report shared limited

        if r.Receipt.Outcome = Outcome.OutOfGas then
            outOfGas <- outOfGas + 1

        replay shared r.Receipt guest

        for name, e in engines.Value do
            Assert.That((report e limited).ReceiptDigest, Is.EqualTo r.ReceiptDigest, $"{name}, gas {gas}")
            replay e r.Receipt guest

    Assert.That(outOfGas, Is.GreaterThan(used / 4))

[<Test>]
let ``wherever the journal ends, all engines and replays agree`` () =
    let profile (bytes: int64) = {
        Profile.sandbox with
            Policy = { Profile.sandbox.Policy with Run = { Profile.sandbox.Policy.Run with JournalBytes = bytes } }
    }

    let mutable full = 0

    for bytes in 0L..16L..1000L do
        let limited = { request "all" [] with Profile = profile bytes }
        let r = report shared limited

        match r.Receipt.Outcome with
        | Outcome.Trapped(HostTrap.JournalFull, _, _, _) -> full <- full + 1
        | Outcome.Returned _ -> ()
        | other -> Assert.Fail(Outcome.describe other)

        for name, e in engines.Value do
            Assert.That((report e limited).ReceiptDigest, Is.EqualTo r.ReceiptDigest, $"{name}, journal {bytes}")

        replay shared r.Receipt guest

    Assert.That(full, Is.InRange(20, 60))

[<Test>]
let ``bad pointers and lengths trap with their numbers`` () =
    for entry, address, length in
        [
            "peek", -1, 1
            "peek", 65536, 1
            "peek", 65530, 10
            "peek", 0, -1
            "peek", -1, -1
            "poke", -1, 1
            "poke", 65536, 1
            "poke", 65530, 10
        ] do
        // A read of four billion bytes costs as much before it is looked at.
        let r = onAll { request entry [ address; length ] with Limits = RequestLimits.None }

        match r.Receipt.Outcome with
        | Outcome.Trapped(code, a, b, c) ->
            Assert.That(enum<TrapCode> code, Is.EqualTo TrapCode.HostRangeOutOfBounds)
            Assert.That((a, b, c), Is.EqualTo((uint64 (uint32 address), uint64 (uint32 length), 65536UL)))
        | other -> Assert.Fail(Outcome.describe other)

    for address, length in [ 0, 65536; 65536, 0; 65535, 1 ] do
        Assert.That((onAll (request "peek" [ address; length ])).Receipt.Outcome.Succeeded)

[<Test>]
let ``guest and host that call each other end at the depth limit`` () =
    match (onAll (request "dive" [ 1 ])).Receipt.Outcome with
    | Outcome.Trapped(code, _, _, _) -> Assert.That(enum<TrapCode> code, Is.EqualTo TrapCode.ReentryTooDeep)
    | other -> Assert.Fail(Outcome.describe other)

[<Test>]
let ``a function's own trap has its code and text, in the replay too`` () =
    let r = onAll (request "odd" [ 0 ])
    Assert.That((r.Receipt.Outcome = Outcome.Trapped(HostTrap.HostFunction, 5UL, 0UL, 0UL)), r.Message)
    Assert.That(r.Message, Does.Contain "no, thank you")

[<Test>]
let ``a function cannot catch the end of its run`` () =
    match (onAll (request "odd" [ 2 ])).Receipt.Outcome, (onAll (request "odd" [ 3 ])).Receipt.Outcome with
    | Outcome.Trapped(range, _, _, _), Outcome.Trapped(unreachable, _, _, _) ->
        Assert.That(enum<TrapCode> range, Is.EqualTo TrapCode.HostRangeOutOfBounds)
        Assert.That(enum<TrapCode> unreachable, Is.EqualTo TrapCode.Unreachable)
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``buffers, reads and writes over each other are seen in order`` () =
    let r = onAll (request "odd" [ 5 ])
    Assert.That((r.Receipt.Outcome = Outcome.Returned [ { Kind = ValueKind.I32; Low = 2UL; High = 0UL } ]), r.Message)

    match r.Receipt.Journal with
    | [ { Reply = JournalReply.Kept(Reply.Host answer) } ] ->
        let writes =
            answer.Steps
            |> List.choose (fun s ->
                match s with
                | HostStep.Write(at, bytes) -> Some(at, List.ofArray bytes)
                | _ -> None)

        // The first buffer's byte goes in before the read that covers it; a[7] is 1 + 3 + 3.
        Assert.That((writes = [ 100u, [ 1uy ]; 127u, [ 2uy ]; 124u, [ 3uy; 3uy ]; 107u, [ 7uy ] ]), $"%A{writes}")
    | other -> Assert.Fail $"%A{other}"

let private faultOf (e: Executor) (r: ExecutionRequest) =
    match e.Execute r with
    | Error(Refusal.Fault fault) -> fault
    | Error other -> failwith $"not a fault: {other}"
    | Ok report -> failwith $"no fault: {report.Message}"

[<Test>]
let ``a function that throws is an engine fault with its text, and the next run is clean`` () =
    let executors = ("compiled", shared) :: engines.Value

    for name, e in executors do
        for n, text in
            [
                1, "the database is down"
                4, "unreachable"
                6, "overlap"
                7, "after a call into the guest"
                8, "no function 'nobody'"
                9, "do not fit 'alloc'"
                99, "odd 99"
            ] do
            match faultOf e (request "odd" [ n ]) with
            | EngineFault.HostFunction why -> Assert.That(why, Does.Contain text, $"{name} {n}")
            | other -> Assert.Fail $"{name} {n}: {other}"

            Assert.That((report e (request "all" [])).ReceiptDigest, Is.EqualTo (report fresh (request "all" [])).ReceiptDigest)

[<Test>]
let ``a long read is journaled by its digest`` () =
    match (onAll (request "odd" [ 10 ])).Receipt.Journal with
    | [ { Reply = JournalReply.Kept(Reply.Host { Steps = [ HostStep.Read(0u, HostContent.Digest(5000u, _)) ] }) } ] -> ()
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``imports are granted by pattern, name and type; what is refused says why`` () =
    let without change = rejected shared { request "all" [] with Imports = change grants }
    let notAllowed = without (fun g -> Some { g with Allowed = [ (ImportPattern.TryParse "env.ad*").Value ] })
    Assert.That(notAllowed.Where, Is.EqualTo "import env.mix")
    Assert.That(notAllowed.Expected, Does.Contain "env.ad*")

    let missing = without (fun g -> Some { g with Functions = g.Functions |> List.filter (fun f -> f.Name <> "greet") })
    Assert.That(missing.Kind, Is.EqualTo RejectKind.Link)
    Assert.That(missing.Where, Is.EqualTo "import env.greet")

    let other = { signature "shout" [ i32; i64 ] [] with Module = "env" }

    let illTyped =
        without (fun g -> Some { g with Functions = g.Functions |> List.map (fun f -> if f.Name = "shout" then other else f) })

    Assert.That(illTyped.Kind, Is.EqualTo RejectKind.Link)
    Assert.That(illTyped.Expected, Does.Contain(string other.Type))
    Assert.That(illTyped.Found, Does.Contain(string (signature "shout" [ i32; i32 ] []).Type))

    let vector = { signature "shout" [ ValType.V128 ] [] with Module = "env" }
    Assert.That((without (fun g -> Some { g with Functions = [ vector ] })).Where, Is.EqualTo "imports")
    Assert.That((without (fun g -> Some { g with Functions = g.Functions @ g.Functions })).Message, Does.Contain "twice")
    Assert.That((without (fun _ -> None)).Where, Is.EqualTo "import env.add")

[<Test>]
let ``patterns match whole modules, whole names, or how names begin`` () =
    let matches (pattern: string) m n = (ImportPattern.TryParse pattern).Value.Matches(m, n)

    for pattern, m, n, expected in
        [
            "*", "a", "b", true
            "env.*", "env", "log", true
            "env.*", "env.x", "log", false
            "env.*", "en", "v.log", false
            "env.log", "env", "log", true
            "env.log", "env", "log2", false
            "env.log*", "env", "log2", true
            "env.log*", "env", "lo", false
            "a.b.c", "a", "b.c", true
            "a.b.c", "a.b", "c", true
        ] do
        Assert.That(matches pattern m n, Is.EqualTo expected, $"{pattern} {m} {n}")

    for wrong in [ ""; null; "env"; "*.log"; "e*.log"; "env.**" ] do
        Assert.That((ImportPattern.TryParse wrong).IsNone, wrong)

[<Test>]
let ``a journal that was changed does not replay`` () =
    let receipt = (report shared (request "all" [])).Receipt

    let changed (change: HostAnswer -> HostAnswer) (index: int) =
        let entry (e: JournalEntry) =
            match e.Reply with
            | JournalReply.Kept(Reply.Host answer) when e.Index = index -> { e with Reply = JournalReply.Kept(Reply.Host(change answer)) }
            | _ -> e

        shared.Replay({ receipt with Journal = List.map entry receipt.Journal }, guest)

    let differs what (result: ReplayResult) =
        match result with
        | ReplayResult.Differs d -> Assert.That(string d.Component, Is.AnyOf(what), string d)
        | other -> Assert.Fail $"{other}"

    Assert.That((changed id 1).IsIdentical)
    // shout reads what the guest has, whatever the journal says of it.
    changed
        (fun a -> {
            a with
                Steps =
                    List.map
                        (function
                        | HostStep.Read(at, _) -> HostStep.Read(at, HostContent.Bytes "jello"B)
                        | s -> s)
                        a.Steps
        })
        1
    |> differs [| "Reply" |]

    changed
        (fun a -> {
            a with
                Steps =
                    List.map
                        (function
                        | HostStep.Write(at, _) -> HostStep.Write(at, "JELLO"B)
                        | s -> s)
                        a.Steps
        })
        1
    |> differs [| "MemoryDigest" |]

    changed (fun a -> { a with Next = HostNext.Returned 41UL }) 5 |> differs [| "Outcome" |]
    changed (fun a -> { a with Next = HostNext.Stopped }) 5 |> differs [| "Reply" |]
    changed (fun a -> { a with Next = HostNext.Entered("alloc", [ 8UL ]) }) 2 |> differs [| "GlobalsDigest" |]
    changed (fun a -> { a with Next = HostNext.Trapped(1UL, "x") }) 5 |> differs [| "Effect"; "Outcome" |]

[<Test>]
let ``audits of receipts with host calls are clean on every engine`` () =
    let receipts = [
        for entry, arguments in [ "all", []; "odd", [ 0 ]; "odd", [ 2 ]; "odd", [ 5 ]; "dive", [ 1 ]; "peek", [ 65536; 1 ] ] do
            (report shared (request entry arguments)).Receipt
    ]

    let inputs =
        receipts |> List.mapi (fun i r -> { Name = $"{i}.json"; CommandLine = ""; Load = fun () -> Ok(struct (r, guest)) })

    let engines: IWasmEngine list = [
        CompiledEngine()
        InterpretedEngine()
        match WasmtimeForTests.tryPlain () with
        | Some e -> e
        | None -> ()
    ]

    let summary =
        Auditor.runWith { View = id } { AuditOptions.For engines with Threads = 2 } [] [] CancellationToken.None inputs

    Assert.That(summary.ExitCode, Is.EqualTo 0, $"%A{summary}")

[<Test>]
let ``output beyond the limit is a trap, in the replay too`` () =
    let logger =
        Encoding.UTF8.GetBytes
            """(module (import "env" "log" (func $log (param i32 i32 i32))) (memory (export "memory") 1)
            (func (export "flood") (loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 100)) (br $l))))"""

    let r =
        everyWay {
            Request.contract logger "flood" World.alice World.token World.empty with
                Convention = Convention.Raw []
                Profile = {
                    Profile.sandbox with
                        Policy = { Profile.sandbox.Policy with Run = { Profile.sandbox.Policy.Run with OutputBytes = 1000L } }
                }
                Imports = Some { Allowed = [ (ImportPattern.TryParse "env.log").Value ]; Functions = [] }
        }

    Assert.That((r.Receipt.Outcome = Outcome.Trapped(HostTrap.OutputFull, 101UL, 909UL, 1000UL)), r.Message)
    Assert.That(r.Log.Length, Is.EqualTo 10)
