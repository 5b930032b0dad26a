//! The settings of a dashboard.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::access::{Role, Token};

/// The settings of a dashboard.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address on which it listens. Defaults to 127.0.0.1:7474.
    pub listen: SocketAddr,
    /// The name of Redis at the top of each page. Defaults to its address.
    pub title: Option<String>,
    /// Further host names of the dashboard, such as those of proxies.
    pub hosts: Vec<String>,
    /// The secret for changes, and for pages if others can reach `listen`. Without one,
    /// nothing can be changed.
    pub token: Option<Token>,
    /// The role of callers with the token. Defaults to [`Role::View`].
    pub allow: Role,
    /// The streams to show. Empty, the default, means all.
    pub streams: Vec<String>,
    /// The time between two looks. Defaults to 2 s.
    pub every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7474)),
            title: None,
            hosts: Vec::new(),
            token: None,
            allow: Role::View,
            streams: Vec::new(),
            every: Duration::from_secs(2),
        }
    }
}

impl Settings {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// If there is no token, and `listen` isn't a loopback address or `allow` permits
    /// changes. The text names the problem.
    pub fn validate(&self) -> Result<(), String> {
        if self.token.is_none() && !self.listen.ip().is_loopback() {
            return Err(format!(
                "{} can be reached from other machines and needs a token: set \
                 STREAMCTL_TOKEN or --token-file, or listen on 127.0.0.1",
                self.listen.ip()
            ));
        }
        if self.token.is_none() && self.allow > Role::View {
            return Err(format!(
                "--allow {} needs a token: set STREAMCTL_TOKEN or --token-file",
                self.allow
            ));
        }
        Ok(())
    }

    /// A warning for the person who starts it: plain HTTP beyond this machine.
    pub fn warning(&self) -> Option<String> {
        (!self.listen.ip().is_loopback()).then(|| {
            "this is plain HTTP: the token and all pages can be read on the way. Put a proxy \
             with TLS in front, and name it with --host"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_and_changes_need_a_token() {
        let mut settings = Settings::default();
        assert_eq!(settings.validate(), Ok(()));
        assert_eq!(settings.warning(), None);
        settings.allow = Role::Retry;
        assert!(settings.validate().unwrap_err().contains("--allow retry"));
        settings.allow = Role::View;
        settings.listen = "0.0.0.0:7474".parse().unwrap();
        assert!(settings.validate().unwrap_err().contains("token"));
        settings.token = Some(Token::new("0123456789abcdef").unwrap());
        assert_eq!(settings.validate(), Ok(()));
        assert!(settings.warning().unwrap().contains("plain HTTP"));
    }
}
