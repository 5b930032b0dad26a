//! Builds the programs of the `examples` crate, once per test process.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::target::{self, Place};

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
    if let Some(place) = Place::of_this_program() {
        command.args(place.arguments());
    }
    // Variables that cargo has set for the running test must not reach the build scripts
    // of the crates below: some would run again, and all would be built again.
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
