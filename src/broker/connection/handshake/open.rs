use super::refusal::Refusal;
use crate::broker::Broker;
use crate::broker::config::Protocol;
use crate::broker::listener::{ListenerContext, Negotiated};
use crate::transport::socket::Socket;
use crate::transport::{Stream, websocket};

/// A connection that is ready for MQTT.
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// What was found out about a client that speaks TLS.
    pub(super) tls: Option<Box<Negotiated>>,
}

/// Goes through what the listener has before MQTT: TLS and WebSocket.
pub(super) async fn open(
    socket: Socket,
    listener: &ListenerContext,
    broker: &Broker,
) -> Result<Opened, Refusal> {
    let settings = listener.settings(broker);
    let (socket, tls) = match (socket, broker.tls.acceptor(listener.index())) {
        (Socket::Tcp(stream), Some(acceptor)) => {
            let accepted = acceptor.accept(stream).await;
            let stream = accepted
                .map_err(|error| Refusal::Transport(format!("TLS handshake failed: {error}")))?;
            let negotiated = Negotiated::new(&stream, settings.tls.username_from());
            (Socket::Tls(Box::new(stream)), negotiated.map(Box::new))
        }
        (socket, _) => (socket, None),
    };
    let stream = match settings.protocol {
        Protocol::Mqtt => Stream::Plain(socket),
        Protocol::WebSockets => {
            let limit = broker.config().limits.max_packet_size as usize;
            let accepted = websocket::accept(socket, limit).await;
            let stream = accepted.map_err(|error| {
                Refusal::Transport(format!("WebSocket handshake failed: {error}"))
            })?;
            Stream::WebSocket(Box::new(stream))
        }
    };
    Ok(Opened { stream, tls })
}
