//! The thread that stores what is pending, many changes at once.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::backend::{Backend, StoreError, Write};
use super::pending::Batch;
use super::shared::Shared;

/// A store that failed is tried again after this time.
const RETRY: Duration = Duration::from_millis(500);
/// Time without a change after which the store is tidied up.
const QUIET: Duration = Duration::from_secs(2);

/// Starts the thread; it ends when the changes are closed and stored.
pub(super) fn start(
    shared: Arc<Shared>,
    backend: Box<dyn Backend>,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("mq-store".to_owned())
        .spawn(move || Writer::new(shared, backend).run())
}

struct Writer {
    shared: Arc<Shared>,
    backend: Box<dyn Backend>,
    /// The bytes of a batch; kept for the next.
    bytes: BytesMut,
    /// Set when something was stored since the store was last tidied up.
    is_untidy: bool,
    /// Set while it is tidied up, one step whenever nothing else is to be done.
    is_tidying: bool,
    has_failed: bool,
}

/// Next task of the thread.
enum Task {
    Commit,
    Tidy,
    Sync,
    End,
}

impl Writer {
    fn new(shared: Arc<Shared>, backend: Box<dyn Backend>) -> Self {
        Self {
            shared,
            backend,
            bytes: BytesMut::new(),
            is_untidy: false,
            is_tidying: false,
            has_failed: false,
        }
    }

    fn run(mut self) {
        loop {
            match self.next_task() {
                Task::Commit => self.commit(),
                Task::Tidy => self.tidy(),
                Task::Sync => {
                    if let Err(error) = self.backend.sync() {
                        self.log_failure(&error);
                    }
                }
                Task::End => break,
            }
        }
        if let Err(error) = self.backend.close() {
            self.log_failure(&error);
        }
    }

    fn next_task(&mut self) -> Task {
        let shared = Arc::clone(&self.shared);
        let mut pending = shared.pending.lock();
        loop {
            if pending.is_closed() {
                // What cannot be stored in the end is told and left.
                return match pending.is_empty() || self.has_failed {
                    true => Task::End,
                    false => Task::Commit,
                };
            }
            if pending.take_sync() {
                return Task::Sync;
            }
            match pending.due() {
                Some(due) if due <= Instant::now() => return Task::Commit,
                Some(due) => {
                    shared.work.wait_until(&mut pending, due);
                }
                None if self.is_tidying => return Task::Tidy,
                None if self.is_untidy => {
                    let waited = shared.work.wait_for(&mut pending, QUIET);
                    if waited.timed_out() && pending.due().is_none() {
                        return Task::Tidy;
                    }
                }
                None => shared.work.wait(&mut pending),
            }
        }
    }

    fn commit(&mut self) {
        let batch = self.shared.pending.lock().take();
        let result = match batch.is_empty() {
            true => Ok(()),
            false => self.store(&batch),
        };
        let mut pending = self.shared.pending.lock();
        match result {
            Ok(()) => {
                self.is_untidy |= !batch.is_empty();
                pending.committed(&batch);
                drop(pending);
                self.is_tidying = false;
                if std::mem::take(&mut self.has_failed) {
                    self.shared.set_failed(false);
                    self.shared
                        .log
                        .notice(format_args!("The store takes messages again."));
                }
            }
            Err(error) => {
                pending.take_back(batch);
                let is_closed = pending.is_closed();
                drop(pending);
                if !std::mem::replace(&mut self.has_failed, true) {
                    self.shared.set_failed(true);
                    self.log_failure(&error);
                    self.shared.log.error(format_args!(
                        "Error: What has to be stored is not acknowledged until the store takes it."
                    ));
                }
                if !is_closed {
                    thread::sleep(RETRY);
                }
            }
        }
    }

    fn tidy(&mut self) {
        self.is_untidy = false;
        self.is_tidying = match self.backend.tidy() {
            Ok(is_worth_more) => is_worth_more,
            Err(error) => {
                self.log_failure(&error);
                false
            }
        };
    }

    fn store(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.bytes.clear();
        let mut ends = Vec::with_capacity(batch.len());
        for (_, change) in batch.changes() {
            let record = change.record.as_ref();
            let is_put =
                record.is_some_and(|record| record.encode(self.shared.clock, &mut self.bytes));
            ends.push((is_put, self.bytes.len()));
        }
        let mut start = 0;
        let writes: Vec<_> = batch
            .changes()
            .zip(ends)
            .map(|((key, _), (is_put, end))| {
                let value = &self.bytes[start..end];
                start = end;
                Write {
                    key: key.to_bytes(),
                    value: is_put.then_some(value),
                }
            })
            .collect();
        self.backend.commit(&writes)
    }

    fn log_failure(&self, error: &StoreError) {
        self.shared.log.error(format_args!("{error}"));
    }
}
