module Twofold.Determinism.Limits

// What is refused, by name, and what ends a run: formats, sizes, imports, gas, memory, deadlines, host ranges.
// In: small guests. Out: rejections that say what and where, outcomes with their numbers, faults that leave the pool clean.

open System
open System.Text
open System.Threading
open System.Threading.Tasks
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Determinism.Assemble
open Twofold.Determinism.Harness

let raw (bytes: byte[]) entry arguments : ExecutionRequest = {
    Request.contract bytes entry World.alice World.token World.empty with
        Convention = Convention.Raw arguments
}

let contract (bytes: byte[]) entry : ExecutionRequest = Request.contract bytes entry World.alice World.token World.empty

let private value (n: int) : ResultValue = { Kind = ValueKind.I32; Low = uint64 (uint32 n); High = 0UL }

let private adder = guest [ def "add" [ i32; i32 ] [ i32 ] (local 0 @ local 1 @ add) ] |> assemble

[<Test>]
let ``add 5 and 3 is 8`` () =
    let r = everyWay (raw adder "add" [ 5UL; 3UL ])
    Assert.That((r.Receipt.Outcome = Outcome.Returned [ value 8 ]))

[<Test>]
let ``eight threads computing the same get the same`` () =
    let reports = Array.zeroCreate<ExecutionReport> 800
    let one i = reports[i] <- report shared (raw adder "add" [ 5UL; 3UL ])
    Parallel.For(0, 800, ParallelOptions(MaxDegreeOfParallelism = 8), one) |> ignore
    Assert.That((reports |> Array.distinctBy _.ReceiptDigest).Length, Is.EqualTo 1)

let private refusedAs (kind: RejectKind) (part: string) (bytes: byte[]) =
    let r = rejected shared (raw bytes "add" [ 5UL; 3UL ])
    Assert.That((r.Kind = kind), $"{r.Kind}: {r}")
    Assert.That(string r, Does.Contain part)

[<Test>]
let ``what is not a module is refused by name`` () =
    refusedAs RejectKind.Malformed "magic header not detected" (Encoding.ASCII.GetBytes "not a module at all")
    refusedAs RejectKind.Malformed "unexpected end" [| 0uy; 0x61uy |]
    refusedAs RejectKind.Component "component" [| 0x00uy; 0x61uy; 0x73uy; 0x6Duy; 0x0Duy; 0x00uy; 0x01uy; 0x00uy |]

[<Test>]
let ``10 MiB and one byte is refused by its size, 10 MiB is not`` () =
    let padded total =
        // A custom section fills the module up to the size.
        let rest = total - adder.Length - 6

        let length = [|
            byte (rest &&& 0x7F ||| 0x80)
            byte (rest >>> 7 &&& 0x7F ||| 0x80)
            byte (rest >>> 14 &&& 0x7F ||| 0x80)
            byte (rest >>> 21 &&& 0x7F ||| 0x80)
            0uy
        |]

        Array.concat [ adder; [| 0uy |]; length; [| 1uy; byte 'x' |]; Array.zeroCreate (rest - 2) ]

    let limit = 10 * 1024 * 1024
    Assert.That((padded limit).Length, Is.EqualTo limit)
    refusedAs RejectKind.Limit (string limit) (padded (limit + 1))
    Assert.That((report fresh (raw (padded limit) "add" [ 5UL; 3UL ])).Receipt.Outcome.Succeeded)

[<Test>]
let ``page 8193 is refused at 512 MiB`` () =
    let big pages =
        guest [ def "grow" [ i32 ] [ i32 ] (local 0 @ growMemory); def "size" [] [ i32 ] memorySize ]
        |> fun g -> assemble { g with Pages = pages }

    let r = rejected shared (raw (big 8193) "size" [])
    Assert.That((r.Kind = RejectKind.Limit), string r)

    // Growing to 8,192 pages goes, one more does not: the guest sees -1 and goes on.
    let grow pages = (report fresh { raw (big 8191) "grow" [ pages ] with Limits = RequestLimits.None }).Receipt.Outcome

    Assert.That((grow 1UL = Outcome.Returned [ value 8191 ]))
    Assert.That((grow 2UL = Outcome.Returned [ value -1 ]))

[<Test>]
let ``a request may lower its profile's limits and not raise them`` () =
    let ask limits = { raw adder "add" [ 5UL; 3UL ] with Limits = limits }
    let r = rejected shared (ask { RequestLimits.None with Gas = Some 100_000_001L })
    Assert.That(r.Where, Is.EqualTo "gas limit")
    let r = rejected shared (ask { RequestLimits.None with MemoryBytes = Some(1L <<< 40) })
    Assert.That(r.Where, Is.EqualTo "memory limit")
    let r = rejected shared (ask { RequestLimits.None with MemoryBytes = Some 65535L })
    Assert.That((r.Kind = RejectKind.Limit || r.Kind = RejectKind.Link), string r)
    everyWay (ask { RequestLimits.None with Gas = Some 5_000L; StackUnits = Some 100 }) |> ignore

[<Test>]
let ``entries and arguments that do not fit are refused with both sides`` () =
    let r = rejected shared (raw adder "ad" [])
    Assert.That(string r, Does.Contain "add")
    let r = rejected shared (raw adder "add" [ 5UL ])
    Assert.That(string r, Does.Contain "2 argument(s)")
    let r = rejected shared (raw adder "add" [ 5UL; 1UL <<< 32 ])
    Assert.That(r.Where, Is.EqualTo "argument 1")
    let r = rejected shared (raw adder "memory" [])
    Assert.That(string r, Does.Contain "memory")
    let r = rejected shared (contract adder "add")
    Assert.That(string r, Does.Contain "[] -> [i32]")

let private importing imports = guest [ def "run" [] [ i32 ] (constant 0) ] |> fun g -> assemble { g with Imports = imports }

[<Test>]
let ``imports that are not allowed are refused by name`` () =
    let refused (what: string) imports (request: ExecutionRequest -> ExecutionRequest) (part: string) =
        let r = rejected shared (request (contract (importing imports) "run"))
        Assert.That((r.Kind = RejectKind.Link), $"{what}: {r}")
        Assert.That(string r, Does.Contain part, what)

    refused "another module" [ "wasi_snapshot_preview1", "fd_write", [ i32; i32; i32; i32 ], [ i32 ] ] id "wasi_snapshot_preview1"
    refused "no such function" [ "env", "get_password", [], [ i32 ] ] id "get_password"
    refused "another signature" [ "env", "get_caller", [ i32; i32 ], [ i32 ] ] id "[i32] -> [i32]"
    let switches change (r: ExecutionRequest) = { r with Switches = Some(change Profile.contract.Policy.Switches) }
    refused "randomness" [ "env", "get_random", [ i32; i32 ], [ i32 ] ] (switches (fun s -> { s with RandomOff = true })) "randomness"
    refused "the allocator" [ "env", "malloc", [ i32 ], [ i32 ] ] (switches (fun s -> { s with Allocator = false })) "allocator"
    everyWay (contract (importing [ "env", "get_random", [ i32; i32 ], [ i32 ] ]) "run") |> ignore

let private looping = guest [ def "run" [] [ i32 ] (forever [] @ constant 0) ] |> assemble

[<Test>]
let ``gas 1,000 on an endless loop is out of gas`` () =
    let r = everyWay { contract looping "run" with Limits = { RequestLimits.None with Gas = Some 1_000L } }
    Assert.That((r.Receipt.Outcome = Outcome.OutOfGas))
    Assert.That(r.Receipt.GasUsed, Is.EqualTo 1_000L)

let private unlimited = { Profile.contract with Policy = { Profile.contract.Policy with Gas = Profile.UnlimitedGas } }

[<Test>]
let ``a deadline and a cancellation are faults, never receipts, and leave the pool clean`` () =
    use e = executor { PoolOptions.Default with ProveResets = true }
    let late = { contract looping "run" with Profile = { unlimited with Deadline = TimeSpan.FromMilliseconds 50.0 } }

    match e.Execute late with
    | Error(Refusal.Fault(EngineFault.Deadline _)) -> ()
    | other -> Assert.Fail $"%A{other}"

    use source = new CancellationTokenSource(50)

    match e.Execute({ contract looping "run" with Profile = { unlimited with Deadline = TimeSpan.Zero } }, source.Token) with
    | Error(Refusal.Fault EngineFault.Cancelled) -> ()
    | other -> Assert.Fail $"%A{other}"

    Assert.That(e.PoolCounters.Idle, Is.EqualTo 0)
    Assert.That(e.PoolCounters.Leased, Is.EqualTo 0)

let private recursive = guest [ def "run" [] [ i32 ] (call 0) ] |> assemble

[<Test>]
let ``endless recursion exhausts the logical stack`` () =
    let r = everyWay (contract recursive "run")
    Assert.That((r.Receipt.Outcome = Outcome.StackExhausted))

[<Test>]
let ``a trap carries its numbers`` () =
    let trapping code = guest [ def "run" [] [ i32 ] code ] |> assemble
    let outcome code = (everyWay (contract (trapping code) "run")).Receipt.Outcome
    Assert.That((outcome unreachable = Outcome.Trapped(int TrapCode.Unreachable, 0UL, 0UL, 0UL)))
    Assert.That((outcome (constant 1 @ constant 0 @ divide) = Outcome.Trapped(int TrapCode.IntegerDivideByZero, 0UL, 0UL, 0UL)))
    Assert.That((outcome (constant 65536 @ load8) = Outcome.Trapped(int TrapCode.MemoryOutOfBounds, 65536UL, 1UL, 65536UL)))

let private ofText (text: string) =
    match Text.Wat.parse text with
    | Ok bytes -> bytes
    | Error e -> failwith $"{e}"

[<Test>]
let ``an uncaught exception is an outcome with its tag and values, and drops the writes`` () =
    let guest =
        ofText
            """(module (import "env" "set_return_data" (func $data (param i32 i32))) (memory (export "memory") 1)
                 (tag (param i64)) (tag $t (export "oops") (param i32 f32))
                 (func $throw (throw $t (i32.const 5) (f32.div (f32.const 0) (f32.const 0))))
                 (func (export "run") (result i32) (call $data (i32.const 0) (i32.const 4)) (call $throw) (i32.const 0)))"""

    let r = everyWay (contract guest "run")

    let expected = Outcome.Uncaught(1, Some "oops", [ value 5; { Kind = ValueKind.F32; Low = 0x7FC00000UL; High = 0UL } ])

    Assert.That((r.Receipt.Outcome = expected), Outcome.describe r.Receipt.Outcome)
    Assert.That((r.Receipt.Draft = None))
    Assert.That(Outcome.describe expected, Does.StartWith "uncaught exception of tag 1 (oops) with i32:5")

[<Test>]
let ``exceptions count against the limit on objects, caught ones too`` () =
    let guest =
        ofText
            """(module (tag $t (param i32)) (memory (export "memory") 1)
                 (func (export "run") (result i32) (local $n i32)
                   (loop $again
                     (block $caught (result i32) (try_table (catch $t $caught) (throw $t (local.get $n))) unreachable)
                     (local.tee $n (i32.add (i32.const 1)))
                     (br_if $again (i32.lt_u (i32.const 11))))
                   (i32.const 0)))"""

    // 24 bytes each: ten fit.
    let run bytes =
        let policy = { Profile.contract.Policy with Wasm.GcBytes = bytes }
        (everyWay { contract guest "run" with Profile = { Profile.contract with Policy = policy } }).Receipt.Outcome

    Assert.That((run 264L = Outcome.Returned [ value 0 ]))
    Assert.That((run 263L = Outcome.Trapped(int TrapCode.AllocationLimit, 24UL, 240UL, 263UL)))

let private hostCall name pars results code =
    guest [ def "run" [] [ i32 ] code ] |> fun g -> assemble { g with Imports = [ "env", name, pars, results ] }

[<Test>]
let ``a range outside memory traps with address, length and size`` () =
    let outcome bytes = (everyWay (contract bytes "run")).Receipt.Outcome
    let trap a b = Outcome.Trapped(int TrapCode.HostRangeOutOfBounds, a, b, 65536UL)

    let get = hostCall "get_caller" [ i32 ] [ i32 ] (constant 65530 @ call 0)
    Assert.That((outcome get = trap 65530UL 42UL))

    let set =
        hostCall "state_set" [ i32; i32; i32; i32 ] [ i32 ] (constant 0 @ constant 4 @ constant 65536 @ constant 1 @ call 0)

    Assert.That((outcome set = trap 65536UL 1UL))
    let high = hostCall "state_len" [ i32; i32 ] [ i32 ] (constant -1 @ constant 2 @ call 0)
    Assert.That((outcome high = trap 0xFFFF_FFFFUL 2UL))
    // Nothing at the very end is inside.
    let ending = hostCall "set_return_data" [ i32; i32 ] [] (constant 65536 @ constant 0 @ call 0 @ constant 0)
    Assert.That((outcome ending).Succeeded)

[<Test>]
let ``a call that needs more gas than there is ends the run before it reads`` () =
    let bytes =
        hostCall "emit_event" [ i32; i32; i32; i32 ] [] (constant 0 @ constant 0 @ constant 0 @ constant -1 @ call 0 @ constant 0)

    let r = everyWay (contract bytes "run")
    Assert.That((r.Receipt.Outcome = Outcome.OutOfGas))

[<Test>]
let ``the journal's limit is a trap with its numbers`` () =
    // Events of 32,768 bytes for ever: the journal of 64 MiB is full long before unlimited gas is.
    let body = forever (constant 0 @ constant 0 @ constant 0 @ constant 32768 @ call 0)
    let bytes = hostCall "emit_event" [ i32; i32; i32; i32 ] [] (body @ constant 0)
    let r = report fresh { contract bytes "run" with Profile = unlimited }

    match r.Receipt.Outcome with
    | Outcome.Trapped(HostTrap.JournalFull, weight, before, limit) ->
        Assert.That(weight, Is.EqualTo(32768UL + 64UL))
        Assert.That(limit, Is.EqualTo(64UL * 1024UL * 1024UL))
        Assert.That(before + weight, Is.GreaterThan limit)
    | other -> Assert.Fail(Outcome.describe other)

[<Test>]
let ``abort traps with the guest's own message beside the receipt`` () =
    let message = Encoding.Unicode.GetBytes "no way" |> List.ofArray
    let data = [ 12uy; 0uy; 0uy; 0uy ] @ message
    let code = constant 4 @ constant 0 @ constant 7 @ constant 9 @ call 0 @ constant 0

    let bytes =
        guest [ def "run" [] [ i32 ] code ]
        |> fun g -> assemble { g with Imports = [ "env", "abort", [ i32; i32; i32; i32 ], [] ]; Data = data }

    let r = everyWay (contract bytes "run")
    Assert.That((r.Receipt.Outcome = Outcome.Trapped(int TrapCode.Aborted, 7UL, 9UL, 0UL)))
    Assert.That(r.Message, Does.Contain "no way")

[<Test>]
let ``the host's allocator gives blocks inside guest memory`` () =
    // malloc(100), write to its last byte, read it back.
    let code =
        constant 100 @ call 0 @ [ 0x22uy; 0uy ] @ constant 99 @ add @ constant 7 @ store8 @ local 0 @ constant 99 @ add @ load8

    let bytes =
        guest [ { def "run" [] [ i32 ] code with Locals = 1 } ]
        |> fun g -> assemble { g with Imports = [ "env", "malloc", [ i32 ], [ i32 ] ] }

    let r = everyWay (raw bytes "run" [])
    Assert.That((r.Receipt.Outcome = Outcome.Returned [ value 7 ]), Outcome.describe r.Receipt.Outcome)

[<Test>]
let ``a host function that throws is a fault and leaves the pool clean`` () =
    let failing = {
        new IStateView with
            member _.Utxos(_, _) = failwith "the database is gone"
            member _.State(_, _) = failwith "the database is gone"
            member _.BlockHash _ = failwith "the database is gone"
    }

    use e = executor { PoolOptions.Default with ProveResets = true }
    let bytes = hostCall "state_exists" [ i32; i32 ] [ i32 ] (constant 0 @ constant 1 @ call 0)

    match e.Execute { contract bytes "run" with Snapshot = failing } with
    | Error(Refusal.Fault(EngineFault.HostFunction message)) -> Assert.That(message, Does.Contain "the database is gone")
    | other -> Assert.Fail $"%A{other}"

    Assert.That(e.PoolCounters.Leased, Is.EqualTo 0)
    Assert.That(e.PoolCounters.Idle, Is.EqualTo 0)

[<Test>]
let ``a memory that a module imports is supplied, from one page on`` () =
    let size pages =
        let bytes = guest [ def "run" [] [ i32 ] memorySize ] |> fun g -> assemble { g with Pages = pages; ImportsMemory = true }

        (everyWay (raw bytes "run" [])).Receipt.Outcome

    Assert.That((size 0 = Outcome.Returned [ value 1 ]))
    Assert.That((size 3 = Outcome.Returned [ value 3 ]))

[<Test>]
let ``random bytes follow from the seed and the transaction alone`` () =
    // get_random(100, 32), then set_return_data(100, 32).
    let code = constant 100 @ constant 32 @ call 0 @ drop @ constant 100 @ constant 32 @ call 1 @ constant 0

    let bytes =
        guest [ def "run" [] [ i32 ] code ]
        |> fun g ->
            assemble {
                g with
                    Imports = [ "env", "get_random", [ i32; i32 ], [ i32 ]; "env", "set_return_data", [ i32; i32 ], [] ]
            }

    let drawn seed n = (everyWay { contract bytes "run" with RandomSeed = seed; TransactionId = World.transaction n }).Receipt

    let one = drawn (Some [| 1uy |]) 1
    Assert.That((one.ReturnData = (drawn (Some [| 1uy |]) 1).ReturnData))
    Assert.That((one.ReturnData <> (drawn (Some [| 2uy |]) 1).ReturnData))
    Assert.That((one.ReturnData <> (drawn (Some [| 1uy |]) 2).ReturnData))
    Assert.That(((drawn None 1).Journal[0].Reply = JournalReply.Failed HostErrorCode.RandomUnavailable))

[<Test>]
let ``claims and seeds that are too long are refused by field`` () =
    let where request = (rejected shared request).Where
    let long = { Claim = Array.zeroCreate (10 * 1024 * 1024); Value = [| 1uy |]; Evidence = [||] }
    Assert.That(where { contract looping "run" with Claims = [ long ] }, Is.EqualTo "claims")
    Assert.That(where { contract looping "run" with RandomSeed = Some(Array.zeroCreate 1025) }, Is.EqualTo "random seed")
    Assert.That(where { contract looping "run" with Parameters = Array.zeroCreate (10 * 1024 * 1024 + 1) }, Is.EqualTo "parameters")
    Assert.That(where { contract looping "run" with Module = ModuleSource.Stored(World.token, 1UL) }, Is.EqualTo "module")

[<Test>]
let ``a stored module is found by address and version, and the receipt says which`` () =
    let store = {
        new IModuleStore with
            member _.TryLoad(address, version) = if address = World.token && version = 7UL then ValueSome adder else ValueNone
    }

    use e = new Executor({ ExecutorOptions.For(newEngine ()) with Modules = store })
    let stored version = { raw adder "add" [ 5UL; 3UL ] with Module = ModuleSource.Stored(World.token, version) }
    let r = report e (stored 7UL)
    Assert.That((r.Receipt.Request.Stored = Some(World.token, 7UL)))
    replay fresh r.Receipt adder
    Assert.That((rejected e (stored 8UL)).Where, Is.EqualTo "module")

[<Test>]
let ``a state view that gives an output twice, or somebody else's, is a fault`` () =
    let coin owner index : Utxo = {
        Id = { Transaction = Hash32.zero; Index = index }
        Owner = owner
        Token = TokenId.Native
        Amount = 5UL
        Lock = Lock.None
    }

    let giving (utxos: Utxo list) = {
        new IStateView with
            member _.Utxos(_, _) = List.toArray utxos
            member _.State(_, _) = ValueNone
            member _.BlockHash _ = ValueNone
    }

    // query_utxo_balance of the address at 0 in the native coin.
    let data = List.ofArray World.alice.Bytes

    let bytes =
        guest [ def "run" [] [ i32 ] (constant 0 @ constant 0 @ constant 0 @ call 0 @ drop @ constant 0) ]
        |> fun g -> assemble { g with Imports = [ "env", "query_utxo_balance", [ i32; i32; i32 ], [ i64 ] ]; Data = data }

    let run view = shared.Execute { contract bytes "run" with Snapshot = view }

    match run (giving [ coin World.alice 1u; coin World.alice 1u ]), run (giving [ coin World.bob 1u ]) with
    | Error(Refusal.Fault(EngineFault.HostFunction twice)), Error(Refusal.Fault(EngineFault.HostFunction foreign)) ->
        Assert.That(twice, Does.Contain "twice")
        Assert.That(foreign, Does.Contain(string World.bob))
    | other -> Assert.Fail $"%A{other}"

    Assert.That((run (giving [ coin World.alice 1u; coin World.alice 2u ])) |> Result.isOk)
