//! A connection to the remote broker: what waits in the bridge's session goes out, and what
//! comes is handled as if a client of this broker had sent it.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::negotiated::Negotiated;
use super::opening::{BridgeParts, limited, opening, subscribe};
use super::settings::Settings;
use super::state;
use crate::broker::Broker;
use crate::broker::config::{BridgeDirection, StartType};
use crate::broker::ground::{BridgeTopics, ConnectionNumber};
use crate::broker::persistence::TicketNumber;
use crate::broker::session::{Ending, Session};
use crate::broker::statistics::{BridgeStatus, Counter};
use crate::client::{Error, Link, Stream};
use crate::protocol::{
    ConnAck, Delivery, Disconnect, Packet, PacketId, Properties, Publish, QoS, ReasonCode,
    TopicFilter, TopicName, Unsubscribe,
};

/// Bytes of answers that wait for the store; beyond them nothing is read.
const MAX_REPLIES: usize = 64 * 1024;

/// The time for the last messages when the broker stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection of a bridge.
pub(super) struct Relay {
    pub(super) broker: Arc<Broker>,
    pub(super) session: Arc<Session>,
    pub(super) status: Arc<BridgeStatus>,
    pub(super) topics: Arc<BridgeTopics>,
    pub(super) number: ConnectionNumber,
    pub(super) link: Link<Box<dyn Stream>>,
    pub(super) name: String,
    pub(super) accepts_unasked: bool,
    /// Bytes of the session that were handed to the link and may not be written yet.
    taken: usize,
    /// Answers that wait for the store, in their order.
    replies: VecDeque<(Option<TicketNumber>, BytesMut)>,
    /// The filters of the SUBSCRIBE packets that are not answered.
    pub(super) subscribing: HashMap<PacketId, TopicFilter>,
    /// Sessions that have more than they should: the remote broker has to wait.
    pub(super) congested: Vec<Arc<Session>>,
    /// The time without messages after which a lazy bridge disconnects.
    idle_timeout: Option<Duration>,
    pub(super) last_message: Instant,
    /// The reason of the end, for the log.
    pub(super) reason: Option<String>,
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The connection was lost, or the remote broker ended it.
    Lost,
    /// No message went over a lazy bridge for a while.
    Idle,
    /// The first address can be reached again.
    FirstIsBack,
    /// A reload has changed the bridge.
    Changed,
    /// A reload has removed the bridge.
    Removed,
    /// The broker stops.
    Stopped,
}

/// End of a wait.
enum Event {
    /// The link made progress.
    Progress(Result<(), Error>),
    /// The session has something for the remote broker, or answers may go.
    Session,
    /// The session is to lose its connection.
    Ending(Ending),
    /// No message came or went for the idle timeout.
    Idle,
}

impl Relay {
    /// Makes the connection that of the bridge's session, and asks for the remote topics.
    pub(super) async fn attach(
        link: Link<Box<dyn Stream>>,
        connack: &ConnAck,
        negotiated: &Negotiated,
        parts: BridgeParts<'_>,
    ) -> Self {
        let BridgeParts {
            broker,
            settings,
            session,
            status,
        } = parts;
        let number = ConnectionNumber::unused();
        let topics = limited(settings, connack, negotiated);
        if !connack.session_present {
            let mut state = session.state();
            state.forget_incoming(session.number(), broker.persistence());
        }
        session.state().set_bridge(Arc::clone(&topics));
        let opening = opening(&parts, connack, number, link.options().version);
        let opened = match broker.open_session(opening) {
            Ok(opened) => opened,
            Err(opening) => broker.take_over(opening).await,
        };
        let config = &settings.config;
        let is_lazy = config.start_type == StartType::Lazy;
        let mut relay = Self {
            broker: Arc::clone(broker),
            session: opened.session,
            status: Arc::clone(status),
            topics,
            number,
            link,
            name: config.name.clone(),
            accepts_unasked: config.accept_unasked,
            taken: 0,
            replies: VecDeque::new(),
            subscribing: HashMap::new(),
            congested: Vec::new(),
            idle_timeout: is_lazy.then_some(config.idle_timeout),
            last_message: Instant::now(),
            reason: None,
        };
        relay.introduce(settings, connack);
        let now = broker.clock().now();
        let mut state = relay.session.state();
        state.progress(&relay.session, &broker.env, now);
        drop(state);
        relay
    }

    /// Sends the state of the bridge, and a SUBSCRIBE or UNSUBSCRIBE for each line.
    fn introduce(&mut self, settings: &Settings, connack: &ConnAck) {
        if let Some(topic) = settings.remote_state_topic() {
            let window = connack.properties.receive_maximum();
            let qos = match window.is_some_and(|window| window.get() == 1) {
                // The message would take all of the window.
                true => QoS::AtMostOnce,
                false => QoS::AtLeastOnce.min(self.topics.maximum_qos),
            };
            self.send_state(topic, true, qos);
        }
        let topics = Arc::clone(&self.topics);
        for (line, topic) in topics.lines().iter().zip(&settings.config.topics) {
            if topic.direction == BridgeDirection::Out && !settings.config.attempt_unsubscribe {
                continue;
            }
            let Some(packet_id) = self.session.state().reserve_packet_id() else {
                return;
            };
            let filter = line.remote.clone();
            let packet = match line.is_in {
                true => {
                    self.subscribing.insert(packet_id, filter.clone());
                    Packet::Subscribe(subscribe(
                        packet_id,
                        filter,
                        line.qos.min(topics.maximum_qos),
                    ))
                }
                false => Packet::Unsubscribe(Unsubscribe {
                    packet_id,
                    properties: Properties::EMPTY,
                    filters: vec![filter],
                }),
            };
            // Nothing of it can be too long for a packet.
            let _ = self.link.send(&packet);
        }
    }

    fn send_state(&mut self, topic: &TopicName, is_connected: bool, qos: QoS) {
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce | QoS::ExactlyOnce => self.session.state().reserve_packet_id(),
        };
        let publish = Publish {
            dup: false,
            delivery: packet_id.map_or(Delivery::AtMostOnce, Delivery::AtLeastOnce),
            retain: self.topics.keeps_retain,
            topic: Some(topic.clone()),
            properties: Properties::EMPTY,
            payload: state::payload(is_connected),
        };
        let _ = self.link.send(&Packet::Publish(publish));
    }

    /// Relays until the connection ends. Dropping the future loses nothing.
    pub(super) async fn run(&mut self) -> End {
        loop {
            if let Err(error) = self.read_packets() {
                self.link.report_error(&error);
                self.reason = Some(error.to_string());
                return End::Lost;
            }
            self.write_session();
            match self.next().await {
                Event::Progress(Ok(())) | Event::Session => {}
                Event::Progress(Err(error)) => {
                    self.reason = Some(error.to_string());
                    return End::Lost;
                }
                Event::Ending(Ending::ShuttingDown) => return End::Stopped,
                Event::Ending(_) => {
                    self.reason = Some("session taken over".to_owned());
                    return End::Lost;
                }
                Event::Idle => {
                    let client_id = self.session.client_id();
                    self.broker.log().notice(format_args!(
                        "Bridge connection {client_id} has exceeded idle timeout, disconnecting."
                    ));
                    return End::Idle;
                }
            }
        }
    }

    async fn next(&mut self) -> Event {
        let reads = self.congested.is_empty() && self.waiting_replies() < MAX_REPLIES;
        let idle_at = self.idle_timeout.map(|timeout| self.last_message + timeout);
        let Self {
            broker,
            session,
            number,
            link,
            replies,
            congested,
            ..
        } = self;
        let wants_output = link.is_flushed();
        let session_event = poll_fn(|cx| {
            poll_replies(broker, replies, cx)?;
            poll_session(broker, session, *number, wants_output, cx)
        });
        tokio::select! {
            biased;
            Err(event) = session_event => event,
            result = progress(link, reads) => Event::Progress(result),
            () = until_relieved(broker, congested), if !congested.is_empty() => Event::Session,
            () = sleep_until(idle_at.unwrap_or_else(Instant::now)), if idle_at.is_some() => {
                Event::Idle
            }
        }
    }

    fn waiting_replies(&self) -> usize {
        self.replies.iter().map(|(_, replies)| replies.len()).sum()
    }

    /// Appends answers, in order, once their ticket is done.
    pub(super) fn reply_after(&mut self, ticket: Option<TicketNumber>, replies: BytesMut) {
        let ticket = ticket.filter(|&ticket| {
            let persistence = self.broker.persistence();
            persistence.is_some_and(|persistence| !persistence.is_done(ticket))
        });
        if !replies.is_empty() {
            self.replies.push_back((ticket, replies));
        }
        self.release_replies();
    }

    fn release_replies(&mut self) {
        while let Some((ticket, _)) = self.replies.front() {
            let persistence = self.broker.persistence();
            let is_done = ticket.is_none_or(|ticket| {
                persistence.is_none_or(|persistence| persistence.is_done(ticket))
            });
            if !is_done {
                return;
            }
            if let (Some((_, replies)), Some(output)) =
                (self.replies.pop_front(), self.link.output())
            {
                output.extend_from_slice(&replies);
            }
        }
    }

    /// Hands what the session has to the link, once that has written everything else.
    fn write_session(&mut self) {
        self.release_replies();
        if !self.link.is_flushed() {
            return;
        }
        let env = &self.broker.env;
        let mut chunks: VecDeque<Bytes> = VecDeque::new();
        let mut state = self.session.state();
        let written = std::mem::take(&mut self.taken);
        if written > 0 && state.active_connection(self.number).is_some() {
            state.wrote(written, &self.session, env, env.clock.now());
        }
        if let Some(persistence) = self.broker.persistence() {
            state
                .outbound
                .outbox
                .open_gates(|ticket| persistence.is_done(ticket));
        }
        if state.can_hand_out(env) {
            state.refill_handing_out(&self.session, env, env.clock.now());
        }
        let sent = state.take_output(self.number, &mut chunks);
        drop(state);
        if chunks.is_empty() {
            return;
        }
        env.statistics.sent(sent);
        if sent.publishes > 0 {
            self.status.sent(sent.publishes);
            self.last_message = Instant::now();
        }
        let Some(output) = self.link.output() else {
            return;
        };
        for chunk in chunks {
            self.taken += chunk.len();
            output.extend_from_slice(&chunk);
        }
        env.statistics.add(Counter::BytesSent, self.taken);
    }

    /// Writes what is ready.
    async fn write_rest(&mut self) -> Result<(), Error> {
        loop {
            self.write_session();
            if self.link.is_flushed() {
                return Ok(());
            }
            self.link.write().await?;
        }
    }

    /// Ends the connection's part in the session.
    pub(super) async fn finish(mut self, end: End, state_topic: Option<&TopicName>) -> End {
        let client_id = self.session.client_id();
        let log = self.broker.log();
        match &self.reason {
            Some(reason) => log.notice(format_args!("Client {client_id} disconnected: {reason}.")),
            None => log.notice(format_args!("Client {client_id} disconnected.")),
        }
        if end == End::Stopped {
            // The last messages, wills among them, have a moment to go.
            let _ = timeout(FAREWELL, self.write_rest()).await;
        }
        let mut says_goodbye = false;
        if let End::Removed | End::Changed = end {
            says_goodbye = true;
            if let Some(topic) = state_topic.filter(|_| end == End::Removed) {
                self.send_state(topic, false, QoS::AtMostOnce);
            }
        }
        self.broker.close_bridge_session(&self.session, self.number);
        if says_goodbye {
            // The connection ends in any case.
            let _ = self
                .link
                .disconnect(Disconnect::new(ReasonCode::Success))
                .await;
        }
        end
    }
}

impl Drop for Relay {
    /// However the task ends, the session is not left behind with a connection that is gone.
    fn drop(&mut self) {
        self.broker.close_bridge_session(&self.session, self.number);
    }
}

/// Writes and, if that is wanted, reads.
async fn progress(link: &mut Link<Box<dyn Stream>>, reads: bool) -> Result<(), Error> {
    match (reads, link.is_flushed()) {
        (true, _) => link.drive().await,
        (false, true) => link.hold().await,
        (false, false) => link.write().await,
    }
}

/// Ready (as an error, which ends the wait) when answers may go.
fn poll_replies(
    broker: &Broker,
    replies: &VecDeque<(Option<TicketNumber>, BytesMut)>,
    cx: &mut Context<'_>,
) -> Result<(), Event> {
    let front = replies.front().and_then(|(ticket, _)| *ticket);
    let (Some(ticket), Some(persistence)) = (front, broker.persistence()) else {
        return Ok(());
    };
    match persistence.poll_done(ticket, cx.waker()) {
        true => Err(Event::Session),
        false => Ok(()),
    }
}

/// Ready when the session has output, if that is wanted, or is to lose its connection.
fn poll_session(
    broker: &Broker,
    session: &Session,
    number: ConnectionNumber,
    wants_output: bool,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Event>> {
    let mut state = session.state();
    if let Some(persistence) = broker.persistence() {
        state
            .outbound
            .outbox
            .open_gates(|ticket| persistence.poll_done(ticket, cx.waker()));
    }
    let has_output = !state.outbound.outbox.is_empty() || state.can_hand_out(&broker.env);
    let Some(connection) = state.active_connection(number) else {
        return Poll::Ready(Err(Event::Ending(Ending::TakenOver)));
    };
    if let Some(ending) = connection.ending {
        return Poll::Ready(Err(Event::Ending(ending)));
    }
    if has_output && wants_output {
        return Poll::Ready(Err(Event::Session));
    }
    connection.wait(cx.waker(), wants_output);
    Poll::Pending
}

/// Waits until no session has more than it should, or takes nothing any more.
async fn until_relieved(broker: &Broker, congested: &mut Vec<Arc<Session>>) {
    while let Some(session) = congested.last() {
        let now = broker.clock().now();
        let look = |cx: &mut Context<'_>| session.pause_publisher(cx.waker(), &broker.env, now);
        let Some(look_again) = poll_fn(|cx| Poll::Ready(look(cx))).await else {
            congested.pop();
            continue;
        };
        let mut is_woken = false;
        let woken = poll_fn(|_| match std::mem::replace(&mut is_woken, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        // It is looked at again in either case.
        let _ = timeout_at(broker.clock().instant(look_again), woken).await;
    }
}
