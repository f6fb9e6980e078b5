//! What a broker's clients connect to: TCP or a Unix socket, and TLS over either.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio_rustls::server::TlsStream;

use super::shared_tcp::SharedTcpStream;

/// The longest record of TLS, decrypted.
const RECORD: usize = 16 * 1024;

/// A connection that was taken.
#[derive(Debug)]
pub enum Socket {
    /// Plain TCP.
    Tcp(SharedTcpStream),
    /// A Unix socket.
    Unix(Box<UnixStream>),
    /// TLS, after its handshake.
    Tls(Box<TlsStream<Self>>),
}

impl Socket {
    /// Waits until a read would probably give bytes, the end, or an error. Under TLS it
    /// may be a part of a record that has come, and a read then waits for the rest.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
            Self::Tls(stream) => {
                let (socket, session) = stream.get_mut();
                // What is decrypted already shows no more at the socket.
                match session.wants_read() {
                    true => socket.poll_read_ready(cx),
                    false => Poll::Ready(Ok(())),
                }
            }
        }
    }

    /// Reads once into the spare capacity of `buffer` and says how much; 0 is the end.
    pub fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_buf(cx, buffer),
            // A read that does not fill the buffer leaves the socket known as empty.
            Self::Unix(stream) => pin!(stream.read_buf(buffer)).poll(cx),
            Self::Tls(stream) => poll_read_into(stream.as_mut(), cx, buffer),
        }
    }

    fn reader(&mut self) -> Pin<&mut (dyn AsyncRead + Unpin)> {
        let reader: &mut (dyn AsyncRead + Unpin) = match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream.as_mut(),
            Self::Tls(stream) => stream.as_mut(),
        };
        Pin::new(reader)
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

/// Reads decrypted bytes until there are no more or `buffer` is full: one record is
/// 16 KiB at most, and a batch wants more.
fn poll_read_into(
    stream: &mut TlsStream<Socket>,
    cx: &mut Context<'_>,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let before = buffer.len();
    loop {
        if buffer.len() == buffer.capacity() {
            if buffer.len() > before {
                return Poll::Ready(Ok(buffer.len() - before));
            }
            // A read of nothing would be the end.
            buffer.reserve(RECORD);
        }
        let spare = buffer.capacity() - buffer.len();
        // The library fills an initialised slice.
        let start = buffer.len();
        buffer.put_bytes(0, spare);
        let mut unread = ReadBuf::new(&mut buffer[start..]);
        let result = Pin::new(&mut *stream).poll_read(cx, &mut unread);
        let read = unread.filled().len();
        buffer.truncate(start + read);
        match result {
            Poll::Ready(Ok(())) if read > 0 => {}
            // What was read comes first; the end and an error come again.
            _ if buffer.len() > before => return Poll::Ready(Ok(buffer.len() - before)),
            result => return result.map_ok(|()| 0),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().reader().poll_read(cx, buffer)
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
