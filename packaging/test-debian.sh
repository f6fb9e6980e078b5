#!/bin/bash
# Installs the Debian package on this machine, runs the service's program as the service's user,
# and purges the package:
#
#   packaging/test-debian.sh PACKAGE.deb
#
# Requires root, and a machine without the package. Leaves nothing behind.
set -euo pipefail

package=$(realpath "$1")
config=/etc/mq-broker/mq-broker.conf
unit=/usr/lib/systemd/system/mq-broker.service
# Outside the range that the tests choose from.
port=21883
broker=

fail() {
    printf 'Error: %s\n' "$*" >&2
    exit 1
}

clean_up() {
    [ -z "$broker" ] || kill "$broker" 2>/dev/null || true
    dpkg --purge mq >/dev/null 2>&1 || true
    rm -rf "$work"
}

# Lists every file that this package could leave behind, except the records of apt and dpkg.
# Some of the directories may not exist.
files() {
    {
        find /etc /usr/bin /usr/lib/systemd /usr/share/bash-completion /usr/share/doc \
            /usr/share/fish /usr/share/man /usr/share/mq /usr/share/zsh /var/lib /var/log \
            ! -path '/var/lib/apt/*' ! -path '/var/lib/dpkg/*' ! -path '/etc/*-' \
            ! -path '/var/log/apt/*' ! -path '/var/log/dpkg.log*' \
            2>/dev/null || true
    } | sort -u
}

# directive NAME: prints the value of a directive in the installed unit.
directive() {
    sed -n "s/^$1=//p" "$unit"
}

wait_for() {
    for _ in $(seq 100); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "this command did not succeed within ten seconds: $*"
}

# Starts the unit's command as the unit's user.
start_service() {
    cd "$(directive WorkingDirectory)"
    setpriv --reuid "$user" --regid "$user" --init-groups "${start[@]}" 2>"$work/log" &
    broker=$!
    cd /
    wait_for mq-broker -c "$config" --check
}

stop_service() {
    kill "$broker"
    wait "$broker" || fail 'the broker did not stop cleanly.'
    broker=
}

[ "$(id -u)" -eq 0 ] || fail 'only root can install a package.'
! dpkg-query -W mq >/dev/null 2>&1 || fail 'the package is already installed.'
work=$(mktemp -d)
trap clean_up EXIT
files >"$work/before"

echo 'The package installs.'
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$package" \
    >"$work/apt" 2>&1 || fail "$(cat "$work/apt")"
for program in mq-broker mq-passwd mq-pub mq-sub; do
    "/usr/bin/$program" --help >/dev/null
    [ -e "/usr/share/bash-completion/completions/$program" ]
done
for page in man1/mq-pub.1 man1/mq-sub.1 man1/mq-passwd.1 man5/mq-broker.conf.5 man8/mq-broker.8; do
    [ -e "/usr/share/man/$page.gz" ] || fail "the manual page $page is missing."
done

echo 'The service runs as its user, with the settings of the unit.'
user=$(directive User)
setpriv --reuid "$user" --regid "$user" --init-groups mq-broker --test-config -c "$config"
read -ra start <<<"$(directive ExecStart)"
[ "$(stat -c %U:%a "/var/lib/$(directive StateDirectory)")" = "$user:750" ]
[ "$(stat -c %U:%a /etc/mq-broker/passwd)" = "$user:600" ]
sed -i "s/^listener 1883$/listener $port 127.0.0.1/" "$config"
start_service
[ "$(stat -c %U "/proc/$broker")" = "$user" ]
# The package comes without users, and the broker says so.
! grep -v 'Nobody can log in' "$work/log" | grep -i -e warning -e error ||
    fail 'the broker logged a warning or an error.'

echo 'The broker requires the login that the README creates.'
code=0
mq-pub -h 127.0.0.1 -p "$port" -t a -m x 2>/dev/null || code=$?
[ "$code" -eq 5 ] || fail "the exit code without a login is $code."
mq-passwd -b /etc/mq-broker/passwd snir passsnir
kill -HUP "$broker"
login=(-h 127.0.0.1 -p "$port" -u snir -P passsnir -t ha/_temperature2)
wait_for mq-pub "${login[@]}" -r -m 21.5
stop_service

echo 'Retained messages survive a restart.'
start_service
[ "$(mq-sub "${login[@]}" -C 1)" = 21.5 ]
stop_service

echo 'An upgrade keeps the changes of the administrator.'
dpkg -i --force-confdef --force-confold "$package" >"$work/apt" 2>&1 || fail "$(cat "$work/apt")"
grep -q "^listener $port " "$config"
grep -q '^snir:' /etc/mq-broker/passwd

echo 'Removing the package leaves the configuration; purging it leaves nothing.'
dpkg --remove mq >"$work/apt" 2>&1 || fail "$(cat "$work/apt")"
[ -e "$config" ] && [ ! -e /usr/bin/mq-broker ]
dpkg --purge mq >"$work/apt" 2>&1 || fail "$(cat "$work/apt")"
files >"$work/after"
diff "$work/before" "$work/after" || fail 'the package left files behind.'
! getent passwd "$user" || fail "the user $user still exists."
