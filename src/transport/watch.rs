//! Being told by the runtime when a descriptor is ready.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Lets the runtime of this task watch `source` for what `interest` says, and nothing else;
/// its own sockets are always watched for input and output.
///
/// # Errors
///
/// Those of the system, which has no room for it or watches it already.
#[expect(
    deprecated,
    reason = "what comes in its place is unsafe, for descriptors that may be closed meanwhile; \
              one that is lent by `AsFd` is open as long as its owner"
)]
pub fn watch<T: AsFd + AsRawFd>(source: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(source, interest)
}
