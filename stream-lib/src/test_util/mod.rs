//! For tests of code that uses this library (feature `test-util`).
//!
//! Without a server:
//!
//! - [`Delivery::for_test`](crate::Delivery::for_test) makes the delivery that a
//!   handler is called with, [`recording`](TestDelivery::recording) what the handler
//!   produces,
//!   [`BatchDelivery::for_test`](crate::BatchDelivery::for_test) a batch.
//! - [`Producer::recording`](crate::Producer::recording) makes a producer that
//!   records what it is given to add, and fails when it is told to.
//!
//! With one: [`PrivateServer`] starts a server for one test.

mod delivery;
mod offline;
mod outputs;
mod process;
mod program;
mod recorded;
mod server;

#[cfg(test)]
mod tests;

pub use self::delivery::TestDelivery;
pub use self::outputs::RecordedOutputs;
pub use self::recorded::{Recorded, RecordedEntry};
pub use self::server::PrivateServer;
