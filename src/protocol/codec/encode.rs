//! Encoding of packets, each in its shortest form.

use bytes::{BufMut, BytesMut};

use super::super::{
    Acknowledgement, EncodeError, Packet, PacketId, PacketType, Properties, ProtocolVersion,
    ReasonCode, SubAck, Subscribe, Subscription, SubscriptionOptions, TopicFilter, UnsubAck,
    Unsubscribe,
};
use super::writer::{binary, binary_size, header};
use super::{connect, properties, publish};

/// Appends the packet to `out`, which is unchanged after an error.
///
/// Properties and reason codes are left out before MQTT 5.0.
pub fn encode(
    packet: &Packet,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    use PacketType as Type;
    match packet {
        Packet::Connect(packet) => connect::encode(packet, out),
        Packet::ConnAck(packet) => connect::encode_connack(packet, out),
        Packet::Publish(packet) => publish::encode(packet, version, out),
        Packet::PubAck(ack) => acknowledgement(Type::PubAck, ack, version, out),
        Packet::PubRec(ack) => acknowledgement(Type::PubRec, ack, version, out),
        Packet::PubRel(ack) => acknowledgement(Type::PubRel, ack, version, out),
        Packet::PubComp(ack) => acknowledgement(Type::PubComp, ack, version, out),
        Packet::Subscribe(packet) => subscribe(packet, version, out),
        Packet::SubAck(packet) => suback(packet, version, out),
        Packet::Unsubscribe(packet) => unsubscribe(packet, version, out),
        Packet::UnsubAck(packet) => unsuback(packet, version, out),
        Packet::PingReq => header(first_byte(Type::PingReq), 0, out),
        Packet::PingResp => header(first_byte(Type::PingResp), 0, out),
        Packet::Disconnect(packet) => reason_only(
            Type::Disconnect,
            packet.reason,
            &packet.properties,
            version,
            out,
        ),
        Packet::Auth(packet) => {
            reason_only(Type::Auth, packet.reason, &packet.properties, version, out)
        }
    }
}

/// Returns the first byte of every packet except PUBLISH [MQTT-2.1.3-1].
fn first_byte(packet_type: PacketType) -> u8 {
    let flags = match packet_type {
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => 0b0010,
        _ => 0,
    };
    (packet_type as u8) << 4 | flags
}

fn acknowledgement(
    packet_type: PacketType,
    ack: &Acknowledgement,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let first = first_byte(packet_type);
    if !version.is_v5() || (ack.reason == ReasonCode::Success && ack.properties.is_empty()) {
        header(first, 2, out)?;
        out.put_u16(ack.packet_id.get());
        return Ok(());
    }
    properties::check(&ack.properties)?;
    header(first, 2 + reason_size(&ack.properties), out)?;
    out.put_u16(ack.packet_id.get());
    write_reason(ack.reason, &ack.properties, out);
    Ok(())
}

/// Writes a DISCONNECT or AUTH, which is empty for success without properties.
fn reason_only(
    packet_type: PacketType,
    reason: ReasonCode,
    properties: &Properties,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let first = first_byte(packet_type);
    if !version.is_v5() || (reason == ReasonCode::Success && properties.is_empty()) {
        return header(first, 0, out);
    }
    properties::check(properties)?;
    header(first, reason_size(properties), out)?;
    write_reason(reason, properties, out);
    Ok(())
}

fn reason_size(properties: &Properties) -> usize {
    1 + if properties.is_empty() {
        0
    } else {
        properties::size(properties, &[])
    }
}

fn write_reason(reason: ReasonCode, properties: &Properties, out: &mut BytesMut) {
    out.put_u8(reason.into());
    if !properties.is_empty() {
        properties::encode(properties, &[], out);
    }
}

/// The beginning of a packet with an identifier and properties.
struct Beginning<'a> {
    packet_type: PacketType,
    packet_id: PacketId,
    properties: &'a Properties,
}

impl Beginning<'_> {
    /// Writes the packet except its last `payload_size` bytes.
    fn write(
        &self,
        payload_size: usize,
        version: ProtocolVersion,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        properties::check(self.properties)?;
        let size = if version.is_v5() {
            properties::size(self.properties, &[])
        } else {
            0
        };
        header(first_byte(self.packet_type), 2 + size + payload_size, out)?;
        out.put_u16(self.packet_id.get());
        if version.is_v5() {
            properties::encode(self.properties, &[], out);
        }
        Ok(())
    }
}

fn subscribe(
    packet: &Subscribe,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let filters = packet.subscriptions.iter().map(|it| &it.filter);
    let size = filters.map(filter_size).sum::<usize>() + packet.subscriptions.len();
    let beginning = Beginning {
        packet_type: PacketType::Subscribe,
        packet_id: packet.packet_id,
        properties: &packet.properties,
    };
    beginning.write(size, version, out)?;
    for Subscription { filter, options } in &packet.subscriptions {
        binary(filter.as_bytes(), out);
        out.put_u8(subscription_options(*options, version));
    }
    Ok(())
}

fn suback(
    packet: &SubAck,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let beginning = Beginning {
        packet_type: PacketType::SubAck,
        packet_id: packet.packet_id,
        properties: &packet.properties,
    };
    beginning.write(packet.reasons.len(), version, out)?;
    write_reasons(&packet.reasons, out);
    Ok(())
}

fn unsubscribe(
    packet: &Unsubscribe,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let beginning = Beginning {
        packet_type: PacketType::Unsubscribe,
        packet_id: packet.packet_id,
        properties: &packet.properties,
    };
    let size = packet.filters.iter().map(filter_size).sum();
    beginning.write(size, version, out)?;
    for filter in &packet.filters {
        binary(filter.as_bytes(), out);
    }
    Ok(())
}

fn unsuback(
    packet: &UnsubAck,
    version: ProtocolVersion,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let reasons = if version.is_v5() {
        &packet.reasons[..]
    } else {
        &[]
    };
    let beginning = Beginning {
        packet_type: PacketType::UnsubAck,
        packet_id: packet.packet_id,
        properties: &packet.properties,
    };
    beginning.write(reasons.len(), version, out)?;
    write_reasons(reasons, out);
    Ok(())
}

fn write_reasons(reasons: &[ReasonCode], out: &mut BytesMut) {
    out.extend(reasons.iter().map(|&reason| u8::from(reason)));
}

fn filter_size(filter: &TopicFilter) -> usize {
    binary_size(filter.as_bytes())
}

fn subscription_options(options: SubscriptionOptions, version: ProtocolVersion) -> u8 {
    let qos = u8::from(options.qos);
    if !version.is_v5() {
        return qos;
    }
    qos | u8::from(options.no_local) << 2
        | u8::from(options.retain_as_published) << 3
        | (options.retain_handling as u8) << 4
}
