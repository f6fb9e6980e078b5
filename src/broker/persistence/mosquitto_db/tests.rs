pub(in crate::broker::persistence) mod fixture;
mod peer;

use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::snapshot::*;
use super::*;
use crate::protocol::{
    PacketId, Properties, Property, QoS, SubscriptionId, SubscriptionOptions, Text, TopicFilter,
    TopicName,
};

#[test]
fn the_database_of_a_broker_that_nobody_used_is_empty() {
    assert_eq!(fixture::empty().len(), 47);
    assert_eq!(parse(&fixture::empty()), Ok(Snapshot::default()));
}

#[test]
fn every_session_comes_with_what_it_is() {
    let snapshot = parse(&fixture::everything()).unwrap();
    assert_eq!(snapshot.warnings, []);
    let sessions: Vec<_> = snapshot
        .clients
        .iter()
        .map(|client| {
            (
                client.client_id.as_str(),
                client.username.as_ref().map(Text::as_str),
                client.session_expiry,
                client.expires_at,
                client.last_packet_id.map(PacketId::get),
            )
        })
        .collect();
    assert_eq!(
        sessions,
        [
            ("five", None, 3_600, Some(0x6b03_30a7), Some(2)),
            ("never", None, u32::MAX, None, None),
            ("half", None, u32::MAX, None, None),
            ("window", None, u32::MAX, None, Some(4)),
            ("capteur", Some("zoé"), u32::MAX, None, Some(1)),
        ]
    );
}

#[test]
fn a_subscription_comes_with_its_options_and_its_identifier() {
    let snapshot = parse(&fixture::everything()).unwrap();
    assert_eq!(
        client(&snapshot, "five").subscriptions,
        [SnapshotSubscription {
            filter: TopicFilter::try_from("q/#").unwrap(),
            options: SubscriptionOptions {
                qos: QoS::AtLeastOnce,
                no_local: true,
                retain_as_published: true,
                ..SubscriptionOptions::default()
            },
            identifier: SubscriptionId::new(0x3fff),
        }]
    );
    let filters: Vec<_> = client(&snapshot, "capteur")
        .subscriptions
        .iter()
        .map(|subscription| (subscription.filter.as_str(), subscription.options.qos))
        .collect();
    assert_eq!(
        filters,
        [
            ("maison/+/lumière", QoS::ExactlyOnce),
            ("$SYS/#", QoS::AtMostOnce)
        ]
    );
    assert_eq!(client(&snapshot, "never").subscriptions, []);
}

#[test]
fn a_message_comes_with_its_properties_its_publisher_and_its_end() {
    let text = |text| Text::try_from(text).unwrap();
    let snapshot = parse(&fixture::everything()).unwrap();
    let kept = SnapshotMessage {
        topic: TopicName::try_from("q/1").unwrap(),
        payload: Bytes::from("kept"),
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: Properties::from(vec![
            Property::PayloadFormatIndicator(true),
            Property::ContentType(text("text/plain")),
            Property::ResponseTopic(text("re/ply")),
            Property::CorrelationData(Bytes::from_static(b"\x00\x01\x02")),
            Property::UserProperty(text("n"), text("v")),
            Property::UserProperty(text("n"), text("w")),
        ]),
        expires_at: Some(0x6b04_7417),
        source: Some(SnapshotSource {
            client_id: text("pub"),
            username: Some(text("joe")),
            port: NonZeroU16::new(43_531),
        }),
    };
    let [retained] = &snapshot.retained[..] else {
        panic!("{:?}", snapshot.retained);
    };
    assert_eq!(**retained, kept);
    let [queued, empty] = &client(&snapshot, "five").outgoing[..] else {
        panic!("two messages");
    };
    assert!(Arc::ptr_eq(&queued.message, retained));
    assert_eq!(
        queued.subscription_ids,
        [SubscriptionId::new(0x3fff).unwrap()]
    );
    assert_eq!((queued.retain, queued.stage), (true, SnapshotStage::Queued));
    assert_eq!(empty.message.payload, "");
    assert_eq!(empty.message.expires_at, None);
    assert!(!empty.retain);
}

#[test]
fn every_delivery_comes_with_how_far_it_is() {
    use SnapshotStage::{AwaitingPubAck, AwaitingPubComp, AwaitingPubRec, Queued};
    let id = |number| PacketId::new(number).unwrap();
    let snapshot = parse(&fixture::everything()).unwrap();
    let stages: Vec<_> = client(&snapshot, "window")
        .outgoing
        .iter()
        .map(|delivery| (&delivery.message.payload[..], delivery.stage))
        .collect();
    assert_eq!(
        stages,
        [
            (&b"m0"[..], AwaitingPubAck(id(1))),
            (b"m1", AwaitingPubRec(id(2))),
            (b"m2", AwaitingPubComp(id(3))),
            (b"m3", Queued),
        ]
    );
    let [half] = &client(&snapshot, "half").incoming[..] else {
        panic!("one message");
    };
    assert_eq!(half.packet_id, id(0x2233));
    assert_eq!(half.message.payload, "half");
    assert!(half.message.retain);
}

#[test]
fn a_user_name_that_is_no_text_costs_the_name_only() {
    let mut bytes = fixture::everything();
    let at = find(&bytes, "zoé".as_bytes());
    bytes[at] = 0xff;
    let snapshot = parse(&bytes).unwrap();
    assert_eq!(client(&snapshot, "capteur").username, None);
    assert_eq!(client(&snapshot, "capteur").outgoing.len(), 1);
    let capteur = Text::try_from("capteur").unwrap();
    assert_eq!(snapshot.warnings, [SnapshotWarning::Username(capteur)]);
}

#[test]
fn what_belongs_to_nobody_is_told() {
    let mut bytes = fixture::everything();
    let offset = bytes.len();
    bytes.extend(chunk(9, b"abc"));
    let stranger = bytes.len();
    bytes.extend(chunk(5, b"\0\0\0\0\0\x02\0\x01\x01\0\0\0xxy"));
    let snapshot = parse(&bytes).unwrap();
    assert_eq!(snapshot.clients.len(), 5);
    assert_eq!(
        snapshot.warnings,
        [
            SnapshotWarning::UnknownChunk { offset, kind: 9 },
            SnapshotWarning::UnknownClient {
                offset: stranger,
                client_id: Text::try_from("xx").unwrap(),
            },
        ]
    );
}

#[test]
fn an_error_says_where_and_what() {
    let text = |bytes: &[u8]| parse(bytes).unwrap_err().to_string();
    let with = |bytes: &[u8]| [&fixture::empty()[..], bytes].concat();
    for (bytes, expected) in [
        (b"".to_vec(), "byte 0: not a Mosquitto database"),
        (
            b"SQLite format 3\0".to_vec(),
            "byte 0: not a Mosquitto database",
        ),
        (
            fixture::empty()[..17].to_vec(),
            "byte 15: a checksum expected, but the data ends here",
        ),
        (
            fixture::empty()[..46].to_vec(),
            "byte 31: a whole chunk expected, but the data ends here",
        ),
        (
            with(b"\0\0\0\x04\xff\xff\xff\xff"),
            "byte 55: a whole chunk expected, but the data ends here",
        ),
        (
            with(&chunk(4, b"12345678")),
            "byte 47: a message of the file expected: there is no such message",
        ),
        (
            with(&chunk(5, b"\0\0\0\0\0\x01\0\x02\x07\0\0\0x##")),
            "byte 63: a QoS expected: 7",
        ),
        (
            with(&chunk(5, b"\0\0\0\0\0\x01\0\x02\x01\0\0\0x##")),
            "byte 68: a topic filter expected: a '+' or '#' stands where it cannot",
        ),
    ] {
        assert_eq!(text(&bytes), expected);
    }
    let mut old = fixture::empty();
    old[22] = 5;
    assert_eq!(
        text(&old),
        "byte 19: format version 5 instead of 6; let Mosquitto 2.0 or 2.1 load and save it first"
    );
}

#[test]
fn a_file_cut_anywhere_but_between_chunks_is_refused() {
    let bytes = fixture::everything();
    let mut whole = Vec::new();
    for length in 0..=bytes.len() {
        if parse(&bytes[..length]).is_ok() {
            whole.push(length);
        }
    }
    assert_eq!(whole.last(), Some(&bytes.len()));
    let header_and_chunks = 28;
    assert_eq!(whole.len(), header_and_chunks, "{whole:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        kind in 1_u32..8,
    ) {
        let _ = parse(&body);
        let _ = parse(&[&fixture::empty()[..23], &body].concat());
        let _ = parse(&[&fixture::empty()[..], &chunk(kind, &body)].concat());
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = fixture::everything();
        for (at, value) in changes {
            *at.get_mut(&mut bytes) = value;
        }
        let _ = parse(&bytes);
    }
}

#[track_caller]
fn client<'a>(snapshot: &'a Snapshot, client_id: &str) -> &'a SnapshotClient {
    let found = snapshot
        .clients
        .iter()
        .find(|client| client.client_id.as_str() == client_id);
    found.unwrap_or_else(|| panic!("no client {client_id}"))
}

fn chunk(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows.position(|window| window == part).unwrap()
}
