//! A TCP connection that one task reads and others may write to while it waits.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use super::watch::{has_input, watch};

/// The write half of a TCP connection for other tasks.
///
/// They have to agree on who writes when.
#[derive(Clone, Debug)]
pub struct SharedTcpStream(Arc<TcpStream>);

impl SharedTcpStream {
    /// Writes what the socket takes at once; may fail with `WouldBlock`.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        write_slices(&self.0, slices)
    }

    /// Ends the connection for all holders: nothing more is written.
    pub fn shut_down(&self) -> io::Result<()> {
        match self.0.shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

/// A TCP connection as its task holds it.
///
/// The runtime watches the socket only for events that were waited for at least once.
/// Otherwise every new connection would wake a thread to report that its socket is writable.
#[derive(Debug)]
pub struct TcpConnection(State);

#[derive(Debug)]
enum State {
    Unwatched(Arc<TcpStream>),
    /// Watched for input.
    Input(AsyncFd<Arc<TcpStream>>),
    /// Watched for input and output.
    Both(AsyncFd<Arc<TcpStream>>),
}

impl TcpConnection {
    /// Returns the write half for other tasks.
    pub fn shared(&self) -> SharedTcpStream {
        SharedTcpStream(Arc::clone(self.socket()))
    }

    /// Returns whether small packets are sent at once (TCP_NODELAY).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket().nodelay()
    }

    /// Sets whether small packets are sent at once (TCP_NODELAY).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket().set_nodelay(nodelay)
    }

    /// Reads bytes that have already arrived, before the runtime has looked at the socket.
    ///
    /// May fail with `WouldBlock`.
    pub fn read_early(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket().as_ref().read(buffer)
    }

    /// Waits until a read would return bytes, the end, or an error.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch_input()?.poll_read_ready(cx).map_ok(|_| ())
    }

    /// Asks the system whether there are bytes to read, the end, or an error.
    pub fn has_input(&self) -> bool {
        has_input(self.socket().as_ref())
    }

    fn poll_read_slice(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let watched = self.watch_input()?;
        loop {
            let mut guard = ready!(watched.poll_read_ready(cx))?;
            let result = guard.get_inner().as_ref().read(room);
            match &result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A read that does not fill the buffer has emptied the socket.
                Ok(length @ 1..) if *length < room.len() => {
                    guard.clear_ready();
                    return Poll::Ready(result);
                }
                _ => return Poll::Ready(result),
            }
        }
    }

    fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        // A socket takes bytes until it reports otherwise.
        match write(self.socket()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
        let watched = self.watch_output(cx)?;
        loop {
            let mut guard = ready!(watched.poll_write_ready(cx))?;
            match write(guard.get_inner()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                result => return Poll::Ready(result),
            }
        }
    }

    fn socket(&self) -> &Arc<TcpStream> {
        match &self.0 {
            State::Unwatched(socket) => socket,
            State::Input(watched) | State::Both(watched) => watched.get_ref(),
        }
    }

    fn watch_input(&mut self) -> io::Result<&AsyncFd<Arc<TcpStream>>> {
        if let State::Unwatched(socket) = &self.0 {
            self.0 = State::Input(watch(Arc::clone(socket), Interest::READABLE)?);
        }
        Ok(self.watched())
    }

    /// Watches the socket for output, and for input as before.
    fn watch_output(&mut self, cx: &mut Context<'_>) -> io::Result<&AsyncFd<Arc<TcpStream>>> {
        if !matches!(self.0, State::Both(_)) {
            let socket = Arc::clone(self.socket());
            // The system does not watch a socket twice.
            self.0 = State::Unwatched(Arc::clone(&socket));
            let watched = watch(socket, Interest::READABLE | Interest::WRITABLE)?;
            // A read will show whether there is any input.
            let _ = watched.poll_read_ready(cx);
            self.0 = State::Both(watched);
        }
        Ok(self.watched())
    }

    fn watched(&self) -> &AsyncFd<Arc<TcpStream>> {
        match &self.0 {
            State::Input(watched) | State::Both(watched) => watched,
            State::Unwatched(_) => unreachable!("the caller has had it watched"),
        }
    }
}

fn write_slices(mut socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        // A single write costs the system less than a list of one.
        [slice] => socket.write(slice),
        _ => socket.write_vectored(slices),
    }
}

impl From<TcpStream> for TcpConnection {
    /// Takes a socket that does not block.
    fn from(socket: TcpStream) -> Self {
        Self(State::Unwatched(Arc::new(socket)))
    }
}

impl AsyncRead for TcpConnection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = self
            .get_mut()
            .poll_read_slice(cx, buffer.initialize_unfilled());
        result.map_ok(|length| buffer.advance(length))
    }
}

impl AsyncWrite for TcpConnection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .poll_write_with(cx, |mut socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .poll_write_with(cx, |socket| write_slices(socket, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shared().shut_down())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    use super::*;

    async fn pair() -> (TcpConnection, tokio::net::TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let near = tokio::net::TcpStream::connect(address);
        let (near, accepted) = tokio::join!(near, listener.accept());
        (
            near.unwrap().into_std().unwrap().into(),
            accepted.unwrap().0,
        )
    }

    fn numbers(count: u32) -> Vec<u8> {
        (0..count).map(|number| number as u8).collect()
    }

    #[tokio::test]
    async fn everything_arrives_however_small_the_buffer() {
        let (mut near, mut far) = pair().await;
        let sent = numbers(10_000);
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut received = Vec::new();
        loop {
            let mut buffer = [0; 1_000];
            let length = near.read(&mut buffer).await.unwrap();
            if length == 0 {
                break;
            }
            received.extend_from_slice(&buffer[..length]);
        }
        assert_eq!(received, sent);
    }

    #[tokio::test]
    async fn one_holder_writes_while_another_waits_for_input() {
        let (mut near, mut far) = pair().await;
        let writer = near.shared();
        let mut buffer = [0; 10];
        let reading = near.read(&mut buffer);
        let writing = async {
            let slices = [IoSlice::new(b"ab"), IoSlice::new(b"cd")];
            assert_eq!(writer.try_write_vectored(&slices).unwrap(), 4);
            let mut bytes = [0; 4];
            far.read_exact(&mut bytes).await.unwrap();
            far.write_all(&bytes).await.unwrap();
        };
        let (length, ()) = tokio::join!(reading, writing);
        assert_eq!(&buffer[..length.unwrap()], b"abcd");
    }

    #[tokio::test]
    async fn a_task_that_waits_for_a_full_socket_hears_of_input_too() {
        let (mut near, mut far) = pair().await;
        let (blocked, is_blocked) = oneshot::channel();
        let mut blocked = Some(blocked);
        let bytes = numbers(64 * 1024);
        let waiting = poll_fn(|cx| {
            if near.poll_read_ready(cx).is_ready() {
                return Poll::Ready(());
            }
            while let Poll::Ready(written) = Pin::new(&mut near).poll_write(cx, &bytes) {
                written.unwrap();
            }
            if let Some(blocked) = blocked.take() {
                blocked.send(()).unwrap();
            }
            Poll::Pending
        });
        let far = async {
            is_blocked.await.unwrap();
            far.write_all(b"x").await.unwrap();
        };
        tokio::join!(waiting, far);
    }

    #[tokio::test]
    async fn a_full_socket_takes_the_rest_when_it_is_emptied() {
        let (mut near, mut far) = pair().await;
        let sent = numbers(16 * 1024 * 1024);
        let writing = async {
            near.write_all(&sent).await.unwrap();
            near.shutdown().await.unwrap();
        };
        let mut received = Vec::new();
        let (reading, ()) = tokio::join!(far.read_to_end(&mut received), writing);
        reading.unwrap();
        assert!(received == sent, "{} bytes arrived", received.len());
    }
}
