//! The readable topics of a filter: whether there are any.
//!
//! A filter names a set of topics: some levels, each by its name or with any name, and perhaps
//! any number of levels behind them. The topics that two filters have in common are such a set
//! again. Names are unlimited. So a level with any name has names that no rule mentions, and a
//! denial that matches a topic with such names matches all topics of the set with as many
//! levels. Several denials therefore leave nothing of the set only if, for each number of
//! levels, a single denial takes all topics of that many levels.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use super::{Access, Acl, Rule, Rules, Who, has_wildcard};
use crate::protocol::{MAX_TOPIC_LEVELS, TopicFilter, levels};

/// The most levels of a topic.
const MOST_LEVELS: usize = MAX_TOPIC_LEVELS + 1;
/// The most bytes of a topic.
const MOST_BYTES: usize = u16::MAX as usize;
/// The effort that each rule costs, and each of its levels, besides its bytes.
const RULE_EFFORT: usize = 16;
const LEVEL_EFFORT: usize = 8;

static NO_RULES: Rules = Rules {
    denials: Vec::new(),
    grants: Vec::new(),
};

/// The share of a filter's topics that a client may read.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) enum Coverage<'a> {
    /// At least one topic.
    Something,
    /// No topic.
    Nothing(Reason<'a>),
    /// The effort did not suffice to find out.
    Unknown,
}

/// The reason why a client may read no topic of a filter.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) struct Reason<'a> {
    file: &'a Path,
    obstacle: Obstacle<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Obstacle<'a> {
    Denial(&'a Rule),
    NoGrant,
    /// Patterns might grant something, but do not apply to the client's name.
    NameWithWildcard,
}

/// The bytes of rules that may still be compared.
///
/// A client chooses its filters, and the administrator the rules: together they may be many.
#[derive(Debug)]
pub(in crate::broker) struct Effort(usize);

/// The effort is used up.
#[derive(Debug)]
struct Exhausted;

/// A set of topics.
#[derive(Debug, Default)]
struct TopicSet<'a> {
    /// `None` stands for any name.
    levels: Vec<Option<&'a [u8]>>,
    /// Set if any number of levels may follow.
    is_open: bool,
}

/// The topics that a subscription can bring.
struct Wanted<'a> {
    topics: TopicSet<'a>,
    /// Set if they begin with `$`.
    is_dollar: bool,
    /// The number of levels that the mount point reaches into.
    mount_levels: usize,
    /// The mount point's part of the last of these levels.
    mount_rest: &'a [u8],
}

impl Acl {
    /// Determines whether `who` may read any topic that `filter` matches.
    ///
    /// The filter stands behind the mount point, which may be empty.
    pub(in crate::broker) fn coverage<'a>(
        &'a self,
        filter: &TopicFilter,
        mount_point: &[u8],
        who: Who<'_>,
        effort: &mut Effort,
    ) -> Coverage<'a> {
        let shared = filter.shared();
        let filter = shared.as_ref().map_or(filter, |shared| &shared.filter);
        let wanted = Wanted::new(filter, mount_point);
        match self.obstacle(&wanted, who, effort) {
            Ok(None) => Coverage::Something,
            Ok(Some(obstacle)) => Coverage::Nothing(Reason {
                file: &self.file,
                obstacle,
            }),
            Err(Exhausted) => Coverage::Unknown,
        }
    }

    /// Returns what keeps `who` from all wanted topics; `None` if at least one is readable.
    fn obstacle<'a>(
        &'a self,
        wanted: &Wanted<'_>,
        who: Who<'_>,
        effort: &mut Effort,
    ) -> Result<Option<Obstacle<'a>>, Exhausted> {
        let own = self.own_rules(who).unwrap_or(&NO_RULES);
        let is_dangerous = who.username.is_some_and(has_wildcard) || has_wildcard(who.client_id);
        let patterns = match is_dangerous {
            true => &NO_RULES,
            false => &self.patterns,
        };
        let own_denials = &own.denials[..];
        let all_denials = [own_denials, &patterns.denials];
        let mut denial = None;
        // A user's own grants are stronger than the denials of patterns.
        for (grants, denials) in [
            (&own.grants, &all_denials[..1]),
            (&patterns.grants, &all_denials[..]),
        ] {
            for (grant, rule) in grants {
                if !grant.covers(Access::Read) {
                    continue;
                }
                let Some(granted) = wanted.granted_by(rule, who, effort)? else {
                    continue;
                };
                let found = wanted.denial_of(&granted, denials, who, effort)?;
                denial = match found {
                    Some(found) => denial.or(Some(found)),
                    None => return Ok(None),
                };
            }
        }
        // A denial explains more than the lack of a grant.
        if denial.is_none() {
            denial = wanted.denial_of(&wanted.topics, &all_denials, who, effort)?;
        }
        Ok(Some(match denial {
            Some(rule) => Obstacle::Denial(rule),
            None if is_dangerous && !self.patterns.is_empty() => Obstacle::NameWithWildcard,
            None => Obstacle::NoGrant,
        }))
    }
}

impl Effort {
    pub(in crate::broker) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    fn spend(&mut self, effort: usize) -> Result<(), Exhausted> {
        self.0 = self.0.checked_sub(effort).ok_or(Exhausted)?;
        Ok(())
    }

    fn spend_on(&mut self, level: &[u8]) -> Result<(), Exhausted> {
        self.spend(level.len() + LEVEL_EFFORT)
    }
}

impl<'a> Wanted<'a> {
    fn new(filter: &'a TopicFilter, mount_point: &'a [u8]) -> Self {
        let bytes = filter.as_bytes();
        let mut topics = TopicSet::default();
        for level in levels(bytes) {
            match level {
                b"#" => topics.is_open = true,
                b"+" => topics.levels.push(None),
                name => topics.levels.push(Some(name)),
            }
        }
        Self {
            topics,
            is_dollar: bytes.first() == Some(&b'$'),
            mount_levels: levels(mount_point).count(),
            mount_rest: levels(mount_point).last().unwrap_or_default(),
        }
    }

    /// Returns whether the rule can match wanted topics at all: a rule that begins with `$`
    /// matches no other topics, and only such a rule matches those.
    fn concerns(&self, rule: &Rule, who: Who<'_>) -> bool {
        let begins_with_dollar = rule.filter.as_bytes().first() == Some(&b'$');
        begins_with_dollar == self.is_dollar && rule.applies_to(who)
    }

    /// Returns the wanted topics that the rule matches, unless there are none.
    fn granted_by<'b>(
        &'b self,
        rule: &'b Rule,
        who: Who<'b>,
        effort: &mut Effort,
    ) -> Result<Option<TopicSet<'b>>, Exhausted> {
        effort.spend(RULE_EFFORT)?;
        if !self.concerns(rule, who) {
            return Ok(None);
        }
        let common = self.topics.intersection(rule.levels(who), effort)?;
        Ok(common.filter(|common| !self.lengths(common).is_empty()))
    }

    /// Returns the first denial that matters, if denials take all topics of the set.
    fn denial_of<'r>(
        &self,
        topics: &TopicSet<'_>,
        denials: &[&'r [Rule]],
        who: Who<'_>,
        effort: &mut Effort,
    ) -> Result<Option<&'r Rule>, Exhausted> {
        let lengths = self.lengths(topics);
        let mut left = [false; MOST_LEVELS + 1];
        left[lengths.clone()].fill(true);
        let mut first = None;
        for rule in denials.iter().copied().flatten() {
            effort.spend(RULE_EFFORT)?;
            if !self.concerns(rule, who) {
                continue;
            }
            let taken = topics.lengths_within(rule.levels(who), effort)?;
            let taken = taken.start.max(lengths.start)..taken.end.min(lengths.end);
            if taken.is_empty() || !left[taken.clone()].contains(&true) {
                continue;
            }
            first = first.or(Some(rule));
            left[taken].fill(false);
            if !left.contains(&true) {
                return Ok(first);
            }
        }
        Ok(None)
    }

    /// Returns the numbers of levels that topics of the set have and the client can see.
    fn lengths(&self, topics: &TopicSet<'_>) -> Range<usize> {
        const NONE: Range<usize> = 0..0;
        let first_name = topics.levels.first().copied().flatten();
        if !self.is_dollar && first_name.is_some_and(|name| name.first() == Some(&b'$')) {
            // The rule does not begin with `$`; a name that was filled in does.
            return NONE;
        }
        let count = topics.levels.len();
        let mut shortest = count.max(self.mount_levels);
        // A topic has more than the mount point; without one, more than nothing.
        let last_of_mount = topics.levels.get(self.mount_levels - 1);
        if shortest == self.mount_levels && last_of_mount == Some(&Some(self.mount_rest)) {
            shortest += 1;
        }
        let names = topics.levels.iter().flatten();
        let bytes: usize = names.map(|name| name.len()).sum();
        let longest = match topics.is_open {
            true => MOST_LEVELS,
            false => count,
        };
        let longest = longest.min((MOST_BYTES + 1).saturating_sub(bytes));
        match shortest <= longest {
            true => shortest..longest + 1,
            false => NONE,
        }
    }
}

impl<'a> TopicSet<'a> {
    /// Returns the topics of this set that match a rule, unless there are none.
    fn intersection(
        &self,
        rule: impl Iterator<Item = &'a [u8]>,
        effort: &mut Effort,
    ) -> Result<Option<Self>, Exhausted> {
        let mut common = Self::default();
        let mut rule_is_open = false;
        for level in rule {
            effort.spend_on(level)?;
            if level == b"#" {
                rule_is_open = true;
                break;
            }
            let name = (level != b"+").then_some(level);
            let own = self.levels.get(common.levels.len());
            common.levels.push(match (own, name) {
                (Some(&Some(own)), Some(name)) if own != name => return Ok(None),
                (Some(&Some(own)), _) => Some(own),
                (Some(None), name) => name,
                (None, name) if self.is_open && common.levels.len() < MOST_LEVELS => name,
                (None, _) => return Ok(None),
            });
        }
        let rest = &self.levels[common.levels.len().min(self.levels.len())..];
        if !rest.is_empty() && !rule_is_open {
            return Ok(None);
        }
        effort.spend(rest.len())?;
        common.levels.extend_from_slice(rest);
        common.is_open = self.is_open && rule_is_open;
        Ok(Some(common))
    }

    /// Returns the numbers of levels for which the rule matches all topics of the set.
    fn lengths_within<'r>(
        &self,
        rule: impl Iterator<Item = &'r [u8]>,
        effort: &mut Effort,
    ) -> Result<Range<usize>, Exhausted> {
        let mut count = 0;
        for level in rule {
            effort.spend_on(level)?;
            if level == b"#" {
                return Ok(count..MOST_LEVELS + 1);
            }
            let is_any = level == b"+";
            let takes_all = match self.levels.get(count) {
                Some(&own) => is_any || own == Some(level),
                None => is_any && self.is_open && count < MOST_LEVELS,
            };
            if !takes_all {
                return Ok(0..0);
            }
            count += 1;
        }
        Ok(count..count + 1)
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.obstacle {
            Obstacle::Denial(rule) => {
                let line = rule.line;
                write!(f, "'{rule}' ({file}:{line}) denies them")
            }
            Obstacle::NoGrant => write!(f, "no rule in {file} grants them"),
            Obstacle::NameWithWildcard => write!(
                f,
                "no rule in {file} grants them, and patterns do not apply to a user name or client \
                 identifier with + or #"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
