// Compresses and expands text-like data: hashing, byte compares, copies that overlap. In: n bytes, at most 2 MiB. Out: a checksum of both.
#include "kernel.h"

enum { MAX = 1 << 21, HASH_BITS = 14, SHORTEST = 4, LONGEST = 0xffff, FURTHEST = 0xffff };
static u8 plain[MAX + 8], packed[MAX + MAX / 64 + 64], expanded[MAX];
static u32 head[1 << HASH_BITS]; // where a hash was seen last, plus one

static inline u32 load32(const u8 *p) { return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24; }
static inline void store16(u8 *p, u32 value) { p[0] = (u8)value; p[1] = (u8)(value >> 8); }
static inline u32 load16(const u8 *p) { return p[0] | (u32)p[1] << 8; }

// Words from a small vocabulary, as a log file has them.
static void write_text(u32 length) {
  static u8 words[256][12];
  seed(7);
  for (u32 w = 0; w < 256; w++)
    for (u32 i = 0; i < 12; i++) words[w][i] = i < 3 + w % 8 ? (u8)('a' + next_random() % 26) : ' ';
  for (u32 at = 0; at < length;) {
    u64 r = next_random();
    const u8 *word = words[(r & 255) & (r >> 8)]; // the low numbers are the frequent ones
    for (u32 i = 0; i < 12 && at < length; i++) {
      plain[at++] = word[i];
      if (word[i] == ' ') break;
    }
  }
}

// A step is: literals[2] length[2] distance[2], then the literals, then the copy. No literals and no copy end the data.
static u32 emit(u32 to, u32 from, u32 literals, u32 length, u32 distance) {
  store16(packed + to, literals);
  store16(packed + to + 2, length);
  store16(packed + to + 4, distance);
  to += 6;
  for (u32 i = 0; i < literals; i++) packed[to++] = plain[from + i];
  return to;
}

static u32 compress(u32 length) {
  u32 to = 0, at = 0, anchor = 0;
  for (u32 i = 0; i < 1u << HASH_BITS; i++) head[i] = 0;
  while (at + SHORTEST <= length) {
    u32 here = load32(plain + at), *slot = &head[here * 2654435761u >> (32 - HASH_BITS)], candidate = *slot;
    *slot = at + 1;
    if (candidate && at - (candidate - 1) <= FURTHEST && load32(plain + candidate - 1) == here) {
      u32 before = candidate - 1, run = SHORTEST;
      while (at + run < length && run < LONGEST && plain[before + run] == plain[at + run]) run++;
      to = emit(to, anchor, at - anchor, run, at - before);
      at += run;
      anchor = at;
    } else if (++at - anchor == 0xffff) { // more literals than one step can have
      to = emit(to, anchor, at - anchor, 0, 0);
      anchor = at;
    }
  }
  to = emit(to, anchor, length - anchor, 0, 0);
  return length > anchor ? emit(to, length, 0, 0, 0) : to;
}

static u32 expand(void) {
  u32 to = 0, at = 0;
  for (;;) {
    u32 literals = load16(packed + at), length = load16(packed + at + 2), distance = load16(packed + at + 4);
    at += 6;
    for (u32 i = 0; i < literals; i++) expanded[to++] = packed[at++];
    if (!literals && !length) return to;
    for (u32 i = 0; i < length; i++, to++) expanded[to] = expanded[to - distance];
  }
}

EXPORT(run) i64 run(i32 n) {
  u64 sum = 0;
  u32 length = n > MAX ? MAX : (u32)n;
  write_text(length);
  sum = mix(sum, compress(length));
  sum = mix(sum, expand());
  for (u32 i = 0; i < length; i++) {
    if (expanded[i] != plain[i]) return -1;
    sum = mix(sum, expanded[i]);
  }
  return (i64)sum;
}
