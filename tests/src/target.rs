//! Finds the directory that cargo builds into.

use std::env;
use std::path::{Path, PathBuf};

/// The places that may be the target directory, most likely first.
///
/// Cargo tells a running program only indirectly: the program lies somewhere
/// under it, `CARGO_TARGET_DIR` may name it, and else it is `target` beside
/// the workspace's manifest.
pub(crate) fn directories() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(named) = env::var_os("CARGO_TARGET_DIR").filter(|named| !named.is_empty()) {
        // Relative to where cargo was called, which most often is the root.
        found.push(workspace().join(named));
    }
    if let Ok(program) = env::current_exe() {
        found.extend(
            program
                .ancestors()
                .skip(1)
                .filter(|dir| dir.join("CACHEDIR.TAG").is_file())
                .map(Path::to_path_buf),
        );
    }
    found.push(workspace().join("target"));
    found
}

/// The folder of the workspace's manifest.
pub(crate) fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}
