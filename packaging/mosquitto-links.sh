#!/bin/sh
# Gives our programs Mosquitto's names, so that scripts written for it find them:
#
#   mosquitto-links.sh add FOLDER [PROGRAMS]      makes the four links in FOLDER
#   mosquitto-links.sh remove FOLDER [PROGRAMS]   takes them away again
#
# PROGRAMS is the folder of mq-broker and the others; without it they are looked up in PATH.
# Whatever has one of the names and is not such a link is left alone. Then nothing is changed
# at all, and the exit code is 1. A wrong command line is 2.
set -eu

pairs='mosquitto:mq-broker
mosquitto_pub:mq-pub
mosquitto_sub:mq-sub
mosquitto_passwd:mq-passwd'

usage() {
    echo "Usage: $0 {add|remove} FOLDER [PROGRAMS]" >&2
    exit 2
}

fail() {
    printf 'Error: %s\n' "$1" >&2
    exit 1
}

# program NAME: its full path.
program() {
    if [ -n "$programs" ]; then
        path=$programs/$1
    else
        path=$(command -v "$1") || fail "$1 is not in PATH. Name its folder as the last argument."
    fi
    [ -x "$path" ] || fail "There is no program $path."
    folder_of_path=$(cd "$(dirname "$path")" && pwd)
    printf '%s/%s\n' "$folder_of_path" "$1"
}

# is_ours LINK NAME: whether it is a link to a program with our name. The program itself may
# be gone, so that links can be removed after it.
is_ours() {
    [ -L "$1" ] && [ "$(basename "$(readlink "$1")")" = "$2" ]
}

is_taken() {
    [ -e "$1" ] || [ -L "$1" ]
}

[ $# -eq 2 ] || [ $# -eq 3 ] || usage
action=$1
folder=$2
programs=${3-}
case $action in
    add | remove) ;;
    *) usage ;;
esac
[ -d "$folder" ] || fail "There is no folder $folder."

for pair in $pairs; do
    link=$folder/${pair%%:*}
    name=${pair#*:}
    if is_taken "$link" && ! is_ours "$link" "$name"; then
        fail "$link is not ours. Nothing was changed."
    fi
    # A missing program must be known before the first link is made.
    [ "$action" = remove ] || path=$(program "$name") || exit 1
done

for pair in $pairs; do
    link=$folder/${pair%%:*}
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
