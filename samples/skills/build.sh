#!/bin/sh
# Compiles the sample skills and writes each module's SHA-256 into its manifest. In: the sources. Out: <skill>/<skill>.wasm, the same bytes each time.
# Usage: ./build.sh [summarize|notes|fetch ...]   (all without arguments)
# Toolchains as for samples/contracts; `npm ci` in samples/contracts once gives the AssemblyScript compiler.
set -eu
cd "$(dirname "$0")"
SDK=../../sdk

summarize() {
  ../contracts/node_modules/.bin/asc summarize/summarize.ts --runtime stub -O3 --shrinkLevel 1 --converge -o summarize/summarize.wasm
}

notes() {
  object=$(mktemp)
  clang-14 --target=wasm32 -std=c11 -Wall -Wextra -Werror -Os -ffreestanding -mbulk-memory -msign-ext -I "$SDK/c" -c -o "$object" notes/notes.c
  wasm-ld-14 --no-entry --strip-all --stack-first -z stack-size=8192 --export=execute -o notes/notes.wasm "$object"
  rm "$object"
  chmod 644 notes/notes.wasm
}

fetch() { # the skill uses HTTP only: what it does not name it does not import
  /usr/bin/rustc --edition 2021 --crate-type cdylib --target wasm32-unknown-unknown -D warnings --cfg 'feature="http"' \
    -C opt-level=s -C panic=abort -C lto -C codegen-units=1 -C strip=symbols -C link-arg=--no-entry -C link-arg=-zstack-size=65536 \
    -C linker=wasm-ld-14 --remap-path-prefix "$PWD=." -o fetch/fetch.wasm fetch/fetch.rs
  chmod 644 fetch/fetch.wasm
}

for skill in ${@:-summarize notes fetch}; do
  "$skill"
  hash=$(sha256sum "$skill/$skill.wasm" | cut -d ' ' -f 1)
  sed -i "s/\"sha256\": \"[0-9a-f]*\"/\"sha256\": \"$hash\"/" "$skill/skill.json"
done
