// f64 loops that end by a comparison. In: n, the picture's width and height. Out: a checksum of the escape times, 200 at most.
#include "kernel.h"

EXPORT(run) i64 run(i32 n) {
  u64 sum = 0;
  for (i32 row = 0; row < n; row++)
    for (i32 column = 0; column < n; column++) {
      double cr = 3.0 * column / n - 2.2, ci = 2.6 * row / n - 1.3, r = 0, i = 0;
      u32 time = 0;
      for (; time < 200; time++) {
        double rr = r * r, ii = i * i;
        if (rr + ii > 4) break;
        i = 2 * r * i + ci;
        r = rr - ii + cr;
      }
      sum = mix(sum, time);
    }
  return (i64)sum;
}
