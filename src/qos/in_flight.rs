use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::protocol::PacketId;

/// The capacity that an empty table keeps.
const KEPT_CAPACITY: usize = 64;

/// Values for the packet identifiers that are in use.
///
/// Identifiers are assigned in order, and most become free soon and in about the same order.
/// So a value is found by its distance from the oldest identifier. Identifiers that stay in
/// use much longer than the others are kept in a map.
#[derive(Debug)]
pub(super) struct InFlightTable<T> {
    /// The identifier of the first entry of `recent`.
    first: PacketId,
    /// Values of consecutive identifiers; the first and the last are in use.
    recent: VecDeque<Option<T>>,
    /// The number of entries of `recent` that are in use.
    used: usize,
    #[expect(
        clippy::box_collection,
        reason = "few sessions have stragglers, and all pay for the size"
    )]
    stragglers: Option<Box<HashMap<PacketId, T, RandomState>>>,
}

impl<T> InFlightTable<T> {
    pub(super) fn new() -> Self {
        Self {
            first: PacketId::FIRST,
            recent: VecDeque::new(),
            used: 0,
            stragglers: None,
        }
    }

    /// Returns the number of identifiers in use.
    pub(super) fn len(&self) -> usize {
        self.used + self.stragglers.as_ref().map_or(0, |map| map.len())
    }

    pub(super) fn contains(&self, packet_id: PacketId) -> bool {
        self.get(packet_id).is_some()
    }

    pub(super) fn get(&self, packet_id: PacketId) -> Option<&T> {
        let recent = self.recent.get(self.distance(packet_id));
        recent.and_then(Option::as_ref).or_else(|| {
            let stragglers = self.stragglers.as_ref()?;
            stragglers.get(&packet_id)
        })
    }

    pub(super) fn get_mut(&mut self, packet_id: PacketId) -> Option<&mut T> {
        let distance = self.distance(packet_id);
        let recent = self.recent.get_mut(distance).and_then(Option::as_mut);
        recent.or_else(|| self.stragglers.as_mut()?.get_mut(&packet_id))
    }

    /// Puts an identifier that is free in use.
    pub(super) fn insert(&mut self, packet_id: PacketId, value: T) {
        if self.recent.is_empty() {
            self.first = packet_id;
        }
        let distance = self.distance(packet_id);
        let most = KEPT_CAPACITY + 2 * self.used;
        if distance >= self.recent.len() + KEPT_CAPACITY {
            // Out of order.
            self.stragglers
                .get_or_insert_default()
                .insert(packet_id, value);
            return;
        }
        while self.recent.len() <= distance {
            self.recent.push_back(None);
        }
        self.used += 1;
        self.recent[distance] = Some(value);
        while self.recent.len() > most {
            self.keep_first_as_straggler();
        }
    }

    /// Frees an identifier.
    pub(super) fn remove(&mut self, packet_id: PacketId) -> Option<T> {
        let distance = self.distance(packet_id);
        if let Some(value) = self.recent.get_mut(distance).and_then(Option::take) {
            self.used -= 1;
            self.drop_free_ends();
            return Some(value);
        }
        let stragglers = self.stragglers.as_mut()?;
        let value = stragglers.remove(&packet_id);
        if stragglers.is_empty() {
            self.stragglers = None;
        }
        value
    }

    /// Iterates over all identifiers in use, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PacketId, &T)> {
        let mut next = self.first;
        let recent = self.recent.iter().filter_map(move |value| {
            let packet_id = next;
            next = next.next();
            value.as_ref().map(|value| (packet_id, value))
        });
        let stragglers = self.stragglers.iter().flat_map(|map| map.iter());
        recent.chain(stragglers.map(|(&packet_id, value)| (packet_id, value)))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let stragglers = self.stragglers.iter_mut().flat_map(|map| map.values_mut());
        self.recent.iter_mut().flatten().chain(stragglers)
    }

    /// Frees all identifiers and gives their values back, in no order.
    pub(super) fn take_all(self) -> impl Iterator<Item = T> + use<T> {
        let stragglers = self
            .stragglers
            .into_iter()
            .flat_map(|map| map.into_values());
        self.recent.into_iter().flatten().chain(stragglers)
    }

    /// Returns the distance of an identifier from the first one, which need not be in use.
    fn distance(&self, packet_id: PacketId) -> usize {
        let (first, wanted) = (usize::from(self.first.get()), usize::from(packet_id.get()));
        // There is no identifier 0.
        match wanted.checked_sub(first) {
            Some(distance) => distance,
            None => wanted + usize::from(u16::MAX) - first,
        }
    }

    fn keep_first_as_straggler(&mut self) {
        if let Some(Some(value)) = self.recent.pop_front() {
            self.used -= 1;
            let stragglers = self.stragglers.get_or_insert_default();
            stragglers.insert(self.first, value);
            self.first = self.first.next();
        }
        self.drop_free_ends();
    }

    fn drop_free_ends(&mut self) {
        while let Some(None) = self.recent.front() {
            self.recent.pop_front();
            self.first = self.first.next();
        }
        while let Some(None) = self.recent.back() {
            self.recent.pop_back();
        }
        if self.recent.is_empty() && self.recent.capacity() > KEPT_CAPACITY {
            self.recent = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_table_holds_what_a_map_would_hold(
            steps in prop::collection::vec((any::<bool>(), 0..200_u16, 1..=300_u16), 1..2_000),
        ) {
            let mut table = InFlightTable::new();
            let mut map = HashMap::new();
            // Begins where identifiers wrap.
            let mut number = u16::MAX - 50;
            for (inserts, skipped, age) in steps {
                let id = |number| PacketId::new(number).unwrap_or(PacketId::FIRST);
                if inserts {
                    number = number.wrapping_add(if skipped < 190 { 1 } else { skipped }).max(1);
                    if map.insert(id(number), number).is_none() {
                        table.insert(id(number), number);
                    }
                } else {
                    let old = id(number.wrapping_sub(age).max(1));
                    prop_assert_eq!(table.remove(old), map.remove(&old));
                }
                prop_assert_eq!(table.len(), map.len());
                prop_assert_eq!(table.get(id(number)), map.get(&id(number)));
            }
            let listed: HashMap<_, _> = table.iter().map(|(id, &value)| (id, value)).collect();
            prop_assert_eq!(&listed, &map);
            prop_assert_eq!(table.values_mut().count(), map.len());
            prop_assert_eq!(table.take_all().count(), map.len());
        }
    }

    #[test]
    fn an_identifier_that_is_never_freed_keeps_the_table_small() {
        let mut table = InFlightTable::new();
        let mut packet_id = PacketId::FIRST;
        table.insert(packet_id, 0);
        for number in 1..60_000 {
            packet_id = packet_id.next();
            table.insert(packet_id, number);
            assert_eq!(table.remove(packet_id), Some(number));
            assert!(table.recent.len() <= KEPT_CAPACITY + 2);
        }
        assert_eq!(table.remove(PacketId::FIRST), Some(0));
        assert_eq!(table.len(), 0);
    }
}
