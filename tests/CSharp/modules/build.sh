#!/usr/bin/env bash
# Rebuilds the small modules beside the tests (Debian package wabt). The compiled files are checked in, so tests need no toolchain.
set -euo pipefail
cd "$(dirname "$0")"
for f in *.wat; do wat2wasm --enable-all "$f" -o "${f%.wat}.wasm"; done
