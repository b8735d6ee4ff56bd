;; Guests of several threads in one shared memory. Cells: 0 i32, 8 i64, 16 i8, 18 i16, 20 i32 as i64; 24 a mutex, 28 what it guards; 32 a place to wait at.
(module
  (memory (import "env" "memory") 1 64 shared)

  ;; Every width once per round.
  (func (export "count") (param $n i32)
    (loop $again
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (drop (i64.atomic.rmw.add (i32.const 8) (i64.const 0x100000001)))
      (drop (i32.atomic.rmw8.add_u (i32.const 16) (i32.const 1)))
      (drop (i64.atomic.rmw16.sub_u (i32.const 18) (i64.const 1)))
      (drop (i64.atomic.rmw32.add_u (i32.const 20) (i64.const 3)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))

  (func $lock
    (local $seen i32)
    (if (i32.eqz (i32.atomic.rmw.cmpxchg (i32.const 24) (i32.const 0) (i32.const 1))) (then (return)))
    (loop $again
      (if (i32.atomic.rmw.xchg (i32.const 24) (i32.const 2))
        (then
          (drop (memory.atomic.wait32 (i32.const 24) (i32.const 2) (i64.const -1)))
          (br $again)))))

  (func $unlock
    (if (i32.ne (i32.atomic.rmw.sub (i32.const 24) (i32.const 1)) (i32.const 1))
      (then
        (i32.atomic.store (i32.const 24) (i32.const 0))
        (drop (memory.atomic.notify (i32.const 24) (i32.const 1))))))

  ;; A counter without atomics, under a mutex that sleeps.
  (func (export "guarded") (param $n i32)
    (loop $again
      (call $lock)
      (i32.store (i32.const 28) (i32.add (i32.load (i32.const 28)) (i32.const 1)))
      (call $unlock)
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))

  (func (export "guardedCount") (result i32) (i32.load (i32.const 28)))

  (func (export "wait") (param $expected i32) (param $nanoseconds i64) (result i32)
    (memory.atomic.wait32 offset=32 (i32.const 0) (local.get $expected) (local.get $nanoseconds)))

  (func (export "notify") (param $count i32) (result i32)
    (memory.atomic.notify offset=32 (i32.const 0) (local.get $count)))

  ;; Spins until another thread has set cell 0, then reads where only a grown memory has bytes.
  (func (export "readGrown") (param $address i32) (result i32)
    (loop $again (br_if $again (i32.eqz (i32.atomic.load (i32.const 0)))))
    (i32.load (local.get $address)))

  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size))
  (func (export "unaligned") (result i32) (i32.atomic.load offset=1 (i32.const 1)))
  (func (export "beyond") (result i32) (i32.atomic.load offset=65532 (i32.const 4))))
