module Twofold.Security.CodeAdvisories

// What went wrong in other engines' decoding, compiling, metering and pooling, as guests of ours: each test bears the advisory's name
// (docs/ADVISORIES.md), says what went wrong there, and what must hold here. In: guests in text. Out: one receipt in every way, on every engine.

open System
open System.Diagnostics
open System.Diagnostics.Metrics
open NUnit.Framework
open Twofold.Wasm
open Twofold.HostAbi
open Twofold.Engine
open Twofold.Skills.Tests.World
open Twofold.Security.Grounds

let private host = callOf Profile.hostProfile
let private contract = callOf Profile.contract
let private trivial = """(module (func (export "run") (result i32) (i32.const 7)))"""
let private times n (text: string) = String.replicate n text
let private outcomeOf request = (everywhere request).Receipt.Outcome
let private gasOf request = (everywhere request).Receipt.GasUsed

/// On each engine, with an executor of its own.
let private onEach (test: string -> Executor -> unit) =
    for name, engine in engines do
        use e = executor engine null 4
        test name e

// ---- what is big, or deep, before anything runs

// There: a type with very many parameters took memory without bound while it was compiled, and left a lock poisoned.
// Here: it is refused by its number before it is compiled, and the same engine runs the next module.
[<Test>]
let ``CWA-2023-004: parameters by the thousand`` () =
    onEach (fun name e ->
        for n in [ 101; 1_000; 100_000 ] do
            let bomb = $"""(module (func (export "run") (param {times n "i32 "})))"""

            let r =
                match e.Execute { contract trivial "run" [] with Module = ModuleSource.Bytes(Utf8.bytes bomb) } with
                | Error(Refusal.Rejected r) -> r
                | other -> failwith $"{name}: {other}"

            Assert.That((r.Kind = RejectKind.Limit), $"{name}: {r}")

        succeeds e (contract trivial "run" []) |> ignore)

// There: a long chain of types, each naming the one before, overflowed the native stack when the module was dropped.
// Here: such a module loads, runs, goes and is collected.
[<Test>]
let ``GHSA-wjc8-633q-pwxr: a long chain of types`` () =
    let chain = [ for i in 1..20_000 -> $"(type (struct (field (ref null {i - 1}))))" ] |> String.concat "\n"
    let wat = $"""(module (type (struct)) {chain} (func (export "run") (result i32) (ref.is_null (ref.null 20000))))"""
    Assert.That((returned (host wat "run" []) = [ 1UL ]))

    onEach (fun _ e ->
        succeeds e (host wat "run" []) |> ignore
        e.Clear())

    GC.Collect()
    GC.WaitForPendingFinalizers()
    Assert.That((returned (host trivial "run" []) = [ 7UL ]))

// There: parsers and validators that call themselves for each nested block died of their own stack (wasm3 CVE-2024-27527 and its kin).
// Here: blocks, operands and calls in operands nest by the thousand, on all engines.
[<Test>]
let ``recursion at compile time`` () =
    let deep = 5_000
    let blocks = times deep "(block " + "(br 4000)" + times deep ")"
    let operands = times deep "(i32.add (i32.const 1) " + "(i32.const 1)" + times deep ")"
    let ifs = times 1_000 "(if (i32.const 1) (then " + "(global.set $g (i32.const 9))" + times 1_000 "))"

    let wat =
        $"""(module (global $g (mut i32) (i32.const 0))
              (func (export "run") (result i32 i32) {blocks} {operands} {ifs} (global.get $g)))"""

    Assert.That((returned (host wat "run" []) = [ uint64 (deep + 1); 9UL ]))

// There: JSON nested deeply enough overflowed the stack of whoever parsed it.
// Here: receipts, requests, snapshots and manifests that nest are refused, and no stack is asked.
[<Test>]
let ``CWA-2024-001: JSON that nests`` () =
    for opening, closing in [ "[", "]"; """{"a":""", "}" ] do
        let text = times 200_000 opening + "1" + times 200_000 closing
        Assert.That((ReceiptJson.ofJson text).IsError)
        Assert.That((SnapshotJson.ofJson text).IsError)
        Assert.That((SkillManifest.parse (Utf8.bytes text)).IsError)

// ---- stack

// There: recursion (of replies, of queries, of calls) had no bound but the native stack, and took the process with it.
// Here: calls, calls through tables and a start function end at the same frame everywhere, with the same gas.
[<Test>]
let ``CWA-2024-005 and CWA-2025-007: recursion without end`` () =
    let wat =
        """(module (type $f (func (param i64) (result i64)))
             (table funcref (elem $indirect))
             (func $direct (export "direct") (result i64) (i64.add (call $direct) (i64.const 1)))
             (func $indirect (param i64) (result i64) (i64.add (call_indirect (type $f) (local.get 0) (i32.const 0)) (i64.const 1)))
             (func (export "table") (result i64) (call $indirect (i64.const 0)))
             (func $many (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
               (i64.add (call $many (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 0)) (i64.const 1)))
             (func (export "wide") (result i64)
               (call $many (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8))))"""

    for entry in [ "direct"; "table"; "wide" ] do
        for profile in [ Profile.contract; Profile.hostProfile ] do
            Assert.That((outcomeOf (callOf profile wat entry []) = Outcome.StackExhausted), $"{entry}, {profile.Name}")

    let start = """(module (func $s (call $s)) (start $s) (func (export "run")))"""
    Assert.That((outcomeOf (host start "run" []) = Outcome.StackExhausted))

// ---- gas

/// A loop of so many rounds, and one that traps or throws after it.
let private work =
    """(module (tag $t)
         (func $loop (param i32) (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
         (func (export "run") (param i32) (call $loop (local.get 0)))
         (func (export "trap") (param i32) (call $loop (local.get 0)) unreachable)
         (func $throws (param i32) (call $loop (local.get 0)) (throw $t))
         (func (export "caught") (param i32) (block $h (try_table (catch_all $h) (call $throws (local.get 0)))))
         (func (export "branches") (param i32) (result i32) (local $n i32)
           (loop $l
             (block $a (block $b (block $c (br_table $a $b $c (i32.and (local.get 0) (i32.const 3))))
                 (local.set $n (i32.add (local.get $n) (i32.const 3))))
               (if (i32.and (local.get 0) (i32.const 8)) (then (local.set $n (i32.mul (local.get $n) (i32.const 5))))))
             (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
           (local.get $n)))"""

// There: prices were changed, but modules in the cache had the old ones compiled into them: nodes disagreed.
// Here: what is cached goes by what it was compiled under. Whatever ran before, in a cache or fresh, gas and refusals are the same.
[<Test>]
let ``CWA-2024-004: stale gas in a cache`` () =
    let lowered gas (request: ExecutionRequest) = { request with Limits = { RequestLimits.None with Gas = Some gas } }

    let requests = [
        contract work "branches" [ 1000UL ]
        host work "branches" [ 1000UL ]
        lowered 5_000L (contract work "branches" [ 1000UL ])
        callOf Profile.skill work "branches" [ 1000UL ]
    ]

    let wide = times 10_001 "i64 "
    let locals = $"""(module (func (export "run") (result i64) (local {wide}) (local.get 7)))"""

    for order in [ requests; List.rev requests ] do
        onEach (fun name shared ->
            for request in order @ order do
                let digest (e: Executor) =
                    match e.Execute request with
                    | Ok r -> r.ReceiptDigest
                    | Error refusal -> failwith $"{refusal}"

                use fresh = executor (List.find (fun (n, _) -> n = name) engines |> snd) null 0
                Assert.That(digest shared, Is.EqualTo(digest fresh), $"{name}, {request.Profile.Name}")

            // Loaded for whom it is allowed (under the same features), and still refused to others.
            succeeds shared (callOf Profile.skill locals "run" []) |> ignore
            Assert.That((refused shared (contract locals "run" [])).Kind.IsLimit))

// There: the meter missed work, so that contracts computed for longer than they paid for.
// Here: with the gas that a run used it runs again, with one unit less it is out of gas with all of it used, on every engine.
[<Test>]
let ``CWA-2024-007: gas is exact to the unit`` () =
    for entry in [ "run"; "caught"; "branches" ] do
        let request = contract work entry [ 333UL ]
        let used = gasOf request
        Assert.That(used, Is.GreaterThan 333L)

        for spare in [ 0L; -1L; -2L; -30L ] do
            let r = (everywhere { request with Limits = { RequestLimits.None with Gas = Some(used + spare) } }).Receipt
            Assert.That(r.GasUsed, Is.EqualTo(used + spare))
            Assert.That((r.Outcome = Outcome.OutOfGas), Is.EqualTo(spare < 0L), $"{entry} {spare}")

// There: a sub-call that ended in anything but out of gas gave back what it had used.
// Here: what was spent before a trap, or before an exception that is caught, stays spent.
[<Test>]
let ``CWA-2025-004: gas that was used stays used after a trap`` () =
    let spent = gasOf (contract work "run" [ 10_000UL ])
    let trap = contract work "trap" [ 10_000UL ]
    Assert.That((outcomeOf trap).IsTrapped)
    Assert.That(gasOf trap, Is.GreaterThanOrEqualTo spent)
    Assert.That(gasOf (contract work "caught" [ 10_000UL ]), Is.GreaterThan spent)

// There: entry points were called without the price of setting a contract up.
// Here: segments and start functions are paid for by every run, in a new instance and in a used one alike.
[<Test>]
let ``CWA-2025-005: setting up is paid for`` () =
    let made (data: int) (rounds: int) =
        $"""(module (memory 2) (data (i32.const 0) "{times data "x"}")
             (func $s (local $i i32) (local.set $i (i32.const {rounds})) (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
             (start $s) (func (export "run")))"""

    let gas data rounds = gasOf (contract (made data rounds) "run" [])
    let plain = gas 8 1
    Assert.That(gas 80_008 1 - plain, Is.EqualTo 10_000L)
    Assert.That(gas 8 1_001 - plain, Is.GreaterThanOrEqualTo 5_000L)

// There and elsewhere: bulk work at a flat price.
// Here: it is paid by its size before it is done; what cannot be paid is not begun, what is out of bounds traps at once.
[<Test>]
let ``bulk work at a flat price`` () =
    let wat =
        """(module (memory 16) (table 1000 funcref)
             (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0)))
             (func (export "copy") (param i32) (memory.copy (i32.const 8) (i32.const 0) (local.get 0)))
             (func (export "table") (param i32) (table.fill (i32.const 0) (ref.null func) (local.get 0))))"""

    for entry, large in [ "fill", 800_000UL; "copy", 800_000UL; "table", 900UL ] do
        let small = gasOf (host wat entry [ 8UL ])
        Assert.That(gasOf (host wat entry [ large ]) - small, Is.GreaterThanOrEqualTo(int64 large / 64L), entry)
        Assert.That((outcomeOf (host wat entry [ 0xFFFF_FFFFUL ])).IsTrapped, entry)
        Assert.That((outcomeOf (contract wat entry [ 0xFFFF_FFFFUL ])) |> (fun o -> o.IsTrapped || o = Outcome.OutOfGas), entry)

// There: diagnostics were paid from the same budget, so that a node that traced came to another result.
// Here: listeners to every trace and measurement change no receipt.
[<Test>]
let ``tracing that changes gas`` () =
    let request = contract work "branches" [ 5000UL ]
    let plain = (everywhere request).ReceiptDigest
    let mutable seen = 0

    use listener =
        new ActivityListener(
            ShouldListenTo = (fun _ -> true),
            Sample = (fun _ -> ActivitySamplingResult.AllDataAndRecorded),
            ActivityStopped = (fun _ -> seen <- seen + 1)
        )

    ActivitySource.AddActivityListener listener
    use meters = new MeterListener()
    meters.InstrumentPublished <- (fun i l -> l.EnableMeasurementEvents i)
    meters.Start()
    Assert.That((everywhere request).ReceiptDigest, Is.EqualTo plain)
    Assert.That(seen, Is.GreaterThan 0, "something was traced")

// There: errors carried stack traces of the host, which differ from build to build, into consensus.
// Here: a trap's text is the same on every engine and names nothing of the host.
[<Test>]
let ``CWA-2021-003: stack traces in errors`` () =
    let wat =
        """(module (func $f (param i32) (result i32)
             (if (result i32) (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (i32.div_s (i32.const 1) (i32.const 0)))))
             (func (export "run") (result i32) (call $f (i32.const 20))))"""

    let messages = [
        for _, engine in engines do
            use e = executor engine null 0

            match e.Execute(contract wat "run" []) with
            | Ok r -> r.Message
            | Error refusal -> string refusal
    ]

    Assert.That(List.distinct messages, Has.Length.EqualTo 1, $"%A{messages}")
    Assert.That(messages.Head, Does.Not.Contain(" at ").And.Not.Contain("Twofold"))

// ---- instances that are used again

// There: a memory of the pool kept the data of the module that had it before.
// Here: whatever a module wrote, in the image and beyond it, others and the module itself find zeros where they put nothing.
[<Test>]
let ``CVE-2022-39393: a pooled memory's earlier contents`` () =
    let writer =
        """(module (memory (export "memory") 3 9) (data (i32.const 0) "the image of somebody else's memory")
             (data (i32.const 131072) "on another page")
             (func (export "run") (drop (memory.grow (i32.const 6))) (memory.fill (i32.const 100) (i32.const 170) (i32.const 589000))))"""

    let reader (pages: int) =
        $"""(module (memory (export "memory") {pages} 9)
              (func (export "run") (result i64) (local $i i32) (local $sum i64)
                (drop (memory.grow (i32.const {9 - pages})))
                (loop $l
                  (local.set $sum (i64.or (local.get $sum) (i64.load (local.get $i))))
                  (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 589824))))
                (local.get $sum)))"""

    onEach (fun name e ->
        for pages in [ 1; 3; 9; 1 ] do
            for _ in 1..3 do
                succeeds e (host writer "run" []) |> ignore

                match (succeeds e (host (reader pages) "run" [])).Receipt.Outcome with
                | Outcome.Returned [ { Low = 0UL } ] -> ()
                | other -> Assert.Fail $"{name}, {pages} pages: {Outcome.describe other}")

// There: references lived where the collector did not look: across calls, across a caught exception, in tables, in globals.
// Here: objects in all these places outlive collections, on every engine.
[<Test>]
let ``CVE-2021-39216, CVE-2021-39218 and GHSA-hw8m-q44c-ggrf: references that the collector missed`` () =
    let wat =
        """(module
             (type $s (struct (field (mut i64)))) (type $a (array (mut i64))) (tag $t (param (ref null $s)))
             (table $tab 4 (ref null $s)) (global $g (mut (ref null $s)) (ref.null $s))
             (func $garbage (local $i i32) (local.set $i (i32.const 300))
               (loop $l (drop (array.new_default $a (i32.const 2000))) (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
             (func $thrower (param (ref null $s)) (call $garbage) (throw $t (local.get 0)))
             (func (export "run") (result i64) (local $x (ref null $s)) (local $y (ref null $s))
               (local.set $x (struct.new $s (i64.const 1)))
               (global.set $g (struct.new $s (i64.const 20)))
               (table.set $tab (i32.const 1) (struct.new $s (i64.const 300)))
               (local.set $y (block $h (result (ref null $s))
                 (try_table (catch $t $h) (call $thrower (struct.new $s (i64.const 4000)))) (ref.null $s)))
               (call $garbage)
               (i64.add (i64.add (struct.get $s 0 (local.get $x)) (struct.get $s 0 (local.get $y)))
                 (i64.add (struct.get $s 0 (global.get $g)) (struct.get $s 0 (table.get $tab (i32.const 1)))))))"""

    Assert.That((returned (host wat "run" []) = [ 4321UL ]))

// ---- instructions

// There: a dropped segment of externrefs was taken for one of functions, and the host panicked.
// Here: a dropped segment is empty: nothing may be taken from it, and of it one element is out of bounds.
[<Test>]
let ``CVE-2024-30266: a dropped segment of externrefs`` () =
    let wat =
        """(module (table $t 3 externref) (elem $e externref (ref.null extern) (ref.null extern))
             (func (export "run") (param i32) (result i32)
               (elem.drop $e) (table.init $t $e (i32.const 0) (i32.const 0) (local.get 0))
               (table.fill $t (i32.const 0) (ref.null extern) (i32.const 3)) (table.size $t)))"""

    Assert.That((returned (host wat "run" [ 0UL ]) = [ 3UL ]))
    let code, _, _, _ = trapped (host wat "run" [ 1UL ])
    Assert.That(code, Is.EqualTo TrapCode.TableOutOfBounds)

// There: the -1 of a growth that failed was a 64-bit number to the compiler, and reached the bytes before memory.
// Here: as an address it is 4,294,967,295, far out of bounds.
[<Test>]
let ``CVE-2026-35186: the result of a growth that failed`` () =
    let wat =
        """(module (memory 1 1) (table $t 1 2 funcref)
             (func (export "table") (result i32) (i32.load8_u (table.grow $t (ref.null func) (i32.const 1000))))
             (func (export "memory") (result i32) (i32.load8_u offset=16 (memory.grow (i32.const 1000))))
             (func (export "store") (i64.store (table.grow $t (ref.null func) (i32.const 1000)) (i64.const -1))))"""

    for entry, address in [ "table", 0xFFFF_FFFFUL; "memory", 0x1_0000_000FUL; "store", 0xFFFF_FFFFUL ] do
        let code, at, _, _ = trapped (host wat entry [])
        Assert.That(code, Is.EqualTo TrapCode.MemoryOutOfBounds)
        Assert.That(at, Is.EqualTo address, entry)

// There: a shifted index was folded into an address with 35 bits instead of 32: an access outside of memory.
// Here: the shift wraps before the offset is added, and the sum does not wrap.
[<Test>]
let ``CVE-2023-26489: shifted indexes in addresses`` () =
    let wat =
        """(module (memory 1) (data (i32.const 24) "\2a")
             (func (export "shift") (param i32) (result i32) (i32.load8_u offset=16 (i32.shl (local.get 0) (i32.const 3))))
             (func (export "multiply") (param i32) (result i32) (i32.load8_u offset=16 (i32.mul (local.get 0) (i32.const 8))))
             (func (export "far") (param i32) (result i32) (i32.load8_u offset=0xFFFFFFF0 (i32.shl (local.get 0) (i32.const 3)))))"""

    for entry in [ "shift"; "multiply" ] do
        Assert.That((returned (host wat entry [ 0x2000_0001UL ]) = [ 42UL ]))
        let _, at, _, _ = trapped (host wat entry [ 0x1FFF_FFFFUL ])
        Assert.That(at, Is.EqualTo 0x1_0000_0008UL)

    let _, at, _, _ = trapped (host wat "far" [ 4UL ])
    Assert.That(at, Is.EqualTo 0x1_0000_0010UL)

// There: a 32-bit value that was spilled came back with its sign in the upper half.
// Here: fifty values live across a call are what they were, extended without a sign.
[<Test>]
let ``CVE-2021-32629: values that are kept across calls`` () =
    let n = 50
    let locals = [ for i in 0 .. n - 1 -> $"(local $v{i} i32)" ] |> String.concat " "
    let sets = [ for i in 0 .. n - 1 -> $"(local.set $v{i} (i32.sub (i32.const {i}) (local.get $p)))" ] |> String.concat " "

    let sums =
        [ for i in 0 .. n - 1 -> $"(local.set $s (i64.add (local.get $s) (i64.extend_i32_u (local.get $v{i}))))" ]
        |> String.concat " "

    let wat =
        $"""(module (global $g (mut i32) (i32.const 0)) (func $f (global.set $g (i32.add (global.get $g) (i32.const 1))))
              (func (export "run") (param $p i32) (result i64) (local $s i64) {locals} {sets} (call $f) {sums} (call $f) {sums} (local.get $s)))"""

    let expected = 2UL * Seq.sum [ for i in 0 .. n - 1 -> uint64 (uint32 (i - 1000)) ]
    Assert.That((returned (host wat "run" [ 1000UL ]) = [ expected ]))

// There: division by a constant was compiled with the wrong extension of the constant.
// Here: by a constant and by a value the quotients and remainders are the same, for signed and unsigned.
[<Test>]
let ``CVE-2022-31169: constant divisors`` () =
    let divisors = [ "1"; "3"; "7"; "10"; "-1"; "-3"; "0x80000000"; "0x7fffffff"; "0xfffffff0" ]

    let checks = [
        for op in [ "div_s"; "div_u"; "rem_s"; "rem_u" ] do
            for d in divisors do
                $"(local.set $n (i32.add (local.get $n) (i32.ne (i32.{op} (local.get $x) (i32.const {d})) (i32.{op} (local.get $x) (call $same (i32.const {d}))))))"
    ]

    let wat =
        $"""(module (global $z (mut i32) (i32.const 0))
              (func $same (param i32) (result i32) (i32.xor (local.get 0) (global.get $z)))
              (func (export "run") (param $x i32) (result i32) (local $n i32) {String.concat "\n" checks} (local.get $n)))"""

    for x in [ 0UL; 1UL; 41UL; 0x7FFF_FFFFUL; 0x8000_0001UL; 0xFFFF_FFFFUL; 0xFFFF_FFF0UL ] do
        Assert.That((returned (host wat "run" [ x ]) = [ 0UL ]), $"{x}")

// There: lanes beyond 15 of a shuffle of one vector with itself, and arithmetic shifts by constants above 31, came out wrong.
// Here: each lane is computed by hand.
[<Test>]
let ``CVE-2023-27477 and CVE-2023-41880: lanes and shifts of vectors`` () =
    let wat =
        """(module
             (func (export "shuffle") (param i64 i64) (result i64 i64) (local $v v128)
               (local.set $v (i64x2.replace_lane 1 (i64x2.splat (local.get 0)) (local.get 1)))
               (local.set $v (i8x16.shuffle 31 0 16 15 17 1 30 14 8 24 9 25 23 7 22 6 (local.get $v) (local.get $v)))
               (i64x2.extract_lane 0 (local.get $v)) (i64x2.extract_lane 1 (local.get $v)))
             (func (export "shift") (param i64) (result i64 i64 i64 i64)
               (i64x2.extract_lane 0 (i64x2.shr_s (i64x2.splat (local.get 0)) (i32.const 1)))
               (i64x2.extract_lane 1 (i64x2.shr_s (i64x2.splat (local.get 0)) (i32.const 33)))
               (i64x2.extract_lane 0 (i64x2.shr_s (i64x2.splat (local.get 0)) (i32.const 63)))
               (i64x2.extract_lane 1 (i64x2.shr_s (i64x2.splat (local.get 0)) (i32.const 65)))))"""

    // Bytes 0 to 15 in order: each lane is its index.
    Assert.That(
        (returned (host wat "shuffle" [ 0x0706050403020100UL; 0x0F0E0D0C0B0A0908UL ]) = [ 0x0E0E01010F00000FUL; 0x0606070709090808UL ])
    )

    let x = 0x8123456789ABCDEFUL
    let shifted n = uint64 (int64 x >>> n)
    Assert.That((returned (host wat "shift" [ x ]) = [ shifted 1; shifted 33; shifted 63; shifted 1 ]))

// There: a load that was merged into an operation on vectors read sixteen bytes where eight were meant, beyond the end of memory.
// Here: the last eight bytes can be used by every such operation, and one byte further is a trap.
[<Test>]
let ``CVE-2026-24116 and GHSA-qqfj-4vcm-26hv: the last bytes of memory`` () =
    let wat =
        """(module (memory 1 1) (data (i32.const 65528) "\00\00\00\00\00\00\f0\3f")
             (func (export "sign") (param i32) (result f64) (f64.copysign (f64.const 2) (f64.load (local.get 0))))
             (func (export "value") (param i32) (result f64) (f64.copysign (f64.load (local.get 0)) (f64.const -1)))
             (func (export "splat") (param i32) (result f64) (f64x2.extract_lane 1 (f64x2.splat (f64.load (local.get 0)))))
             (func (export "single") (param i32) (result f32) (f32x4.extract_lane 3 (f32x4.splat (f32.load offset=4 (local.get 0)))))
             (func (export "zero") (param i32) (result i64) (i64x2.extract_lane 0 (v128.load64_zero (local.get 0)))))"""

    let double (x: float) = uint64 (BitConverter.DoubleToInt64Bits x)

    for entry, expected in
        [
            "sign", double 2.0
            "value", double -1.0
            "splat", double 1.0
            "single", uint64 (BitConverter.SingleToUInt32Bits 1.875f)
            "zero", double 1.0
        ] do
        Assert.That((returned (host wat entry [ 65528UL ]) = [ expected ]), entry)
        let code, _, _, _ = trapped (host wat entry [ 65529UL ])
        Assert.That(code, Is.EqualTo TrapCode.MemoryOutOfBounds, entry)

// There: a call cost the same whatever locals the function had, so that setting thousands of them to zero was work without a price.
// Here: sixteen locals cost one unit at each call, and a loop of such calls runs out of gas after as few as that allows.
[<Test>]
let ``wasm-instrument #38: locals that cost nothing`` () =
    let calls locals =
        $"""(module
              (global $calls (export "calls") (mut i64) (i64.const 0))
              (func $f (local {times locals "i64 "}))
              (func (export "run") (loop (call $f) (global.set $calls (i64.add (global.get $calls) (i64.const 1))) (br 0))))"""

    let paid (locals: int) (count: int) =
        gasOf (
            contract
                $"""(module
                      (func $f (local {times locals "i64 "}))
                      (func (export "run") (result i32) {times count "(call $f) "} (i32.const 0)))"""
                "run"
                []
        )

    // Ten calls of nine thousand locals, beside ten of none.
    Assert.That(paid 9_000 10 - paid 0 10, Is.EqualTo(10L * (9_000L / 16L)))
    Assert.That((outcomeOf (contract (calls 9_000) "run" []) = Outcome.OutOfGas))
