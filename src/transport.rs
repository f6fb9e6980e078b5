//! Byte streams that carry MQTT.
//!
//! Each reports when it is readable, so that an idle connection needs no buffer, and takes
//! several slices in one write.

pub mod http;
pub(crate) mod keylog;
pub mod proxy;
pub mod shared_tcp;
pub mod socket;
pub mod socks5;
pub mod tcp;
pub mod tls;
pub mod tls_client;
pub mod watch;
pub mod websocket;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::shared_tcp::TcpConnection;
use self::socket::Socket;
use self::websocket::WebSocketStream;

/// A connection with MQTT as it is or in WebSocket frames.
#[derive(Debug)]
pub enum Stream {
    /// MQTT as it is.
    Plain(Socket),
    /// MQTT in WebSocket frames.
    WebSocket(Box<WebSocketStream<Socket>>),
}

impl Stream {
    /// Returns the socket if bytes are written to it as they are.
    pub fn tcp(&self) -> Option<&TcpConnection> {
        match self {
            Self::Plain(Socket::Tcp(stream)) => Some(stream),
            Self::Plain(_) | Self::WebSocket(_) => None,
        }
    }

    /// Asks the system whether there are bytes to read, the end, or an error.
    ///
    /// The runtime learns of them a moment later, and with it [`Stream::poll_read_ready`].
    pub fn has_input(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.has_input(),
            Self::WebSocket(stream) => stream.get_ref().has_input(),
        }
    }

    /// Waits until a read would return bytes, the end, or an error.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => socket.poll_read_ready(cx),
            Self::WebSocket(stream) => stream.poll_read_ready(cx),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}
