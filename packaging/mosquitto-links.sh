#!/bin/sh
# Links Mosquitto's names to our programs, so that scripts written for Mosquitto find them:
#
#   mosquitto-links.sh add DIRECTORY [PROGRAMS]      creates the four links in DIRECTORY
#   mosquitto-links.sh remove DIRECTORY [PROGRAMS]   removes them
#
# PROGRAMS is the directory of mq-broker and the other programs. The default is to look them up
# in PATH. If DIRECTORY contains one of the names and it is not our link, the script changes
# nothing and exits with 1. An invalid command line exits with 2.
set -eu

pairs='mosquitto:mq-broker
mosquitto_pub:mq-pub
mosquitto_sub:mq-sub
mosquitto_passwd:mq-passwd'

usage() {
    echo "Usage: $0 {add|remove} DIRECTORY [PROGRAMS]" >&2
    exit 2
}

fail() {
    printf 'Error: %s\n' "$1" >&2
    exit 1
}

# program NAME: prints the full path of a program.
program() {
    if [ -n "$programs" ]; then
        path=$programs/$1
    else
        path=$(command -v "$1") || fail "$1 is not in PATH. Give its directory as the last argument."
    fi
    [ -x "$path" ] || fail "There is no program $path."
    program_directory=$(cd "$(dirname "$path")" && pwd)
    printf '%s/%s\n' "$program_directory" "$1"
}

# is_ours LINK NAME: succeeds if LINK links to a program called NAME. The program need not
# exist, so links can be removed after their programs.
is_ours() {
    [ -L "$1" ] && [ "$(basename "$(readlink "$1")")" = "$2" ]
}

is_taken() {
    [ -e "$1" ] || [ -L "$1" ]
}

[ $# -eq 2 ] || [ $# -eq 3 ] || usage
action=$1
directory=$2
programs=${3-}
case $action in
    add | remove) ;;
    *) usage ;;
esac
[ -d "$directory" ] || fail "There is no directory $directory."

for pair in $pairs; do
    link=$directory/${pair%%:*}
    name=${pair#*:}
    if is_taken "$link" && ! is_ours "$link" "$name"; then
        fail "$link is not a link to $name. Nothing was changed."
    fi
    # Find missing programs before creating the first link.
    [ "$action" = remove ] || path=$(program "$name") || exit 1
done

for pair in $pairs; do
    link=$directory/${pair%%:*}
    name=${pair#*:}
    if [ "$action" = add ]; then
        path=$(program "$name")
        ln -sfn "$path" "$link"
        printf '%s -> %s\n' "$link" "$path"
    elif is_taken "$link"; then
        rm "$link"
        printf 'removed %s\n' "$link"
    fi
done
