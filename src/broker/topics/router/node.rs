use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::matches::Matches;
use super::path::{self, split_first};
use super::reach::Reach;
use super::subscribers::Subscribers;

/// A place in the tree where filters end or part.
#[derive(Default)]
pub(super) struct Node {
    /// Levels between the first one, by which the parent finds the node, and those below it. No
    /// filter ends or parts within them.
    path: Box<[u8]>,
    /// The topics that the filters of this node and those below it can match.
    reach: Reach,
    literals: Option<Box<Literals>>,
    /// The filters that continue with a `+`.
    plus: Option<Box<Node>>,
    /// Those whose filter ends here.
    here: Subscribers,
    /// Those whose filter ends with a `#` after this level.
    hash: Subscribers,
}

/// The filters that continue with a level that is no wildcard.
type Literals = HashMap<Box<[u8]>, Node, RandomState>;

/// A filter as a way through the tree.
pub(super) struct Way {
    path: Vec<u8>,
    is_hash: bool,
}

/// A search for the filters that match one topic.
pub(super) struct Search {
    reach: Reach,
    /// The nodes that were looked at.
    pub(super) visited: usize,
    pub(super) matches: Matches,
}

impl Way {
    pub(super) fn new(filter: &[u8]) -> Self {
        let mut path = Vec::with_capacity(filter.len() + 1);
        path.push(b'/');
        path.extend_from_slice(filter);
        let is_hash = path.ends_with(b"/#");
        if is_hash {
            path.truncate(path.len() - 2);
        }
        Self { path, is_hash }
    }

    fn reach(&self) -> Reach {
        reach(path::count(&self.path), self.is_hash)
    }
}

fn reach(levels: usize, is_hash: bool) -> Reach {
    match is_hash {
        true => Reach::from(levels),
        false => Reach::exactly(levels),
    }
}

impl Search {
    pub(super) fn new(topic: &[u8]) -> Self {
        let levels = memchr::memchr_iter(b'/', topic).count() + 1;
        Self {
            reach: Reach::exactly(levels),
            visited: 0,
            matches: Matches::default(),
        }
    }
}

impl Node {
    pub(super) fn is_empty(&self) -> bool {
        self.literals.is_none()
            && self.plus.is_none()
            && self.here.is_empty()
            && self.hash.is_empty()
    }

    /// Returns the subscribers of a filter; the way to them is made.
    pub(super) fn subscribers_mut(&mut self, way: &Way) -> &mut Subscribers {
        let reach = way.reach();
        let (mut node, mut rest) = (self, &way.path[..]);
        loop {
            let common = path::common(&node.path, rest);
            if common < node.path.len() {
                node.split(common);
            }
            node.reach |= reach;
            rest = &rest[common..];
            if rest.is_empty() {
                return match way.is_hash {
                    true => &mut node.hash,
                    false => &mut node.here,
                };
            }
            let (level, below) = split_first(&rest[1..]);
            node = node.child_or_new(level, below);
            rest = below;
        }
    }

    /// Returns the subscribers of a filter, if the tree has a place for it.
    pub(super) fn subscribers(&self, way: &Way) -> Option<&Subscribers> {
        let (mut node, mut rest) = (self, &way.path[..]);
        loop {
            rest = path::strip(rest, &node.path)?;
            if rest.is_empty() {
                return Some(match way.is_hash {
                    true => &node.hash,
                    false => &node.here,
                });
            }
            let (level, below) = split_first(&rest[1..]);
            node = match level {
                b"+" => node.plus.as_ref()?,
                level => node.literals.as_ref()?.get(level)?,
            };
            rest = below;
        }
    }

    /// Changes the subscribers of a filter, if there are any, and removes the places that become
    /// useless.
    pub(super) fn change(&mut self, way: &Way, change: &mut impl FnMut(&mut Subscribers)) {
        self.change_below(&way.path, 0, way.is_hash, change);
    }

    /// As [`Node::change`]; `levels` lead to where `rest` begins.
    fn change_below(
        &mut self,
        rest: &[u8],
        levels: usize,
        is_hash: bool,
        change: &mut impl FnMut(&mut Subscribers),
    ) {
        let Some(rest) = path::strip(rest, &self.path) else {
            return;
        };
        let levels = levels + path::count(&self.path);
        if rest.is_empty() {
            change(match is_hash {
                true => &mut self.hash,
                false => &mut self.here,
            });
        } else {
            let (level, below) = split_first(&rest[1..]);
            let Some(child) = self.child_mut(level) else {
                return;
            };
            child.change_below(below, levels + 1, is_hash, change);
            if child.is_empty() {
                self.remove_child(level);
            }
        }
        // The root stays where it is.
        if levels == 0 || !self.merge_with_only_child() {
            self.find_reach(levels);
        }
    }

    /// Collects the subscribers whose filters match a topic.
    ///
    /// A leading wildcard matches no topic that begins with `$` [MQTT-4.7.2-1].
    pub(super) fn search(&self, topic: &[u8], search: &mut Search) {
        let (level, rest) = split_first(topic);
        if let Some(node) = self.literal(level) {
            node.search_below(rest, search);
        }
        if !topic.starts_with(b"$") {
            self.hash.collect(&mut search.matches);
            if let Some(plus) = &self.plus {
                plus.search_below(rest, search);
            }
        }
    }

    fn search_below(&self, topic: &[u8], search: &mut Search) {
        search.visited += 1;
        if !self.reach.overlaps(search.reach) {
            return;
        }
        let Some(rest) = path::strip_matching(topic, &self.path) else {
            return;
        };
        self.hash.collect(&mut search.matches);
        if rest.is_empty() {
            self.here.collect(&mut search.matches);
            return;
        }
        let (level, below) = split_first(&rest[1..]);
        if let Some(node) = self.literal(level) {
            node.search_below(below, search);
        }
        if let Some(plus) = &self.plus {
            plus.search_below(below, search);
        }
    }

    fn literal(&self, level: &[u8]) -> Option<&Node> {
        self.literals.as_ref()?.get(level)
    }

    fn child_mut(&mut self, level: &[u8]) -> Option<&mut Node> {
        match level {
            b"+" => self.plus.as_deref_mut(),
            level => self.literals.as_mut()?.get_mut(level),
        }
    }

    /// Returns the child behind a level; a new one has this path.
    fn child_or_new(&mut self, level: &[u8], path: &[u8]) -> &mut Node {
        let new = || Node {
            path: path.into(),
            ..Node::default()
        };
        match level {
            b"+" => self.plus.get_or_insert_with(|| Box::new(new())),
            level => {
                let literals = self.literals.get_or_insert_default();
                literals.entry(level.into()).or_insert_with(new)
            }
        }
    }

    fn set_child(&mut self, level: &[u8], node: Node) {
        match level {
            b"+" => self.plus = Some(Box::new(node)),
            level => {
                let literals = self.literals.get_or_insert_default();
                literals.insert(level.into(), node);
            }
        }
    }

    fn remove_child(&mut self, level: &[u8]) {
        if level == b"+" {
            self.plus = None;
        } else if let Some(literals) = &mut self.literals {
            literals.remove(level);
            if literals.is_empty() {
                self.literals = None;
            } else if literals.len() * 4 < literals.capacity() {
                literals.shrink_to(literals.len() * 2);
            }
        }
    }

    /// Lets filters part after so many bytes of the path: the rest of it becomes a child.
    fn split(&mut self, at: usize) {
        let (path, rest) = self.path.split_at(at);
        let (level, below) = split_first(&rest[1..]);
        let (path, level): (Box<[u8]>, Box<[u8]>) = (path.into(), level.into());
        let child = Self {
            path: below.into(),
            ..std::mem::take(self)
        };
        self.path = path;
        self.reach = child.reach;
        self.set_child(&level, child);
    }

    /// Joins the node with its child if there is one child and nothing else. Returns whether it
    /// is so.
    fn merge_with_only_child(&mut self) -> bool {
        if !self.here.is_empty() || !self.hash.is_empty() {
            return false;
        }
        let (level, child) = match (&mut self.literals, &mut self.plus) {
            (None, Some(plus)) => (Box::from(&b"+"[..]), std::mem::take(&mut **plus)),
            (Some(literals), None) if literals.len() == 1 => {
                let Some(only) = literals.drain().next() else {
                    return false;
                };
                only
            }
            _ => return false,
        };
        let path = [&self.path, &b"/"[..], &level, &child.path].concat();
        *self = Self {
            path: path.into(),
            ..child
        };
        true
    }

    /// Finds the reach anew after a filter has gone.
    ///
    /// Where there are many children it stays as it was: too wide a reach costs a visit of this
    /// node, and the children's are right.
    fn find_reach(&mut self, levels: usize) {
        const MANY: usize = 16;
        let literals = self.literals.as_ref();
        if literals.is_some_and(|literals| literals.len() > MANY) {
            return;
        }
        let mut reach_now = Reach::default();
        if !self.here.is_empty() {
            reach_now |= reach(levels, false);
        }
        if !self.hash.is_empty() {
            reach_now |= reach(levels, true);
        }
        let literals = literals.into_iter().flat_map(|literals| literals.values());
        for child in literals.chain(self.plus.as_deref()) {
            reach_now |= child.reach;
        }
        self.reach = reach_now;
    }
}
