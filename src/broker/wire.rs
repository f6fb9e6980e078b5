//! What goes over the wire to a client: messages encoded for all who get them alike, and
//! bytes that wait to be written.

mod aliases;
mod burst;
mod encoded;
mod outbox;
mod write_buffer;

pub(super) use self::aliases::{Alias, TopicAliases};
pub(super) use self::burst::Burst;
pub(super) use self::encoded::{OutgoingPublish, PublishFormat};
pub(super) use self::outbox::Outbox;
pub(super) use self::write_buffer::write_pieces;
