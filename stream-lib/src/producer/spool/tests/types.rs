//! The types that are kept beside the messages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{ErrorKind, append, in_new_directory, kind, open};
use crate::message::schema::SchemaText;

fn text(name: &str) -> SchemaText {
    SchemaText::read(&format!(r#"{{"name":"{name}"}}"#)).unwrap()
}

fn names(types: &[SchemaText]) -> Vec<String> {
    types.iter().map(SchemaText::name).collect()
}

#[test]
fn types_are_kept_once_for_later_lives_until_they_are_forgotten() {
    let (directory, spool) = in_new_directory();
    assert!(spool.kept_types().is_empty());
    spool.keep_types(&[]).unwrap();
    let file = directory.path().join("spool/spool.types");
    assert!(!file.exists(), "there is nothing to keep");
    spool.keep_types(&[text("Card")]).unwrap();
    drop(spool);
    let spool = open(&directory.path().join("spool"));
    spool.keep_types(&[text("Account"), text("Card")]).unwrap();
    assert_eq!(spool.kept_types(), [text("Card"), text("Account")]);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    spool.forget_types();
    assert!(spool.kept_types().is_empty() && !file.exists());
    spool.forget_types();
}

#[test]
fn the_latest_types_are_kept() {
    let (_directory, spool) = in_new_directory();
    let all: Vec<_> = (0..150).map(|n| text(&format!("T{n}"))).collect();
    spool.keep_types(&all).unwrap();
    let kept = names(&spool.kept_types());
    assert_eq!((kept.len(), kept[0].as_str()), (100, "T50"));
}

#[test]
fn damaged_lines_hide_no_others() {
    let (directory, spool) = in_new_directory();
    spool.keep_types(&[text("Card"), text("Account")]).unwrap();
    drop(spool);
    let path = directory.path().join("spool");
    let lines = fs::read_to_string(path.join("spool.types")).unwrap();
    let damaged = format!("{{\"na\n{lines}[1]\n\n{}", &lines[..9]);
    fs::write(path.join("spool.types"), damaged).unwrap();
    fs::write(path.join("spool.types.new"), "half").unwrap();
    let spool = open(&path);
    assert!(!path.join("spool.types.new").exists());
    assert_eq!(names(&spool.kept_types()), ["Card", "Account"]);
    fs::write(path.join("spool.types"), [0xff, 0xfe]).unwrap();
    assert!(spool.kept_types().is_empty(), "a warning");
    spool.keep_types(&[text("Card")]).unwrap();
    assert_eq!(names(&spool.kept_types()), ["Card"]);
}

#[test]
fn a_disk_that_takes_no_types_is_an_error() {
    let (directory, spool) = in_new_directory();
    append(&spool, &["a"]).unwrap();
    let in_the_way: PathBuf = directory.path().join("spool/spool.types.new");
    fs::create_dir(in_the_way).unwrap();
    assert_eq!(kind(spool.keep_types(&[text("Card")])), ErrorKind::System);
    assert_eq!(spool.len(), 1);
}
