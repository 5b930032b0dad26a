//! The path to Redis: many callers, few round trips.
//!
//! An *outlet* packs one producer's batches and reads their answers; a producer has all
//! its *outlets*, one for each partition. Single messages go through the *coalescer*, in
//! which the callers of all producers stand in *lines*, one for each server: some lead,
//! and send the messages that the others have queued. Batches go through *dispatch*,
//! several under way at a time in a *pipeline*, or *spread* over partitions, or through
//! the spool. Messages that were refused, and not written, go *again*; those of unknown
//! outcome are *settled* if a key makes that safe.

mod again;
mod coalesce;
mod dispatch;
mod lane;
mod line;
mod lines;
mod node_lines;
mod outlet;
mod outlets;
mod pipeline;
mod room;
mod settle;
mod spread;

pub(crate) use self::coalesce::Coalescer;
pub(crate) use self::dispatch::Dispatch;
pub(crate) use self::line::{Joined, Line};
pub(crate) use self::outlet::{Apart, Outlet, OutletKind};
pub(crate) use self::outlets::Outlets;
