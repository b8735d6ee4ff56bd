// matf32 with four columns in an f32x4. In: n. Out: the checksum of matf32.c.
#include <wasm_simd128.h>

#include "matf32.c"
