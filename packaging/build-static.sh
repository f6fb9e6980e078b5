#!/bin/sh
# Builds the four programs so that they need no library, and prints their folder:
#
#   packaging/build-static.sh [TARGET]
#
# Without a TARGET it is this machine's processor: by musl if Rust has that target installed,
# otherwise by the static glibc, with which names are looked up just the same.
set -eu
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
musl=$(printf '%s\n' "$host" | sed 's/-gnu/-musl/')
if [ $# -eq 1 ]; then
    target=$1
elif [ -d "$(rustc --print sysroot)/lib/rustlib/$musl" ]; then
    target=$musl
else
    target=$host
fi

# The target must be named even if it is the host's: otherwise the flags would count for the
# compiler's own plugins, too.
RUSTFLAGS="${RUSTFLAGS-} -C target-feature=+crt-static" \
    cargo build --locked --release --target "$target" --bins >&2
printf '%s\n' "target/$target/release"
