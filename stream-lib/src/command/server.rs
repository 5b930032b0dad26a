//! The kind of a server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::{
    InfoDict, ParsingError, RedisResult, Value, cmd, from_redis_value, from_redis_value_ref,
};

use crate::connection::{Wire, from_redis};
use crate::error::{Error, ErrorKind, Result};

/// Looks up the kind of a server at its first use (`INFO server`, else `HELLO`), and
/// warns of settings that may do harm later.
pub(crate) fn first_look(wire: &mut Wire) -> Result<()> {
    let endpoint = wire.endpoint().clone();
    if endpoint.look_at() {
        return Ok(());
    }
    look(wire).inspect_err(|e| {
        // The kind of a server doesn't change; after other errors the look is repeated.
        if !matches!(e.kind(), ErrorKind::Server | ErrorKind::Config) {
            endpoint.look_again();
        }
    })
}

fn look(wire: &mut Wire) -> Result<()> {
    let server = Server::ask(wire)?;
    log::debug!("connected to {} {}", server.name, server.version());
    match server.mode {
        Mode::Standalone => {}
        Mode::Cluster if wire.endpoint().is_in_cluster() => server.warn_of_resharding(),
        Mode::Cluster => log::warn!(
            "the server is a node of a Redis Cluster, and only streams that this very node holds \
             can be used: connect by a URL that begins with `redis-cluster://`"
        ),
        Mode::Sentinel => {
            let text = "the server is a Redis Sentinel, which holds no data: to connect to a \
                        master that it watches, begin the URL with `redis-sentinel://` and end it \
                        with `?master=` and the name of the master";
            return Err(Error::new(ErrorKind::Config, text));
        }
    }
    if !server.is_supported() {
        let text = format!(
            "{} {} is too old: stream-lib needs Redis 7.0 or Valkey",
            server.name,
            server.version()
        );
        return Err(Error::new(ErrorKind::Server, text));
    }
    warn_of_eviction(wire);
    if wire.endpoint().is_behind_sentinel() {
        warn_of_lost_writes(wire);
    }
    Ok(())
}

/// Name, version and mode of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    name: String,
    version: (u32, u32, u32),
    mode: Mode,
}

/// The mode of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Standalone,
    Cluster,
    Sentinel,
}

impl Mode {
    /// As `INFO` and `HELLO` name it.
    fn named(name: Option<&str>) -> Self {
        match name {
            Some("cluster") => Self::Cluster,
            Some("sentinel") => Self::Sentinel,
            _ => Self::Standalone,
        }
    }
}

impl Server {
    /// Asks the server. If it refuses, it counts as Redis 7.0.
    fn ask(wire: &mut Wire) -> Result<Self> {
        let known = match Self::by_info(wire)? {
            None => Self::by_hello(wire)?,
            known => known,
        };
        Ok(known.unwrap_or_else(Self::assumed))
    }

    /// `INFO server`; `None` if the server refuses, or doesn't tell.
    fn by_info(wire: &mut Wire) -> Result<Option<Self>> {
        let Some(info) = allowed(cmd("INFO").arg("server").query::<Value>(wire))? else {
            return Ok(None);
        };
        let info: InfoDict = from_redis_value(info).map_err(|e| unreadable("INFO", e))?;
        // Valkey's name of the field, unless it says that it is Redis.
        let mode = info.get::<String>("redis_mode");
        let mode = mode.or_else(|| info.get("server_mode"));
        let mode = Mode::named(mode.as_deref());
        let named = |name, field| Self::named(name, &info.get::<String>(field)?, mode);
        Ok(named("Valkey", "valkey_version").or_else(|| named("Redis", "redis_version")))
    }

    /// `HELLO`, as [`by_info`](Self::by_info).
    fn by_hello(wire: &mut Wire) -> Result<Option<Self>> {
        let Some(hello) = allowed(cmd("HELLO").query::<Value>(wire))? else {
            return Ok(None);
        };
        let hello: HashMap<String, Value> =
            from_redis_value(hello).map_err(|e| unreadable("HELLO", e))?;
        let text = |key| from_redis_value_ref::<String>(hello.get(key)?).ok();
        let name = match text("server").as_deref() {
            Some("valkey") => "Valkey",
            _ => "Redis",
        };
        let mode = Mode::named(text("mode").as_deref());
        Ok(text("version").and_then(|version| Self::named(name, &version, mode)))
    }

    fn named(name: &str, version: &str, mode: Mode) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            version: parse_version(version)?,
            mode,
        })
    }

    fn assumed() -> Self {
        Self {
            name: "Redis".to_owned(),
            version: (7, 0, 0),
            mode: Mode::Standalone,
        }
    }

    /// Whether the server crashes when a slot leaves it while a reader is blocked on a
    /// key in it.
    fn crashes_at_resharding(&self) -> bool {
        self.name == "Redis" && ((7, 2, 0)..(7, 2, 7)).contains(&self.version)
    }

    /// Logged once, though every node is looked at.
    fn warn_of_resharding(&self) {
        static IS_SAID: AtomicBool = AtomicBool::new(false);
        if self.crashes_at_resharding() && !IS_SAID.swap(true, Ordering::Relaxed) {
            log::warn!(
                "Redis {} crashes when a slot is moved to another node while a consumer waits for \
                 entries in it: upgrade to 7.2.7 or later before you reshard the cluster",
                self.version()
            );
        }
    }

    /// As `7.0.15`.
    fn version(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// Whether the version is supported: 7.0 or later.
    fn is_supported(&self) -> bool {
        self.version >= (7, 0, 0)
    }
}

/// The answer to a request that the server may refuse: for lack of permission, or because
/// the command was renamed.
fn allowed(answer: RedisResult<Value>) -> Result<Option<Value>> {
    match answer.map_err(from_redis) {
        Ok(answer) => Ok(Some(answer)),
        Err(e) => match e.kind() {
            ErrorKind::PermissionDenied | ErrorKind::Server => Ok(None),
            // The request would have written nothing.
            ErrorKind::OutcomeUnknown => Err(asking(e.of_kind(ErrorKind::Unavailable))),
            _ => Err(asking(e)),
        },
    }
}

fn asking(error: Error) -> Error {
    error.while_doing("asking the server for its version")
}

fn unreadable(command: &str, cause: ParsingError) -> Error {
    let text = format!("can't read the answer to {command}");
    Error::new(ErrorKind::Protocol, text).because(cause)
}

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((
        parts.next()??,
        parts.next()??,
        parts.next().flatten().unwrap_or(0),
    ))
}

/// Logs a warning if the server may evict whole streams when its memory is full
/// (`CONFIG GET maxmemory-policy`). Silent if it doesn't tell.
fn warn_of_eviction(wire: &mut Wire) {
    let policy = cmd("CONFIG")
        .arg("GET")
        .arg("maxmemory-policy")
        .query::<Vec<String>>(wire);
    if let Ok([_, policy]) = policy.as_deref()
        && policy.starts_with("allkeys-")
    {
        log::warn!(
            "the server's maxmemory-policy is `{policy}`: when its memory is full it deletes \
             whole streams; set `noeviction` or a `volatile-` policy"
        );
    }
}

/// Logs a warning if a master that has lost its replicas goes on taking writes
/// (`CONFIG GET min-replicas-to-write`). Silent if it doesn't tell.
fn warn_of_lost_writes(wire: &mut Wire) {
    let least = cmd("CONFIG")
        .arg("GET")
        .arg("min-replicas-to-write")
        .query::<Vec<String>>(wire);
    if let Ok([_, least]) = least.as_deref()
        && least == "0"
        && !wire.endpoint().warn_of_lost_writes()
    {
        log::warn!(
            "the master's min-replicas-to-write is 0: an old master that comes back after a \
             failover takes messages for some seconds, which are lost; set it to 1, and \
             min-replicas-max-lag to a few seconds"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_far_as_they_go() {
        assert_eq!(parse_version("7.0.15"), Some((7, 0, 15)));
        assert_eq!(parse_version("9.1"), Some((9, 1, 0)));
        assert_eq!(parse_version("255.255.255"), Some((255, 255, 255)));
        assert_eq!(parse_version("unstable"), None);
    }

    #[test]
    fn servers_that_crash_at_resharding_are_known() {
        let crashes = |name, text| {
            let server = Server::named(name, text, Mode::Cluster).unwrap();
            server.crashes_at_resharding()
        };
        for version in ["7.2.0", "7.2.6"] {
            assert!(crashes("Redis", version), "{version}");
            assert!(!crashes("Valkey", version), "{version}");
        }
        for version in ["7.0.15", "7.2.7", "8.2.3"] {
            assert!(!crashes("Redis", version), "{version}");
        }
    }
}
