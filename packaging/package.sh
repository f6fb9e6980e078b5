#!/bin/sh
# Packs the programs that packaging/build-static.sh has built:
#
#   packaging/package.sh TARGET
#
# makes a Debian package and an archive in target/packages, and prints their paths. Needs
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
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
install -d "$folder/$name/bin"
for program in mq-broker mq-passwd mq-pub mq-sub; do
    install -m 755 "target/$target/release/$program" "$folder/$name/bin/"
done
cp -R README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT docs man completions "$folder/$name/"
cp packaging/mosquitto-links.sh "$folder/$name/"
# The same content gives the same archive, whoever packs it.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 \
    -C "$folder" -cf - "$name" | gzip -n9 >"$packages/$name.tar.gz"

printf '%s\n%s\n' "$deb" "$packages/$name.tar.gz"
