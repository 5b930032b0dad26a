//! The way to Redis: many callers, few round trips.
//!
//! An *outlet* knows how one producer's batches are packed and what their
//! answers mean; a producer has all its *outlets*, one for each partition. One message at a time goes by the *coalescer*, in which the
//! callers of all producers stand in *lines*, one for each server: some lead, and send
//! what the others have queued. Batches go by *dispatch*, several under way at a time in
//! a *pipeline*, or *spread* over partitions, or by way of the spool. What was refused,
//! and not written, goes *again*; what is unknown is *settled* where a key makes that
//! safe.

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
