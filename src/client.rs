//! A connection to a broker and the session that outlives it.
//!
//! A [`Client`] is driven by its user. [`Client::publish`] and its like encode packets into
//! one output buffer, [`Client::drive`] writes and reads, and [`Client::next_event`] returns
//! what has arrived. So packets are written in batches.

mod connection;
mod endpoint;
mod error;
mod event;
mod keep_alive;
mod link;
mod loss_report;
mod message;
mod options;
mod password;
mod proxy;
mod receive;
mod reconnect;
mod report;
mod send;
mod trace;
mod visible;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZeroU16;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::protocol::{
    ConnAck, Disconnect, Packet, PacketId, Properties, Publish, QoS, ReasonCode, Subscribe,
    Subscription, TopicFilter, TopicName, Unsubscribe,
};
use crate::qos::{Incoming, Outgoing};
use trace::trace;

pub use endpoint::{Address, Endpoint, Proxy, Stream};
pub use error::{Error, OtherProtocol, PublishError, refusal_text, system_text};
pub use event::Event;
pub use link::Link;
pub use loss_report::LossReport;
pub use message::{Message, Publication};
pub use options::ConnectOptions;
pub use password::ask_password;
pub use proxy::ProxyUrlError;
pub use report::Report;
pub use trace::Log;
pub use visible::show_controls;

/// The maximum of bytes in flight in QoS 1 and 2 payloads; one message is always allowed.
const MAX_BYTES_IN_FLIGHT: usize = 4 * 1024 * 1024;

/// A client of a broker.
///
/// `S` is the byte stream. After a lost connection call [`Client::connect`] again: messages
/// that were not acknowledged, or not sent at all, are then sent again.
pub struct Client<S> {
    link: Link<S>,
    outgoing: Outgoing<Message>,
    /// QoS 2 messages between PUBREC and PUBCOMP.
    ///
    /// A broker that forgets the session before the PUBREL forgets them, too.
    released: VecDeque<(PacketId, Message)>,
    /// The number of bytes of payload in flight.
    bytes_in_flight: usize,
    incoming: Incoming<Publish>,
    /// Messages that a lost connection or a forgotten session gave back.
    waiting: VecDeque<Message>,
    /// The topic aliases that our PUBLISH packets of this connection introduced.
    sent_aliases: HashMap<NonZeroU16, TopicName>,
    /// The reason of the broker's DISCONNECT.
    disconnect_reason: Option<ReasonCode>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Creates a client that is not connected.
    pub fn new(options: ConnectOptions) -> Self {
        let incoming = Incoming::new(options.receive_maximum());
        let link = Link::new(options);
        Self {
            outgoing: Outgoing::new(link.limits.receive_maximum),
            released: VecDeque::new(),
            bytes_in_flight: 0,
            incoming,
            waiting: VecDeque::new(),
            sent_aliases: HashMap::new(),
            disconnect_reason: None,
            link,
        }
    }

    /// Sends the lines of `-d` to `log`.
    pub fn set_log(&mut self, log: Log) {
        self.link.set_log(log);
    }

    /// Returns the options of the CONNECT.
    pub fn options(&self) -> &ConnectOptions {
        self.link.options()
    }

    /// Sends a CONNECT over a new stream and waits for the CONNACK.
    ///
    /// Then everything in flight is sent again.
    pub async fn connect(&mut self, stream: S) -> Result<ConnAck, Error> {
        self.lose_connection();
        self.disconnect_reason = None;
        let connack = self.link.connect(stream).await?;
        self.resume(connack.session_present)?;
        Ok(connack)
    }

    /// Logs in with this password from now on.
    pub fn set_password(&mut self, password: Bytes) {
        self.link.options_mut().password = Some(password);
    }

    /// Returns the protocol that the last [`Client::connect`] met instead of MQTT, if it is
    /// known.
    pub fn other_protocol(&self) -> Option<OtherProtocol> {
        self.link.other_protocol()
    }

    /// Returns the reason for which the broker has ended the last connection, if it gave one.
    pub fn disconnect_reason(&self) -> Option<ReasonCode> {
        self.disconnect_reason
    }

    /// Returns whether the broker has accepted the client and the connection stands.
    pub fn is_connected(&self) -> bool {
        self.link.is_connected()
    }

    /// Returns whether a message of this QoS would be sent now.
    ///
    /// If not, [`Client::drive`] makes room.
    pub fn has_room(&self, qos: QoS) -> bool {
        let Some(connection) = &self.link.connection else {
            return false;
        };
        if !connection.has_output_room() || !self.waiting.is_empty() {
            return false;
        }
        qos == QoS::AtMostOnce
            || (self.outgoing.has_room() && self.bytes_in_flight < MAX_BYTES_IN_FLIGHT)
    }

    /// Returns whether every message was sent, and at QoS 1 and 2 acknowledged.
    pub fn is_idle(&self) -> bool {
        self.outgoing.is_empty() && self.waiting.is_empty() && self.link.is_flushed()
    }

    /// Returns whether every QoS 1 and 2 message was acknowledged.
    pub fn is_acknowledged(&self) -> bool {
        self.outgoing.is_empty() && self.waiting.is_empty()
    }

    /// Sends a SUBSCRIBE; [`Event::Subscribed`] is the answer.
    ///
    /// Returns `None` if a property cannot be sent or no packet identifier is free.
    pub fn subscribe(
        &mut self,
        subscriptions: Vec<Subscription>,
        properties: Properties,
    ) -> Option<PacketId> {
        let packet_id = self.outgoing.reserve_packet_id()?;
        for Subscription { filter, options } in &subscriptions {
            let bits = u8::from(options.qos)
                | u8::from(options.no_local) << 2
                | u8::from(options.retain_as_published) << 3
                | (options.retain_handling as u8) << 4;
            let bits = if self.link.options.version.is_v5() {
                bits
            } else {
                0
            };
            trace!(
                self.link,
                "sending SUBSCRIBE (Mid: {packet_id}, Topic: {filter}, QoS: {}, Options: 0x{:02x})",
                u8::from(options.qos),
                bits & !0b11
            );
        }
        self.link
            .send(&Packet::Subscribe(Subscribe {
                packet_id,
                properties,
                subscriptions,
            }))
            .ok()?;
        Some(packet_id)
    }

    /// Sends an UNSUBSCRIBE; [`Event::Unsubscribed`] is the answer.
    ///
    /// Returns `None` if a property cannot be sent or no packet identifier is free.
    pub fn unsubscribe(
        &mut self,
        filters: Vec<TopicFilter>,
        properties: Properties,
    ) -> Option<PacketId> {
        let packet_id = self.outgoing.reserve_packet_id()?;
        for filter in &filters {
            trace!(
                self.link,
                "sending UNSUBSCRIBE (Mid: {packet_id}, Topic: {filter})",
            );
        }
        self.link
            .send(&Packet::Unsubscribe(Unsubscribe {
                packet_id,
                properties,
                filters,
            }))
            .ok()?;
        Some(packet_id)
    }

    /// Writes, reads and keeps the connection alive until any of it made progress.
    ///
    /// Dropping the future loses nothing. After an error the connection is gone.
    pub async fn drive(&mut self) -> Result<(), Error> {
        let result = self.link.drive().await;
        if result.is_err() {
            self.lose_connection();
        }
        result
    }

    /// Asks the broker for a sign that it has handled everything sent so far.
    ///
    /// [`Client::is_answered`] is true when the sign has arrived.
    pub fn ping(&mut self) -> Result<(), Error> {
        trace!(self.link, "sending PINGREQ");
        if let Some(connection) = &mut self.link.connection {
            connection.keep_alive.ping_sent(Instant::now());
        }
        self.link.send(&Packet::PingReq)
    }

    /// Returns whether the broker has answered every PINGREQ of this connection.
    pub fn is_answered(&self) -> bool {
        let connection = self.link.connection.as_ref();
        connection.is_some_and(|connection| connection.keep_alive.is_answered())
    }

    /// Keeps the connection alive without reading.
    ///
    /// This is for times in which no more messages can be taken. It returns when something
    /// was sent. Acknowledgements wait, too, for as long as the keep alive allows. After an
    /// error the connection is gone.
    pub async fn hold(&mut self) -> Result<(), Error> {
        let result = self.link.hold().await;
        if result.is_err() {
            self.lose_connection();
        }
        result
    }

    /// Ends the connection cleanly.
    ///
    /// The DISCONNECT is really sent, and the broker has a bounded time to close its end.
    ///
    /// # Errors
    ///
    /// Not everything could be sent.
    pub async fn disconnect(&mut self, disconnect: Disconnect) -> Result<(), Error> {
        self.link.disconnect(disconnect).await
    }

    /// Ends the connection without a DISCONNECT, so that the broker publishes the will.
    pub fn abandon(&mut self) {
        self.lose_connection();
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.link.options)
            .field("connected", &self.link.connection.is_some())
            .field("in_flight", &self.outgoing.in_flight())
            .finish_non_exhaustive()
    }
}
