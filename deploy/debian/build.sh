#!/bin/sh
# Makes the Debian package from a program that is already built.
#
#   deploy/debian/build.sh [PROFILE]      target/debian/paperboy_*.deb, profile `dist` by default
#
# Needs cargo-deb (`cargo install --locked cargo-deb`).
set -eu
cd "$(dirname "$0")/../.."
profile=${1:-dist}
target=${CARGO_TARGET_DIR:-target}
case $profile in dev) folder=debug ;; *) folder=$profile ;; esac
program=$target/$folder/paperboy
if [ ! -x "$program" ]; then
    echo "there is no $program: run \`cargo build --profile $profile\` first" >&2
    exit 1
fi

package=target/package
rm -rf "$package"
mkdir -p "$package"
"$program" man "$package/man"
"$program" completions bash >"$package/paperboy.bash"
"$program" completions zsh >"$package/_paperboy"
"$program" completions fish >"$package/paperboy.fish"
# Debian's changelog names the maintainer and the date of each version.
version=$(sed -n '/^version/{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)
changed=$(git log -1 --format=%ct 2>/dev/null || date +%s)
cat >"$package/changelog" <<END
paperboy ($version-1) unstable; urgency=medium

  * See /usr/share/doc/paperboy/CHANGELOG.md.

 -- The operators of paperboy <operator@example.org>  $(date -uR -d "@$changed")
END

umask 022
# A package for tests need not be small.
case $profile in dev) fast=--fast ;; *) fast= ;; esac
# shellcheck disable=SC2086 -- no word at all if there is nothing to say
cargo deb --quiet --no-build --profile "$profile" $fast
