// Calls through a table of functions, the target chosen by data. In: n calls. Out: a checksum.
#include "kernel.h"

typedef u64 (*step)(u64 state, u64 input);

static u64 add(u64 s, u64 x) { return s + x; }
static u64 flip(u64 s, u64 x) { return s ^ (x << 7); }
static u64 turn(u64 s, u64 x) { return (s << 13 | s >> 51) + (x & 1); }
static u64 scale(u64 s, u64 x) { return s * (x | 1); }
static u64 fold(u64 s, u64 x) { return s ^ s >> 31 ^ x; }
static u64 less(u64 s, u64 x) { return s < x ? x - s : s - x; }
static u64 skip(u64 s, u64 x) { return x & 8 ? s : ~s; }
static u64 square(u64 s, u64 x) { return s * s + x; }

static step volatile steps[8] = {add, flip, turn, scale, fold, less, skip, square}; // volatile: no compiler may call them directly

EXPORT(run) i64 run(i32 n) {
  u64 sum = 7;
  seed(6);
  for (i32 i = 0; i < n; i++) {
    u64 input = next_random();
    sum = steps[input >> 61](sum, input);
  }
  return (i64)sum;
}
