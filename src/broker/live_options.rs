//! Options that a reload may change while the broker runs.

mod queue_limits;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use self::queue_limits::SharedQueueLimits;
pub(super) use self::queue_limits::{QueueLimits, Waiting};
use super::config::Config;
use crate::protocol::Text;

/// Options that a reload may change and that are looked at for every message or
/// connection; reading one of a message's takes no lock.
#[derive(Debug)]
pub(super) struct LiveOptions {
    upgrade_outgoing_qos: AtomicBool,
    queue_qos0_messages: AtomicBool,
    allow_duplicate_messages: AtomicBool,
    connection_messages: AtomicBool,
    retain_available: AtomicBool,
    check_retain_source: AtomicBool,
    /// Seconds; 0 is never.
    sys_interval: AtomicU32,
    /// Bytes; `u32::MAX` is no limit.
    message_size_limit: AtomicU32,
    /// Looked at for each connection only.
    clientid_prefix: RwLock<Option<String>>,
    /// Seconds; 0 is no limit.
    persistent_client_expiration: AtomicU32,
    queue_limits: SharedQueueLimits,
}

impl LiveOptions {
    pub(super) fn new(config: &Config) -> Self {
        let options = Self {
            upgrade_outgoing_qos: AtomicBool::default(),
            queue_qos0_messages: AtomicBool::default(),
            allow_duplicate_messages: AtomicBool::default(),
            connection_messages: AtomicBool::default(),
            retain_available: AtomicBool::default(),
            check_retain_source: AtomicBool::default(),
            sys_interval: AtomicU32::default(),
            message_size_limit: AtomicU32::default(),
            clientid_prefix: RwLock::default(),
            persistent_client_expiration: AtomicU32::default(),
            queue_limits: SharedQueueLimits::new(&config.limits),
        };
        options.change(config);
        options
    }

    /// Puts the options of `config` in force.
    pub(super) fn change(&self, config: &Config) {
        let set = |switch: &AtomicBool, value| switch.store(value, Ordering::Relaxed);
        set(&self.upgrade_outgoing_qos, config.upgrade_outgoing_qos);
        set(&self.queue_qos0_messages, config.queue_qos0_messages);
        set(
            &self.allow_duplicate_messages,
            config.allow_duplicate_messages,
        );
        set(&self.connection_messages, config.connection_messages);
        (*self.clientid_prefix.write()).clone_from(&config.clientid_prefix);
        set(&self.retain_available, config.retain_available);
        set(&self.check_retain_source, config.check_retain_source);
        let message_size_limit = config.limits.message_size_limit.unwrap_or(u32::MAX);
        self.message_size_limit
            .store(message_size_limit, Ordering::Relaxed);
        let seconds = |limit: Duration| u32::try_from(limit.as_secs()).unwrap_or(u32::MAX - 1);
        let sys_interval = config.sys_interval.map_or(0, seconds);
        self.sys_interval.store(sys_interval, Ordering::Relaxed);
        let expiration = config.persistent_client_expiration.map_or(0, seconds);
        self.persistent_client_expiration
            .store(expiration, Ordering::Relaxed);
        self.queue_limits.change(&config.limits);
    }

    /// What may wait for one session.
    pub(super) fn queue_limits(&self) -> QueueLimits {
        self.queue_limits.load()
    }

    /// Whether it counts at delivery who published a retained message.
    pub(super) fn check_retain_source(&self) -> bool {
        self.check_retain_source.load(Ordering::Relaxed)
    }

    pub(super) fn upgrade_outgoing_qos(&self) -> bool {
        self.upgrade_outgoing_qos.load(Ordering::Relaxed)
    }

    pub(super) fn queue_qos0_messages(&self) -> bool {
        self.queue_qos0_messages.load(Ordering::Relaxed)
    }

    pub(super) fn allow_duplicate_messages(&self) -> bool {
        self.allow_duplicate_messages.load(Ordering::Relaxed)
    }

    pub(super) fn connection_messages(&self) -> bool {
        self.connection_messages.load(Ordering::Relaxed)
    }

    pub(super) fn retain_available(&self) -> bool {
        self.retain_available.load(Ordering::Relaxed)
    }

    /// Seconds between two updates of the `$SYS` topics, if there are any.
    pub(super) fn sys_interval(&self) -> Option<u32> {
        let seconds = self.sys_interval.load(Ordering::Relaxed);
        (seconds > 0).then_some(seconds)
    }

    /// Whether a message with this payload is not passed on.
    pub(super) fn is_too_large(&self, payload: &[u8]) -> bool {
        payload.len() > self.message_size_limit.load(Ordering::Relaxed) as usize
    }

    /// Whether a client may have this identifier.
    pub(super) fn allows_client_id(&self, client_id: &Text) -> bool {
        let prefix = self.clientid_prefix.read();
        let is_begun_by = |prefix: &String| client_id.as_str().starts_with(prefix);
        prefix.as_ref().is_none_or(is_begun_by)
    }

    /// Seconds after which an absent client's session ends at the latest.
    pub(super) fn persistent_client_expiration(&self) -> Option<u32> {
        let seconds = self.persistent_client_expiration.load(Ordering::Relaxed);
        (seconds > 0).then_some(seconds)
    }
}
