;; A narrow load whose bits become a float: only the byte at the address may be read.
(module
  (memory (export "memory") 1)
  (func (export "f") (param i32) (result i32)
    (i32.reinterpret_f32 (f32.reinterpret_i32 (i32.load8_u (local.get 0))))))
