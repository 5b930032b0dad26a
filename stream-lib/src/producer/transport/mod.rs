//! The way to Redis: many callers, few round trips.

mod coalesce;
pub(crate) mod dispatch;
mod line;
pub(crate) mod outlet;
mod pipeline;

pub(crate) use self::coalesce::Coalescer;
pub(crate) use self::line::{Line, Turn};
