//! Redis URLs.

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion};

use super::credentials::Credentials;
use super::target::{Address, Target};
use crate::error::{Error, ErrorKind, Result};

/// The redis crate's parser reads all but the TLS schemes, which it knows only
/// together with a TLS stack of its own.
pub(super) fn parse(url: &str) -> Result<Target> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(config_error("not a URL: it has no scheme such as `redis:`"));
    };
    let scheme = scheme.to_ascii_lowercase();
    let (plain, tls) = match scheme.as_str() {
        "redis" | "valkey" | "unix" | "redis+unix" | "valkey+unix" => (scheme.as_str(), false),
        "rediss" | "valkeys" => ("redis", true),
        // The scheme may be the first half of `user:password`.
        _ => {
            let text = "not a Redis URL: the scheme must be redis, rediss, unix or redis+unix";
            return Err(config_error(text));
        }
    };
    let info = format!("{plain}:{rest}")
        .into_connection_info()
        .map_err(|e| unreadable(&scheme, &e))?;
    if tls && rest.contains('#') {
        let text = "a `#` part such as `#insecure` is not supported: the server's certificate is \
                    always verified. For a private authority set `tls_root_certificates`";
        return Err(config_error(text));
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
    let settings = info.redis_settings();
    Ok(Target {
        address,
        credentials: Credentials {
            username: settings.username().map(str::to_owned),
            password: settings.password().map(str::to_owned),
            valid_for: None,
        },
        db: settings.db(),
    })
}

/// Refuses parts behind the `?` that would be ignored in silence.
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
            let place = if scheme.ends_with("unix") {
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

/// An error without the URL: the place of the password in it is unknown where it
/// can't be parsed.
fn unreadable(scheme: &str, cause: &redis::RedisError) -> Error {
    let form = if scheme.ends_with("unix") {
        "unix:///path/to/socket?db=0&user=name&pass=secret"
    } else {
        "redis://user:password@host:port/db"
    };
    let text = cause.to_string();
    let reason = text.split(" - ").next().unwrap_or_default();
    config_error(&format!(
        "the `{scheme}:` URL can't be read: {reason}. The form is `{form}`, with `@`, `/`, `#` \
         and `?` percent-encoded in user and password"
    ))
}

fn config_error(text: &str) -> Error {
    Error::new(ErrorKind::Config, text)
}
