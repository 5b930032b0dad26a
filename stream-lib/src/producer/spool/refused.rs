//! Messages that Redis refuses for good: a file for each, beside the database.
//!
//! Nothing but its user removes such a file. It counts towards the bound of the
//! spool, so that a program whose messages are all refused doesn't fill the disk.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::contents::Tally;
use super::directory::Directory;
use super::fail;
use super::frame::Record;

const PREFIX: &str = "spool.refused-";

/// The files of a spool's refused messages.
#[derive(Debug)]
pub(super) struct RefusedFiles {
    directory: PathBuf,
    /// As they were last counted: their user may have removed some.
    tally: Mutex<Tally>,
}

impl RefusedFiles {
    /// Counts those of earlier lives.
    pub(super) fn find(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            directory: directory.to_owned(),
            tally: Mutex::new(count(directory)?),
        })
    }

    pub(super) fn tally(&self) -> Tally {
        *self.tally.lock()
    }

    /// Counts them again. Returns how much they take less than before.
    pub(super) fn recount(&self) -> u64 {
        let mut tally = self.tally.lock();
        let before = tally.bytes;
        // A directory that can't be read now holds what it held.
        if let Ok(now) = count(&self.directory) {
            *tally = now;
        }
        before.saturating_sub(tally.bytes)
    }

    /// Writes `contents` to the file of a record, whole and synced or not at all.
    /// One that an earlier try has left is replaced: it is the same message.
    pub(super) fn write(
        &self,
        directory: &Directory,
        record: &Record,
        contents: &[u8],
    ) -> io::Result<PathBuf> {
        let (spool, number) = (record.spool.as_str(), record.sequence);
        let path = self.directory.join(format!("{PREFIX}{spool}-{number}"));
        let fresh = directory.fresh_refused();
        let mut file = Directory::file(&fresh, true)?;
        file.set_len(0)?;
        file.write_all(contents)?;
        fail::step();
        file.sync_all()?;
        fail::step();
        fs::rename(&fresh, &path)?;
        fail::step();
        directory.sync()?;
        self.recount();
        Ok(path)
    }
}

fn count(directory: &Path) -> io::Result<Tally> {
    let mut tally = Tally::default();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            // Else it was removed meanwhile.
            && let Ok(metadata) = entry.metadata()
        {
            tally.records += 1;
            tally.bytes += metadata.len();
        }
    }
    Ok(tally)
}
