//! Readiness of descriptors, as the runtime or the system reports it.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Makes the runtime of this task watch `source` for `interest` and nothing else.
///
/// The runtime watches sockets of its own for input and output.
///
/// # Errors
///
/// The system has no room for another descriptor, or watches this one already.
#[expect(
    deprecated,
    reason = "what comes in its place is unsafe, for descriptors that may be closed meanwhile; \
              one that is lent by `AsFd` is open as long as its owner"
)]
pub fn watch<T: AsFd + AsRawFd>(source: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(source, interest)
}

/// Asks the system whether the descriptor may be ready.
///
/// The runtime learns of it a moment later.
pub fn has_input(source: &impl AsFd) -> bool {
    let mut sources = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
    poll(&mut sources, PollTimeout::ZERO) != Ok(0)
}
