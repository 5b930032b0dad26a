//! Looks at what Redis holds, for people and their tools.
//!
//! *streams* reads the facts of a stream and its groups. *dead letters* lists
//! the entries that no delivery could complete, and puts them back.

mod dead_letters;
mod streams;

pub use self::dead_letters::{DeadLetter, DeadLetters, RedriveReport};
pub(crate) use self::streams::stream_stats;
pub use self::streams::{GroupStats, StreamStats};
