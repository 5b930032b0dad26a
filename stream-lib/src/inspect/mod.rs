//! Looks at what Redis holds, for people and their tools.
//!
//! *streams* reads the facts of a stream and its groups. *dead letters* lists
//! the entries that no delivery could complete, puts them back and
//! removes them. A *hold* is what keeps a group from reading.

mod answer;
mod dead_id;
mod dead_letter;
mod dead_letters;
mod dead_pages;
mod dead_report;
mod hold;
mod streams;

pub use self::answer::Answer;
pub use self::dead_id::DeadLetterId;
pub use self::dead_letter::DeadLetter;
pub use self::dead_letters::DeadLetters;
pub use self::dead_report::{RedriveReport, RemoveReport};
pub use self::hold::Hold;
pub use self::streams::{GroupHolder, GroupStats, StreamStats};
pub(crate) use self::streams::{PartStats, part_stats};
