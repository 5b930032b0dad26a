//! The reliability scenarios: real processes against a real server, by way of
//! the `orders` program.
#![expect(
    clippy::unwrap_used,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod crash;
mod one_step;
mod outage;
mod partitions;
mod poison;
mod rate;
mod shutdown;
mod slow;
mod store;
mod time;
mod zombie;
