//! The presence of a client that waits for its login.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;

use super::refusal::Refusal;
use crate::broker::Broker;
use crate::broker::statistics::Counter;
use crate::transport::Stream;

/// The bytes that are read while a client waits, to find out whether it has gone.
const PRESENCE_READ: usize = 256;

/// Waits for a login while the client is there; bytes that it sends meanwhile are added to
/// `received`.
///
/// A client that sent packets behind its CONNECT is not watched: it may have closed its
/// socket because it has said everything that it has to say [MQTT-3.1.4-5].
pub(super) async fn while_present<T>(
    mut login: Pin<&mut impl Future<Output = Result<T, Refusal>>>,
    stream: &mut Stream,
    received: &mut BytesMut,
    broker: &Broker,
) -> Result<T, Refusal> {
    // Hardly any login has to wait.
    if let Poll::Ready(result) = poll_fn(|cx| Poll::Ready(login.as_mut().poll(cx))).await {
        return result;
    }
    let slow = async {
        tokio::select! {
            biased;
            result = login => result,
            refusal = departure(stream, received, broker) => Err(refusal),
        }
    };
    Box::pin(slow).await
}

/// Waits until the client has gone.
async fn departure(stream: &mut Stream, received: &mut BytesMut, broker: &Broker) -> Refusal {
    if received.is_empty() {
        received.reserve(PRESENCE_READ);
        match stream.read_buf(received).await {
            Ok(0) => return Refusal::Gone,
            Ok(length) => broker.env.statistics.add(Counter::BytesReceived, length),
            Err(error) => return Refusal::Socket(error),
        }
    }
    pending().await
}
