#!/bin/sh
# Builds the four programs and demonstrates them with a weather station: a login, measurements,
# wildcards, the three QoS levels, and a last will triggered by Ctrl+C. Everything listens on
# 127.0.0.1 only, and nothing is left behind. The exit code is 0 if all expected messages
# arrived, and no others.
set -eu

cd "$(dirname "$0")/.."
echo 'Building mq-broker, mq-pub, mq-sub and mq-passwd ...'
cargo build --quiet --bins
programs=${CARGO_TARGET_DIR:-target}/debug
case $programs in
    /*) ;;
    *) programs=$PWD/$programs ;;
esac
PATH=$programs:$PATH

directory=$(mktemp -d)
cd "$directory"
mkfifo pipe
broker=
subscriber=
sensor=

clean_up() {
    for process in $sensor $subscriber $broker; do
        kill "$process" 2>/dev/null || true
    done
    wait
    rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'FAILED: %s\n' "$1" >&2
    exit 1
}

chapter() {
    printf '\n== %s\n\n' "$1"
}

# Prints a command line as it would be typed in a terminal.
show() {
    printf '$'
    for word in "$@"; do
        case $word in
            '&') printf ' &' ;;
            *[!A-Za-z0-9/_.:=+-]* | '') printf " '%s'" "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    echo
}

# wait_for FILE PATTERN: waits up to ten seconds until a line of FILE matches.
wait_for() {
    tries=0
    until grep -q "$2" "$1"; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || fail "no '$2' in: $(cat "$1")"
        sleep 0.1
    done
}

# start_broker CONFIGURATION: starts a broker on a free port.
start_broker() {
    port=$((20000 + $$ % 20000))
    while :; do
        printf 'listener %s 127.0.0.1\n%s\n' "$port" "$1" >mosquitto.conf
        # When root starts a broker, it switches to a user who may not read this directory.
        [ "$(id -u)" -ne 0 ] || echo 'user root' >>mosquitto.conf
        mq-broker -c mosquitto.conf 2>broker.log &
        broker=$!
        wait_for broker.log ' running$\|[Ee]rror'
        grep -q 'Address already in use' broker.log || break
        wait "$broker" || port=$((port + 1))
    done
    wait_for broker.log ' running$'
    login="-h 127.0.0.1 -p $port -u snir -P passsnir"
}

# subscribe ARGUMENTS: starts a subscriber and waits until it can receive. The retained message
# on `ready` arrives once its subscriptions are in place. The subscriber exits after 30 seconds,
# so this script cannot wait for ever.
subscribe() {
    # The login consists of words without blanks.
    # shellcheck disable=SC2086
    set -- mq-sub $login "$@"
    show "$@" '&'
    "$@" -t ready -W 30 >pipe &
    subscriber=$!
    exec 3<pipe
    next_line
    case $line in
        *ready*) ;;
        *) fail "received '$line' before the subscriber was ready" ;;
    esac
}

# Reads the subscriber's next line into $line.
next_line() {
    IFS= read -r line <&3 || fail 'the subscriber printed nothing'
}

# receive LINE: checks that the subscriber's next line is LINE.
receive() {
    next_line
    printf '    %s\n' "$line"
    [ "$line" = "$1" ] || fail "expected '$1'"
}

end_subscriber() {
    kill "$subscriber"
    wait "$subscriber" || true
    subscriber=
    exec 3<&-
}

publish() {
    # shellcheck disable=SC2086
    set -- mq-pub $login "$@"
    show "$@"
    "$@"
}

chapter 'A broker that requires a login'
show mq-passwd -c passwd snir
printf 'passsnir\npasssnir\n' | mq-passwd -c passwd snir | sed 's/^/    /'
echo
printf '$ cat mosquitto.conf\n'
start_broker 'allow_anonymous false
password_file passwd'
sed 's/^/    /' mosquitto.conf
show mq-broker -c mosquitto.conf '&'
# shellcheck disable=SC2086
mq-pub $login -t ready -r -q 1 -m ready

show mq-sub -h 127.0.0.1 -p "$port" -t ha/_temperature2
code=0
mq-sub -h 127.0.0.1 -p "$port" -t ha/_temperature2 -W 30 2>refusal || code=$?
sed 's/^/    /' refusal
echo "    (exit code $code)"
[ "$code" -eq 5 ] || fail 'expected exit code 5 for a client without a login'

chapter 'The weather station publishes, a subscriber prints'
subscribe -v -t ha/_temperature2 -t ha/humidity -t ha/pressure
publish -t ha/_temperature2 -m 21.5
receive 'ha/_temperature2 21.5'
publish -t ha/humidity -m 48
receive 'ha/humidity 48'
publish -t ha/pressure -m 1013
receive 'ha/pressure 1013'
end_subscriber

chapter 'Wildcards: + matches one level, # matches all levels below'
subscribe -v -t 'maison/+/lumière'
publish -t maison/salon/lumière -m on
receive 'maison/salon/lumière on'
publish -t maison/salon/lumière/plafond -m on
echo '    (one level too many: no match)'
publish -t maison/cuisine/lumière -m off
receive 'maison/cuisine/lumière off'
end_subscriber
echo
subscribe -v -t 'maison/#'
publish -t maison/jardin/arrosage -m on
receive 'maison/jardin/arrosage on'
end_subscriber

chapter 'QoS 0, 1 and 2: at most once, at least once, exactly once'
subscribe -t topic/test -q 2 -F '%p (QoS %q)'
for qos in 0 1 2; do
    publish -t topic/test -q "$qos" -m 'Voici un test'
    receive "Voici un test (QoS $qos)"
done
end_subscriber

chapter 'Last will: the broker publishes it when a client disappears'
subscribe -t testament/topic -q 1
# shellcheck disable=SC2086
set -- mq-sub $login -i sensor -t some/topic -q 1 --will-topic testament/topic \
    --will-payload 'Client unexpectedly disconnected' --will-qos 1
show "$@"
"$@" -W 30 &
sensor=$!
wait_for broker.log ' as sensor '
echo '^C'
kill -INT "$sensor"
receive 'Client unexpectedly disconnected'
end_subscriber

printf '\nEverything arrived.\n'
