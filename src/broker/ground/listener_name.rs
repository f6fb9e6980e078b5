use std::fmt;
use std::sync::Arc;

/// The name of a listener: its port and address, as its line in the configuration has them.
///
/// It stays the same when other listeners come or go, so that sessions and wills can
/// remember it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::broker) struct ListenerName(Arc<str>);

/// Name that bridges have in place of a listener's.
///
/// No listener is called so: their names begin with a port.
const BRIDGES: &str = "bridge";

impl ListenerName {
    /// Returns the name that bridges have in place of a listener's.
    pub(in crate::broker) fn of_bridges() -> Self {
        Self(BRIDGES.into())
    }

    pub(in crate::broker) fn is_of_bridges(&self) -> bool {
        self.as_str() == BRIDGES
    }

    pub(in crate::broker) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ListenerName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for ListenerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
