//! The database file: commits, reads, and the handling of its failures.

use std::cell::Cell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::{Mutex, RwLock};
use redb::{Database, ReadableDatabase};

use super::contents::{Contents, Tally};
use super::damage::SpoolDamage;
use super::directory::Directory;
use super::disk_trouble::DiskTrouble;
use super::fail;
use super::file::{self, FRAMES, Header};
use super::frame::{self, Record};
use super::salvage;
use super::sequence::{Sequence, SpoolId};
use crate::runtime::panic_text;

/// The records on disk.
///
/// Whatever error a call here gets from the disk, the next one finds either a sound
/// database or an error: a failed one is opened again, a damaged one set aside and
/// replaced.
#[derive(Debug)]
pub(super) struct Store {
    directory: Directory,
    /// `None` while it can't be used.
    database: RwLock<Option<Database>>,
    /// Held over each write and its count: else records could be read, sent and removed
    /// before they are counted.
    writing: Mutex<()>,
    contents: Mutex<Contents>,
    damages: Mutex<Vec<SpoolDamage>>,
}

impl Store {
    /// Opens the database for `stream`, and begins a new life of the spool.
    pub(super) fn open(directory: Directory, stream: &str) -> Result<Self, DiskTrouble> {
        let mut damages = Vec::new();
        let opened = guarded(|| file::open_or_create(&directory, stream));
        let (database, found) = match opened {
            Err(DiskTrouble::Damaged(cause)) => {
                // The numbers given out are unknown, so it begins with a new name.
                let name = SpoolId::random();
                let (fresh, damage) =
                    salvage::replace(&directory, stream, cause, |highest| Header {
                        spool: name,
                        life: highest.life(),
                        met: highest.life(),
                    })?;
                damages.push(damage);
                fresh
            }
            opened => opened?,
        };
        let header = file::begin_life(&database, found.header)?;
        Ok(Self {
            directory,
            contents: Mutex::new(Contents::new(header, found)),
            database: RwLock::new(Some(database)),
            writing: Mutex::new(()),
            damages: Mutex::new(damages),
        })
    }

    pub(super) fn contents(&self) -> Contents {
        *self.contents.lock()
    }

    /// Reserves space for records, unless more than `most` bytes would be taken. Records
    /// with reserved space must be committed.
    pub(super) fn reserve(&self, tally: Tally, most: u64) -> Result<(), Contents> {
        let mut contents = self.contents.lock();
        if contents.reserve(tally, most) {
            Ok(())
        } else {
            Err(*contents)
        }
    }

    /// Puts records with reserved space into the database and syncs it. On any error none
    /// of them is kept, except for [`DiskTrouble::Uncertain`].
    pub(super) fn commit(&self, stream: &str, records: &[Record]) -> Result<(), DiskTrouble> {
        let Some(last) = records.last() else {
            return Ok(());
        };
        let tally = Tally::of(records);
        let sent = self.contents.lock().sent;
        let tried = Cell::new(false);
        let done = self.run(stream, |database| {
            tried.set(true);
            let _counted = self.writing.lock();
            let write = file::begin_write(database)?;
            {
                let mut table = write.open_table(FRAMES)?;
                for record in records {
                    let frame = frame::encode(record, sent)
                        .ok_or(redb::StorageError::ValueTooLarge(record.message.len()))?;
                    table.insert(record.sequence.raw(), frame.as_slice())?;
                }
            }
            write.commit()?;
            // Counted while the database can't be replaced.
            self.contents.lock().commit(tally, last.sequence);
            Ok(())
        });
        fail::step();
        if done.is_err() {
            self.contents.lock().give_up(tally);
        }
        match done {
            Err(DiskTrouble::Failed(cause)) if tried.get() => match self.reopen(stream) {
                Ok(()) => Err(DiskTrouble::Failed(cause)),
                // The next read shows which records the disk has.
                Err(_) => Err(DiskTrouble::Uncertain(cause)),
            },
            done => done,
        }
    }

    /// The oldest records, at least one, up to `most` and about `bytes`.
    pub(super) fn oldest(
        &self,
        stream: &str,
        most: usize,
        bytes: u64,
    ) -> Result<Vec<Record>, DiskTrouble> {
        self.run(stream, |database| {
            let table = database.begin_read()?.open_table(FRAMES)?;
            let mut records = Vec::new();
            let mut cost = 0;
            for entry in table.range::<u64>(..)?.take(most) {
                let (key, value) = entry?;
                let record = file::sound_record(key.value(), value.value())?;
                cost += record.cost();
                if !records.is_empty() && cost > bytes {
                    break;
                }
                records.push(record);
            }
            Ok(records)
        })
    }

    /// Removes the records up to and with `last`, and syncs.
    pub(super) fn remove_up_to(&self, stream: &str, last: Sequence) -> Result<u64, DiskTrouble> {
        self.run(stream, |database| {
            let _counted = self.writing.lock();
            let write = file::begin_write(database)?;
            let mut removed = Tally::default();
            {
                let mut table = write.open_table(FRAMES)?;
                table.retain_in::<u64, _>(..=last.raw(), |_, frame| {
                    removed.records += 1;
                    removed.bytes += frame.len() as u64;
                    false
                })?;
            }
            write.commit()?;
            self.contents.lock().remove(removed, last);
            Ok(removed.records)
        })
    }

    /// Notes that Redis may know numbers of this life from now on, and takes a new name,
    /// if there is one, for the numbers behind `unmet`, which Redis can't know.
    pub(super) fn meet(
        &self,
        stream: &str,
        unmet: Option<Sequence>,
    ) -> Result<SpoolId, DiskTrouble> {
        let name = unmet.map(|_| SpoolId::random());
        self.run(stream, |database| {
            let _counted = self.writing.lock();
            let before = self.contents.lock().header;
            let after = Header {
                spool: name.unwrap_or(before.spool),
                life: before.life,
                met: before.life,
            };
            file::meet(database, after, unmet)?;
            self.contents.lock().header = after;
            Ok(after.spool)
        })
    }

    /// The damages found since it was opened.
    pub(super) fn damages(&self) -> Vec<SpoolDamage> {
        self.damages.lock().clone()
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Runs an operation; on a damaged database a second time, on its replacement. It
    /// must not change anything before it can fail.
    fn run<T>(
        &self,
        stream: &str,
        operation: impl Fn(&Database) -> Result<T, DiskTrouble>,
    ) -> Result<T, DiskTrouble> {
        match self.attempt(&operation) {
            Some(Err(DiskTrouble::Damaged(cause))) => self.replace(stream, cause)?,
            Some(Err(error)) => {
                // After an error redb refuses all writes: the next call opens it again.
                close(self.database.write().take());
                return Err(error);
            }
            Some(done) => return done,
            None => self.reopen(stream)?,
        }
        self.attempt(&operation).unwrap_or_else(|| {
            Err(DiskTrouble::Failed(
                "the spool's database is not open".into(),
            ))
        })
    }

    fn attempt<T>(
        &self,
        operation: impl Fn(&Database) -> Result<T, DiskTrouble>,
    ) -> Option<Result<T, DiskTrouble>> {
        let database = self.database.read();
        let database = database.as_ref()?;
        Some(guarded(|| operation(database)))
    }

    /// Opens the database again after the disk failed, and drops records that were
    /// written but never confirmed.
    fn reopen(&self, stream: &str) -> Result<(), DiskTrouble> {
        let mut place = self.database.write();
        close(place.take());
        let confirmed = self.contents.lock().confirmed;
        let opened = guarded(|| {
            let (database, _) = file::open(&self.directory, stream)?;
            file::discard_after(&database, confirmed)?;
            let found = file::look(&database, stream)?;
            Ok((database, found))
        });
        match opened {
            Ok((database, found)) => {
                self.adopt(&mut place, database, found);
                Ok(())
            }
            Err(DiskTrouble::Damaged(cause)) => {
                drop(place);
                self.replace(stream, cause)
            }
            Err(other) => Err(other),
        }
    }

    /// Sets a damaged database aside and goes on with its readable records. Name and life
    /// are known here, so they stay.
    fn replace(&self, stream: &str, cause: String) -> Result<(), DiskTrouble> {
        let mut place = self.database.write();
        close(place.take());
        let contents = self.contents();
        let ((database, _), damage) =
            salvage::replace(&self.directory, stream, cause, |_| contents.header)?;
        self.damages.lock().push(damage);
        file::discard_after(&database, contents.confirmed)?;
        let found = file::look(&database, stream)?;
        self.adopt(&mut place, database, found);
        Ok(())
    }

    fn adopt(&self, place: &mut Option<Database>, database: Database, found: file::Found) {
        let mut contents = self.contents.lock();
        contents.adopt(found);
        *place = Some(database);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let database = self.database.get_mut().take();
        if self.directory.origin().is_here() {
            close(database);
        } else {
            // It would write to the file of the parent.
            mem::forget(database);
        }
    }
}

/// Runs `operation`. redb may panic on a file that was changed under it: that is damage,
/// too.
fn guarded<T>(operation: impl FnOnce() -> Result<T, DiskTrouble>) -> Result<T, DiskTrouble> {
    catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|panic| {
        let text = panic_text(panic);
        Err(DiskTrouble::Damaged(format!("reading it failed: {text}")))
    })
}

fn close(database: Option<Database>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
}
