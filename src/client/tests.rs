//! A client against a scripted broker, packet by packet.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::protocol::{
    Acknowledgement, ConnAckCode, ConnectReturnCode, Decoder, Delivery, Property, ProtocolVersion,
    ReasonCode, SubscriptionOptions, encode,
};

struct Broker {
    stream: DuplexStream,
    decoder: Decoder,
    input: BytesMut,
    version: ProtocolVersion,
}

impl Broker {
    async fn receive(&mut self) -> Packet {
        loop {
            if let Some(packet) = self.decoder.decode(&mut self.input).unwrap() {
                return packet;
            }
            let length = self.stream.read_buf(&mut self.input).await.unwrap();
            assert_ne!(length, 0, "the client closed the connection");
        }
    }

    async fn send(&mut self, packet: Packet) {
        let mut out = BytesMut::new();
        encode(&packet, self.version, &mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    async fn accept(&mut self, session_present: bool, properties: Vec<Property>) {
        assert!(matches!(self.receive().await, Packet::Connect(_)));
        let code = match self.version {
            ProtocolVersion::V5 => ConnAckCode::V5(ReasonCode::Success),
            _ => ConnAckCode::V3(ConnectReturnCode::ACCEPTED),
        };
        self.send(Packet::ConnAck(ConnAck {
            session_present,
            code,
            properties: Properties::from(properties),
        }))
        .await;
    }
}

fn line(version: ProtocolVersion, capacity: usize) -> (DuplexStream, Broker) {
    let (client, stream) = duplex(capacity);
    let broker = Broker {
        stream,
        decoder: Decoder::new(u32::MAX),
        input: BytesMut::new(),
        version,
    };
    (client, broker)
}

async fn connected(
    version: ProtocolVersion,
    properties: Vec<Property>,
) -> (Client<DuplexStream>, Broker) {
    let mut client = Client::new(ConnectOptions::new(version));
    let broker = reconnected(&mut client, false, properties).await;
    (client, broker)
}

async fn reconnected(
    client: &mut Client<DuplexStream>,
    session_present: bool,
    properties: Vec<Property>,
) -> Broker {
    let (stream, mut broker) = line(client.options().version, 64 * 1024);
    let (connack, ()) = tokio::join!(
        client.connect(stream),
        broker.accept(session_present, properties)
    );
    connack.unwrap();
    broker
}

fn publication(qos: QoS) -> Arc<Publication> {
    let topic = TopicName::try_from("t").unwrap();
    Arc::new(Publication::new(topic, qos, false))
}

/// Drives the client until the broker has received a packet.
async fn sent(client: &mut Client<DuplexStream>, broker: &mut Broker) -> Packet {
    loop {
        tokio::select! {
            biased;
            packet = broker.receive() => return packet,
            result = client.drive() => result.unwrap(),
        }
    }
}

async fn event(client: &mut Client<DuplexStream>) -> Event {
    loop {
        if let Some(event) = client.next_event().unwrap() {
            return event;
        }
        client.drive().await.unwrap();
    }
}

fn message(packet: Packet) -> (bool, Delivery, Bytes) {
    match packet {
        Packet::Publish(publish) => (publish.dup, publish.delivery, publish.payload),
        other => panic!("{other:?}"),
    }
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_window_of_messages_is_in_flight_and_an_acknowledgement_makes_room() {
    let window = Property::ReceiveMaximum(NonZeroU16::new(2).unwrap());
    let (mut client, mut broker) = connected(ProtocolVersion::V5, vec![window]).await;
    let publication = publication(QoS::AtLeastOnce);
    for payload in ["a", "b"] {
        assert!(client.has_room(QoS::AtLeastOnce));
        client.publish(&publication, Bytes::from(payload)).unwrap();
    }
    assert!(!client.has_room(QoS::AtLeastOnce));
    assert_eq!(message(sent(&mut client, &mut broker).await).2, "a");
    assert_eq!(message(sent(&mut client, &mut broker).await).2, "b");
    let refused = Acknowledgement::new(id(1), ReasonCode::QuotaExceeded);
    broker.send(Packet::PubAck(refused)).await;
    match event(&mut client).await {
        Event::Published {
            packet_id, reason, ..
        } => assert_eq!((packet_id, reason), (id(1), ReasonCode::QuotaExceeded)),
        other => panic!("{other:?}"),
    }
    assert!(client.has_room(QoS::AtLeastOnce));
    assert!(!client.is_acknowledged());
}

#[tokio::test(flavor = "current_thread")]
async fn a_resumed_session_sends_again_with_dup_and_the_same_identifier() {
    let (mut client, mut broker) = connected(ProtocolVersion::V311, vec![]).await;
    client.link.options.clean_start = false;
    let publication = publication(QoS::ExactlyOnce);
    for payload in ["a", "b"] {
        client.publish(&publication, Bytes::from(payload)).unwrap();
        sent(&mut client, &mut broker).await;
    }
    broker
        .send(Packet::PubRec(Acknowledgement::success(id(1))))
        .await;
    assert!(matches!(
        sent_after_events(&mut client, &mut broker).await,
        Packet::PubRel(_)
    ));
    drop(broker);
    assert!(matches!(client.drive().await, Err(Error::ConnectionLost)));

    let mut broker = reconnected(&mut client, true, vec![]).await;
    let (dup, delivery, payload) = message(sent(&mut client, &mut broker).await);
    assert_eq!(
        (dup, delivery, &payload[..]),
        (true, Delivery::ExactlyOnce(id(2)), &b"b"[..])
    );
    assert!(matches!(
        sent(&mut client, &mut broker).await,
        Packet::PubRel(Acknowledgement { packet_id, .. }) if packet_id == id(1)
    ));
}

#[tokio::test(flavor = "current_thread")]
async fn a_forgotten_session_gets_its_messages_anew_in_order() {
    let (mut client, mut broker) = connected(ProtocolVersion::V311, vec![]).await;
    let publication = publication(QoS::AtLeastOnce);
    for payload in ["a", "b", "c"] {
        client.publish(&publication, Bytes::from(payload)).unwrap();
        sent(&mut client, &mut broker).await;
    }
    drop(broker);
    assert!(client.drive().await.is_err());
    let mut broker = reconnected(&mut client, false, vec![]).await;
    for expected in ["a", "b", "c"] {
        let (dup, _, payload) = message(sent(&mut client, &mut broker).await);
        assert_eq!((dup, &payload[..]), (false, expected.as_bytes()));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_message_that_was_received_but_not_released_is_forgotten_with_the_session() {
    let (mut client, mut broker) = connected(ProtocolVersion::V311, vec![]).await;
    let publication = publication(QoS::ExactlyOnce);
    for payload in ["a", "b"] {
        client.publish(&publication, Bytes::from(payload)).unwrap();
        sent(&mut client, &mut broker).await;
    }
    broker
        .send(Packet::PubRec(Acknowledgement::success(id(1))))
        .await;
    sent_after_events(&mut client, &mut broker).await;
    drop(broker);
    assert!(client.drive().await.is_err());
    let mut broker = reconnected(&mut client, false, vec![]).await;
    for expected in ["a", "b"] {
        let (dup, _, payload) = message(sent(&mut client, &mut broker).await);
        assert_eq!((dup, &payload[..]), (false, expected.as_bytes()));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn qos_0_messages_that_did_not_leave_whole_go_out_over_the_next_connection() {
    let mut client = Client::new(ConnectOptions::new(ProtocolVersion::V311));
    // Room for the CONNECT, and for a message and a half.
    let (stream, mut broker) = line(ProtocolVersion::V311, 24);
    let (connack, ()) = tokio::join!(client.connect(stream), broker.accept(false, vec![]));
    connack.unwrap();
    let publication = publication(QoS::AtMostOnce);
    for payload in ["first message", "second message", "third message"] {
        client.publish(&publication, Bytes::from(payload)).unwrap();
    }
    client.drive().await.unwrap();
    drop(broker);
    while client.drive().await.is_ok() {}
    let mut broker = reconnected(&mut client, false, vec![]).await;
    for expected in ["second message", "third message"] {
        let (_, _, payload) = message(sent(&mut client, &mut broker).await);
        assert_eq!(payload, expected);
    }
    assert!(client.is_idle());
}

#[tokio::test(flavor = "current_thread")]
async fn a_qos_2_message_is_told_once_at_its_pubrel() {
    let (mut client, mut broker) = connected(ProtocolVersion::V311, vec![]).await;
    let publish = Packet::Publish(Publish {
        dup: false,
        delivery: Delivery::ExactlyOnce(id(7)),
        retain: false,
        topic: Some(TopicName::try_from("t").unwrap()),
        properties: Properties::EMPTY,
        payload: Bytes::from_static(b"x"),
    });
    broker.send(publish.clone()).await;
    broker.send(publish).await;
    for _ in 0..2 {
        let answer = sent_after_events(&mut client, &mut broker).await;
        assert_eq!(answer, Packet::PubRec(Acknowledgement::success(id(7))));
    }
    for known in [true, false] {
        broker
            .send(Packet::PubRel(Acknowledgement::success(id(7))))
            .await;
        if known {
            assert!(matches!(event(&mut client).await, Event::Message(_)));
        }
        let answer = sent_after_events(&mut client, &mut broker).await;
        assert_eq!(answer, Packet::PubComp(Acknowledgement::success(id(7))));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_large_message_comes_whole_without_being_copied_at_each_read() {
    const SIZE: usize = 64 * 1024 * 1024;
    let (mut client, mut broker) = connected(ProtocolVersion::V311, vec![]).await;
    let publish = Publish {
        dup: false,
        delivery: Delivery::AtMostOnce,
        retain: false,
        topic: Some(TopicName::try_from("t").unwrap()),
        properties: Properties::EMPTY,
        payload: Bytes::from(vec![7; SIZE]),
    };
    let (event, ()) = tokio::join!(event(&mut client), broker.send(Packet::Publish(publish)));
    match event {
        Event::Message(publish) => assert_eq!(publish.payload.len(), SIZE),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_refusal_in_the_words_of_mqtt_3_is_understood_by_a_client_of_mqtt_5() {
    let mut client = Client::new(ConnectOptions::new(ProtocolVersion::V5));
    let (stream, mut broker) = line(ProtocolVersion::V311, 1024);
    let refuse = async {
        broker.receive().await;
        broker.stream.write_all(&[0x20, 2, 0, 1]).await.unwrap();
    };
    let (connack, ()) = tokio::join!(client.connect(stream), refuse);
    match connack {
        Err(Error::Refused(code)) => {
            assert_eq!(
                code,
                ConnAckCode::V5(ReasonCode::UnsupportedProtocolVersion)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_disconnect_is_sent_before_the_stream_ends() {
    let (mut client, mut broker) = connected(ProtocolVersion::V5, vec![]).await;
    let publication = publication(QoS::AtMostOnce);
    client.publish(&publication, Bytes::from("x")).unwrap();
    let read = async {
        message(broker.receive().await);
        let disconnect_sent = broker.receive().await;
        drop(broker);
        disconnect_sent
    };
    let disconnect = Disconnect::new(ReasonCode::DisconnectWithWill);
    let (result, disconnect_sent) = tokio::join!(client.disconnect(disconnect.clone()), read);
    result.unwrap();
    assert_eq!(disconnect_sent, Packet::Disconnect(disconnect));
}

#[tokio::test(flavor = "current_thread")]
async fn a_topic_alias_replaces_a_topic_that_it_was_sent_with() {
    let aliases = Property::TopicAliasMaximum(5);
    let (mut client, mut broker) = connected(ProtocolVersion::V5, vec![aliases]).await;
    let mut with_alias = Publication::clone(&publication(QoS::AtMostOnce));
    with_alias.properties = vec![Property::TopicAlias(NonZeroU16::MIN)].into();
    let with_alias = Arc::new(with_alias);
    for topic in [Some("t"), None] {
        client.publish(&with_alias, Bytes::from("x")).unwrap();
        let Packet::Publish(publish) = sent(&mut client, &mut broker).await else {
            panic!("no PUBLISH");
        };
        assert_eq!(publish.topic.as_ref().map(TopicName::as_str), topic);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_the_broker_does_not_take_is_not_sent() {
    let limits = vec![
        Property::MaximumQoS(QoS::AtMostOnce),
        Property::RetainAvailable(false),
        Property::MaximumPacketSize(20.try_into().unwrap()),
    ];
    let (mut client, mut broker) = connected(ProtocolVersion::V5, limits).await;
    let qos_1 = publication(QoS::AtLeastOnce);
    assert_eq!(
        client.publish(&qos_1, Bytes::new()),
        Err(PublishError::QosNotSupported)
    );
    let mut retained = Publication::clone(&publication(QoS::AtMostOnce));
    retained.retain = true;
    let retained = Arc::new(retained);
    let large = Bytes::from(vec![0; 20]);
    assert!(matches!(
        client.publish(&retained, large),
        Err(PublishError::PacketTooLarge { limit: 20, .. })
    ));
    client.publish(&retained, Bytes::new()).unwrap();
    match sent(&mut client, &mut broker).await {
        Packet::Publish(publish) => assert!(!publish.retain),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn garbage_ends_the_connection_with_its_reason() {
    let (mut client, mut broker) = connected(ProtocolVersion::V5, vec![]).await;
    let subscription = Subscription {
        filter: TopicFilter::try_from("#").unwrap(),
        options: SubscriptionOptions::default(),
    };
    client
        .subscribe(vec![subscription], Properties::EMPTY)
        .unwrap();
    sent(&mut client, &mut broker).await;
    // A PUBLISH with QoS 3.
    broker.stream.write_all(&[0x36, 0]).await.unwrap();
    client.drive().await.unwrap();
    assert!(matches!(client.next_event(), Err(Error::Malformed(_))));
    assert!(!client.is_connected());
    let disconnect_sent = broker.receive().await;
    assert_eq!(
        disconnect_sent,
        Packet::Disconnect(Disconnect::new(ReasonCode::MalformedPacket))
    );
}

/// Does the same as [`sent`] for answers to what the client has received.
async fn sent_after_events(client: &mut Client<DuplexStream>, broker: &mut Broker) -> Packet {
    loop {
        assert!(client.next_event().unwrap().is_none());
        tokio::select! {
            biased;
            packet = broker.receive() => return packet,
            result = client.drive() => result.unwrap(),
        }
    }
}
