//! The program `orders` of the first version, built once and kept.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The last commit of the first wave.
const COMMIT: &str = "73ddae955e737fd4aa51108eefd7a80214e476a7";

/// A program that is taken instead.
const GIVEN: &str = "STREAM_FIRST_WAVE";

/// The path of the program; `None`, said aloud, where this source tree comes
/// without the history that it is built from.
#[track_caller]
pub(crate) fn orders() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(find).as_deref()
}

fn find() -> Option<PathBuf> {
    if let Some(given) = env::var_os(GIVEN) {
        return Some(given.into());
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-wave");
    let kept = home.join(format!("orders-{COMMIT}"));
    if kept.is_file() {
        return Some(kept);
    }
    let known = git().args(["cat-file", "-e", COMMIT]).output();
    match known {
        Ok(known) if known.status.success() => {}
        known => {
            let why = known.map_or_else(
                |e| e.to_string(),
                |known| String::from_utf8_lossy(&known.stderr).into_owned(),
            );
            println!(
                "\nSKIPPED: there is no commit {COMMIT} to build the first version from (an \
                 archive, or a shallow clone?): clone the whole repository, or name its program \
                 `orders` in {GIVEN}. git says: {}",
                why.trim()
            );
            return None;
        }
    }
    build(&home, &kept);
    Some(kept)
}

/// Builds the program into `kept`, with the versions that its own lock file has.
fn build(home: &Path, kept: &Path) {
    println!("\nbuilding the first version, once: this takes minutes");
    let source = home.join("source");
    let target = home.join("target");
    let archive = home.join("source.tar");
    let _ = fs::remove_dir_all(&source);
    fs::create_dir_all(&source).unwrap();
    run(git()
        .args(["archive", "--format", "tar", "--output"])
        .arg(&archive)
        .arg(COMMIT));
    run(Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(&source));
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    // What cargo has set for this test must not reach the build scripts there.
    for (name, _) in env::vars_os() {
        let is_set_by_cargo = |name: &str| {
            let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
            prefixes.iter().any(|prefix| name.starts_with(prefix))
                || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&name)
        };
        if name.to_str().is_some_and(is_set_by_cargo) {
            command.env_remove(name);
        }
    }
    run(command
        .current_dir(&source)
        .args(["build", "--locked", "--package", "stream-examples"])
        .args(["--bin", "orders", "--target-dir"])
        .arg(&target));
    // Whole or not at all.
    let new = home.join("new");
    fs::copy(target.join("debug/orders"), &new).unwrap();
    fs::rename(&new, kept).unwrap();
    for rest in [source, target] {
        let _ = fs::remove_dir_all(rest);
    }
    let _ = fs::remove_file(archive);
}

fn git() -> Command {
    let mut git = Command::new("git");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    git.arg("-C").arg(tests.parent().unwrap_or(tests));
    git
}

#[track_caller]
fn run(command: &mut Command) {
    let status = command.status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "{command:?}: {status:?}"
    );
}
