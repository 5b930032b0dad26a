//! Finds a server program.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::ServerError;
use crate::target;

const NAMES: [&str; 2] = ["redis-server", "valkey-server"];

/// The oldest version whose streams behave as this workspace expects.
const OLDEST_MAJOR: u32 = 7;

/// The server program of this machine: what `STREAM_TEST_SERVER` names, else
/// the first in `PATH`, else what `make server` has kept. Looked for once per
/// process.
pub(super) fn find() -> Result<PathBuf, ServerError> {
    static FOUND: OnceLock<Result<PathBuf, Vec<String>>> = OnceLock::new();
    FOUND
        .get_or_init(|| match env::var_os("STREAM_TEST_SERVER") {
            Some(named) if !named.is_empty() => first_usable(&[target::workspace().join(named)])
                .map_err(|mut looked| {
                    looked.push("STREAM_TEST_SERVER is set, so nothing else was tried".into());
                    looked
                }),
            _ => first_usable(&candidates()),
        })
        .clone()
        .map_err(|looked| ServerError::NotFound { looked })
}

fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).collect::<Vec<_>>();
    in_path
        .into_iter()
        .chain(target::server_directories())
        .flat_map(|dir| NAMES.map(|name| dir.join(name)))
        .collect()
}

/// The first candidate that runs and is new enough, or the problems of all.
fn first_usable(candidates: &[PathBuf]) -> Result<PathBuf, Vec<String>> {
    let mut looked = Vec::new();
    let mut missing = 0_usize;
    for candidate in candidates {
        if !candidate.is_file() {
            missing += 1;
            continue;
        }
        match major_version(candidate) {
            Ok(major) if major >= OLDEST_MAJOR => return Ok(candidate.clone()),
            Ok(major) => looked.push(format!("{} has version {major}", candidate.display())),
            Err(why) => looked.push(format!("{} {why}", candidate.display())),
        }
    }
    looked.push(match candidates {
        [only] if missing == 1 => format!("{} does not exist", only.display()),
        _ => format!("{missing} places in PATH and under the target directory have none"),
    });
    Err(looked)
}

fn major_version(binary: &Path) -> Result<u32, String> {
    let output = Command::new(binary)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("can't be run: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_major(&text).ok_or_else(|| "tells no version".to_owned())
}

/// `Redis server v=7.0.15 sha=…` and `Valkey server v=9.1.2 sha=…`.
fn parse_major(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(" v=")?;
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_redis_and_valkey_are_read() {
        assert_eq!(
            parse_major("Redis server v=7.0.15 sha=0:0 bits=64"),
            Some(7)
        );
        assert_eq!(parse_major("Valkey server v=9.1.2 sha=0:1"), Some(9));
        assert_eq!(parse_major("busybox"), None);
    }

    #[test]
    fn a_missing_program_is_named_with_what_to_do() {
        let looked = first_usable(&[PathBuf::from("/nowhere/redis-server")]).unwrap_err();
        let text = ServerError::NotFound { looked }.to_string();
        assert!(
            text.contains("/nowhere/redis-server does not exist"),
            "{text}"
        );
        assert!(text.contains("make server"), "{text}");
    }

    #[test]
    fn a_program_of_another_kind_is_passed_over() {
        let looked = first_usable(&[PathBuf::from("/bin/true")]).unwrap_err();
        assert!(looked.join(";").contains("tells no version"), "{looked:?}");
    }
}
