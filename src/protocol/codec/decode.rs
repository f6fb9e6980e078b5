//! Decoding of packets.

use bytes::{Bytes, BytesMut};

use super::super::property::PropertyScope;
use super::super::{
    Acknowledgement, Auth, DecodeError, Disconnect, Packet, PacketId, PacketType, Properties,
    ProtocolVersion, ReasonCode, RetainHandling, SubAck, Subscribe, Subscription,
    SubscriptionOptions, UnsubAck, Unsubscribe,
};
use super::frame::{self, Frame};
use super::reader::{MaxCounts, Reader, qos};
use super::{connect, properties, publish};

/// A decoder for the bytes of one connection.
///
/// On a server it learns the version from the CONNECT. On a client the version is given.
#[derive(Clone, Debug)]
pub struct Decoder {
    version: Option<ProtocolVersion>,
    max_packet_size: u32,
    is_server: bool,
    counts: MaxCounts,
}

/// The packet types that no client sends, as bits.
const OF_SERVERS: u16 = 1 << 0
    | 1 << PacketType::ConnAck as u8
    | 1 << PacketType::SubAck as u8
    | 1 << PacketType::UnsubAck as u8
    | 1 << PacketType::PingResp as u8;

/// Whole packets in one buffer, not yet decoded.
#[derive(Clone, Debug, Default)]
pub struct PacketBytes {
    bytes: Bytes,
    position: usize,
}

impl PacketBytes {
    fn new(bytes: Bytes) -> Self {
        Self { bytes, position: 0 }
    }

    /// Returns the number of bytes not yet decoded.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }
}

impl Decoder {
    /// Creates a server's decoder, which learns the version from the CONNECT.
    ///
    /// Packets that no client may send are refused at their first byte.
    /// Packets of more than `max_packet_size` bytes are refused as soon as their length is
    /// known.
    pub fn new(max_packet_size: u32) -> Self {
        Self {
            version: None,
            max_packet_size,
            is_server: true,
            counts: MaxCounts::NONE,
        }
    }

    /// Creates a client's decoder, for a version that is known.
    pub fn with_version(version: ProtocolVersion, max_packet_size: u32) -> Self {
        Self {
            version: Some(version),
            max_packet_size,
            is_server: false,
            counts: MaxCounts::NONE,
        }
    }

    /// Returns the version, or `None` before the CONNECT.
    ///
    /// The version is known even if the rest of the CONNECT is wrong.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.version
    }

    /// Changes the maximum size of a packet.
    pub fn set_max_packet_size(&mut self, max_packet_size: u32) {
        self.max_packet_size = max_packet_size;
    }

    /// Changes the number of parts that a packet may have.
    ///
    /// A packet with more is refused with Quota exceeded.
    pub fn set_max_counts(&mut self, counts: MaxCounts) {
        self.counts = counts;
    }

    /// Splits all whole packets off the front of `buffer`.
    ///
    /// The beginning of a packet may be left. An error concerns the packet at the very front.
    pub fn split_whole_packets(&self, buffer: &mut BytesMut) -> Result<PacketBytes, DecodeError> {
        let end = self.whole_packets(buffer)?;
        Ok(PacketBytes::new(buffer.split_to(end).freeze()))
    }

    /// Splits all whole packets off the front of bytes that do not change any more.
    pub fn take_whole_packets(&self, buffer: &mut Bytes) -> Result<PacketBytes, DecodeError> {
        let end = self.whole_packets(buffer)?;
        Ok(PacketBytes::new(buffer.split_to(end)))
    }

    /// Returns the length of all whole packets at the front of `buffer`.
    fn whole_packets(&self, buffer: &[u8]) -> Result<usize, DecodeError> {
        let mut end = 0;
        loop {
            match self.frame(&buffer[end..]) {
                Ok(Frame::Whole { length, .. }) => end += length,
                Ok(Frame::Incomplete { .. }) => return Ok(end),
                Err(error) if end == 0 => return Err(error),
                Err(_) => return Ok(end),
            }
        }
    }

    /// Finds the end of the packet at the front of `bytes`.
    fn frame(&self, bytes: &[u8]) -> Result<Frame, DecodeError> {
        if let Some(first) = bytes.first().filter(|_| self.is_server) {
            let packet_type = first >> 4;
            let is_auth = packet_type == PacketType::Auth as u8;
            let is_unknown = is_auth && self.version.is_some_and(|version| !version.is_v5());
            if OF_SERVERS >> packet_type & 1 != 0 || is_unknown {
                return Err(DecodeError::protocol("a packet that no client sends"));
            }
        }
        frame::find(bytes, self.max_packet_size)
    }

    /// Returns the least number of bytes that the packet at the front of `buffer` lacks.
    ///
    /// It is 0 if the packet is whole or known to be wrong.
    pub fn missing(&self, buffer: &[u8]) -> usize {
        match self.frame(buffer) {
            Ok(Frame::Incomplete { missing }) => missing,
            Ok(Frame::Whole { .. }) | Err(_) => 0,
        }
    }

    /// Decodes the next packet; `None` if there is none left.
    pub fn next_packet(
        &mut self,
        packets: &mut PacketBytes,
    ) -> Result<Option<Packet>, DecodeError> {
        if packets.remaining() == 0 {
            return Ok(None);
        }
        let front = &packets.bytes[packets.position..];
        if let Some(packet) = short_acknowledgement(front) {
            packets.position += SHORT_ACKNOWLEDGEMENT;
            return Ok(Some(packet));
        }
        let Frame::Whole { header, length } = self.frame(front)? else {
            return Err(DecodeError::malformed("remaining length"));
        };
        let (start, end) = (packets.position + header, packets.position + length);
        let first = front[0];
        packets.position = end;
        let reader = Reader::new(&packets.bytes, start, end).with_counts(self.counts);
        self.decode_body(first, reader).map(Some)
    }

    /// Decodes the packet at the front of `buffer` and removes it; `None` if it is not whole
    /// yet.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Packet>, DecodeError> {
        match self.frame(buffer)? {
            Frame::Incomplete { .. } => Ok(None),
            Frame::Whole { length, .. } => {
                let bytes = buffer.split_to(length).freeze();
                self.next_packet(&mut PacketBytes { bytes, position: 0 })
            }
        }
    }

    /// Decodes the packet at the front of `bytes` and removes it; `None` if it is not whole.
    pub fn decode_front(&mut self, bytes: &mut Bytes) -> Result<Option<Packet>, DecodeError> {
        match self.frame(bytes)? {
            Frame::Incomplete { .. } => Ok(None),
            Frame::Whole { length, .. } => {
                let bytes = bytes.split_to(length);
                self.next_packet(&mut PacketBytes { bytes, position: 0 })
            }
        }
    }

    fn decode_body(&mut self, first: u8, mut reader: Reader<'_>) -> Result<Packet, DecodeError> {
        use PacketType as Type;
        let packet_type =
            Type::from_u8(first >> 4).ok_or(DecodeError::protocol("packet type 0"))?;
        let flags = first & 0x0f;
        let version = self.version.unwrap_or(ProtocolVersion::V311);
        let reader = &mut reader;
        if packet_type == Type::Connect {
            let (version, bridge) = connect::decode_version(reader)?;
            check_flags(packet_type, flags, version)?;
            self.version = Some(version);
            let connect = connect::decode(version, bridge, reader)?;
            return Ok(Packet::Connect(Box::new(connect)));
        }
        check_flags(packet_type, flags, version)?;
        Ok(match packet_type {
            Type::Connect => unreachable!("returned above"),
            Type::ConnAck => Packet::ConnAck(connect::decode_connack(version, reader)?),
            Type::Publish => Packet::Publish(publish::decode(flags, version, reader)?),
            Type::PubAck => {
                Packet::PubAck(acknowledgement(PropertyScope::PubAck, version, reader)?)
            }
            Type::PubRec => {
                Packet::PubRec(acknowledgement(PropertyScope::PubRec, version, reader)?)
            }
            Type::PubRel => {
                Packet::PubRel(acknowledgement(PropertyScope::PubRel, version, reader)?)
            }
            Type::PubComp => {
                Packet::PubComp(acknowledgement(PropertyScope::PubComp, version, reader)?)
            }
            Type::Subscribe => Packet::Subscribe(subscribe(version, reader)?),
            Type::SubAck => Packet::SubAck(suback(version, reader)?),
            Type::Unsubscribe => Packet::Unsubscribe(unsubscribe(version, reader)?),
            Type::UnsubAck => Packet::UnsubAck(unsuback(version, reader)?),
            Type::PingReq => {
                reader.finish("PINGREQ: surplus bytes")?;
                Packet::PingReq
            }
            Type::PingResp => {
                reader.finish("PINGRESP: surplus bytes")?;
                Packet::PingResp
            }
            Type::Disconnect => Packet::Disconnect(disconnect(version, reader)?),
            Type::Auth => Packet::Auth(auth(version, reader)?),
        })
    }
}

/// The length of an acknowledgement with nothing but its packet identifier.
const SHORT_ACKNOWLEDGEMENT: usize = 4;

/// Decodes an acknowledgement of that length at the front, if there is one.
///
/// Nearly all acknowledgements are that short, and in every version they mean success.
fn short_acknowledgement(front: &[u8]) -> Option<Packet> {
    let &[first, 2, high, low, ..] = front else {
        return None;
    };
    let packet = match first {
        0x40 => Packet::PubAck,
        0x50 => Packet::PubRec,
        0x62 => Packet::PubRel,
        0x70 => Packet::PubComp,
        _ => return None,
    };
    let packet_id = PacketId::new(u16::from_be_bytes([high, low]))?;
    Some(packet(Acknowledgement::success(packet_id)))
}

/// Checks the low four bits of the first byte, which are fixed except in PUBLISH
/// [MQTT-2.1.3-1].
///
/// MQTT 3.1 allows a DUP flag in packets that are sent again, and does not use the flags of
/// CONNECT.
fn check_flags(
    packet_type: PacketType,
    flags: u8,
    version: ProtocolVersion,
) -> Result<(), DecodeError> {
    let allowed = match packet_type {
        PacketType::Publish => true,
        PacketType::Connect if version == ProtocolVersion::V31 => true,
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => {
            flags == 0b0010 || (version == ProtocolVersion::V31 && flags == 0b1010)
        }
        _ => flags == 0,
    };
    if allowed {
        Ok(())
    } else {
        Err(DecodeError::malformed("fixed header flags"))
    }
}

fn acknowledgement(
    scope: PropertyScope,
    version: ProtocolVersion,
    reader: &mut Reader<'_>,
) -> Result<Acknowledgement, DecodeError> {
    use ReasonCode as Reason;
    let packet_id = reader.packet_id("acknowledgement: packet identifier")?;
    if !version.is_v5() {
        reader.finish("acknowledgement: surplus bytes")?;
        return Ok(Acknowledgement::success(packet_id));
    }
    let reason = if reader.is_empty() {
        Reason::Success
    } else {
        reader.reason("acknowledgement: reason code")?
    };
    let allowed = match scope {
        PropertyScope::PubAck | PropertyScope::PubRec => matches!(
            reason,
            Reason::Success
                | Reason::NoMatchingSubscribers
                | Reason::UnspecifiedError
                | Reason::ImplementationSpecificError
                | Reason::NotAuthorized
                | Reason::TopicNameInvalid
                | Reason::PacketIdentifierInUse
                | Reason::PacketTooLarge
                | Reason::QuotaExceeded
                | Reason::PayloadFormatInvalid
        ),
        _ => matches!(reason, Reason::Success | Reason::PacketIdentifierNotFound),
    };
    if !allowed {
        return Err(DecodeError::protocol("acknowledgement: reason code"));
    }
    let properties = optional_properties(reader, scope)?;
    reader.finish("acknowledgement: surplus bytes")?;
    Ok(Acknowledgement {
        packet_id,
        reason,
        properties,
    })
}

/// Reads properties, which may be left out with their length at the end of the packet.
fn optional_properties(
    reader: &mut Reader<'_>,
    scope: PropertyScope,
) -> Result<Properties, DecodeError> {
    if reader.is_empty() {
        return Ok(Properties::EMPTY);
    }
    properties::decode(reader, scope)
}

fn v5_properties(
    version: ProtocolVersion,
    reader: &mut Reader<'_>,
    scope: PropertyScope,
) -> Result<Properties, DecodeError> {
    if version.is_v5() {
        properties::decode(reader, scope)
    } else {
        Ok(Properties::EMPTY)
    }
}

fn subscribe(version: ProtocolVersion, reader: &mut Reader<'_>) -> Result<Subscribe, DecodeError> {
    let packet_id = subscribe_id(reader, "SUBSCRIBE: packet identifier")?;
    let properties = v5_properties(version, reader, PropertyScope::Subscribe)?;
    let mut subscriptions = Vec::new();
    while !reader.is_empty() {
        let filter = reader.topic_filter("SUBSCRIBE: topic filter")?;
        let bits = reader.u8("SUBSCRIBE: options")?;
        let options = subscription_options(bits, version)?;
        if options.no_local && filter.is_shared() {
            // [MQTT-3.8.3-4]
            return Err(DecodeError::protocol(
                "SUBSCRIBE: No Local on a shared subscription",
            ));
        }
        subscriptions.push(Subscription { filter, options });
        reader.check_filters(subscriptions.len())?;
    }
    if subscriptions.is_empty() && version != ProtocolVersion::V31 {
        // [MQTT-3.8.3-2]
        return Err(DecodeError::malformed("SUBSCRIBE: no topic filter"));
    }
    Ok(Subscribe {
        packet_id,
        properties,
        subscriptions,
    })
}

/// Reads the packet identifier of a SUBSCRIBE or UNSUBSCRIBE.
///
/// Here a 0 is malformed to Mosquitto.
fn subscribe_id(
    reader: &mut Reader<'_>,
    place: &'static str,
) -> Result<super::super::PacketId, DecodeError> {
    reader
        .packet_id(place)
        .map_err(|_| DecodeError::malformed(place))
}

fn subscription_options(
    bits: u8,
    version: ProtocolVersion,
) -> Result<SubscriptionOptions, DecodeError> {
    const PLACE: &str = "SUBSCRIBE: options";
    let qos = qos(bits, PLACE)?;
    let reserved = if version.is_v5() {
        0b1100_0000
    } else {
        0b1111_1100
    };
    if bits & reserved != 0 {
        // [MQTT-3.8.3-5]
        return Err(DecodeError::malformed(PLACE));
    }
    let retain_handling = match bits >> 4 & 0b11 {
        0 => RetainHandling::Always,
        1 => RetainHandling::New,
        2 => RetainHandling::Never,
        _ => return Err(DecodeError::malformed(PLACE)),
    };
    Ok(SubscriptionOptions {
        qos,
        no_local: bits & 1 << 2 != 0,
        retain_as_published: bits & 1 << 3 != 0,
        retain_handling,
    })
}

fn suback(version: ProtocolVersion, reader: &mut Reader<'_>) -> Result<SubAck, DecodeError> {
    let packet_id = reader.packet_id("SUBACK: packet identifier")?;
    let properties = v5_properties(version, reader, PropertyScope::SubAck)?;
    let reasons = reasons(reader, "SUBACK: reason code")?;
    Ok(SubAck {
        packet_id,
        properties,
        reasons,
    })
}

fn unsubscribe(
    version: ProtocolVersion,
    reader: &mut Reader<'_>,
) -> Result<Unsubscribe, DecodeError> {
    let packet_id = subscribe_id(reader, "UNSUBSCRIBE: packet identifier")?;
    let properties = v5_properties(version, reader, PropertyScope::Unsubscribe)?;
    let mut filters = Vec::new();
    while !reader.is_empty() {
        filters.push(reader.topic_filter("UNSUBSCRIBE: topic filter")?);
        reader.check_filters(filters.len())?;
    }
    if filters.is_empty() && version != ProtocolVersion::V31 {
        // [MQTT-3.10.3-2]
        return Err(DecodeError::malformed("UNSUBSCRIBE: no topic filter"));
    }
    Ok(Unsubscribe {
        packet_id,
        properties,
        filters,
    })
}

fn unsuback(version: ProtocolVersion, reader: &mut Reader<'_>) -> Result<UnsubAck, DecodeError> {
    let packet_id = reader.packet_id("UNSUBACK: packet identifier")?;
    let properties = v5_properties(version, reader, PropertyScope::UnsubAck)?;
    let reasons = match version.is_v5() {
        true => reasons(reader, "UNSUBACK: reason code")?,
        false => Vec::new(),
    };
    reader.finish("UNSUBACK: surplus bytes")?;
    Ok(UnsubAck {
        packet_id,
        properties,
        reasons,
    })
}

fn reasons(reader: &mut Reader<'_>, place: &'static str) -> Result<Vec<ReasonCode>, DecodeError> {
    let mut reasons = Vec::with_capacity(reader.remaining());
    while !reader.is_empty() {
        reasons.push(reader.reason(place)?);
    }
    Ok(reasons)
}

fn disconnect(
    version: ProtocolVersion,
    reader: &mut Reader<'_>,
) -> Result<Disconnect, DecodeError> {
    if !version.is_v5() {
        reader.finish("DISCONNECT: surplus bytes")?;
        return Ok(Disconnect::new(ReasonCode::Success));
    }
    let reason = match reader.is_empty() {
        true => ReasonCode::Success,
        false => reader.reason("DISCONNECT: reason code")?,
    };
    if !matches!(reason, ReasonCode::Success | ReasonCode::DisconnectWithWill) && !reason.is_error()
    {
        return Err(DecodeError::protocol("DISCONNECT: reason code"));
    }
    let properties = optional_properties(reader, PropertyScope::Disconnect)?;
    if !reader.is_empty() {
        return Err(DecodeError::protocol("DISCONNECT: surplus bytes"));
    }
    Ok(Disconnect { reason, properties })
}

fn auth(version: ProtocolVersion, reader: &mut Reader<'_>) -> Result<Auth, DecodeError> {
    if !version.is_v5() {
        return Err(DecodeError::protocol("AUTH before MQTT 5.0"));
    }
    let reason = match reader.is_empty() {
        true => ReasonCode::Success,
        false => reader.reason("AUTH: reason code")?,
    };
    use ReasonCode::{ContinueAuthentication, Reauthenticate, Success};
    if !matches!(reason, Success | ContinueAuthentication | Reauthenticate) {
        // [MQTT-3.15.2-1]
        return Err(DecodeError::protocol("AUTH: reason code"));
    }
    let properties = optional_properties(reader, PropertyScope::Auth)?;
    reader.finish("AUTH: surplus bytes")?;
    Ok(Auth { reason, properties })
}
