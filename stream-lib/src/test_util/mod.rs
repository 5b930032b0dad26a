//! Tools for tests of code that uses this library (feature `test-util`).
//!
//! Without a server:
//!
//! - [`Delivery::for_test`](crate::Delivery::for_test) makes the delivery that a handler
//!   is called with, [`recording`](TestDelivery::recording) records the handler's
//!   outputs, and [`BatchDelivery::for_test`](crate::BatchDelivery::for_test) makes a
//!   batch.
//! - [`Producer::recording`](crate::Producer::recording) makes a producer that records
//!   its messages, and fails on request.
//!
//! With a server: [`PrivateServer`] starts one for one test. On a manager,
//! [`promote_until`](crate::StreamManager::promote_until) and
//! [`tick_until`](crate::StreamManager::tick_until) are a clock for schedules and jobs,
//! and [`drain_now`](crate::StreamManager::drain_now) runs a handler on the test's own
//! thread.

mod delivery;
mod offline;
mod outputs;
mod process;
mod program;
mod recorded;
mod server;

#[cfg(test)]
mod by_hand_tests;
#[cfg(test)]
mod tests;

pub use self::delivery::TestDelivery;
pub use self::outputs::RecordedOutputs;
pub use self::recorded::{Recorded, RecordedEntry};
pub use self::server::PrivateServer;
pub use crate::consumer::DrainReport;
