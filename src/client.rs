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
mod loss_report;
mod message;
mod options;
mod password;
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
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::protocol::{
    ConnAck, ConnAckCode, Disconnect, Packet, PacketId, Properties, Publish, QoS, ReasonCode,
    Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, encode,
};
use crate::qos::{Incoming, Outgoing};
use connection::Connection;
use keep_alive::Due;
use options::Limits;
use trace::{Trace, trace};

pub use endpoint::{Address, Endpoint, Proxy, Stream};
pub use error::{Error, OtherProtocol, PublishError, refusal_text, system_text};
pub use event::Event;
pub use loss_report::LossReport;
pub use message::{Message, Publication};
pub use options::ConnectOptions;
pub use password::ask_password;
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
    options: ConnectOptions,
    connection: Option<Connection<S>>,
    limits: Limits,
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
    /// The topic aliases that the PUBLISH packets of this connection introduced, theirs and
    /// ours.
    sent_aliases: HashMap<NonZeroU16, TopicName>,
    received_aliases: HashMap<NonZeroU16, TopicName>,
    trace: Trace,
    other_protocol: Option<OtherProtocol>,
    /// The reason of the broker's DISCONNECT.
    disconnect_reason: Option<ReasonCode>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Creates a client that is not connected.
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
            disconnect_reason: None,
            limits,
            options,
        }
    }

    /// Sends the lines of `-d` to `log`.
    pub fn set_log(&mut self, log: Log) {
        self.trace.set_log(log);
    }

    /// Returns the options of the CONNECT.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Sends a CONNECT over a new stream and waits for the CONNACK.
    ///
    /// Then everything in flight is sent again.
    pub async fn connect(&mut self, stream: S) -> Result<ConnAck, Error> {
        self.lose_connection();
        self.disconnect_reason = None;
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

    /// Returns the protocol that the last [`Client::connect`] met instead of MQTT, if it is
    /// known.
    pub fn other_protocol(&self) -> Option<OtherProtocol> {
        self.other_protocol
    }

    /// Returns the reason for which the broker has ended the last connection, if it gave one.
    pub fn disconnect_reason(&self) -> Option<ReasonCode> {
        self.disconnect_reason
    }

    /// Returns whether the broker has accepted the client and the connection stands.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Returns whether a message of this QoS would be sent now.
    ///
    /// If not, [`Client::drive`] makes room.
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

    /// Returns whether every message was sent, and at QoS 1 and 2 acknowledged.
    pub fn is_idle(&self) -> bool {
        self.outgoing.is_empty()
            && self.waiting.is_empty()
            && self.connection.as_ref().is_none_or(Connection::is_flushed)
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

    /// Writes, reads and keeps the connection alive until any of it made progress.
    ///
    /// Dropping the future loses nothing. After an error the connection is gone.
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

    /// Asks the broker for a sign that it has handled everything sent so far.
    ///
    /// [`Client::is_answered`] is true when the sign has arrived.
    pub fn ping(&mut self) -> Result<(), Error> {
        trace!(self, "sending PINGREQ");
        if let Some(connection) = &mut self.connection {
            connection.keep_alive.ping_sent(Instant::now());
        }
        self.send(&Packet::PingReq)
    }

    /// Returns whether the broker has answered every PINGREQ of this connection.
    pub fn is_answered(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| connection.keep_alive.is_answered())
    }

    /// Keeps the connection alive without reading.
    ///
    /// This is for times in which no more messages can be taken. It returns when something
    /// was sent. Acknowledgements wait, too, for as long as the keep alive allows. After an
    /// error the connection is gone.
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

    /// Ends the connection cleanly.
    ///
    /// The DISCONNECT is really sent, and the broker has a bounded time to close its end.
    ///
    /// # Errors
    ///
    /// Not everything could be sent.
    pub async fn disconnect(&mut self, disconnect: Disconnect) -> Result<(), Error> {
        if self.connection.is_none() {
            return Err(Error::ConnectionLost);
        }
        trace!(self, "sending DISCONNECT");
        // As in Mosquitto, a DISCONNECT is left out if its properties cannot be encoded.
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

    /// Waits for the CONNACK for as long as the keep alive lasts.
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
                // The answer may look like the beginning of a packet that never ends.
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
