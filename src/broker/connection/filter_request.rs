//! A SUBSCRIBE or UNSUBSCRIBE whose filters take more than one turn.

use std::vec::IntoIter;

use crate::broker::auth::Effort;
use crate::protocol::{PacketId, ReasonCode, Subscription, SubscriptionId, TopicFilter};

/// Rest of a request, and the answers so far.
pub(super) enum FilterRequest {
    Subscribe(Box<SubscribeRequest>),
    Unsubscribe(Box<UnsubscribeRequest>),
}

/// A SUBSCRIBE.
pub(super) struct SubscribeRequest {
    pub(super) packet_id: PacketId,
    pub(super) subscription_id: Option<SubscriptionId>,
    pub(super) subscriptions: IntoIter<Subscription>,
    pub(super) reasons: Vec<ReasonCode>,
    /// The effort left for the comparison of its filters with access rules.
    pub(super) effort: Effort,
}

/// An UNSUBSCRIBE.
pub(super) struct UnsubscribeRequest {
    pub(super) packet_id: PacketId,
    pub(super) filters: IntoIter<TopicFilter>,
    pub(super) reasons: Vec<ReasonCode>,
}
