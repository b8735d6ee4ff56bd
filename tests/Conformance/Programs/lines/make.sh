#!/bin/sh
# Makes the modules of this folder again: clang 14 with lld, AssemblyScript 0.28. The tests take the modules that are checked in.
set -e
cd "$(dirname "$0")"
# Linked by wasm-ld itself: clang would run whatever wasm-opt it finds.
for v in 4 5; do
  clang --target=wasm32 -O1 -gdwarf-$v -fdebug-compilation-dir=. -c -o steps.o steps.c
  wasm-ld --no-entry -o steps-dwarf$v.wasm steps.o
  rm steps.o
done
npx asc steps.ts --runtime stub -O1 --sourceMap -o steps-map.wasm
