//! Redirects to another node of a cluster.

use std::error::Error as _;

use super::server_error::ServerError;
use crate::error::Error;

/// A line `MOVED slot host:port` or `ASK slot host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirect {
    /// The redirect is for one request only: the slot is moving to that node.
    pub(super) is_ask: bool,
    pub(super) slot: u16,
    /// As the node calls it: empty for the node itself, `?` if unknown.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Redirect {
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let mut words = line.split(' ');
        let is_ask = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let slot = words.next()?.parse().ok()?;
        // An IPv6 address has colons of its own.
        let (host, port) = words.next()?.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            is_ask,
            slot,
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }

    /// The redirect in an error that the server has answered with.
    pub(super) fn of(error: &Error) -> Option<Self> {
        let answer: &ServerError = error.source()?.downcast_ref()?;
        Self::read(answer.line().as_bytes())
    }
}

/// Whether another node should be asked, but only for the request that has failed.
pub(crate) fn is_asked_elsewhere(error: &Error) -> bool {
    Redirect::of(error).is_some_and(|redirect| redirect.is_ask)
}

/// Whether the keys of a request are on two nodes, because their slot is moving from one
/// to the other.
pub(crate) fn is_on_its_way(error: &Error) -> bool {
    let answer: Option<&ServerError> = error.source().and_then(|source| source.downcast_ref());
    answer.is_some_and(|answer| answer.line().starts_with("TRYAGAIN"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(bool, u16, String, u16)> {
        let redirect = Redirect::read(line.as_bytes())?;
        Some((redirect.is_ask, redirect.slot, redirect.host, redirect.port))
    }

    #[test]
    fn hosts_of_all_kinds_are_read() {
        for (line, expected) in [
            ("MOVED 3999 10.0.0.1:6381", (false, 3999, "10.0.0.1", 6381)),
            ("ASK 1 node-1.shop:7", (true, 1, "node-1.shop", 7)),
            ("MOVED 0 2001:db8::1:6379", (false, 0, "2001:db8::1", 6379)),
            ("MOVED 0 [::1]:6379", (false, 0, "::1", 6379)),
            ("MOVED 5 :6379", (false, 5, "", 6379)),
            ("MOVED 5 ?:6379", (false, 5, "?", 6379)),
        ] {
            let (is_ask, slot, host, port) = expected;
            let expected = (is_ask, slot, host.to_owned(), port);
            assert_eq!(read(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "MOVED",
            "MOVED x a:1",
            "MOVED 1 a",
            "ASK 1 a:x",
            "ERR MOVED 1 a:1",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
