#!/bin/sh
# Compiles the kernels to wasm/. In: src/*.c. Out: wasm/*.wasm, the same bytes each time. Needs clang-14 and lld-14 (Debian 12).
# SIMD by hand in the files whose names end in v (the vectorisers stay off, so that they leave no odd shapes behind), no library. Linked by wasm-ld itself, because clang
# would run whatever wasm-opt it finds in the path.
set -eu
cd "$(dirname "$0")"
mkdir -p wasm
object=$(mktemp)
trap 'rm -f "$object"' EXIT
for source in src/*.c; do
  case "$source" in *v.c) simd=-msimd128 ;; *) simd= ;; esac
  clang-14 --target=wasm32 -std=c11 -Wall -Wextra -Werror -O2 -fno-vectorize -fno-slp-vectorize -ffp-contract=off -ffreestanding \
    -msign-ext -mbulk-memory $simd -c -o "$object" "$source"
  wasm-ld-14 --no-entry --strip-all --stack-first -o "wasm/$(basename "$source" .c).wasm" "$object"
done
