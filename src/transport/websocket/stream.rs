use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

/// The maximum size of a frame that we send, in bytes.
const MAX_FRAME: usize = 64 * 1024;

/// A byte stream inside WebSocket frames.
#[derive(Debug)]
pub struct WebSocketStream<S> {
    frames: tokio_tungstenite::WebSocketStream<S>,
    /// The rest of the last frame.
    unread: Bytes,
    /// True once a close frame was answered or a text frame refused.
    ended: bool,
    /// True once this side has begun to close the connection.
    is_closing: bool,
}

/// Returns the library's settings for messages of at most `max_message` bytes.
pub(super) fn configuration(max_message: usize) -> WebSocketConfig {
    let longest = Some(max_message.max(MAX_FRAME));
    WebSocketConfig::default()
        .write_buffer_size(0)
        .max_message_size(longest)
        .max_frame_size(longest)
}

impl<S> WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Creates the stream after its handshake; `rest` has already arrived behind it.
    pub(super) async fn new(stream: S, rest: Vec<u8>, role: Role, config: WebSocketConfig) -> Self {
        let config = Some(config);
        Self {
            frames: tokio_tungstenite::WebSocketStream::from_partially_read(
                stream, rest, role, config,
            )
            .await,
            unread: Bytes::new(),
            ended: false,
            is_closing: false,
        }
    }

    /// Waits until there are bytes, the end, or an error.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() && !self.ended {
            match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Text(_))) => {
                    // [MQTT-6.0.0-1]
                    self.ended = true;
                    self.send_close(CloseCode::Unsupported, "MQTT is sent in binary frames");
                    let _ = Pin::new(&mut self.frames).poll_flush(cx);
                }
                // The library answers pings with the next flush.
                Some(Ok(Message::Ping(_))) => {
                    let _ = Pin::new(&mut self.frames).poll_flush(cx);
                }
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
                // The library answers a close frame with the next flush, too.
                Some(Ok(Message::Close(_))) => {
                    self.ended = true;
                    let _ = Pin::new(&mut self.frames).poll_flush(cx);
                }
                None => self.ended = true,
                Some(Err(tungstenite::Error::ConnectionClosed)) => self.ended = true,
                Some(Err(tungstenite::Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                ))) => self.ended = true,
                Some(Err(error)) => {
                    let code = match &error {
                        tungstenite::Error::Capacity(_) => CloseCode::Size,
                        _ => CloseCode::Protocol,
                    };
                    self.send_close(code, "");
                    let _ = Pin::new(&mut self.frames).poll_flush(cx);
                    return Poll::Ready(Err(into_io(error)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Begins to close the connection, unless that has happened.
    fn send_close(&mut self, code: CloseCode, reason: &'static str) {
        let reason = CloseFrame {
            code,
            reason: reason.into(),
        };
        // An error means that there is nobody to tell.
        let _ = Pin::new(&mut self.frames).start_send(Message::Close(Some(reason)));
    }

    /// Returns the stream below the frames.
    pub fn get_ref(&self) -> &S {
        self.frames.get_ref()
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

    /// Writes small slices in one frame, so that a batch costs one header.
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
        let this = self.get_mut();
        if !this.is_closing {
            this.is_closing = true;
            this.send_close(CloseCode::Normal, "");
        }
        Pin::new(&mut this.frames).poll_close(cx).map_err(into_io)
    }
}

fn into_io(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
