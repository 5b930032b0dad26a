//! How a dashboard is run.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::access::{Role, Token};

/// How a dashboard is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens. Defaults to 127.0.0.1:7474.
    pub listen: SocketAddr,
    /// How Redis is called at the top of each page. Defaults to its address.
    pub title: Option<String>,
    /// Other names under which it is reached: those of proxies.
    pub hosts: Vec<String>,
    /// The secret that lets somebody in. Without one, nothing can be changed.
    pub token: Option<Token>,
    /// What the token allows. Defaults to looking.
    pub allow: Role,
    /// The streams; all that there are where none is named.
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
    /// Says what is wrong with them.
    ///
    /// # Errors
    ///
    /// Where other machines could look without a token, and where changes are allowed
    /// without one.
    pub fn validate(&self) -> Result<(), String> {
        if self.token.is_none() && !self.listen.ip().is_loopback() {
            return Err(format!(
                "{} can be reached from other machines, so that a token is needed: set \
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

    /// What somebody who starts it should hear.
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
