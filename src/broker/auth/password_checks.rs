//! Password checks, on threads of their own.
//!
//! A check takes time on purpose. Whoever floods the broker with wrong logins must not make
//! others wait for theirs: addresses take turns, one whose logins fail waits longer each time,
//! and a client that has gone is not checked.

mod failures;
mod outcomes;
mod queue;

use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use self::failures::Failures;
use self::outcomes::{KnownUsers, LoginDigest, RefusedLogins};
use self::queue::{FairQueue, Position, Source};
use super::login::{Credentials, LoginFault};
use crate::broker::ground::{ListenerName, random_bytes};
use crate::broker::log::limited;
use crate::broker::log::rate_limit::{LineKind, RateLimitedLog};
use crate::passwd::users::Users;
use crate::protocol::Text;

/// The most logins that wait for their check.
const MAX_WAITING: usize = 1024;
/// The shortest delay of an address that the log reports.
const LOGGED_DELAY: Duration = Duration::from_secs(1);
/// The time after which a thread without work ends.
const IDLE: Duration = Duration::from_secs(10);

/// A login whose password has to be checked.
pub(super) struct Login {
    pub(super) listener: ListenerName,
    pub(super) users: Arc<Users>,
    pub(super) credentials: Credentials,
    pub(super) client_id: Text,
    /// An IPv4 address or an IPv6 /64 network; `None` for clients without an address.
    pub(super) network: Option<IpAddr>,
}

/// Checks passwords, a few at a time.
pub(super) struct PasswordChecks(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Something was queued, or no more will be.
    changed: Condvar,
    max_threads: usize,
    log: Arc<RateLimitedLog>,
}

struct State {
    queue: FairQueue<Check>,
    refused: RefusedLogins,
    known: KnownUsers,
    failures: Failures,
    /// The addresses whose checks are running.
    running: Vec<Option<IpAddr>>,
    threads: usize,
    /// The threads that wait for work.
    idle: usize,
    is_closed: bool,
}

/// A queued login.
struct Check {
    login: Login,
    digest: LoginDigest,
    answer: oneshot::Sender<Result<(), LoginFault>>,
}

impl PasswordChecks {
    pub(super) fn new(log: Arc<RateLimitedLog>) -> Self {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                queue: FairQueue::new(MAX_WAITING),
                refused: RefusedLogins::new(random_bytes()),
                known: KnownUsers::default(),
                failures: Failures::default(),
                running: Vec::new(),
                threads: 0,
                idle: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
            max_threads: (cores / 2).max(1),
            log,
        }))
    }

    /// Waits for the check of a password. A login that is no longer waited for is not checked.
    pub(super) async fn check(&self, login: Login) -> Result<(), LoginFault> {
        let network = login.network;
        let (answer, answered) = oneshot::channel();
        let checked = match self.queue(login, answer) {
            // Without an answer another login has taken its place.
            Ok(_queued) => answered.await.unwrap_or(Err(LoginFault::TooManyLogins)),
            Err(fault) => Err(fault),
        };
        if checked == Err(LoginFault::TooManyLogins) {
            limited!(
                self.0.log,
                LineKind::TooManyLogins,
                network,
                "Logins from {} are refused: {MAX_WAITING} wait for a password check.",
                Network(network)
            );
        }
        checked
    }

    /// Forgets what earlier checks have found, as the users have changed.
    pub(super) fn forget_refusals(&self) {
        self.0.state.lock().refused.forget_all();
    }

    fn queue(
        &self,
        login: Login,
        answer: oneshot::Sender<Result<(), LoginFault>>,
    ) -> Result<Queued<'_>, LoginFault> {
        let mut state = self.0.state.lock();
        let digest = state.refused.digest(&login.listener, &login.credentials);
        if let Some(fault) = state.refused.fault(&digest, Instant::now()) {
            return Err(fault);
        }
        let source = Source {
            network: login.network,
            is_known: state
                .known
                .contains(login.network, login.credentials.username().as_str()),
        };
        let check = Check {
            login,
            digest,
            answer,
        };
        let position = state.queue.push(source, check);
        let position = position.ok_or(LoginFault::TooManyLogins)?;
        let queued = Queued {
            checks: self,
            position,
        };
        self.0.wake_thread(&mut state);
        match state.threads {
            // The system gives no thread.
            0 => {
                drop(state);
                Err(LoginFault::TooManyLogins)
            }
            _ => Ok(queued),
        }
    }
}

impl Drop for PasswordChecks {
    fn drop(&mut self) {
        self.0.state.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// A login in the queue, which leaves it when it is no longer waited for.
struct Queued<'a> {
    checks: &'a PasswordChecks,
    position: Position,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.checks.0.state.lock().queue.remove(self.position);
    }
}

impl Shared {
    /// Wakes a thread for the work that is queued, or starts one.
    fn wake_thread(self: &Arc<Self>, state: &mut State) {
        if state.idle > 0 {
            self.changed.notify_one();
            return;
        }
        if state.threads >= self.max_threads {
            return;
        }
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("passwords".to_owned());
        if thread.spawn(move || shared.run()).is_ok() {
            state.threads += 1;
        }
    }

    /// Checks what is queued until there has been nothing for a while.
    fn run(self: Arc<Self>) {
        let mut state = self.state.lock();
        while !state.is_closed {
            let now = Instant::now();
            if let Some(check) = state.next_check(now) {
                if !state.queue.is_empty() {
                    self.wake_thread(&mut state);
                }
                self.perform(check, &mut state);
                continue;
            }
            let until = state.next_time(now);
            state.idle += 1;
            let waited = self
                .changed
                .wait_until(&mut state, until.unwrap_or(now + IDLE));
            state.idle -= 1;
            if waited.timed_out() && until.is_none() && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    fn perform(&self, check: Check, state: &mut MutexGuard<'_, State>) {
        let Check {
            login,
            digest,
            answer,
        } = check;
        let network = login.network;
        state.running.push(network);
        let result = MutexGuard::unlocked(state, || {
            // A check that panics lets nobody in, and does not end the thread.
            catch_unwind(AssertUnwindSafe(|| login.verify()))
                .unwrap_or(Err(LoginFault::WrongPassword))
        });
        let own = state.running.iter().position(|other| *other == network);
        if let Some(own) = own {
            state.running.swap_remove(own);
        }
        let delay = state.record(&login, digest, result);
        MutexGuard::unlocked(state, || {
            if let (Some((count, delay)), Err(fault)) = (delay, result) {
                self.log_delay(&login, fault, count, delay);
            }
            // The client may have gone meanwhile.
            let _ = answer.send(result);
        });
    }

    fn log_delay(&self, login: &Login, fault: LoginFault, count: u32, delay: Duration) {
        let (from, seconds) = (Network(login.network), delay.as_secs_f32());
        let (username, client_id) = (login.credentials.username(), &login.client_id);
        limited!(
            self.log,
            LineKind::LoginsDelayed,
            login.network,
            "Logins from {from} now wait {seconds} s: {count} have failed, the last as user \
                 '{username}' with client id {client_id} ({fault})."
        );
    }
}

impl State {
    /// Takes the next login whose password has to be checked and whose address may go.
    fn next_check(&mut self, now: Instant) -> Option<Check> {
        loop {
            let (failures, running) = (&self.failures, &self.running);
            let may_go = |source: &Source| {
                if source.is_known {
                    return true;
                }
                // An address with failures leaves the other threads to others.
                let until = failures.delayed_until(source.network, now);
                until.is_none_or(|until| until <= now && !running.contains(&source.network))
            };
            let (_, check) = self.queue.pop(may_go)?;
            if check.answer.is_closed() {
                continue;
            }
            match self.refused.fault(&check.digest, now) {
                Some(fault) => _ = check.answer.send(Err(fault)),
                None => return Some(check),
            }
        }
    }

    /// Returns the time at which the first delay of a queued login is over.
    fn next_time(&self, now: Instant) -> Option<Instant> {
        self.queue
            .sources()
            .filter_map(|source| self.failures.delayed_until(source.network, now))
            .filter(|&until| until > now)
            .min()
    }

    /// Takes note of a check. Returns the failures of the address and the delay that they now
    /// cause, if that is worth a line in the log.
    fn record(
        &mut self,
        login: &Login,
        digest: LoginDigest,
        result: Result<(), LoginFault>,
    ) -> Option<(u32, Duration)> {
        let (network, username) = (login.network, login.credentials.username().as_str());
        let Err(fault) = result else {
            self.known.add(network, username);
            self.failures.forgive(network);
            return None;
        };
        let now = Instant::now();
        self.refused.remember(digest, fault, now);
        self.known.remove(network, username);
        let (count, delay) = self.failures.add(network, now);
        (delay >= LOGGED_DELAY).then_some((count, delay))
    }
}

impl Login {
    fn verify(&self) -> Result<(), LoginFault> {
        let username = self.credentials.username().as_str();
        match self
            .users
            .authenticate(username, self.credentials.password())
        {
            true => Ok(()),
            false if self.users.contains(username) => Err(LoginFault::WrongPassword),
            false => Err(LoginFault::UnknownUser),
        }
    }
}

/// An address as the log names it.
struct Network(Option<IpAddr>);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ip @ IpAddr::V4(_)) => write!(f, "{ip}"),
            Some(ip @ IpAddr::V6(_)) => write!(f, "{ip}/64"),
            None => f.write_str("local clients"),
        }
    }
}
