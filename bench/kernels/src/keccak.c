// 64-bit rotations and logic over 25 words. In: n messages of 1,000 bytes. Out: a checksum of their Keccak-256 digests, each of which opens the next message.
#include "kernel.h"

static u64 state[25];
static u8 message[1000];

static inline u64 rotate(u64 x, u32 by) { return by ? (x << by) | (x >> (64 - by)) : x; }

static void permute(void) {
  static const u8 turns[24] = {1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44};
  static const u8 lanes[24] = {10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1};
  static const u64 rounds[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
  for (int r = 0; r < 24; r++) {
    u64 c[5];
    for (int x = 0; x < 5; x++) c[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20];
    for (int x = 0; x < 5; x++) {
      u64 d = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);
      for (int y = 0; y < 25; y += 5) state[x + y] ^= d;
    }
    u64 carried = state[1];
    for (int i = 0; i < 24; i++) {
      u64 here = state[lanes[i]];
      state[lanes[i]] = rotate(carried, turns[i]);
      carried = here;
    }
    for (int y = 0; y < 25; y += 5) {
      for (int x = 0; x < 5; x++) c[x] = state[x + y];
      for (int x = 0; x < 5; x++) state[x + y] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
    }
    state[0] ^= rounds[r];
  }
}

static inline void absorb(u32 at, u8 byte) { state[at >> 3] ^= (u64)byte << (8 * (at & 7)); }

static void hash(void) {
  const u32 rate = 136;
  u32 at = 0;
  for (int i = 0; i < 25; i++) state[i] = 0;
  for (u32 i = 0; i < sizeof message; i++) {
    absorb(at++, message[i]);
    if (at == rate) { permute(); at = 0; }
  }
  absorb(at, 0x01);
  absorb(rate - 1, 0x80);
  permute();
}

EXPORT(run) i64 run(i32 n) {
  u64 sum = 0;
  seed(2);
  for (u32 i = 0; i < sizeof message; i++) message[i] = (u8)next_random();
  for (i32 i = 0; i < n; i++) {
    hash();
    for (u32 j = 0; j < 32; j++) message[j] = (u8)(state[j >> 3] >> (8 * (j & 7)));
    sum = mix(sum, state[0] ^ state[3]);
  }
  return (i64)sum;
}
