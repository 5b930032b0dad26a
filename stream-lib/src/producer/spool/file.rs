//! The layout of the database, and the check of its soundness.

use std::path::Path;

use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::directory::Directory;
use super::disk_trouble::DiskTrouble;
use super::fail;
use super::frame::{self, Record};
use super::sequence::{Sequence, SpoolId};

/// Frames by number.
pub(super) const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");

const HEADER: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("header");
const FORMAT: u64 = 1;

/// The bytes that redb may keep in memory: records are read once, in order. Tests need
/// the disk's state.
const CACHE: usize = if cfg!(test) { 0 } else { 8 << 20 };

/// The spool's name, and its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) spool: SpoolId,
    pub(super) life: u64,
    /// The last life whose numbers Redis may know: noted before its first send.
    pub(super) met: u64,
}

impl Header {
    /// The number before those that Redis can't know.
    pub(super) fn unmet(&self) -> Sequence {
        Sequence::start_of(self.met + 1)
    }
}

/// The result of reading the whole database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) header: Header,
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// Opens the database, or makes an empty one if there is none.
pub(super) fn open_or_create(
    directory: &Directory,
    stream: &str,
) -> Result<(Database, Found), DiskTrouble> {
    if !directory.database().try_exists()? {
        let header = Header {
            spool: SpoolId::random(),
            life: 0,
            met: 0,
        };
        drop(create(&directory.fresh(), stream, header)?);
        directory.install()?;
    }
    open(directory, stream)
}

/// Makes an empty database at `path`.
pub(super) fn create(path: &Path, stream: &str, header: Header) -> Result<Database, DiskTrouble> {
    let database = builder().create_with_backend(fail::backend(Directory::file(path, true)?)?)?;
    let write = begin_write(&database)?;
    {
        let mut table = write.open_table(HEADER)?;
        table.insert("format", FORMAT.to_le_bytes().as_slice())?;
        table.insert("stream", stream.as_bytes())?;
        table.insert("spool", header.spool.as_bytes())?;
        table.insert("life", header.life.to_le_bytes().as_slice())?;
        table.insert("met", header.met.to_le_bytes().as_slice())?;
        write.open_table(FRAMES)?;
    }
    write.commit()?;
    Ok(database)
}

/// Opens the database and checks every byte that matters.
pub(super) fn open(directory: &Directory, stream: &str) -> Result<(Database, Found), DiskTrouble> {
    let file = Directory::file(&directory.database(), false)?;
    if file.metadata()?.len() == 0 {
        // redb would take it for a new one.
        return Err(DiskTrouble::Damaged("the file is empty".to_owned()));
    }
    let database = builder().create_with_backend(fail::backend(file)?)?;
    let found = look(&database, stream)?;
    Ok((database, found))
}

/// Reads the whole database.
pub(super) fn look(database: &Database, stream: &str) -> Result<Found, DiskTrouble> {
    let read = database.begin_read()?;
    let table = read.open_table(HEADER)?;
    let field = |name: &str| match table.get(name) {
        Ok(Some(value)) => Ok(value.value().to_vec()),
        Ok(None) => Err(DiskTrouble::Damaged(format!("it has no `{name}`"))),
        Err(e) => Err(e.into()),
    };
    let number = |name: &str| match field(name)?.try_into() {
        Ok(bytes) => Ok(u64::from_le_bytes(bytes)),
        Err(_) => Err(DiskTrouble::Damaged(format!("its `{name}` is no number"))),
    };
    let format = number("format")?;
    if format != FORMAT {
        return Err(DiskTrouble::Foreign(format!(
            "has format {format}, which this version of stream-lib can't read"
        )));
    }
    let owner = field("stream")?;
    if owner != stream.as_bytes() {
        return Err(DiskTrouble::Foreign(format!(
            "holds messages for `{}`, not for `{stream}`: each producer needs a directory of its own",
            String::from_utf8_lossy(&owner)
        )));
    }
    let spool = SpoolId::from_bytes(&field("spool")?)
        .ok_or_else(|| DiskTrouble::Damaged("its `spool` is no id".to_owned()))?;
    let header = Header {
        spool,
        life: number("life")?,
        met: number("met")?,
    };
    let (mut records, mut bytes) = (0, 0);
    let frames = read.open_table(FRAMES)?;
    for entry in frames.range::<u64>(..)? {
        let (key, value) = entry?;
        bytes += sound_record(key.value(), value.value())?.cost();
        records += 1;
    }
    Ok(Found {
        header,
        records,
        bytes,
    })
}

/// Begins the next life of the spool: durable before its first number is used.
pub(super) fn begin_life(database: &Database, before: Header) -> Result<Header, DiskTrouble> {
    let header = Header {
        life: before.life + 1,
        ..before
    };
    let write = begin_write(database)?;
    {
        let mut table = write.open_table(HEADER)?;
        table.insert("life", header.life.to_le_bytes().as_slice())?;
    }
    write.commit()?;
    Ok(header)
}

/// Writes the spool's new header. If its name changes, all records behind `unmet`, which
/// Redis can't know, are renamed.
pub(super) fn meet(
    database: &Database,
    after: Header,
    unmet: Option<Sequence>,
) -> Result<(), DiskTrouble> {
    let write = begin_write(database)?;
    {
        let mut table = write.open_table(HEADER)?;
        table.insert("spool", after.spool.as_bytes())?;
        table.insert("met", after.met.to_le_bytes().as_slice())?;
        let mut frames = write.open_table(FRAMES)?;
        let mut renamed = Vec::new();
        if let Some(unmet) = unmet {
            for entry in frames.range::<u64>(unmet.raw()..)? {
                let (key, value) = entry?;
                let record = sound_record(key.value(), value.value())?;
                renamed.push(Record {
                    spool: after.spool,
                    ..record
                });
            }
        }
        for record in renamed {
            let frame = frame::encode(&record, Sequence::ZERO).unwrap_or_default();
            frames.insert(record.sequence.raw(), frame.as_slice())?;
        }
    }
    write.commit()?;
    Ok(())
}

/// Removes all records after `last`.
pub(super) fn discard_after(database: &Database, last: Sequence) -> Result<(), DiskTrouble> {
    let write = begin_write(database)?;
    {
        let mut table = write.open_table(FRAMES)?;
        table.retain_in::<u64, _>(last.plus(1).raw().., |_, _| false)?;
    }
    write.commit()?;
    Ok(())
}

/// A write transaction in two phases: the data is on disk before the second phase marks
/// it valid. With one phase, a commit torn by a crash looks like one that was damaged
/// later, and redb would silently return to the one before.
pub(super) fn begin_write(database: &Database) -> Result<WriteTransaction, DiskTrouble> {
    let mut write = database.begin_write()?;
    write.set_two_phase_commit(true);
    Ok(write)
}

/// The record of the frame stored under `key`.
pub(super) fn sound_record(key: u64, frame: &[u8]) -> Result<Record, DiskTrouble> {
    match frame::decode(frame) {
        Some((record, _)) if record.sequence.raw() == key => Ok(record),
        _ => Err(DiskTrouble::Damaged(
            "a record fails its checksum".to_owned(),
        )),
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder.set_check_integrity_on_open(true);
    builder
}
