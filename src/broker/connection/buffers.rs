//! What is under way between a client and the broker.

use std::cell::Cell;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::filter_request::FilterRequest;

/// A list with room for more chunks than this is not used again.
const KEPT_PIECES: usize = 64;

/// A shorter rest of a read is copied, so that the room of the read can be used again.
const SMALL_REST: usize = 16 * 1024;

thread_local! {
    /// What the connections of a thread use one after the other.
    static POOL: Cell<Option<Box<Traffic>>> = const { Cell::new(None) };
}

/// What is under way in both directions.
#[derive(Default)]
pub(super) struct Traffic {
    /// The beginning of a packet whose rest has not arrived.
    pub(super) partial: BytesMut,
    /// Packets that were read and wait for the connection's next turn, and what follows them.
    pub(super) unhandled: Bytes,
    /// A SUBSCRIBE or UNSUBSCRIBE that goes on in the next turn, before them.
    pub(super) filters: Option<FilterRequest>,
    /// Answers to the client's packets, not yet given to the socket.
    pub(super) replies: BytesMut,
    /// How many they are.
    pub(super) reply_count: usize,
    /// What is being written.
    pub(super) unsent: VecDeque<Bytes>,
}

/// A connection's traffic, for which it holds no room while there is none.
#[derive(Default)]
pub(super) struct Buffers(Option<Box<Traffic>>);

impl Buffers {
    pub(super) fn get(&mut self) -> &mut Traffic {
        self.0
            .get_or_insert_with(|| POOL.take().unwrap_or_default())
    }

    /// Returns whether packets that were read wait for the next turn.
    pub(super) fn has_unhandled(&self) -> bool {
        let traffic = self.0.as_ref();
        traffic.is_some_and(|traffic| !traffic.unhandled.is_empty() || traffic.filters.is_some())
    }

    /// Returns whether filters of a packet wait for the next turn.
    pub(super) fn has_filters(&self) -> bool {
        let traffic = self.0.as_ref();
        traffic.is_some_and(|traffic| traffic.filters.is_some())
    }

    /// Passes the room on to the next connection unless something is in it.
    pub(super) fn release(&mut self) {
        let Some(traffic) = &mut self.0 else { return };
        if !traffic.is_empty() {
            return;
        }
        if traffic.unsent.capacity() > KEPT_PIECES {
            traffic.unsent = VecDeque::new();
        }
        // A thread that ends keeps nothing.
        let _ = POOL.try_with(|spare| spare.set(self.0.take()));
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        self.release();
    }
}

impl Traffic {
    /// Keeps what a turn has left of the bytes that were read: packets for the next turn, or the
    /// beginning of one.
    pub(super) fn keep(&mut self, rest: Bytes, has_more: bool) {
        if !has_more {
            // An exact copy, so that an idle client with half a packet holds just that.
            self.partial = BytesMut::from(&rest[..]);
        } else if rest.len() < SMALL_REST {
            self.unhandled = Bytes::copy_from_slice(&rest);
        } else {
            self.unhandled = rest;
        }
    }

    fn is_empty(&self) -> bool {
        let has_input =
            !self.partial.is_empty() || !self.unhandled.is_empty() || self.filters.is_some();
        let has_replies = self.reply_count > 0 || !self.replies.is_empty();
        !has_input && !has_replies && self.unsent.is_empty()
    }
}
