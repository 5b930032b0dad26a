//! Host names of the dashboard, and origins of requests.

use std::net::SocketAddr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// The host names that the dashboard answers. Requests with other names, such as those of
/// a foreign site whose name resolves to this address, are refused.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// `host:port`, in lower case.
    exact: Vec<String>,
    /// Names of proxies, valid with any port.
    given: Vec<String>,
}

impl Names {
    pub(crate) fn new(address: SocketAddr, given: &[String]) -> Self {
        let port = address.port();
        let mut exact = vec![address.to_string()];
        if address.ip().is_loopback() {
            exact.push(format!("localhost:{port}"));
        }
        if address.ip().is_unspecified() {
            exact.extend([format!("127.0.0.1:{port}"), format!("localhost:{port}")]);
        }
        if port == 80 {
            let bare = exact.iter().filter_map(|name| name.strip_suffix(":80"));
            let bare: Vec<String> = bare.map(str::to_owned).collect();
            exact.extend(bare);
        }
        Self {
            exact,
            given: given.iter().map(|name| name.to_ascii_lowercase()).collect(),
        }
    }

    /// Whether a request has exactly one `Host`, and it names the dashboard.
    pub(crate) fn has_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        match (hosts.next().map(|host| host.to_str()), hosts.next()) {
            (Some(Ok(host)), None) => self.has(host),
            _ => false,
        }
    }

    /// Whether a request has no `Origin`, or the dashboard's own.
    pub(crate) fn has_origin(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => origin.to_str().is_ok_and(|origin| self.is_origin(origin)),
            _ => false,
        }
    }

    /// Whether a request certainly comes from a page of the dashboard.
    pub(crate) fn is_same_origin(&self, headers: &HeaderMap) -> bool {
        let site = headers.get("sec-fetch-site");
        match (headers.contains_key(ORIGIN), site) {
            (_, Some(site)) if site != "same-origin" => false,
            (true, _) => self.has_origin(headers),
            (false, site) => site.is_some(),
        }
    }

    fn is_origin(&self, origin: &str) -> bool {
        let behind = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        behind.is_some_and(|host| self.has(host))
    }

    fn has(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if self.exact.contains(&host) || self.given.contains(&host) {
            return true;
        }
        let port = host
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok());
        port.is_some_and(|(name, _)| self.given.iter().any(|given| given == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(address: &str, given: &[&str]) -> Names {
        let given: Vec<String> = given.iter().map(|name| (*name).to_owned()).collect();
        Names::new(address.parse().unwrap(), &given)
    }

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_its_own_names_are_answered() {
        let names = names("127.0.0.1:7474", &["Ops.Example"]);
        for host in [
            "127.0.0.1:7474",
            "localhost:7474",
            "LOCALHOST:7474",
            "ops.example",
            "ops.example:443",
        ] {
            assert!(names.has(host), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:80",
            "evil.example",
            "ops.example.evil:1",
            "ops.example:x",
            "",
        ] {
            assert!(!names.has(host), "{host}");
        }
        assert!(!names.has_host(&headers(&[])));
        let twice = [("host", "localhost:7474"), ("host", "localhost:7474")];
        assert!(!names.has_host(&headers(&twice)));
    }

    #[test]
    fn the_names_are_those_of_the_address() {
        for (address, host, is_known) in [
            ("10.0.0.7:7474", "10.0.0.7:7474", true),
            ("10.0.0.7:7474", "localhost:7474", false),
            ("10.0.0.7:7474", "127.0.0.1:7474", false),
            ("0.0.0.0:7474", "localhost:7474", true),
            ("0.0.0.0:7474", "127.0.0.1:7474", true),
            ("0.0.0.0:7474", "10.0.0.7:7474", false),
            ("[::1]:7474", "localhost:7474", true),
            ("127.0.0.1:80", "localhost", true),
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:8080", "localhost", false),
        ] {
            let names = names(address, &[]);
            assert_eq!(names.has(host), is_known, "{host} at {address}");
        }
    }

    #[test]
    fn a_change_comes_from_a_page_of_the_dashboard() {
        let names = names("[::1]:7474", &[]);
        let own = ("origin", "http://[::1]:7474");
        let foreign = ("origin", "http://evil.example");
        assert!(names.is_same_origin(&headers(&[own])));
        assert!(names.is_same_origin(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(names.is_same_origin(&headers(&[own, ("sec-fetch-site", "same-origin")])));
        assert!(!names.is_same_origin(&headers(&[])));
        assert!(!names.is_same_origin(&headers(&[foreign])));
        assert!(!names.is_same_origin(&headers(&[("origin", "null")])));
        assert!(!names.is_same_origin(&headers(&[own, ("sec-fetch-site", "cross-site")])));
        assert!(!names.is_same_origin(&headers(&[("sec-fetch-site", "same-site")])));
        assert!(names.has_origin(&headers(&[])));
        assert!(!names.has_origin(&headers(&[foreign])));
        for two in [[own, own], [own, foreign], [foreign, own]] {
            assert!(!names.has_origin(&headers(&two)), "{two:?}");
            assert!(!names.is_same_origin(&headers(&two)), "{two:?}");
        }
    }
}
