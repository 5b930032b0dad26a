//! This version beside the first one: in one group, and on each other's keys. The first
//! one is built from the history of this repository, which takes minutes: `make upgrade`
//! runs these tests.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod consumers;
mod dead;
mod field;
mod first_wave;
mod group;
mod settings;
mod spool;
mod waiting;
