//! The configuration in force, which a reload replaces as a whole.

mod queue_limits;

use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::{ArcSwap, Cache};

pub(super) use self::queue_limits::{QueueLimits, Waiting};
use super::config::Config;
use crate::protocol::Text;

thread_local! {
    /// The configuration that this thread has read last.
    static LAST_READ: RefCell<Option<CachedConfig>> = const { RefCell::new(None) };
}

type CachedConfig = Cache<Arc<ArcSwap<Config>>, Arc<Config>>;

/// The options in force. Each is read when it is needed, so a reload applies at once.
#[derive(Debug)]
pub(super) struct LiveOptions {
    config: Arc<ArcSwap<Config>>,
    /// The bytes that a session may hold while memory is short; `usize::MAX` is any.
    memory_share: AtomicUsize,
}

impl LiveOptions {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self {
            config: Arc::new(ArcSwap::new(config)),
            memory_share: AtomicUsize::new(usize::MAX),
        }
    }

    /// Puts another configuration in force.
    pub(super) fn replace(&self, config: Arc<Config>) {
        self.config.store(config);
    }

    /// Returns the whole configuration, to keep.
    pub(super) fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Sets the bytes that a session may hold while memory is short; `usize::MAX` is any.
    pub(super) fn set_memory_share(&self, bytes: usize) {
        self.memory_share.store(bytes, Ordering::Relaxed);
    }

    /// Reads an option. This costs an atomic load, so it may be done for every message.
    pub(super) fn get<T>(&self, read: impl FnOnce(&Config) -> T) -> T {
        LAST_READ.with_borrow_mut(|last| {
            match last {
                Some(cache) if ptr::eq(cache.arc_swap(), &*self.config) => read(cache.load()),
                // Another broker of this process may have read last.
                _ => read(last.insert(Cache::new(Arc::clone(&self.config))).load()),
            }
        })
    }

    /// Returns whether messages are delivered at the QoS of the subscription.
    pub(super) fn upgrade_outgoing_qos(&self) -> bool {
        self.get(|config| config.upgrade_outgoing_qos)
    }

    /// Returns whether messages of QoS 0 are queued for absent clients.
    pub(super) fn queue_qos0_messages(&self) -> bool {
        self.get(|config| config.queue_qos0_messages)
    }

    /// Returns whether overlapping subscriptions each bring a message.
    pub(super) fn allow_duplicate_messages(&self) -> bool {
        self.get(|config| config.allow_duplicate_messages)
    }

    /// Returns whether the log names clients that come and go.
    pub(super) fn connection_messages(&self) -> bool {
        self.get(|config| config.connection_messages)
    }

    /// Returns whether clients may publish retained messages.
    pub(super) fn retain_available(&self) -> bool {
        self.get(|config| config.retain_available)
    }

    /// Returns whether a retained message needs a publisher that may still write it.
    pub(super) fn check_retain_source(&self) -> bool {
        self.get(|config| config.check_retain_source)
    }

    /// Limits of what may wait for one session.
    pub(super) fn queue_limits(&self) -> QueueLimits {
        let share = self.memory_share.load(Ordering::Relaxed);
        let share = Some(share).filter(|&share| share != usize::MAX);
        self.get(|config| QueueLimits::new(&config.limits, share))
    }

    /// Seconds between two updates of the `$SYS` topics, if there are any.
    pub(super) fn sys_interval(&self) -> Option<u32> {
        let interval = self.get(|config| config.sys_interval);
        interval.map(|interval| u32::try_from(interval.as_secs()).unwrap_or(u32::MAX))
    }

    /// Returns whether a message with this payload is not passed on.
    pub(super) fn is_too_large(&self, payload: &[u8]) -> bool {
        let limit = self.get(|config| config.limits.message_size_limit);
        limit.is_some_and(|limit| payload.len() > limit as usize)
    }

    /// Returns whether a client may have this identifier.
    pub(super) fn allows_client_id(&self, client_id: &Text) -> bool {
        let is_begun_by = |prefix: &String| client_id.as_str().starts_with(prefix);
        self.get(|config| config.clientid_prefix.as_ref().is_none_or(is_begun_by))
    }

    /// Seconds after which an absent client's session ends at the latest.
    pub(super) fn persistent_client_expiration(&self) -> Option<u32> {
        let expiration = self.get(|config| config.persistent_client_expiration);
        // The largest number is that of a session that never ends.
        expiration.map(|limit| u32::try_from(limit.as_secs()).unwrap_or(u32::MAX - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(limit: u32) -> Arc<Config> {
        let mut config = Config::default();
        config.limits.message_size_limit = Some(limit);
        Arc::new(config)
    }

    #[test]
    fn a_replaced_configuration_is_read_by_every_thread_at_once() {
        let live = LiveOptions::new(options(1));
        assert!(live.is_too_large(b"ab"));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(live.is_too_large(b"ab"));
                live.replace(options(2));
            });
        });
        assert!(!live.is_too_large(b"ab"));
        assert_eq!(live.config().limits.message_size_limit, Some(2));
    }

    #[test]
    fn two_brokers_of_one_thread_have_options_of_their_own() {
        let (one, other) = (LiveOptions::new(options(1)), LiveOptions::new(options(2)));
        for _ in 0..2 {
            assert!(one.is_too_large(b"ab"));
            assert!(!other.is_too_large(b"ab"));
        }
    }
}
