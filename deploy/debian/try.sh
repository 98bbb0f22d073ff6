#!/bin/bash
# Installs a package of paperboy on this machine, uses it, upgrades it, removes it and purges it.
#
#   deploy/debian/try.sh target/debian/paperboy_*.deb
#
# Needs root and a disposable machine without paperboy, like CI's. Without systemd the ExecStart
# of the unit is run as its user.
set -euo pipefail

deb=$(realpath "$1")
settings=/etc/paperboy/paperboy.toml
data=/var/lib/paperboy
unit=/usr/lib/systemd/system/paperboy.service
log=$(mktemp)
service=

fail() {
    echo "try.sh: $*" >&2
    tail -n 20 "$log" >&2
    exit 1
}
is() { # what it is called, what it must be, what it is
    [ "$2" = "$3" ] || fail "$1 is \"$3\" and not \"$2\""
}
say() { printf '  %s\n' "$*"; }

clean_up() {
    if [ -n "$service" ]; then kill "$service" 2>/dev/null || true; fi
    dpkg --purge paperboy >/dev/null 2>&1 || true
    rm -f "$log"
}

if [ -e "$settings" ] || [ -e "$data" ]; then
    echo "try.sh: there is a paperboy on this machine; it is left alone" >&2
    exit 1
fi
trap clean_up EXIT

as_user() { (cd / && setpriv --reuid paperboy --regid paperboy --clear-groups env -i PATH=/usr/bin:/bin "$@"); }

# Starts what the unit starts, as the user that it names, and waits until it is well.
start() {
    local user command
    user=$(sed -n 's/^User=//p' "$unit")
    command=$(sed -n 's/^ExecStart=//p' "$unit")
    is "the unit's user" paperboy "$user"
    # shellcheck disable=SC2086 -- the words of ExecStart are meant to be split
    (cd "$data" && umask 077 && exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs \
        env -i $command) >>"$log" 2>&1 &
    service=$!
    for _ in $(seq 150); do
        if as_user paperboy alive >/dev/null 2>&1; then return; fi
        kill -0 "$service" 2>/dev/null || fail "the service ended by itself"
        sleep 0.2
    done
    fail "the service does not get well"
}

stop() {
    kill "$service"
    wait "$service" || fail "the service did not end in order ($?)"
    service=
}

say "install"
dpkg -i "$deb" >>"$log" 2>&1 || fail "dpkg -i"
is "the settings' owner and mode" "root paperboy 640" "$(stat -c '%U %G %a' "$settings")"
is "the secret's owner and mode" "paperboy paperboy 600" "$(stat -c '%U %G %a' /etc/paperboy/secret)"
is "the data's owner and mode" "paperboy paperboy 700" "$(stat -c '%U %G %a' "$data")"
is "the database's owner" "paperboy paperboy" "$(stat -c '%U %G' "$data/paperboy.db")"
is "what stops the user from reading the settings" "" "$(as_user cat "$settings" 2>&1 >/dev/null)"
[ -e /etc/systemd/system/multi-user.target.wants/paperboy.service ] || fail "the service is not enabled"
if command -v man >/dev/null; then
    man --warnings -E UTF-8 -l -Tutf8 /usr/share/man/man1/paperboy.1.gz >/dev/null 2>>"$log" || fail "the manual page"
fi
bash -n /usr/share/bash-completion/completions/paperboy || fail "completions for bash"

say "run as the service's user"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Nothing is asked of arXiv from here.
sed -i -e "0,/^#listen = /s|^#listen = .*|listen = \"127.0.0.1:$port\"|" \
    -e '0,/^#endpoint = /s|^#endpoint = .*|endpoint = "http://127.0.0.1:9"|' "$settings"
grep -q "^listen = \"127.0.0.1:$port\"" "$settings" || fail "the settings have no listen"
start
as_user paperboy subscribers add ada@example.org >/dev/null || fail "no subscriber can be added"
stop
edited=$(sha256sum "$settings" /etc/paperboy/secret)

say "upgrade over itself"
dpkg -i "$deb" >>"$log" 2>&1 || fail "dpkg -i, again"
is "settings and secret" "$edited" "$(sha256sum "$settings" /etc/paperboy/secret)"
[ -s "$data/before-upgrade.db" ] || fail "no copy of the database was made before the upgrade"
start
as_user paperboy subscribers list | grep -q ada@example.org || fail "the subscriber is gone"
stop

say "remove, and install again"
dpkg --remove paperboy >>"$log" 2>&1 || fail "dpkg --remove"
[ ! -e /usr/bin/paperboy ] || fail "the program is still there"
is "settings and secret" "$edited" "$(sha256sum "$settings" /etc/paperboy/secret)"
dpkg -i "$deb" >>"$log" 2>&1 || fail "dpkg -i after a removal"
as_user paperboy subscribers list | grep -q ada@example.org || fail "the subscriber is gone after a removal"

say "purge"
dpkg --purge paperboy >>"$log" 2>&1 || fail "dpkg --purge"
[ ! -e /etc/paperboy ] && [ ! -e "$data" ] || fail "purge left something in /etc or /var/lib"
[ ! -e /etc/systemd/system/multi-user.target.wants/paperboy.service ] || fail "the service is still enabled"
say "all as it should be"
