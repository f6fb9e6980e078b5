//! Being told when a descriptor is ready: by the runtime, or by the system.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
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

/// Asks the system whether there may be something to read or to take, which the runtime
/// learns a moment later.
pub fn has_input(source: &impl AsFd) -> bool {
    let mut sources = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
    poll(&mut sources, PollTimeout::ZERO) != Ok(0)
}
