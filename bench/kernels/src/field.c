// Arithmetic modulo 2^255 - 19 on 32-bit limbs in 64-bit words, as signatures need it. In: n multiplications. Out: the low words of the last product.
#include "kernel.h"

enum { LIMBS = 10 }; // of 26 and 25 bits by turns
typedef i64 element[LIMBS];

static void multiply(element out, const element a, const element b) {
  i64 sum[2 * LIMBS - 1] = {0};
  for (int i = 0; i < LIMBS; i++)
    for (int j = 0; j < LIMBS; j++) sum[i + j] += a[i] * b[j] << (i & j & 1); // two odd limbs meet half a bit too low
  for (int i = LIMBS; i < 2 * LIMBS - 1; i++) sum[i - LIMBS] += 19 * sum[i];  // 2^255 = 19
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < LIMBS; i++) {
      int bits = i & 1 ? 25 : 26;
      i64 carry = sum[i] >> bits;
      sum[i] -= carry << bits;
      if (i + 1 < LIMBS) sum[i + 1] += carry;
      else sum[0] += 19 * carry;
    }
  for (int i = 0; i < LIMBS; i++) out[i] = sum[i];
}

EXPORT(run) i64 run(i32 n) {
  element x, y;
  seed(9);
  for (int i = 0; i < LIMBS; i++) {
    x[i] = (i64)(next_random() >> 39);
    y[i] = (i64)(next_random() >> 39);
  }
  for (i32 i = 0; i < n; i++) multiply(i & 1 ? y : x, x, y);
  return x[0] ^ y[0] << 26 ^ x[9] << 32 ^ y[9] << 38;
}
