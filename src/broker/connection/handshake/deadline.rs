//! How long a peer may take to send its CONNECT.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// A peer that has not sent its CONNECT by then is cut.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);

/// When a peer that has not sent its CONNECT is cut.
///
/// Time begins with the first wait: most have sent it before they are taken, and no clock is
/// read and no timer made for those.
#[derive(Default)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// Waits for `future` until then.
    pub(super) async fn wait_for<F: Future>(
        &mut self,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Elapsed> {
        match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => {
                let begin = || Instant::now() + CONNECT_WITHIN;
                timeout_at(*self.0.get_or_insert_with(begin), future).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn what_is_there_needs_no_timer() {
        let mut deadline = Deadline::default();
        assert_eq!(deadline.wait_for(pin!(ready(1))).await.ok(), Some(1));
        assert!(deadline.0.is_none());
    }

    #[tokio::test]
    async fn all_waits_have_the_time_that_began_with_the_first() {
        let mut deadline = Deadline::default();
        assert!(deadline.wait_for(pin!(yield_now())).await.is_ok());
        let first = deadline.0;
        assert!(first.is_some_and(|first| first <= Instant::now() + CONNECT_WITHIN));
        assert!(deadline.wait_for(pin!(yield_now())).await.is_ok());
        assert_eq!(deadline.0, first);
    }

    #[tokio::test]
    async fn who_is_not_ready_by_then_is_waited_for_no_more() {
        let mut deadline = Deadline(Some(Instant::now()));
        assert!(deadline.wait_for(pin!(pending::<()>())).await.is_err());
    }
}
