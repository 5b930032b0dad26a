//! The spool against crashes, failing disks, damage, threads and a model.

mod crash;
mod damage;
mod directory;
mod model;
mod redis;
mod refused;
mod threads;
mod types;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Spool, SpoolOptions};
use crate::error::{Error, ErrorKind, Result};

const OPTIONS: SpoolOptions<'_> = SpoolOptions {
    stream: "orders",
    max_bytes: 1 << 20,
};

fn open(directory: &Path) -> Spool {
    Spool::open(directory, OPTIONS).unwrap()
}

fn in_new_directory() -> (TempDir, Spool) {
    let directory = TempDir::new().unwrap();
    let spool = open(&directory.path().join("spool"));
    (directory, spool)
}

fn append(spool: &Spool, texts: &[&str]) -> Result<()> {
    spool.append(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
}

/// All messages of the spool.
fn texts(spool: &Spool) -> Vec<String> {
    let records = spool.peek_oldest(usize::MAX, u64::MAX).unwrap();
    assert_eq!(records.len() as u64, spool.len());
    records
        .into_iter()
        .map(|record| String::from_utf8(record.message).unwrap())
        .collect()
}

/// The contents of the files of refused messages, in the order of their names.
fn refused(directory: &Path) -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("spool.refused-"))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| fs::read_to_string(path).unwrap();
    paths.iter().map(read).collect()
}

fn kind(result: Result<impl Sized>) -> ErrorKind {
    result.err().as_ref().map(Error::kind).unwrap()
}
