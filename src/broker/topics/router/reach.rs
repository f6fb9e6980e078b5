use std::ops::{BitOr, BitOrAssign};

/// The numbers of levels of the topics that some filters can match.
///
/// It is exact up to 62 levels. Longer topics count alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach(u64);

/// Stands for all topics with as many levels or more.
const LAST: usize = 63;

impl Reach {
    /// Returns the reach of a filter with so many levels and no `#`.
    pub(super) fn exactly(levels: usize) -> Self {
        Self(1 << levels.min(LAST))
    }

    /// Returns the reach of a filter with so many levels before its `#`.
    pub(super) fn from(levels: usize) -> Self {
        Self(u64::MAX << levels.min(LAST))
    }

    /// Returns whether a filter can match topics of all these numbers of levels, one at least.
    pub(super) fn overlaps(self, topic: Self) -> bool {
        self.0 & topic.0 != 0
    }
}

impl BitOr for Reach {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Reach {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}
