/// Gas and logical stack of what WebAssembly 3.0 and SIMD brought, counted by hand from the published rules: for the oracle and for every engine.
/// In: modules in the text format, each with its price beside it. Out: failures by module.
module Twofold.Properties.GasCountsThree

open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Text
open Twofold.Properties.OracleRuns

let private assemble (fields: string) =
    match Wat.parse $"(module\n{fields}\n)" with
    | Ok bytes -> validate bytes
    | Error rejected -> failwith $"{rejected}"

/// The export `f` of [i32] ends so, for exactly this gas and these units, and with one less of either it ends otherwise.
let private check (fields: string) (argument: int) (gas: int64) (units: int) (ending: string) =
    let valid = assemble fields

    for engine in oracle :: engines do
        use subject = new Subject(engine, valid, "f", [| Value.I32 argument |])
        let run = subject.Run(1_000_000L, units)
        Assert.That((engine.Name, run.End, run.Gas), Is.EqualTo((engine.Name, ending, gas)))
        Assert.That(subject.Run(gas, units).End, Is.EqualTo ending, engine.Name)
        let short = subject.Run(gas - 1L, units)
        Assert.That((engine.Name, short.End, short.Gas), Is.EqualTo((engine.Name, "out of gas", gas - 1L)))
        Assert.That(subject.Run(1_000_000L, units - 1).End, Is.EqualTo "stack exhausted", engine.Name)

/// A memory's first page at instantiation.
let private page = 1024L

[<Test>]
let ``vectors count two units, their instructions two`` () =
    check
        """(func (export "f") (param i32) (result i32) (local v128)
             local.get 0 i32x4.splat local.tee 1      ;; 1 + 2 + 1
             local.get 1 i32x4.add                    ;; 1 + 2
             i32x4.extract_lane 3)                    ;; 2"""
        3
        9L
        (16 + 1 + 2 + 4)
        "returned i32:6"

    check
        """(memory 1)
           (func (export "f") (param i32) (result i32)
             v128.const f64x2 9 16 f64x2.sqrt                             ;; 1 + 5
             i32.const 16 v128.load f64x2.add                             ;; 1 + 2 + 2
             f64x2.extract_lane 0 i32.trunc_f64_s)                        ;; 2 + 1"""
        0
        (page + 14L)
        (16 + 1 + 4)
        "returned i32:3"

[<Test>]
let ``objects are paid for by size: structs with their block, arrays when the length is known`` () =
    check
        """(type $s (struct (field i32 i64 (mut i8))))                      ;; 16 + 13, rounded up: 32 bytes
           (func (export "f") (param i32) (result i32)
             local.get 0 i64.const 7 i32.const 1 struct.new $s            ;; 3 + 10 + 4
             struct.get $s 0)                                             ;; 2"""
        8
        19L
        (16 + 1 + 3)
        "returned i32:8"

    let array =
        """(type $a (array (mut i64)))
           (func (export "f") (param i32) (result i32)
             i64.const 5 local.get 0 array.new $a                         ;; 2 + 10, then 3 + n
             i32.const 3 array.get $a i32.wrap_i64)                       ;; 1 + 2 + 1"""

    check array 4 (16L + 7L) (16 + 1 + 2) "returned i32:5"
    check array 3 (16L + 6L) (16 + 1 + 2) "trapped ArrayOutOfBounds 3 1 3 "

[<Test>]
let ``a cast costs three, and what it refuses too`` () =
    let cast made =
        "(type $s (struct (field i32)))
         (func (export \"f\") (param i32) (result i32)
           local.get 0 "
        + made
        + " ref.cast (ref $s) struct.get $s 0)" // 3 + 2

    check (cast "struct.new $s") 4 (1L + 13L + 5L) (16 + 1 + 1) "returned i32:4"
    check (cast "ref.i31") 4 (1L + 1L + 5L) (16 + 1 + 1) "trapped CastFailure 0 0 0 "

[<Test>]
let ``a new block begins after br_on_null, and after a cast that branches`` () =
    let body =
        """(type $s (struct (field i32)))
           (func (export "f") (param i32) (result i32) (local (ref null $s))
             block $null
               local.get 0 if                                             ;; 1 + 2
                 i32.const 9 struct.new $s local.set 1                    ;; 1 + 13 + 1
               end
               local.get 1 br_on_null $null                               ;; 1 + 2
               struct.get $s 0 return                                     ;; 2 + 2
             end
             i32.const 5)                                                 ;; 1"""

    check body 1 (3L + 15L + 3L + 4L) (16 + 2 + 1) "returned i32:9"
    check body 0 (3L + 3L + 1L) (16 + 2 + 1) "returned i32:5"

    let onCast made =
        "(type $s (struct (field i32)))
         (func (export \"f\") (param i32) (result i32)
           block $l (result (ref $s))
             local.get 0 "
        + made
        + " br_on_cast $l anyref (ref $s)                                 ;; 3
             drop i32.const 1 i32.const 2 drop return                     ;; 1 + 1 + 1 + 1 + 2
           end
           struct.get $s 0)                                               ;; 2"

    check (onCast "struct.new $s") 4 (1L + 13L + 3L + 2L) (16 + 1 + 2) "returned i32:4"
    check (onCast "ref.i31") 4 (1L + 1L + 3L + 6L) (16 + 1 + 2) "returned i32:1"

[<Test>]
let ``a call by reference costs what an indirect one does`` () =
    let body call =
        "(type $t (func (param i32) (result i32)))
         (func $g (type $t) local.get 0 i32.const 1 i32.add)              ;; 3
         (elem declare func $g)
         (func (export \"f\") (param i32) (result i32)
           local.get 0 ref.func $g "
        + call
        + " $t)" // 1 + 3 + 15

    check (body "call_ref") 1 (19L + 3L) (16 + 1 + 2 + 16 + 1 + 2) "returned i32:2"
    check (body "return_call_ref") 1 (19L + 3L) (16 + 1 + 2) "returned i32:2"

let private thrower =
    """(tag $e (param i32)) (tag $other)
       (func $thrower (param i32) (result i32) local.get 0 throw $e)          ;; 1 + 20, and 3 for 24 bytes
       (func $second (param i32) (result i32) throw $other)                   ;; 20, and 2 for 16 bytes
       (func $middle (param i32) (result i32) local.get 0 call $thrower)      ;; 1 + 10
       (func $tail (param i32) (result i32) local.get 0 return_call $thrower) ;; 1 + 10"""

let private throws, seconds, passes = 24L, 22L, 11L

/// Units of the functions above, one argument each; `$second` has no operand.
let private calleeUnits = 16 + 1 + 1

[<Test>]
let ``each call that an exception leaves costs ten, a handler nothing`` () =
    let body callee =
        thrower
        + "\n(func (export \"f\") (param i32) (result i32)
             block $h (result i32)
               try_table (catch $e $h)                                    ;; 1
                 local.get 0 call "
        + callee
        + " drop                                                          ;; 1 + 10 + 1
               end
               i32.const 5                                                ;; 1
             end
             i32.const 1 i32.add)                                         ;; 2"

    let own = 16 + 1 + 2
    check (body "$thrower") 7 (14L + throws + 10L + 2L) (own + calleeUnits) "returned i32:8"
    check (body "$middle") 7 (14L + passes + throws + 20L + 2L) (own + 2 * calleeUnits) "returned i32:8"
    check (body "$tail") 7 (14L + passes + throws + 10L + 2L) (own + calleeUnits) "returned i32:8"

[<Test>]
let ``an exception that nothing catches leaves the host's call for nothing`` () =
    let body = thrower + "\n" + """(func (export "f") (param i32) (result i32) local.get 0 call $middle)"""
    check body 7 (11L + passes + throws + 20L) (3 * calleeUnits) "uncaught 0 i32:7"

[<Test>]
let ``what is caught and thrown again pays for throwing, not for an exception`` () =
    let body =
        thrower
        + "\n"
        + """(func (export "f") (param i32) (result i32)
               block $h (result exnref)
                 try_table (result i32) (catch_ref $other $h) (catch_all_ref $h) ;; 2
                   local.get 0 call $thrower                              ;; 1 + 10
                 end
                 return                                                   ;; 2
               end
               throw_ref)                                                 ;; 20"""

    check body 7 (15L + throws + 10L + 20L) (16 + 1 + 1 + calleeUnits) "uncaught 0 i32:7"

[<Test>]
let ``legacy exceptions cost what stands in the module, as the example of the gas page`` () =
    let body callee =
        thrower
        + "\n(func (export \"f\") (param i32) (result i32)
             try (result i32)                                             ;; a catch and a catch_all: 2
               local.get 0 call "
        + callee
        + "                                                               ;; 1 + 10
             catch $e
               i32.const 1 i32.add                                        ;; 2
             catch_all
               rethrow 0                                                  ;; 20
             end)"

    let own = 16 + 1 + 2
    check (body "$thrower") 7 (13L + throws + 10L + 2L) (own + calleeUnits) "returned i32:8"
    check (body "$second") 7 (13L + seconds + 10L + 20L) (own + 16 + 1) "uncaught 1 "

[<Test>]
let ``a 64-bit memory costs what a 32-bit one does`` () =
    let load =
        """(memory i64 1)
           (func (export "f") (param i32) (result i32)
             local.get 0 i64.extend_i32_u i64.load i32.wrap_i64)          ;; 1 + 1 + 2 + 1"""

    check load 8 (page + 5L) (16 + 1 + 1) "returned i32:0"
    check load 65535 (page + 5L) (16 + 1 + 1) "trapped MemoryOutOfBounds 65535 8 65536 "

    let grow =
        """(memory i64 1 3)
           (func (export "f") (param i32) (result i32)
             local.get 0 i64.extend_i32_u memory.grow i32.wrap_i64)       ;; 1 + 1 + 20 + 1"""

    check grow 2 (page + 23L + 2L * page) (16 + 1 + 1) "returned i32:1"
    check grow 3 (page + 23L) (16 + 1 + 1) "returned i32:-1"

[<Test>]
let ``each of several memories costs the same, and copies between them are paid by length`` () =
    check
        """(memory $a 1) (memory $b 2)
           (func (export "f") (param i32) (result i32)
             local.get 0 i32.const 6 i32.store $b                         ;; 1 + 1 + 2
             local.get 0 i32.load $b local.get 0 i32.load $a i32.add)     ;; 3 + 3 + 1"""
        70000
        (3L * page + 11L)
        (16 + 1 + 2)
        "trapped MemoryOutOfBounds 70000 4 65536 "

    let copy =
        """(memory $a 1) (memory $b 2)
           (func (export "f") (param i32) (result i32)
             i32.const 0 i32.const 65536 local.get 0                      ;; 3
             memory.copy $a $b i32.const 5)                               ;; 20, then n / 8, rounded up; 1"""

    check copy 9 (3L * page + 24L + 2L) (16 + 1 + 3) "returned i32:5"
    check copy 65537 (3L * page + 24L + 8193L) (16 + 1 + 3) "trapped MemoryOutOfBounds 65536 65537 131072 "
