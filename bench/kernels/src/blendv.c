// blend with sixteen bytes in an i8x16. In: n. Out: the checksum of blend.c.
#include <wasm_simd128.h>

#include "blend.c"
