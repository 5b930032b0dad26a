//! Messages that are set aside.

use std::fs;

use super::super::SpoolOptions;
use super::{ErrorKind, OPTIONS, Spool, append, in_new_directory, kind, open, refused, texts};

#[test]
fn refused_message_gets_a_file_that_later_lives_count() {
    let (directory, spool) = in_new_directory();
    let path = directory.path().join("spool");
    append(&spool, &["a", "b", "c"]).unwrap();
    let first = &spool.peek_oldest(1, u64::MAX).unwrap()[0];
    let file = spool.set_aside(first, b"contents").unwrap();
    assert_eq!(texts(&spool), ["b", "c"]);
    assert_eq!(fs::read(&file).unwrap(), b"contents");
    assert_eq!(spool.refused(), (1, 8));
    drop(spool);
    let spool = open(&path);
    assert_eq!((spool.refused(), spool.len()), ((1, 8), 2));
    // A file that its user has removed is gone.
    fs::remove_file(file).unwrap();
    assert_eq!(spool.refused(), (0, 0));
}

#[test]
fn refused_messages_take_room_until_their_files_go() {
    let (directory, spool) = in_new_directory();
    drop(spool);
    let path = directory.path().join("spool");
    let options = SpoolOptions {
        max_bytes: 1_000,
        ..OPTIONS
    };
    let spool = Spool::open(&path, options).unwrap();
    append(&spool, &["a"]).unwrap();
    let first = &spool.peek_oldest(1, u64::MAX).unwrap()[0];
    spool.set_aside(first, &[b'x'; 900]).unwrap();
    let more = "b".repeat(100);
    assert_eq!(kind(append(&spool, &[&more])), ErrorKind::Full);
    for file in fs::read_dir(&path).unwrap() {
        let file = file.unwrap().path();
        if file.to_string_lossy().contains("refused-") {
            fs::remove_file(file).unwrap();
        }
    }
    append(&spool, &[&more]).unwrap();
    let error = append(&spool, &[&"c".repeat(2_000)]).unwrap_err();
    assert!(
        error.to_string().contains("raise `max_spool_bytes`"),
        "{error}"
    );
}

#[test]
fn message_that_no_stream_can_hold_is_an_error_and_no_trouble() {
    let directory = tempfile::TempDir::new().unwrap();
    let options = SpoolOptions {
        max_bytes: 1 << 40,
        ..OPTIONS
    };
    let spool = Spool::open(directory.path(), options).unwrap();
    // Never touched, so that it takes no memory.
    let huge = vec![0; (1 << 30) + 1];
    assert_eq!(kind(spool.append(vec![huge])), ErrorKind::Encode);
    append(&spool, &["a"]).unwrap();
    assert_eq!(texts(&spool), ["a"]);
}

#[test]
fn unfinished_file_of_a_refused_message_is_no_obstacle() {
    let (directory, spool) = in_new_directory();
    append(&spool, &["a"]).unwrap();
    drop(spool);
    let path = directory.path().join("spool");
    fs::write(path.join("spool.refused.new"), "half").unwrap();
    let spool = open(&path);
    assert_eq!((spool.refused(), spool.len()), ((0, 0), 1));
    assert!(!path.join("spool.refused.new").exists());
    assert!(refused(&path).is_empty());
}
