use std::sync::Arc;

use super::auth::{AccessControl, Rules};
use super::config::Config;
use super::ground::Clock;
use super::live_options::LiveOptions;
use super::log::Log;
use super::log::rate_limit::RateLimitedLog;
use super::memory::Memory;
use super::persistence::Persistence;
use super::statistics::Statistics;

/// What everything in a broker works with.
pub(super) struct Env {
    pub(super) log: Log,
    /// For lines that a client can cause at will.
    pub(super) limited_log: Arc<RateLimitedLog>,
    pub(super) clock: Clock,
    pub(super) options: LiveOptions,
    pub(super) statistics: Statistics,
    pub(super) memory: Memory,
    pub(super) access: AccessControl,
    persistence: Option<Persistence>,
}

impl Env {
    pub(super) fn new(
        config: Arc<Config>,
        log: Log,
        clock: Clock,
        rules: Rules,
        persistence: Option<Persistence>,
    ) -> Self {
        let limited_log = Arc::new(RateLimitedLog::new(log.clone()));
        Self {
            access: AccessControl::new(rules, Arc::clone(&limited_log)),
            limited_log,
            log,
            clock,
            options: LiveOptions::new(config),
            statistics: Statistics::default(),
            memory: Memory::default(),
            persistence,
        }
    }

    /// The store, where `persistence` is on.
    pub(super) fn persistence(&self) -> Option<&Persistence> {
        self.persistence.as_ref()
    }
}
