// Direct calls and recursion. In: n. Out: the n-th Fibonacci number, by its definition.
#include "kernel.h"

static NOINLINE i64 fibonacci(i32 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

EXPORT(run) i64 run(i32 n) { return fibonacci(n); }
