use super::block::Block;
use crate::broker::config::diagnostic::Location;

/// One use of a security option that counts for all listeners.
pub(super) struct SecurityUse {
    pub(super) option: &'static str,
    /// The listener that it stands below, if any.
    pub(super) below: Option<Block>,
    pub(super) restriction: Restriction,
    pub(super) location: Location,
}

/// The effect of such a use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Restriction {
    /// The value is `true`, which lets everybody in.
    Lifted,
    /// The value is `false`.
    InForce,
    /// Users or rules are those of this file.
    File(Vec<u8>),
}

impl Restriction {
    /// Whether it opens what an earlier use had closed.
    pub(super) fn lifts(&self, earlier: &Self) -> bool {
        match (earlier, self) {
            (Self::InForce, Self::Lifted) => true,
            (Self::File(earlier), Self::File(later)) => earlier != later,
            _ => false,
        }
    }
}
