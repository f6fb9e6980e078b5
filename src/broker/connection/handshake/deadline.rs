//! The time that a peer has to send its CONNECT.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::refusal::Refusal;
use crate::broker::listener;

/// A peer that has not sent its CONNECT by then is cut.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);

/// The end of a handshake whose peer does not send its CONNECT.
///
/// Time begins with the first wait: most have sent it before they are taken, and no clock is
/// read and no timer made for those.
pub(super) struct Deadline {
    handshake: listener::Handshake,
    since: Option<Instant>,
}

impl Deadline {
    pub(super) fn new(handshake: listener::Handshake) -> Self {
        Self {
            handshake,
            since: None,
        }
    }

    /// Waits for `future` until its time is over, or until a peer in `network` has to make room
    /// for another one.
    pub(super) async fn wait_for<T, F>(
        &mut self,
        network: Option<IpAddr>,
        mut future: Pin<&mut F>,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        if let Poll::Ready(result) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return result;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let slow = async {
            tokio::select! {
                biased;
                result = future => result,
                () = self.handshake.make_room(network, since) => Err(Refusal::Displaced),
                () = sleep_until((since + CONNECT_WITHIN).into()) => Err(Refusal::TimedOut),
            }
        };
        Box::pin(slow).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::sync::Arc;

    use tokio::task::yield_now;

    use super::*;
    use crate::broker::listener::Handshakes;

    async fn deadline() -> Deadline {
        let handshakes = Arc::new(Handshakes::default());
        Deadline::new(handshakes.begin(None, || {}).await)
    }

    async fn a_turn_later() -> Result<(), Refusal> {
        yield_now().await;
        Ok(())
    }

    #[tokio::test]
    async fn a_ready_future_sets_no_timer() {
        let mut deadline = deadline().await;
        let waited = deadline.wait_for(None, pin!(ready(Ok(1)))).await;
        assert_eq!(waited.ok(), Some(1));
        assert!(deadline.since.is_none());
    }

    #[tokio::test]
    async fn all_waits_have_the_time_that_began_with_the_first() {
        let mut deadline = deadline().await;
        let waited = deadline.wait_for(None, pin!(a_turn_later())).await;
        assert!(waited.is_ok());
        let first = deadline.since;
        assert!(first.is_some_and(|first| first <= Instant::now()));
        let waited = deadline.wait_for(None, pin!(a_turn_later())).await;
        assert!(waited.is_ok());
        assert_eq!(deadline.since, first);
    }

    #[tokio::test]
    async fn a_future_that_is_not_ready_in_time_is_given_up() {
        let mut deadline = deadline().await;
        deadline.since = Instant::now().checked_sub(CONNECT_WITHIN);
        let never = pending::<Result<(), Refusal>>();
        let waited = deadline.wait_for(None, pin!(never)).await;
        assert!(matches!(waited, Err(Refusal::TimedOut)));
    }
}
