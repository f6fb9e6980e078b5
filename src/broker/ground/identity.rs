use super::ListenerName;
use crate::protocol::Text;

/// Identity of a client, as far as its rights depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Identity {
    pub(in crate::broker) client_id: Text,
    pub(in crate::broker) username: Option<Text>,
    /// The listener by which the client came in; `None` where that is not known.
    pub(in crate::broker) listener: Option<ListenerName>,
}

impl Identity {
    /// Returns whether the client is a bridge of this broker.
    pub(in crate::broker) fn is_bridge(&self) -> bool {
        let listener = self.listener.as_ref();
        listener.is_some_and(ListenerName::is_of_bridges)
    }
}
