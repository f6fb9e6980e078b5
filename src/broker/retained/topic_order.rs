//! Topics in an order in which those below one level stand together.

use std::ops::Range;

use crate::protocol::{TopicFilter, levels};

/// Stands between levels. No topic contains it, and it sorts before every other byte.
const SEPARATOR: u8 = 0;
/// The smallest byte that is no separator.
const AFTER_SEPARATOR: u8 = 1;

/// Writes the key of a topic, or of the beginning of a filter, into `key`.
pub(super) fn write_key(topic: &[u8], key: &mut Vec<u8>) {
    key.clear();
    key.extend(topic.iter().map(|&byte| match byte {
        b'/' => SEPARATOR,
        byte => byte,
    }));
}

/// A topic filter that is compared with keys in their order.
#[derive(Debug)]
pub(super) struct OrderedFilter {
    filter: TopicFilter,
}

/// The relation of a key to a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Matches,
    /// No key up to the one that [`OrderedFilter::write_next`] writes matches.
    Skip(Skip),
    /// Neither this key nor any after it matches.
    Ended,
}

/// The next key that could match, as a change of the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// `kept` bytes of the present key, then these bytes of the filter.
    Into { kept: usize, level: (usize, usize) },
    /// Whatever comes after all topics that begin with so many bytes of the present key.
    Past { kept: usize },
    /// Whatever comes after the topics that begin with `$`.
    PastDollar,
}

impl OrderedFilter {
    pub(super) fn new(filter: &TopicFilter) -> Self {
        Self {
            filter: filter.to_owned_filter(),
        }
    }

    pub(super) fn filter(&self) -> &TopicFilter {
        &self.filter
    }

    /// Returns whether more than one topic can match.
    pub(super) fn has_wildcard(&self) -> bool {
        self.filter.has_wildcard()
    }

    /// Writes a key that stands before all that match: the levels before the first wildcard.
    pub(super) fn write_first(&self, key: &mut Vec<u8>) {
        let bytes = self.filter.as_bytes();
        let end = memchr::memchr2(b'+', b'#', bytes).map_or(bytes.len(), |at| at.saturating_sub(1));
        write_key(&bytes[..end], key);
    }

    /// Compares a key with the filter, level by level.
    pub(super) fn compare(&self, key: &[u8]) -> Comparison {
        if key[0] == b'$' && matches!(self.filter.as_bytes()[0], b'+' | b'#') {
            // A leading wildcard matches no topic that begins with `$` [MQTT-4.7.2-1].
            return Comparison::Skip(Skip::PastDollar);
        }
        let mut key_levels = KeyLevels::new(key);
        // Up to where the key is kept to change the level of the last `+`.
        let mut last_plus = None;
        let mut wanted_start = 0;
        for wanted in levels(self.filter.as_bytes()) {
            let wanted_range = (wanted_start, wanted_start + wanted.len());
            wanted_start = wanted_range.1 + 1;
            if wanted == b"#" {
                return Comparison::Matches;
            }
            let Some(level) = key_levels.next() else {
                // The key names a level above those that match.
                let level = match wanted {
                    b"+" => (wanted_range.0, wanted_range.0),
                    _ => wanted_range,
                };
                let kept = key.len();
                return Comparison::Skip(Skip::Into { kept, level });
            };
            if wanted == b"+" {
                last_plus = Some(level.end);
                continue;
            }
            match key[level.clone()].cmp(wanted) {
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Less => {
                    // The separator before the level is written with it.
                    let kept = level.start.saturating_sub(1);
                    let level = wanted_range;
                    return Comparison::Skip(Skip::Into { kept, level });
                }
                std::cmp::Ordering::Greater => return past(last_plus),
            }
        }
        match key_levels.next() {
            None => Comparison::Matches,
            Some(level) => Comparison::Skip(Skip::Past {
                kept: level.start - 1,
            }),
        }
    }

    /// Writes the next key that could match; it stands after `key`.
    pub(super) fn write_next(&self, key: &[u8], skip: Skip, next: &mut Vec<u8>) {
        next.clear();
        match skip {
            Skip::Into { kept, level } => {
                next.extend_from_slice(&key[..kept]);
                if level.0 > 0 {
                    next.push(SEPARATOR);
                }
                next.extend_from_slice(&self.filter.as_bytes()[level.0..level.1]);
            }
            Skip::Past { kept } => {
                next.extend_from_slice(&key[..kept]);
                next.push(AFTER_SEPARATOR);
            }
            Skip::PastDollar => next.push(b'$' + 1),
        }
    }
}

/// Goes past the level of the last `+`: all that is left of it is too large below.
fn past(last_plus: Option<usize>) -> Comparison {
    match last_plus {
        Some(kept) => Comparison::Skip(Skip::Past { kept }),
        None => Comparison::Ended,
    }
}

/// The ranges of the levels of a key.
struct KeyLevels<'a> {
    key: &'a [u8],
    next: Option<usize>,
}

impl<'a> KeyLevels<'a> {
    fn new(key: &'a [u8]) -> Self {
        Self { key, next: Some(0) }
    }
}

impl Iterator for KeyLevels<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.next?;
        let length = memchr::memchr(SEPARATOR, &self.key[start..]);
        let end = length.map_or(self.key.len(), |length| start + length);
        self.next = length.map(|_| end + 1);
        Some(start..end)
    }
}
