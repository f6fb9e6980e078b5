//! The output of a running program, collected while it runs, with waits on what it says.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Everything a pipe has carried so far. Clones share it.
#[derive(Clone)]
pub(crate) struct Output {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

/// Why a wait for output gave up.
#[derive(Debug)]
pub(crate) enum Missing {
    /// The program closed the pipe first.
    Ended,
    /// The time limit passed first.
    TimedOut,
}

impl Output {
    /// Reads `pipe` to its end on a thread of its own.
    pub(crate) fn collect(mut pipe: impl Read + Send + 'static) -> Self {
        let output = Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        };
        let writer = output.clone();
        thread::spawn(move || {
            let mut chunk = [0; 64 * 1024];
            loop {
                let read = pipe.read(&mut chunk).unwrap_or(0);
                let mut state = writer.lock();
                state.bytes.extend_from_slice(&chunk[..read]);
                state.ended = read == 0;
                writer.shared.changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        output
    }

    /// The bytes so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// The text so far; what is not UTF-8 is replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    /// The number of bytes so far: a mark for [`Output::wait_for_line`].
    pub(crate) fn len(&self) -> usize {
        self.lock().bytes.len()
    }

    /// Waits for the first complete line at or after `mark` that `wanted` accepts; returns
    /// it without its end, and the mark behind it.
    pub(crate) fn wait_for_line(
        &self,
        mut mark: usize,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(String, usize), Missing> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            while let Some(length) = state.bytes[mark..].iter().position(|&byte| byte == b'\n') {
                let line = String::from_utf8_lossy(&state.bytes[mark..mark + length]).into_owned();
                mark += length + 1;
                if wanted(&line) {
                    return Ok((line, mark));
                }
            }
            if state.ended {
                return Err(Missing::Ended);
            }
            state = self.wait(state, deadline)?;
        }
    }

    /// Waits until the program has closed the pipe; returns all it wrote.
    pub(crate) fn wait_for_end(&self, limit: Duration) -> Result<Vec<u8>, Missing> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while !state.ended {
            state = self.wait(state, deadline)?;
        }
        Ok(state.bytes.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .expect("no reader of the output panics while it holds the lock")
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Instant,
    ) -> Result<MutexGuard<'a, State>, Missing> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Missing::TimedOut);
        }
        let (state, _) = self
            .shared
            .changed
            .wait_timeout(state, left)
            .expect("no reader of the output panics while it holds the lock");
        Ok(state)
    }
}
