// Two pictures of u8 blended by a third, then what saturates and what differs is summed. In: n, rounds over 64 KiB. Out: a checksum.
#include "kernel.h"

enum { SIZE = 1 << 16 };
static u8 a[SIZE], b[SIZE], alpha[SIZE], out[SIZE];

EXPORT(run) i64 run(i32 n) {
  seed(7);
  for (i32 i = 0; i < SIZE; i++) {
    a[i] = (u8)(next_random() >> 56);
    b[i] = (u8)(next_random() >> 56);
    alpha[i] = (u8)(next_random() >> 56);
  }
  u64 sum = 0;
  for (i32 round = 0; round < n; round++) {
    u32 total = 0;
#ifdef __wasm_simd128__
    v128_t totals = wasm_i32x4_splat(0);
    const v128_t all = wasm_i8x16_splat(-1), half = wasm_i16x8_splat(128);
    for (i32 i = 0; i < SIZE; i += 16) {
      v128_t x = wasm_v128_load(a + i), y = wasm_v128_load(b + i), t = wasm_v128_load(alpha + i), u = wasm_v128_xor(t, all);
      v128_t low = wasm_i16x8_add(wasm_u16x8_extmul_low_u8x16(x, t), wasm_u16x8_extmul_low_u8x16(y, u));
      v128_t high = wasm_i16x8_add(wasm_u16x8_extmul_high_u8x16(x, t), wasm_u16x8_extmul_high_u8x16(y, u));
      v128_t mixed = wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(wasm_i16x8_add(low, half), 8), wasm_u16x8_shr(wasm_i16x8_add(high, half), 8));
      wasm_v128_store(out + i, mixed);
      v128_t bright = wasm_u8x16_add_sat(mixed, x), apart = wasm_v128_or(wasm_u8x16_sub_sat(mixed, y), wasm_u8x16_sub_sat(y, mixed));
      totals = wasm_i32x4_add(totals, wasm_u32x4_extadd_pairwise_u16x8(wasm_u16x8_extadd_pairwise_u8x16(wasm_u8x16_avgr(bright, apart))));
    }
    total = (u32)wasm_i32x4_extract_lane(totals, 0) + (u32)wasm_i32x4_extract_lane(totals, 1) + (u32)wasm_i32x4_extract_lane(totals, 2) +
            (u32)wasm_i32x4_extract_lane(totals, 3);
#else
    for (i32 i = 0; i < SIZE; i++) {
      u32 x = a[i], y = b[i], t = alpha[i], mixed = (x * t + y * (255 - t) + 128) >> 8;
      out[i] = (u8)mixed;
      u32 bright = mixed + x > 255 ? 255 : mixed + x, apart = mixed > y ? mixed - y : y - mixed;
      total += (bright + apart + 1) >> 1;
    }
#endif
    sum = mix(sum, total);
    alpha[round % SIZE] ^= out[(u32)sum % SIZE];
  }
  return (i64)sum;
}
