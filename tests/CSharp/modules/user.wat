;; Imports what shared.wat exports, and uses all of it.
(module
  (import "shared" "memory" (memory 1))
  (import "shared" "table" (table 4 funcref))
  (import "shared" "counter" (global $counter (mut i32)))
  (import "shared" "seven" (func $seven (result i32)))
  (elem (i32.const 1) $nine $seven)
  (func $nine (result i32) (i32.const 9))
  (func (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "set") (param i32) (global.set $counter (local.get 0)))
  (func (export "sum") (result i32) (i32.add (call $seven) (call $nine))))
