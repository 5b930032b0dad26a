//! The way to Redis: many callers, few round trips.
//!
//! An *outlet* knows how one producer's batches are packed and what their
//! answers mean. One message at a time goes by the *coalescer*, in which the
//! callers of all producers stand in *lines*, one for each server: some lead, and send
//! what the others have queued. Batches go by *dispatch*, several under way at a time in
//! a *pipeline*, or by way of the spool. What was refused, and not written, goes
//! *again*.

mod again;
mod coalesce;
mod dispatch;
mod line;
mod lines;
mod node_lines;
mod outlet;
mod pipeline;
mod room;

pub(crate) use self::coalesce::Coalescer;
pub(crate) use self::dispatch::Dispatch;
pub(crate) use self::line::{Joined, Line};
pub(crate) use self::outlet::{Apart, Outlet, OutletKind};
