//! The client's side of the WebSocket handshake (RFC 6455, section 4.1).
//!
//! The library's own would not write the request as Mosquitto does, byte for byte and with
//! the headers in the same order.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::stream::{WebSocketStream, configuration};

/// The maximum size of the response's head.
const MAX_HEAD: usize = 16 * 1024;

/// A reason that a server does not speak WebSocket with us.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The response is not HTTP, or too long.
    #[error("the answer to the WebSocket handshake is not HTTP")]
    NotHttp,
    /// The response is not `101 Switching Protocols`.
    #[error("the WebSocket handshake was answered with HTTP {0}")]
    Status(String),
    /// The response lacks a header that the standard requires.
    #[error("the answer to the WebSocket handshake has no valid {0} header")]
    Header(&'static str),
}

/// Opens MQTT over WebSocket to a host, with the path `/mqtt`.
///
/// Messages of more than `max_message` bytes are refused.
pub async fn connect<S>(
    mut stream: S,
    host: &str,
    max_message: usize,
) -> Result<WebSocketStream<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    let key = BASE64.encode(nonce);
    let request = format!(
        "GET /mqtt HTTP/1.1\r\n\
         Host: {host}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: mqtt\r\n\
         Sec-WebSocket-Version: 13\r\n\
         \r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let (head, rest) = read_head(&mut stream).await?;
    check(&head, &derive_accept_key(key.as_bytes()))?;
    let config = configuration(max_message);
    Ok(WebSocketStream::new(stream, rest, Role::Client, config).await)
}

/// Reads up to the empty line; returns the head and the bytes behind it.
async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<(String, Vec<u8>), ConnectError> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(|_| ConnectError::NotHttp)?;
            return Ok((head, rest));
        }
        let looks_right = bytes.starts_with(&b"HTTP/"[..bytes.len().min(5)]);
        if bytes.len() > MAX_HEAD || !looks_right {
            return Err(ConnectError::NotHttp);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

fn check(head: &str, accept: &str) -> Result<(), ConnectError> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split_once(' '));
    let (_, status) = status.ok_or(ConnectError::NotHttp)?;
    if !(status == "101" || status.starts_with("101 ")) {
        return Err(ConnectError::Status(status.to_owned()));
    }
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let has = |wanted: &str, right: &dyn Fn(&str) -> bool| {
        headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case(wanted) && right(value.trim()))
    };
    type Check<'a> = &'a dyn Fn(&str) -> bool;
    let wanted: [(&'static str, Check<'_>); 4] = [
        ("Upgrade", &|value| value.eq_ignore_ascii_case("websocket")),
        ("Connection", &|value| {
            value
                .split(',')
                .any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
        }),
        ("Sec-WebSocket-Accept", &|value| value == accept),
        ("Sec-WebSocket-Protocol", &|value| value == "mqtt"),
    ];
    for (name, right) in wanted {
        if !has(name, right) {
            return Err(ConnectError::Header(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_needs_its_status_and_its_headers() {
        let good = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\n\
                    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: x\r\n\
                    Sec-WebSocket-Protocol: mqtt\r\n\r\n";
        assert!(check(good, "x").is_ok());
        for (answer, text) in [
            (
                good.replace("101 Switching Protocols", "404 Not Found"),
                "the WebSocket handshake was answered with HTTP 404 Not Found",
            ),
            (
                good.replace(": x", ": y"),
                "the answer to the WebSocket handshake has no valid Sec-WebSocket-Accept header",
            ),
            (
                good.replace(": mqtt", ": other"),
                "the answer to the WebSocket handshake has no valid Sec-WebSocket-Protocol header",
            ),
        ] {
            assert_eq!(check(&answer, "x").unwrap_err().to_string(), text);
        }
    }
}
