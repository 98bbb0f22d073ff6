#!/usr/bin/env bash
# Has schemathesis hold the API to its own document: tests/web/api.sh PAPERBOY
# SCHEMATHESIS names the program, if it is not on the path.
set -euo pipefail
paperboy=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
schemathesis=${SCHEMATHESIS:-schemathesis}
place=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$place"' EXIT
cd "$place"

"$paperboy" init . >/dev/null
for day in 03 04; do
    for paper in 1 2 3; do
        printf '{"id":"2608.0%s%s","title":"Rings of order %s","abstract":"We count rings of order %s.","authors":["Ada Lovelace"],"categories":["math.RA"],"announced":"2026-08-%s"}\n' "$day" "0$paper" "$paper$day" "$paper" "$day"
    done
done >papers.jsonl
"$paperboy" papers import papers.jsonl >/dev/null
for name in ada bob eve; do "$paperboy" subscribers add "$name@example.org" >/dev/null; done
"$paperboy" interests add ada@example.org --name Rings --keyword rings >/dev/null
"$paperboy" publish --now 2026-08-04T23:00:00Z >/dev/null
"$paperboy" suppressions add gone@example.org >/dev/null
scopes=(read subscribers:write subscribers:vouch papers:write deliveries:write suppressions:write)
key=$("$paperboy" admin keys make schemathesis "${scopes[@]/#/--scope=}" --per-minute 1000000 2>/dev/null)

export PAPERBOY_WEB__LISTEN=127.0.0.1:0
"$paperboy" run --role web 2>log &
server=$!
for _ in $(seq 100); do
    port=$(sed -n 's/.*listen=127\.0\.0\.1:\([0-9]*\).*/\1/p' log)
    [ -n "$port" ] && break
    read -r -t 0.1 <> <(:) || true
done
[ -n "$port" ] || { cat log; exit 1; }

API_KEY=$key API_HOOKS=$here/schemathesis_hooks.py "$schemathesis" --config-file "$here/schemathesis.toml" run "http://127.0.0.1:$port/api/v1/openapi.json" \
    --url "http://127.0.0.1:$port/api/v1"

# No address that was sent may stand in the log, and nothing may have gone wrong there.
if grep -E 'ERROR|panicked|@example' log; then
    echo "the log holds an address or an error" >&2
    exit 1
fi
