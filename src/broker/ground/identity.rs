use crate::protocol::Text;

/// Who a client is, as far as its rights depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Identity {
    pub(in crate::broker) client_id: Text,
    pub(in crate::broker) username: Option<Text>,
    /// Where the client came in: the listener's place in the configuration.
    pub(in crate::broker) listener: usize,
}
