//! The environment variables of `ConnectionConfig::from_env`.

use std::ffi::OsString;

use super::address::{NODE_PORT, SENTINEL_PORT, host_and_port, split_port};
use super::credentials::Credentials;
use super::target::{Address, Place, Target};
use super::url;
use crate::error::{Error, ErrorKind, Result};

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 6379;
const PASSWORD: &str = "REDIS_PASSWORD";
const SENTINEL_PASSWORD: &str = "REDIS_SENTINEL_PASSWORD";

pub(super) fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Target> {
    let variable = |name: &str| match lookup(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) => tidy(name, &value),
        Some(Err(_)) => Err(variable_error(name, "is not valid UTF-8")),
    };
    let sentinel_credentials = Credentials {
        username: variable("REDIS_SENTINEL_USER")?,
        password: variable(SENTINEL_PASSWORD)?,
        valid_for: None,
    };
    if let Some(url) = variable("REDIS_URL")? {
        let target = url::parse(&url).map_err(|e| e.while_doing("variable REDIS_URL"))?;
        return Ok(Target {
            sentinel_credentials,
            ..target
        });
    }
    let place = place(variable("REDIS_ADDR")?, variable("REDIS_MASTER")?)?;
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
        credentials: Credentials {
            password,
            ..Credentials::default()
        },
        db,
        sentinel_credentials,
        ..Target::at(place)
    })
}

fn place(addresses: Option<String>, master: Option<String>) -> Result<Place> {
    let list = |addresses: &str, port| -> Result<Vec<_>> {
        let read = |address| {
            host_and_port(address, port).map_err(|text| variable_error("REDIS_ADDR", text))
        };
        addresses.split(',').map(read).collect()
    };
    match (addresses, master) {
        (Some(addresses), Some(master)) => Ok(Place::Sentinels {
            master,
            addresses: list(&addresses, SENTINEL_PORT)?,
            tls: false,
        }),
        (None, Some(_)) => {
            let text = "names a master; REDIS_ADDR has to list its sentinels";
            Err(variable_error("REDIS_MASTER", text))
        }
        (Some(addresses), None) if addresses.contains(',') => Ok(Place::Cluster {
            addresses: list(&addresses, NODE_PORT)?,
            tls: false,
        }),
        (Some(address), None) => {
            let (host, port) = server(&address)?;
            Ok(Place::Server(Address::tcp(&host, port, false)))
        }
        (None, None) => Ok(Place::Server(Address::tcp(
            DEFAULT_HOST,
            DEFAULT_PORT,
            false,
        ))),
    }
}

/// The value without one line end, which a file often adds; `None` if nothing is left.
/// Other white space around the value is refused: it would show up as a wrong password,
/// or as an unknown host.
fn tidy(name: &str, value: &str) -> Result<Option<String>> {
    let value = value.strip_suffix('\n').unwrap_or(value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    let is_password = [PASSWORD, SENTINEL_PASSWORD].contains(&name);
    let place = if value.starts_with(char::is_whitespace) {
        "begins with"
    } else if value.ends_with(char::is_whitespace) {
        "ends with"
    } else if !is_password && value.contains(char::is_whitespace) {
        "contains"
    } else {
        return Ok(Some(value.to_owned()).filter(|v| !v.is_empty()));
    };
    let advice = match name {
        PASSWORD => "; a password with white space there goes into REDIS_URL, percent-encoded",
        _ => "",
    };
    Err(variable_error(
        name,
        format_args!("{place} white space (one line end is allowed for){advice}"),
    ))
}

/// Reads `host:port`, `host`, `:port` and `[v6]:port`.
fn server(value: &str) -> Result<(String, u16)> {
    if value.contains("://") || value.contains('@') {
        let text = "must be host:port; a URL goes into REDIS_URL";
        return Err(variable_error("REDIS_ADDR", text));
    }
    let read = split_port(value, DEFAULT_PORT);
    let (host, port) = read.map_err(|text| variable_error("REDIS_ADDR", text))?;
    let host = if host.is_empty() {
        DEFAULT_HOST.to_owned()
    } else {
        host
    };
    Ok((host, port))
}

fn variable_error(name: &str, problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Config, format!("variable {name} {problem}"))
}
