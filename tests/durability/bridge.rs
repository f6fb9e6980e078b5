//! QoS 1 and 2 over a bridge, while connections are cut and both brokers are killed.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::Broker;
use crate::support::cutting_proxy::CuttingProxy;

const COUNT: usize = 3_000;
const PERSISTENT: &str = "allow_anonymous true\npersistence true\nmax_queued_messages 0\n";

/// A bridging broker and a remote one, with a proxy between them that cuts.
struct Pair {
    near: Broker,
    far: Broker,
    line: CuttingProxy,
}

impl Pair {
    fn new(direction: &str, version: &str) -> Self {
        let far = Broker::with_config(PERSISTENT);
        let line = CuttingProxy::to(far.port());
        let near = Broker::with_config(&bridge_to(line.port(), direction, version));
        wait_for_bridge(&far);
        Self { near, far, line }
    }
}

fn bridge_to(port: u16, direction: &str, version: &str) -> String {
    format!(
        "{PERSISTENT}connection b\naddress 127.0.0.1:{port}\nrestart_timeout 1\n\
         topic t {direction} 2\nbridge_protocol_version {version}\n\
         bridge_session_expiry_interval 1000\n"
    )
}

/// Waits until the remote broker knows that the bridge is connected.
fn wait_for_bridge(far: &Broker) {
    let mut subscriber = far.subscriber("mq-sub -t $SYS/broker/connection/+/state");
    subscriber.wait_for_line(|line| line == "1");
}

/// Makes a session that keeps what comes for it.
fn keep(broker: &Broker) {
    broker
        .typed("mq-sub -i keeper -c -t t -q 2 -E")
        .run()
        .succeeds();
}

fn publish(broker: &Broker, qos: u8, from: usize, to: usize) {
    let lines: String = (from..to).map(|number| format!("{number}\n")).collect();
    broker
        .typed(&format!("mq-pub -t t -q {qos} -l"))
        .stdin(lines)
        .run()
        .succeeds();
}

/// Fetches what was kept until the last message is there; returns the numbers in order.
fn fetch(broker: &Broker) -> Vec<usize> {
    let mut subscriber = broker.typed("mq-sub -i keeper -c -t t -q 2").start();
    let mut numbers = Vec::new();
    while numbers.last() != Some(&(COUNT - 1)) {
        numbers.push(subscriber.next_line().parse().expect("a number"));
    }
    numbers
}

/// Cuts the line and kills both brokers a few times while the messages are under way.
fn disturb(pair: &mut Pair) {
    for round in 0..3_u64 {
        thread::sleep(Duration::from_millis(30 + 40 * round));
        pair.line.cut();
        thread::sleep(Duration::from_millis(1_100 + 20 * round));
        pair.far.restart(Signal::SIGKILL);
        thread::sleep(Duration::from_millis(1_050 + 30 * round));
        pair.near.restart(Signal::SIGKILL);
    }
}

fn arrives_exactly_once(direction: &str, version: &str) {
    let mut pair = Pair::new(direction, version);
    let is_out = direction == "out";
    let ends = |pair: &Pair| -> (u16, u16) { (pair.near.port(), pair.far.port()) };
    let before = ends(&pair);
    keep(if is_out { &pair.far } else { &pair.near });
    publish(if is_out { &pair.near } else { &pair.far }, 2, 0, COUNT);
    disturb(&mut pair);
    assert_eq!(
        ends(&pair),
        before,
        "the ports are free again after a restart"
    );
    let numbers = fetch(if is_out { &pair.far } else { &pair.near });
    let expected: Vec<usize> = (0..COUNT).collect();
    assert!(numbers == expected, "{}", report(&numbers));
}

/// Reports numbers that are missing, doubled or out of order.
fn report(numbers: &[usize]) -> String {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for number in numbers {
        *counts.entry(*number).or_default() += 1;
    }
    let missing = (0..COUNT)
        .filter(|number| !counts.contains_key(number))
        .count();
    let doubled = counts.values().filter(|&&count| count > 1).count();
    format!(
        "{missing} are missing, {doubled} are doubled, in order: {}",
        numbers.is_sorted()
    )
}

#[test]
fn qos_2_arrives_exactly_once_at_the_remote_over_cuts_and_kills() {
    arrives_exactly_once("out", "mqttv311");
}

#[test]
fn qos_2_arrives_exactly_once_from_the_remote_over_cuts_and_kills() {
    arrives_exactly_once("in", "mqttv50");
}

#[test]
fn qos_1_loses_nothing_over_cuts_and_kills() {
    let mut pair = Pair::new("out", "mqttv50");
    keep(&pair.far);
    publish(&pair.near, 1, 0, COUNT);
    disturb(&mut pair);
    let mut numbers = fetch(&pair.far);
    numbers.dedup();
    let missing = (0..COUNT)
        .filter(|number| !numbers.contains(number))
        .count();
    assert_eq!(missing, 0);
}

#[test]
fn a_queue_survives_the_kill_of_the_broker_while_the_remote_is_away() {
    let mut far = Broker::with_config(PERSISTENT);
    let mut near = Broker::with_config(&bridge_to(far.port(), "out", "mqttv311"));
    wait_for_bridge(&far);
    keep(&far);
    far.end(Signal::SIGKILL);
    publish(&near, 2, 0, COUNT);
    near.restart(Signal::SIGKILL);
    far.start_again();
    let numbers = fetch(&far);
    let expected: Vec<usize> = (0..COUNT).collect();
    assert!(numbers == expected, "{}", report(&numbers));
}
