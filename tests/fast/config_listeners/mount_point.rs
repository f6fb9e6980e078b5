//! `mount_point`: the clients of a listener live in a part of the topic tree.

use crate::support::program::Running;
use crate::support::raw_client::{CONNECT_V5, CONNECT_V311, RawClient, packet, string};
use crate::support::{Broker, Program};

/// A broker whose other listener has the mount point `m/`.
fn broker() -> Broker {
    Broker::builder().other_listener("mount_point m/").start()
}

/// A command line for the other listener.
fn inside(broker: &Broker, line: &str) -> Program {
    Program::typed(line).port(broker.other_port())
}

fn subscriber_inside(broker: &Broker, line: &str) -> Running {
    let mark = broker.log_mark();
    let subscriber = inside(broker, line).start();
    broker.wait_for_log_after(mark, "Sending SUBACK to ");
    subscriber
}

#[test]
fn topics_begin_with_it_outside_and_without_it_inside() {
    let broker = broker();
    let mut outside = broker.subscriber("mq-sub -t # -v -C 3");
    let mut all = subscriber_inside(&broker, "mq-sub -V 5 -t # -v -q 2 -C 3");
    let mut one = subscriber_inside(&broker, "mq-sub -t a/b -v -C 1");
    for qos in 0..3 {
        let line = format!("mq-pub -q {qos} -t a/{qos} -m {qos}");
        inside(&broker, &line).run().succeeds();
        outside.expect_line(&format!("m/a/{qos} {qos}"));
        all.expect_line(&format!("a/{qos} {qos}"));
    }
    broker.typed("mq-pub -t a/b -m other").run().succeeds();
    broker.typed("mq-pub -t m/a/b -m x").run().succeeds();
    one.expect_line("a/b x");
}

#[test]
fn wills_retained_messages_and_queues_know_it_too() {
    let broker = broker();
    let mut outside = broker.subscriber("mq-sub -t # -v -C 4");
    let mut client = RawClient::connect(broker.other_port());
    client.send(b"\x10\x19\x00\x04MQTT\x04\x06\x00\x3c\x00\x03raw\x00\x04last\x00\x02hi");
    client.packet();
    drop(client);
    outside.expect_line("m/last hi");

    inside(&broker, "mq-sub -i s -c -q 1 -t q -E")
        .run()
        .succeeds();
    inside(&broker, "mq-pub -r -t kept -m r").run().succeeds();
    outside.expect_line("m/kept r");
    let line = "mq-sub -t kept -v -C 1";
    inside(&broker, line).run().succeeds().prints("kept r\n");

    inside(&broker, "mq-pub -q 1 -t q -m waits")
        .run()
        .succeeds();
    outside.expect_line("m/q waits");
    let line = "mq-sub -i s -c -q 1 -t q -v -C 1";
    inside(&broker, line).run().succeeds().prints("q waits\n");

    // Whoever comes back by another door sees what is behind that.
    inside(&broker, "mq-sub -i t -c -q 1 -t q -E")
        .run()
        .succeeds();
    inside(&broker, "mq-pub -q 1 -t q -m moved")
        .run()
        .succeeds();
    let line = "mq-sub -i t -c -q 1 -t q -v -C 1";
    broker.typed(line).run().succeeds().prints("m/q moved\n");
}

#[test]
fn a_group_shares_inside_it_and_unsubscribes() {
    let broker = broker();
    let mut member = subscriber_inside(&broker, "mq-sub -t $share/g/t/+ -v -C 1");
    broker.typed("mq-pub -t t/1 -m outside").run().succeeds();
    inside(&broker, "mq-pub -t t/1 -m inside").run().succeeds();
    member.expect_line("t/1 inside");

    let mut client = RawClient::connect(broker.other_port());
    client.send(CONNECT_V311);
    client.packet();
    client.send(packet(
        0x82,
        &[&b"\x00\x01"[..], &string("a"), b"\x00"].concat(),
    ));
    client.expect(b"\x90\x03\x00\x01\x00");
    client.send(packet(0xa2, &[&b"\x00\x02"[..], &string("a")].concat()));
    client.expect(b"\xb0\x02\x00\x02");
    inside(&broker, "mq-pub -t a -m x").run().succeeds();
    client.expect_alive();
}

#[test]
fn a_filter_that_makes_no_sense_behind_it_is_refused() {
    let broker = Broker::builder().other_listener("mount_point m").start();
    for (connect, body, suback) in [
        (
            CONNECT_V5,
            &b"\x00\x01\x00\x00\x01#\x00"[..],
            &b"\x90\x04\x00\x01\x00\x8f"[..],
        ),
        (
            CONNECT_V311,
            b"\x00\x01\x00\x01#\x00",
            b"\x90\x03\x00\x01\x80",
        ),
    ] {
        let mut client = RawClient::connect(broker.other_port());
        client.send(connect);
        client.packet();
        client.send(packet(0x82, body));
        client.expect(suback);
    }
}

#[test]
fn rules_are_about_the_whole_topic() {
    let broker = Broker::builder()
        .file("acl", "topic write m/open\ntopic read #\n")
        .before("allow_anonymous true\nacl_file acl")
        .other_listener("mount_point m/")
        .start();
    let mut outside = broker.subscriber("mq-sub -t # -v -C 1");
    inside(&broker, "mq-pub -t closed -m x").run().succeeds();
    inside(&broker, "mq-pub -t open -m x").run().succeeds();
    outside.expect_line("m/open x");
}

#[test]
fn it_has_no_wildcards() {
    let outcome = Broker::builder()
        .config("mount_point a/#")
        .run()
        .exits_with(3);
    let text = "Error: Invalid 'mount_point' value (a/#). Does it contain a wildcard character?";
    assert!(outcome.stderr().contains(text), "{outcome}");
}
