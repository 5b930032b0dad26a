//! Redis URLs.

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};

use super::address::{NODE_PORT, SENTINEL_PORT, host_and_port};
use super::credentials::Credentials;
use super::target::{Address, Place, Target};
use crate::error::{Error, ErrorKind, Result};

const NO_FRAGMENT: &str = "a `#` part such as `#insecure` is not supported: the server's certificate \
                           is always verified. For a private authority set `tls_root_certificates`";

/// The redis crate's parser reads all but the TLS schemes, which it knows only
/// together with a TLS stack of its own.
pub(super) fn parse(url: &str) -> Result<Target> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(config_error("not a URL: it has no scheme such as `redis:`"));
    };
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "redis-sentinel" | "valkey-sentinel" => return sentinels(&scheme, rest, false),
        "rediss-sentinel" | "valkeys-sentinel" => return sentinels(&scheme, rest, true),
        "redis-cluster" | "valkey-cluster" => return cluster(&scheme, rest, false),
        "rediss-cluster" | "valkeys-cluster" => return cluster(&scheme, rest, true),
        _ => {}
    }
    let (plain, tls) = match scheme.as_str() {
        "redis" | "valkey" | "unix" | "redis+unix" | "valkey+unix" => (scheme.as_str(), false),
        "rediss" | "valkeys" => ("redis", true),
        // The scheme may be the first half of `user:password`.
        _ => {
            let text = "not a Redis URL: the scheme must be redis, rediss, unix, redis+unix, redis-sentinel, \
                        rediss-sentinel, redis-cluster or rediss-cluster";
            return Err(config_error(text));
        }
    };
    let info = format!("{plain}:{rest}")
        .into_connection_info()
        .map_err(|e| unreadable(&scheme, &e))?;
    if tls && rest.contains('#') {
        return Err(config_error(NO_FRAGMENT));
    }
    if info.redis_settings().protocol() != ProtocolVersion::RESP2 {
        return Err(config_error("`protocol` in the URL: only RESP2 is spoken"));
    }
    refuse_unknown_parts(rest, &scheme)?;
    let address = match info.addr() {
        ConnectionAddr::Tcp(host, port) => Address::Tcp {
            host: host.clone(),
            port: *port,
            tls,
        },
        ConnectionAddr::Unix(path) => Address::Unix(path.clone()),
        _ => return Err(config_error("an address of this kind is not supported")),
    };
    Ok(target(Place::Server(address), info.redis_settings()))
}

fn target(place: Place, settings: &RedisConnectionInfo) -> Target {
    Target {
        credentials: Credentials {
            username: settings.username().map(str::to_owned),
            password: settings.password().map(str::to_owned),
            valid_for: None,
        },
        db: settings.db(),
        ..Target::at(place)
    }
}

/// Reads `//[user:password@]host[:port],…[/db]?master=name`.
fn sentinels(scheme: &str, rest: &str, tls: bool) -> Result<Target> {
    let list = List::read(scheme, rest, "host:port,host:port/db?master=name")?;
    let place = Place::Sentinels {
        master: master(list.query).map_err(|problem| list.wrong(problem))?,
        addresses: list.addresses(SENTINEL_PORT)?,
        tls,
    };
    Ok(target(place, &list.settings()?))
}

/// Reads `//[user:password@]host[:port],…[/0]`.
fn cluster(scheme: &str, rest: &str, tls: bool) -> Result<Target> {
    let list = List::read(scheme, rest, "host:port,host:port")?;
    if !list.query.is_empty() {
        return Err(list.wrong("nothing may stand behind a `?`"));
    }
    let place = Place::Cluster {
        addresses: list.addresses(NODE_PORT)?,
        tls,
    };
    Ok(target(place, &list.settings()?))
}

/// The parts of a URL with several hosts.
struct List<'u> {
    scheme: &'u str,
    /// The form of the part after the password.
    form: &'static str,
    user: String,
    hosts: &'u str,
    db: &'u str,
    query: &'u str,
}

impl<'u> List<'u> {
    fn read(scheme: &'u str, rest: &'u str, form: &'static str) -> Result<Self> {
        let mut list = Self {
            scheme,
            form,
            user: String::new(),
            hosts: "",
            db: "",
            query: "",
        };
        if rest.contains('#') {
            return Err(config_error(NO_FRAGMENT));
        }
        let rest = rest.strip_prefix("//");
        let rest = rest.ok_or_else(|| list.wrong("`//` is missing after the scheme"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, db) = rest.split_once('/').unwrap_or((rest, ""));
        (list.query, list.db, list.hosts) = (query, db, authority);
        if let Some((user, hosts)) = authority.rsplit_once('@') {
            (list.user, list.hosts) = (format!("{user}@"), hosts);
        }
        Ok(list)
    }

    fn addresses(&self, default_port: u16) -> Result<Vec<(String, u16)>> {
        let addresses = self.hosts.split(',').map(|host| {
            // The text may quote a part of a password that wasn't encoded.
            host_and_port(host, default_port).map_err(|_| self.wrong("an address is not host:port"))
        });
        addresses.collect()
    }

    /// User, password and database: the same as with one host.
    fn settings(&self) -> Result<RedisConnectionInfo> {
        let info = format!("redis://{}host/{}", self.user, self.db).into_connection_info();
        let info = info.map_err(|e| self.wrong(reason(&e.to_string())))?;
        Ok(info.redis_settings().clone())
    }

    fn wrong(&self, problem: &str) -> Error {
        let (scheme, form) = (self.scheme, self.form);
        config_error(&format!(
            "the `{scheme}:` URL can't be read: {problem}. The form is \
             `{scheme}://user:password@{form}`, with `@`, `/`, `#` and `?` percent-encoded in user \
             and password"
        ))
    }
}

/// The name of the master, the only parameter after the `?`.
fn master(query: &str) -> std::result::Result<String, &'static str> {
    let mut found = None;
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("master", name)) if !name.is_empty() && found.is_none() => found = Some(name),
            Some(("master", _)) => return Err("`master` has to be named once"),
            _ => return Err("only `master` may stand behind the `?`"),
        }
    }
    let found = found.ok_or("`?master=` has to name the master")?;
    // Percent-encoding means the same as in a password.
    let decoded = format!("redis://:{found}@host").into_connection_info();
    let decoded = decoded.map_err(|_| "the name of the master is not percent-encoded")?;
    let name = decoded.redis_settings().password().map(str::to_owned);
    name.ok_or("`?master=` has to name the master")
}

/// Refuses parts after the `?` that would be ignored.
fn refuse_unknown_parts(rest: &str, scheme: &str) -> Result<()> {
    let known: &[&str] = if scheme.ends_with("unix") {
        &["db", "user", "pass", "protocol"]
    } else {
        &["protocol"]
    };
    let query = rest.split('#').next().unwrap_or_default();
    let Some((_, query)) = query.split_once('?') else {
        return Ok(());
    };
    let names = query
        .split('&')
        .map(|part| part.split('=').next().unwrap_or_default());
    for name in names.filter(|name| !name.is_empty()) {
        if !known.contains(&name) {
            let place = if name == "master" {
                "a master is named by `redis-sentinel://` URLs"
            } else if scheme.ends_with("unix") {
                "`db`, `user` and `pass` may stand behind the `?`"
            } else {
                "the database stands behind the host, as in redis://host:port/2"
            };
            return Err(config_error(&format!(
                "the `{scheme}:` URL has a `?` part that means nothing here: {place}"
            )));
        }
    }
    Ok(())
}

/// An error without the URL: if it can't be parsed, the place of the password is unknown.
fn unreadable(scheme: &str, cause: &redis::RedisError) -> Error {
    let form = if scheme.ends_with("unix") {
        "unix:///path/to/socket?db=0&user=name&pass=secret"
    } else {
        "redis://user:password@host:port/db"
    };
    let text = cause.to_string();
    let reason = reason(&text);
    config_error(&format!(
        "the `{scheme}:` URL can't be read: {reason}. The form is `{form}`, with `@`, `/`, `#` \
         and `?` percent-encoded in user and password"
    ))
}

/// The reason that the redis crate gives, without any part of the URL.
fn reason(text: &str) -> &str {
    text.split(" - ").next().unwrap_or_default()
}

fn config_error(text: &str) -> Error {
    Error::new(ErrorKind::Config, text)
}
