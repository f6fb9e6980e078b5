//! Connections of each address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use parking_lot::Mutex;

/// The number of connections of each IPv4 address or IPv6 /64 network.
#[derive(Debug, Default)]
pub(in crate::broker) struct AddressCounts(Mutex<HashMap<IpAddr, u32>>);

impl AddressCounts {
    /// Counts one more connection; returns whether `limit` allows it.
    pub(in crate::broker) fn add(&self, network: IpAddr, limit: u32) -> bool {
        let mut counts = self.0.lock();
        let count = counts.entry(network).or_default();
        let is_allowed = *count < limit;
        if is_allowed {
            *count += 1;
        }
        is_allowed
    }

    pub(in crate::broker) fn remove(&self, network: IpAddr) {
        if let Entry::Occupied(mut count) = self.0.lock().entry(network) {
            match count.get() {
                0 | 1 => _ = count.remove(),
                _ => *count.get_mut() -= 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_as_many_connections_as_allowed_and_is_forgotten_without_any() {
        let counts = AddressCounts::default();
        let [one, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        assert!(counts.add(one, 2) && counts.add(one, 2) && !counts.add(one, 2));
        assert!(counts.add(other, 2));
        counts.remove(one);
        assert!(counts.add(one, 2) && !counts.add(one, 2));
        for network in [one, one, other, other] {
            counts.remove(network);
        }
        assert!(counts.0.lock().is_empty());
    }
}
