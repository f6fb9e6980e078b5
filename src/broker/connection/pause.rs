//! A publisher waits while a subscriber that has more than it should still takes
//! messages. Nobody waits for a session of its own, or for one that is stalled.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::time::{Sleep, sleep_until};

use super::Connection;
use crate::broker::ground::Millis;
use crate::broker::session::Session;

/// What a paused publisher waits for.
pub(super) struct Pause {
    subscribers: Vec<Arc<Session>>,
    /// When to look whether they are stalled.
    look_again: Pin<Box<Sleep>>,
}

impl Connection {
    /// Pauses the client for these subscribers, as far as they still need it.
    pub(super) fn pause_for(&mut self, congested: Vec<Arc<Session>>, waker: &Waker, now: Millis) {
        if !congested.is_empty() {
            self.set_pause(congested, waker, now);
        }
    }

    /// Whether the client's socket is left alone for now.
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
        // A client that is not read cannot be heard.
        self.session.set_paused(self.pause.is_some());
        self.session.touch(now);
    }
}
