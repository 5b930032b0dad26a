//! A durable local queue for the messages of one producer, for outages of Redis.
//!
//! The database is redb: one pure-Rust crate without dependencies of its own, whose
//! copy-on-write file is whole after a crash at any point, checks itself by checksums and
//! needs no background thread. An LSM tree such as fjall brings thirty crates and
//! compaction threads for a write rate that one sync per commit bounds anyway.
//!
//! # The protocol
//!
//! Every message of a producer with a spool has a permanent name: the spool's random id
//! and a [`Sequence`] number, from its first send, whether it went through the file or
//! straight to Redis. Redis keeps the highest number it has taken from each spool (the
//! mark: field `<id>` of `{stream}:spools`), and the script that adds a message compares
//! and raises the mark in the same step: a number at or below the mark is answered "have
//! it" and not added.
//!
//! Without a mark nothing is added. A life makes it before its first send, at the number
//! before the first that is not settled, and again if Redis has lost it. It lapses after
//! `spool_memory` without use, and an orderly end with an empty spool removes it. So a
//! request of an earlier life that arrives late is refused even then.
//!
//! The invariants:
//!
//! 1. **No number is given out twice, and numbers only rise.** The high bits of
//!    a number are the life of the spool, which is durable before the first
//!    number of that life is given out; the low bits count in memory. A crash
//!    leaves a gap, and gaps mean nothing.
//! 2. **A number is sent only after all lower ones are settled**: taken by
//!    Redis, or given up for good with an error to the caller. There is one
//!    [`DirectTurn`] at a time, none while the file holds messages, and those are sent
//!    in their order. So the mark never passes a message that is still to come.
//! 3. **A message that may have been sent keeps its number.** If the outcome of a direct
//!    send is unknown, or Redis refused it, [`DirectTurn::keep`] puts it into the file
//!    under the number it was sent with, before any other.
//! 4. **A message leaves the file only after Redis has answered for it**, either with an
//!    id or with "have it".
//!
//! From 3 and 4 nothing acknowledged is lost: it is in the file until Redis has it. From
//! 1 and the mark nothing is added twice, after any time: every request sent before, by
//! this process or one that died, and a late one in the server's socket buffer too,
//! carries a number that is at or below the mark once the message is taken. From 2
//! nothing is reordered: when a number is taken, all lower ones that will ever be taken
//! have been, and a late request with a lower one is refused.
//!
//! If Redis itself forgets (a flush, a failover that lost its last writes), entries and
//! mark go together, since one script writes both. Only a mark that lapses goes alone: a
//! message that was sent without its answer being read, and that then lay in the file for
//! longer than `spool_memory`, can be added twice.
//!
//! A crash at any step:
//!
//! | between | then |
//! |---|---|
//! | the life is durable, a number is used | a gap |
//! | the life notes that it sends, it does | nothing was sent |
//! | a direct send is answered, the caller knows | the caller never got an answer; its message is there once, or not |
//! | a direct send's outcome is unknown, it is in the file | the same |
//! | it is in the file, the caller knows | it is sent, once |
//! | it is sent, Redis' answer is read | sent again, "have it" |
//! | Redis' answer is read, it is removed | sent again, "have it" |
//! | Redis refuses it, its own file is there | refused again, the same file |
//! | its own file is there, it is removed | the same |
//!
//! A directory that was copied, or restored from an old copy, breaks the first rule
//! without notice. So each life, before its first send, asks Redis for the mark, which
//! can't be above the numbers that earlier lives have sent, and then notes in the file
//! that it sends. If the mark is above them, or a new number is answered "have it", the
//! spool takes a new name for all numbers that were not sent yet. (Two copies that replay
//! at the same moment are beyond this, and so is an old copy that is restored after the
//! original has ended in order: its mark is gone.)
//!
//! # Messages that Redis refuses
//!
//! A message that Redis never takes, such as one that is too large, must not hold up
//! those behind it. It moves from the database to a file of its own, which is written
//! first: a crash in between leaves both, and the next life replaces the copy. By rule 2
//! it is given up: its number is settled, and once a higher one is taken, Redis refuses
//! it, even if a request with it was held up somewhere.
//!
//! # Damage
//!
//! The whole file is checked when it is opened, and each record again when it is read. A
//! damaged file gets another name and stays; a fresh one takes over every record of which
//! a sound copy can be found in the raw bytes, under its name and number, and is itself a
//! new spool with a new id, since the numbers that the old one gave out are no longer
//! known.
//!
//! # The parts
//!
//! `durable` has the spool and its turns. `queue` numbers messages and brings them to the
//! `store`, which counts its `contents` and replaces a failed database, by `salvage` if
//! it is damaged. `file` is the layout of the database, `frame` that of a message,
//! `refused` has the files of messages that are set aside, `types` has the types of the
//! messages, `directory` is the place of all of them.

mod contents;
mod damage;
mod directory;
mod disk_trouble;
mod durable;
mod fail;
mod file;
mod frame;
mod queue;
mod refused;
mod salvage;
mod sequence;
mod store;
#[cfg(test)]
mod tests;
mod types;

pub use self::damage::SpoolDamage;
pub(crate) use self::durable::{DirectTurn, Spool, SpoolOptions};
pub(crate) use self::frame::Record;
pub(crate) use self::sequence::{Sequence, SpoolId};
