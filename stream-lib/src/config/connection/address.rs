//! `host:port`, as people write it.

/// The port of a sentinel if none is given.
pub(super) const SENTINEL_PORT: u16 = 26_379;

/// The port of a node of a cluster if none is given.
pub(super) const NODE_PORT: u16 = 6379;

/// Reads `host:port`, `host`, `[v6]:port`, `[v6]` and a bare `v6`. The host may be empty.
/// The error continues a sentence about the value.
pub(super) fn split_port(value: &str, default: u16) -> Result<(String, u16), String> {
    let (host, port) = match value.rsplit_once(':') {
        // A bare IPv6 address has colons, but no port.
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => (value, None),
        Some(_) if value.starts_with('[') && value.ends_with(']') => (value, None),
        Some((host, port)) => (host, Some(port)),
        None => (value, None),
    };
    let port =
        match port {
            None => default,
            Some(port) => port.parse().ok().filter(|p| *p > 0).ok_or_else(|| {
                format!("has the port {port:?}; it must be a number from 1 to 65535")
            })?,
        };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), port))
}

/// As [`split_port`], but requires a host, and refuses anything beside host and port.
pub(super) fn host_and_port(value: &str, default: u16) -> Result<(String, u16), String> {
    if value.contains("://") || value.contains('@') {
        return Err("must be host:port, without a URL or a password".to_owned());
    }
    let (host, port) = split_port(value, default)?;
    if host.is_empty() {
        return Err("has no host".to_owned());
    }
    if host.contains(|c: char| c.is_whitespace() || "/?#[],".contains(c)) {
        return Err("has an invalid host".to_owned());
    }
    Ok((host, port))
}
