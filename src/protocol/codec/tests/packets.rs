//! Strategies for any packet of any version.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::protocol::property::PropertyScope;
use crate::protocol::{
    Acknowledgement, Auth, ConnAck, ConnAckCode, Connect, ConnectReturnCode, Delivery, Disconnect,
    Packet, PacketId, Properties, Property, PropertyId, ProtocolVersion, Publish, QoS, ReasonCode,
    RetainHandling, SubAck, Subscribe, Subscription, SubscriptionId, SubscriptionOptions, Text,
    TopicFilter, TopicName, UnsubAck, Unsubscribe, Will,
};

pub(super) fn any_version() -> impl Strategy<Value = ProtocolVersion> + Clone {
    select(
        &[
            ProtocolVersion::V31,
            ProtocolVersion::V311,
            ProtocolVersion::V5,
        ][..],
    )
}

pub(super) fn any_packet() -> impl Strategy<Value = (ProtocolVersion, Packet)> {
    any_version().prop_flat_map(|version| (Just(version), packet(version)))
}

pub(super) fn packet(version: ProtocolVersion) -> BoxedStrategy<Packet> {
    let any = prop_oneof![
        connect(version).prop_map(|packet| Packet::Connect(Box::new(packet))),
        connack(version).prop_map(Packet::ConnAck),
        publish(version).prop_map(Packet::Publish),
        acknowledgement(version, PropertyScope::PubAck).prop_map(Packet::PubAck),
        acknowledgement(version, PropertyScope::PubRec).prop_map(Packet::PubRec),
        acknowledgement(version, PropertyScope::PubRel).prop_map(Packet::PubRel),
        acknowledgement(version, PropertyScope::PubComp).prop_map(Packet::PubComp),
        subscribe(version).prop_map(Packet::Subscribe),
        suback(version).prop_map(Packet::SubAck),
        unsubscribe(version).prop_map(Packet::Unsubscribe),
        unsuback(version).prop_map(Packet::UnsubAck),
        Just(Packet::PingReq),
        Just(Packet::PingResp),
        disconnect(version).prop_map(Packet::Disconnect),
    ];
    if !version.is_v5() {
        return any.boxed();
    }
    let auth = (
        select(vec![0x00, 0x18, 0x19]),
        properties(version, PropertyScope::Auth),
    )
        .prop_map(|(code, properties)| Auth {
            reason: reason(code),
            properties,
        });
    prop_oneof![14 => any, 1 => auth.prop_map(Packet::Auth)].boxed()
}

fn text() -> impl Strategy<Value = Text> {
    "[a-zA-Z0-9 éà/\u{1f321}]{0,12}".prop_map(|string| Text::try_from(string.as_str()).unwrap())
}

fn topic_name() -> impl Strategy<Value = TopicName> {
    "[a-z/é$ ]{1,12}".prop_map(|string| TopicName::try_from(string.as_str()).unwrap())
}

fn topic_filter() -> impl Strategy<Value = TopicFilter> {
    "([a-z]{0,3}/|\\+/){0,4}([a-z]{1,3}|\\+|#)"
        .prop_map(|string| TopicFilter::try_from(string.as_str()).unwrap())
}

fn data() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|number| PacketId::new(number).unwrap())
}

fn qos() -> impl Strategy<Value = QoS> {
    select(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][..])
}

fn reason(code: u8) -> ReasonCode {
    ReasonCode::from_u8(code).unwrap()
}

fn property(id: PropertyId) -> BoxedStrategy<Property> {
    use PropertyId as Id;
    let non_zero = || (1..=u16::MAX).prop_map(|number| NonZeroU16::new(number).unwrap());
    match id {
        Id::PayloadFormatIndicator => any::<bool>()
            .prop_map(Property::PayloadFormatIndicator)
            .boxed(),
        Id::MessageExpiryInterval => any::<u32>()
            .prop_map(Property::MessageExpiryInterval)
            .boxed(),
        Id::ContentType => text().prop_map(Property::ContentType).boxed(),
        Id::ResponseTopic => text()
            .prop_filter("a response topic is not empty", |text| !text.is_empty())
            .prop_map(Property::ResponseTopic)
            .boxed(),
        Id::CorrelationData => data().prop_map(Property::CorrelationData).boxed(),
        Id::SubscriptionIdentifier => (1..=268_435_455_u32)
            .prop_map(|id| Property::SubscriptionIdentifier(SubscriptionId::new(id).unwrap()))
            .boxed(),
        Id::SessionExpiryInterval => any::<u32>()
            .prop_map(Property::SessionExpiryInterval)
            .boxed(),
        Id::AssignedClientIdentifier => text().prop_map(Property::AssignedClientIdentifier).boxed(),
        Id::ServerKeepAlive => any::<u16>().prop_map(Property::ServerKeepAlive).boxed(),
        Id::AuthenticationMethod => text().prop_map(Property::AuthenticationMethod).boxed(),
        Id::AuthenticationData => data().prop_map(Property::AuthenticationData).boxed(),
        Id::RequestProblemInformation => any::<bool>()
            .prop_map(Property::RequestProblemInformation)
            .boxed(),
        Id::WillDelayInterval => any::<u32>().prop_map(Property::WillDelayInterval).boxed(),
        Id::RequestResponseInformation => any::<bool>()
            .prop_map(Property::RequestResponseInformation)
            .boxed(),
        Id::ResponseInformation => text().prop_map(Property::ResponseInformation).boxed(),
        Id::ServerReference => text().prop_map(Property::ServerReference).boxed(),
        Id::ReasonString => text().prop_map(Property::ReasonString).boxed(),
        Id::ReceiveMaximum => non_zero().prop_map(Property::ReceiveMaximum).boxed(),
        Id::TopicAliasMaximum => any::<u16>().prop_map(Property::TopicAliasMaximum).boxed(),
        Id::TopicAlias => non_zero().prop_map(Property::TopicAlias).boxed(),
        Id::MaximumQoS => select(&[QoS::AtMostOnce, QoS::AtLeastOnce][..])
            .prop_map(Property::MaximumQoS)
            .boxed(),
        Id::RetainAvailable => any::<bool>().prop_map(Property::RetainAvailable).boxed(),
        Id::UserProperty => (text(), text())
            .prop_map(|(name, value)| Property::UserProperty(name, value))
            .boxed(),
        Id::MaximumPacketSize => (1..=u32::MAX)
            .prop_map(|size| Property::MaximumPacketSize(NonZeroU32::new(size).unwrap()))
            .boxed(),
        Id::WildcardSubscriptionAvailable => any::<bool>()
            .prop_map(Property::WildcardSubscriptionAvailable)
            .boxed(),
        Id::SubscriptionIdentifierAvailable => any::<bool>()
            .prop_map(Property::SubscriptionIdentifierAvailable)
            .boxed(),
        Id::SharedSubscriptionAvailable => any::<bool>()
            .prop_map(Property::SharedSubscriptionAvailable)
            .boxed(),
    }
}

/// Properties that may stand in `scope`, in any order, some repeated.
fn properties(version: ProtocolVersion, scope: PropertyScope) -> BoxedStrategy<Properties> {
    if !version.is_v5() {
        return Just(Properties::EMPTY).boxed();
    }
    let mut ids: Vec<PropertyId> = PropertyId::ALL
        .iter()
        .copied()
        .filter(|id| id.may_stand_in(scope))
        .collect();
    ids.extend(ids.clone().into_iter().filter(|id| id.may_repeat_in(scope)));
    let count = ids.len();
    proptest::sample::subsequence(ids, 0..=count)
        .prop_shuffle()
        .prop_flat_map(|ids| ids.into_iter().map(property).collect::<Vec<_>>())
        .prop_map(Properties::from)
        .boxed()
}

fn connect(version: ProtocolVersion) -> impl Strategy<Value = Connect> {
    let will = (
        topic_name(),
        data(),
        qos(),
        any::<bool>(),
        properties(version, PropertyScope::Will),
    )
        .prop_map(|(topic, payload, qos, retain, properties)| Will {
            topic,
            payload,
            qos,
            retain,
            properties,
        });
    let properties = properties(version, PropertyScope::Connect).prop_filter(
        "authentication data needs a method",
        |properties| {
            properties.authentication_data().is_none()
                || properties.authentication_method().is_some()
        },
    );
    let bridge = if version.is_v5() {
        Just(false).boxed()
    } else {
        any::<bool>().boxed()
    };
    (
        (bridge, any::<bool>(), any::<u16>(), text()),
        (
            option::of(will),
            option::of(text()),
            option::of(data()),
            properties,
        ),
    )
        .prop_map(
            move |((bridge, clean_start, keep_alive, client_id), rest)| {
                let (will, username, password, properties) = rest;
                let password_allowed = version != ProtocolVersion::V311 || username.is_some();
                Connect {
                    version,
                    bridge,
                    clean_start,
                    keep_alive,
                    client_id,
                    will,
                    username,
                    password: password.filter(|_| password_allowed),
                    properties,
                }
            },
        )
}

fn connack(version: ProtocolVersion) -> BoxedStrategy<ConnAck> {
    if version.is_v5() {
        let codes = select(vec![0x00, 0x80, 0x84, 0x87, 0x9f]);
        return (
            any::<bool>(),
            codes,
            properties(version, PropertyScope::ConnAck),
        )
            .prop_map(|(session_present, code, properties)| ConnAck {
                session_present,
                code: ConnAckCode::V5(reason(code)),
                properties,
            })
            .boxed();
    }
    (any::<bool>(), 0..6_u8)
        .prop_map(|(session_present, code)| ConnAck {
            session_present,
            code: ConnAckCode::V3(ConnectReturnCode(code)),
            properties: Properties::EMPTY,
        })
        .boxed()
}

fn publish(version: ProtocolVersion) -> impl Strategy<Value = Publish> {
    let delivery = prop_oneof![
        Just(Delivery::AtMostOnce),
        packet_id().prop_map(Delivery::AtLeastOnce),
        packet_id().prop_map(Delivery::ExactlyOnce),
    ];
    (
        (any::<bool>(), delivery, any::<bool>()),
        (
            option::weighted(0.9, topic_name()),
            properties(version, PropertyScope::Publish),
            data(),
        ),
    )
        .prop_filter_map(
            "an empty topic needs an alias",
            move |((dup, delivery, retain), (topic, properties, payload))| {
                if topic.is_none() && properties.topic_alias().is_none() {
                    return None;
                }
                let dup = dup && delivery != Delivery::AtMostOnce;
                Some(Publish {
                    dup,
                    delivery,
                    retain,
                    topic,
                    properties,
                    payload,
                })
            },
        )
}

fn acknowledgement(
    version: ProtocolVersion,
    scope: PropertyScope,
) -> impl Strategy<Value = Acknowledgement> {
    let codes = match (version.is_v5(), scope) {
        (false, _) => vec![0x00],
        (true, PropertyScope::PubAck | PropertyScope::PubRec) => vec![0x00, 0x10, 0x87, 0x97],
        (true, _) => vec![0x00, 0x92],
    };
    (packet_id(), select(codes), properties(version, scope)).prop_map(
        |(packet_id, code, properties)| Acknowledgement {
            packet_id,
            reason: reason(code),
            properties,
        },
    )
}

fn subscribe(version: ProtocolVersion) -> impl Strategy<Value = Subscribe> {
    let handling = [
        RetainHandling::Always,
        RetainHandling::New,
        RetainHandling::Never,
    ];
    let options = (
        qos(),
        any::<bool>(),
        any::<bool>(),
        select(handling.to_vec()),
    )
        .prop_map(
            move |(qos, no_local, retain_as_published, retain_handling)| {
                if !version.is_v5() {
                    return SubscriptionOptions {
                        qos,
                        ..SubscriptionOptions::default()
                    };
                }
                SubscriptionOptions {
                    qos,
                    no_local,
                    retain_as_published,
                    retain_handling,
                }
            },
        );
    let subscription =
        (topic_filter(), options).prop_map(|(filter, options)| Subscription { filter, options });
    (
        packet_id(),
        properties(version, PropertyScope::Subscribe),
        vec(subscription, 1..6),
    )
        .prop_map(|(packet_id, properties, subscriptions)| Subscribe {
            packet_id,
            properties,
            subscriptions,
        })
}

fn suback(version: ProtocolVersion) -> impl Strategy<Value = SubAck> {
    let codes = select(vec![0x00, 0x01, 0x02, 0x80]).prop_map(reason);
    (
        packet_id(),
        properties(version, PropertyScope::SubAck),
        vec(codes, 1..6),
    )
        .prop_map(|(packet_id, properties, reasons)| SubAck {
            packet_id,
            properties,
            reasons,
        })
}

fn unsubscribe(version: ProtocolVersion) -> impl Strategy<Value = Unsubscribe> {
    (
        packet_id(),
        properties(version, PropertyScope::Unsubscribe),
        vec(topic_filter(), 1..6),
    )
        .prop_map(|(packet_id, properties, filters)| Unsubscribe {
            packet_id,
            properties,
            filters,
        })
}

fn unsuback(version: ProtocolVersion) -> impl Strategy<Value = UnsubAck> {
    let count = if version.is_v5() { 1..6 } else { 0..1 };
    let codes = select(vec![0x00, 0x11, 0x87]).prop_map(reason);
    (
        packet_id(),
        properties(version, PropertyScope::UnsubAck),
        vec(codes, count),
    )
        .prop_map(|(packet_id, properties, reasons)| UnsubAck {
            packet_id,
            properties,
            reasons,
        })
}

fn disconnect(version: ProtocolVersion) -> impl Strategy<Value = Disconnect> {
    let codes = if version.is_v5() {
        vec![0x00, 0x04, 0x81, 0x8e]
    } else {
        vec![0x00]
    };
    (
        select(codes),
        properties(version, PropertyScope::Disconnect),
    )
        .prop_map(|(code, properties)| Disconnect {
            reason: reason(code),
            properties,
        })
}
