//! The `$SYS` topics.

use std::collections::BTreeMap;

use crate::support::Broker;
use crate::support::raw_client::{CONNACK_ACCEPTED, CONNECT_V311};

/// What a new subscriber finds under `$SYS`.
fn topics(broker: &Broker) -> BTreeMap<String, String> {
    let outcome = broker
        .typed("mq-sub -t $SYS/# -v -W 1")
        .run()
        .exits_with(27);
    let text = outcome.stdout();
    let pairs = text.lines().map(|line| {
        let (topic, value) = match line.strip_prefix("$SYS/broker/retained messages/count ") {
            Some(value) => ("$SYS/broker/retained messages/count", value),
            None => line.split_once(' ').expect("a topic and a value"),
        };
        (topic.to_owned(), value.to_owned())
    });
    pairs.collect()
}

#[test]
fn the_whole_tree_is_there_at_the_start() {
    let broker = Broker::with_config("sys_interval 3600");
    let topics = topics(&broker);
    let mut names = vec![
        "version",
        "uptime",
        "clients/total",
        "clients/maximum",
        "clients/connected",
        "clients/active",
        "clients/disconnected",
        "clients/inactive",
        "clients/expired",
        "messages/stored",
        "store/messages/count",
        "store/messages/bytes",
        "subscriptions/count",
        "shared_subscriptions/count",
        "retained messages/count",
        "messages/received",
        "messages/sent",
        "bytes/received",
        "bytes/sent",
        "publish/messages/received",
        "publish/messages/sent",
        "publish/messages/dropped",
        "publish/bytes/received",
        "publish/bytes/sent",
        "packet/out/count",
        "packet/out/bytes",
        "connections/socket/count",
    ];
    let loads: Vec<String> = [
        "messages/received",
        "messages/sent",
        "publish/received",
        "publish/sent",
        "publish/dropped",
        "bytes/received",
        "bytes/sent",
        "sockets",
        "connections",
    ]
    .iter()
    .flat_map(|name| ["1min", "5min", "15min"].map(|time| format!("load/{name}/{time}")))
    .collect();
    names.extend(loads.iter().map(String::as_str));
    let expected: Vec<_> = names
        .iter()
        .map(|name| format!("$SYS/broker/{name}"))
        .collect();
    for name in &expected {
        assert!(topics.contains_key(name), "{name} in {topics:?}");
    }
    assert_eq!(topics.len(), expected.len(), "{topics:?}");
    let value = |name: &str| topics[&format!("$SYS/broker/{name}")].as_str();
    assert!(value("version").starts_with("mq-broker version "));
    assert!(value("uptime").ends_with(" seconds"));
    assert_eq!(value("load/bytes/sent/5min"), "0.00");
}

#[test]
fn what_happens_is_counted() {
    let broker = Broker::with_config("sys_interval 1");
    broker
        .typed("mq-sub -i away -c -q 1 -t a -E")
        .run()
        .succeeds();
    let mut reader = broker.subscriber("mq-sub -i reader -q 1 -t a");
    let mut changes = broker.subscriber(
        "mq-sub -v -t $SYS/broker/publish/messages/received -t $SYS/broker/publish/bytes/received \
         -t $SYS/broker/clients/disconnected -t $SYS/broker/messages/stored -t $SYS/broker/clients/maximum \
         -t $SYS/broker/publish/messages/sent",
    );
    for _ in 0..3 {
        broker.typed("mq-pub -q 1 -t a -m 12345").run().succeeds();
        reader.expect_line("12345");
    }
    let mut missing = vec![
        "$SYS/broker/publish/messages/received 3",
        "$SYS/broker/publish/bytes/received 15",
        "$SYS/broker/clients/disconnected 1",
        "$SYS/broker/clients/maximum 3",
    ];
    while !missing.is_empty() {
        let line = changes.next_line();
        missing.retain(|wanted| *wanted != line);
    }
}

#[test]
fn there_is_nothing_at_an_interval_of_zero_and_nobody_writes_there() {
    let broker = Broker::with_config("sys_interval 0");
    broker
        .typed("mq-pub -r -q 1 -t $SYS/broker/version -m mine")
        .run()
        .succeeds();
    assert!(topics(&broker).is_empty());
    let mut client = broker.raw_client();
    client.send(CONNECT_V311);
    client.expect(CONNACK_ACCEPTED);
}

#[test]
fn log_lines_are_messages_where_that_is_wanted() {
    let broker = Broker::with_config("log_dest stderr\nlog_dest topic\nlog_timestamp false");
    let mut reader = broker.subscriber("mq-sub -i reader -q 2 -t $SYS/broker/log/# -v");
    broker
        .typed("mq-sub -i other -q 1 -t a/b -E")
        .run()
        .succeeds();
    let address = "from 127.0.0.1:";
    reader.wait_for_line(|line| line.starts_with("$SYS/broker/log/N New connection from "));
    let line = reader.wait_for_line(|line| line.contains("New client connected"));
    assert!(
        line.contains(address) && line.contains(" as other (p"),
        "{line}"
    );
    reader.expect_line("$SYS/broker/log/M/subscribe other 1 a/b");
    let mut client = broker.raw_client();
    client.send("nonsense");
    reader.wait_for_line(|line| line.starts_with("$SYS/broker/log/I Protocol error from "));
    reader.wait_for_line(|line| line.starts_with("$SYS/broker/log/N Client 127.0.0.1 ["));
    broker.reload();
    reader.wait_for_line(|line| line == "$SYS/broker/log/I Reloading config.");
    let all = reader.stdout().text();
    assert!(
        !all.contains("PUBLISH") && !all.contains("CONNACK"),
        "{all}"
    );
}

#[test]
fn a_log_line_that_cannot_be_delivered_brings_no_other() {
    let broker = Broker::builder()
        .config("log_dest stderr\nlog_dest topic\nlog_timestamp false\nmax_queued_messages 1")
        .start();
    // One takes no packet of the length of a line, one is away and has no room.
    let line =
        "mq-sub -i small -V 5 -D connect maximum-packet-size 30 -t $SYS/broker/log/# -t a -v";
    let mut small = broker.subscriber(line);
    let line = "mq-sub -i away -c -q 1 -t $SYS/broker/log/# -E";
    broker.typed(line).run().succeeds();
    for number in 0..3 {
        let line = format!("mq-pub -q 1 -t a -m {number}");
        broker.typed(&line).run().succeeds();
        small.expect_line(&format!("a {number}"));
    }
    let log = broker.log();
    let told = |text: &str| log.matches(text).count();
    assert_eq!(told("Dropping too large outgoing PUBLISH"), 0, "{log}");
    // Once for each line that somebody wanted, and never for its own.
    let wanted = told("New ") + told(" disconnected") + told("mq-");
    assert!(
        told("are being dropped for client away.") <= 3 * wanted,
        "{log}"
    );
}
