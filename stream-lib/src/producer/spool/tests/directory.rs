//! The ownership of the directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::super::SpoolOptions;
use super::{ErrorKind, OPTIONS, Spool, append, in_new_directory, kind, open, texts};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn directory_and_files_are_private() {
    let (directory, _spool) = in_new_directory();
    let path = directory.path().join("spool");
    assert_eq!(mode(&path), 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn directory_that_was_there_becomes_private_unless_others_use_it() {
    let directory = TempDir::new().unwrap();
    let (empty, shared) = (directory.path().join("e"), directory.path().join("s"));
    for path in [&empty, &shared] {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(shared.join("else"), "").unwrap();
    let spools = [open(&empty), open(&shared)];
    assert_eq!((mode(&empty), mode(&shared)), (0o700, 0o755));
    drop(spools);
}

#[test]
fn second_spool_in_a_directory_is_refused_by_name_and_takes_over_later() {
    let (directory, spool) = in_new_directory();
    append(&spool, &["a"]).unwrap();
    let path = directory.path().join("spool");
    let error = Spool::open(&path, OPTIONS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let owner = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&owner), "{error}");
    append(&spool, &["b"]).unwrap();
    drop(spool);
    assert_eq!(texts(&open(&path)), ["a", "b"]);
}

#[test]
fn spool_of_another_stream_is_refused_and_left_alone() {
    let (directory, spool) = in_new_directory();
    append(&spool, &["a"]).unwrap();
    drop(spool);
    let path = directory.path().join("spool");
    let other = SpoolOptions {
        stream: "payments",
        ..OPTIONS
    };
    let error = Spool::open(&path, other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`orders`"), "{error}");
    let spool = open(&path);
    assert_eq!(texts(&spool), ["a"]);
    assert!(spool.damages().is_empty());
}

#[test]
fn place_that_can_not_be_written_is_a_clear_error() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    // Root may write everywhere, but no user can make a directory in a file.
    let error = Spool::open(&file.join("spool"), OPTIONS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::System);
    assert!(error.to_string().contains("file/spool"), "{error}");
    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(closed.join("probe"), "").is_err() {
        assert_eq!(kind(Spool::open(&closed, OPTIONS)), ErrorKind::System);
    }
}

#[test]
fn impossible_mark_renames_what_was_not_sent_and_no_more() {
    let (directory, spool) = in_new_directory();
    append(&spool, &["a"]).unwrap();
    assert!(!spool.meet("").unwrap());
    let old = spool.id();
    drop(spool);
    // A life that never meets Redis, and one that does.
    let path = directory.path().join("spool");
    append(&open(&path), &["b"]).unwrap();
    let spool = open(&path);
    append(&spool, &["c"]).unwrap();
    let of_the_copy = spool.peek_oldest(2, u64::MAX).unwrap()[1].sequence;
    assert!(spool.meet(&of_the_copy.to_string()).unwrap());
    let new = spool.id();
    append(&spool, &["d"]).unwrap();
    let names = |spool: &Spool| -> Vec<_> {
        let records = spool.peek_oldest(9, u64::MAX).unwrap();
        records.into_iter().map(|record| record.spool).collect()
    };
    assert_ne!(new, old);
    assert_eq!(names(&spool), [old, new, new, new]);
    drop(spool);
    let spool = open(&path);
    assert_eq!((spool.id(), names(&spool)), (new, vec![old, new, new, new]));
    assert_eq!(texts(&spool), ["a", "b", "c", "d"]);
}

#[test]
fn mark_of_a_life_that_may_have_sent_is_no_surprise() {
    let (directory, spool) = in_new_directory();
    let id = spool.id();
    assert!(!spool.meet("").unwrap());
    let sent = spool.turn(1).unwrap().first().to_string();
    drop(spool);
    let path = directory.path().join("spool");
    drop(open(&path));
    let spool = open(&path);
    assert!(!spool.meet(&sent).unwrap());
    assert_eq!(spool.id(), id);
}

#[test]
fn unfinished_file_of_a_dead_process_is_no_obstacle() {
    let (directory, spool) = in_new_directory();
    append(&spool, &["a"]).unwrap();
    drop(spool);
    let path = directory.path().join("spool");
    fs::write(path.join("spool.redb.new"), "half").unwrap();
    let spool = open(&path);
    assert_eq!(texts(&spool), ["a"]);
    assert!(!path.join("spool.redb.new").exists());
}
