use std::fmt;
use std::sync::Arc;

/// The name of a listener: its port and address, as its line in the configuration has them.
///
/// It stays the same when other listeners come or go, so that sessions and wills can
/// remember it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::broker) struct ListenerName(Arc<str>);

impl ListenerName {
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
