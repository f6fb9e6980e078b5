use std::sync::Arc;

use crate::broker::ground::GrantedOptions;
use crate::broker::session::Session;

/// A session and how it wants its messages.
#[derive(Clone, Debug)]
pub(in crate::broker) struct Target {
    pub(in crate::broker) session: Arc<Session>,
    pub(in crate::broker) granted: GrantedOptions,
}
