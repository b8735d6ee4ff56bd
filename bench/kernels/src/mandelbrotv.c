// mandelbrot with two columns in an f64x2. In: n, even. Out: the checksum of mandelbrot.c.
#include <wasm_simd128.h>

#include "kernel.h"

EXPORT(run) i64 run(i32 n) {
  u64 sum = 0;
  const v128_t two = wasm_f64x2_splat(2), four = wasm_f64x2_splat(4), one = wasm_i64x2_splat(1);
  for (i32 row = 0; row < n; row++)
    for (i32 column = 0; column + 1 < n; column += 2) {
      v128_t cr = wasm_f64x2_make(3.0 * column / n - 2.2, 3.0 * (column + 1) / n - 2.2);
      v128_t ci = wasm_f64x2_splat(2.6 * row / n - 1.3);
      v128_t r = wasm_f64x2_splat(0), i = r, times = r;
      for (u32 time = 0; time < 200; time++) {
        v128_t rr = wasm_f64x2_mul(r, r), ii = wasm_f64x2_mul(i, i);
        v128_t inside = wasm_f64x2_le(wasm_f64x2_add(rr, ii), four);
        if (!wasm_v128_any_true(inside)) break;
        times = wasm_i64x2_add(times, wasm_v128_and(inside, one));
        // A lane that has left stays as it is.
        i = wasm_v128_bitselect(wasm_f64x2_add(wasm_f64x2_mul(wasm_f64x2_mul(two, r), i), ci), i, inside);
        r = wasm_v128_bitselect(wasm_f64x2_add(wasm_f64x2_sub(rr, ii), cr), r, inside);
      }
      sum = mix(sum, (u64)wasm_i64x2_extract_lane(times, 0));
      sum = mix(sum, (u64)wasm_i64x2_extract_lane(times, 1));
    }
  return (i64)sum;
}
