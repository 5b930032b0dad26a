//! The dashboard's server, by raw sockets: answers, permissions, and limits.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod access;
mod changes;
mod copies;
mod example;
mod hidden;
mod limits;
mod looking;
mod schedules;
mod since;
mod support;
mod works;
