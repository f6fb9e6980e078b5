//! 3.3 PUBLISH.

use std::thread::sleep;
use std::time::Duration;

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

// 5.0 [MQTT-3.3.1-3] [MQTT-3.3.1-2] [MQTT-4.3.1-1] · 3.1.1 [MQTT-3.3.1-3] [MQTT-3.3.1-2] [MQTT-4.3.1-1]
#[test]
fn the_dup_flag_of_the_publisher_does_not_go_on() {
    let broker = Broker::local();
    for version in BOTH {
        for qos in 0..3 {
            let mut client = Client::new(&broker, version, "dup");
            client.subscribe("a", qos);
            client.send(publish_with(version, 0x0a, "a", 9, &[], b"again"));
            let (ack_or_message, later) = (client.raw.packet(), client.raw.packet());
            let came = [ack_or_message, later];
            let (first, body) = came.iter().find(|(first, _)| first & 0xf0 == 0x30).unwrap();
            let message = Publish::parse(version, *first, body);
            assert_eq!((message.dup, message.qos), (false, qos.min(1)));
        }
    }
}

// 5.0 [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-8] [MQTT-3.3.1-12] ·
// 3.1.1 [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-8] [MQTT-3.3.1-9]
//     [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.3.1-12] [MQTT-3.1.2-7]
#[test]
fn the_last_retained_message_of_a_topic_waits_for_subscribers() {
    let broker = Broker::local();
    for version in BOTH {
        let mut existing = Client::new(&broker, version, "existing");
        existing.subscribe("r/#", 2);
        for qos in 0..3 {
            let mut publisher = Client::new(&broker, version, "publisher");
            publisher.publish("r/a", qos, true, "older");
            publisher.publish("r/a", qos, true, "kept");
            publisher.publish("r/b", 0, true, "other");
            publisher.publish("r/a", qos, false, "passing");
            // The retained message outlives the session of its publisher.
            publisher.leave();
            for payload in ["older", "kept", "other", "passing"] {
                assert!(!existing.receive(payload).retain);
            }
            let mut late = Client::new(&broker, version, "late");
            late.subscribe("r/a", 2);
            let message = late.receive("kept");
            assert_eq!((message.retain, message.qos), (true, qos));
            late.expect_nothing();
            late.subscribe("r/+", 0);
            let mut both = [late.message(), late.message()].map(|message| message.payload);
            both.sort();
            assert_eq!(both, [b"kept".to_vec(), b"other".to_vec()]);
            late.leave();

            let mut publisher = Client::new(&broker, version, "publisher");
            publisher.publish("r/a", qos, true, "");
            publisher.publish("r/b", qos, true, "");
            existing.receive("");
            existing.receive("");
            let mut late = Client::new(&broker, version, "late");
            late.subscribe("r/#", 2);
            late.expect_nothing();
        }
    }
}

// 5.0 [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.8.4-4]
#[test]
fn retain_handling_says_when_a_subscription_brings_retained_messages() {
    let broker = Broker::local();
    let mut client = Client::new(&broker, V5, "handling");
    client.publish("a", 0, true, "kept");
    for (handling, first, second) in [(0, 1, 1), (1, 1, 0), (2, 0, 0)] {
        for count in [first, second] {
            client.subscribe("a", handling << 4);
            for _ in 0..count {
                assert!(client.receive("kept").retain);
            }
            client.expect_nothing();
        }
        client.unsubscribe("a");
    }
    // Retained messages are not for shared subscriptions.
    client.subscribe("$share/g/a", 0);
    client.expect_nothing();
}

// 5.0 [MQTT-3.3.1-12] [MQTT-3.3.1-13]
#[test]
fn the_retain_flag_goes_on_where_the_subscription_wants_it() {
    let broker = Broker::local();
    let mut publisher = Client::new(&broker, V5, "publisher");
    for (options, retain, expected) in [(0, true, false), (8, true, true), (8, false, false)] {
        let mut client = Client::new(&broker, V5, "as published");
        client.subscribe("a", options | 0x20);
        publisher.publish("a", 0, retain, "x");
        assert_eq!(client.receive("x").retain, expected);
    }
}

// 5.0 [MQTT-3.3.2-3] · 3.1.1 [MQTT-3.3.2-3]
#[test]
fn a_subscriber_gets_what_its_filter_matches_and_nothing_else() {
    let broker = Broker::local();
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("a/+", &["a/b", "a/"], &["a", "a/b/c", "b/b"]),
        ("a/#", &["a", "a/b", "a/b/c", "a/"], &["b", "ab", "A/b"]),
        ("+/b/#", &["a/b", "/b/c"], &["a/a/b", "b"]),
        ("/a", &["/a"], &["a", "/a/", "//a"]),
        ("+/+", &["/", "a/", "/a"], &["a", "a/b/c"]),
        ("#", &["a", "/", "a/b"], &["$a", "$a/b"]),
        ("+/a", &["b/a", "/a"], &["$b/a"]),
        ("$b/+", &["$b/a"], &["b/a"]),
        ("a b", &["a b"], &["ab"]),
    ];
    for version in BOTH {
        let mut publisher = Client::new(&broker, version, "publisher");
        for (filter, matching, others) in cases {
            let mut client = Client::new(&broker, version, "matcher");
            client.subscribe(filter, 0);
            for topic in others.iter().chain(*matching) {
                publisher.publish(topic, 1, false, topic);
            }
            for topic in *matching {
                assert_eq!(client.receive(topic).topic, topic.as_bytes(), "{filter}");
            }
            client.expect_nothing();
        }
    }
}

// 5.0 [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
//     [MQTT-3.3.2-20]
#[test]
fn the_properties_of_a_message_go_on_unchanged_and_in_order() {
    let broker = Broker::local();
    let mut live = Client::new(&broker, V5, "live");
    live.subscribe("a", 2);
    let users = [user("a", "1"), user("b", "2"), user("a", "3"), user("", "")].concat();
    let properties = [
        one(0x01, 1),
        text(0x08, "answer/here"),
        [&[0x09, 0, 3][..], &[0, 0xff, 0xc3]].concat(),
        text(0x03, "text/plain \u{e9}"),
        users,
    ]
    .concat();
    let mut publisher = Client::new(&broker, V5, "publisher");
    for flags in [1, 3, 5] {
        publisher.publish_with("a", flags, &properties, "x");
        assert_eq!(live.receive("x").properties, properties);
        let mut late = Client::new(&broker, V5, "late");
        late.subscribe("a", 2);
        assert_eq!(late.receive("x").properties, properties);
    }
}

// 5.0 [MQTT-3.3.2-5] [MQTT-3.3.2-6] [MQTT-4.3.3-7] [MQTT-4.3.3-13]
#[test]
fn an_expired_message_is_not_delivered_and_the_rest_of_its_time_goes_on() {
    let broker = Broker::local();
    let mut waiting = Client::open(&broker, &V5.persistent("waiting"));
    let mut in_flight = Client::open(&broker, &V5.persistent("in flight"));
    waiting.subscribe("a", 1);
    in_flight.subscribe("a", 2);
    waiting.leave();
    let mut publisher = Client::new(&broker, V5, "publisher");
    for (seconds, payload) in [(1, "short"), (60, "long")] {
        publisher.publish_with("a", 5, &four(MESSAGE_EXPIRY, seconds), payload);
    }
    publisher.publish_with("b", 1, &four(MESSAGE_EXPIRY, 1), "short");
    for payload in [&b"short"[..], b"long"] {
        assert_eq!(in_flight.message().payload, payload);
    }
    in_flight.cut(&broker);
    // Only time can make a message expire.
    sleep(Duration::from_millis(2_100));
    let mut waiting = Client::open(&broker, &V5.persistent("waiting"));
    let message = waiting.receive("long");
    let left = message.properties[4];
    assert!((50..=58).contains(&left), "{left} seconds left");
    waiting.expect_nothing();
    waiting.subscribe("b", 0);
    waiting.expect_nothing();
    // What was sent once is sent again, expired or not.
    let mut in_flight = Client::open(&broker, &V5.persistent("in flight"));
    in_flight.receive("short");
    in_flight.receive("long");
}

// 5.0 [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-2.2.1-5] [MQTT-3.4.2-1]
//     [MQTT-3.5.2-1] · 3.1.1 [MQTT-3.3.4-1] [MQTT-2.3.1-6]
#[test]
fn a_publish_is_answered_as_its_qos_wants() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "publisher");
        client.send(publish_with(version, 0, "a", 0, &[], b"x"));
        client.expect_nothing();
        for id in [1, 1234, 65_535] {
            client.send(publish_with(version, 2, "a", id, &[], b"x"));
            client.expect_ack(0x40, id);
            client.send(publish_with(version, 4, "a", id, &[], b"x"));
            client.expect(ack(0x50, id));
            client.send(ack(0x62, id));
            client.expect(ack(0x70, id));
        }
    }
    let mut client = Client::new(&broker, V5, "codes");
    client.send(publish_with(V5, 2, "nobody", 7, &[], b"x"));
    client.expect([0x40, 3, 0, 7, 0x10]);
    client.subscribe("somebody", 0);
    client.send(publish_with(V5, 2, "somebody", 8, &[], b""));
    let came = [client.raw.packet(), client.raw.packet()];
    assert!(came.contains(&(0x40, vec![0, 8])), "{came:02x?}");
}

// 5.0 [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-5] · 3.1.1 [MQTT-3.3.5-1]
#[test]
fn overlapping_subscriptions_give_a_copy_each_with_its_qos_and_identifier() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "overlap");
        let identifier = |id: u8| match version {
            V311 => Vec::new(),
            V5 => one(SUBSCRIPTION_ID, id),
        };
        client.subscribe_with("a/+", 2, &identifier(1));
        client.subscribe_with("a/#", 0, &identifier(2));
        client.subscribe_with("#", 1, &[]);
        Client::new(&broker, version, "publisher").publish("a/b", 2, false, "x");
        let mut copies: Vec<_> = (0..3)
            .map(|_| client.receive("x"))
            .map(|copy| (copy.qos, copy.properties))
            .collect();
        copies.sort();
        let expected = [(0, identifier(2)), (1, Vec::new()), (2, identifier(1))];
        assert_eq!(copies, expected);
        client.expect_nothing();
    }
    let broker = Broker::with_config("allow_duplicate_messages false");
    let mut client = Client::new(&broker, V311, "overlap");
    client.subscribe("a/#", 0);
    client.subscribe("a/+", 2);
    Client::new(&broker, V311, "publisher").publish("a/b", 2, false, "x");
    assert_eq!(client.receive("x").qos, 2);
    client.expect_nothing();
}

// 5.0 [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-4.3.3-9] · 3.1.1 [MQTT-3.3.5-2]
#[test]
fn a_message_that_may_not_be_published_is_acknowledged_and_dropped() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "denied");
        client.subscribe("$SYS/mine", 0);
        client.send(publish_with(version, 0, "$SYS/mine", 0, &[], b"x"));
        for (flags, first) in [(2, 0x40), (4, 0x50)] {
            client.send(publish_with(version, flags, "$SYS/mine", 3, &[], b"x"));
            match version {
                V311 => client.expect(ack(first, 3)),
                V5 => client.expect([first, 3, 0, 3, 0x87]),
            }
        }
        if version == V5 {
            // Refused, the identifier is free again.
            client.subscribe("fine", 0);
            client.send(publish_with(version, 4, "fine", 3, &[], b"new"));
            let came = [client.raw.packet().0, client.raw.packet().0];
            assert!(came.contains(&0x30), "{came:02x?}");
        }
        client.expect_nothing();
    }
}

// 5.0 [MQTT-3.4.2-1] [MQTT-3.5.2-1]
#[test]
fn a_payload_over_the_limit_is_acknowledged_and_dropped() {
    let broker = Broker::with_config("message_size_limit 10");
    for version in BOTH {
        let mut client = Client::new(&broker, version, "large");
        client.subscribe("a", 0);
        client.publish("a", 1, false, "ten bytes!");
        client.receive("ten bytes!");
        client.send(publish_with(version, 0, "a", 0, &[], b"eleven byte"));
        for (flags, first) in [(2, 0x40), (4, 0x50)] {
            client.send(publish_with(version, flags, "a", 3, &[], b"eleven byte"));
            match version {
                V311 => client.expect(ack(first, 3)),
                V5 => client.expect([first, 3, 0, 3, 0x95]),
            }
        }
        client.expect_nothing();
        let will = version.connect("will").flags(0x06);
        let will =
            will.behind(&[version.no_properties(), b"\0\x01w", b"\0\x0beleven byte"].concat());
        let code = if version == V5 { 0x95 } else { 5 };
        assert_eq!(refused(&broker, &will.bytes()), connack(version, code));
    }
}
