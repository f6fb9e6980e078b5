//! 3.1 CONNECT, but for the will.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::support::Broker;
use crate::support::raw_client::CONNECT_V31;
use crate::wire::*;

// 5.0 [MQTT-3.1.0-1] [MQTT-3.1.4-1] · 3.1.1 [MQTT-3.1.0-1] [MQTT-4.8.0-1]
#[test]
fn the_first_packet_has_to_be_a_connect() {
    let broker = Broker::local();
    for first in [
        publish_with(V311, 0, "a", 0, &[], b"x"),
        subscribe(V311, 1, &[], &[("a", 0)]),
        vec![0xc0, 0],
        vec![0xe0, 0],
        vec![0xf0, 0],
        vec![0x20, 2, 0, 0],
    ] {
        assert_eq!(refused(&broker, &first), b"", "{first:02x?}");
    }
}

// 5.0 [MQTT-3.1.0-2] · 3.1.1 [MQTT-3.1.0-2]
#[test]
fn a_second_connect_ends_the_connection() {
    let broker = Broker::local();
    for version in BOTH {
        let mut client = Client::new(&broker, version, "twice");
        client.send(version.connect("twice").bytes());
        client.expect_end(0);
    }
}

// 5.0 [MQTT-3.1.2-1] [MQTT-3.1.2-2] · 3.1.1 [MQTT-3.1.2-1] [MQTT-3.1.2-2]
#[test]
fn another_protocol_name_or_version_is_not_served() {
    let broker = Broker::local();
    let with = |name: &str, level: u8| {
        let body = [&string(name)[..], &[level, 2, 0, 60], &string("a")].concat();
        refused(&broker, &packet(0x10, &body))
    };
    for name in ["MQTX", "mqtt", "MQIsdq", "", "MQTTT"] {
        assert_eq!(with(name, 4), b"", "{name}");
    }
    for (name, level) in [("MQTT", 3), ("MQIsdp", 4), ("MQIsdp", 5)] {
        assert_eq!(with(name, level), [0x20, 2, 0, 1], "{name} {level}");
    }
    for level in [0, 1, 2, 6, 99] {
        assert_eq!(with("MQTT", level), [0x20, 3, 0, 0x84, 0], "{level}");
    }
}

// 3.1.1 [MQTT-3.1.2-2]
#[test]
fn a_version_that_the_listener_does_not_accept_is_refused() {
    for (accepted, refused_version, code) in [("3,4", V5, 0x84), ("3,5", V311, 1)] {
        let broker = Broker::with_config(&format!("accept_protocol_versions {accepted}"));
        let said = refused(&broker, &refused_version.connect("a").bytes());
        assert_eq!(said, connack(refused_version, code));
    }
}

// 5.0 [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.2-23] [MQTT-3.1.3-2]
//     [MQTT-3.1.4-4] [MQTT-3.2.2-2] [MQTT-3.2.2-3] ·
// 3.1.1 [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.3-2] [MQTT-3.1.4-3]
//     [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3]
#[test]
fn a_session_is_taken_up_again_unless_the_client_wants_a_new_one() {
    let broker = Broker::local();
    for version in BOTH {
        let mut publisher = Client::new(&broker, version, "publisher");
        let mut first = Client::open(&broker, &version.persistent("known"));
        assert!(!first.session_present);
        first.subscribe("a", 1);
        first.leave();
        publisher.publish("a", 1, false, "missed");

        let stranger = Client::open(&broker, &version.persistent("unknown"));
        assert!(!stranger.session_present);
        let mut again = Client::open(&broker, &version.persistent("known"));
        assert!(again.session_present);
        again.receive("missed");
        again.leave();

        let mut clean = Client::new(&broker, version, "known");
        assert!(!clean.session_present);
        publisher.publish("a", 1, false, "for nobody");
        clean.expect_nothing();
        clean.leave();
        // A clean session of MQTT 3.1.1 leaves nothing either; one of MQTT 5.0 expires.
        let last = Client::open(&broker, &version.persistent("known"));
        assert!(!last.session_present);
        last.leave();
        Client::new(&broker, version, "known").leave();
        Client::new(&broker, version, "unknown").leave();
    }
}

// 5.0 [MQTT-3.1.2-3] [MQTT-3.1.2-9] [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13]
//     [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19] [MQTT-3.1.3-3]
//     [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12] [MQTT-3.1.4-1] [MQTT-3.1.3-1] ·
// 3.1.1 [MQTT-3.1.2-3] [MQTT-3.1.2-9] [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-14]
//     [MQTT-3.1.2-15] [MQTT-3.1.2-18] [MQTT-3.1.2-19] [MQTT-3.1.2-20] [MQTT-3.1.2-21]
//     [MQTT-3.1.2-22] [MQTT-3.1.3-3] [MQTT-3.1.3-4] [MQTT-3.1.3-10] [MQTT-3.1.3-11]
//     [MQTT-3.1.4-1]
#[test]
fn a_connect_whose_flags_and_fields_do_not_agree_is_refused() {
    const FIELD: &[u8] = b"\x00\x01x";
    const BAD: &[u8] = b"\x00\x02\xc3\x28";
    let broker = Broker::local();
    for version in BOTH {
        let empty = version.no_properties();
        let with = |flags: u8, behind: &[&[u8]]| {
            version.connect("a").flags(flags).behind(&behind.concat())
        };
        let cases = [
            ("the reserved flag", with(0x03, &[]), 0x81),
            ("will QoS without a will", with(0x0a, &[]), 0x81),
            ("will retain without a will", with(0x22, &[]), 0x81),
            ("a will without its fields", with(0x06, &[]), 0x81),
            (
                "a will without its payload",
                with(0x06, &[empty, FIELD]),
                0x81,
            ),
            ("will QoS 3", with(0x1e, &[empty, FIELD, FIELD]), 0x81),
            (
                "a will without its flag",
                with(0x02, &[empty, FIELD, FIELD]),
                0x81,
            ),
            (
                "a will topic that is no text",
                with(0x06, &[empty, BAD, FIELD]),
                0x81,
            ),
            (
                "an empty will topic",
                with(0x06, &[empty, &[0, 0], FIELD]),
                0x82,
            ),
            ("a user name without its flag", with(0x02, &[FIELD]), 0x81),
            ("no user name", with(0x82, &[]), 0x81),
            ("a user name that is no text", with(0x82, &[BAD]), 0x81),
            (
                "a password without its flag",
                with(0x82, &[FIELD, FIELD]),
                0x81,
            ),
            ("no password", with(0xc2, &[FIELD]), 0x81),
            (
                "a client id that is no text",
                version.connect("").client_id(b"\xc3\x28"),
                0x85,
            ),
            (
                "a client id with U+0000",
                version.connect("").client_id(b"a\0b"),
                0x85,
            ),
        ];
        for (what, connect, reason) in cases {
            let expected = match version {
                V311 => Vec::new(),
                V5 => connack(V5, reason),
            };
            assert_eq!(
                refused(&broker, &connect.bytes()),
                expected,
                "{what}, {version:?}"
            );
        }
        let whole = version.connect("whole").bytes();
        let without_payload = packet(0x10, &whole[2..whole.len() - 7]);
        assert!(matches!(
            refused(&broker, &without_payload)[..],
            [] | [0x20, ..]
        ));
    }
    let password_alone = V311.connect("a").flags(0x42).behind(FIELD);
    assert_eq!(refused(&broker, &password_alone.bytes()), b"");
}

// 5.0 [MQTT-3.1.2-22] [MQTT-3.2.2-22] · 3.1.1 [MQTT-3.1.2-24]
#[test]
fn a_client_silent_for_one_and_a_half_keep_alives_is_cut_and_its_will_sent() {
    let broker = Broker::local();
    let mut witness = Client::new(&broker, V311, "witness");
    witness.subscribe("will", 0);
    for version in BOTH {
        let connect = version.connect("silent").keep_alive(1).will(0, false, &[]);
        let mut silent = Client::open(&broker, &connect);
        let since = Instant::now();
        assert_eq!(
            silent.raw.expect_closed_within(Duration::from_secs(10)),
            b""
        );
        assert!(
            since.elapsed() > Duration::from_millis(1_400),
            "{:?}",
            since.elapsed()
        );
        witness.receive("gone");
    }
}

// 5.0 [MQTT-3.1.3-5] [MQTT-3.1.4-5] · 3.1.1 [MQTT-3.1.3-5] [MQTT-3.1.4-4]
#[test]
fn every_client_identifier_of_letters_and_digits_is_accepted() {
    let broker = Broker::local();
    for version in BOTH {
        for id in [
            "a",
            "Z",
            "9",
            "ABCDEFGHIJKLMNOPQRSTUVW",
            "XYZabcdefghijklmnopqrst",
            "uvwxyz0123456789",
        ] {
            Client::new(&broker, version, id).leave();
        }
    }
}

// 5.0 [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] ·
// 3.1.1 [MQTT-3.1.3-6] [MQTT-3.1.3-8] [MQTT-3.1.3-9]
#[test]
fn an_empty_client_identifier_is_replaced_by_a_unique_one() {
    let broker = Broker::local();
    let mut first = Client::new(&broker, V311, "");
    let mut second = Client::new(&broker, V311, "");
    first.expect_nothing();
    second.expect_nothing();
    let persistent = V311.connect("").flags(0).bytes();
    assert_eq!(refused(&broker, &persistent), connack(V311, 2));

    let assigned = |client: &Client| {
        let at = client
            .properties
            .iter()
            .position(|&byte| byte == ASSIGNED_CLIENT_ID);
        let at = at.expect("an Assigned Client Identifier") + 3;
        String::from_utf8(
            client.properties[at..at + usize::from(client.properties[at - 1])].to_vec(),
        )
        .unwrap()
    };
    let mut first = Client::open(&broker, &V5.persistent(""));
    let second = Client::open(&broker, &V5.persistent(""));
    let id = assigned(&first);
    assert_ne!(id, assigned(&second));
    first.subscribe("a", 1);
    first.leave();
    let again = Client::open(&broker, &V5.persistent(&id));
    assert!(again.session_present);
    assert!(!again.properties.contains(&ASSIGNED_CLIENT_ID));
}

// 5.0 [MQTT-3.1.3-8] · 3.1.1 [MQTT-3.1.3-9]
#[test]
fn a_client_identifier_that_is_not_allowed_is_refused() {
    let broker = Broker::with_config("allow_zero_length_clientid false");
    assert_eq!(
        refused(&broker, &V311.connect("").bytes()),
        connack(V311, 2)
    );
    assert_eq!(refused(&broker, &V5.connect("").bytes()), connack(V5, 0x80));
}

// 5.0 [MQTT-3.1.4-2] [MQTT-3.1.4-6] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.14.0-1] ·
// 3.1.1 [MQTT-3.1.4-5] [MQTT-3.2.2-4] [MQTT-3.2.2-5]
#[test]
fn who_is_refused_is_told_and_not_heard() {
    let broker = Broker::with_config("allow_anonymous true\nretain_available false");
    for version in BOTH {
        let mut observer = Client::new(&broker, version, "observer");
        observer.subscribe("#", 0);
        let will = version.connect("refused").will(0, true, &[]);
        let publish = publish_with(version, 0, "a", 0, &[], b"smuggled");
        let said = refused(&broker, &[will.bytes(), publish].concat());
        match version {
            V311 => assert_eq!(said, b""),
            V5 => assert_eq!(said[..4], [0x20, said.len() as u8 - 2, 0, 0x9a]),
        }
        observer.expect_nothing();
        observer.leave();
    }
    let closed = Broker::with_config("allow_anonymous false");
    for (version, code) in [(V311, 5), (V5, 0x87)] {
        let publish = publish_with(version, 0, "a", 0, &[], b"smuggled");
        let connect = version.persistent("refused").bytes();
        let said = refused(&closed, &[connect, publish].concat());
        assert_eq!(said, connack(version, code));
    }
}

// 5.0 [MQTT-3.1.4-3] [MQTT-4.13.2-1] · 3.1.1 [MQTT-3.1.4-2]
#[test]
fn the_second_client_of_an_identifier_ends_the_first() {
    let broker = Broker::local();
    for version in BOTH {
        let mut first = Client::new(&broker, version, "same");
        let mut second = Client::new(&broker, version, "same");
        first.expect_end(0x8e);
        second.expect_nothing();
        second.leave();
    }
}

// 5.0 [MQTT-3.1.2-24] [MQTT-3.1.2-25]
#[test]
fn a_message_larger_than_the_client_takes_counts_as_sent() {
    let broker = Broker::local();
    let mut publisher = Client::new(&broker, V5, "publisher");
    for qos in 0..3 {
        let limit = four(MAXIMUM_PACKET_SIZE, 100);
        let mut small = Client::open(&broker, &V5.connect("small").property(&limit));
        small.subscribe("a", qos);
        publisher.publish("a", qos, false, &"x".repeat(100));
        let overhead = if qos == 0 { 6 } else { 8 };
        publisher.publish("a", qos, false, &"y".repeat(100 - overhead));
        publisher.publish("a", qos, false, &"z".repeat(101 - overhead));
        publisher.publish("a", qos, false, "small");
        small.receive(&"y".repeat(100 - overhead));
        small.receive("small");
        small.expect_nothing();
        small.leave();
    }
}

// 5.0 [MQTT-3.1.2-24]
#[test]
fn an_answer_larger_than_the_client_takes_ends_the_connection() {
    let broker = Broker::local();
    let limited = |name: &str, limit| {
        let limit = four(MAXIMUM_PACKET_SIZE, limit);
        V5.connect(name).property(&limit)
    };
    // The CONNACK of an accepted client, and that of a refused one.
    let answer = |limit| {
        let connect = limited("", limit).bytes();
        refused(&broker, &[&connect[..], &[0xe0, 0]].concat())
    };
    let length = u32::try_from(answer(1000).len()).expect("a CONNACK is short");
    assert_eq!(answer(length).len(), answer(1000).len());
    assert_eq!(answer(length - 1), b"");
    let (auth, told) = ([0x15, 0, 1, b'm'], [0x20, 3, 0, 0x8c, 0]);
    let connect = limited("", 5).property(&auth).bytes();
    assert_eq!(refused(&broker, &connect), told);
    let connect = limited("", 4).property(&auth).bytes();
    assert_eq!(refused(&broker, &connect), b"");
    for (filters, end) in [(95, None), (96, Some(0x95))] {
        let mut client = Client::open(&broker, &limited("small", 100));
        client.send(subscribe(V5, 1, &[], &vec![("a", 0); filters]));
        client.send(unsubscribe(V5, 2, &vec!["a"; filters]));
        match end {
            None => {
                client.expect(client.suback(1, &vec![0; filters]));
                let codes = [&[0, 2, 0, 0][..], &vec![0x11; filters - 1]].concat();
                client.expect(packet(0xb0, &codes));
            }
            Some(reason) => client.expect_end(reason),
        }
    }
}

// 5.0 [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11]
#[test]
fn the_broker_gives_as_many_topic_aliases_as_the_client_takes() {
    let broker = Broker::local();
    let mut publisher = Client::new(&broker, V5, "publisher");
    for (maximum, given) in [(0, 0), (2, 2), (100, 10)] {
        let limit = two(TOPIC_ALIAS_MAXIMUM, maximum);
        let mut client = Client::open(&broker, &V5.connect("aliases").property(&limit));
        for topic in 0..12 {
            // What is retained is sent in the same way.
            publisher.publish(&format!("t/{topic}"), 1, true, "retained");
        }
        client.subscribe("t/+", 2);
        let mut aliases = std::collections::HashMap::new();
        for _ in 0..12 {
            let message = client.receive("retained");
            if let Some(alias) = message.topic_alias() {
                assert!(aliases.insert(message.topic, alias).is_none());
            }
        }
        assert_eq!(aliases.len(), given, "of {maximum}");
        for qos in 0..3 {
            for topic in 0..12 {
                publisher.publish(&format!("t/{topic}"), qos, false, "live");
            }
            for topic in 0..12 {
                let topic = format!("t/{topic}").into_bytes();
                let message = client.receive("live");
                match aliases.get(&topic) {
                    Some(&alias) => {
                        assert!((1..=maximum).contains(&alias));
                        assert_eq!(
                            (message.topic, message.properties),
                            (Vec::new(), two(TOPIC_ALIAS, alias))
                        );
                    }
                    None => assert_eq!((message.topic, message.properties), (topic, Vec::new())),
                }
            }
        }
        client.leave();
    }
}

// 5.0 [MQTT-3.3.2-7]
#[test]
fn topic_aliases_end_with_the_connection() {
    let broker = Broker::local();
    let connect = V5
        .persistent("aliases")
        .property(&two(TOPIC_ALIAS_MAXIMUM, 1));
    let mut publisher = Client::new(&broker, V5, "publisher");
    let mut client = Client::open(&broker, &connect);
    client.subscribe("a", 1);
    publisher.publish("a", 1, false, "first");
    assert_eq!(client.receive("first").topic, b"a");
    publisher.publish("a", 1, false, "second");
    let unacknowledged = client.message();
    assert_eq!(unacknowledged.topic, b"");
    client.cut(&broker);
    let mut client = Client::open(&broker, &connect);
    let again = client.receive("second");
    assert_eq!((again.topic, again.dup), (b"a".to_vec(), true));

    publisher.send(publish_with(V5, 0, "b", 0, &two(TOPIC_ALIAS, 1), b"known"));
    publisher.expect_nothing();
    publisher.leave();
    let mut publisher = Client::new(&broker, V5, "publisher");
    publisher.send(publish_with(V5, 0, "", 0, &two(TOPIC_ALIAS, 1), b"unknown"));
    publisher.expect_end(0x82);
}

// 5.0 [MQTT-3.1.2-28] [MQTT-3.1.2-29] [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2]
//     [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.6.2-2] [MQTT-3.6.2-3]
//     [MQTT-3.7.2-2] [MQTT-3.7.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1]
//     [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4]
#[test]
fn no_answer_carries_a_reason_string_user_property_or_response_information() {
    let broker = Broker::local();
    for wanted in 0..2 {
        let connect = V5
            .connect("terse")
            .property(&one(0x17, wanted))
            .property(&one(0x19, wanted))
            .property(&four(MAXIMUM_PACKET_SIZE, 40));
        let mut client = Client::open(&broker, &connect);
        for property in [0x1f, 0x26, 0x1a] {
            assert!(!client.properties.contains(&property));
        }
        client.send(publish_with(V5, 2, "$SYS/no", 1, &[], b""));
        client.expect([0x40, 3, 0, 1, 0x87]);
        client.send(publish_with(V5, 4, "$SYS/no", 2, &[], b""));
        client.expect([0x50, 3, 0, 2, 0x87]);
        client.send(ack(0x50, 9));
        client.expect([0x62, 3, 0, 9, 0x92]);
        client.send(ack(0x62, 9));
        client.expect(ack(0x70, 9));
        client.subscribe("a", 0);
        client.send(unsubscribe(V5, 5, &["none"]));
        client.expect([0xb0, 4, 0, 5, 0, 0x11]);
        client.send([0xc1, 0]);
        client.expect_end(0x81);
    }
}

// 5.0 [MQTT-3.1.4-5] · 3.1.1 [MQTT-7.0.0-2] [MQTT-3.1.4-4]
#[test]
fn mqtt_3_1_is_spoken_too() {
    let broker = Broker::local();
    let mut client = broker.raw_client();
    client.send(CONNECT_V31);
    client.expect([0x20, 2, 0, 0]);
    client.send(b"\x82\x06\x00\x01\x00\x01a\x00");
    client.expect([0x90, 3, 0, 1, 0]);
    // What later versions refuse, MQTT 3.1 leaves open.
    client.send(b"\x82\x02\x00\x02");
    client.expect([0x90, 2, 0, 2]);
    client.send(b"\x30\x04\x00\x01ax");
    client.expect(b"\x30\x04\x00\x01ax");
    let empty = b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00";
    assert_eq!(refused(&broker, empty), [0x20, 2, 0, 2]);
    let long = [
        &b"\x00\x06MQIsdp\x03\x00\x00\x3c"[..],
        &string(&"i".repeat(100)),
    ]
    .concat();
    for _ in 0..2 {
        let mut client = broker.raw_client();
        client.send(packet(0x10, &long));
        // No session is said to be present before MQTT 3.1.1.
        client.expect([0x20, 2, 0, 0]);
        client.send([0xe0, 0]);
        client.expect_closed();
    }
}

// 5.0 [MQTT-3.2.2-22] [MQTT-3.1.4-2] · 3.1.1 [MQTT-3.2.2-6]
#[test]
fn a_keep_alive_above_the_limit_is_replaced_or_refused() {
    let broker = Broker::with_config("max_keepalive 60");
    for keep_alive in [0, 61] {
        let said = refused(&broker, &V311.connect("a").keep_alive(keep_alive).bytes());
        assert_eq!(said, connack(V311, 2));
        let client = Client::open(&broker, &V5.connect("a").keep_alive(keep_alive));
        assert!(contains(&client.properties, &two(0x13, 60)));
    }
    let client = Client::open(&broker, &V5.connect("a").keep_alive(60));
    assert!(!contains(&client.properties, &two(0x13, 60)));
}
