//! 6: MQTT over WebSocket.

use crate::support::Broker;
use crate::support::raw_client::RawClient;
use crate::wire::*;

pub(crate) const UPGRADE: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// A short frame as a client sends it, masked with nothing.
pub(crate) fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a short frame");
    assert!(length < 126);
    [&[first, 0x80 | length, 0, 0, 0, 0], body].concat()
}

fn upgraded(broker: &Broker) -> RawClient {
    let mut client = RawClient::connect(broker.websocket_port());
    client.send(UPGRADE);
    let head = client.http_head().to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("sec-websocket-protocol: mqtt\r\n"), "{head}");
    client
}

// 5.0 [MQTT-6.0.0-2] [MQTT-6.0.0-4] · 3.1.1 [MQTT-6.0.0-2] [MQTT-6.0.0-4]
#[test]
fn packets_may_share_frames_and_be_split_among_them() {
    let broker = Broker::builder().websockets().start();
    for version in BOTH {
        let mut client = upgraded(&broker);
        let connect = version.connect("frames").bytes();
        let (left, right) = connect.split_at(5);
        client.send(frame(0x82, left));
        client.send(frame(0x82, &[right, &[0xc0, 0], &[0xc0]].concat()));
        let connack = client.websocket_frame();
        assert_eq!((connack.0, connack.1[0]), (0x82, 0x20));
        let mut came = connack.1[2 + usize::from(connack.1[1])..].to_vec();
        // A message in two frames of WebSocket is one of MQTT.
        client.send([frame(0x02, &[0]), frame(0x80, &[0xc0, 0])].concat());
        while came.len() < 6 {
            let (first, body) = client.websocket_frame();
            assert_eq!(first, 0x82);
            came.extend(body);
        }
        assert_eq!(came, [0xd0, 0].repeat(3));
    }
}

// 5.0 [MQTT-6.0.0-1] · 3.1.1 [MQTT-6.0.0-1]
#[test]
fn a_text_frame_ends_the_connection() {
    let broker = Broker::builder().websockets().start();
    let mut client = upgraded(&broker);
    client.send(frame(0x82, &V311.connect("text").bytes()));
    client.websocket_frame();
    client.send(frame(0x81, &[0xc0, 0]));
    let said = client.expect_closed();
    assert!(!contains(&said, &[0xd0, 0]), "{said:02x?}");
}

#[test]
fn the_answer_to_the_handshake_is_mosquittos() {
    let broker = Broker::builder().websockets().start();
    let mut client = RawClient::connect(broker.websocket_port());
    client.send(UPGRADE);
    // The key and its answer are those of RFC 6455, section 1.3.
    assert_eq!(
        client.http_head(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
    );
}

#[test]
fn a_close_frame_is_answered_and_the_brokers_own_has_a_cause() {
    let broker = Broker::builder().websockets().start();
    let connected = || {
        let mut client = upgraded(&broker);
        client.send(frame(0x82, &V311.connect("close").bytes()));
        client.websocket_frame();
        client
    };
    // RFC 6455, section 5.5.1
    for cause in [&[][..], &[0x03, 0xe8], &[0x03, 0xe9, b'x']] {
        let mut client = connected();
        client.send(frame(0x88, cause));
        let (first, body) = client.websocket_frame();
        assert_eq!((first, &body[..]), (0x88, cause));
        assert_eq!(client.expect_closed(), b"");
    }
    for (bytes, code) in [
        // A DISCONNECT, a text frame, a frame without a mask, a frame that is too large.
        (frame(0x82, &[0xe0, 0]), 1000_u16),
        (frame(0x81, b"x"), 1003),
        (vec![0x82, 0x01, 0xc0], 1002),
        (
            [&[0x82, 0xff][..], &[0, 0, 0, 0, 0x10, 0, 0, 0], &[0; 4]].concat(),
            1009,
        ),
    ] {
        let mut client = connected();
        client.send(bytes);
        let (first, body) = client.websocket_frame();
        assert_eq!((first, &body[..2]), (0x88, &code.to_be_bytes()[..]));
        client.expect_closed();
    }
}
