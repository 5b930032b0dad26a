//! Finds the directory that cargo builds into, and cargo's profile and target.
//!
//! Cargo tells a running program none of them, but the program's own path does:
//! `TARGET/[TRIPLE/]PROFILE/deps/PROGRAM`.

use std::env;
use std::path::{Path, PathBuf};

/// The directory for servers in the user's cache, if the target directory can't be
/// written.
const IN_CACHE: &str = "stream-tests/server";

/// The places where `make server` may keep a server, most likely first.
pub(crate) fn server_directories() -> Vec<PathBuf> {
    let mut targets = Vec::new();
    targets.extend(Place::of_this_program().map(|place| place.target_dir));
    for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"] {
        if let Some(named) = variable(name) {
            // Relative to where cargo was called, which most often is the root.
            targets.push(workspace().join(named));
        }
    }
    targets.push(workspace().join("target"));
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    targets
        .into_iter()
        .map(|target| target.join("server"))
        .chain(cache.map(|cache| cache.join(IN_CACHE)))
        .collect()
}

/// The folder of the workspace's manifest.
pub(crate) fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

fn variable(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// The place of a program that cargo has built, which shows the profile and the target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    target_dir: PathBuf,
    triple: Option<String>,
    profile: String,
}

impl Place {
    /// The place of the running program; none where it was moved away from
    /// where cargo has put it.
    pub(crate) fn of_this_program() -> Option<Self> {
        Self::of(&env::current_exe().ok()?)
    }

    fn of(program: &Path) -> Option<Self> {
        let folder = program
            .ancestors()
            .skip(1)
            .take(5)
            .find(|folder| is_of_a_profile(folder))?;
        is_layout(program.strip_prefix(folder).ok()?.parent()?).then_some(())?;
        let parent = folder.parent()?;
        let (target_dir, triple) = match parent.parent() {
            Some(above) if is_of_a_triple(parent) => (above, Some(name_of(parent)?)),
            _ => (parent, None),
        };
        // The folder of this one profile is not called like it.
        let profile = match name_of(folder)?.as_str() {
            "debug" => "dev".to_owned(),
            other => other.to_owned(),
        };
        Some(Self {
            target_dir: target_dir.to_path_buf(),
            triple,
            profile,
        })
    }

    /// The arguments with which cargo builds with the same profile into the same folder.
    pub(crate) fn arguments(&self) -> Vec<PathBuf> {
        let mut out = vec!["--target-dir".into(), self.target_dir.clone()];
        out.extend(["--profile".into(), PathBuf::from(&self.profile)]);
        if let Some(triple) = &self.triple {
            out.extend(["--target".into(), PathBuf::from(triple)]);
        }
        out
    }
}

/// Folders of cargo in the folder of a profile, in its old and its new layout.
fn is_of_a_profile(folder: &Path) -> bool {
    [".fingerprint", ".cargo-lock", ".cargo-build-lock"]
        .iter()
        .any(|name| folder.join(name).exists())
}

/// The folders from that of the profile to the program: none for a program
/// that users run, `deps` for a test, `examples` for an example of a package.
/// In the layout to which cargo moves, a test lies in `build/PACKAGE/HASH/out`.
fn is_layout(folders: &Path) -> bool {
    let folders: Vec<_> = folders.iter().filter_map(|part| part.to_str()).collect();
    matches!(
        folders.as_slice(),
        [] | ["deps" | "examples"] | ["build", _, _, "out"]
    )
}

/// Whether a folder is that of a triple in a target directory, and not the
/// target directory. `CACHEDIR.TAG` is no help: cargo puts it in both, and in
/// neither if it has not made them.
fn is_of_a_triple(folder: &Path) -> bool {
    let cache = ".rustc_info.json";
    let parent = folder.parent();
    !folder.join(cache).is_file() && parent.is_some_and(|parent| parent.join(cache).is_file())
}

fn name_of(folder: &Path) -> Option<String> {
    Some(folder.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A target directory as cargo leaves it, without a `CACHEDIR.TAG`, as it
    /// is where something else made it first.
    fn built(profile: &str) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        fs::create_dir_all(target.join(profile)).unwrap();
        fs::write(target.join(profile).join(".cargo-lock"), "").unwrap();
        fs::write(target.join(".rustc_info.json"), "{}").unwrap();
        root
    }

    fn place(profile: &str, test: &str) -> Option<(PathBuf, Option<String>, String)> {
        let root = built(profile);
        let place = Place::of(&root.path().join(test))?;
        let target = place.target_dir.strip_prefix(root.path()).unwrap();
        Some((target.to_path_buf(), place.triple, place.profile))
    }

    fn target() -> PathBuf {
        PathBuf::from("target")
    }

    #[test]
    fn profile_and_triple_are_read_from_the_path_of_the_test() {
        let dev = Some((target(), None, "dev".to_owned()));
        assert_eq!(place("debug", "target/debug/deps/it-0f"), dev);
        assert_eq!(place("debug", "target/debug/build/tests/0f/out/it-0f"), dev);
        assert_eq!(
            place("release", "target/release/soak"),
            Some((target(), None, "release".into()))
        );
        let musl = "x86_64-unknown-linux-musl";
        assert_eq!(
            place(
                "x86_64-unknown-linux-musl/ci",
                "target/x86_64-unknown-linux-musl/ci/deps/it-0f"
            ),
            Some((target(), Some(musl.into()), "ci".into()))
        );
    }

    #[test]
    fn a_program_that_was_moved_has_no_place() {
        assert_eq!(place("debug", "it"), None);
        assert_eq!(place("debug", "target/it"), None);
        assert_eq!(place("debug", "target/debug/other/it"), None);
        assert_eq!(place("debug", "deps/it"), None);
    }

    #[test]
    fn a_test_that_cargo_runs_has_a_place() {
        // Cargo sets it for what it runs; by hand, a test may run from anywhere.
        if env::var_os("CARGO").is_none() {
            return;
        }
        let place = Place::of_this_program().unwrap();
        assert!(place.target_dir.is_dir(), "{place:?}");
        assert!(env::current_exe().unwrap().starts_with(&place.target_dir));
    }
}
