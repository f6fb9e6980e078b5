use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::target::Target;
use crate::broker::ground::SessionNumber;
use crate::broker::session::Session;

/// The members of a shared subscription: each message goes to one of them
/// [MQTT-4.8.2-4].
///
/// Connected members take turns. Absent ones get messages only when nobody is connected, so that
/// a message does not wait for someone who is away. Members wait for their turn in two lines. A
/// member that is found absent goes to the other line, and a client that comes back is brought
/// to the first by [`SharedGroup::bring_back`]. So each of these takes the same time, however
/// many members there are.
#[derive(Debug, Default)]
pub(in crate::broker) struct SharedGroup {
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    all: HashMap<SessionNumber, Member, RandomState>,
    connected: VecDeque<Turn>,
    absent: VecDeque<Turn>,
    last_turn: u64,
}

#[derive(Debug)]
struct Member {
    target: Target,
    /// The number of its turn; others with its session are void.
    turn: u64,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    session: SessionNumber,
    number: u64,
}

impl SharedGroup {
    /// The memory of a member, beyond its session.
    pub(super) const MEMBER_BYTES: usize = 2 * size_of::<Member>() + 4 * size_of::<Turn>();

    /// Returns the member whose turn it is, or for a later `attempt` with the same message the
    /// one after it, or `None` when all were asked.
    pub(in crate::broker) fn next_member(&self, attempt: usize) -> Option<Target> {
        self.members.lock().next(attempt)
    }

    /// Adds a member, or changes what it is granted. Returns whether it is new.
    pub(super) fn insert(&self, target: Target) -> bool {
        let mut members = self.members.lock();
        if let Some(member) = members.all.get_mut(&target.session.number()) {
            member.target = target;
            return false;
        }
        members.add(target);
        true
    }

    /// Removes a member. Returns whether it was there.
    pub(super) fn remove(&self, session: SessionNumber) -> bool {
        self.members.lock().remove(session)
    }

    /// Gives a member turns among the connected ones again.
    pub(super) fn bring_back(&self, session: SessionNumber) {
        self.members.lock().bring_back(session);
    }

    /// Returns whether a message can go to any of the members.
    pub(in crate::broker) fn has_reader(&self, may_read: impl Fn(&Session) -> bool) -> bool {
        let members = self.members.lock();
        let mut sessions = members.all.values().map(|member| &member.target.session);
        sessions.any(|session| may_read(session))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.lock().all.is_empty()
    }
}

impl Members {
    fn target(&self, turn: Turn) -> Option<&Target> {
        let member = self.all.get(&turn.session)?;
        (member.turn == turn.number).then_some(&member.target)
    }

    fn add(&mut self, target: Target) {
        let session = target.session.number();
        let is_connected = target.session.is_connected();
        let member = Member { target, turn: 0 };
        self.all.insert(session, member);
        self.give_turn(session, is_connected);
    }

    /// Puts a member at the end of a line; its earlier turn is void.
    fn give_turn(&mut self, session: SessionNumber, is_connected: bool) {
        self.last_turn += 1;
        let number = self.last_turn;
        if let Some(member) = self.all.get_mut(&session) {
            member.turn = number;
        }
        let line = match is_connected {
            true => &mut self.connected,
            false => &mut self.absent,
        };
        line.push_back(Turn { session, number });
        self.remove_void_turns();
    }

    fn remove(&mut self, session: SessionNumber) -> bool {
        let is_removed = self.all.remove(&session).is_some();
        self.remove_void_turns();
        is_removed
    }

    fn bring_back(&mut self, session: SessionNumber) {
        if self.all.contains_key(&session) {
            self.give_turn(session, true);
        }
    }

    /// Keeps the lines shorter than twice the members, at a cost that each void turn pays once.
    fn remove_void_turns(&mut self) {
        const FEW: usize = 16;
        if self.connected.len() + self.absent.len() <= FEW.max(2 * self.all.len()) {
            return;
        }
        let all = &self.all;
        let is_valid = |turn: &Turn| {
            let member = all.get(&turn.session);
            member.is_some_and(|member| member.turn == turn.number)
        };
        for line in [&mut self.connected, &mut self.absent] {
            line.retain(is_valid);
            line.shrink_to(2 * line.len());
        }
        if self.all.len() * 4 < self.all.capacity() {
            self.all.shrink_to(2 * self.all.len());
        }
    }

    fn next(&mut self, attempt: usize) -> Option<Target> {
        if attempt >= self.all.len() {
            return None;
        }
        if attempt < self.connected.len().max(1)
            && let Some(target) = self.next_connected()
        {
            return Some(target);
        }
        self.next_absent()
    }

    fn next_connected(&mut self) -> Option<Target> {
        while let Some(turn) = self.connected.pop_front() {
            let Some(target) = self.target(turn).cloned() else {
                continue;
            };
            if target.session.is_connected() {
                self.connected.push_back(turn);
                return Some(target);
            }
            self.absent.push_back(turn);
        }
        None
    }

    fn next_absent(&mut self) -> Option<Target> {
        while let Some(turn) = self.absent.pop_front() {
            if let Some(target) = self.target(turn).cloned() {
                self.absent.push_back(turn);
                return Some(target);
            }
        }
        None
    }
}
