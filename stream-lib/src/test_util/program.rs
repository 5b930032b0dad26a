//! Finds a server program.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAMES: [&str; 2] = ["redis-server", "valkey-server"];

/// The oldest major version that this library works with.
const OLDEST: u32 = 7;

/// The result of a search for a server program.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Program(PathBuf),
    /// There is none, and `STREAM_TEST_SERVER` names none.
    Nothing,
    /// `STREAM_TEST_SERVER` names a program that can't be used, for this reason.
    Unusable(String),
}

/// The program that `STREAM_TEST_SERVER` names, else the first in `PATH` that is
/// new enough.
pub(super) fn find() -> Found {
    let named = env::var_os("STREAM_TEST_SERVER").filter(|name| !name.is_empty());
    let path = env::var_os("PATH").unwrap_or_default();
    let directories: Vec<_> = env::split_paths(&path).collect();
    find_in(named.map(PathBuf::from), &directories)
}

fn find_in(named: Option<PathBuf>, directories: &[PathBuf]) -> Found {
    if let Some(named) = named {
        return match usable(&named) {
            Ok(()) => Found::Program(named),
            Err(why) => Found::Unusable(format!("STREAM_TEST_SERVER={} {why}", named.display())),
        };
    }
    let candidates = directories
        .iter()
        .flat_map(|dir| NAMES.map(|name| dir.join(name)));
    let mut there = candidates.filter(|path| path.is_file());
    match there.find(|path| usable(path).is_ok()) {
        Some(program) => Found::Program(program),
        None => Found::Nothing,
    }
}

fn usable(program: &Path) -> Result<(), String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("can't be run: {e}"))?;
    match major_version(&String::from_utf8_lossy(&output.stdout)) {
        Some(version) if version >= OLDEST => Ok(()),
        Some(version) => Err(format!("has version {version}, and {OLDEST} is the oldest")),
        None => Err("tells no version".to_owned()),
    }
}

/// `Redis server v=7.0.15 sha=…`, `Valkey server v=9.1.2 sha=…`.
fn major_version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(" v=")?;
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_redis_and_valkey_are_read() {
        let redis = "Redis server v=7.0.15 sha=0:0 bits=64";
        assert_eq!(major_version(redis), Some(7));
        assert_eq!(major_version("Valkey server v=9.1.2 sha=0:1"), Some(9));
        assert_eq!(major_version("busybox"), None);
    }

    #[test]
    fn a_named_program_that_is_none_is_told_and_not_passed_over() {
        let named = PathBuf::from("/nowhere/redis-server");
        let Found::Unusable(why) = find_in(Some(named), &[]) else {
            panic!("taken for a server");
        };
        assert!(why.contains("/nowhere/redis-server can't be run"), "{why}");
        assert_eq!(find_in(None, &[PathBuf::from("/nowhere")]), Found::Nothing);
    }
}
