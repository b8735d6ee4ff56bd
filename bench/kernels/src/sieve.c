// Byte stores with growing strides. In: n, at most 8,000,000. Out: how many primes are below n, and their sum, in one number.
#include "kernel.h"

enum { MAX = 8000000 };
static u8 composite[MAX];

EXPORT(run) i64 run(i32 n) {
  u64 count = 0, sum = 0;
  if (n > MAX) n = MAX;
  for (i32 i = 0; i < n; i++) composite[i] = 0;
  for (i32 p = 2; p * p < n; p++)
    if (!composite[p])
      for (i32 m = p * p; m < n; m += p) composite[m] = 1;
  for (i32 i = 2; i < n; i++)
    if (!composite[i]) { count++; sum += (u64)i; }
  return (i64)mix(count, sum);
}
