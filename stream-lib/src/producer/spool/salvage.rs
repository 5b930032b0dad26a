//! The recovery of a damaged database: it is set aside, and its readable records are
//! carried over.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use redb::Database;

use super::damage::SpoolDamage;
use super::directory::Directory;
use super::disk_trouble::DiskTrouble;
use super::fail;
use super::file::{self, FRAMES, Found, Header};
use super::frame::{self, HEADER, MARK, Record};
use super::sequence::Sequence;

/// How much of the file is searched at a time, and carried over in one commit.
const WINDOW: usize = 1 << 20;

/// Replaces the database by a fresh one with all records that can still be read from the
/// raw file, and keeps the old file under another name. `header` makes the header of the
/// fresh one from the highest number seen.
///
/// A removed record can come back this way, if the file still has a copy of it; as every
/// record, it is sent under its own number, and Redis answers that it has it.
pub(super) fn replace(
    directory: &Directory,
    stream: &str,
    cause: String,
    header: impl FnOnce(Sequence) -> Header,
) -> Result<((Database, Found), SpoolDamage), DiskTrouble> {
    let set_aside = directory.set_aside()?;
    let mut file = File::open(&set_aside)?;
    let scan = scan(&mut file)?;
    let database = file::create(&directory.fresh(), stream, header(scan.highest))?;
    carry_over(&mut file, &scan, &database)?;
    drop(database);
    directory.install()?;
    let fresh = file::open(directory, stream)?;
    let damage = SpoolDamage {
        cause,
        kept: scan.live().count() as u64,
        unreadable: scan.unreadable,
        file: set_aside,
    };
    log::error!(
        "the spool of `{stream}` is damaged: {damage}; it goes on without what could not be read"
    );
    Ok((fresh, damage))
}

/// The result of searching the raw file.
#[derive(Debug)]
struct Scan {
    /// The offset of a sound frame of each number.
    frames: BTreeMap<Sequence, u64>,
    /// The number up to which all messages were sent.
    sent: Sequence,
    highest: Sequence,
    /// Frames that begin, and are not sound.
    unreadable: u64,
}

impl Scan {
    fn live(&self) -> impl Iterator<Item = u64> {
        let first = self.sent.plus(1);
        self.frames.range(first..).map(|(_, &at)| at)
    }
}

fn scan(file: &mut File) -> io::Result<Scan> {
    let mut scan = Scan {
        frames: BTreeMap::new(),
        sent: Sequence::ZERO,
        highest: Sequence::ZERO,
        unreadable: 0,
    };
    let length = file.metadata()?.len();
    let mut window = Vec::with_capacity(WINDOW);
    let mut base = 0;
    while base < length {
        read_at(file, base, WINDOW, &mut window)?;
        let mut place = 0;
        while let Some(found) = find_mark(window.get(place..).unwrap_or_default()) {
            place += found;
            let at = base + place as u64;
            let start = window.get(place..).unwrap_or_default();
            let inside = frame::frame_length(start).and_then(|whole| start.get(..whole));
            let frame = match inside {
                Some(frame) => frame::decode(frame),
                // The frame crosses the border of the window, or is longer than one.
                None => frame_at(file, at, length)?,
            };
            if let Some((record, sent)) = frame {
                place += HEADER + record.message.len();
                scan.sent = scan.sent.max(sent);
                scan.highest = scan.highest.max(record.sequence);
                scan.frames.insert(record.sequence, at);
            } else {
                place += MARK.len();
                scan.unreadable += 1;
            }
        }
        // The mark may cross the border of two windows.
        let searched = window.len().saturating_sub(MARK.len() - 1).max(1);
        base += place.max(searched) as u64;
    }
    Ok(scan)
}

fn find_mark(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MARK.len()).position(|window| window == MARK)
}

fn carry_over(file: &mut File, scan: &Scan, database: &Database) -> Result<(), DiskTrouble> {
    let length = file.metadata()?.len();
    let mut frames = scan.live().peekable();
    while frames.peek().is_some() {
        let write = file::begin_write(database)?;
        {
            let mut table = write.open_table(FRAMES)?;
            let mut bytes = 0;
            while bytes < WINDOW {
                let Some(at) = frames.next() else { break };
                if let Some((record, _)) = frame_at(file, at, length)? {
                    let frame = frame::encode(&record, scan.sent).unwrap_or_default();
                    bytes += frame.len();
                    table.insert(record.sequence.raw(), frame.as_slice())?;
                }
            }
        }
        write.commit()?;
    }
    fail::step();
    Ok(())
}

fn frame_at(file: &mut File, at: u64, length: u64) -> io::Result<Option<(Record, Sequence)>> {
    let mut bytes = Vec::new();
    read_at(file, at, HEADER, &mut bytes)?;
    match frame::frame_length(&bytes) {
        Some(whole) if at + whole as u64 <= length => {
            read_at(file, at, whole, &mut bytes)?;
            Ok(frame::decode(&bytes))
        }
        _ => Ok(None),
    }
}

fn read_at(file: &mut File, at: u64, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
    out.clear();
    file.seek(SeekFrom::Start(at))?;
    file.take(most as u64).read_to_end(out)?;
    Ok(())
}
