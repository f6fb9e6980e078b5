//! Values that all floors of the broker share. They know nothing but MQTT.

mod bridge_topics;
mod clock;
mod expiry;
mod hops;
mod identity;
mod listener_name;
mod mount_point;
mod numbers;
mod properties;
mod random;
mod subscription;
mod sys_topic;

pub(super) use self::bridge_topics::{BridgeLine, BridgeTopics};
pub(super) use self::clock::{Clock, Millis, after_seconds};
pub(super) use self::expiry::Expiry;
pub(super) use self::hops::{MAXIMUM_HOPS, hops, with_next_hop};
pub(super) use self::identity::Identity;
pub(super) use self::listener_name::ListenerName;
pub(super) use self::mount_point::MountPoint;
pub(super) use self::numbers::{ConnectionNumber, SessionNumber, ShareId};
pub(super) use self::properties::forwarded_properties;
pub(super) use self::random::random_bytes;
pub(super) use self::subscription::GrantedOptions;
pub(super) use self::sys_topic::{LOG_PREFIX, SYS_PREFIX, is_log_line};
