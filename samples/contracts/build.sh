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
SDK=${SDK:-../../sdk/c} # where twofold.h is

as() { # -O3 with a little shrinking; the stub runtime never frees, a contract call is short
  npx --no-install asc "assemblyscript/$1.ts" --runtime stub -O3 --shrinkLevel 1 --converge -o "wasm/$1-as.wasm"
}

c() { # linked by wasm-ld itself, because clang would run whatever wasm-opt it finds; the stack comes first, so that it traps at its end
  object=$(mktemp)
  clang-14 --target=wasm32 -std=c11 -Wall -Wextra -Werror -Os -ffreestanding -mbulk-memory -msign-ext -I "$SDK" -c -o "$object" "c/$1.c"
  wasm-ld-14 --no-entry --strip-all --stack-first -z stack-size=8192 -o "wasm/$1-c.wasm" "$object"
  rm "$object"
  chmod 644 "wasm/$1-c.wasm"
}

rust() { # Debian's rustc by its path: one installed for a user often has no wasm target
  /usr/bin/rustc --edition 2021 --crate-type cdylib --target wasm32-unknown-unknown -D warnings \
    -C opt-level=s -C panic=abort -C lto -C codegen-units=1 -C strip=symbols -C link-arg=--no-entry -C link-arg=-zstack-size=8192 \
    -C linker=wasm-ld-14 --remap-path-prefix "$PWD=." -o "wasm/$1-rust.wasm" "rust/$1.rs"
  chmod 644 "wasm/$1-rust.wasm"
}

wat() { wat2wasm "wat/$1.wat" -o "wasm/$1-wat.wasm"; }

for language in ${@:-as c rust wat}; do
  for token in token token-raw; do "$language" $token; done
done
