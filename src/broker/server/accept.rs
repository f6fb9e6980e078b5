//! The loop that takes connections from a listening socket.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::broker::Broker;
use crate::broker::connection::{self, ConnectionPermit};
use crate::broker::listener::{Handshake, ListenerContext, ListeningSocket, Peer};
use crate::broker::log::rate_limit::LineKind;
use crate::broker::log::{limited, notice};
use crate::transport::socket::Socket;

/// The time that a listener rests when the system has no more sockets to give.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Takes connections from one socket of the listener with this place in the configuration,
/// until the broker stops.
pub(super) async fn listen(
    socket: ListeningSocket,
    index: usize,
    broker: Arc<Broker>,
    mut stop: watch::Receiver<bool>,
) {
    let mut stopped = pin!(stop.changed());
    loop {
        let accepted = tokio::select! {
            // To be taken is what happens often.
            biased;
            accepted = socket.accept() => accepted,
            _ = &mut stopped => return,
        };
        match accepted {
            Ok((accepted, peer)) => {
                let listener = broker.listener(index);
                socket.set_nodelay(&accepted, listener.config());
                let handshake = begin_handshake(&listener, &broker).await;
                take(accepted, peer, &listener, &broker, handshake);
            }
            Err(error) => {
                // The peer was faster gone than taken, or there are no file descriptors.
                if !is_about_one_peer(&error) {
                    limited!(
                        broker.env.limited_log,
                        LineKind::AcceptFailed,
                        (),
                        "Error: Unable to accept: {error}."
                    );
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }
}

/// Begins a handshake; others wait in the system's queue until there is room for it.
async fn begin_handshake(context: &ListenerContext, broker: &Broker) -> Handshake {
    let limit = context.config().limits.max_unauthenticated_connections;
    let report = || {
        limited!(
            broker.env.limited_log,
            LineKind::TooManyHandshakes,
            (),
            "Warning: {} connections have not sent their CONNECT, as many as \
                 max_unauthenticated_connections allows. The oldest make room.",
            limit.unwrap_or_default()
        );
    };
    broker.handshakes.begin(limit, report).await
}

fn take(
    socket: Socket,
    peer: Peer,
    context: &Arc<ListenerContext>,
    broker: &Arc<Broker>,
    handshake: Handshake,
) {
    let settings = context.settings();
    let log = broker.log();
    // A proxy has yet to say where the connection is from.
    let network = peer.network().filter(|_| settings.proxy_protocol.is_none());
    let permit = ConnectionPermit::new(context, broker).and_then(|mut permit| {
        permit.count_for(network)?;
        Ok(permit)
    });
    let permit = match permit {
        Ok(permit) => permit,
        Err(limit) => {
            let host = peer.host();
            limited!(
                broker.env.limited_log,
                LineKind::TooManyConnections,
                peer.network(),
                "Client connection from {host} denied: {limit} exceeded."
            );
            return;
        }
    };
    if broker.live_options().connection_messages() && settings.proxy_protocol.is_none() {
        notice!(log, "New connection from {peer} on port {}.", settings.port);
    }
    tokio::spawn(connection::accept(socket, peer, permit, handshake));
}

fn is_about_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
