// f64 multiply and add over rows and columns. In: n, at most 320. Out: the bits of the product's trace, twice multiplied.
#include "kernel.h"

enum { MAX = 320 };
static double a[MAX * MAX], b[MAX * MAX], c[MAX * MAX];

static void multiply(const double *x, const double *y, double *z, i32 n) {
  for (i32 i = 0; i < n; i++)
    for (i32 j = 0; j < n; j++) {
      double sum = 0;
      for (i32 k = 0; k < n; k++) sum += x[i * n + k] * y[k * n + j];
      z[i * n + j] = sum;
    }
}

EXPORT(run) i64 run(i32 n) {
  union { double number; i64 bits; } trace = {.number = 0};
  if (n > MAX) n = MAX;
  seed(3);
  for (i32 i = 0; i < n * n; i++) {
    a[i] = (double)(next_random() >> 40) / 16777216.0;
    b[i] = (double)(next_random() >> 40) / 16777216.0 - 0.5;
  }
  multiply(a, b, c, n);
  multiply(c, b, a, n);
  for (i32 i = 0; i < n; i++) trace.number += a[i * n + i];
  return trace.bits;
}
