// Loads, stores and branches that nobody can predict. In: n numbers, at most 1,000,000. Out: a checksum of their order.
#include "kernel.h"

enum { MAX = 1000000, SMALL = 16 };
static i32 values[MAX];

static inline void swap(i32 *a, i32 *b) { i32 t = *a; *a = *b; *b = t; }

static void insertion(i32 *from, i32 *to) {
  for (i32 *p = from + 1; p < to; p++) {
    i32 value = *p, *q = p;
    for (; q > from && q[-1] > value; q--) *q = q[-1];
    *q = value;
  }
}

// Quicksort around the median of three; the larger side is looped on, so the depth stays logarithmic.
static void sort(i32 *from, i32 *to) {
  while (to - from > SMALL) {
    i32 *middle = from + (to - from) / 2, *last = to - 1;
    if (*middle < *from) swap(middle, from);
    if (*last < *from) swap(last, from);
    if (*last < *middle) swap(last, middle);
    i32 pivot = *middle, *i = from, *j = last;
    while (i <= j) {
      while (*i < pivot) i++;
      while (*j > pivot) j--;
      if (i <= j) swap(i++, j--);
    }
    if (j - from < to - i) { sort(from, j + 1); from = i; }
    else { sort(i, to); to = j + 1; }
  }
  insertion(from, to);
}

EXPORT(run) i64 run(i32 n) {
  u64 sum = 0;
  if (n > MAX) n = MAX;
  seed(4);
  for (i32 i = 0; i < n; i++) values[i] = (i32)next_random();
  sort(values, values + n);
  for (i32 i = 0; i < n; i++) sum = mix(sum, (u32)values[i]);
  return (i64)sum;
}
