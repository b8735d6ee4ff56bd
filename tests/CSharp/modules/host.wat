;; Host functions of every numeric type, references, several results.
(module
  (import "env" "mix" (func $mix (param i32 i64 f32 f64) (result f64)))
  (import "env" "text" (func $text (param i32 i32)))
  (import "env" "pair" (func $pair (param i32) (result i32 i64)))
  (import "env" "keep" (func $keep (param externref) (result externref)))
  (memory (export "memory") 1)
  (data (i32.const 8) "hello")
  (func (export "mix") (result f64) (call $mix (i32.const -1) (i64.const 2) (f32.const 0.5) (f64.const 4)))
  (func (export "text") (call $text (i32.const 8) (i32.const 5)))
  (func (export "outside") (call $text (i32.const 65534) (i32.const 5)))
  (func (export "pair") (param i32) (result i32 i64) (call $pair (local.get 0)))
  (func (export "keep") (param externref) (result externref) (call $keep (local.get 0))))
