//! MQTT over WebSocket (MQTT 5.0, section 6): the bytes of binary frames, whose
//! boundaries mean nothing [MQTT-6.0.0-2].

mod connect;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::server::{
    Request as HandshakeRequest, create_response, write_response,
};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

pub use connect::{ConnectError, connect};

use super::http::{self, Request, StatusCode, header};

/// One frame takes so much at most.
const MAX_FRAME: usize = 64 * 1024;
/// What the library's own buffer begins with; it has one for each connection.
const READ_BUFFER: usize = 4 * 1024;

/// A byte stream inside WebSocket frames.
#[derive(Debug)]
pub struct WebSocketStream<S> {
    frames: tokio_tungstenite::WebSocketStream<S>,
    /// What is left of the last frame.
    unread: Bytes,
    /// Set when a close frame was answered or a text frame refused.
    ended: bool,
}

/// Why a request did not become a WebSocket; the client was told.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// It cannot be served.
    #[error("{text}")]
    Refused {
        /// The HTTP status of the answer.
        status: StatusCode,
        /// The answer's one line.
        text: &'static str,
    },
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether a request asks for a WebSocket rather than a page.
pub fn is_asked_for(request: &Request) -> bool {
    let upgrade = request.head.headers().get(header::UPGRADE);
    upgrade.is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Takes a client's WebSocket handshake. Any path will do; of the subprotocols that the
/// client offers, `mqtt` or `mqttv3.1` must be one [MQTT-6.0.0-3] [MQTT-6.0.0-4].
/// Messages of more than `max_message` bytes are refused, and so is the page of an
/// `Origin` that is not one of `origins`, if there are any.
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
    let mut answer = Vec::new();
    let response = create_response(&request.head).map(|mut response| {
        let name = HeaderValue::from_static(protocol);
        let headers = response.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, name);
        response
    });
    let written = response.and_then(|response| write_response(&mut answer, &response));
    if written.is_err() {
        let (status, text) = (StatusCode::BAD_REQUEST, "This is no WebSocket handshake.");
        http::refuse(&mut stream, status, &[], text).await;
        return Err(AcceptError::Refused { status, text });
    }
    stream.write_all(&answer).await?;
    stream.flush().await?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(max_message.max(MAX_FRAME)))
        .max_frame_size(Some(max_message.max(MAX_FRAME)));
    let frames = tokio_tungstenite::WebSocketStream::from_partially_read(
        stream,
        request.rest.into(),
        Role::Server,
        Some(config),
    );
    Ok(WebSocketStream {
        frames: frames.await,
        unread: Bytes::new(),
        ended: false,
    })
}

/// Checks what a request says before it is answered, and chooses the subprotocol.
fn choose(request: &HandshakeRequest, origins: &[String]) -> Result<&'static str, AcceptError> {
    const KNOWN: [&str; 2] = ["mqtt", "mqttv3.1"];
    let refused = |status, text| AcceptError::Refused { status, text };
    let headers = request.headers();
    // A request without origin comes from no page of a browser.
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

impl<S> WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Waits until there are bytes, the end, or an error.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() && !self.ended {
            match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Text(_))) => {
                    // [MQTT-6.0.0-1]
                    self.ended = true;
                    let reason = CloseFrame {
                        code: CloseCode::Unsupported,
                        reason: "MQTT is sent in binary frames".into(),
                    };
                    let close = Message::Close(Some(reason));
                    if Pin::new(&mut self.frames).start_send(close).is_ok() {
                        let _ = Pin::new(&mut self.frames).poll_flush(cx);
                    }
                }
                // Pings are answered by the library, with the next flush.
                Some(Ok(Message::Ping(_))) => {
                    let _ = Pin::new(&mut self.frames).poll_flush(cx);
                }
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => self.ended = true,
                Some(Err(tungstenite::Error::ConnectionClosed)) => self.ended = true,
                Some(Err(tungstenite::Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                ))) => self.ended = true,
                Some(Err(error)) => return Poll::Ready(Err(into_io(error))),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, frame: Bytes) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.frames).poll_ready(cx)).map_err(into_io)?;
        let length = frame.len();
        Pin::new(&mut self.frames)
            .start_send(Message::Binary(frame))
            .map_err(into_io)?;
        Poll::Ready(Ok(length))
    }
}

impl<S> AsyncRead for WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_read_ready(cx))?;
        let length = this.unread.len().min(buffer.remaining());
        buffer.put_slice(&this.unread[..length]);
        this.unread.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S> AsyncWrite for WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let frame = Bytes::copy_from_slice(&bytes[..bytes.len().min(MAX_FRAME)]);
        self.get_mut().poll_send(cx, frame)
    }

    /// Many small slices make one frame, so that a batch costs one header.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut frame = BytesMut::new();
        for slice in slices {
            let room = MAX_FRAME - frame.len();
            frame.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        self.get_mut().poll_send(cx, frame.freeze())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().frames)
            .poll_flush(cx)
            .map_err(into_io)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().frames)
            .poll_close(cx)
            .map_err(into_io)
    }
}

fn into_io(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
