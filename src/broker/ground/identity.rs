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
