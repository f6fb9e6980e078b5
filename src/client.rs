//! A connection to a broker, and the session that outlives it.
//!
//! A [`Client`] is driven by its user: packets are encoded into one output buffer by
//! [`Client::publish`] and its like, [`Client::drive`] writes what waits and reads what
//! came, and [`Client::next_event`] says what that was. Nothing is written per packet.

mod connection;
mod endpoint;
mod error;
mod event;
mod keep_alive;
mod message;
mod options;
mod password;
mod receive;
mod reconnect;
mod report;
mod send;
mod trace;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::protocol::{
    ConnAck, ConnAckCode, Disconnect, Packet, PacketId, Properties, Publish, QoS, Subscribe,
    Subscription, TopicFilter, TopicName, Unsubscribe, encode,
};
use crate::qos::{Incoming, Outgoing};
use connection::Connection;
use keep_alive::Due;
use options::Limits;
use trace::{Trace, trace};

pub use endpoint::{Address, Endpoint, Proxy, Stream};
pub use error::{Error, OtherProtocol, PublishError, refusal_text, system_text};
pub use event::Event;
pub use message::{Message, Publication};
pub use options::ConnectOptions;
pub use password::ask_password;
pub use report::Report;
pub use trace::Log;

/// How many bytes of QoS 1 and 2 payloads may be in flight; one message always may.
const MAX_BYTES_IN_FLIGHT: usize = 4 * 1024 * 1024;

/// A client of a broker.
///
/// `S` is the byte stream. A lost connection is followed by another
/// [`Client::connect`]: messages that were not acknowledged are then sent again, those
/// that did not leave at all too.
pub struct Client<S> {
    options: ConnectOptions,
    connection: Option<Connection<S>>,
    limits: Limits,
    outgoing: Outgoing<Message>,
    /// QoS 2 messages whose PUBREC came and whose PUBCOMP did not: a broker that forgets
    /// the session before the PUBREL forgets them too.
    released: VecDeque<(PacketId, Message)>,
    /// How many bytes of payload are in flight.
    bytes_in_flight: usize,
    incoming: Incoming<Publish>,
    /// What a lost connection, or a session that the broker forgot, gave back.
    waiting: VecDeque<Message>,
    /// The topic aliases that this connection's PUBLISHes introduced, theirs and ours.
    sent_aliases: HashMap<NonZeroU16, TopicName>,
    received_aliases: HashMap<NonZeroU16, TopicName>,
    trace: Trace,
    other_protocol: Option<OtherProtocol>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A client that is not connected.
    pub fn new(options: ConnectOptions) -> Self {
        let limits = Limits::new(&options, &Properties::EMPTY);
        Self {
            connection: None,
            outgoing: Outgoing::new(limits.receive_maximum),
            released: VecDeque::new(),
            bytes_in_flight: 0,
            incoming: Incoming::new(options.receive_maximum()),
            waiting: VecDeque::new(),
            sent_aliases: HashMap::new(),
            received_aliases: HashMap::new(),
            trace: Trace::new(&options.client_id),
            other_protocol: None,
            limits,
            options,
        }
    }

    /// Sends the lines of `-d` to `log`.
    pub fn set_log(&mut self, log: Log) {
        self.trace.set_log(log);
    }

    /// What the client says in its CONNECT.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Sends a CONNECT over a new stream and waits for the CONNACK. Then all that is in
    /// flight is sent again.
    pub async fn connect(&mut self, stream: S) -> Result<ConnAck, Error> {
        self.lose_connection();
        let version = self.options.version;
        let maximum_packet_size = self.options.properties.maximum_packet_size();
        let maximum_packet_size = maximum_packet_size.map_or(u32::MAX, |size| size.get());
        let mut connection = Connection::new(stream, version, maximum_packet_size);
        trace!(self, "sending CONNECT");
        let connect = Packet::Connect(Box::new(self.options.connect_packet()));
        encode(&connect, version, connection.output())?;
        self.connection = Some(connection);
        self.limits = Limits::new(&self.options, &Properties::EMPTY);
        let connack = match self.receive_connack().await {
            Ok(connack) => connack,
            Err(error) => {
                let connection = self.connection.take();
                let first_byte = connection.and_then(|connection| connection.first_byte);
                self.other_protocol = first_byte.and_then(OtherProtocol::of);
                return Err(error);
            }
        };
        self.limits = Limits::new(&self.options, &connack.properties);
        let keep_alive = self.limits.keep_alive;
        if let Some(connection) = &mut self.connection {
            connection.keep_alive = keep_alive::KeepAlive::new(keep_alive, Instant::now());
        }
        self.resume(connack.session_present)?;
        Ok(connack)
    }

    /// Logs in with this password from now on.
    pub fn set_password(&mut self, password: Bytes) {
        self.options.password = Some(password);
    }

    /// What the last [`Client::connect`] met instead of a broker, if it could be told.
    pub fn other_protocol(&self) -> Option<OtherProtocol> {
        self.other_protocol
    }

    /// Whether a CONNACK accepted the client and the connection stands.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Whether a message of this QoS would be sent now. When not, [`Client::drive`] makes
    /// room.
    pub fn has_room(&self, qos: QoS) -> bool {
        let Some(connection) = &self.connection else {
            return false;
        };
        if !connection.has_output_room() || !self.waiting.is_empty() {
            return false;
        }
        qos == QoS::AtMostOnce
            || (self.outgoing.has_room() && self.bytes_in_flight < MAX_BYTES_IN_FLIGHT)
    }

    /// Whether every message was sent, and at QoS 1 and 2 acknowledged.
    pub fn is_idle(&self) -> bool {
        self.outgoing.is_empty()
            && self.waiting.is_empty()
            && self.connection.as_ref().is_none_or(Connection::is_flushed)
    }

    /// Whether every QoS 1 and 2 message was acknowledged.
    pub fn is_acknowledged(&self) -> bool {
        self.outgoing.is_empty() && self.waiting.is_empty()
    }

    /// Asks for messages; the answer is an [`Event::Subscribed`]. `None` when a property
    /// cannot be sent or no packet identifier is free.
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
            let bits = if self.options.version.is_v5() {
                bits
            } else {
                0
            };
            trace!(
                self,
                "sending SUBSCRIBE (Mid: {packet_id}, Topic: {filter}, QoS: {}, Options: 0x{:02x})",
                u8::from(options.qos),
                bits & !0b11
            );
        }
        self.send(&Packet::Subscribe(Subscribe {
            packet_id,
            properties,
            subscriptions,
        }))
        .ok()?;
        Some(packet_id)
    }

    /// Asks for messages no more; the answer is an [`Event::Unsubscribed`].
    pub fn unsubscribe(
        &mut self,
        filters: Vec<TopicFilter>,
        properties: Properties,
    ) -> Option<PacketId> {
        let packet_id = self.outgoing.reserve_packet_id()?;
        for filter in &filters {
            trace!(
                self,
                "sending UNSUBSCRIBE (Mid: {packet_id}, Topic: {filter})",
            );
        }
        self.send(&Packet::Unsubscribe(Unsubscribe {
            packet_id,
            properties,
            filters,
        }))
        .ok()?;
        Some(packet_id)
    }

    /// Writes what waits, reads what came, and keeps the connection alive; returns when
    /// any of it made progress. Dropping the future loses nothing. After an error the
    /// connection is gone.
    pub async fn drive(&mut self) -> Result<(), Error> {
        let result = self.try_drive().await;
        if result.is_err() {
            self.lose_connection();
        }
        result
    }

    async fn try_drive(&mut self) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else {
            return Err(Error::ConnectionLost);
        };
        let deadline = connection.keep_alive.deadline();
        let progress = std::future::poll_fn(|context| connection.poll_progress(context));
        let Some(deadline) = deadline else {
            return progress.await;
        };
        if let Ok(result) = tokio::time::timeout_at(deadline, progress).await {
            return result;
        }
        match connection.keep_alive.due(Instant::now()) {
            Due::Nothing => Ok(()),
            Due::Lost => Err(Error::KeepAliveExceeded),
            Due::Ping => {
                trace!(self, "sending PINGREQ");
                self.send(&Packet::PingReq)
            }
        }
    }

    /// Keeps the connection alive, but reads nothing: for a while in which no more
    /// messages can be taken. Acknowledgements wait, too, for as long as the keep alive
    /// allows; returns when something was sent. After an error the connection is gone.
    pub async fn hold(&mut self) -> Result<(), Error> {
        let result = self.try_hold().await;
        if result.is_err() {
            self.lose_connection();
        }
        result
    }

    async fn try_hold(&mut self) -> Result<(), Error> {
        let Some(connection) = &self.connection else {
            return Err(Error::ConnectionLost);
        };
        match connection.keep_alive.silence_ends() {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
        if connection.is_flushed() {
            trace!(self, "sending PINGREQ");
            self.send(&Packet::PingReq)?;
        }
        let Some(connection) = &mut self.connection else {
            return Err(Error::ConnectionLost);
        };
        std::future::poll_fn(|context| connection.poll_write(context)).await
    }

    /// Ends the connection in order: the DISCONNECT is really sent, and the broker's end
    /// awaited for a bounded time. `Err` when not everything could be sent.
    pub async fn disconnect(&mut self, disconnect: Disconnect) -> Result<(), Error> {
        if self.connection.is_none() {
            return Err(Error::ConnectionLost);
        }
        trace!(self, "sending DISCONNECT");
        // A DISCONNECT with properties that cannot be written is left out, as Mosquitto
        // does.
        let _ = self.send(&Packet::Disconnect(disconnect));
        match self.connection.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }

    /// Ends the connection without a DISCONNECT, so that the broker publishes the will.
    pub fn abandon(&mut self) {
        self.lose_connection();
    }

    /// Waits for the CONNACK, for as long as the keep alive lasts.
    async fn receive_connack(&mut self) -> Result<ConnAck, Error> {
        let seconds = self.options.keep_alive;
        let answer = self.first_packet();
        let packet = if seconds == 0 {
            answer.await?
        } else {
            let timeout = Duration::from_secs(seconds.into());
            let answer = tokio::time::timeout(timeout, answer).await;
            answer.map_err(|_| Error::ConnectionLost)??
        };
        match packet {
            Packet::ConnAck(connack) => self.check_connack(connack),
            _ => Err(Error::Protocol),
        }
    }

    async fn first_packet(&mut self) -> Result<Packet, Error> {
        let connection = self.connection.as_mut().ok_or(Error::ConnectionLost)?;
        loop {
            if let Some(packet) = connection.next_packet()? {
                return Ok(packet);
            }
            std::future::poll_fn(|context| connection.poll_progress(context)).await?;
            if connection.first_byte.and_then(OtherProtocol::of).is_some() {
                // What it says may look like the beginning of a packet that never ends.
                return Err(Error::ConnectionLost);
            }
        }
    }

    fn check_connack(&mut self, connack: ConnAck) -> Result<ConnAck, Error> {
        let code = match connack.code {
            ConnAckCode::V3(code) => code.0,
            ConnAckCode::V5(reason) => reason.into(),
        };
        let assigned_id = connack.properties.assigned_client_identifier();
        if let Some(assigned_id) = &assigned_id {
            self.trace.rename(assigned_id);
        }
        self.trace.connack(code);
        if !connack.code.is_accepted() {
            let code = error::code_for(self.options.version, connack.code);
            return Err(Error::Refused(code));
        }
        let wrong_session = connack.session_present && self.options.clean_start;
        let wrong_id = assigned_id.is_some() && !self.options.client_id.is_empty();
        if wrong_session || wrong_id {
            // [MQTT-3.2.2-2]
            return Err(Error::Protocol);
        }
        Ok(connack)
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.options)
            .field("connected", &self.connection.is_some())
            .field("in_flight", &self.outgoing.in_flight())
            .finish_non_exhaustive()
    }
}
