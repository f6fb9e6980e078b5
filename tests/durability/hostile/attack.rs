//! An attack: hostile clients, a canary, and what is expected of the broker.

use std::io;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::gettid;

use super::canary::{Canary, Login};
use super::hostile_client::Hostile;
use super::verdict;
use crate::support::Broker;
use crate::support::broker::{Builder, FEW_LOG_LINES};
use crate::support::random::Random;

/// Set if the attacks have their full size: `just hostile`.
pub(super) const LONG: bool = !cfg!(debug_assertions);
/// The time that the rounds of a client may take.
const TIME: Duration = if LONG {
    Duration::from_secs(8)
} else {
    Duration::from_millis(400)
};
/// The canary goes on when the hostile clients have left, because that may be the attack.
const AFTERMATH: Duration = if LONG {
    Duration::from_secs(1)
} else {
    Duration::from_millis(100)
};
/// The default of `memory_limit`.
const MEMORY: u64 = 200_000_000;

/// One at a time: each needs the machine.
static TURN: Mutex<()> = Mutex::new(());

/// Behaviour of hostile clients, with its bounds in count and time.
#[must_use = "nobody attacks until it is run"]
pub(super) struct Attack {
    clients: usize,
    rounds: usize,
    time: Duration,
    memory_limit: u64,
    login: Login,
    builder: Builder,
}

impl Attack {
    /// Makes an attack by several clients, each of which does it `rounds` times.
    pub(super) fn by(clients: usize, rounds: usize) -> Self {
        Self {
            clients,
            rounds,
            time: TIME,
            memory_limit: MEMORY,
            login: None,
            builder: Broker::builder(),
        }
    }

    /// Gives the clients longer, if the attack needs it.
    pub(super) fn within(mut self, seconds: u64) -> Self {
        self.time = self.time.max(Duration::from_secs(seconds));
        self
    }

    /// Lines of the configuration.
    pub(super) fn config(mut self, lines: &str) -> Self {
        self.builder = self.builder.config(lines);
        self
    }

    /// The canary logs in.
    pub(super) fn login(mut self, user: &'static str, password: &'static str) -> Self {
        self.login = Some((user, password));
        self
    }

    /// Changes the broker that is started.
    pub(super) fn broker(mut self, change: impl FnOnce(Builder) -> Builder) -> Self {
        self.builder = change(self.builder);
        self
    }

    /// The `memory_limit` in bytes.
    pub(super) fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// Attacks, and judges what the broker makes of it.
    #[track_caller]
    pub(super) fn run(self, act: impl Fn(&mut Hostile) -> io::Result<()> + Sync) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let limits = format!("memory_limit {}\n{FEW_LOG_LINES}", self.memory_limit);
        let broker = self.builder.config(&limits).start();
        let canary = Canary::start(&broker, self.login);
        let (websocket_port, other_port) = broker.more_ports();
        let mut ends = Vec::new();
        thread::scope(|scope| {
            let clients = (0..self.clients).map(|number| {
                let mut hostile = Hostile {
                    number,
                    random: Random::new(number as u64 + 1),
                    port: broker.port(),
                    other_port,
                    websocket_port,
                    broker: broker.id(),
                    rounds: self.rounds,
                    time: self.time,
                    deadline: Instant::now() + self.time,
                };
                let act = &act;
                scope.spawn(move || {
                    step_back();
                    act(&mut hostile)
                })
            });
            let clients: Vec<_> = clients.collect();
            for client in clients {
                ends.push(client.join().expect("a hostile client does not panic"));
            }
        });
        thread::sleep(AFTERMATH);
        let felt = canary.stop();
        verdict::judge(broker, &felt, &ends, self.memory_limit);
    }
}

/// Lowers the priority of this thread: a hostile client would run on another machine, so only
/// its effect on the broker counts.
fn step_back() {
    let _ = Command::new("renice")
        .args(["-n", "19", "-p", &gettid().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
