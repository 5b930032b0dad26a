//! `streamctl`, by its binary.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod backups;
mod broken;
mod cleaned;
mod clusters;
mod cost;
mod crons;
mod dead;
mod demo;
mod ending;
mod foreign;
mod held;
mod imports;
mod jobs;
mod looking;
mod memory;
mod monitoring;
mod pace;
mod plans;
mod questions;
mod reach;
mod sent;
mod since;
mod support;
mod terminal;
