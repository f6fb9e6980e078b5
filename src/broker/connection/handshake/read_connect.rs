//! Reading a CONNECT.

use std::io::ErrorKind;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;

use super::refusal::Refusal;
use crate::broker::Broker;
use crate::broker::statistics::Counter;
use crate::protocol::{Connect, Decoder, Packet};
use crate::transport::Stream;

/// What is read at once of a CONNECT that has come already.
const EARLY_READ: usize = 256;
/// What is read at once before the CONNECT is whole.
const FIRST_READ: usize = 1024;

/// Reads until there is a whole CONNECT; what comes after it stays in `buffer`.
pub(super) async fn read_connect(
    stream: &mut Stream,
    decoder: &mut Decoder,
    buffer: &mut BytesMut,
    broker: &Broker,
) -> Result<Box<Connect>, Refusal> {
    /// The high four bits of a CONNECT's first byte.
    const CONNECT: u8 = 0x10;
    /// The first byte of a TLS record that begins a handshake.
    const TLS_HANDSHAKE: u8 = 0x16;
    let mut early = read_early(stream, buffer);
    loop {
        let result = match early.take() {
            Some(result) => result,
            None => {
                buffer.reserve(FIRST_READ);
                stream.read_buf(buffer).await
            }
        };
        match result {
            Ok(0) => return Err(Refusal::Gone),
            Ok(length) => broker.env.statistics.add(Counter::BytesReceived, length),
            Err(error) => return Err(Refusal::Socket(error)),
        }
        match buffer.first() {
            Some(&TLS_HANDSHAKE) => return Err(Refusal::Tls),
            Some(&byte) if byte & 0xf0 != CONNECT => return Err(Refusal::NotConnect(byte)),
            _ => {}
        }
        match decoder.decode(buffer) {
            Ok(Some(Packet::Connect(connect))) => return Ok(connect),
            Ok(Some(_)) => return Err(Refusal::NotConnect(0)),
            Ok(None) => {}
            Err(error) => return Err(Refusal::Malformed(error)),
        }
    }
}

/// Reads a CONNECT that came faster than its connection was taken, as most do: nobody has to
/// wait for the runtime to notice.
fn read_early(stream: &Stream, buffer: &mut BytesMut) -> Option<std::io::Result<usize>> {
    let mut bytes = [0; EARLY_READ];
    match stream.tcp()?.read_early(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => Some(result.inspect(|&length| buffer.extend_from_slice(&bytes[..length]))),
    }
}
