//! The loop that takes connections from a listening socket.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::broker::Broker;
use crate::broker::connection::{self, ConnectionPermit};
use crate::broker::listener::{ListenerContext, ListeningSocket, Peer};
use crate::broker::log::rate_limit::LineKind;
use crate::transport::socket::Socket;

/// How long a listener rests when the system has no more sockets to give.
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
                take(accepted, peer, &listener, &broker);
            }
            Err(error) => {
                // The peer was faster gone than taken, or there are no file descriptors.
                if !is_about_one_peer(&error) {
                    broker.env.limited_log.write(
                        LineKind::AcceptFailed,
                        (),
                        format_args!("Error: Unable to accept: {error}."),
                    );
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }
}

fn take(socket: Socket, peer: Peer, context: &Arc<ListenerContext>, broker: &Arc<Broker>) {
    let settings = context.settings();
    let log = broker.log();
    let Some(permit) = ConnectionPermit::new(context, broker) else {
        let host = peer.host();
        broker.env.limited_log.write(
            LineKind::TooManyConnections,
            peer.network(),
            format_args!("Client connection from {host} denied: max_connections exceeded."),
        );
        return;
    };
    // A proxy has yet to say where the connection is from.
    if broker.live_options().connection_messages() && settings.proxy_protocol.is_none() {
        log.notice(format_args!(
            "New connection from {peer} on port {}.",
            settings.port
        ));
    }
    tokio::spawn(connection::accept(socket, peer, permit));
}

fn is_about_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
