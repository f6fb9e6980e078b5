//! Packets that are malformed or forbidden: each ends its own connection in the way that
//! its version has for it, and no other.

use std::thread;

use crate::client::Client;
use crate::support::Broker;
use crate::wire::*;

/// A packet that must end a connection.
struct Bad {
    what: String,
    version: Version,
    /// Sent behind an accepted CONNECT, unless it is one.
    bytes: Vec<u8>,
    /// What an MQTT 5.0 client is told; 0 for nothing. MQTT 3.1.1 has no word for it.
    reason: u8,
}

impl Bad {
    fn new(what: impl Into<String>, version: Version, bytes: Vec<u8>, reason: u8) -> Self {
        let what = what.into();
        Self {
            what,
            version,
            bytes,
            reason,
        }
    }

    /// The same for both versions; `bytes` writes the packet.
    fn both(what: &str, reason: u8, bytes: impl Fn(Version) -> Vec<u8>) -> [Self; 2] {
        BOTH.map(|version| Self::new(what, version, bytes(version), reason))
    }

    /// Ends a connection with it, at each of two places of a session; what went wrong.
    fn check(&self, broker: &Broker, name: &str) -> Vec<String> {
        if self.bytes[0] == 0x10 {
            return self
                .compare(&refused(broker, &self.bytes))
                .into_iter()
                .collect();
        }
        let ends = [false, true].map(|busy| {
            let mut client = Client::new(broker, self.version, name);
            if busy {
                // Subscribed, with an unacknowledged message each way.
                client.subscribe(name, 2);
                client.send(publish_with(self.version, 4, name, 1, &[], b"x"));
                let came = [client.raw.packet().0, client.raw.packet().0];
                assert!(matches!(came, [0x50, 0x34] | [0x34, 0x50]), "{came:02x?}");
            }
            client.raw.send_in_vain(&self.bytes);
            client.raw.expect_closed()
        });
        ends.iter().filter_map(|said| self.compare(said)).collect()
    }

    /// Whether the broker's last words are the right ones.
    fn compare(&self, said: &[u8]) -> Option<String> {
        let Self {
            what,
            version,
            bytes,
            reason,
        } = self;
        let expected = match (version, reason) {
            (V311, _) | (V5, 0) => Vec::new(),
            (V5, reason) if bytes[0] == 0x10 => connack(V5, *reason),
            (V5, reason) => vec![0xe0, 1, *reason],
        };
        (said != expected)
            .then(|| format!("{what} {version:?} {bytes:02x?}: {said:02x?}, not {expected:02x?}"))
    }
}

/// Texts that are none.
const BAD_TEXTS: &[(&str, &[u8])] = &[
    ("U+0000", b"a\0b"),
    ("a lone continuation byte", b"\x80"),
    ("a cut sequence", b"a\xc3"),
    ("a sequence that breaks off", b"\xc3\x28"),
    ("an overlong slash", b"\xc0\xaf"),
    ("an overlong U+0000", b"\xc0\x80"),
    ("an overlong sequence of three", b"\xe0\x80\xaf"),
    ("the surrogate U+D800", b"\xed\xa0\x80"),
    ("the surrogate U+DFFF", b"\xed\xbf\xbf"),
    ("above U+10FFFF", b"\xf4\x90\x80\x80"),
    ("a byte that never stands in UTF-8", b"\xff"),
    ("a sequence of five", b"\xf8\x88\x80\x80\x80"),
];

// 5.0 [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1]
//     [MQTT-3.15.1-1] · 3.1.1 [MQTT-2.2.2-1] [MQTT-2.2.2-2] [MQTT-3.6.1-1] [MQTT-3.8.1-1]
//     [MQTT-3.10.1-1] [MQTT-3.14.1-1]
#[test]
fn wrong_flags_in_the_fixed_header_end_the_connection() {
    let mut bad = Vec::new();
    for version in BOTH {
        let none = version.no_properties();
        let one_filter = [&[0, 1][..], none, b"\0\x01a"].concat();
        let packets = [
            (0x40, 0, b"\0\x01".to_vec()),
            (0x50, 0, b"\0\x01".to_vec()),
            (0x60, 2, b"\0\x01".to_vec()),
            (0x70, 0, b"\0\x01".to_vec()),
            (0x80, 2, [&one_filter[..], &[0]].concat()),
            (0xa0, 2, one_filter),
            (0xc0, 0, Vec::new()),
            (0xe0, 0, Vec::new()),
            (0xf0, 0, Vec::new()),
        ];
        for (packet_type, right, body) in packets {
            for flags in (0..16).filter(|&flags| flags != right) {
                let bytes = packet(packet_type | flags, &body);
                bad.push(Bad::new("flags", version, bytes, 0x81));
            }
        }
        bad.push(Bad::new(
            "QoS 3",
            version,
            packet(0x36, b"\0\x01a\0\x01"),
            0x81,
        ));
        bad.push(Bad::new(
            "QoS 3 and DUP",
            version,
            packet(0x3e, b"\0\x01a\0\x01"),
            0x81,
        ));
        bad.push(Bad::new(
            "DUP at QoS 0",
            version,
            packet(0x38, b"\0\x01a\0"),
            0x81,
        ));
    }
    run(bad, 276);
}

// 5.0 [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12]
//     [MQTT-3.3.2-1] [MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT-4.7.3-2] [MQTT-1.5.7-1]
//     [MQTT-3.3.2-13] [MQTT-3.3.2-19] · 3.1.1 [MQTT-1.5.3-1] [MQTT-1.5.3-2] [MQTT-3.1.3-4]
//     [MQTT-3.1.3-10] [MQTT-3.1.3-11] [MQTT-3.3.2-1] [MQTT-3.8.3-1] [MQTT-3.10.3-1]
//     [MQTT-4.7.3-2]
#[test]
fn what_is_no_text_ends_the_connection_wherever_it_stands() {
    let mut bad = Vec::new();
    for &(what, bytes) in BAD_TEXTS {
        let field = binary(bytes);
        let id = [0, 1];
        bad.extend(Bad::both(&format!("{what} in a topic"), 0x81, |version| {
            packet(0x30, &[&field, version.no_properties()].concat())
        }));
        bad.extend(Bad::both(&format!("{what} in a filter"), 0x81, |version| {
            packet(
                0x82,
                &[&id[..], version.no_properties(), &field, &[0]].concat(),
            )
        }));
        bad.extend(Bad::both(
            &format!("{what} in an UNSUBSCRIBE"),
            0x81,
            |version| packet(0xa2, &[&id[..], version.no_properties(), &field].concat()),
        ));
        bad.extend(Bad::both(
            &format!("{what} in a client id"),
            0x85,
            |version| version.connect("").client_id(bytes).bytes(),
        ));
        bad.extend(Bad::both(
            &format!("{what} in a user name"),
            0x81,
            |version| version.connect("u").flags(0x82).behind(&field).bytes(),
        ));
        bad.extend(Bad::both(
            &format!("{what} in a will topic"),
            0x81,
            |version| {
                let will = [version.no_properties(), &field, &[0, 0]].concat();
                version.connect("w").flags(0x06).behind(&will).bytes()
            },
        ));
        for (place, id) in [("content type", 0x03), ("response topic", 0x08)] {
            let property = [&[id][..], &field].concat();
            let publish = publish_with(V5, 0, "a", 0, &property, b"");
            bad.push(Bad::new(format!("{what} in a {place}"), V5, publish, 0x81));
        }
        for pair in [[&field[..], b"\0\0"], [b"\0\0", &field[..]]] {
            let property = [&[0x26], pair[0], pair[1]].concat();
            let publish = publish_with(V5, 0, "a", 0, &property, b"");
            bad.push(Bad::new(
                format!("{what} in a user property"),
                V5,
                publish,
                0x81,
            ));
        }
    }
    run(bad, 192);
}

// 5.0 [MQTT-3.8.3-5] · 3.1.1 [MQTT-3.8.3-4]
#[test]
fn subscription_options_that_mean_nothing_end_the_connection() {
    let mut bad = Vec::new();
    for options in 0..=u8::MAX {
        let wrong = options & 3 == 3 || options & 0xc0 != 0 || options & 0x30 == 0x30;
        let filter = [("a", options)];
        if wrong {
            let bytes = subscribe(V5, 1, &[], &filter);
            bad.push(Bad::new(format!("options {options:02x}"), V5, bytes, 0x81));
        }
        if options > 2 {
            let bytes = subscribe(V311, 1, &[], &filter);
            bad.push(Bad::new(format!("options {options:02x}"), V311, bytes, 0));
        }
    }
    run(bad, 253 + 220);
}

/// Each property that a client may send somewhere or a server alone: its identifier, a
/// right value, and where a client may send it: C(ONNECT), W(ill), P(UBLISH), S(UBSCRIBE),
/// D(ISCONNECT), A(UTH).
const PROPERTIES: &[(u8, &[u8], &str)] = &[
    (0x01, &[1], "WP"),
    (0x02, &[0, 0, 0, 9], "WP"),
    (0x03, &[0, 1, b'c'], "WP"),
    (0x08, &[0, 1, b'r'], "WP"),
    (0x09, &[0, 1, b'd'], "WP"),
    (0x0b, &[1], "S"),
    (0x11, &[0, 0, 0, 0], "CD"),
    (0x12, &[0, 1, b'i'], ""),
    (0x13, &[0, 9], ""),
    (0x15, &[0, 1, b'm'], "CA"),
    (0x16, &[0, 1, b'd'], "CA"),
    (0x17, &[1], "C"),
    (0x18, &[0, 0, 0, 9], "W"),
    (0x19, &[1], "C"),
    (0x1a, &[0, 1, b'i'], ""),
    (0x1c, &[0, 1, b's'], "D"),
    (0x1f, &[0, 1, b'r'], "DA"),
    (0x21, &[0, 9], "C"),
    (0x22, &[0, 9], "C"),
    (0x23, &[0, 1], "P"),
    (0x24, &[1], ""),
    (0x25, &[1], ""),
    (0x27, &[0, 0, 9, 0], "C"),
    (0x28, &[1], ""),
    (0x29, &[1], ""),
    (0x2a, &[1], ""),
];

/// A packet of MQTT 5.0 with these properties, by the letter of its place.
fn packet_with(place: char, properties: &[u8]) -> Vec<u8> {
    match place {
        'C' => V5.connect("p").property(properties).bytes(),
        'W' => V5.connect("p").will(0, false, properties).bytes(),
        'P' => publish_with(V5, 0, "a", 0, properties, b"x"),
        'S' => subscribe(V5, 1, properties, &[("a", 0)]),
        'D' => packet(0xe0, &[&[0][..], &sized(properties)].concat()),
        'U' => packet(
            0xa2,
            &[&[0, 1][..], &sized(properties), &string("a")].concat(),
        ),
        'K' => packet(0x40, &[&[0, 1, 0][..], &sized(properties)].concat()),
        'A' => packet(0xf0, &[&[0x18][..], &sized(properties)].concat()),
        other => unreachable!("no place {other}"),
    }
}

// 5.0 [MQTT-3.3.4-6] [MQTT-4.13.1-1] [MQTT-3.1.4-1]
#[test]
fn a_property_where_it_must_not_stand_ends_the_connection() {
    let mut bad = Vec::new();
    for place in "CWPSDUKA".chars() {
        for &(id, value, places) in PROPERTIES {
            let property = [&[id][..], value].concat();
            let what = format!("property {id:02x} in {place}");
            let allowed = places.contains(place) || (id == 0x1f && place == 'K');
            if !allowed {
                // Mosquitto calls them malformed in SUBSCRIBE and UNSUBSCRIBE.
                let reason = if "SU".contains(place) { 0x81 } else { 0x82 };
                bad.push(Bad::new(&what, V5, packet_with(place, &property), reason));
                let cut = packet_with(place, &property[..property.len() - 1]);
                bad.push(Bad::new(format!("{what}, cut"), V5, cut, 0x81));
                continue;
            }
            let twice = packet_with(place, &property.repeat(2));
            bad.push(Bad::new(format!("{what}, twice"), V5, twice, 0x82));
            if place == 'A' {
                continue;
            }
            let cut = packet_with(place, &property[..property.len() - 1]);
            bad.push(Bad::new(format!("{what}, cut"), V5, cut, 0x81));
        }
        for unknown in [0x00, 0x04, 0x0a, 0x14, 0x2b, 0x7f] {
            let what = format!("property {unknown:02x} in {place}");
            bad.push(Bad::new(what, V5, packet_with(place, &[unknown, 0]), 0x81));
        }
        let beyond = packet_with(place, &[0x26, 0, 1, b'a', 0, 200]);
        bad.push(Bad::new(
            format!("a value beyond the end in {place}"),
            V5,
            beyond,
            0x81,
        ));
    }
    run(bad, 250);
}

// 5.0 [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.3.2-14] [MQTT-3.2.2-17] [MQTT-4.12.0-7]
#[test]
fn a_property_with_a_value_that_is_not_allowed_ends_the_connection() {
    let rows: &[(&str, char, &[u8], u8)] = &[
        ("payload format 2", 'P', &[0x01, 2], 0x82),
        ("payload format 255", 'W', &[0x01, 255], 0x82),
        ("topic alias 0", 'P', &[0x23, 0, 0], 0x82),
        ("topic alias 11", 'P', &[0x23, 0, 11], 0x94),
        ("topic alias 65535", 'P', &[0x23, 255, 255], 0x94),
        ("response topic #", 'P', &[0x08, 0, 1, b'#'], 0x82),
        (
            "response topic a/+",
            'P',
            &[0x08, 0, 3, b'a', b'/', b'+'],
            0x82,
        ),
        ("response topic of no bytes", 'P', &[0x08, 0, 0], 0x82),
        ("response topic of no bytes", 'W', &[0x08, 0, 0], 0x82),
        ("subscription identifier 0", 'S', &[0x0b, 0], 0x82),
        (
            "subscription identifier of five bytes",
            'S',
            &[0x0b, 255, 255, 255, 255, 1],
            0x81,
        ),
        ("receive maximum 0", 'C', &[0x21, 0, 0], 0x82),
        ("maximum packet size 0", 'C', &[0x27, 0, 0, 0, 0], 0x82),
        ("request problem information 2", 'C', &[0x17, 2], 0x82),
        ("request response information 2", 'C', &[0x19, 2], 0x82),
        ("authentication data alone", 'C', &[0x16, 0, 0], 0x82),
        ("authentication method", 'C', &[0x15, 0, 1, b'm'], 0x8c),
        (
            "session expiry raised from 0",
            'D',
            &[0x11, 0, 0, 0, 9],
            0x82,
        ),
    ];
    let rows = rows.iter().map(|&(what, place, property, reason)| {
        Bad::new(what, V5, packet_with(place, property), reason)
    });
    run(rows.collect(), 16);
}

// 5.0 [MQTT-2.2.1-3] [MQTT-3.3.1-2] [MQTT-3.3.1-4] [MQTT-3.3.2-2] [MQTT-3.8.3-2]
//     [MQTT-3.8.3-4] [MQTT-3.10.3-2] [MQTT-4.7.0-1] [MQTT-4.7.1-1] [MQTT-4.7.1-2]
//     [MQTT-4.7.3-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2] [MQTT-4.13.1-1] [MQTT-4.13.2-1]
//     [MQTT-3.15.2-1] [MQTT-3.4.2-1] [MQTT-3.6.2-1] [MQTT-3.14.2-1] [MQTT-4.12.1-1] ·
// 3.1.1 [MQTT-2.3.1-1] [MQTT-3.3.1-2] [MQTT-3.3.1-4] [MQTT-3.3.2-2] [MQTT-3.8.3-3]
//     [MQTT-3.10.3-2] [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1]
//     [MQTT-4.8.0-1] [MQTT-3.1.0-2]
#[test]
fn a_packet_that_breaks_a_rule_ends_the_connection() {
    let mut bad = Vec::new();
    for topic in ["#", "+", "a/#", "a/+/b", "a+", "#a", ""] {
        for flags in [0, 1, 2, 4] {
            // Without a topic MQTT 5.0 looks for an alias.
            let reason = if topic.is_empty() { 0x82 } else { 0x81 };
            bad.extend(Bad::both(&format!("topic {topic:?}"), reason, |version| {
                publish_with(version, flags, topic, 1, &[], b"x")
            }));
        }
    }
    let deep = "/".repeat(201);
    for filter in [
        "", "a#", "a/#/b", "#/a", "a+", "a/b+", "+a", "++", "a/##", "a/+#", &deep,
    ] {
        bad.extend(Bad::both(&format!("filter {filter:?}"), 0x81, |version| {
            subscribe(version, 1, &[], &[(filter, 0)])
        }));
        bad.extend(Bad::both(
            &format!("second filter {filter:?}"),
            0x81,
            |version| subscribe(version, 1, &[], &[("a", 0), (filter, 0)]),
        ));
        bad.extend(Bad::both(
            &format!("UNSUBSCRIBE {filter:?}"),
            0x81,
            |version| unsubscribe(version, 1, &[filter]),
        ));
    }
    for filter in [
        "$share",
        "$share/",
        "$share/g",
        "$share/g/",
        "$share//a",
        "$share/+/a",
        "$share/g#/a",
    ] {
        bad.extend(Bad::both(&format!("filter {filter:?}"), 0x82, |version| {
            subscribe(version, 1, &[], &[(filter, 0)])
        }));
    }
    bad.extend(Bad::both("a shared #", 0x81, |version| {
        subscribe(version, 1, &[], &[("$share/#/p", 0)])
    }));
    bad.push(Bad::new(
        "No Local and shared",
        V5,
        subscribe(V5, 1, &[], &[("$share/g/a", 4)]),
        0x82,
    ));
    bad.extend(Bad::both("a topic of 201 slashes", 0x81, |version| {
        publish_with(version, 0, &deep, 0, &[], b"x")
    }));
    for flags in [2, 4] {
        bad.extend(Bad::both("PUBLISH with identifier 0", 0x82, |version| {
            publish_with(version, flags, "a", 0, &[], b"x")
        }));
    }
    for first in [0x40, 0x50, 0x62, 0x70] {
        bad.extend(Bad::both("identifier 0", 0x82, |_| ack(first, 0)));
        bad.extend(Bad::both("no identifier", 0x81, |_| packet(first, &[])));
        bad.extend(Bad::both("half an identifier", 0x81, |_| {
            packet(first, &[1])
        }));
        bad.push(Bad::new("surplus byte", V311, packet(first, &[0, 1, 0]), 0));
        for code in [0x01, 0x02, 0x11, 0x7f, 0x81, 0x8c, 0xff] {
            bad.push(Bad::new(
                "reason code",
                V5,
                packet(first, &[0, 1, code]),
                0x82,
            ));
        }
        bad.push(Bad::new(
            "surplus",
            V5,
            packet(first, &[0, 1, 0, 0, 0]),
            0x81,
        ));
    }
    bad.extend(Bad::both("SUBSCRIBE with identifier 0", 0x81, |version| {
        subscribe(version, 0, &[], &[("a", 0)])
    }));
    bad.extend(Bad::both("SUBSCRIBE without filters", 0x81, |version| {
        subscribe(version, 1, &[], &[])
    }));
    bad.extend(Bad::both(
        "UNSUBSCRIBE with identifier 0",
        0x81,
        |version| unsubscribe(version, 0, &["a"]),
    ));
    bad.extend(Bad::both("UNSUBSCRIBE without filters", 0x81, |version| {
        unsubscribe(version, 1, &[])
    }));
    for (what, bytes) in [
        ("type 0", vec![0, 0]),
        ("a CONNACK", vec![0x20, 2, 0, 0]),
        ("a PINGRESP", vec![0xd0, 0]),
    ] {
        bad.extend(Bad::both(what, 0x82, |version| match (version, bytes[0]) {
            (V5, 0x20) => vec![0x20, 3, 0, 0, 0],
            _ => bytes.clone(),
        }));
    }
    for (first, body) in [(0x90, &[0, 1, 0][..]), (0xb0, &[0, 1])] {
        bad.extend(Bad::both(
            "an answer of servers",
            0x82,
            |version| match version {
                V311 => packet(first, body),
                V5 => packet(first, &[0, 1, 0, 0]),
            },
        ));
    }
    bad.extend(Bad::both("PINGREQ with a body", 0x81, |_| {
        packet(0xc0, &[0])
    }));
    bad.extend(Bad::both("a length of five bytes", 0x81, |_| {
        vec![0x30, 255, 255, 255, 255, 1]
    }));
    bad.push(Bad::new(
        "DISCONNECT with a body",
        V311,
        packet(0xe0, &[0]),
        0,
    ));
    bad.push(Bad::new("AUTH", V311, packet(0xf0, &[]), 0));
    for code in [0x01, 0x02, 0x10, 0x11, 0x18, 0x19, 0x7f, 0xff] {
        bad.push(Bad::new("DISCONNECT code", V5, packet(0xe0, &[code]), 0x82));
    }
    bad.push(Bad::new(
        "DISCONNECT surplus",
        V5,
        packet(0xe0, &[0, 0, 0]),
        0x82,
    ));
    for body in [
        &[][..],
        &[0],
        &[0x18],
        &[0x19],
        &[0x18, 0],
        &[0x01],
        &[0x80],
    ] {
        bad.push(Bad::new("AUTH", V5, packet(0xf0, body), 0x82));
    }
    run(bad, 200);
}

// 5.0 [MQTT-4.13.1-1] · 3.1.1 [MQTT-4.8.0-1]
#[test]
fn a_packet_that_no_client_sends_is_refused_before_its_body() {
    let mut bad = Vec::new();
    for first in [0x00, 0x20, 0x90, 0xb0, 0xd0] {
        bad.extend(Bad::both("the first byte", 0x82, |_| vec![first]));
        // A body that does not come.
        bad.extend(Bad::both("the header", 0x82, |_| vec![first, 100]));
    }
    bad.push(Bad::new("AUTH", V311, vec![0xf0], 0));
    run(bad, 21);
}

// 5.0 [MQTT-3.1.4-1] [MQTT-4.13.1-1] · 3.1.1 [MQTT-3.1.4-1] [MQTT-4.8.0-1]
#[test]
fn a_packet_that_ends_too_early_ends_the_connection() {
    let mut bad = Vec::new();
    for version in BOTH {
        let connect = version
            .connect("cut")
            .will(1, true, &[])
            .flags(0xee)
            .behind(&[string("user"), string("pass")].concat());
        let connect = connect.bytes();
        // From where the version is known, an MQTT 5.0 client is told.
        for end in 7..connect.len() - 2 {
            let bytes = packet(0x10, &connect[2..2 + end]);
            // A client identifier that is not there is not valid either.
            let told = if version == V5 && (11..16).contains(&end) {
                0x85
            } else {
                0x81
            };
            bad.push(Bad::new("a cut CONNECT", version, bytes, told));
        }
        bad.push(Bad::new(
            "a long CONNECT",
            version,
            packet(0x10, &[&connect[2..], &[0]].concat()),
            0x81,
        ));
        let publish = publish_with(version, 2, "topic", 1, &[], b"");
        let subscribe = subscribe(version, 1, &[], &[("ab", 0), ("cd", 0)]);
        let unsubscribe = unsubscribe(version, 1, &["ab", "cd"]);
        for whole in [publish, subscribe, unsubscribe] {
            let least = version.no_properties().len();
            for end in 0..whole.len() - 2 {
                let filter = if whole[0] == 0x82 { 5 } else { 4 };
                if whole[0] != 0x32 && end == 2 + least + filter {
                    // Whole again, with one filter.
                    continue;
                }
                let bytes = packet(whole[0], &whole[2..2 + end]);
                bad.push(Bad::new("a cut packet", version, bytes, 0x81));
            }
        }
    }
    run(bad, 100);
}

/// Runs the table over one broker, and sees that a bystander is not disturbed.
#[track_caller]
fn run(bad: Vec<Bad>, at_least: usize) {
    const THREADS: usize = 4;
    assert!(bad.len() >= at_least, "{} rows", bad.len());
    let broker = Broker::with_config("log_type error\nlog_type information");
    let mut bystander = Client::new(&broker, V5, "bystander");
    let wrong = thread::scope(|scope| {
        let threads: [_; THREADS] = std::array::from_fn(|thread| {
            let (broker, bad) = (&broker, &bad);
            scope.spawn(move || {
                let name = format!("bad{thread}");
                let own = bad.iter().skip(thread).step_by(THREADS);
                own.flat_map(|bad| bad.check(broker, &name)).collect()
            })
        });
        threads.map(|thread| -> Vec<String> { thread.join().expect("every row has an end") })
    });
    let wrong = wrong.concat();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    bystander.expect_nothing();
}
