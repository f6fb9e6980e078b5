use crate::client::Error;
use crate::subscribe::output::Closed;
use crate::subscribe::signals::Interruption;

/// A reason to end the program although the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The work is done, or nobody reads the output any more.
    Done,
    TimedOut,
    Interrupted(Interruption),
}

/// A reason to leave a connection.
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
