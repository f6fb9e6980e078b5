//! The 27 properties of MQTT 5.0 (section 2.2.2) and the packets that may have them.

mod list;
mod table;
mod value;
mod wire;

pub use list::Properties;
pub(super) use table::PropertyScope;
pub use table::{PropertyId, PropertyKind};
pub use value::{Property, SubscriptionId};
pub(super) use wire::{decode_one, encode_one, size_of_one};
