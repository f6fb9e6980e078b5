#!/bin/sh
# Builds the four programs as static executables and prints their directory:
#
#   packaging/build-static.sh [TARGET]
#
# The default TARGET is this machine's processor, with musl if that Rust target is installed and
# otherwise with static glibc. Host name lookup works with both.
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

# Pass --target even for the host. Without it, Cargo would also apply the flags to procedural
# macros and build scripts.
RUSTFLAGS="${RUSTFLAGS-} -C target-feature=+crt-static" \
    cargo build --locked --release --target "$target" --bins >&2
printf '%s\n' "target/$target/release"
