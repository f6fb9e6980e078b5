use crate::client::Error;
use crate::subscribe::output::Closed;
use crate::subscribe::signals::Interruption;

/// Why the program ends although the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It has done what it was asked for, or nobody reads it any more.
    Done,
    TimedOut,
    Interrupted(Interruption),
}

/// Why a connection is left.
#[derive(Debug)]
pub(super) enum Left {
    End(End),
    Error(Error),
}

impl From<Error> for Left {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Closed> for Left {
    fn from(_: Closed) -> Self {
        Self::End(End::Done)
    }
}
