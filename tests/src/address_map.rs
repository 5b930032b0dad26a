//! The addresses of members that announce others.

use std::collections::BTreeMap;

/// A map from the ports that members announce to those that reach them.
///
/// A copy of it can be handed to a client that maps addresses.
#[derive(Debug, Clone, Default)]
pub struct AddressMap {
    ports: BTreeMap<u16, u16>,
}

impl AddressMap {
    /// The address that reaches the member which announces this one; unknown ones stay as
    /// they are.
    pub fn reachable(&self, host: &str, port: u16) -> (String, u16) {
        match self.ports.get(&port) {
            Some(&reachable) => ("127.0.0.1".to_owned(), reachable),
            None => (host.to_owned(), port),
        }
    }

    /// Makes clients reach a member by another port, such as a proxy's. `port` is the one
    /// that reaches it so far.
    #[must_use]
    pub fn by_way_of(mut self, reachable: u16, other: u16) -> Self {
        for port in self.ports.values_mut() {
            if *port == reachable {
                *port = other;
            }
        }
        self
    }
}

impl FromIterator<(u16, u16)> for AddressMap {
    fn from_iter<I: IntoIterator<Item = (u16, u16)>>(ports: I) -> Self {
        Self {
            ports: ports.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ports_are_mapped_and_others_left() {
        let map: AddressMap = [(1, 11), (2, 12)].into_iter().collect();
        let map = map.by_way_of(12, 22);
        let at = |port| map.reachable("10.0.0.1", port);
        assert_eq!(at(1), ("127.0.0.1".to_owned(), 11));
        assert_eq!(at(2), ("127.0.0.1".to_owned(), 22));
        assert_eq!(at(3), ("10.0.0.1".to_owned(), 3));
    }
}
