//! The scripts of the project.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_script_names_its_shell_which_can_read_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut scripts: Vec<PathBuf> = fs::read_dir(root.join("scripts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(scripts.len() >= 3, "{scripts:?}");
    scripts.extend(
        fs::read_dir(root.join(".ci"))
            .unwrap()
            .map(|e| e.unwrap().path()),
    );
    for script in scripts {
        let text = fs::read_to_string(&script).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let shell = first.strip_prefix("#!").unwrap_or_else(|| {
            panic!("{} begins with `{first}`", script.display());
        });
        let mode = fs::metadata(&script).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{} can't be run", script.display());
        let mut words = shell.split_whitespace();
        let read = Command::new(words.next().unwrap())
            .args(words)
            .arg("-n")
            .arg(&script)
            .output()
            .unwrap();
        assert!(read.status.success(), "{}: {read:?}", script.display());
    }
}
