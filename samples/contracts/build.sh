#!/bin/sh
# Compiles the sample contracts to wasm/. In: the sources beside this file. Out: wasm/<token>-<language>.wasm, the same bytes each time.
# Usage: ./build.sh [as|c|rust|wat ...]   (all four without arguments)
#
# Toolchains (Debian 12):
#   as     nodejs 20 or later, npm: assemblyscript as package-lock.json pins it (run `npm ci` here once)
#   c      clang-14 lld-14
#   rust   rustc libstd-rust-dev-wasm32 lld-14
#   wat    wabt
set -eu
cd "$(dirname "$0")"
mkdir -p wasm

as() { # -O3 with a little shrinking; the stub runtime never frees, a contract call is short
  npx --no-install asc "assemblyscript/$1.ts" --runtime stub -O3 --shrinkLevel 1 --converge -o "wasm/$1-as.wasm"
}

c() { # the stack first in memory, so that an overflow traps instead of running into data
  clang-14 --target=wasm32 -std=c11 -Wall -Wextra -Werror -O2 -ffreestanding -nostdlib -mbulk-memory -msign-ext -I ../../sdk/c \
    -Wl,--no-entry,--strip-all,--stack-first,-z,stack-size=8192 -o "wasm/$1-c.wasm" "c/$1.c"
}

rust() { # Debian's rustc by its path: one installed for a user often has no wasm target
  /usr/bin/rustc --edition 2021 --crate-type cdylib --target wasm32-unknown-unknown -D warnings \
    -C opt-level=s -C panic=abort -C lto -C codegen-units=1 -C strip=symbols -C link-arg=--no-entry -C link-arg=-zstack-size=8192 \
    -C linker=wasm-ld-14 --remap-path-prefix "$PWD=." -o "wasm/$1-rust.wasm" "rust/$1.rs"
}

wat() { wat2wasm "wat/$1.wat" -o "wasm/$1-wat.wasm"; }

for language in ${@:-as c rust wat}; do
  for token in token token-raw; do "$language" $token; done
done
