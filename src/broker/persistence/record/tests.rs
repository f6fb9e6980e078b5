use std::sync::Arc;

use super::*;
use crate::broker::message::Message;
use crate::protocol::Property;

fn bytes(record: &Record, clock: Clock) -> Bytes {
    let mut out = BytesMut::new();
    record.encode(clock, &mut out);
    out.freeze()
}

fn text(text: &str) -> Text {
    Text::try_from(text).unwrap()
}

fn identity() -> Identity {
    Identity {
        client_id: text("büro"),
        username: Some(text("snir")),
        listener: Some(ListenerName::from("1883 127.0.0.1")),
    }
}

fn message() -> MessageRecord {
    let properties = vec![
        Property::ContentType(text("text/plain")),
        Property::UserProperty(text("a"), text("1")),
        Property::UserProperty(text("a"), text("2")),
    ];
    MessageRecord {
        topic: TopicName::try_from("été/salon").unwrap(),
        payload: Bytes::from_static(b"21.5"),
        qos: QoS::ExactlyOnce,
        retain: true,
        properties: properties.into(),
        expires_at: Some(90_000),
        publisher: Some(SessionNumber::from_stored(9)),
        source: Some(identity()),
    }
}

#[test]
fn a_session_comes_back_as_it_was() {
    let clock = Clock::new();
    for (expiry, presence) in [
        (Expiry::Never, StoredPresence::Online),
        (
            Expiry::After(60),
            StoredPresence::Offline {
                expires_at: Some(5_000),
            },
        ),
        (Expiry::Never, StoredPresence::Offline { expires_at: None }),
    ] {
        let session = SessionRecord {
            identity: identity(),
            v5: true,
            receive_maximum: NonZeroU16::MIN,
            expiry,
            presence,
        };
        let stored = bytes(&Record::Session(Box::new(session.clone())), clock);
        assert_eq!(SessionRecord::decode(stored, clock), Ok(session));
    }
}

#[test]
fn a_subscription_comes_back_as_it_was() {
    let subscription = SubscriptionRecord {
        filter: TopicFilter::try_from("$share/group/maison/+/lumière").unwrap(),
        options: SubscriptionOptions {
            qos: QoS::ExactlyOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::Never,
        },
        qos: QoS::AtLeastOnce,
        subscription_id: SubscriptionId::new(268_435_455),
        share: 7,
        hands_out: true,
    };
    let stored = bytes(
        &Record::Subscription(Box::new(subscription.clone())),
        Clock::new(),
    );
    assert_eq!(SubscriptionRecord::decode(stored), Ok(subscription));
}

#[test]
fn a_message_and_a_will_come_back_as_they_were() {
    let clock = Clock::new();
    let stored = bytes(&Record::Message(Box::new(message())), clock);
    assert_eq!(MessageRecord::decode(stored, clock), Ok(message()));
    let will = WillRecord {
        identity: identity(),
        message: message(),
        delay: 30,
        expiry: Some(60),
        due: Some(12_345),
    };
    let stored = bytes(&Record::Will(Box::new(will.clone())), clock);
    assert_eq!(WillRecord::decode(stored, clock), Ok(will));
}

#[test]
fn a_delivery_comes_back_as_it_was() {
    for stage in [
        Stage::Waiting,
        Stage::Sent(PacketId::FIRST),
        Stage::Released(PacketId::FIRST),
    ] {
        let delivery = DeliveryRecord {
            message: 1 << 50,
            qos: QoS::AtLeastOnce,
            retain: true,
            subscription_id: None,
            share: 0,
            stage,
        };
        let stored = bytes(&Record::Delivery(delivery), Clock::new());
        assert_eq!(DeliveryRecord::decode(stored), Ok(delivery));
    }
}

#[test]
fn an_identity_of_an_older_store_comes_back_without_its_listener() {
    let clock = Clock::new();
    for (username, flag) in [(Some("snir"), 1), (None, 0)] {
        let mut older = BytesMut::new();
        put_bytes(&mut older, "büro".as_bytes());
        older.put_u8(flag);
        put_bytes(&mut older, username.unwrap_or_default().as_bytes());
        older.put_u32(3);
        let identity = Identity {
            client_id: text("büro"),
            username: username.map(text),
            listener: None,
        };
        let session = SessionRecord {
            identity: identity.clone(),
            v5: true,
            receive_maximum: NonZeroU16::MIN,
            expiry: Expiry::Never,
            presence: StoredPresence::Online,
        };
        let today = bytes(&Record::Session(Box::new(session.clone())), clock);
        let mut with_name = BytesMut::new();
        put_identity(&mut with_name, &identity);
        assert!(today.starts_with(&with_name));
        older.put_slice(&today[with_name.len()..]);
        assert_eq!(SessionRecord::decode(older.freeze(), clock), Ok(session));
    }
}

#[test]
fn what_is_cut_off_is_told_and_never_a_panic() {
    let clock = Clock::new();
    let whole = bytes(&Record::Message(Box::new(message())), clock);
    let head = whole.len() - message().payload.len();
    for length in 0..head {
        assert!(MessageRecord::decode(whole.slice(..length), clock).is_err());
    }
}

#[test]
fn time_goes_on_while_the_broker_is_away() {
    let earlier = Clock::new();
    let stored = earlier.to_unix(60_000);
    let later = Clock::new();
    assert!(later.at_unix(stored) <= 60_000);
    assert_eq!(later.at_unix(1), 0, "long ago is as good as now");
}

#[test]
fn of_a_message_that_nobody_needs_there_are_no_bytes() {
    let clock = Clock::new();
    let message = Arc::new(Message::from(message()));
    let record = Record::IfReferenced(Arc::<Message>::downgrade(&message));
    let expected = message.to_record();
    let decoded = MessageRecord::decode(bytes(&record, clock), clock).unwrap();
    assert_eq!(decoded, expected);
    drop(message);
    let mut out = BytesMut::new();
    assert!(!record.encode(clock, &mut out));
    assert!(out.is_empty());
}
