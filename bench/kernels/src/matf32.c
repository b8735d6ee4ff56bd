// f32 multiply and add, row by row. In: n, a multiple of 4, at most 320. Out: a checksum of the product's bits.
#include "kernel.h"

enum { MAX = 320 };
static float a[MAX * MAX], b[MAX * MAX], c[MAX * MAX];

EXPORT(run) i64 run(i32 n) {
  if (n > MAX) n = MAX;
  seed(3);
  for (i32 i = 0; i < n * n; i++) {
    a[i] = (float)(next_random() >> 40) / 16777216.0f;
    b[i] = (float)(next_random() >> 40) / 16777216.0f - 0.5f;
    c[i] = 0;
  }
  for (i32 i = 0; i < n; i++)
    for (i32 k = 0; k < n; k++) {
      float x = a[i * n + k];
#ifdef __wasm_simd128__
      v128_t xs = wasm_f32x4_splat(x);
      for (i32 j = 0; j < n; j += 4) {
        v128_t sum = wasm_v128_load(c + i * n + j);
        wasm_v128_store(c + i * n + j, wasm_f32x4_add(sum, wasm_f32x4_mul(xs, wasm_v128_load(b + k * n + j))));
      }
#else
      for (i32 j = 0; j < n; j++) c[i * n + j] += x * b[k * n + j];
#endif
    }
  u64 sum = 0;
  for (i32 i = 0; i < n * n; i++) {
    union { float number; u32 bits; } one = {.number = c[i]};
    sum = mix(sum, one.bits);
  }
  return (i64)sum;
}
