//! What kind of server this is.

use redis::{InfoDict, Value, cmd, from_redis_value};

use crate::connection::{Wire, from_redis};
use crate::error::{Error, ErrorKind, Result};

/// Name and version of a server (`INFO server`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) name: String,
    version: (u32, u32, u32),
}

impl Server {
    /// Asks the server. One that doesn't let us ask counts as Redis 7.0.
    pub(crate) fn ask(wire: &mut Wire) -> Result<Self> {
        let info = cmd("INFO").arg("server").query::<Value>(wire);
        let info = match info.map_err(from_redis) {
            Ok(info) => info,
            Err(e) if e.kind() == ErrorKind::PermissionDenied => return Ok(Self::assumed()),
            Err(e) => return Err(e),
        };
        let info: InfoDict = from_redis_value(info).map_err(|e| {
            Error::new(ErrorKind::Protocol, "can't read the answer to INFO").because(e)
        })?;
        let named = |name: &str, field: &str| {
            let version = info.get::<String>(field)?;
            Some(Self {
                name: name.to_owned(),
                version: parse_version(&version)?,
            })
        };
        Ok(named("Valkey", "valkey_version")
            .or_else(|| named("Redis", "redis_version"))
            .unwrap_or_else(Self::assumed))
    }

    fn assumed() -> Self {
        Self {
            name: "Redis".to_owned(),
            version: (7, 0, 0),
        }
    }

    /// As `7.0.15`.
    pub(crate) fn version(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// The oldest servers that this library has been tried on.
    pub(crate) fn is_supported(&self) -> bool {
        self.version >= (7, 0, 0)
    }
}

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((
        parts.next()??,
        parts.next()??,
        parts.next().flatten().unwrap_or(0),
    ))
}

/// Logs a warning where the server may evict whole streams when its memory is
/// full (`CONFIG GET maxmemory-policy`). Silent where it won't say.
pub(crate) fn warn_of_eviction(wire: &mut Wire) {
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
}
