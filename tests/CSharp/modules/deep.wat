;; Results after the first, a reference among them, handed up through any depth.
(module
  (func $f (export "f") (param i32 externref) (result i32 externref i64)
    (if (result i32 externref i64) (i32.eqz (local.get 0))
      (then (i32.const 7) (local.get 1) (i64.const 9))
      (else (call $f (i32.sub (local.get 0) (i32.const 1)) (local.get 1))))))
