use crate::broker::ground::GrantedOptions;
use crate::broker::retained::RetainedCursor;
use crate::protocol::TopicFilter;

/// The retained messages that a subscription is still to bring [MQTT-3.3.1-9].
///
/// It has a place in the session's queue: behind what waits already, before what is published
/// later.
#[derive(Debug)]
pub(in crate::broker) struct HandOut {
    pub(super) cursor: RetainedCursor,
    pub(super) granted: GrantedOptions,
    number: u64,
}

impl HandOut {
    pub(in crate::broker) fn new(cursor: RetainedCursor, granted: GrantedOptions) -> Self {
        Self {
            cursor,
            granted,
            number: 0,
        }
    }

    pub(super) fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn filter(&self) -> &TopicFilter {
        self.cursor.filter()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.cursor.memory_bytes()
    }
}
