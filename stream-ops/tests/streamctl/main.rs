//! `streamctl`, by its binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod changing;
mod cost;
mod ending;
mod foreign;
mod looking;
mod monitoring;
mod questions;
mod reach;
mod support;
