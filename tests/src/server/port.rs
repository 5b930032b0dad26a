//! Free ports for servers that may go away and come back.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use parking_lot::Mutex;

/// Below the range that Linux and macOS take ports for outgoing connections
/// from, so that none is taken while its server is down.
const RANGE: Range<u16> = 15_000..32_000;

const TRIES: usize = 1_000;

static RESERVED: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that no other server of this process gets, until this is dropped.
///
/// Another process may still take it between now and the server's `bind`; the
/// start is then tried again with another port.
#[derive(Debug)]
pub(super) struct Port(u16);

impl Port {
    pub(super) fn reserve() -> Option<Self> {
        let mut reserved = RESERVED.lock();
        let random = RandomState::new();
        (0..TRIES)
            .map(|attempt| in_range(random.hash_one(attempt)))
            .find(|port| {
                !reserved.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
            })
            .map(|port| {
                reserved.insert(port);
                Self(port)
            })
    }

    pub(super) fn number(&self) -> u16 {
        self.0
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        RESERVED.lock().remove(&self.0);
    }
}

fn in_range(hash: u64) -> u16 {
    let width = u64::from(RANGE.end - RANGE.start);
    u16::try_from(hash % width).map_or(RANGE.start, |offset| RANGE.start + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: Vec<_> = (0..50).map(|_| Port::reserve().unwrap()).collect();
        let numbers: BTreeSet<_> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), 50);
        assert!(numbers.iter().all(|n| RANGE.contains(n)));
    }
}
