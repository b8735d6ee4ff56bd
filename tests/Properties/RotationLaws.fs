/// Guests that compare rotations with zero: RyuJIT leaves the test out (see Rotations in src/Wasm/Compiler/Lower.fs), so each shape in which it
/// can meet one is pinned here. In: the shapes. Out: the engines answer as the oracle does.
module Twofold.Properties.RotationLaws

open NUnit.Framework
open Twofold.Wasm
open Twofold.Wasm.Text
open Twofold.Properties.OracleRuns

let private shapes =
    """
(module
  (func (export "rotl") (param i32) (result i32) (if (i32.rotl (local.get 0) (i32.const 19)) (then (return (i32.const 7)))) (i32.const 9))
  (func (export "rotr of eqz") (param i32) (result i32) (i32.eqz (i32.rotr (i32.eqz (local.get 0)) (i32.const 3))))
  (func (export "i64") (param i32) (result i32) (if (i64.eqz (i64.rotr (i64.extend_i32_u (local.get 0)) (i64.const 19))) (then (return (i32.const 7)))) (i32.const 9))
  (func (export "sign") (param i32) (result i32) (if (i32.lt_s (i32.rotl (local.get 0) (i32.const 31)) (i32.const 0)) (then (return (i32.const 7)))) (i32.const 9))
  (func (export "shifts") (param i32) (result i32) (if (i32.or (i32.shl (local.get 0) (i32.const 19)) (i32.shr_u (local.get 0) (i32.const 13))) (then (return (i32.const 7)))) (i32.const 9))
  (func (export "locals") (param i32) (result i32) (local i32 i32 i32)
    (local.set 1 (i32.shl (local.get 0) (i32.const 19))) (local.set 2 (i32.shr_u (local.get 0) (i32.const 13)))
    (if (i32.xor (local.get 2) (i32.add (local.get 3) (local.get 1))) (then (return (i32.const 7)))) (i32.const 9))
  (func (export "loop") (param i32) (result i32) (local i32 i32) (local.set 1 (local.get 0))
    (block (loop (br_if 1 (i32.eqz (local.get 1))) (br_if 1 (i32.gt_u (local.get 2) (i32.const 3)))
      (local.set 2 (i32.add (local.get 2) (i32.const 1))) (local.set 1 (i32.rotl (i32.shr_u (local.get 1) (i32.const 1)) (i32.const 7))) (br 0)))
    (local.get 2))
  (func (export "block") (param i32) (result i32)
    (if (block (result i32) (drop (br_if 0 (i32.rotl (local.get 0) (i32.const 5)) (i32.const 1))) (i32.const 1)) (then (return (i32.const 7)))) (i32.const 9))
  (func (export "divisor") (param i32) (result i32) (i32.div_u (i32.const 100) (i32.rotl (local.get 0) (i32.const 4))))
  (func (export "table") (param i32) (result i32) (block (block (br_table 0 1 (i32.rotl (local.get 0) (i32.const 1)))) (return (i32.const 7))) (i32.const 9))
  (func (export "float") (param i32) (result i32) (i32.trunc_sat_f64_s (f64.convert_i64_u (i64.rotl (i64.extend_i32_u (local.get 0)) (i64.const 63)))))
  (func (export "select") (param i32) (result i32) (i32.trunc_f64_s (select (f64.const 1) (f64.const 2) (i32.rotl (local.get 0) (i32.const 9))))))
"""

let private guest =
    lazy
        (match Wat.parse shapes with
         | Ok bytes -> validate bytes
         | Error refused -> failwith (string refused))

let private names = guest.Value.Module.Exports |> Array.map _.Name

[<TestCaseSource(nameof names)>]
let ``a rotation is compared by its bits`` (shape: string) =
    for engine in engines do
        for x in [ 0; 1; 2; 3; 4; 32; -1; System.Int32.MinValue; System.Int32.MaxValue ] do
            let run e =
                use subject = new Subject(e, guest.Value, shape, [| Value.I32 x |])
                subject.Run(10_000L, limits.StackUnits)

            Assert.That(run engine, Is.EqualTo(run oracle), $"{engine.Name}, {x}")
