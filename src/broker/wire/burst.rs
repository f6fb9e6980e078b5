use super::encoded::{EncodedBurst, PublishFormat};
use crate::broker::ground::{Millis, SessionNumber};
use crate::broker::message::Publication;

/// A thread keeps room for so many messages at most.
const KEPT_ROOM: usize = 1024;

/// Consecutive messages that go to the same subscribers.
#[derive(Default)]
pub(in crate::broker) struct Burst {
    publications: Vec<Publication>,
    encoded: Vec<EncodedBurst>,
    /// The bytes of their topics and payloads.
    bytes: usize,
    /// Whether they go to one session only.
    is_exclusive: bool,
    /// The epoch of rights in which they were matched.
    read_epoch: u64,
}

impl Burst {
    /// Appends a message.
    pub(in crate::broker) fn push(&mut self, publication: Publication) {
        let message = &publication.message;
        self.bytes += message.payload.len() + message.topic.as_bytes().len();
        self.publications.push(publication);
    }

    /// Forgets the messages and keeps their room.
    pub(in crate::broker) fn clear(&mut self) {
        self.publications.clear();
        self.publications.shrink_to(KEPT_ROOM);
        self.encoded.clear();
        self.bytes = 0;
    }

    /// Notes whether the messages go to one session only.
    pub(in crate::broker) fn set_exclusive(&mut self, is_exclusive: bool) {
        self.is_exclusive = is_exclusive;
    }

    /// Notes the epoch of rights in which the messages were matched.
    pub(in crate::broker) fn set_read_epoch(&mut self, epoch: u64) {
        self.read_epoch = epoch;
    }

    /// Returns the session that published the messages: a burst is of one batch.
    pub(in crate::broker) fn publisher(&self) -> Option<SessionNumber> {
        self.publications.first()?.message.publisher
    }

    /// Returns whether the messages were matched in this epoch of rights.
    pub(in crate::broker) fn is_of_epoch(&self, read_epoch: u64) -> bool {
        self.read_epoch == read_epoch
    }

    /// Whether the messages go to one session only: what is encoded for it need not be
    /// kept for another.
    pub(in crate::broker) fn is_exclusive(&self) -> bool {
        self.is_exclusive
    }

    /// The bytes of the topics and payloads.
    pub(in crate::broker) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(in crate::broker) fn publications(&self) -> &[Publication] {
        &self.publications
    }

    /// The messages, and the burst in this publish format, encoded now if nobody needed it before.
    pub(in crate::broker) fn encoded(
        &mut self,
        format: PublishFormat,
        now: Millis,
    ) -> (&[Publication], &EncodedBurst) {
        let at = match self
            .encoded
            .iter()
            .position(|encoded| encoded.format() == format)
        {
            Some(at) => at,
            None => {
                self.encoded
                    .push(EncodedBurst::new(format, &self.publications, now));
                self.encoded.len() - 1
            }
        };
        (&self.publications, &self.encoded[at])
    }
}
