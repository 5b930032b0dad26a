//! The contents of Redis, for people and their tools.
//!
//! *find* goes through all keys for streams. *streams* reads the facts of a stream and
//! its groups; *peek* reads its entries, and *schema* the message types that processes
//! have stored. *consumers* are those of a group, and *pending* lists the entries that
//! they hold and acts on those of dead consumers. *dead letters* lists the entries that
//! no delivery could complete, puts them back and removes them: by *select*, by their
//! *filter* and their *kind*, after a *plan*, with *field edits*. A *hold* keeps a group from reading. A
//! *member* is a consumer of a group with the facts that it reports, and *stream events*
//! are the history of a stream.

mod address;
mod answer;
mod consumers;
mod dead_filter;
mod dead_id;
mod dead_kind;
mod dead_letter;
mod dead_letters;
mod dead_pages;
mod dead_plan;
mod dead_report;
mod dead_select;
mod field_edits;
mod find;
mod found_stream;
mod hold;
mod member;
mod own_streams;
mod parts;
mod peek;
mod pending;
mod schema;
mod stream_event;
mod streams;

pub use self::address::EntryAddress;
pub use self::answer::Answer;
pub(crate) use self::consumers::GroupView;
pub use self::consumers::{ConsumerRemoved, GroupConsumer};
pub use self::dead_filter::DeadFilter;
pub use self::dead_id::DeadLetterId;
pub use self::dead_kind::DeadKind;
pub use self::dead_letter::DeadLetter;
pub use self::dead_letters::DeadLetters;
pub use self::dead_plan::{PlannedMisfit, RedrivePlan};
pub use self::dead_report::{RedriveReport, RemoveReport};
pub use self::field_edits::FieldEdits;
pub use self::find::FindStreams;
pub use self::found_stream::{FoundStream, StreamKind};
pub use self::hold::Hold;
pub(crate) use self::member::members_of;
pub use self::member::{Member, MemberFacts};
pub(crate) use self::peek::peek;
pub use self::peek::{Peek, PeekPage, PeekedEntry, PeekedField};
pub use self::pending::{
    Pending, PendingEntry, PendingFilter, PendingHeld, PendingHolder, PendingPage, PendingReport,
};
pub use self::schema::{FieldMask, StreamSchema};
pub use self::stream_event::{StreamEvent, StreamEvents};
pub use self::streams::{GroupHolder, GroupStats, StreamStats};
pub(crate) use self::streams::{PartStats, part_stats};
