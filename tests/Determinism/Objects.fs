module Twofold.Determinism.Objects

// Objects of the GC proposal under receipts: the limit on their bytes to the byte, hostile allocators, what a reset must not leave behind, deep graphs.
// In: small guests as text. Out: the same receipt however they are run; traps with their numbers; planted leaks that are seen.

open System
open System.Reflection
open System.Threading.Tasks
open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Text
open Twofold.Engine
open Twofold.Determinism.Harness

let private ofText (text: string) =
    match Wat.parse text with
    | Ok bytes -> bytes
    | Error e -> failwith (string e)

let private zero: ResultValue = { Kind = ValueKind.I32; Low = 0UL; High = 0UL }

let private gib = 1UL <<< 30

/// A guest that runs these instructions one after the other, dropping each result.
let private making (globals: string) (instructions: string list) =
    let drops = instructions |> List.map (fun i -> $"(drop ({i}))") |> String.concat " "

    ofText
        $"""(module
  (type $s (struct (field i8) (field (mut i64)) (field (ref null $s))))
  (type $v (struct (field v128) (field i16)))
  (type $b (array (mut i8)))
  (type $l (array (mut i64)))
  (type $r (array (mut anyref)))
  (memory (export "memory") 1)
  (data $d "0123456789")
  (elem $e anyref (ref.i31 (i32.const 1)) (ref.null any))
  {globals}
  (func (export "run") (result i32) {drops} (i32.const 0)))"""

let private limited (gcBytes: int64) (bytes: byte[]) : ExecutionRequest =
    let policy = { Profile.contract.Policy with Wasm.GcBytes = gcBytes }
    { Limits.contract bytes "run" with Profile = { Profile.contract with Policy = policy } }

/// Gas for arrays of a GiB.
let private rich (request: ExecutionRequest) = {
    request with
        Profile = { request.Profile with Policy = { request.Profile.Policy with Gas = Profile.UnlimitedGas } }
}

let private trapped (asked: uint64) (made: uint64) (limit: uint64) = Outcome.Trapped(int TrapCode.AllocationLimit, asked, made, limit)

let private is (expected: Outcome) (request: ExecutionRequest) =
    let outcome = (everyWay request).Receipt.Outcome
    Assert.That((outcome = expected), Outcome.describe outcome)

// 16 + 1 + 8 + 8 and 16 + 16 + 2, 24 + elements, each rounded up to 8.
[<TestCase("struct.new $s (i32.const 1) (i64.const 2) (ref.null $s)", 40L)>]
[<TestCase("struct.new_default $s", 40L)>]
[<TestCase("struct.new_default $v", 40L)>]
[<TestCase("array.new_fixed $b 3 (i32.const 1) (i32.const 2) (i32.const 3)", 32L)>]
[<TestCase("array.new_fixed $l 0", 24L)>]
[<TestCase("array.new $b (i32.const 7) (i32.const 9)", 40L)>]
[<TestCase("array.new $r (ref.i31 (i32.const 7)) (i32.const 2)", 40L)>]
[<TestCase("array.new_default $l (i32.const 5)", 64L)>]
[<TestCase("array.new_default $b (i32.const 0)", 24L)>]
[<TestCase("array.new_data $b $d (i32.const 0) (i32.const 10)", 40L)>]
[<TestCase("array.new_elem $r $e (i32.const 0) (i32.const 2)", 40L)>]
let ``the limit on objects is exact to the byte`` (instruction: string, size: int64) =
    let guest = making "" [ instruction; instruction; instruction ]
    let bytes = uint64 size
    limited (3L * size) guest |> is (Outcome.Returned [ zero ])
    limited (3L * size - 1L) guest |> is (trapped bytes (2UL * bytes) (3UL * bytes - 1UL))
    limited (size - 1L) guest |> is (trapped bytes 0UL (bytes - 1UL))

[<Test>]
let ``objects of constant expressions count, i31 and conversions do not`` () =
    let globals =
        """(global (ref $s) (struct.new_default $s)) (global (ref $b) (array.new_default $b (i32.const 9)))
           (global anyref (ref.i31 (i32.const 5000)))"""

    let guest =
        making globals [ "ref.i31 (i32.const 5000)"; "extern.convert_any (ref.i31 (i32.const 5000))"; "struct.new_default $s" ]

    limited 120L guest |> is (Outcome.Returned [ zero ])
    limited 119L guest |> is (trapped 40UL 80UL 119UL)
    limited 79L guest |> is (trapped 40UL 40UL 79UL)
    limited 0L guest |> is (trapped 40UL 0UL 0UL)

[<Test>]
let ``one array has at most a GiB, whatever the limit on all`` () =
    let ask (element: string) (length: uint32) (limit: uint64) =
        making "" [ $"array.new_default ${element} (i32.const {length})" ] |> limited (int64 limit) |> rich

    // 24 bytes of header: 2^30 - 24 elements are exactly a GiB, and it is the other limit that ends the run.
    ask "b" (uint32 gib - 23u) (4UL * gib) |> is (trapped (gib + 8UL) 0UL gib)
    ask "b" (uint32 gib - 24u) (gib - 1UL) |> is (trapped gib 0UL (gib - 1UL))
    ask "l" UInt32.MaxValue (4UL * gib) |> is (trapped (8UL * 0xFFFF_FFFFUL + 24UL) 0UL gib)

[<Test>]
let ``gas comes before the limit, and so do the bounds of segments`` () =
    // 2^32 - 1 elements cost more than a contract has.
    limited 0L (making "" [ "array.new_default $l (i32.const -1)" ]) |> is Outcome.OutOfGas

    limited 0L (making "" [ "array.new_data $b $d (i32.const 0) (i32.const 11)" ])
    |> is (Outcome.Trapped(int TrapCode.MemoryOutOfBounds, 0UL, 11UL, 10UL))

    limited 0L (making "" [ "array.new_elem $r $e (i32.const 1) (i32.const 2)" ])
    |> is (Outcome.Trapped(int TrapCode.TableOutOfBounds, 1UL, 2UL, 2UL))

/// Allocates for ever; `keep` makes a list of it all.
let private hostile keep (allocation: string) =
    ofText
        $"""(module (memory (export "memory") 1)
  (type $l (array (mut i64)))
  (type $n (struct (field (ref null $n)) (field anyref)))
  (func (export "run") (result i32) (local $list (ref null $n)) (local $one anyref)
    (loop $again
      (local.set $one ({allocation}))
      {(if keep then "(local.set $list (struct.new $n (local.get $list) (local.get $one)))" else "")}
      (br $again))
    unreachable))"""

[<TestCase(false)>]
[<TestCase(true)>]
let ``a hostile allocator ends at the limit, whether it keeps what it makes or not`` (keep: bool) =
    // 16 KiB and the header, and 32 for the list's node.
    let array = 16UL * 1024UL + 24UL
    let node = if keep then 32UL else 0UL
    let limit = 32UL * 1024UL * 1024UL
    let rounds = limit / (array + node)
    let left = limit - rounds * (array + node)
    Assert.That(left, Is.LessThan array, "the array is what does not fit")

    limited (int64 limit) (hostile keep "array.new_default $l (i32.const 2048)")
    |> is (trapped array (rounds * (array + node)) limit)

[<Test>]
let ``a hostile allocator of small objects ends out of a contract's gas, within its limit`` () =
    Limits.contract (hostile true "ref.i31 (i32.const 70000)") "run" |> is Outcome.OutOfGas

/// A list of a million nodes, left in a global: nothing that walks it may recurse.
let private million =
    ofText
        """(module (memory (export "memory") 1)
  (type $n (struct (field (ref null $n)) (field i32)))
  (global $list (mut (ref null $n)) (ref.null $n))
  (func (export "run") (result i32) (local $k i32) (local $at (ref null $n))
    (if (i32.eqz (ref.is_null (global.get $list))) (then (unreachable)))
    (loop $build
      (global.set $list (struct.new $n (global.get $list) (local.get $k)))
      (br_if $build (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (i32.const 1000000))))
    (local.set $at (global.get $list))
    (loop $walk
      (local.set $k (i32.sub (local.get $k) (i32.const 1)))
      (if (i32.ne (struct.get $n 1 (local.get $at)) (local.get $k)) (then (unreachable)))
      (br_if $walk (i32.eqz (ref.is_null (local.tee $at (struct.get $n 0 (local.get $at)))))))
    (local.get $k)))"""

[<Test>]
let ``a list of a million objects is built, walked, dropped and reset`` () = Limits.contract million "run" |> is (Outcome.Returned [ zero ])

// ---- what resets must not leave behind

/// `observe` answers with one number for each place that keeps objects, and then changes the objects themselves.
let private keeper =
    ofText
        """(module
  (import "env" "get_block_height" (func $host (result i64)))
  (memory (export "memory") 1)
  (type $cell (struct (field (mut i32))))
  (type $row (array (mut i32)))
  (global $g (mut (ref null $cell)) (struct.new $cell (i32.const 1)))
  (global $fixed (ref $row) (array.new $row (i32.const 2) (i32.const 3)))
  (table $t (ref null $row) (elem (item (array.new_fixed $row 2 (i32.const 0) (i32.const 3))) (item (ref.null $row))))
  (table $u 1 (ref null $cell))
  (elem $e (ref null $cell) (item (struct.new $cell (i32.const 4))))
  (func $read (result i32)
    (table.init $u $e (i32.const 0) (i32.const 0) (i32.const 1))
    (i32.add (i32.mul (struct.get $cell 0 (global.get $g)) (i32.const 1000))
      (i32.add (i32.mul (array.get $row (global.get $fixed) (i32.const 2)) (i32.const 100))
        (i32.add (i32.mul (array.get $row (table.get $t (i32.const 0)) (i32.const 1)) (i32.const 10))
          (struct.get $cell 0 (table.get $u (i32.const 0)))))))
  (func (export "observe") (result i32) (local $seen i32)
    (drop (call $host))
    (local.set $seen (call $read))
    (struct.set $cell 0 (global.get $g) (i32.const 9))
    (array.set $row (global.get $fixed) (i32.const 2) (i32.const 9))
    (array.set $row (table.get $t (i32.const 0)) (i32.const 1) (i32.const 9))
    (struct.set $cell 0 (table.get $u (i32.const 0)) (i32.const 9))
    (if (i32.ne (call $read) (i32.const 9999)) (then (unreachable)))
    (local.get $seen))
  (func (export "replace") (result i32)
    (global.set $g (ref.null $cell))
    (table.set $t (i32.const 0) (ref.null $row))
    (drop (table.grow $t (global.get $fixed) (i32.const 5)))
    (elem.drop $e)
    (i32.const 0)))"""

/// A contract's profile, but for a second table.
let private asking entry =
    let policy = { Profile.contract.Policy with Wasm.Tables = 2 }
    { Limits.raw keeper entry [] with Profile = { Profile.contract with Policy = policy } }

let private observe () = asking "observe"

let private seen (n: uint64) = Outcome.Returned [ { Kind = ValueKind.I32; Low = n; High = 0UL } ]

[<Test>]
let ``objects in globals, tables and segments are new in every run`` () =
    observe () |> is (seen 1234UL)
    use e = executor { PoolOptions.Default with IdlePerModule = 1; ProveResets = true }
    let expected = (report fresh (observe ())).ReceiptDigest

    for dirty in [ "observe"; "replace"; "observe" ] do
        report e (asking dirty) |> ignore
        let again = report e (observe ())
        Assert.That(again.PoolHit)
        Assert.That((again.ReceiptDigest = expected), dirty)

[<Test>]
let ``eight threads with objects in one pool agree`` () =
    use e = executor { PoolOptions.Default with IdlePerModule = 3; ProveResets = true }
    let expected = (report fresh (observe ())).ReceiptDigest
    let digests = Array.zeroCreate 400

    Parallel.For(0, 400, ParallelOptions(MaxDegreeOfParallelism = 8), (fun i -> digests[i] <- (report e (observe ())).ReceiptDigest))
    |> ignore

    Assert.That((Array.distinct digests = [| expected |]))
    Assert.That(e.PoolCounters.Leased, Is.EqualTo 0)

/// Where an instance keeps an object: how to read it and how to put it there.
let private place (kind: string) (instance: IWasmInstance) : (unit -> obj) * (obj -> unit) =
    let any = BindingFlags.Instance ||| BindingFlags.Public ||| BindingFlags.NonPublic
    let data = (instance.GetType().GetFields any |> Array.find (fun f -> f.Name = "instance")).GetValue instance
    let property (name: string) = (data.GetType().GetProperty(name, any)).GetValue data :?> Array

    match kind with
    | "global"
    | "immutable global" ->
        let cell = (property "RefGlobals").GetValue(if kind = "global" then 0 else 1)
        let value = cell.GetType().GetField("Value", any)
        (fun () -> value.GetValue cell), (fun o -> value.SetValue(cell, o))
    | "table" ->
        let table = (property "Tables").GetValue 0
        let call (name: string) (arguments: obj[]) = table.GetType().GetMethod(name, any).Invoke(table, arguments)
        (fun () -> call "Get" [| 0UL |]), (fun o -> call "Set" [| 0UL; o |] |> ignore)
    | "segment" ->
        let segment () = (property "Elems") |> Seq.cast<Array> |> Seq.find (fun s -> s.Length > 0)

        (fun () -> segment().GetValue 0), (fun o -> segment().SetValue(o, 0))
    | other -> failwith other

/// An engine whose second run of an instance finds in one place the object of the first, which the guest has changed since.
let private keeping (kind: string) : IWasmEngine =
    Leaks.wrapped (fun m s ->
        let mutable kept: obj = null

        Leaks.planting
            (fun used _ instance ->
                let read, write = place kind instance

                if used then write kept else kept <- read ())
            m
            s)

[<TestCase("global", 9234UL)>]
[<TestCase("immutable global", 1934UL)>]
[<TestCase("table", 1294UL)>]
[<TestCase("segment", 1239UL)>]
let ``a planted leak of a changed object gives another receipt to the next run`` (kind: string, shown: uint64) =
    match Leaks.runTwice (keeping kind) false (observe ()) with
    | Ok a, Ok b ->
        Assert.That((a.Receipt.Outcome = seen 1234UL), a.Message)
        Assert.That(b.PoolHit)
        Assert.That((b.Receipt.Outcome = seen shown), Outcome.describe b.Receipt.Outcome)
        Assert.That((a.ReceiptDigest <> b.ReceiptDigest))
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``a proved reset refuses an instance that keeps its objects`` () =
    match Leaks.runTwice (Leaks.wrapped (fun m s -> m.Instantiate s |> Result.map (Leaks.forgetful "observe"))) true (observe ()) with
    | Error(Refusal.Fault(EngineFault.Bug message)), _ -> Assert.That(message, Does.Contain "reset")
    | other -> Assert.Fail $"%A{other}"
