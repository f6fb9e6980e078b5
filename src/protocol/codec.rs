//! Decoding and encoding of packets.

mod connect;
mod decode;
mod encode;
mod frame;
mod properties;
mod publish;
pub(in crate::protocol) mod reader;
pub(in crate::protocol) mod varint;
pub(in crate::protocol) mod writer;

#[cfg(test)]
mod tests;

pub use decode::{Decoder, PacketBytes};
pub use encode::encode;
pub(crate) use properties::decode_publish_properties;
pub use publish::{PublishHead, encode_publish_head, publish_size};
pub use reader::MaxCounts;
pub use varint::MAX_REMAINING_LENGTH;
