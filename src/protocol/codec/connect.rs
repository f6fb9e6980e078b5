//! CONNECT and CONNACK.

use bytes::{BufMut, BytesMut};

use super::super::property::PropertyScope;
use super::super::{
    ConnAck, ConnAckCode, Connect, ConnectReturnCode, DecodeError, EncodeError, Properties,
    ProtocolVersion, ReasonCode, Will,
};
use super::properties;
use super::reader::{Reader, qos};
use super::writer::{binary, binary_size, check_binary, header};

const USERNAME: u8 = 1 << 7;
const PASSWORD: u8 = 1 << 6;
const WILL_RETAIN: u8 = 1 << 5;
const WILL_QOS_SHIFT: u8 = 3;
const WILL_QOS: u8 = 0b11 << WILL_QOS_SHIFT;
const WILL: u8 = 1 << 2;
const CLEAN_START: u8 = 1 << 1;
const RESERVED: u8 = 1;
/// The bit of the protocol level that Mosquitto's bridges set.
const BRIDGE: u8 = 1 << 7;

/// Reads the protocol name and level, on which the rest depends.
pub(super) fn decode_version(
    reader: &mut Reader<'_>,
) -> Result<(ProtocolVersion, bool), DecodeError> {
    let name = reader.binary("CONNECT: protocol name")?;
    let name = match &name[..] {
        b"MQTT" => "MQTT",
        b"MQIsdp" => "MQIsdp",
        _ => return Err(DecodeError::malformed("CONNECT: protocol name")),
    };
    let byte = reader.u8("CONNECT: protocol level")?;
    let (level, bridge) = (byte & !BRIDGE, byte & BRIDGE != 0);
    let version = match (name, level) {
        ("MQIsdp", 3) => ProtocolVersion::V31,
        ("MQTT", 4) => ProtocolVersion::V311,
        ("MQTT", 5) if !bridge => ProtocolVersion::V5,
        _ => return Err(DecodeError::UnsupportedVersion { name, level }),
    };
    Ok((version, bridge))
}

/// Reads everything after the protocol level.
pub(super) fn decode(
    version: ProtocolVersion,
    bridge: bool,
    reader: &mut Reader<'_>,
) -> Result<Connect, DecodeError> {
    let flags = reader.u8("CONNECT: flags")?;
    // MQTT 3.1 leaves these bits undefined [MQTT-3.1.2-3] [MQTT-3.1.2-13].
    let strict = version != ProtocolVersion::V31;
    if strict && flags & RESERVED != 0 {
        return Err(DecodeError::malformed("CONNECT: reserved flag"));
    }
    if strict && flags & WILL == 0 && flags & (WILL_QOS | WILL_RETAIN) != 0 {
        return Err(DecodeError::malformed("CONNECT: will flags without will"));
    }
    if version == ProtocolVersion::V311 && flags & PASSWORD != 0 && flags & USERNAME == 0 {
        // [MQTT-3.1.2-22]
        return Err(DecodeError::malformed(
            "CONNECT: password without user name",
        ));
    }
    let keep_alive = reader.u16("CONNECT: keep alive")?;
    let connect_properties = match version.is_v5() {
        true => decode_properties(reader)?,
        false => Properties::EMPTY,
    };
    let client_id = reader
        .text("CONNECT: client identifier")
        .map_err(invalid_client_id)?;
    if !client_id.is_plain() {
        return Err(invalid_client_id(DecodeError::malformed(
            "CONNECT: client identifier",
        )));
    }
    let will = if flags & WILL == 0 {
        None
    } else {
        Some(decode_will(version, flags, reader)?)
    };
    let username = match flags & USERNAME {
        0 => None,
        _ => Some(reader.text("CONNECT: user name")?),
    };
    let password = match flags & PASSWORD {
        0 => None,
        _ => Some(reader.binary("CONNECT: password")?),
    };
    reader.finish("CONNECT: surplus bytes")?;
    Ok(Connect {
        version,
        bridge,
        clean_start: flags & CLEAN_START != 0,
        keep_alive,
        client_id,
        will,
        username,
        password,
        properties: connect_properties,
    })
}

fn decode_properties(reader: &mut Reader<'_>) -> Result<Properties, DecodeError> {
    let properties = properties::decode(reader, PropertyScope::Connect)?;
    let method = properties.authentication_method();
    if properties.authentication_data().is_some() && method.is_none() {
        return Err(DecodeError::protocol(
            "CONNECT: authentication data without method",
        ));
    }
    Ok(properties)
}

fn invalid_client_id(_: DecodeError) -> DecodeError {
    DecodeError::new(
        ReasonCode::ClientIdentifierNotValid,
        "CONNECT: client identifier",
    )
}

fn decode_will(
    version: ProtocolVersion,
    flags: u8,
    reader: &mut Reader<'_>,
) -> Result<Will, DecodeError> {
    let qos = qos(flags >> WILL_QOS_SHIFT, "CONNECT: will QoS")?;
    let properties = if version.is_v5() {
        properties::decode(reader, PropertyScope::Will)?
    } else {
        Properties::EMPTY
    };
    if reader.starts_with_empty_text() {
        return Err(DecodeError::protocol("CONNECT: will topic"));
    }
    Ok(Will {
        topic: reader.topic_name("CONNECT: will topic")?,
        payload: reader.binary("CONNECT: will payload")?,
        qos,
        retain: flags & WILL_RETAIN != 0,
        properties,
    })
}

pub(super) fn encode(connect: &Connect, out: &mut BytesMut) -> Result<(), EncodeError> {
    let version = connect.version;
    let name = version.name().as_bytes();
    let mut flags = if connect.clean_start { CLEAN_START } else { 0 };
    let mut length = binary_size(name) + 1 + 1 + 2 + binary_size(connect.client_id.as_bytes());
    if version.is_v5() {
        properties::check(&connect.properties)?;
        length += properties::size(&connect.properties, &[]);
    }
    if let Some(will) = &connect.will {
        check_binary(&will.payload, "the will's payload")?;
        flags |= WILL | u8::from(will.qos) << WILL_QOS_SHIFT;
        flags |= if will.retain { WILL_RETAIN } else { 0 };
        length += binary_size(will.topic.as_bytes()) + binary_size(&will.payload);
        if version.is_v5() {
            properties::check(&will.properties)?;
            length += properties::size(&will.properties, &[]);
        }
    }
    if let Some(username) = &connect.username {
        flags |= USERNAME;
        length += binary_size(username.as_bytes());
    }
    if let Some(password) = &connect.password {
        check_binary(password, "the password")?;
        flags |= PASSWORD;
        length += binary_size(password);
    }
    header(1 << 4, length, out)?;
    binary(name, out);
    out.put_u8(version.level() | if connect.bridge { BRIDGE } else { 0 });
    out.put_u8(flags);
    out.put_u16(connect.keep_alive);
    if version.is_v5() {
        properties::encode(&connect.properties, &[], out);
    }
    binary(connect.client_id.as_bytes(), out);
    if let Some(will) = &connect.will {
        if version.is_v5() {
            properties::encode(&will.properties, &[], out);
        }
        binary(will.topic.as_bytes(), out);
        binary(&will.payload, out);
    }
    if let Some(username) = &connect.username {
        binary(username.as_bytes(), out);
    }
    if let Some(password) = &connect.password {
        binary(password, out);
    }
    Ok(())
}

/// Reads a CONNACK.
///
/// A server of MQTT 3 answers an MQTT 5.0 client in its own form, which has two bytes.
pub(super) fn decode_connack(
    version: ProtocolVersion,
    reader: &mut Reader<'_>,
) -> Result<ConnAck, DecodeError> {
    let v5 = version.is_v5() && reader.remaining() > 2;
    let flags = reader.u8("CONNACK: flags")?;
    if version != ProtocolVersion::V31 && flags & !1 != 0 {
        return Err(DecodeError::malformed("CONNACK: flags"));
    }
    let session_present = flags & 1 != 0;
    if !v5 {
        let code = ConnAckCode::V3(ConnectReturnCode(reader.u8("CONNACK: return code")?));
        return Ok(ConnAck {
            session_present,
            code,
            properties: Properties::EMPTY,
        });
    }
    let code = ConnAckCode::V5(reader.reason("CONNACK: reason code")?);
    let properties = properties::decode(reader, PropertyScope::ConnAck)?;
    reader.finish("CONNACK: surplus bytes")?;
    Ok(ConnAck {
        session_present,
        code,
        properties,
    })
}

pub(super) fn encode_connack(connack: &ConnAck, out: &mut BytesMut) -> Result<(), EncodeError> {
    let flags = u8::from(connack.session_present);
    match connack.code {
        ConnAckCode::V3(code) => {
            header(2 << 4, 2, out)?;
            out.put_u8(flags);
            out.put_u8(code.0);
        }
        ConnAckCode::V5(reason) => {
            properties::check(&connack.properties)?;
            header(2 << 4, 2 + properties::size(&connack.properties, &[]), out)?;
            out.put_u8(flags);
            out.put_u8(reason.into());
            properties::encode(&connack.properties, &[], out);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::super::QoS;
    use super::*;

    fn version_of(bytes: &'static [u8]) -> Result<(ProtocolVersion, bool), DecodeError> {
        let bytes = Bytes::from_static(bytes);
        decode_version(&mut Reader::new(&bytes, 0, bytes.len()))
    }

    #[test]
    fn the_protocol_name_and_level_go_together() {
        assert_eq!(
            version_of(b"\0\x06MQIsdp\x03"),
            Ok((ProtocolVersion::V31, false))
        );
        assert_eq!(
            version_of(b"\0\x04MQTT\x84"),
            Ok((ProtocolVersion::V311, true))
        );
        assert_eq!(
            version_of(b"\0\x04MQTT\x05"),
            Ok((ProtocolVersion::V5, false))
        );
        assert_eq!(
            version_of(b"\0\x04MQTT\x03"),
            Err(DecodeError::UnsupportedVersion {
                name: "MQTT",
                level: 3
            })
        );
        assert_eq!(
            version_of(b"\0\x06MQIsdp\x04"),
            Err(DecodeError::UnsupportedVersion {
                name: "MQIsdp",
                level: 4
            })
        );
        assert!(matches!(
            version_of(b"\0\x04mqtt\x04"),
            Err(DecodeError::Invalid { .. })
        ));
    }

    #[test]
    fn a_will_keeps_its_qos() {
        assert_eq!(qos(0b0001_0100 >> WILL_QOS_SHIFT, ""), Ok(QoS::ExactlyOnce));
    }
}
