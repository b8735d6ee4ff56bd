// Random access over a table larger than the first caches. In: n operations. Out: a checksum of an open-addressing map after inserts, updates and removals.
#include "kernel.h"

enum { SLOTS = 1 << 16, MASK = SLOTS - 1 };
static struct { u64 key, value; } table[SLOTS]; // key 0: free

static inline u32 home(u64 key) { return (u32)(key * 0x9e3779b97f4a7c15ull >> 48) & MASK; }

static u32 find(u64 key) {
  u32 at = home(key);
  while (table[at].key && table[at].key != key) at = (at + 1) & MASK;
  return at;
}

// Linear probing without tombstones: what follows the gap moves up unless it would pass its home.
static void erase(u32 gap) {
  for (u32 at = (gap + 1) & MASK; table[at].key; at = (at + 1) & MASK)
    if (((at - home(table[at].key)) & MASK) >= ((at - gap) & MASK)) {
      table[gap] = table[at];
      gap = at;
    }
  table[gap].key = 0;
}

EXPORT(run) i64 run(i32 n) {
  u64 sum = 0;
  for (u32 i = 0; i < SLOTS; i++) table[i].key = 0;
  seed(8);
  for (i32 i = 0; i < n; i++) {
    u64 r = next_random(), key = (r >> 20) % 40000 + 1;
    u32 at = find(key);
    if (!table[at].key) { table[at].key = key; table[at].value = r; }
    else if (r & 3) table[at].value += r;
    else erase(at);
  }
  for (u32 i = 0; i < SLOTS; i++)
    if (table[i].key) sum += mix(table[i].key, table[i].value); // a sum: the order of slots is no result
  return (i64)sum;
}
