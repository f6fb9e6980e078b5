//! A TCP connection that one task reads, and others may write to while it waits.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection with several holders. Who may write when is theirs to agree on.
#[derive(Clone, Debug)]
pub struct SharedTcpStream(Arc<TcpStream>);

impl SharedTcpStream {
    /// Whether small packets go out at once (TCP_NODELAY).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.nodelay()
    }

    /// Lets small packets go out at once, or not.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.set_nodelay(nodelay)
    }

    /// Reads what has arrived already, before the runtime has looked at the socket; an error
    /// of the kind `WouldBlock` is nothing.
    pub fn read_early(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*SockRef::from(&*self.0)).read(buffer)
    }

    /// Waits until a read would give bytes, the end, or an error.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx)
    }

    /// Reads once into the room that `buffer` has and says how much; 0 is the end.
    pub fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            let room = buffer.chunk_mut().len();
            let mut length = 0;
            let result = self.0.try_io(Interest::READABLE, || {
                length = self.0.try_read_buf(buffer)?;
                // A read that does not fill the buffer has emptied the socket, and that is
                // how the runtime learns of it.
                match length {
                    1.. if length < room => Err(io::ErrorKind::WouldBlock.into()),
                    _ => Ok(()),
                }
            });
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && length == 0 => {}
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                _ => return Poll::Ready(Ok(length)),
            }
        }
    }

    /// Writes what the socket takes at once; an error of the kind `WouldBlock` is nothing.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // Cheaper for the system than a list of one.
            [slice] => self.0.try_write(slice),
            _ => self.0.try_write_vectored(slices),
        }
    }

    /// Ends the connection for all holders: nothing more is written.
    pub fn shut_down(&self) -> io::Result<()> {
        match SockRef::from(&*self.0).shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let socket = SockRef::from(&*self.0);
        // A socket takes bytes until it says otherwise: a new one does before the runtime
        // has looked at it.
        match write(&socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_io(Interest::WRITABLE, || write(&socket)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl From<TcpStream> for SharedTcpStream {
    fn from(stream: TcpStream) -> Self {
        Self(Arc::new(stream))
    }
}

impl AsyncRead for SharedTcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_buf(cx, buffer).map_ok(|_| ())
    }
}

impl AsyncWrite for SharedTcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |mut socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |mut socket| match slices {
            // Cheaper for the system than a list of one.
            [slice] => socket.write(slice),
            _ => socket.write_vectored(slices),
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shut_down())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::BytesMut;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (SharedTcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (near.unwrap().into(), accepted.unwrap().0)
    }

    #[tokio::test]
    async fn everything_arrives_however_small_the_buffer() {
        let (near, mut far) = pair().await;
        let sent: Vec<u8> = (0..10_000_u32).map(|number| number as u8).collect();
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut received = Vec::new();
        loop {
            let mut buffer = BytesMut::with_capacity(1_000);
            let length = poll_fn(|cx| near.poll_read_buf(cx, &mut buffer))
                .await
                .unwrap();
            assert_eq!(length, buffer.len());
            if length == 0 {
                break;
            }
            received.extend_from_slice(&buffer);
        }
        assert_eq!(received, sent);
    }

    #[tokio::test]
    async fn one_holder_writes_while_another_waits_for_input() {
        let (near, mut far) = pair().await;
        let writer = near.clone();
        let mut buffer = BytesMut::with_capacity(10);
        let reading = poll_fn(|cx| near.poll_read_buf(cx, &mut buffer));
        let writing = async {
            let pieces = [IoSlice::new(b"ab"), IoSlice::new(b"cd")];
            assert_eq!(writer.try_write_vectored(&pieces).unwrap(), 4);
            let mut bytes = [0; 4];
            far.read_exact(&mut bytes).await.unwrap();
            far.write_all(&bytes).await.unwrap();
        };
        let (length, ()) = tokio::join!(reading, writing);
        assert_eq!((length.unwrap(), &buffer[..]), (4, &b"abcd"[..]));
    }
}
