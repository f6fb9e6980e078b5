//! The order of password checks: addresses take turns.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// The client side of a login, as far as the order of checks depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    /// An IPv4 address or an IPv6 /64 network; `None` for clients without an address.
    pub(super) network: Option<IpAddr>,
    /// Set if the user has logged in from there before.
    pub(super) is_known: bool,
}

/// The position of an entry in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    source: Source,
    number: u64,
}

/// A bounded queue in which sources take turns, so that none can keep the others waiting.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    /// The entries of each source, none of them empty.
    lines: HashMap<Source, VecDeque<(u64, T)>>,
    /// The sources of `lines`, the next one first.
    turns: VecDeque<Source>,
    len: usize,
    capacity: usize,
    last_number: u64,
}

impl<T> FairQueue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            lines: HashMap::new(),
            turns: VecDeque::new(),
            len: 0,
            capacity,
            last_number: 0,
        }
    }

    /// Adds an entry; `None` if there is no room for it.
    ///
    /// A full queue makes room by dropping the newest entry of the source with the most.
    /// There is no room if the source itself would then have as many.
    pub(super) fn push(&mut self, source: Source, entry: T) -> Option<Position> {
        if self.len >= self.capacity && !self.make_room_for(source) {
            return None;
        }
        self.last_number += 1;
        let number = self.last_number;
        let line = self.lines.entry(source).or_default();
        if line.is_empty() {
            self.turns.push_back(source);
        }
        line.push_back((number, entry));
        self.len += 1;
        Some(Position { source, number })
    }

    /// Takes the oldest entry of the first source that `may_go`; the source goes to the end.
    pub(super) fn pop(&mut self, may_go: impl Fn(&Source) -> bool) -> Option<(Source, T)> {
        let turn = self.turns.iter().position(may_go)?;
        let source = self.turns.remove(turn)?;
        let line = self.lines.get_mut(&source)?;
        let (_, entry) = line.pop_front()?;
        self.len -= 1;
        match line.is_empty() {
            true => _ = self.lines.remove(&source),
            false => self.turns.push_back(source),
        }
        Some((source, entry))
    }

    /// Removes an entry that may have left the queue already.
    pub(super) fn remove(&mut self, position: Position) {
        let Some(line) = self.lines.get_mut(&position.source) else {
            return;
        };
        if let Ok(index) = line.binary_search_by_key(&position.number, |(number, _)| *number) {
            line.remove(index);
            self.after_removal(position.source);
        }
    }

    /// Returns the sources that have entries.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.turns.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn make_room_for(&mut self, source: Source) -> bool {
        let len_of = |source: &Source| self.lines.get(source).map_or(0, VecDeque::len);
        let Some(&longest) = self.turns.iter().max_by_key(|source| len_of(source)) else {
            return false;
        };
        if len_of(&source) + 1 >= len_of(&longest) {
            return false;
        }
        if let Some(line) = self.lines.get_mut(&longest) {
            line.pop_back();
            self.after_removal(longest);
        }
        true
    }

    fn after_removal(&mut self, source: Source) {
        self.len -= 1;
        if self.lines.get(&source).is_some_and(VecDeque::is_empty) {
            self.lines.remove(&source);
            self.turns.retain(|turn| *turn != source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> Source {
        Source {
            network: Some([192, 0, 2, last].into()),
            is_known: false,
        }
    }

    fn queue(capacity: usize, entries: &[(u8, &'static str)]) -> FairQueue<&'static str> {
        let mut queue = FairQueue::new(capacity);
        for (last, entry) in entries {
            queue.push(source(*last), *entry).unwrap();
        }
        queue
    }

    fn rest(mut queue: FairQueue<&'static str>) -> Vec<&'static str> {
        let rest = std::iter::from_fn(|| queue.pop(|_| true)).map(|(_, entry)| entry);
        let rest = rest.collect();
        assert!(queue.is_empty() && queue.lines.is_empty() && queue.turns.is_empty());
        rest
    }

    #[test]
    fn sources_take_turns() {
        let entries = [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (2, "b2")];
        assert_eq!(rest(queue(9, &entries)), ["a1", "b1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_source_that_has_to_wait_keeps_its_turn() {
        let mut queue = queue(9, &[(1, "a1"), (2, "b1"), (2, "b2"), (1, "a2")]);
        let (source_of_b, entry) = queue.pop(|candidate| *candidate != source(1)).unwrap();
        assert_eq!((source_of_b, entry), (source(2), "b1"));
        assert_eq!(queue.pop(|_| false), None);
        assert_eq!(rest(queue), ["a1", "b2", "a2"]);
    }

    #[test]
    fn a_full_queue_drops_the_newest_of_the_longest_line() {
        let mut full = queue(3, &[(1, "a1"), (1, "a2"), (2, "b1")]);
        assert!(full.push(source(1), "a3").is_none());
        assert!(full.push(source(3), "c1").is_some());
        assert!(full.push(source(4), "d1").is_none());
        assert_eq!(rest(full), ["a1", "b1", "c1"]);
    }

    #[test]
    fn an_entry_is_removed_once() {
        let mut queue = queue(9, &[(1, "a1")]);
        let second = queue.push(source(1), "a2").unwrap();
        let other = queue.push(source(2), "b1").unwrap();
        queue.remove(second);
        queue.remove(second);
        queue.remove(other);
        assert_eq!(rest(queue), ["a1"]);
    }
}
