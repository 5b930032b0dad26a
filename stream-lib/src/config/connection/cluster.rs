//! The settings of a cluster.

use super::address::{NODE_PORT, host_and_port};
use super::settings::ConnectionConfig;
use super::target::{Place, Target};
use crate::error::{Error, ErrorKind, Result};

impl ConnectionConfig {
    /// The Redis Cluster that the nodes at these addresses belong to: `host:port`, `host`
    /// or `[v6]:port`; the port defaults to 6379. One reachable node is enough: it names
    /// the others, and the addresses given here are asked whenever no other node answers.
    /// A cluster has only database 0.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if `addresses` is empty or an address can't be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::{ConnectionConfig, Credentials};
    ///
    /// let config = ConnectionConfig::cluster(["node-1", "node-2:6380"])?
    ///     .credentials(|| Ok::<_, std::io::Error>(Credentials::new("of all nodes")));
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn cluster<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<Self> {
        let read = |address: A| {
            host_and_port(address.as_ref(), NODE_PORT).map_err(|problem| {
                let text = format!("the address of a node {problem}");
                Error::new(ErrorKind::Config, text)
            })
        };
        let config = Self::to(Target::at(Place::Cluster {
            addresses: addresses.into_iter().map(read).collect::<Result<_>>()?,
            tls: false,
        }));
        config.validate()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_list_nodes() {
        for (url, address, tls) in [
            ("redis-cluster://a", "a:6379", false),
            (
                "rediss-cluster://a:1,b,[::1]:2/0",
                "a:1,b:6379,[::1]:2",
                true,
            ),
            ("valkey-cluster://a", "a:6379", false),
            ("valkeys-cluster://app:s%40@a,b", "a:6379,b:6379", true),
        ] {
            let config = ConnectionConfig::new(url).unwrap();
            let settings = config.settings();
            assert_eq!((settings.address.as_str(), settings.tls), (address, tls));
            assert!(settings.is_cluster && settings.sentinel_master.is_none());
            assert_eq!(settings.has_password, url.contains('@'));
            if cfg!(feature = "tls") || !tls {
                config.validate().unwrap();
            }
        }
    }

    #[test]
    fn what_a_cluster_does_not_have_is_refused() {
        for (url, says) in [
            ("redis-cluster://a/1", "no other"),
            ("redis-cluster://", "host:port"),
            ("redis-cluster://a,,b", "host:port"),
            ("redis-cluster://a?db=1", "`?`"),
            ("redis-cluster://:secret@a:x", "host:port"),
            ("redis-cluster://:secret#@a", "`#`"),
            ("redis-cluster::secret@a", "`//`"),
        ] {
            let read = ConnectionConfig::new(url);
            let error = read.and_then(|config| config.validate()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            let text = error.to_string();
            assert!(text.contains(says) && !text.contains("secret"), "{text}");
        }
        let none: [&str; 0] = [];
        assert!(ConnectionConfig::cluster(none).is_err());
        assert!(ConnectionConfig::cluster(["redis://a"]).is_err());
    }
}
