//! One member of a group for one stream: the parts that its threads share.
//!
//! A consumer is one member, or, for a partitioned stream, one for each owned partition.
//! Its members share one name in Redis, one sign of life and one *buffer*, which are part
//! of what they have in *common*.
//!
//! *state* has the parts together. Entries come in as the *held* entries of one reply,
//! which *held replies* know from then on; *entries* is their way. They wait in the
//! buffer; when their delivery has ended, *acknowledging* carries them to the thread that
//! has Redis confirm it. *claiming* orders the claims of returning entries. The *sign of
//! life* keeps the member in its group. *health* reports on its connections, each of which
//! is a *link*, and the *failure log* on failed deliveries; *telling* counts, and calls
//! hooks. The *chronicle* has the events that people may look up later.

pub(crate) mod acknowledging;
mod buffer;
pub(crate) mod chronicle;
pub(crate) mod claiming;
mod coming;
pub(crate) mod common;
pub(crate) mod done;
mod entries;
pub(crate) mod failure_log;
mod handler_time;
pub(crate) mod health;
pub(crate) mod held;
mod held_replies;
pub(crate) mod hold;
mod home;
mod kin;
pub(crate) mod link;
mod links;
pub(crate) mod outputs;
mod pause;
mod queue;
pub(crate) mod rate;
mod read_ahead;
mod reader_line;
mod room;
pub(crate) mod secrets;
mod self_report;
pub(crate) mod settle;
pub(crate) mod sign_of_life;
mod signs;
pub(crate) mod stage;
mod state;
mod telling;

pub(crate) use self::buffer::Buffer;
pub(crate) use self::coming::TakenRoom;
pub(crate) use self::state::{Member, Part};
