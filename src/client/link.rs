//! A connection to a broker without the delivery of messages: CONNECT and CONNACK, packets in
//! and out, topic aliases, keep alive.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::connection::Connection;
use super::keep_alive::{Due, KeepAlive};
use super::options::Limits;
use super::trace::{Trace, trace};
use super::{ConnectOptions, Error, Log, OtherProtocol, error};
use crate::protocol::{
    ConnAck, ConnAckCode, DecodeError, Disconnect, Packet, Properties, Publish, ReasonCode,
    TopicName, encode,
};

/// A connection to a broker.
///
/// It knows nothing of the delivery of messages: [`super::Client`] adds that for programs, and
/// a bridge's session on the broker for bridges.
pub struct Link<S> {
    pub(super) options: ConnectOptions,
    pub(super) connection: Option<Connection<S>>,
    pub(super) limits: Limits,
    /// The topic aliases that the broker's PUBLISH packets introduced on this connection.
    received_aliases: HashMap<NonZeroU16, TopicName>,
    pub(super) trace: Trace,
    other_protocol: Option<OtherProtocol>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Creates a link that is not connected.
    pub fn new(options: ConnectOptions) -> Self {
        Self {
            connection: None,
            limits: Limits::new(&options, &Properties::EMPTY),
            received_aliases: HashMap::new(),
            trace: Trace::new(&options.client_id),
            other_protocol: None,
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

    /// Changes the options of the next CONNECT.
    pub fn options_mut(&mut self) -> &mut ConnectOptions {
        &mut self.options
    }

    /// Sends a CONNECT over a new stream and waits for the CONNACK.
    pub async fn connect(&mut self, stream: S) -> Result<ConnAck, Error> {
        self.take_connection();
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
            connection.keep_alive = KeepAlive::new(keep_alive, Instant::now());
        }
        Ok(connack)
    }

    /// Returns the protocol that the last [`Link::connect`] met instead of MQTT, if it is
    /// known.
    pub fn other_protocol(&self) -> Option<OtherProtocol> {
        self.other_protocol
    }

    /// Returns whether the broker has accepted the client and the connection stands.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Returns whether everything is written.
    pub fn is_flushed(&self) -> bool {
        self.connection.as_ref().is_none_or(Connection::is_flushed)
    }

    /// Returns the buffer to which whole packets are appended, which [`Link::drive`] writes.
    pub fn output(&mut self) -> Option<&mut BytesMut> {
        self.connection.as_mut().map(Connection::output)
    }

    /// Writes, reads and keeps the connection alive until any of it made progress.
    ///
    /// Dropping the future loses nothing. After an error call [`Link::abandon`].
    pub async fn drive(&mut self) -> Result<(), Error> {
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

    /// Keeps the connection alive without reading.
    ///
    /// This is for times in which no more messages can be taken. It returns when something
    /// was sent. Acknowledgements wait, too, for as long as the keep alive allows. After an
    /// error call [`Link::abandon`].
    pub async fn hold(&mut self) -> Result<(), Error> {
        let silence_ends = match &self.connection {
            Some(connection) => connection.keep_alive.silence_ends(),
            None => return Err(Error::ConnectionLost),
        };
        match silence_ends {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
        if self.is_flushed() {
            trace!(self, "sending PINGREQ");
            self.send(&Packet::PingReq)?;
        }
        self.write().await
    }

    /// Writes without reading until something was sent.
    pub async fn write(&mut self) -> Result<(), Error> {
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
        self.take_connection();
    }

    /// Returns the next packet from the bytes that were read, a PUBLISH with its topic in place
    /// of an alias.
    ///
    /// A PINGRESP is taken in. After an error call [`Link::report_error`].
    pub fn next_packet(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            let Some(connection) = &mut self.connection else {
                return Ok(None);
            };
            match connection.next_packet()? {
                Some(Packet::PingResp) => {
                    connection.keep_alive.answered();
                    trace!(self, "received PINGRESP",);
                }
                Some(Packet::Publish(mut publish)) => {
                    self.resolve_alias(&mut publish)?;
                    return Ok(Some(Packet::Publish(publish)));
                }
                packet => return Ok(packet),
            }
        }
    }

    /// Puts the topic in place of its alias [MQTT-3.3.2-7].
    fn resolve_alias(&mut self, publish: &mut Publish) -> Result<(), Error> {
        let Some(alias) = publish.topic_alias() else {
            return Ok(());
        };
        let invalid = Error::Malformed(DecodeError::Invalid {
            reason: ReasonCode::TopicAliasInvalid,
            place: "PUBLISH: topic alias",
        });
        if alias.get() > self.options.topic_alias_maximum() {
            return Err(invalid);
        }
        match (&publish.topic, self.received_aliases.entry(alias)) {
            (Some(topic), entry) => {
                entry.insert_entry(topic.to_owned_name());
            }
            (None, Entry::Occupied(entry)) => publish.topic = Some(entry.get().clone()),
            (None, Entry::Vacant(_)) => return Err(invalid),
        }
        Ok(())
    }

    /// Tells an MQTT 5.0 broker what it did wrong, if its socket takes that at once.
    ///
    /// The connection is of no use afterwards: call [`Link::abandon`].
    pub fn report_error(&mut self, error: &Error) {
        let Some(reason) = disconnect_reason(error).filter(|_| self.options.version.is_v5()) else {
            return;
        };
        trace!(self, "sending DISCONNECT",);
        let _ = self.send(&Packet::Disconnect(Disconnect::new(reason)));
        if let Some(connection) = &mut self.connection {
            let waker = std::task::Waker::noop();
            let _ = connection.poll_progress(&mut std::task::Context::from_waker(waker));
        }
    }

    /// Encodes a packet, which [`Link::drive`] writes.
    pub fn send(&mut self, packet: &Packet) -> Result<(), Error> {
        let Some(connection) = &mut self.connection else {
            return Err(Error::ConnectionLost);
        };
        encode(packet, self.options.version, connection.output())?;
        Ok(())
    }

    /// Gives up the connection.
    pub(super) fn take_connection(&mut self) -> Option<Connection<S>> {
        self.received_aliases.clear();
        self.connection.take()
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

/// Returns the reason code of the DISCONNECT after an error [MQTT-4.13.1-1].
fn disconnect_reason(error: &Error) -> Option<ReasonCode> {
    match error {
        Error::Malformed(error) => Some(error.reason()),
        Error::Protocol => Some(ReasonCode::ProtocolError),
        Error::NotSupported => Some(ReasonCode::ImplementationSpecificError),
        _ => None,
    }
}
