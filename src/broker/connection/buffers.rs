//! What is under way between a client and the broker.

use std::cell::Cell;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// A list with room for more chunks than this is not used again.
const KEPT_PIECES: usize = 64;

thread_local! {
    /// What the connections of a thread use one after the other.
    static POOL: Cell<Option<Box<Traffic>>> = const { Cell::new(None) };
}

/// What is under way in both directions.
#[derive(Default)]
pub(super) struct Traffic {
    /// The beginning of a packet whose rest has not arrived.
    pub(super) partial: BytesMut,
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
    fn is_empty(&self) -> bool {
        let has_replies = self.reply_count > 0 || !self.replies.is_empty();
        self.partial.is_empty() && !has_replies && self.unsent.is_empty()
    }
}
