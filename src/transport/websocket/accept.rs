//! The server's side of the WebSocket handshake (RFC 6455, section 4.2).

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::server::{
    Request as HandshakeRequest, create_response,
};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::stream::{WebSocketStream, configuration};
use crate::transport::http::{self, Request, StatusCode, header};

/// The initial size of the library's read buffer, of which each connection has one.
const READ_BUFFER: usize = 4 * 1024;

/// A reason that a request did not become a WebSocket; the client has its response.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// It cannot be served.
    #[error("{text}")]
    Refused {
        /// The HTTP status of the response.
        status: StatusCode,
        /// The line of text in the response.
        text: &'static str,
    },
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Returns whether a request asks for a WebSocket rather than a page.
pub fn is_asked_for(request: &Request) -> bool {
    let upgrade = request.head.headers().get(header::UPGRADE);
    upgrade.is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Accepts a client's WebSocket handshake, with any path.
///
/// One of the subprotocols that the client offers must be `mqtt` or `mqttv3.1` [MQTT-6.0.0-3]
/// [MQTT-6.0.0-4]. Messages of more than `max_message` bytes are refused. If there are
/// `origins`, so is a page whose `Origin` is not one of them.
///
/// # Errors
///
/// The request asks for something else, or the connection fails.
pub async fn accept<S>(
    mut stream: S,
    request: Request,
    max_message: usize,
    origins: &[String],
) -> Result<WebSocketStream<S>, AcceptError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let protocol = match choose(&request.head, origins) {
        Ok(protocol) => protocol,
        Err(refusal) => {
            let AcceptError::Refused { status, text } = refusal else {
                return Err(refusal);
            };
            // RFC 6455, section 4.4
            let headers: &[_] = match status {
                StatusCode::UPGRADE_REQUIRED => &[("Sec-WebSocket-Version", "13")],
                _ => &[],
            };
            http::refuse(&mut stream, status, headers, text).await;
            return Err(refusal);
        }
    };
    let response = create_response(&request.head);
    let accept = response.as_ref().ok().and_then(|response| {
        let accept = response.headers().get(header::SEC_WEBSOCKET_ACCEPT)?;
        accept.to_str().ok()
    });
    let Some(accept) = accept else {
        let (status, text) = (StatusCode::BAD_REQUEST, "This is no WebSocket handshake.");
        http::refuse(&mut stream, status, &[], text).await;
        return Err(AcceptError::Refused { status, text });
    };
    // Byte for byte as Mosquitto has it: some small clients compare.
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: WebSocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\
         \r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await?;
    let config = configuration(max_message).read_buffer_size(READ_BUFFER);
    let rest = request.rest.into();
    Ok(WebSocketStream::new(stream, rest, Role::Server, config).await)
}

/// Checks a request before it is answered, and chooses the subprotocol.
fn choose(request: &HandshakeRequest, origins: &[String]) -> Result<&'static str, AcceptError> {
    const KNOWN: [&str; 2] = ["mqtt", "mqttv3.1"];
    let refused = |status, text| AcceptError::Refused { status, text };
    let headers = request.headers();
    // A request without an origin does not come from a page in a browser.
    let stranger = headers.get(header::ORIGIN).filter(|origin| {
        let is_known = |known: &String| known.as_bytes() == origin.as_bytes();
        !origins.is_empty() && !origins.iter().any(is_known)
    });
    if stranger.is_some() {
        return Err(refused(StatusCode::FORBIDDEN, "non-matching http origin"));
    }
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        let text = "Use version 13 of WebSocket.";
        return Err(refused(StatusCode::UPGRADE_REQUIRED, text));
    }
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    offers
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|offer| KNOWN.into_iter().find(|&known| known == offer.trim()))
        .ok_or_else(|| {
            let text = "Offer the WebSocket subprotocol mqtt.";
            refused(StatusCode::BAD_REQUEST, text)
        })
}
