//! One place for all producers and consumers of a process.
//!
//! `stream_manager` owns them, connects, and shuts down; `closing` keeps the order of the
//! shutdown; `registry` finds them by name. One file per kind of thing that a manager
//! creates or answers adds its methods: `producers`, `consumers`, `inspect`, `retention`,
//! `spool`, `groups`, `group_admin`, `members`, `schedule`, `cron`, `delete`, `holding`,
//! `metrics`. `publisher` is the thread that hands metrics on. `asking` is for the tools.
//! `by_hand` is for tests. `global` keeps the manager of a process that needs only one.

mod asking;
#[cfg(test)]
mod black_hole;
#[cfg(feature = "test-util")]
mod by_hand;
mod closing;
mod consumers;
mod cron;
mod delete;
mod global;
mod group_admin;
mod groups;
mod holding;
mod inspect;
mod members;
mod metrics;
mod producers;
#[cfg(feature = "metrics")]
mod publisher;
mod registry;
mod retention;
mod schedule;
#[cfg(feature = "spool")]
mod spool;
mod stream_manager;

pub use self::stream_manager::StreamManager;
