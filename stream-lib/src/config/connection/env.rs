//! The environment variables of `ConnectionConfig::from_env`.

use std::ffi::OsString;

use super::credentials::Credentials;
use super::target::{Address, Target};
use super::url;
use crate::error::{Error, ErrorKind, Result};

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 6379;
const PASSWORD: &str = "REDIS_PASSWORD";

pub(super) fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Target> {
    let variable = |name: &str| match lookup(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) => tidy(name, &value),
        Some(Err(_)) => Err(variable_error(name, "is not valid UTF-8")),
    };
    if let Some(url) = variable("REDIS_URL")? {
        return url::parse(&url).map_err(|e| e.while_doing("variable REDIS_URL"));
    }
    let (host, port) = match variable("REDIS_ADDR")? {
        Some(value) => host_and_port(&value)?,
        None => (DEFAULT_HOST.to_owned(), DEFAULT_PORT),
    };
    let password = variable(PASSWORD)?;
    let db = match variable("REDIS_DB")? {
        Some(db) => db.parse().ok().filter(|n| *n >= 0).ok_or_else(|| {
            variable_error(
                "REDIS_DB",
                format_args!("is {db:?}; it must be a number, 0 or more"),
            )
        })?,
        None => 0,
    };
    Ok(Target {
        address: Address::Tcp {
            host,
            port,
            tls: false,
        },
        credentials: Credentials {
            password,
            ..Credentials::default()
        },
        db,
    })
}

/// The value without the line end that a file has which it was read from; `None`
/// where nothing is left. Any other white space around it is a mistake that Redis
/// would answer with a wrong password, or DNS with an unknown host.
fn tidy(name: &str, value: &str) -> Result<Option<String>> {
    let value = value.strip_suffix('\n').unwrap_or(value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    let place = if value.starts_with(char::is_whitespace) {
        "begins with"
    } else if value.ends_with(char::is_whitespace) {
        "ends with"
    } else if name != PASSWORD && value.contains(char::is_whitespace) {
        "contains"
    } else {
        return Ok(Some(value.to_owned()).filter(|v| !v.is_empty()));
    };
    let advice = if name == PASSWORD {
        "; one that really has it goes into REDIS_URL, percent-encoded"
    } else {
        ""
    };
    Err(variable_error(
        name,
        format_args!("{place} white space (one line end is allowed for){advice}"),
    ))
}

/// Reads `host:port`, `host`, `:port` and `[v6]:port`.
fn host_and_port(value: &str) -> Result<(String, u16)> {
    if value.contains("://") || value.contains('@') {
        let text = "must be host:port; a URL goes into REDIS_URL";
        return Err(variable_error("REDIS_ADDR", text));
    }
    let (host, port) = match value.rsplit_once(':') {
        // A bare IPv6 address has colons, but no port.
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => (value, None),
        Some(_) if value.starts_with('[') && value.ends_with(']') => (value, None),
        Some((host, port)) => (host, Some(port)),
        None => (value, None),
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port.parse().ok().filter(|p| *p > 0).ok_or_else(|| {
            let text = format!("has the port {port:?}; it must be a number from 1 to 65535");
            variable_error("REDIS_ADDR", text)
        })?,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = if host.is_empty() { DEFAULT_HOST } else { host };
    Ok((host.to_owned(), port))
}

fn variable_error(name: &str, problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format!("variable {name} {problem}"))
}
