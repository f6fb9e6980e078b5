use std::fmt;

use crate::broker::listener::Peer;
use crate::protocol::Text;

/// A client that is refused, as the log names it.
pub(super) struct RefusedClient<'a> {
    pub(super) peer: &'a Peer,
    /// The names in its CONNECT, if that was read.
    pub(super) names: Option<Box<ClientNames>>,
}

/// The names that a CONNECT has.
pub(super) struct ClientNames {
    pub(super) client_id: Text,
    pub(super) username: Option<Text>,
}

impl fmt::Display for RefusedClient<'_> {
    /// The client identifier, or the address where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.names {
            Some(names) if !names.client_id.is_empty() => names.client_id.fmt(f),
            _ => f.write_str(&self.peer.host()),
        }
    }
}
