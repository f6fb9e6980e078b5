//! Sockets of a broker's clients: TCP or Unix, and TLS over either.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio_rustls::server::TlsStream;

use super::shared_tcp::TcpConnection;
use super::watch::has_input;

/// An accepted connection.
#[derive(Debug)]
pub enum Socket {
    /// Plain TCP.
    Tcp(TcpConnection),
    /// A Unix socket.
    Unix(Box<UnixStream>),
    /// TLS, after its handshake.
    Tls(Box<TlsStream<Self>>),
}

impl Socket {
    /// Waits until a read would probably return bytes, the end, or an error.
    ///
    /// Under TLS a part of a record may have arrived, and a read then waits for the rest.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
            Self::Tls(stream) => {
                let (socket, session) = stream.get_mut();
                // Decrypted bytes no longer show at the socket.
                match session.wants_read() {
                    true => socket.poll_read_ready(cx),
                    false => Poll::Ready(Ok(())),
                }
            }
        }
    }

    /// Asks the system whether there are bytes to read, the end, or an error.
    pub fn has_input(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.has_input(),
            Self::Unix(stream) => has_input(stream.as_ref()),
            Self::Tls(stream) => stream.get_ref().0.has_input(),
        }
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        let writer: &mut (dyn AsyncWrite + Unpin) = match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream.as_mut(),
            Self::Tls(stream) => stream.as_mut(),
        };
        Pin::new(writer)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
            Self::Tls(stream) => poll_read_records(stream, cx, buffer),
        }
    }
}

/// Reads decrypted bytes until there are no more or `buffer` is full.
///
/// One record has 16 KiB at most, and a batch takes more.
fn poll_read_records(
    stream: &mut TlsStream<Socket>,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let begin = buffer.filled().len();
    loop {
        let before = buffer.filled().len();
        let result = Pin::new(&mut *stream).poll_read(cx, buffer);
        let filled = buffer.filled().len();
        match result {
            Poll::Ready(Ok(())) if filled > before && buffer.remaining() > 0 => {}
            // Bytes come first; the end or an error is returned by the next read.
            _ if filled > begin => return Poll::Ready(Ok(())),
            result => return result,
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().writer().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().writer().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer().poll_shutdown(cx)
    }
}
