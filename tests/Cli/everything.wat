;; A contract with a little of everything that could come out otherwise on another machine: floats, vectors, objects, exceptions, host calls, every
;; kind of ending. In: no parameters. Out: a status; what was computed as return data, so that each bit is in the receipt.
(module
  (import "env" "set_return_data" (func $set_return_data (param i32 i32)))
  (import "env" "state_get" (func $state_get (param i32 i32 i32) (result i32)))
  (import "env" "state_set" (func $state_set (param i32 i32 i32 i32) (result i32)))
  (import "env" "get_caller" (func $get_caller (param i32) (result i32)))
  (import "env" "get_contract_address" (func $get_contract_address (param i32) (result i32)))
  (import "env" "get_timestamp" (func $get_timestamp (result i64)))
  (import "env" "get_block_height" (func $get_block_height (result i64)))
  (import "env" "get_random" (func $get_random (param i32 i32) (result i32)))
  (import "env" "emit_event" (func $emit_event (param i32 i32 i32 i32)))
  (import "env" "log" (func $log (param i32 i32 i32)))
  (import "env" "query_utxo_balance" (func $balance (param i32 i32 i32) (result i64)))
  (import "env" "execute_utxo_transfer" (func $transfer (param i32 i32 i64 i32 i32) (result i32)))
  (import "env" "create_utxo_output" (func $create (param i32 i64 i32 i32) (result i32)))

  (memory (export "memory") 2 4)
  (data (i32.const 0) "symbol")
  (data (i32.const 16) "key 0")
  (data (i32.const 32) "\c3\9cn\c3\afc\c3\b6d\c3\a9 \f0\9f\8e\b2 I\c4\b1i\c4\b0")
  (global $seen (mut f64) (f64.const 0))
  (table $ops 4 funcref)
  (elem (table $ops) (i32.const 0) func $sqrt $third $chaos $flip)

  ;; ---- floats

  (type $op (func (param f64) (result f64)))
  (func $sqrt (type $op) (f64.sqrt (local.get 0)))
  (func $third (type $op) (f64.div (local.get 0) (f64.const 3)))
  (func $chaos (type $op) (f64.mul (f64.mul (f64.const 3.9999) (local.get 0)) (f64.sub (f64.const 1) (local.get 0))))
  (func $flip (type $op) (f64.copysign (local.get 0) (f64.sub (f64.nearest (local.get 0)) (f64.const 0.5))))

  (func (export "Floats") (result i32)
    (local $i i32) (local $x f64) (local $y f32)
    (local.set $x (f64.const 0.3))
    (local.set $y (f32.const 1.1))
    (loop $again
      (local.set $x (call_indirect $ops (type $op) (local.get $x) (i32.and (local.get $i) (i32.const 3))))
      (local.set $y (f32.add (f32.mul (local.get $y) (f32.const 0.7)) (f32.demote_f64 (local.get $x))))
      (f64.store (i32.add (i32.const 1024) (i32.shl (i32.and (local.get $i) (i32.const 63)) (i32.const 3))) (local.get $x))
      (f32.store (i32.add (i32.const 2048) (i32.shl (i32.and (local.get $i) (i32.const 63)) (i32.const 2))) (local.get $y))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5000))))
    ;; NaNs from arithmetic, as bits.
    (f64.store (i32.const 1024) (f64.div (f64.const 0) (f64.const -0)))
    (f64.store (i32.const 1032) (f64.neg (f64.sqrt (f64.const -1))))
    (f32.store (i32.const 1040) (f32.sub (f32.const inf) (f32.const inf)))
    (f32.store (i32.const 1044) (f32.add (f32.const nan:0x200001) (f32.const 1)))
    (f64.store (i32.const 1048) (f64.promote_f32 (f32.const -nan:0x1)))
    (f64.store (i32.const 1056) (f64.min (f64.const nan) (f64.const 1)))
    (i64.store (i32.const 1064) (i64.trunc_sat_f64_s (f64.mul (local.get $x) (f64.const 1e300))))
    (i64.store (i32.const 1072) (i64.reinterpret_f64 (f64.max (f64.const -0) (f64.const 0))))
    (global.set $seen (f64.mul (f64.const inf) (f64.const 0)))
    (call $set_return_data (i32.const 1024) (i32.const 1280))
    (i32.const 0))

  ;; ---- vectors

  (func (export "Vectors") (result i32)
    (local $i i32) (local $a v128) (local $b v128) (local $c v128)
    (local.set $a (v128.const f32x4 0.1 -2.5 3e38 1e-40))
    (local.set $b (v128.const f64x2 0.7 -1e308))
    (local.set $c (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 255))
    (loop $again
      (local.set $a (f32x4.add (f32x4.mul (local.get $a) (f32x4.splat (f32.const 1.01))) (f32x4.splat (f32.const 0.001))))
      (local.set $b (f64x2.sub (f64x2.sqrt (f64x2.abs (local.get $b))) (f64x2.splat (f64.const 0.01))))
      (local.set $c (i8x16.swizzle (i16x8.mul (local.get $c) (i16x8.splat (i32.const 257))) (local.get $c)))
      (local.set $c (i32x4.add (local.get $c) (i32x4.dot_i16x8_s (local.get $c) (v128.const i16x8 1 2 3 4 5 6 7 8))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3000))))
    (v128.store (i32.const 1024) (local.get $a))
    (v128.store (i32.const 1040) (local.get $b))
    (v128.store (i32.const 1056) (local.get $c))
    (v128.store (i32.const 1072) (f32x4.div (v128.const f32x4 0 1 -1 inf) (v128.const f32x4 -0 0 0 inf)))
    (v128.store (i32.const 1088) (f64x2.relaxed_madd (local.get $b) (f64x2.splat (f64.const 0.1)) (f64x2.splat (f64.const -0.07))))
    (v128.store (i32.const 1104) (f32x4.relaxed_madd (local.get $a) (local.get $a) (f32x4.splat (f32.const nan:0x12345))))
    (v128.store (i32.const 1120) (i8x16.relaxed_swizzle (local.get $c) (v128.const i8x16 16 17 128 255 1 2 3 4 5 6 7 8 9 10 11 12)))
    (v128.store (i32.const 1136) (i32x4.relaxed_trunc_f32x4_u (v128.const f32x4 nan -1 5e9 3.5)))
    (v128.store (i32.const 1152) (f32x4.relaxed_max (v128.const f32x4 nan -0 1 2) (v128.const f32x4 1 0 nan 3)))
    (v128.store (i32.const 1168) (i8x16.relaxed_laneselect (local.get $a) (local.get $c) (v128.const i32x4 0x80ff017f 1 2 3)))
    (call $set_return_data (i32.const 1024) (i32.const 160))
    (i32.const 0))

  ;; ---- objects

  (rec
    (type $node (sub (struct (field $value i64) (field $next (ref null $node)))))
    (type $heavy (sub $node (struct (field $value i64) (field $next (ref null $node)) (field $data (ref $bytes)))))
    (type $bytes (array (mut i8))))
  (global $kept (mut (ref null $node)) (ref.null $node))

  ;; A list of 20,000 of which every seventh is heavy, and garbage beside it.
  (func (export "Objects") (result i32)
    (local $i i32) (local $n (ref null $node)) (local $sum i64)
    (loop $again
      (drop (array.new $bytes (local.get $i) (i32.const 100)))
      (if (i32.rem_u (local.get $i) (i32.const 7))
        (then (local.set $n (struct.new $node (i64.extend_i32_u (local.get $i)) (local.get $n))))
        (else
          (local.set $n
            (struct.new $heavy (i64.extend_i32_u (local.get $i)) (local.get $n) (array.new $bytes (local.get $i) (i32.const 10))))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20000))))
    (global.set $kept (local.get $n))
    (block $end
      (loop $again
        (br_if $end (ref.is_null (local.get $n)))
        (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (struct.get $node $value (local.get $n))))
        (if (ref.test (ref $heavy) (local.get $n))
          (then
            (local.set $sum
              (i64.add (local.get $sum)
                (i64.extend_i32_u (array.get_u $bytes (struct.get $heavy $data (ref.cast (ref $heavy) (local.get $n))) (i32.const 3)))))))
        (local.set $n (struct.get $node $next (local.get $n)))
        (br $again)))
    (i64.store (i32.const 1024) (local.get $sum))
    (i32.store (i32.const 1032) (i31.get_s (ref.i31 (i32.wrap_i64 (local.get $sum)))))
    (call $set_return_data (i32.const 1024) (i32.const 12))
    (i32.const 0))

  ;; ---- exceptions

  (tag $number (param i64 f32))
  (tag $quiet)
  (func $deep (param $n i32)
    (if (i32.eqz (local.get $n))
      (then (throw $number (i64.const 77) (f32.div (f32.const 0) (f32.const 0)))))
    (if (i32.eq (i32.rem_u (local.get $n) (i32.const 13)) (i32.const 12))
      (then
        (block $again (result exnref)
          (try_table (catch_all_ref $again) (call $deep (i32.sub (local.get $n) (i32.const 1))))
          (return))
        (throw_ref)))
    (call $deep (i32.sub (local.get $n) (i32.const 1))))

  (func (export "Throws") (result i32)
    (local $i i32) (local $sum i64) (local $f f32)
    (loop $again
      (block $caught (result i64 f32)
        (try_table (catch $number $caught) (call $deep (local.get $i)))
        (unreachable))
      (local.set $f)
      (local.set $sum (i64.add (local.get $sum)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))
    (i64.store (i32.const 1024) (local.get $sum))
    (f32.store (i32.const 1032) (local.get $f))
    (call $set_return_data (i32.const 1024) (i32.const 12))
    (i32.const 0))

  (func (export "Uncaught") (result i32) (throw $number (i64.const -1) (f32.const nan:0x7)))

  ;; ---- the host

  (func (export "Host") (result i32)
    (local $length i32) (local $i i32)
    (drop (call $get_contract_address (i32.const 256)))
    (drop (call $get_caller (i32.const 512)))
    ;; The token's id: <contract address>:<symbol>.
    (i32.store8 (i32.const 298) (i32.const 58))
    (local.set $length (i32.add (i32.const 43) (call $state_get (i32.const 0) (i32.const 6) (i32.const 299))))
    (i64.store (i32.const 1024) (call $balance (i32.const 512) (i32.const 256) (local.get $length)))
    (i64.store (i32.const 1032) (call $get_timestamp))
    (i64.store (i32.const 1040) (call $get_block_height))
    (if (i32.eqz (call $transfer (i32.const 512) (i32.const 256) (i64.const 70) (i32.const 256) (local.get $length)))
      (then (return (i32.const 2))))
    (drop (call $create (i32.const 512) (i64.const 5) (i32.const 256) (local.get $length)))
    ;; Keys in an order that no dictionary keeps.
    (loop $again
      (i32.store8 (i32.const 20) (i32.add (i32.const 48) (i32.rem_u (i32.mul (local.get $i) (i32.const 37)) (i32.const 41))))
      (drop (call $state_set (i32.const 16) (i32.const 5) (i32.const 1024) (i32.const 24)))
      (call $emit_event (i32.const 16) (i32.const 5) (i32.const 32) (i32.const 24))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 41))))
    (call $log (i32.const 1) (i32.const 32) (i32.const 24))
    (drop (call $get_random (i32.const 1048) (i32.const 40)))
    (call $set_return_data (i32.const 1024) (i32.const 64))
    (i32.const 0))

  ;; ---- endings

  (func (export "Trap") (result i32) (i64.store offset=4294967290 (i32.const 100) (i64.const 1)) (i32.const 0))
  (func (export "Grow") (result i32)
    (i32.store (i32.const 1024) (memory.grow (i32.const 2)))
    (i32.store (i32.const 1028) (memory.grow (i32.const 1)))
    (i32.store (i32.const 1032) (memory.size))
    (memory.fill (i32.const 200000) (i32.const 7) (i32.const 60000))
    (call $set_return_data (i32.const 1024) (i32.const 12))
    (i32.const 0))
  (func $recurse (param i32) (result i32) (i32.add (i32.const 1) (call $recurse (i32.add (local.get 0) (i32.const 1)))))
  (func (export "Stack") (result i32) (call $recurse (i32.const 0)))
  (func (export "Gas") (result i32) (loop $again (global.set $seen (f64.add (global.get $seen) (f64.const 0.1))) (br $again)) (unreachable))
  (func (export "Status") (result i32) (call $set_return_data (i32.const 32) (i32.const 24)) (i32.const 6)))
