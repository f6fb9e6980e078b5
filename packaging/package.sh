#!/bin/sh
# Packages the programs built by packaging/build-static.sh:
#
#   packaging/package.sh TARGET
#
# Creates a Debian package and an archive in target/packages, and prints their paths. Requires
# cargo-deb, in PATH or in target/tools.
set -eu
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || {
    echo "Usage: $0 TARGET" >&2
    exit 2
}
target=$1
PATH=$PWD/target/tools/bin:$PATH

packages=target/packages
mkdir -p "$packages"
deb=$(cargo deb --quiet --no-build --no-strip --target "$target" --output "$packages")

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
name=mq-$version-$target
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
install -d "$directory/$name/bin"
for program in mq-broker mq-passwd mq-pub mq-sub; do
    install -m 755 "target/$target/release/$program" "$directory/$name/bin/"
done
cp -R README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT docs man completions "$directory/$name/"
cp packaging/mosquitto-links.sh "$directory/$name/"
# The archive is reproducible: the same content gives the same bytes.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 \
    -C "$directory" -cf - "$name" | gzip -n9 >"$packages/$name.tar.gz"

printf '%s\n%s\n' "$deb" "$packages/$name.tar.gz"
