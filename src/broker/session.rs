//! One client's session: what it subscribed to, what waits for it, and the connection
//! that it has at the moment, if any.

mod acknowledgements;
mod bridge;
mod context;
mod delivery;
mod direct;
mod hand_out;
mod online;
mod outbound;
mod output;
mod presence;
mod queue;
mod queued;
mod queueing;
mod receiver;
mod refill;
mod registration;
pub(super) mod registry;
mod remains;
mod retained_place;
mod shared;
mod shared_filters;
mod state;
mod stored;
mod subscription;
mod summary;
mod unreadable;
mod waiting;
mod will;
mod window;

pub(super) use self::context::BatchContext;
pub(super) use self::direct::DirectWrite;
pub(super) use self::presence::{ActiveConnection, Ending, Presence, Writer};
pub(super) use self::queued::OrphanedSharedMessage;
pub(super) use self::queueing::Held;
pub(super) use self::receiver::Receiver;
pub(super) use self::remains::{Remains, Remnant};
pub(super) use self::retained_place::HandOut;
pub(super) use self::shared::Session;
pub(super) use self::state::SessionState;
pub(super) use self::stored::AckedRecords;
pub(super) use self::subscription::StoredSubscription;
pub(super) use self::summary::Summary;
pub(super) use self::unreadable::{RightsCheck, Unreadable};
pub(super) use self::will::StoredWill;
