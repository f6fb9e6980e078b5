//! Where the broker is, and whether: clients wait here while there is none.

use std::sync::{Condvar, Mutex};

/// Tells clients when the broker comes and goes.
pub(crate) struct Harbour {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Counts the starts of the broker.
    round: usize,
    port: Option<u16>,
    shut_down: bool,
}

/// One run of the broker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round {
    number: usize,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Harbour {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// The broker listens on this port.
    pub(crate) fn open(&self, port: u16) {
        self.change(|state| {
            state.round += 1;
            state.port = Some(port);
        });
    }

    /// The broker is about to be killed.
    pub(crate) fn close(&self) {
        self.change(|state| state.port = None);
    }

    /// The broker does not come back.
    pub(crate) fn shut_down(&self) {
        self.change(|state| state.shut_down = true);
    }

    /// Waits until a broker runs; `None` when none will any more.
    pub(crate) fn wait_for_broker(&self) -> Option<Round> {
        self.wait(0)
    }

    /// Waits until another run than this one; `None` when there will be none.
    pub(crate) fn wait_for_next(&self, round: Round) -> Option<Round> {
        self.wait(round.number + 1)
    }

    fn wait(&self, from: usize) -> Option<Round> {
        let state = self.state.lock().expect("nobody panics with it");
        let state = self
            .changed
            .wait_while(state, |state| {
                !state.shut_down && (state.port.is_none() || state.round < from)
            })
            .expect("nobody panics with it");
        Some(Round {
            number: state.round,
            port: state.port.filter(|_| !state.shut_down)?,
        })
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("nobody panics with it"));
        self.changed.notify_all();
    }
}
