//! Files that no Mosquitto wrote: every number in them may be any number.

use proptest::prelude::*;

use super::super::mosquitto_db::tests::fixture;
use super::super::recovery::Recovery;
use super::*;
use crate::broker::config::ListenAddress;

/// Takes over what the bytes hold; returns how many records that makes.
fn taken_over(bytes: &[u8]) -> Option<usize> {
    let clock = Clock::new();
    let imported = convert(&parse(bytes).ok()?, &[], clock);
    let count = imported.records.len();
    // Also a record from such a file can be stored and read.
    let mut recovery = Recovery::default();
    for (key, record) in imported.records {
        let stored = record.to_bytes(clock);
        recovery.take(key, stored, clock).expect("it was just made");
    }
    Some(count)
}

/// A chunk of a `mosquitto.db`.
fn chunk(kind: u32, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let length = u32::try_from(body.len()).expect("a short chunk");
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), &body].concat()
}

fn database(chunks: &[Vec<u8>]) -> Vec<u8> {
    [&[fixture::empty()][..], chunks].concat().concat()
}

/// The message with this identifier, which is `xy` on the topic `t`.
fn message(id: u64, expires_at: i64) -> Vec<u8> {
    const LENGTHS: [u8; 14] = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    let qos_and_retain = [1, 1];
    let (id, expires_at) = (id.to_be_bytes(), expires_at.to_le_bytes());
    chunk(2, &[&id, &expires_at, &LENGTHS, &qos_and_retain, b"txy"])
}

fn client(expires_at: i64) -> Vec<u8> {
    const LENGTHS: [u8; 12] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let expiry = 60_u32.to_be_bytes();
    chunk(6, &[&expires_at.to_le_bytes(), &expiry, &LENGTHS, b"c"])
}

/// Returns the entry of a message that the client published and did not release.
fn incoming(id: u64, packet_id: u16) -> Vec<u8> {
    let qos_state_flags_direction = [2, 4, 0, 0];
    let fields = [
        &packet_id.to_be_bytes()[..],
        &[0, 1],
        &qos_state_flags_direction,
    ];
    chunk(3, &[&id.to_be_bytes(), &fields.concat(), b"c"])
}

#[test]
fn the_end_of_time_is_no_overflow() {
    for end in [i64::MAX, i64::MAX / 1_000 + 1, i64::MIN, -1] {
        let retained = chunk(4, &[&1_u64.to_be_bytes()]);
        let bytes = database(&[message(1, end), retained, client(end)]);
        assert_eq!(taken_over(&bytes), Some(2), "{end}");
    }
}

#[test]
fn a_message_that_is_named_many_times_is_stored_few_times() {
    let mut chunks = vec![client(0), message(1, 0)];
    chunks.extend((0..100).map(|_| chunk(4, &[&1_u64.to_be_bytes()])));
    chunks.extend((1..100).map(|packet_id| incoming(1, packet_id)));
    let [session, retained, unpublished, packet_ids] = [1, 1, 1, 99];
    let expected = session + retained + unpublished + packet_ids;
    assert_eq!(taken_over(&database(&chunks)), Some(expected));
}

#[test]
fn a_client_came_in_by_the_only_listener_with_its_port() {
    let host = |host: &str| ListenAddress::Host(host.to_owned());
    let listeners = [
        Listener::new(1883, ListenAddress::Any),
        Listener::new(1884, host("127.0.0.1")),
        Listener::new(1884, host("::1")),
        Listener::new(0, ListenAddress::Unix("/run/socket".into())),
    ];
    for (port, expected) in [
        (1883, Some(ListenerName::from(&listeners[0]))),
        (1884, None),
        (1885, None),
        (0, None),
    ] {
        let found = only_listener_on(NonZeroU16::new(port), &listeners);
        assert_eq!(found, expected, "{port}");
    }
}

proptest! {
    #[test]
    fn a_changed_file_is_taken_over_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 8]>()), 1..6),
        width in 1_usize..=8,
    ) {
        let mut bytes = fixture::everything();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + width);
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
        taken_over(&bytes);
    }

    #[test]
    fn a_file_of_chunks_out_of_order_and_in_excess_is_taken_over_or_refused(
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let bytes = fixture::everything();
        let (header, mut rest) = bytes.split_at(23);
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[4..8].try_into().expect("four bytes"));
            let (chunk, behind) = rest.split_at(8 + length as usize);
            chunks.push(chunk);
            rest = behind;
        }
        let chosen: Vec<_> = order.iter().map(|at| *at.get(&chunks)).collect();
        taken_over(&[header, &chosen.concat()].concat());
    }
}
