//! Properties of every packet: it comes back as it was, and no bytes make the decoder panic.

mod packets;

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::super::{DecodeError, Packet, ProtocolVersion, ReasonCode};
use super::{Decoder, encode};
use packets::{any_packet, any_version};

const NO_LIMIT: u32 = u32::MAX;

fn encoded(packet: &Packet, version: ProtocolVersion) -> BytesMut {
    let mut out = BytesMut::new();
    encode(packet, version, &mut out).unwrap();
    out
}

proptest! {
    #[test]
    fn every_packet_is_decoded_as_it_was_encoded((version, packet) in any_packet()) {
        let mut bytes = encoded(&packet, version);
        let mut decoder = Decoder::with_version(version, NO_LIMIT);
        prop_assert_eq!(decoder.decode(&mut bytes), Ok(Some(packet)));
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn any_split_of_the_input_gives_the_same_packets(
        (version, packets) in any_version().prop_flat_map(|version| {
            let packet = packets::packet(version)
                .prop_filter("a CONNECT may change the version", |packet| {
                    !matches!(packet, Packet::Connect(_))
                });
            (Just(version), proptest::collection::vec(packet, 1..8))
        }),
        cuts in proptest::collection::vec(1_usize..40, 1..40),
    ) {
        let mut stream = BytesMut::new();
        for packet in &packets {
            stream.put_slice(&encoded(packet, version));
        }
        let mut decoder = Decoder::with_version(version, NO_LIMIT);
        let (mut buffer, mut decoded) = (BytesMut::new(), Vec::new());
        let mut cuts = cuts.into_iter().cycle();
        while !stream.is_empty() {
            let cut = cuts.next().unwrap_or(1).min(stream.len());
            buffer.put_slice(&stream.split_to(cut));
            let mut whole = decoder.split_whole_packets(&mut buffer).unwrap();
            while let Some(packet) = decoder.next_packet(&mut whole).unwrap() {
                decoded.push(packet);
            }
        }
        prop_assert!(buffer.is_empty());
        prop_assert_eq!(decoded, packets);
    }

    #[test]
    fn arbitrary_bytes_never_panic(version in any_version(), bytes: Vec<u8>) {
        let mut buffer = BytesMut::from(&bytes[..]);
        let mut decoder = Decoder::with_version(version, NO_LIMIT);
        while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
    }

    #[test]
    fn a_packet_with_one_byte_changed_never_panics(
        (version, packet) in any_packet(),
        at: proptest::sample::Index,
        byte: u8,
    ) {
        let mut bytes = encoded(&packet, version);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let mut decoder = Decoder::with_version(version, NO_LIMIT);
        while let Ok(Some(_)) = decoder.decode(&mut bytes) {}
    }

    #[test]
    fn the_front_of_a_packet_is_incomplete_and_never_malformed(
        (version, packet) in any_packet(),
        at: proptest::sample::Index,
    ) {
        let bytes = encoded(&packet, version);
        let mut front = BytesMut::from(&bytes[..at.index(bytes.len())]);
        let mut decoder = Decoder::with_version(version, NO_LIMIT);
        prop_assert!(decoder.missing(&front) > 0);
        prop_assert_eq!(decoder.decode(&mut front), Ok(None));
    }
}

#[test]
fn a_payload_is_a_slice_of_the_input() {
    let input = Bytes::from_static(b"\x30\x07\0\x01aabcd");
    let mut buffer = BytesMut::from(&input[..]);
    let start = buffer.as_ptr() as usize;
    let mut decoder = Decoder::with_version(ProtocolVersion::V311, NO_LIMIT);
    let Some(Packet::Publish(publish)) = decoder.decode(&mut buffer).unwrap() else {
        panic!("a PUBLISH was sent");
    };
    assert_eq!(&publish.payload[..], b"abcd");
    assert_eq!(publish.payload.as_ptr() as usize, start + 5);
}

#[test]
fn a_claimed_length_beyond_the_limit_is_refused_before_it_arrives() {
    let mut decoder = Decoder::with_version(ProtocolVersion::V5, 1_000);
    let mut buffer = BytesMut::from(&b"\x30\xff\xff\xff\x7f"[..]);
    let error = decoder.decode(&mut buffer).unwrap_err();
    assert_eq!(error.reason(), ReasonCode::PacketTooLarge);
}

#[test]
fn whole_packets_before_a_wrong_one_are_still_taken() {
    let mut decoder = Decoder::with_version(ProtocolVersion::V311, NO_LIMIT);
    let mut buffer = BytesMut::from(&b"\xc0\0\x30\xff\xff\xff\xff"[..]);
    let mut whole = decoder.split_whole_packets(&mut buffer).unwrap();
    assert_eq!(decoder.next_packet(&mut whole), Ok(Some(Packet::PingReq)));
    assert_eq!(decoder.next_packet(&mut whole), Ok(None));
    assert!(decoder.split_whole_packets(&mut buffer).is_err());
}

/// Wrong packets of MQTT 5.0 and the reason codes for their senders.
#[test]
fn wrong_packets_are_refused_with_their_reason() {
    use ReasonCode::{MalformedPacket, ProtocolError};
    for (bytes, reason) in [
        // PUBLISH: QoS 3; DUP with QoS 0; a wildcard; no topic and no alias; packet id 0.
        (&b"\x36\x06\0\x01a\0\x01\0"[..], MalformedPacket),
        (b"\x38\x04\0\x01a\0", MalformedPacket),
        (b"\x30\x04\0\x01#\0", MalformedPacket),
        (b"\x30\x03\0\0\0", ProtocolError),
        (b"\x32\x06\0\x01a\0\0\0", ProtocolError),
        // PUBLISH: alias 0; a repeated property; payload format 2; an unknown property.
        (b"\x30\x07\0\x01a\x03\x23\0\0", ProtocolError),
        (b"\x30\x08\0\x01a\x04\x01\0\x01\0", ProtocolError),
        (b"\x30\x06\0\x01a\x02\x01\x02", ProtocolError),
        (b"\x30\x06\0\x01a\x02\x7f\0", MalformedPacket),
        // SUBSCRIBE: wrong flags; packet id 0; no filter; QoS 3; retain handling 3;
        // subscription identifier 0; $share without filter; No Local on $share.
        (b"\x80\x07\0\x01\0\0\x01a\0", MalformedPacket),
        (b"\x82\x07\0\0\0\0\x01a\0", MalformedPacket),
        (b"\x82\x03\0\x01\0", MalformedPacket),
        (b"\x82\x07\0\x01\0\0\x01a\x03", MalformedPacket),
        (b"\x82\x07\0\x01\0\0\x01a\x30", MalformedPacket),
        (b"\x82\x09\0\x01\x02\x0b\0\0\x01a\0", ProtocolError),
        (b"\x82\x0e\0\x01\0\0\x08$share/g\0", ProtocolError),
        (b"\x82\x10\0\x01\0\0\x0a$share/g/a\x04", ProtocolError),
        // PUBREL with wrong flags; an acknowledgement with a foreign reason; type 0.
        (b"\x60\x02\0\x01", MalformedPacket),
        (b"\x40\x03\0\x01\x01", ProtocolError),
        (b"\0\0", ProtocolError),
        // Surplus bytes.
        (b"\xc0\x01\0", MalformedPacket),
        (b"\xe0\x03\0\0\0", ProtocolError),
    ] {
        let mut decoder = Decoder::with_version(ProtocolVersion::V5, NO_LIMIT);
        let result = decoder.decode(&mut BytesMut::from(bytes));
        assert_eq!(
            result.map_err(DecodeError::reason),
            Err(reason),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn the_shortest_forms_are_written() {
    use super::super::{Acknowledgement, Disconnect, PacketId};
    let ack = Acknowledgement::success(PacketId::FIRST);
    assert_eq!(
        encoded(&Packet::PubAck(ack), ProtocolVersion::V5)[..],
        *b"\x40\x02\0\x01"
    );
    let refused = Acknowledgement::new(PacketId::FIRST, ReasonCode::NotAuthorized);
    assert_eq!(
        encoded(&Packet::PubAck(refused.clone()), ProtocolVersion::V5)[..],
        *b"\x40\x03\0\x01\x87"
    );
    assert_eq!(
        encoded(&Packet::PubAck(refused), ProtocolVersion::V311)[..],
        *b"\x40\x02\0\x01"
    );
    let disconnect = Packet::Disconnect(Disconnect::new(ReasonCode::Success));
    assert_eq!(encoded(&disconnect, ProtocolVersion::V5)[..], *b"\xe0\0");
}
