//! Pauses of a client: while a subscriber that has more than it should still takes messages, and
//! while the client sends faster than it may. Nobody waits for a session of its own, or for one
//! that is stalled.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::time::sleep_until;

use super::client::Connection;
use super::pause::Pause;
use crate::broker::ground::Millis;
use crate::broker::session::Session;

impl Connection {
    /// Pauses the client for these subscribers, as far as they still need it.
    pub(super) fn pause_for(&mut self, congested: Vec<Arc<Session>>, waker: &Waker, now: Millis) {
        if !congested.is_empty() {
            self.set_pause(congested, waker, now);
        }
    }

    /// Returns whether the client's socket is left alone for now.
    pub(super) fn poll_pause(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some(pause) = self.pause.take() {
            let now = self.permit.broker.clock().now();
            self.set_pause(pause.subscribers, cx.waker(), now);
            let Some(pause) = &mut self.pause else { break };
            // A timer wakes the task only once it was polled.
            if pause.look_again.as_mut().poll(cx).is_pending() {
                return true;
            }
        }
        false
    }

    fn set_pause(&mut self, mut subscribers: Vec<Arc<Session>>, waker: &Waker, now: Millis) {
        let mut look_again: Option<Millis> = None;
        subscribers.retain(|session| {
            let stalled_at = session.pause_publisher(waker, &self.permit.broker.env, now);
            if let Some(at) = stalled_at {
                look_again = Some(look_again.map_or(at, |earlier| earlier.min(at)));
            }
            stalled_at.is_some()
        });
        self.pause = look_again.map(|at| {
            let look_again = Box::pin(sleep_until(self.permit.broker.clock().instant(at)));
            Box::new(Pause {
                subscribers,
                look_again,
            })
        });
        self.note_pause(now);
    }

    /// Returns whether the client has sent too much for now; then its socket is left alone.
    pub(super) fn poll_rate(&mut self, cx: &mut Context<'_>) -> bool {
        let clock = self.permit.broker.clock();
        let Some(rate) = &mut self.rate else {
            return false;
        };
        loop {
            let now = clock.now();
            let was_paused = rate.timer.is_some();
            let Some(at) = rate.resumes_at(now) else {
                rate.timer = None;
                if was_paused {
                    self.note_pause(now);
                }
                return false;
            };
            let mut timer = Box::pin(sleep_until(clock.instant(at)));
            // A timer wakes the task only once it was polled.
            let is_waiting = timer.as_mut().poll(cx).is_pending();
            rate.timer = Some(timer);
            if is_waiting {
                if !was_paused {
                    self.note_pause(now);
                }
                return true;
            }
        }
    }

    /// Suspends the keep alive while the client is not read, and begins it anew afterwards.
    fn note_pause(&self, now: Millis) {
        let is_rate_exceeded = self.rate.as_ref().is_some_and(|rate| rate.timer.is_some());
        self.session
            .set_paused(self.pause.is_some() || is_rate_exceeded);
        self.session.touch(now);
    }
}
