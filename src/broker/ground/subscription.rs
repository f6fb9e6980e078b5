use super::numbers::ShareId;
use crate::protocol::{QoS, SubscriptionId};

/// Options of a subscription, as granted, for the messages that it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct GrantedOptions {
    /// The highest QoS of delivery.
    pub(in crate::broker) qos: QoS,
    pub(in crate::broker) no_local: bool,
    pub(in crate::broker) retain_as_published: bool,
    pub(in crate::broker) subscription_id: Option<SubscriptionId>,
    /// The identifier of a shared subscription within its session.
    pub(in crate::broker) share: Option<ShareId>,
}
