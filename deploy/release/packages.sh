#!/bin/sh
# Builds the Debian package and, where a container engine runs, the image; packs both with their
# checksums into target/release-files.
set -eu
cd "$(dirname "$0")/../.."
out=target/release-files
version=$(sed -n '/^version/{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)
profile=${PROFILE:-dist}
mkdir -p "$out"

cargo build --locked --profile "$profile"
deploy/debian/build.sh "$profile"
cp "${CARGO_TARGET_DIR:-target}"/debian/paperboy_*.deb "$out/"

if docker info >/dev/null 2>&1; then
    docker build --quiet -f deploy/docker/Dockerfile -t "paperboy:$version" .
    docker save "paperboy:$version" | gzip >"$out/paperboy-$version-image.tar.gz"
else
    echo "no container engine runs here: no image was made" >&2
    [ -z "${CI:-}" ] || [ -z "${GITHUB_ACTIONS:-}" ] || exit 1
fi
cd "$out"
for file in *.deb *-image.tar.gz; do
    [ -e "$file" ] && sha256sum "$file" >"$file.sha256"
done
