//! The addresses that nodes announce for themselves and each other.

use crate::config::{Address, AddressMap};

/// Announced for a node without a name.
const NO_NAME: &str = "?";

/// The reachable host and port of a node; `None` if it has no name. `host` is empty if
/// the announcing node doesn't know its own host; `from` is that node, as it was reached.
pub(super) fn reachable(
    host: &str,
    port: u16,
    from: &Address,
    map: Option<&AddressMap>,
) -> Option<Address> {
    if host == NO_NAME {
        return None;
    }
    let Address::Tcp {
        host: own_host,
        port: own_port,
        ..
    } = from
    else {
        return None;
    };
    let is_own = ["", "0.0.0.0", "::"].contains(&host);
    let host = if is_own { own_host } else { host };
    let port = if port == 0 { *own_port } else { port };
    let (host, port) = match map {
        Some(map) => map.map(host, port),
        None => (host.to_owned(), port),
    };
    Some(Address::tcp(&host, port, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConnectionConfig;

    fn reach(host: &str, port: u16) -> Option<String> {
        let from = Address::tcp("seed", 7000, true);
        reachable(host, port, &from, None).map(|address| address.to_string())
    }

    #[test]
    fn a_node_without_a_name_for_itself_is_the_one_that_tells() {
        assert_eq!(reach("10.0.0.1", 1).as_deref(), Some("10.0.0.1:1"));
        assert_eq!(reach("::1", 1).as_deref(), Some("[::1]:1"));
        for host in ["", "0.0.0.0", "::"] {
            assert_eq!(reach(host, 1).as_deref(), Some("seed:1"), "{host}");
        }
        assert_eq!(reach("a", 0).as_deref(), Some("a:7000"));
        assert_eq!(reach("?", 1), None);
    }

    #[test]
    fn addresses_are_mapped() {
        let config = ConnectionConfig::new("redis://h").unwrap();
        let config = config.map_address(|host, port| (format!("{host}.nat"), port + 1));
        let from = Address::tcp("seed", 7000, false);
        let mapped = reachable("", 1, &from, config.address_map.as_ref()).unwrap();
        assert_eq!(mapped.to_string(), "seed.nat:2");
    }
}
