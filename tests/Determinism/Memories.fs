module Twofold.Determinism.Memories

// Several memories, 64-bit ones, and what is refused of shared ones: receipts cover all of them, resets restore all of them.
// In: small guests as text. Out: the same receipt however they are run; a digest that shows a byte of any memory.

open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Text
open Twofold.Engine
open Twofold.Determinism.Harness

let private ofText (text: string) =
    match Wat.parse text with
    | Ok bytes -> bytes
    | Error e -> failwith (string e)

let private host (bytes: byte[]) entry arguments : ExecutionRequest = {
    Limits.raw bytes entry arguments with
        Profile = Profile.hostProfile
}

let private three =
    ofText
        """(module
  (memory $a 1) (memory $b 0 5) (memory $c i64 1)
  (data (memory $a) (i32.const 10) "first")
  (data (memory $c) (i64.const 65530) "third")
  (data $passive "passive")
  ;; The sum of what a run could have left behind.
  (func (export "observe") (result i64)
    (i64.add (i64.mul (i64.extend_i32_u (memory.size $b)) (i64.const 1000000))
      (i64.add (i64.mul (memory.size $c) (i64.const 10000))
        (i64.add (i64.load8_u $a (i32.const 300))
          (i64.add (i64.load8_u $c (i64.const 65530)) (i64.extend_i32_u (i32.load8_u $a (i32.const 10))))))))
  (func (export "dirty") (result i64)
    (drop (memory.grow $b (i32.const 2)))
    (drop (memory.grow $c (i64.const 1)))
    (memory.copy $b $c (i32.const 131060) (i64.const 65530) (i32.const 5))
    (memory.fill $c (i64.const 65530) (i32.const 7) (i64.const 65542))
    (memory.init $a $passive (i32.const 300) (i32.const 0) (i32.const 7))
    (data.drop $passive)
    (i64.load8_u $b (i32.const 131060)))
  (func (export "poke_a") (result i64) (i64.store8 $a (i32.const 65535) (i64.const 1)) (i64.const 0))
  (func (export "poke_b") (result i64) (drop (memory.grow $b (i32.const 1))) (i64.store8 $b (i32.const 65535) (i64.const 1)) (i64.const 0))
  (func (export "poke_c") (result i64) (i64.store8 $c (i64.const 65535) (i64.const 1)) (i64.const 0))
  (func (export "beyond") (result i64) (i64.load $c offset=0xffffffffffffffff (i64.const 9)))
  ;; The store's memories together: as many pages as the limit leaves.
  (func (export "greed") (result i64) (local $n i64)
    (loop $again
      (if (i64.ne (memory.grow $c (i64.const 1)) (i64.const -1))
        (then (local.set $n (i64.add (local.get $n) (i64.const 1))) (br $again))))
    (i64.add (i64.mul (local.get $n) (i64.const 100)) (i64.extend_i32_s (memory.grow $b (i32.const 1))))))"""

let private returned (r: ExecutionReport) =
    match r.Receipt.Outcome with
    | Outcome.Returned [ v ] -> v.Low
    | other -> failwith $"%A{other}"

let private observed = 10000UL + uint64 't'B + uint64 'f'B

[<Test>]
let ``several memories give one receipt in every way of running`` () =
    Assert.That(returned (everyWay (host three "observe" [])), Is.EqualTo observed)
    Assert.That(returned (everyWay (host three "dirty" [])), Is.EqualTo(uint64 't'B))

[<Test>]
let ``what one run leaves in any of its memories the next one does not see`` () =
    use e = executor { PoolOptions.Default with IdlePerModule = 1; ProveResets = true }

    for dirty in [ "dirty"; "poke_a"; "poke_b"; "poke_c" ] do
        report e (host three dirty []) |> ignore
        let again = report e (host three "observe" [])
        Assert.That(again.PoolHit)
        Assert.That(returned again, Is.EqualTo observed, dirty)

[<Test>]
let ``the digest shows a byte of any memory`` () =
    let digests =
        [ "observe"; "poke_a"; "poke_b"; "poke_c" ]
        |> List.map (fun entry -> (report fresh (host three entry [])).Receipt.MemoryDigest)

    Assert.That((List.distinct digests).Length, Is.EqualTo 4)

[<Test>]
let ``an address beyond 64 bits traps with the greatest one`` () =
    match (everyWay (host three "beyond" [])).Receipt.Outcome with
    | Outcome.Trapped(code, a, b, c) ->
        Assert.That(struct (code, a, b, c), Is.EqualTo(struct (int TrapCode.MemoryOutOfBounds, System.UInt64.MaxValue, 8UL, 65536UL)))
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``the limit is on all memories together`` () =
    let limited = { host three "greed" [] with Limits = { RequestLimits.None with MemoryBytes = Some(10L * 65536L) } }

    // Two pages at the start, eight more, and then none for anybody.
    Assert.That(int64 (returned (everyWay limited)), Is.EqualTo 799L)

[<Test>]
let ``a shared memory is refused by the contract profile's features and by every pool`` () =
    // (module (memory 1 2 shared) (func (export "f")))
    let shared =
        "0061736D01000000" + "01040160000003020100" + "05040103010207050101660000" + "0A040102000B"
        |> System.Convert.FromHexString

    Assert.That(string (rejected fresh (Limits.raw shared "f" [])), Does.Contain "threads")

    let threaded = {
        Profile.hostProfile with
            Policy = { Profile.hostProfile.Policy with Features = Features.Default.With Feature.Threads }
    }

    for e in [ fresh; Harness.shared ] do
        Assert.That(string (rejected e { host shared "f" [] with Profile = threaded }), Does.Contain "never pooled")
