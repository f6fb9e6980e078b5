//! A pause of a publisher.

use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Sleep;

use crate::broker::session::Session;

/// The subscribers that a paused publisher waits for.
pub(super) struct Pause {
    pub(super) subscribers: Vec<Arc<Session>>,
    /// Ends when the subscribers may be stalled.
    pub(super) look_again: Pin<Box<Sleep>>,
}
