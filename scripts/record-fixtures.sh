#!/usr/bin/env bash
# Record what the C programs in test/fixtures/syscalls print natively: record-fixtures.sh [NAME ...]
set -euo pipefail
cd "$(dirname "$0")/../test/fixtures/syscalls"
[[ $# -gt 0 ]] || set -- $(basename -s .expected ./*.expected)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for name; do
  gcc -O1 -w -static -pthread -o "$dir/$name" "$name.c"
  (cd "$dir" && { status=0; "./$name" < /dev/null || status=$?; echo "status $status"; }) > "$dir/out" 2>&1
  mv "$dir/out" "$name.expected"
done

# What only 32-bit ARM has is recorded from qemu-arm.
for name in endian old-calls vectors; do
  arm-linux-gnueabihf-gcc -O1 -w -static -pthread -o "$dir/$name" "../arm/$name.c"
  (cd "$dir" && { status=0; qemu-arm "./$name" < /dev/null || status=$?; echo "status $status"; }) > "../arm/$name.expected" 2>&1
done
