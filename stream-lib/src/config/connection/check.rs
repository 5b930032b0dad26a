//! The bounds of a connection's settings.

use std::fmt;
use std::time::Duration;

use super::parts::{LONGEST_PROGRAM, TlsSettings};
use super::settings::ConnectionConfig;
use super::target::{Address, Place};
use crate::error::{Error, ErrorKind, Result};

impl ConnectionConfig {
    /// Checks every value against its bounds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a value is out of its bounds or two settings exclude each
    /// other; the text names the field and the value.
    pub fn validate(&self) -> Result<()> {
        timeout_in_bounds("connect_timeout", self.connect_timeout)?;
        timeout_in_bounds("response_timeout", self.response_timeout)?;
        if !(1..=10_000).contains(&self.pool_size) {
            return Err(invalid("pool_size", self.pool_size, "1 to 10000"));
        }
        if self.db < 0 {
            return Err(invalid("db", self.db, "0 or more"));
        }
        let texts = [
            ("program", &self.program.name),
            ("program_version", &self.program.version),
        ];
        for (field, text) in texts {
            if let Some(text) = text
                && (text.is_empty()
                    || text.len() > LONGEST_PROGRAM
                    || text.chars().any(char::is_control))
            {
                let text = format!("{text:?}");
                return Err(invalid(field, text, "1 to 48 bytes, no control characters"));
            }
        }
        if let Some(name) = &self.client_name
            && (name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()))
        {
            let name = format!("{name:?}");
            return Err(invalid("client_name", name, "printable ASCII, no spaces"));
        }
        self.validate_place()?;
        self.validate_tls()
    }

    fn validate_tls(&self) -> Result<()> {
        let is_unix = matches!(self.place, Place::Server(Address::Unix(_)));
        if is_unix && self.tls.is_on == Some(true) {
            let text = "`tls` is set, but a unix socket has none";
            return Err(Error::new(ErrorKind::Config, text));
        }
        check_tls(&self.tls, self.uses_tls(), "", "rediss://")?;
        if let Place::Sentinels { .. } = &self.place {
            let (tls, is_on) = (&self.sentinel.tls, self.uses_sentinel_tls());
            check_tls(tls, is_on, "sentinel_", "rediss-sentinel://")?;
        }
        Ok(())
    }

    fn validate_place(&self) -> Result<()> {
        if let Place::Cluster { addresses, .. } = &self.place {
            return self.validate_cluster(addresses.is_empty());
        }
        let Place::Sentinels {
            master, addresses, ..
        } = &self.place
        else {
            return Ok(());
        };
        if master.is_empty() || !master.bytes().all(|b| b.is_ascii_graphic()) {
            let name = format!("{master:?}");
            return Err(invalid("master", name, "printable ASCII, no spaces"));
        }
        if addresses.is_empty() {
            return Err(invalid("addresses", "empty", "one sentinel or more"));
        }
        Ok(())
    }

    fn validate_cluster(&self, has_no_addresses: bool) -> Result<()> {
        if has_no_addresses {
            return Err(invalid("addresses", "empty", "one node or more"));
        }
        if self.db != 0 {
            return Err(invalid("db", self.db, "0, since a cluster has no other"));
        }
        Ok(())
    }
}

fn check_tls(tls: &TlsSettings, is_on: bool, prefix: &str, scheme: &str) -> Result<()> {
    if is_on && cfg!(not(feature = "tls")) {
        let text = "the URL asks for TLS, but stream-lib was built without its feature `tls`";
        return Err(Error::new(ErrorKind::Config, text));
    }
    match tls.given().next() {
        Some(field) if !is_on => {
            let text = format!("`{prefix}{field}` is set, but the URL is not a `{scheme}` one");
            Err(Error::new(ErrorKind::Config, text))
        }
        _ => Ok(()),
    }
}

fn timeout_in_bounds(field: &str, value: Duration) -> Result<()> {
    let bounds = Duration::from_millis(1)..=Duration::from_secs(3_600);
    if bounds.contains(&value) {
        return Ok(());
    }
    Err(invalid(field, format_args!("{value:?}"), "1 ms to 1 h"))
}

fn invalid(field: &str, value: impl fmt::Display, allowed: &str) -> Error {
    let text = format!("`{field}` is {value}; allowed: {allowed}");
    Error::new(ErrorKind::Config, text)
}
