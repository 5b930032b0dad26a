//! Builds the programs of the `examples` crate, once per test process.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::target;

type Built = Result<BTreeMap<String, PathBuf>, String>;

/// The path of one program.
#[track_caller]
pub(super) fn path(name: &str) -> &'static Path {
    static BUILT: OnceLock<Built> = OnceLock::new();
    match BUILT.get_or_init(build) {
        Ok(programs) => match programs.get(name) {
            Some(path) => path,
            None => panic!("no example `{name}` among {:?}", programs.keys()),
        },
        Err(e) => panic!("the examples don't build: {e}"),
    }
}

fn build() -> Built {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command
        .current_dir(target::workspace())
        .args(["build", "--package", "stream-examples", "--bins"])
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null());
    if let Some(place) = env::current_exe().ok().as_deref().and_then(Place::of) {
        command.args(place.arguments());
    }
    // What cargo set for the running test must not reach the build scripts of
    // the crates below: some would run again, and all be built again.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_this_crate) {
            command.env_remove(name);
        }
    }
    let output = command.output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

/// Where cargo has put the running test, which tells what it was told.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    target_dir: PathBuf,
    triple: Option<String>,
    profile: String,
}

impl Place {
    /// `TARGET/[TRIPLE/]PROFILE/deps/TEST`, or a program beside `deps`, where
    /// cargo has marked `TARGET` with a `CACHEDIR.TAG`.
    fn of(test: &Path) -> Option<Self> {
        let is_marked = |dir: &&Path| dir.join("CACHEDIR.TAG").is_file();
        let target_dir = test.ancestors().skip(1).find(is_marked)?;
        Self::within(target_dir, test)
    }

    fn within(target_dir: &Path, test: &Path) -> Option<Self> {
        let folder = test.parent()?.strip_prefix(target_dir).ok()?;
        let folders: Vec<&str> = folder.iter().filter_map(|part| part.to_str()).collect();
        let (triple, profile) = match folders.as_slice() {
            [profile, "deps"] | [profile] => (None, *profile),
            [triple, profile, "deps"] => (Some((*triple).to_owned()), *profile),
            _ => return None,
        };
        // The folder of two profiles is not called like them.
        let profile = match profile {
            "debug" => "dev",
            other => other,
        };
        Some(Self {
            target_dir: target_dir.to_path_buf(),
            triple,
            profile: profile.to_owned(),
        })
    }

    fn arguments(&self) -> Vec<PathBuf> {
        let mut out = vec!["--target-dir".into(), self.target_dir.clone()];
        out.extend(["--profile".into(), PathBuf::from(&self.profile)]);
        if let Some(triple) = &self.triple {
            out.extend(["--target".into(), PathBuf::from(triple)]);
        }
        out
    }
}

fn is_of_this_crate(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
        || [
            "CARGO",
            "CARGO_CRATE_NAME",
            "CARGO_PRIMARY_PACKAGE",
            "OUT_DIR",
        ]
        .contains(&variable)
}

/// The executables among cargo's messages, by name.
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    messages
        .lines()
        .filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let path = PathBuf::from(message.get("executable")?.as_str()?);
            let name = message.get("target")?.get("name")?.as_str()?;
            Some((name.to_owned(), path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(test: &str) -> Option<(Option<String>, String)> {
        Place::within(Path::new("/w/target"), Path::new(test)).map(|p| (p.triple, p.profile))
    }

    #[test]
    fn profile_and_triple_are_read_from_the_path_of_the_test() {
        assert_eq!(
            place("/w/target/debug/deps/it-0f"),
            Some((None, "dev".into()))
        );
        assert_eq!(
            place("/w/target/x86_64-unknown-linux-musl/release/deps/it-0f"),
            Some((Some("x86_64-unknown-linux-musl".into()), "release".into()))
        );
        assert_eq!(
            place("/w/target/release/soak"),
            Some((None, "release".into()))
        );
        assert_eq!(place("/tmp/rustdoctest/it"), None);
    }

    #[test]
    fn the_running_test_lies_in_a_target_directory() {
        let place = Place::of(&env::current_exe().unwrap()).unwrap();
        assert!(place.target_dir.is_dir(), "{place:?}");
    }

    #[test]
    fn executables_are_those_with_a_path() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"a\"},\"executable\":null}\n",
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"b\"},\"executable\":\"/t/b\"}\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        let found = executables(messages);
        assert_eq!(found.len(), 1);
        assert_eq!(found["b"], Path::new("/t/b"));
    }
}
