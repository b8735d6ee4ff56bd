// Common to all kernels: the export, sizes of integers, a generator for test data.
// Each kernel exports run(n) and answers a checksum of all that it computed, so that engines can be compared by it.
#pragma once
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define NOINLINE __attribute__((noinline))

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

// xorshift64*: the same numbers everywhere, no library.
static u64 random_state;
static inline void seed(u64 value) { random_state = value * 2 + 1; }
static inline u64 next_random(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 2685821657736338717ull;
}

// Folds a value into a checksum, order included.
static inline u64 mix(u64 sum, u64 value) { return (sum ^ value) * 1099511628211ull; }
