//! The settings of a connection, for reading, without its secrets.

use std::time::Duration;

use super::settings::ConnectionConfig;
use super::target::Place;

/// The settings of a [`ConnectionConfig`]; each is described at its setter. Neither the
/// password nor a private key is included.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether a secret is there"
)]
pub struct ConnectionSettings {
    /// `host:port`, or the path of a socket; of sentinels, or of nodes of a cluster,
    /// `host:port,host:port`.
    pub address: String,
    /// The name of the master that the sentinels know; `None` without sentinels.
    pub sentinel_master: Option<String>,
    /// Whether Redis is a cluster.
    pub is_cluster: bool,
    /// Whether connections to Redis use TLS.
    pub tls: bool,
    /// The user name; `None` is the default user.
    pub username: Option<String>,
    /// Whether a password is given.
    pub has_password: bool,
    /// Whether a [provider](ConnectionConfig::credentials) gives user and password.
    pub has_credentials_provider: bool,
    /// The database.
    pub db: i64,
    /// [`ConnectionConfig::connect_timeout`].
    pub connect_timeout: Duration,
    /// [`ConnectionConfig::response_timeout`].
    pub response_timeout: Duration,
    /// [`ConnectionConfig::pool_size`].
    pub pool_size: u32,
    /// [`ConnectionConfig::client_name`].
    pub client_name: Option<String>,
    /// [`ConnectionConfig::program`]; `None` for the name of the executable's file.
    pub program: Option<String>,
    /// [`ConnectionConfig::program_version`].
    pub program_version: Option<String>,
    /// Whether [`ConnectionConfig::tls_root_certificates`] are given, or their file;
    /// else the system's are used.
    pub has_tls_root_certificates: bool,
    /// Whether a [`ConnectionConfig::tls_client_certificate`] is given, or its files.
    pub has_tls_client_certificate: bool,
    /// [`ConnectionConfig::tls_server_name`].
    pub tls_server_name: Option<String>,
    /// The user name at the sentinels; `None` is the default user.
    pub sentinel_username: Option<String>,
    /// Whether a password for the sentinels is given.
    pub has_sentinel_password: bool,
    /// Whether connections to the sentinels use TLS; false without sentinels.
    pub sentinel_tls: bool,
    /// Whether addresses are [mapped](ConnectionConfig::map_address).
    pub has_address_map: bool,
}

impl ConnectionConfig {
    /// The values of the URL and of all setters, not validated.
    ///
    /// ```
    /// use stream_lib::ConnectionConfig;
    ///
    /// let settings = ConnectionConfig::new("redis://app:secret@redis.internal/2")?.settings();
    /// assert_eq!((settings.address.as_str(), settings.db), ("redis.internal:6379", 2));
    /// assert!(settings.has_password && !format!("{settings:?}").contains("secret"));
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    pub fn settings(&self) -> ConnectionSettings {
        ConnectionSettings {
            address: self.place.to_string(),
            sentinel_master: match &self.place {
                Place::Server(_) | Place::Cluster { .. } => None,
                Place::Sentinels { master, .. } => Some(master.clone()),
            },
            is_cluster: matches!(self.place, Place::Cluster { .. }),
            tls: self.uses_tls(),
            username: self.credentials.username.clone(),
            has_password: self.credentials.password.is_some(),
            has_credentials_provider: self.provider.is_some(),
            db: self.db,
            connect_timeout: self.connect_timeout,
            response_timeout: self.response_timeout,
            pool_size: self.pool_size,
            client_name: self.client_name.clone(),
            program: self.program.name.clone(),
            program_version: self.program.version.clone(),
            has_tls_root_certificates: self.tls.roots.is_some(),
            has_tls_client_certificate: self.tls.client.is_some(),
            tls_server_name: self.tls.server_name.clone(),
            sentinel_username: self.sentinel.credentials.username.clone(),
            has_sentinel_password: self.sentinel.credentials.password.is_some(),
            sentinel_tls: matches!(self.place, Place::Sentinels { .. }) && self.uses_sentinel_tls(),
            has_address_map: self.address_map.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setter_has_its_getter_and_no_secret_is_shown() {
        let second = Duration::from_secs(1);
        let settings = ConnectionConfig::new("rediss://app:secret@h:7/3")
            .unwrap()
            .connect_timeout(second)
            .response_timeout(2 * second)
            .pool_size(4)
            .client_name("shop")
            .program("billing")
            .program_version("1.4")
            .tls_root_certificates("root-pem")
            .tls_client_certificate("client-pem", "key-pem")
            .tls_server_name("redis.shop")
            .sentinel_credentials("watcher", "sentinels' secret")
            .map_address(|host, port| (host.to_owned(), port))
            .credentials(|| Err("never asked"))
            .settings();
        let expected = ConnectionSettings {
            address: "h:7".to_owned(),
            sentinel_master: None,
            is_cluster: false,
            tls: true,
            username: Some("app".to_owned()),
            has_password: true,
            has_credentials_provider: true,
            db: 3,
            connect_timeout: second,
            response_timeout: 2 * second,
            pool_size: 4,
            client_name: Some("shop".to_owned()),
            program: Some("billing".to_owned()),
            program_version: Some("1.4".to_owned()),
            has_tls_root_certificates: true,
            has_tls_client_certificate: true,
            tls_server_name: Some("redis.shop".to_owned()),
            sentinel_username: Some("watcher".to_owned()),
            has_sentinel_password: true,
            sentinel_tls: false,
            has_address_map: true,
        };
        assert_eq!(settings, expected);
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("pem"),
            "{shown}"
        );
        let plain = ConnectionConfig::new("unix:///run/redis.sock").unwrap();
        let plain = plain.settings();
        assert_eq!(plain.address, "/run/redis.sock");
        assert!(!plain.tls && !plain.has_password && plain.username.is_none());
        assert!(!plain.has_credentials_provider);
        assert!(!plain.has_tls_root_certificates && !plain.has_tls_client_certificate);
    }
}
