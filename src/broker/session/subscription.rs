use crate::broker::ground::{GrantedOptions, ShareId};
use crate::broker::persistence::{Record, StoredRecord, SubscriptionRecord, Ticket, Urgency};
use crate::protocol::{SubscriptionOptions, TopicFilter};

/// A subscription as its session knows it.
#[derive(Debug)]
pub(in crate::broker) struct StoredSubscription {
    pub(in crate::broker) options: SubscriptionOptions,
    pub(in crate::broker) granted: GrantedOptions,
    /// Its record, if the store has it.
    pub(in crate::broker) record: Option<Box<StoredRecord>>,
}

impl StoredSubscription {
    /// Stores the subscription, if its session is stored, and whether it is still to bring
    /// retained messages.
    pub(in crate::broker) fn store(
        &self,
        filter: &TopicFilter,
        hands_out: bool,
        ticket: &Ticket<'_>,
    ) {
        let Some(record) = &self.record else { return };
        let subscription = SubscriptionRecord {
            filter: filter.to_owned_filter(),
            options: self.options,
            qos: self.granted.qos,
            subscription_id: self.granted.subscription_id,
            share: self.granted.share.map_or(0, ShareId::get),
            hands_out,
        };
        let record_value = Record::Subscription(Box::new(subscription));
        record.put(record_value, Urgency::Immediate, Some(ticket));
    }
}
