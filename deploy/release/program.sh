#!/bin/sh
# Builds the program for one target, statically linked, and packs it with its checksum.
#
#   deploy/release/program.sh TARGET      target/release-files/paperboy-VERSION-TARGET.tar.gz
#
# A musl target needs `musl-tools` and `rustup target add TARGET`; a gnu target links glibc
# statically, which serves to try this script on a machine without musl.
set -eu
cd "$(dirname "$0")/../.."
target=$1
build=${CARGO_TARGET_DIR:-target}
out=target/release-files
version=$(sed -n '/^version/{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)
name=paperboy-$version-$target

RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --locked --profile "${PROFILE:-dist}" --target "$target"
case ${PROFILE:-dist} in dev) folder=debug ;; *) folder=${PROFILE:-dist} ;; esac
program=$build/$target/$folder/paperboy
if ldd "$program" 2>/dev/null | grep -q '=>'; then
    echo "$program is linked dynamically" >&2
    exit 1
fi
"$program" --version

mkdir -p "$out"
folder=$(mktemp -d)
mkdir "$folder/$name"
cp "$program" LICENSE-MIT LICENSE-APACHE deploy/paperboy.service "$folder/$name/"
cp deploy/README.md "$folder/$name/GUIDE.md"
cp README.md "$folder/$name/README.md"
tar -C "$folder" --sort=name --owner=0 --group=0 --numeric-owner -czf "$out/$name.tar.gz" "$name"
rm -r "$folder"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
