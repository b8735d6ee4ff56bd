// Calls out to the host. In: n. Out: 0, increased n times by the host's env.host_inc.
#include "kernel.h"

__attribute__((import_module("env"), import_name("host_inc"))) i64 host_inc(i64 value);

EXPORT(run) i64 run(i32 n) {
  i64 value = 0;
  for (i32 i = 0; i < n; i++) value = host_inc(value);
  return value;
}
