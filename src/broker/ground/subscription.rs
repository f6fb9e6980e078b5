use super::numbers::ShareId;
use crate::protocol::{QoS, SubscriptionId};

/// What a subscription says about the messages that it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct GrantedOptions {
    /// The highest QoS of delivery.
    pub(in crate::broker) qos: QoS,
    pub(in crate::broker) no_local: bool,
    pub(in crate::broker) retain_as_published: bool,
    pub(in crate::broker) subscription_id: Option<SubscriptionId>,
    /// Which of the session's shared subscriptions it is, if it is one.
    pub(in crate::broker) share: Option<ShareId>,
}
