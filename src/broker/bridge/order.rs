use crate::broker::config::Bridge;

/// The wish of a reload for a bridge.
#[derive(Clone)]
pub(super) enum Order {
    /// To be as this block says.
    Be(Box<Bridge>),
    /// To end.
    End,
}
