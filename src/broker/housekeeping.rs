//! What has had its time: silent clients, sessions, wills, retained messages.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Broker;
use super::session::{Ending, Presence, Session};

/// How often silence and deadlines are looked at.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often expired retained messages are looked for, if not configured.
const RETAINED_INTERVAL: Duration = Duration::from_secs(60);

/// Ends what has had its time, for as long as the broker runs. One walk over all
/// sessions serves them all, so that an idle connection needs no timer.
pub(super) async fn run_housekeeping(broker: Arc<Broker>) {
    let mut interval = interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_search = Instant::now();
    loop {
        interval.tick().await;
        broker.end_silent_connections();
        broker.expire_sessions().await;
        broker.router.forget_unused_matches();
        broker.env.limited_log.report();
        let retained_interval = broker.config().retain_expiry_interval;
        if last_search.elapsed() >= retained_interval.unwrap_or(RETAINED_INTERVAL) {
            last_search = Instant::now();
            broker.remove_expired_retained().await;
        }
    }
}

impl Broker {
    /// Ends connections that were silent for one and a half keep alive times
    /// [MQTT-3.1.2-22]; what a paused client says cannot be heard.
    fn end_silent_connections(&self) {
        let now = self.env.clock.now();
        self.sessions.for_each(|session| {
            if !session.is_connected() || session.is_paused() {
                return;
            }
            let silence = now.saturating_sub(session.last_activity());
            let mut state = session.state();
            let Presence::Online(active_connection) = &state.presence else {
                return;
            };
            let limit = active_connection.keep_alive;
            if limit.is_some_and(|limit| silence > limit.get().into()) {
                state.end_connection(Ending::KeepAlive);
            }
        });
    }

    /// Has the connections with a will handle what their sockets hold; returns their sessions.
    pub(super) fn read_last_input_of_wills(&self) -> Vec<Arc<Session>> {
        let mut sessions = Vec::new();
        self.sessions.for_each(|session| {
            let mut state = session.state();
            if state.registration.will.is_some() && state.read_last_input() {
                sessions.push(Arc::clone(session));
            }
        });
        sessions
    }

    /// Takes away retained messages that have expired, a few at a time.
    async fn remove_expired_retained(&self) {
        let mut position = Vec::new();
        let now = self.env.clock.now();
        while !self.retained.remove_expired(&mut position, now) {
            tokio::task::yield_now().await;
        }
    }

    /// Ends all connections, as the broker's end does.
    pub(super) fn end_connections(&self) {
        self.sessions
            .for_each(|session| session.state().end_connection(Ending::ShuttingDown));
    }

    /// Whether any client is connected.
    pub(super) fn has_connections(&self) -> bool {
        let mut any = false;
        self.sessions
            .for_each(|session| any |= session.is_connected());
        any
    }
}
