//! Outcomes of earlier password checks.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::broker::auth::login::{Credentials, LoginFault};
use crate::broker::ground::ListenerName;

/// The time for which a wrong password is refused without another check.
const REFUSED_FOR: Duration = Duration::from_secs(1);
/// The most wrong passwords that are remembered.
const MAX_REFUSED: usize = 4096;
/// Users that are remembered to have logged in, twice.
const MAX_KNOWN: usize = 4096;

/// A login without its password: a keyed hash of all its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LoginDigest([u8; 32]);

/// Wrong logins of the last second.
#[derive(Debug)]
pub(super) struct RefusedLogins {
    key: [u8; 32],
    /// Counts the changes of users: an earlier refusal says nothing about the new ones.
    generation: u64,
    faults: HashMap<LoginDigest, LoginFault>,
    /// The same logins, the oldest first.
    by_age: VecDeque<(Instant, LoginDigest)>,
}

impl RefusedLogins {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            generation: 0,
            faults: HashMap::new(),
            by_age: VecDeque::new(),
        }
    }

    /// Returns the digest of a login for as long as the users do not change.
    pub(super) fn digest(&self, listener: &ListenerName, login: &Credentials) -> LoginDigest {
        let mut hash = Sha256::new_with_prefix(self.key);
        hash.update(self.generation.to_be_bytes());
        for part in [
            listener.as_str().as_bytes(),
            login.username().as_bytes(),
            login.password(),
        ] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        LoginDigest(hash.finalize().into())
    }

    /// Returns the fault of a login that was refused within the last second.
    pub(super) fn fault(&mut self, login: &LoginDigest, now: Instant) -> Option<LoginFault> {
        self.forget_old(now);
        self.faults.get(login).copied()
    }

    pub(super) fn remember(&mut self, login: LoginDigest, fault: LoginFault, now: Instant) {
        self.forget_old(now);
        if self.by_age.len() < MAX_REFUSED && self.faults.insert(login, fault).is_none() {
            self.by_age.push_back((now, login));
        }
    }

    /// Forgets all logins, as the users have changed.
    pub(super) fn forget_all(&mut self) {
        self.generation += 1;
        self.faults.clear();
        self.by_age.clear();
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((since, login)) = self.by_age.front()
            && now.saturating_duration_since(*since) >= REFUSED_FOR
        {
            self.faults.remove(login);
            self.by_age.pop_front();
        }
    }
}

/// Users that logged in, by the address they did it from.
///
/// Many clients may have one address, and a single one of them that fails delays those that
/// nobody has seen yet, but none of these.
#[derive(Debug, Default)]
pub(super) struct KnownUsers {
    hasher: RandomState,
    recent: HashSet<u64>,
    earlier: HashSet<u64>,
}

impl KnownUsers {
    pub(super) fn contains(&self, network: Option<IpAddr>, username: &str) -> bool {
        let user = self.hasher.hash_one((network, username));
        self.recent.contains(&user) || self.earlier.contains(&user)
    }

    pub(super) fn add(&mut self, network: Option<IpAddr>, username: &str) {
        if self.recent.len() >= MAX_KNOWN {
            self.earlier = std::mem::take(&mut self.recent);
        }
        self.recent
            .insert(self.hasher.hash_one((network, username)));
    }

    pub(super) fn remove(&mut self, network: Option<IpAddr>, username: &str) {
        let user = self.hasher.hash_one((network, username));
        self.recent.remove(&user);
        self.earlier.remove(&user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Text;

    fn login(username: &str, password: &[u8]) -> Credentials {
        let username = Text::try_from(username).unwrap();
        Credentials::new(Some(&username), Some(password)).unwrap()
    }

    #[test]
    fn a_refused_login_is_remembered_for_a_second() {
        let (mut refused, now) = (RefusedLogins::new([1; 32]), Instant::now());
        let listener = ListenerName::from("1883");
        let digest = refused.digest(&listener, &login("bob", b"wrong"));
        assert_eq!(refused.fault(&digest, now), None);
        refused.remember(digest, LoginFault::WrongPassword, now);
        let later = now + REFUSED_FOR - Duration::from_millis(1);
        let fault = refused.fault(&digest, later);
        assert_eq!(fault, Some(LoginFault::WrongPassword));
        assert_eq!(refused.fault(&digest, now + REFUSED_FOR), None);
        assert!(refused.faults.is_empty() && refused.by_age.is_empty());
    }

    #[test]
    fn each_part_of_a_login_counts() {
        let mut refused = RefusedLogins::new([1; 32]);
        let listener = ListenerName::from("1883");
        let digest = refused.digest(&listener, &login("bob", b"wrong"));
        assert_eq!(refused.digest(&listener, &login("bob", b"wrong")), digest);
        assert_ne!(refused.digest(&listener, &login("bobw", b"rong")), digest);
        assert_ne!(refused.digest(&listener, &login("bob", b"right")), digest);
        let other = ListenerName::from("1884");
        assert_ne!(refused.digest(&other, &login("bob", b"wrong")), digest);
        let other_key = RefusedLogins::new([2; 32]);
        assert_ne!(other_key.digest(&listener, &login("bob", b"wrong")), digest);
        refused.forget_all();
        assert_ne!(refused.digest(&listener, &login("bob", b"wrong")), digest);
    }

    #[test]
    fn a_flood_of_wrong_logins_takes_no_more_memory() {
        let (mut refused, now) = (RefusedLogins::new([1; 32]), Instant::now());
        for number in 0..2 * MAX_REFUSED {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            refused.remember(LoginDigest(digest), LoginFault::WrongPassword, now);
        }
        assert_eq!(refused.faults.len(), MAX_REFUSED);
        assert_eq!(refused.by_age.len(), MAX_REFUSED);
    }

    #[test]
    fn a_user_is_known_where_it_logged_in_until_it_fails() {
        let mut known = KnownUsers::default();
        let network = Some(IpAddr::from([192, 0, 2, 1]));
        known.add(network, "bob");
        assert!(known.contains(network, "bob"));
        assert!(!known.contains(None, "bob") && !known.contains(network, "eve"));
        for number in 0..=MAX_KNOWN {
            known.add(network, &number.to_string());
        }
        assert!(known.contains(network, "bob"));
        known.remove(network, "bob");
        assert!(!known.contains(network, "bob"));
        for number in 0..4 * MAX_KNOWN {
            known.add(None, &number.to_string());
        }
        assert!(known.recent.len() + known.earlier.len() <= 2 * MAX_KNOWN);
    }
}
