//! Files of messages that Redis refuses for good, beside the database.
//!
//! Only their user removes such files. They count towards the bound of the spool, so that
//! a program whose messages are all refused doesn't fill the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::contents::Tally;
use super::directory::Directory;
use super::frame::Record;

const PREFIX: &str = "spool.refused-";

/// The files of a spool's refused messages.
#[derive(Debug)]
pub(super) struct RefusedFiles {
    directory: PathBuf,
    /// The last count of them: their user may have removed some.
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

    /// Counts them again. Returns by how much they have decreased.
    pub(super) fn recount(&self) -> u64 {
        let mut tally = self.tally.lock();
        let before = tally.bytes;
        // If the directory can't be read now, the last count stays.
        if let Ok(now) = count(&self.directory) {
            *tally = now;
        }
        before.saturating_sub(tally.bytes)
    }

    /// Writes `contents` to the file of a record, whole and synced or not at all. It
    /// replaces a file from an earlier try, which has the same message.
    pub(super) fn write(
        &self,
        directory: &Directory,
        record: &Record,
        contents: &[u8],
    ) -> io::Result<PathBuf> {
        let (spool, number) = (record.spool.as_str(), record.sequence);
        let path = self.directory.join(format!("{PREFIX}{spool}-{number}"));
        directory.write(&path, &directory.fresh_refused(), contents)?;
        self.recount();
        Ok(path)
    }
}

fn count(directory: &Path) -> io::Result<Tally> {
    let mut tally = Tally::default();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX)
            // Otherwise it was removed meanwhile.
            && let Ok(metadata) = entry.metadata()
        {
            tally.records += 1;
            tally.bytes += metadata.len();
        }
    }
    Ok(tally)
}
